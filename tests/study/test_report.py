"""Every part of the study is repeated on a folder of music, on a page whose links all work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import retrotone as rt
from retrotone.cli.main import run

pytestmark = pytest.mark.usefixtures("analysing_here")


def test_the_study_is_repeated(made_music: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    music, out = tmp_path / "music", tmp_path / "study"
    # six short tracks: the least in which a song has five others
    for path in (*made_music.glob("organ/*"), *made_music.glob("melody/*")):
        (music / path.parent.name).mkdir(parents=True, exist_ok=True)
        rt.load(path, 1.5).save(music / path.parent.name / path.name)
    assert run(["study", "all", str(music), "-o", str(out), "--steps", "1", "--epochs", "2"]) == 0
    assert capfd.readouterr().out.strip() == f"open {(out / 'index.html').as_uri()}"
    page = (out / "index.html").read_text("utf-8")
    assert page.count("<section>") == 5
    for link in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert link.startswith("data:") or (out / link).stat().st_size > 1000, link
    # what the study reported
    assert "0.012508, unchanged" in page
    song = next(iter(sorted(music.rglob("*.flac"))))
    assert rt.load(out / "generated.flac").duration == pytest.approx(rt.load(song).duration, abs=0.01)
    assert page.count("<tr>") > 26 + 5


def test_what_is_no_collection_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["study", "all", str(tmp_path / "nothing"), "-o", str(tmp_path / "out")]) == 2
    assert capfd.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()
