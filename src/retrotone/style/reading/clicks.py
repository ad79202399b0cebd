"""The crackle of a record: clicks too short and too sudden to be music.

Every short frame is divided by the spectrum around it in time and frequency, which leaves clicks standing out of music
and noise alike (the idea of prediction residuals: Godsill and Rayner, "Digital Audio Restoration", 1998, ch. 5). A
first pass finds loud ones; their mean spectrum then weights a second pass, which finds all that the noise lets through.
A drum is no click: after it, sound goes on. How many clicks lie below the threshold follows from how far those above
exceed it, as sizes are log-normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter1d
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from retrotone.style.reading.spectrum import n_fft_for
from retrotone.types import Block

FRAME_SECONDS = 0.023
# Bins over which the surrounding spectrum is smoothed, and frames before and after that count.
SMOOTHING_BINS, NEAREST, FARTHEST = 7, 2, 4
# Thresholds of both passes, in standard deviations of the residual around.
LOUD, AUDIBLE = 7.5, 6.0
# Seconds over which the residual's deviation is read, and medians of these are taken.
SCALE_SECONDS, SCALES = 0.02, 15
APART_SECONDS = 0.004
# Around a click: from .001 s away, for .005 s.
GUARD_SECONDS, AROUND_SECONDS = 0.001, 0.005
# Residual power after a click, relative to the deviation and to that before it.
QUIET_AFTER, NO_LOUDER_AFTER = 3.5, 4.0
# Clicks are reported where this many a second exceed 16 and 20 deviations, and this share of those above 8 exceeds 20:
# sizes of clicks vary much more than those of a drummer's strokes.
LEAST_ABOVE_16, LEAST_ABOVE_20, SHARE_ABOVE_20 = 0.25, 0.1, 0.06
# Deviation of the log size, by published counts of scratches (Godsill and Rayner) and by ear.
LOG_SIZE_SD = 0.95
# No more than this many deviations of the log size does the threshold lie above the median.
DEEPEST, HIGHEST = -2.0, 0.25
# Time constants of a click's decay in s.
SHORTEST_S, LONGEST_S = 0.00005, 0.002
# Share of a click's energy below the end of its spectrum.
ENERGY_SHARE = 0.95
# A click's mean shape is read from the loudest.
SHAPES = 150
# Seconds of the record that are read.
READ_SECONDS = 30.0


@dataclass(frozen=True)
class Clicks:
    """The crackle of a record.

    Attributes
    ----------
    per_second : float
        Mean rate, those too small to be found included.
    median_db : float
        Peak of the median click in dB re full scale, for a programme at -20 LUFS.
    ring_hz, high_hz, decay_s : float
        Centre and end of a click's spectrum, and the time constant of its decay.
    times_s : ndarray, shape (n,)
        When the clicks that were found occur, from the start of what was read.
    peaks_db : ndarray, shape (n,)
        How large each is, as `median_db`.
    confidence : float
    """

    per_second: float
    median_db: float
    ring_hz: float
    high_hz: float
    decay_s: float
    times_s: NDArray[np.float64]
    peaks_db: NDArray[np.float64]
    confidence: float


def read_clicks(pieces: Sequence[Block], sample_rate: int) -> Clicks | None:
    """Find the crackle of a record.

    Parameters
    ----------
    pieces : sequence of ndarray, shape (channels, n)
        Of the record, at -20 LUFS.
    sample_rate : int
        In Hz.

    Returns
    -------
    Clicks or None
        None where there is none.
    """
    samples = _one_channel(pieces)[: int(READ_SECONDS * sample_rate)]
    if len(samples) < sample_rate:
        return None
    detector = _Detector(samples, sample_rate)
    loud = detector.find(detector.residual(np.sqrt(1 / detector.around, dtype=np.float32)), LOUD)
    if len(loud.at) < max(0.3 * len(samples) / sample_rate, 4):
        return None
    spectrum = detector.mean_spectrum(loud)
    gain = (np.sqrt(spectrum) / detector.around).astype(np.float32)
    found = detector.find(detector.residual(gain), AUDIBLE)
    seconds = len(samples) / sample_rate
    above_8, above_16, above_20 = (np.sum(found.deviations > least) for least in (8, 16, 20))
    if above_16 < LEAST_ABOVE_16 * seconds or above_20 < max(LEAST_ABOVE_20 * seconds, SHARE_ABOVE_20 * above_8):
        return None
    rate, median_size = _rate(found, seconds)
    ring_hz, high_hz, decay_s = detector.shape(found)
    # a click's spectrum with and without the gains of the residual: its peak in the recording by its size there
    amplitude = np.sqrt(spectrum)
    peak = float(amplitude.sum() / (np.median(gain, axis=0) @ amplitude))
    confidence = float(np.clip(len(found.at) / 60, 0.2, 0.9))
    return Clicks(
        rate,
        float(20 * np.log10(max(peak * median_size, 1e-9))),
        ring_hz,
        high_hz,
        decay_s,
        found.at / sample_rate,
        20 * np.log10(np.maximum(peak * found.sizes, 1e-9)),
        confidence,
    )


def _one_channel(pieces: Sequence[Block]) -> NDArray[np.float32]:
    """Return the middle of all pieces, or the left channel where the channels cancel."""
    joined = np.concatenate(pieces, axis=1)
    middle: NDArray[np.float32] = joined.mean(axis=0)
    return middle if np.square(middle).mean() > 0.25 * np.square(joined).mean() else joined[0]


@dataclass(frozen=True)
class _Found:
    """Clicks: where in samples, their size, sizes in deviations, and the deviation all along the record."""

    at: NDArray[np.intp]
    sizes: NDArray[np.float64]
    deviations: NDArray[np.float64]
    scales: NDArray[np.float64]


class _Detector:
    """Short frames of a recording and the spectrum around each.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    sample_rate : int
    """

    def __init__(self, samples: NDArray[np.float32], sample_rate: int) -> None:
        self._samples, self._sample_rate = samples, sample_rate
        self._n_fft = n_fft_for(sample_rate, FRAME_SECONDS)
        self._window = np.sin(np.pi * (np.arange(self._n_fft) + 0.5) / self._n_fft).astype(np.float32)
        padded = np.pad(samples, self._n_fft)
        frames = np.lib.stride_tricks.sliding_window_view(padded, self._n_fft)[:: self._n_fft // 2]
        self._spectrum = np.fft.rfft(frames * self._window, axis=1).astype(np.complex64)
        self._power = np.square(self._spectrum.real) + np.square(self._spectrum.imag)
        # (frames, bins): the mean of the frames around, the frame itself and its neighbours left out
        smooth = uniform_filter1d(self._power, SMOOTHING_BINS, axis=1)
        total = np.cumsum(np.pad(smooth, ((FARTHEST + 1, FARTHEST), (0, 0)), mode="edge"), axis=0, dtype=np.float64)
        count, whole, core = len(smooth), 2 * FARTHEST + 1, 2 * NEAREST - 1
        wide = total[whole:] - total[:count]
        start = FARTHEST + 1 - NEAREST
        near = total[start + core : start + core + count] - total[start : start + count]
        mean = (wide - near) / (whole - core)
        self.around: NDArray[np.float32] = np.maximum(mean + 1e-9 * mean.mean(), 1e-20).astype(np.float32)

    def residual(self, gain: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the recording with its spectrogram, shape (frames, bins), multiplied by gains; shape (n,)."""
        pieces = np.fft.irfft(self._spectrum * gain, self._n_fft, axis=1) * self._window
        out = np.zeros(len(self._samples) + 3 * self._n_fft, np.float32)
        for offset in (0, 1):
            joined = pieces[offset::2].reshape(-1)
            start = offset * self._n_fft // 2
            out[start : start + len(joined)] += joined[: len(out) - start]
        return out[self._n_fft : self._n_fft + len(self._samples)]

    def find(self, residual: NDArray[np.float32], threshold: float) -> _Found:
        """Return what stands out of a residual, shape (n,), and is quiet right after."""
        size, rate = np.abs(residual), self._sample_rate
        block = int(SCALE_SECONDS * rate)
        blocks = size[: len(size) // block * block].reshape(-1, block)
        # the deviation of a Gaussian by its median
        scales = np.maximum(median_filter(np.median(blocks, axis=1) / 0.6745, SCALES), 1e-12)
        scale = np.interp(np.arange(len(size)), (np.arange(len(scales)) + 0.5) * block, scales)
        deviations = size / scale
        peaks = (deviations > threshold) & (deviations >= maximum_filter1d(deviations, int(APART_SECONDS * rate)))
        guard, around = int(GUARD_SECONDS * rate), int(AROUND_SECONDS * rate)
        at = np.flatnonzero(peaks)
        at = at[(at > guard + around) & (at < len(size) - guard - around - 1)]
        # clipped, so that one click does not hide its neighbour
        energy = np.concatenate([[0.0], np.cumsum(np.square(np.minimum(deviations, 50.0)))])
        after = (energy[at + guard + around] - energy[at + guard]) / around
        before = (energy[at - guard] - energy[at - guard - around]) / around
        at = at[(after < QUIET_AFTER) & (after < NO_LOUDER_AFTER * np.maximum(before, 0.7))]
        return _Found(at, size[at].astype(np.float64), deviations[at], scales)

    def mean_spectrum(self, found: _Found) -> NDArray[np.float64]:
        """Return the power spectrum of the loudest clicks less what is around them, shape (bins,), at any level."""
        loudest = np.argsort(-found.deviations)[:SHAPES]
        frames = np.round((found.at[loudest] + self._n_fft / 2) / (self._n_fft / 2)).astype(int)
        excess = self._power[frames] - self.around[frames]
        excess /= np.maximum((excess / self.around[frames]).mean(axis=1, keepdims=True), 1e-20)
        return np.maximum(uniform_filter1d(np.median(excess, axis=0), 2 * SMOOTHING_BINS + 1), 0)

    def shape(self, found: _Found) -> tuple[float, float, float]:
        """Return the centre and the end of a click's spectrum in Hz, and the time constant of its decay in s."""
        power, hertz = self.mean_spectrum(found), np.fft.rfftfreq(self._n_fft, 1 / self._sample_rate)
        power /= max(float(power.sum()), 1e-30)
        pitch = float(hertz @ power)
        width = float(np.sqrt(np.square(hertz - pitch) @ power))
        # a decaying cosine: its spectrum is as wide as its decay is short
        end = float(hertz[np.searchsorted(np.cumsum(power), ENERGY_SHARE)])
        return pitch, end, float(np.clip(1 / (2 * np.pi * max(width, 1.0)), SHORTEST_S, LONGEST_S))


def _rate(found: _Found, seconds: float) -> tuple[float, float]:
    """Return the rate of all clicks per second, and their median size, by a truncated log-normal distribution."""
    thresholds = np.sort(AUDIBLE * found.scales)
    least = np.quantile(thresholds, 0.15)
    sizes = found.sizes[found.sizes > least]
    # a click counts for all the time in which the noise would have hidden it
    weights = 1 / np.clip(np.searchsorted(thresholds, sizes) / len(thresholds), 0.15, 1)
    excess = float(weights @ np.minimum(np.log(sizes / least), 3) / weights.sum()) / LOG_SIZE_SD

    def too_small(depth: float) -> float:
        hazard = np.exp(-0.5 * depth**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(-depth))
        return float(hazard - depth - excess)

    if too_small(DEEPEST) < 0:
        depth = DEEPEST
    else:
        depth = HIGHEST if too_small(HIGHEST) > 0 else brentq(too_small, DEEPEST, HIGHEST)
    rate = weights.sum() / seconds / ndtr(-depth)
    return float(rate), float(least * np.exp(-LOG_SIZE_SD * depth))
