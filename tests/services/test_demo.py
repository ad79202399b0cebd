"""The demo writes recordings, pictures and a report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import retrotone as rt
from retrotone.cli.main import run
from retrotone.metrics import chroma_cosine


def test_demo_makes_songs_pictures_and_a_report(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out" / "my demo"
    assert run(["demo", "-o", str(folder)]) == 0
    out, _ = capfd.readouterr()
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
