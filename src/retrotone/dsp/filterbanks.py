"""Filters that sum the bins of a spectrum to mel bands or pitch classes, as librosa makes them.

Made here because librosa takes over a second to import, in every process that listens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Hz
A4 = 440.0
N_CHROMA = 12
# Centre and width of the octaves that chroma listens to; A0 is in octave 0.
CHROMA_OCTAVE, CHROMA_OCTAVES = 5.0, 2.0
# semitones
C_ABOVE_A = 3
# Slaney's mel scale (Auditory Toolbox, 1998): linear up to 1 kHz, logarithmic above
MEL_HZ, MEL_BREAK_HZ, MEL_LOG_STEP = 200.0 / 3, 1000.0, np.log(6.4) / 27


def mel_filters(sample_rate: int, n_fft: int, bands: int) -> NDArray[np.float32]:
    """Return triangles of equal area on Slaney's mel scale, shape (bands, n_fft // 2 + 1).

    Parameters
    ----------
    sample_rate, n_fft : int
    bands : int
        From 0 Hz to half the sample rate.
    """
    nyquist = sample_rate / 2
    top = MEL_BREAK_HZ / MEL_HZ + np.log(nyquist / MEL_BREAK_HZ) / MEL_LOG_STEP
    mels = np.linspace(0, top, bands + 2)
    log_part = np.exp(MEL_LOG_STEP * np.maximum(mels - MEL_BREAK_HZ / MEL_HZ, 0))
    edges = np.where(mels < MEL_BREAK_HZ / MEL_HZ, MEL_HZ * mels, MEL_BREAK_HZ * log_part)
    hertz = np.linspace(0, nyquist, n_fft // 2 + 1)
    widths = np.diff(edges)[:, None]
    rising = (hertz - edges[:-2, None]) / widths[:-1]
    falling = (edges[2:, None] - hertz) / widths[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def chroma_filters(sample_rate: int, n_fft: int, tuning: float) -> NDArray[np.float32]:
    """Return what each bin says of each pitch class, C first, shape (12, n_fft // 2 + 1) (Ellis 2007).

    Parameters
    ----------
    sample_rate, n_fft : int
    tuning : float
        Offset from A4 = 440 Hz in semitones.
    """
    hertz = np.linspace(0, sample_rate, n_fft, endpoint=False)[1:]
    pitch = N_CHROMA * np.log2(hertz / (A4 * 2 ** (tuning / N_CHROMA) / 16))
    pitch = np.concatenate([[pitch[0] - 1.5 * N_CHROMA], pitch])
    widths = np.append(np.maximum(np.diff(pitch), 1.0), 1.0)
    half = N_CHROMA // 2
    away = (pitch - np.arange(N_CHROMA)[:, None] + half) % N_CHROMA - half
    weights = np.exp(-0.5 * np.square(2 * away / widths))
    weights /= np.linalg.norm(weights, axis=0)
    weights *= np.exp(-0.5 * np.square((pitch / N_CHROMA - CHROMA_OCTAVE) / CHROMA_OCTAVES))
    filters: NDArray[np.float64] = np.roll(weights, -C_ABOVE_A, axis=0)[:, : n_fft // 2 + 1]
    return filters.astype(np.float32)
