"""Our measures agree with an independent implementation, which is not part of the repository."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from retrotone.audio.audio import load
from retrotone.metrics import measure


def test_measures_agree_on_real_stereo_files_of_three_lengths(
    yardstick: ModuleType, shared_music: Path, tmp_path: Path
) -> None:
    content = load(shared_music / "Kevin_MacLeod_-_Vibe_Ace.ogg").slice(20, 24)
    style = load(shared_music / "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg")
    medium = butter(3, [200, 4500], "bandpass", fs=content.sample_rate, output="sos")
    noise = np.random.default_rng(0).standard_normal(content.samples.shape) * 0.01
    output = content.with_samples(0.6 * sosfilt(medium, np.tanh(2 * content.samples) + noise, axis=1))
    files = [
        audio.save(tmp_path / f"{name}.wav", bit_depth=32)
        for name, audio in {"content": content, "style": style.slice(2, 5), "output": output.slice(0, 3.5)}.items()
    ]
    theirs, ours = yardstick.measures(*files), measure(*map(load, files))
    assert ours.style_gain == pytest.approx(theirs["style_gain"], abs=1e-3)
    assert ours.envelope_gain == pytest.approx(theirs["envelope_gain"], abs=1e-3)
    assert ours.chroma_cosine == pytest.approx(theirs["chroma_cosine"], abs=1e-3)
    assert ours.onset_f1 == pytest.approx(theirs["onset_f1"], abs=1e-3)
