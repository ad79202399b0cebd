"""The study's sweep on real audio: the stall, its cure, and what cannot be swept; see test_report for its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrotone.audio.audio import Audio, load
from retrotone.errors import AudioError, Cancelled, OutputError
from retrotone.study.sweep import study_spectrum, sweep_losses
from retrotone.style.gram import GramTransfer

CONTENT = "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg"
STYLE = "442789__lena-orsa__happy-music-pistachio-ice-cream-ragtime.ogg"


@pytest.fixture(scope="module")
def pair(shared_music: Path) -> tuple[Audio, Audio]:
    return load(shared_music / CONTENT), load(shared_music / STYLE)


def test_on_real_audio_the_clamp_keeps_a_fifth_of_the_loss_and_its_absence_2_percent(pair: tuple[Audio, Audio]) -> None:
    content, style = (study_spectrum(audio, 1.5) for audio in pair)
    assert 3.5 < content.max() < 6.5
    for clamp in (True, False):
        descent = GramTransfer.study(learning_rate=0.1, clamp=clamp, steps=50, target=0.015)
        assert descent.n_features == 4096
        kept = descent.run(content, style).kept
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
