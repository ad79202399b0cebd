"""Let Numba compile what the tests use of librosa, once: several processes that do so at a time can break its cache."""

from __future__ import annotations

import librosa
import numpy as np

from retrotone.audio.audio import Audio
from retrotone.report import compare

RATE = 22_050

if __name__ == "__main__":
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * RATE).astype(np.float32)
    compare({"one": Audio(noise, RATE), "other": Audio(noise, RATE)})
    librosa.beat.beat_track(y=noise, sr=RATE)
    librosa.istft(librosa.stft(noise))
