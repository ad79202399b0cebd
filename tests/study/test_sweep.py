"""The study's sweep on real audio: the stall, its cure, and the files written."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from retrotone.audio.audio import Audio, load
from retrotone.errors import AudioError, Cancelled, OutputError
from retrotone.study.sweep import LossRow, study_spectrum, sweep_losses
from retrotone.style.gram import GramTransfer

CONTENT = "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg"
STYLE = "442789__lena-orsa__happy-music-pistachio-ice-cream-ragtime.ogg"


@pytest.fixture(scope="module")
def pair(shared_music: Path) -> tuple[Audio, Audio]:
    return load(shared_music / CONTENT), load(shared_music / STYLE)


@pytest.fixture(scope="module")
def sweep(pair: tuple[Audio, Audio], tmp_path_factory: pytest.TempPathFactory) -> tuple[list[LossRow], Path]:
    """Every row at the study's width, a few steps each: enough for the files, not for the cure."""
    folder = tmp_path_factory.mktemp("study") / "new"
    return sweep_losses(*pair, folder, steps=1, seconds=0.6), folder


def test_the_study_s_rows_run_clamped_and_free_and_sgd_stands_still_in_both(sweep: tuple[list[LossRow], Path]) -> None:
    rows, _ = sweep
    study = [row for row in rows if row.settings.optimiser != "polyak"]
    assert len(study) == 24
    assert sum(row.settings.clamp for row in study) == 12
    assert {row.settings.n_features for row in rows} == {4096}
    for row in study:
        if row.settings.optimiser == "sgd":
            assert row.kept == pytest.approx(1, abs=1e-5)
            assert "stood still" in row.reason
            assert "float32" in row.reason


def test_the_table_says_why_row_by_row_and_the_picture_is_there(sweep: tuple[list[LossRow], Path]) -> None:
    rows, folder = sweep
    assert sorted(path.name for path in folder.iterdir()) == ["losses.png", "table.csv", "table.md"]
    with (folder / "table.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [line["why"] for line in table] == [row.reason for row in rows]
    assert [line["start"] for line in table] == [f"{row.losses[0]:.6f}" for row in rows]
    assert table[0]["study"] == "0.012508, unchanged"
    text = (folder / "table.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == len(rows) + 2
    assert {line.count("|") for line in lines} == {12}
    assert (folder / "losses.png").read_bytes().startswith(b"\x89PNG")


def test_on_real_audio_the_clamp_keeps_a_fifth_of_the_loss_and_its_absence_2_percent(pair: tuple[Audio, Audio]) -> None:
    content, style = (study_spectrum(audio, 1.5) for audio in pair)
    assert 3.5 < content.max() < 6.5
    for clamp in (True, False):
        kept = GramTransfer.study(learning_rate=0.1, clamp=clamp, steps=50, target=0.015).run(content, style).kept
        assert kept > 0.2 if clamp else kept < 0.02


def test_a_cancelled_sweep_leaves_no_files(pair: tuple[Audio, Audio], tmp_path: Path) -> None:
    def cancel(fraction: float, message: str) -> None:
        raise Cancelled(message)

    with pytest.raises(Cancelled, match="Adam"):
        sweep_losses(*pair, tmp_path, seconds=0.6, progress=cancel)
    assert list(tmp_path.iterdir()) == []


def test_silence_and_a_file_in_the_folder_s_place_are_refused(pair: tuple[Audio, Audio], tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="silent"):
        sweep_losses(Audio(np.zeros(22050), 22050), pair[1], tmp_path)
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="taken"):
        sweep_losses(*pair, tmp_path / "taken")
