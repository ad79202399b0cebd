"""Power of a record over time and frequency, its long-term spectrum, and the average of much music."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from retrotone.types import Block, Matrix, Spectrogram
from retrotone.utils.assets import asset

# Centres of sixths of an octave, 22 Hz to 18 kHz.
HZ: NDArray[np.float64] = 1000.0 * 2.0 ** (np.arange(-33, 26) / 6)
HALF_BAND = 2.0 ** (1 / 12)
# Long enough to see noise between the partials of a chord, with side lobes 110 dB down.
WINDOW_SECONDS, KAISER_BETA = 0.186, 14.0
# Of a density in dB: nothing is there.
NOTHING_DB = -200.0


def n_fft_for(sample_rate: int, seconds: float = WINDOW_SECONDS) -> int:
    """Return the power of two that lasts closest to a time."""
    return int(2 ** round(np.log2(seconds * sample_rate)))


@cache
def kaiser(n_fft: int) -> NDArray[np.float32]:
    """Return the window, shape (n_fft,)."""
    return np.kaiser(n_fft, KAISER_BETA).astype(np.float32)


def spectrogram(samples: Block, window: NDArray[np.float32], hop: int) -> Spectrogram:
    """Return the Fourier transforms of all whole frames.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
    window : ndarray, shape (n_fft,)
    hop : int
        From frame to frame, in samples.

    Returns
    -------
    ndarray, shape (channels, frames, n_fft // 2 + 1)
        No frames where n < n_fft.
    """
    if samples.shape[1] < len(window):
        return np.zeros((len(samples), 0, len(window) // 2 + 1), np.complex64)
    frames = np.lib.stride_tricks.sliding_window_view(samples, len(window), axis=1)[:, ::hop]
    # SciPy transforms several frames at a time, NumPy one
    return np.asarray(rfft(frames * window))


def power(spectrum: Spectrogram) -> NDArray[np.float32]:
    """Return the squared magnitudes, of the same shape."""
    return np.asarray(np.square(spectrum.real) + np.square(spectrum.imag))


def power_density(samples: Block, sample_rate: int) -> NDArray[np.float32]:
    """Return the power density of each channel in frames that overlap by half.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray, shape (channels, frames, n_fft // 2 + 1)
        No frames where n < n_fft.
    """
    return as_density(long_spectrogram(samples, sample_rate), sample_rate)


def long_spectrogram(samples: Block, sample_rate: int) -> Spectrogram:
    """Return the transforms behind `power_density`."""
    window = kaiser(n_fft_for(sample_rate))
    return spectrogram(samples, window, len(window) // 2)


def as_density(spectrum: Spectrogram, sample_rate: int) -> NDArray[np.float32]:
    """Return the power density of a `long_spectrogram`, of the same shape.

    It is one-sided, per Hz: white noise of variance v gives 2 v / sample_rate.
    """
    window = kaiser(n_fft_for(sample_rate))
    return power(spectrum) * np.float32(2 / (float(window @ window) * sample_rate))


def quantiles(values: Matrix, shares: Sequence[float]) -> NDArray[np.float64]:
    """Return quantiles of each column of values, shape (len(shares), columns): as `numpy.quantile`, but sooner."""
    ordered = np.sort(values, axis=0)
    at = np.asarray(shares) * (len(values) - 1)
    below = at.astype(int)
    low, high = ordered[below], ordered[np.minimum(below + 1, len(values) - 1)]
    return np.asarray(low + (at - below)[:, None] * (high - low))


def densities(pieces: Sequence[Block], sample_rate: int) -> list[Matrix]:
    """Return `power_density` of every channel of every piece, those with frames alone."""
    found = [channel for piece in pieces for channel in power_density(piece, sample_rate)]
    return [each for each in found if len(each)]


def in_bands(density: NDArray[np.floating], sample_rate: int) -> NDArray[np.float64]:
    """Average a density over each band of HZ, bins at its edges counted in part.

    Parameters
    ----------
    density : ndarray, shape (n_fft // 2 + 1,)
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray, shape (len(HZ),)
        In dB; NaN for a band that reaches over the Nyquist frequency.
    """
    bins_per_hz = 2 * (len(density) - 1) / sample_rate
    total = np.concatenate([[0.0], np.cumsum(density, dtype=np.float64)])
    edges = np.arange(len(total))
    # bin k covers k - 1/2 to k + 1/2, which is k to k + 1 of `total`
    low, high = HZ / HALF_BAND * bins_per_hz + 0.5, HZ * HALF_BAND * bins_per_hz + 0.5
    mean = (np.interp(high, edges, total) - np.interp(low, edges, total)) / (high - low)
    mean[high > len(density)] = np.nan
    return np.asarray(10 * np.log10(mean + 10 ** (NOTHING_DB / 10)))


@cache
def average_music() -> NDArray[np.float64]:
    """Return the long-term spectrum of much music, shape (len(HZ),): dB per Hz at -20 LUFS.

    Written by ``python -m benchmarks.music_spectrum``, which names its source.
    """
    table: NDArray[np.float64] = np.loadtxt(asset("music_spectrum.csv"), delimiter=",", skiprows=1)
    return table[:, 1]
