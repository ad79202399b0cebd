"""Every part of the study is repeated on a folder of music, on a page whose links all work."""

from __future__ import annotations

import csv
import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

import retrotone as rt
from retrotone.cli.main import run

pytestmark = pytest.mark.usefixtures("analysing_here")


@pytest.fixture(scope="module")
def music(made_music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six short tracks, the least in which a song has five others, and a silent one, which is like none."""
    folder = tmp_path_factory.mktemp("music")
    for kind in ("melody", "organ"):
        (folder / kind).mkdir()
        for path in (made_music / kind).iterdir():
            rt.load(path, 1.5).save(folder / kind / path.name)
    rt.Audio(np.zeros(33_075), 22_050).save(folder / "organ" / "silence.flac")
    return folder


@pytest.fixture(scope="module")
def study(music: Path, analysing_here: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the page, a few steps of everything: enough for the files, not for the cure."""
    out, printed = tmp_path_factory.mktemp("study") / "new", io.StringIO()
    with redirect_stdout(printed):
        assert run(["study", "all", str(music), "-o", str(out), "--steps", "1", "--epochs", "2"]) == 0
    assert printed.getvalue().strip() == f"open {(out / 'index.html').as_uri()}"
    return out


def test_the_study_is_repeated(study: Path, music: Path) -> None:
    page = (study / "index.html").read_text("utf-8")
    assert page.count("<section>") == 5
    for link in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert link.startswith("data:") or (study / link).stat().st_size > 1000, link
    # what the study reported
    assert "0.012508, unchanged" in page
    song = next(iter(sorted(music.rglob("*.flac"))))
    assert rt.load(study / "generated.flac").duration == pytest.approx(rt.load(song).duration, abs=0.01)
    assert page.count("<tr>") > 26 + 5


def test_the_study_s_rows_run_clamped_and_free_and_sgd_stands_still_in_both(study: Path) -> None:
    folder = study / "losses"
    assert sorted(path.name for path in folder.iterdir()) == ["losses.png", "table.csv", "table.md"]
    with (folder / "table.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    rows = [row for row in table if row["optimiser"] != "Polyak step"]
    assert len(rows) == 24
    assert sum(row["clamp"] == "yes" for row in rows) == 12
    for row in rows:
        if row["optimiser"] == "SGD":
            assert float(row["end"]) == pytest.approx(float(row["start"]), rel=1e-5)
            assert "stood still" in row["why"]
            assert "float32" in row["why"]
    assert table[0]["study"] == "0.012508, unchanged"
    text = (folder / "table.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == len(table) + 2
    assert {line.count("|") for line in lines} == {12}
    assert (folder / "losses.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_no_collection_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["study", "all", str(tmp_path / "nothing"), "-o", str(tmp_path / "out")]) == 2
    assert capfd.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()
