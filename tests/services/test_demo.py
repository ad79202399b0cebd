"""The demo writes recordings, pictures and a report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from processes import run_without_torch

import retrotone as rt
from retrotone.metrics import chroma_cosine


def test_demo_makes_songs_pictures_and_a_report_without_torch(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "my demo"
    done = run_without_torch(["demo", "-o", str(folder)])
    assert done.returncode == 0, done.stderr
    out = done.stdout
    made = sorted(path.name for path in folder.iterdir())
    assert all(name in out for name in made)
    assert (folder / "report.html").as_uri() in out
    assert {"original.png", "rave.png", "rave.wav", "song-rave.wav", "report.html", "report.png"} < set(made)
    page = (folder / "report.html").read_text("utf-8")
    # the song, an era, a RAVE, a transfer
    assert page.count("<audio") == 4

    original = rt.load(folder / "original.wav")
    for name in ("song-1930s.wav", "song-rave.wav", "song-style.wav"):
        restyled = rt.load(folder / name)
        assert restyled.samples.shape == original.samples.shape
        assert not np.allclose(restyled.samples, original.samples, atol=0.01)
        # still the song
        assert chroma_cosine(original, restyled) > 0.85
