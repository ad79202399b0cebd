"""Filters that sum the bins of a spectrum to mel bands or pitch classes, equal to librosa's.

Written here because librosa brings 200 MB and takes over a second to start.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

# Concert pitch.
A4_HZ = 440.0
N_CHROMA = 12
# Centre and width of the Gaussian over octaves that weights chroma; A0 is in octave 0.
CHROMA_OCTAVE, CHROMA_OCTAVES = 5.0, 2.0
C_ABOVE_A_SEMITONES = 3
# Slaney's mel scale (Auditory Toolbox, 1998): linear up to 1 kHz = 15 mel, then 27 mel per factor of 6.4.
HZ_PER_MEL, BREAK_HZ, BREAK_MEL = 200.0 / 3, 1000.0, 15.0


def hz_to_mel(hz: ArrayLike) -> NDArray[np.float64]:
    """Convert frequencies to Slaney's mel scale.

    Examples
    --------
    >>> hz_to_mel([200.0, 1000.0, 6400.0]).tolist()
    [3.0, 15.0, 42.0]
    """
    hz = np.asarray(hz, np.float64)
    logarithmic = 27 * np.log(np.maximum(hz, BREAK_HZ) / BREAK_HZ) / np.log(6.4)
    return np.where(hz < BREAK_HZ, hz / HZ_PER_MEL, BREAK_MEL + logarithmic)


def mel_to_hz(mel: ArrayLike) -> NDArray[np.float64]:
    """Convert from Slaney's mel scale to Hz."""
    mel = np.asarray(mel, np.float64)
    logarithmic = BREAK_HZ * np.exp((np.maximum(mel, BREAK_MEL) - BREAK_MEL) * np.log(6.4) / 27)
    return np.where(mel < BREAK_MEL, HZ_PER_MEL * mel, logarithmic)


def mel_edges(n_mels: int, fmin: float, fmax: float) -> NDArray[np.float64]:
    """Return where mel bands begin, peak and end.

    Parameters
    ----------
    n_mels : int
    fmin, fmax : float
        In Hz: where the first band begins and the last one ends.

    Returns
    -------
    ndarray, shape (n_mels + 2,), float64
        In Hz; band k begins at edge k, peaks at edge k + 1 and ends at edge k + 2.

    Examples
    --------
    >>> mel_edges(2, 0.0, 600.0).round()
    array([  0., 200., 400., 600.])
    """
    low, high = hz_to_mel([fmin, fmax])
    return mel_to_hz(np.linspace(low, high, n_mels + 2))


def mel(
    *,
    sample_rate: int,
    n_fft: int,
    n_mels: int,
    fmin: float = 0.0,
    fmax: float | None = None,
    dtype: DTypeLike = np.float32,
) -> NDArray[np.floating]:
    """Return triangles of equal area on Slaney's mel scale, as `librosa.filters.mel` does.

    Parameters
    ----------
    sample_rate, n_fft : int
        Of the spectrum.
    n_mels : int
        Number of bands.
    fmin, fmax : float
        Lower edge of the first band and upper edge of the last in Hz; `fmax` is half the sample rate by default.
    dtype : dtype
        Of the filters.

    Returns
    -------
    ndarray, shape (n_mels, n_fft // 2 + 1)

    Examples
    --------
    >>> mel(sample_rate=16_000, n_fft=512, n_mels=64).shape
    (64, 257)
    """
    edges = mel_edges(n_mels, fmin, sample_rate / 2 if fmax is None else fmax)
    return _triangles(np.linspace(0, sample_rate / 2, n_fft // 2 + 1), edges, dtype)


def extended_mel(frequencies: NDArray[np.float64], *, n_mels: int, fmin: float, fmax: float) -> NDArray[np.float32]:
    """Return mel bands of the spacing that `n_mels` between `fmin` and `fmax` have, up to the highest bin.

    Parameters
    ----------
    frequencies : ndarray, shape (bins,)
        Centre of each bin in Hz.
    n_mels : int
        Bands between the two frequencies. More follow while bins last; fewer, where they end sooner.
    fmin, fmax : float
        In Hz.

    Returns
    -------
    ndarray, shape (bands, bins)
    """
    low, high, top = hz_to_mel([fmin, fmax, frequencies[-1]])
    step = (high - low) / (n_mels + 1)
    bands = max(int((top - low) / step + 1e-6) - 1, 1)
    edges = mel_to_hz(low + step * np.arange(bands + 2))
    return _triangles(frequencies, edges, np.float64).astype(np.float32)


def _triangles(frequencies: NDArray[np.float64], edges: NDArray[np.float64], dtype: DTypeLike) -> NDArray[np.floating]:
    """Return triangles of area 1 Hz that rise and fall between three edges each, shape (len(edges) - 2, bins)."""
    widths = np.diff(edges)[:, None]
    rising = (frequencies - edges[:-2, None]) / widths[:-1]
    falling = (edges[2:, None] - frequencies) / widths[1:]
    triangles: NDArray[np.floating] = np.maximum(0, np.minimum(rising, falling)).astype(dtype)
    triangles *= (2 / (edges[2:] - edges[:-2]))[:, None]
    return triangles


def chroma_filters(sample_rate: int, n_fft: int, tuning: float) -> NDArray[np.float32]:
    """Return how much each bin contributes to each pitch class, C first (Ellis 2007).

    Parameters
    ----------
    sample_rate, n_fft : int
        Of the spectrum.
    tuning : float
        Offset from A4 = 440 Hz in semitones.

    Returns
    -------
    ndarray, shape (12, n_fft // 2 + 1)
    """
    bins = n_fft // 2 + 1
    # one bin more than is returned, since the width of a bin is its distance to the next one
    hertz = np.arange(1, bins + 1) * sample_rate / n_fft
    # semitones above A0; bin 0 lies one and a half octaves below bin 1
    pitch = N_CHROMA * np.log2(hertz / (A4_HZ * 2 ** (tuning / N_CHROMA) / 16))
    pitch = np.concatenate([[pitch[0] - 1.5 * N_CHROMA], pitch])
    widths = np.maximum(np.diff(pitch), 1.0)
    pitch = pitch[:bins]
    half = N_CHROMA // 2
    distances = (pitch - np.arange(N_CHROMA)[:, None] + half) % N_CHROMA - half
    weights = np.exp(-0.5 * np.square(2 * distances / widths))
    weights /= np.linalg.norm(weights, axis=0)
    weights *= np.exp(-0.5 * np.square((pitch / N_CHROMA - CHROMA_OCTAVE) / CHROMA_OCTAVES))
    filters: NDArray[np.float64] = np.roll(weights, -C_ABOVE_A_SEMITONES, axis=0)
    return filters.astype(np.float32)
