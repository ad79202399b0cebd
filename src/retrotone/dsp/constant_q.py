"""Constant-Q transform: a spectrum whose bins lie a fixed part of an octave apart (Brown 1991).

Each octave is the highest one of the recording at half the rate of the octave above (Schörkhuber and Klapuri 2010), so
that one set of windowed tones serves all of them. Bins, windows and scale are those of librosa's `cqt`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray

from retrotone.dsp.filterbanks import A4_HZ

# Hz: the lowest bin, C1
LOWEST_HZ = A4_HZ * 2 ** (-45 / 12)
N_OCTAVES, BINS_PER_OCTAVE = 7, 36


def constant_q(
    samples: NDArray[np.float32], sample_rate: int, hop_length: int, tuning: float = 0.0
) -> NDArray[np.float32]:
    """Return the magnitude of 7 octaves from C1 up in steps of a third of a semitone.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        At least as long as the longest windowed tone, 2.2 s: what is shorter is heard among silence.
    sample_rate : int
        At least 9 kHz, in Hz.
    hop_length : int
        In samples; a multiple of 64.
    tuning : float
        Offset of all bins in thirds of a semitone.

    Returns
    -------
    ndarray, shape (1 + n // hop_length, 252), float32
        Each divided by the square root of its window's length.
    """
    import scipy.fft

    frames = 1 + len(samples) // hop_length
    tones, n_fft = _tones(sample_rate, tuning)
    octaves = []
    for octave in range(N_OCTAVES):
        padded = np.pad(samples, (n_fft // 2, n_fft // 2 + hop_length))
        windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length][:frames]
        # a window of an octave lower lasts twice as long at the full rate
        octaves.append(np.abs(scipy.fft.rfft(windows) @ tones) * np.float32(2 ** (octave / 2)))
        samples, hop_length = soxr.resample(samples, 2, 1, quality="HQ"), hop_length // 2
    return np.concatenate(octaves[::-1], axis=1)


@lru_cache(maxsize=4)
def _tones(sample_rate: int, tuning: float) -> tuple[NDArray[np.complex64], int]:
    """Return the conjugate transforms of the windowed tones of the highest octave, (bins, 36), and their n_fft."""
    import scipy.fft

    bins = (N_OCTAVES - 1) * BINS_PER_OCTAVE + np.arange(BINS_PER_OCTAVE) + tuning
    # cycles in a sample
    frequencies = LOWEST_HZ * 2 ** (bins / BINS_PER_OCTAVE) / sample_rate
    step = 2 ** (2 / BINS_PER_OCTAVE)
    lengths = (step + 1) / (step - 1) / frequencies
    n_fft = 2 ** int(np.ceil(np.log2(lengths.max())))
    times = np.arange(n_fft) - n_fft // 2
    inside = np.abs(times) < lengths[:, None] / 2
    hann = np.where(inside, 0.5 + 0.5 * np.cos(2 * np.pi * times / lengths[:, None]), 0.0)
    tones = hann / hann.sum(axis=1, keepdims=True) * np.exp(2j * np.pi * frequencies[:, None] * times)
    # sums over half a spectrum stand for sums over samples, since the tones have no negative frequencies
    transforms = scipy.fft.fft(np.sqrt(lengths)[:, None] * tones, axis=1)[:, : n_fft // 2 + 1] / n_fft
    return transforms.conj().T.astype(np.complex64), n_fft
