"""The crackle of a record: clicks too short and too sudden to be music.

Every short frame is divided by the spectrum around it in time and frequency, which leaves clicks standing out of music
and noise alike (the idea of prediction residuals: Godsill and Rayner, "Digital Audio Restoration", 1998, ch. 5). A
first pass finds loud ones; their mean spectrum then weights a second pass, which finds all that the noise lets through.
A drum is no click: before or after it there is more sound than usual, so a click is measured against the louder of
both. Clicks know nothing of the music: where many come with the beginnings of notes, only the time in which few notes
begin is counted, or nothing. Most are small beside the music: their level and shape are those of the mean of many, in
time with each other, in which the music is lost. How many clicks lie below the threshold follows from how far those
above exceed it, as sizes are distributed in known ways; a scratch, which comes once a turn, is counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.ndimage import median_filter, uniform_filter1d

from retrotone.style.reading.click_sizes import clicks_in_all
from retrotone.style.reading.spectrum import n_fft_for, power, spectrogram
from retrotone.style.reading.speed import TURNS_HZ
from retrotone.types import Block

FRAME_SECONDS = 0.023
# Bins over which the surrounding spectrum is smoothed, and frames before and after that count.
SMOOTHING_BINS, NEAREST, FARTHEST = 7, 2, 4
# Thresholds of both passes, in deviations of the residual around.
LOUD, AUDIBLE = 7.5, 4.5
# The residual's level is the median over LEVEL_SECONDS, taken every HOP_SECONDS: before a click, after it (GUARD_HOPS
# away), and the median of a longer time, of which the largest counts.
HOP_SECONDS, LEVEL_HOPS, GUARD_HOPS, STEADY_HOPS = 0.00125, 4, 1, 241
# Samples of the residual that are left out between two of a median.
THINNED = 3
# The first pass takes clicks where the level around is no more than this many times the usual.
CALM = 1.9
APART_SECONDS = 0.004
# Clicks are looked for where the first pass finds this many a second.
LEAST_LOUD = 0.2
# Clicks are reported where this many a second exceed LARGE deviations, and at least such a share of all: music hardly
# stands out. A record that crackles has surface noise, too: one without must show more.
LARGE, LEAST_LARGE = 8.0, 0.15
LARGE_SHARE, LARGE_SHARE_WITHOUT_NOISE = 0.16, 0.7
# Growth of the music from frames BEFORE a click to those AFTER it, in this many bands. In all frames of the record,
# large clicks have a mean rank of .5, but by CHANCE (in standard deviations). What exceeds it is music: then the share
# of the time in which the music grows least is counted, and nothing where the rank exceeds MUSICAL.
COUNTED, BEFORE, AFTER, BANDS = 0.6, (-4, -3, -2), (2, 3, 4), 24
CHANCE, MUSICAL = 1.0, 0.65
# The share by which players' turns differ, and seconds within which a scratch returns.
TURNS_TOLERANCE, RETURN_SECONDS = 0.004, 0.01
# Share of the turns in which a scratch must be seen, and how many times more often than chance would have it.
SCRATCH_SHARE, SCRATCH_FACTOR = 0.4, 3.0
# What is tried of a click: pitch and end of its spectrum in Hz, and the time constant of its decay in s.
RINGS_HZ, ENDS_HZ = 250 * 2 ** (np.arange(36) / 6), 2000 * 2 ** (np.arange(11) / 3)
DECAYS_S = 0.00005 * 2 ** (np.arange(16) / 3)
# A click's mean shape is read from so many of the loudest, of which the clearest, above this quantile, count the same:
# so none whose size is wrong makes the mean alone.
SHAPES, CLEAREST = 150, 0.75
# What the mean of music leaves exceeds this many times its own mean in a twentieth of the spectrum alone.
CLEAR = 3.0
# They are brought in time with each other by so much of the residual to both sides, moved by no more than a shift, in
# so many rounds.
MATCHED_SECONDS, SHIFT_SECONDS, ROUNDS = 0.0015, 0.00045, 2
# A click begins LEAD_SECONDS after its excerpt; excerpts that begin so many lengths away hold the music alone.
EXCERPT_SECONDS, LEAD_SECONDS, MUSIC_AT = 0.0026, 0.00045, (-2.5, -1.25, 1.5)
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
        Peak of the median click in dB re full scale, for a programme at -20 LUFS: of a decaying cosine of its energy.
    ring_hz, high_hz, decay_s : float
        Pitch of a click, the end of its spectrum, and the time constant of its decay.
    large_share : float
        Of what was found, the share that stands out far.
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
    large_share: float
    times_s: NDArray[np.float64]
    peaks_db: NDArray[np.float64]
    confidence: float

    def are_likely(self, noisy: bool) -> bool:
        """Return whether these are clicks and not music, for a record with or without surface noise."""
        return noisy or self.large_share >= LARGE_SHARE_WITHOUT_NOISE


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
    detector = _Detector(samples, sample_rate, np.cumsum([0, *(piece.shape[1] for piece in pieces)]))
    loud = detector.find(detector.residual(np.sqrt(1 / detector.around, dtype=np.float32)), LOUD, calm=True)
    if len(loud.at) < max(LEAST_LOUD * len(samples) / sample_rate, 4):
        return None
    spectrum = detector.mean_spectrum(loud)
    gain = (np.sqrt(spectrum) / detector.around).astype(np.float32)
    # without a spectrum in common the gain is 0, and nothing is found
    residual = detector.residual(gain)
    found = detector.find(residual, AUDIBLE)
    if len(found.at) == 0:
        return None
    found = detector.evened(found, gain @ np.sqrt(spectrum))
    spectrum = detector.click_spectrum(found, residual)
    # what stands out of digital silence alone has no size
    if not found.sizes.any() or not spectrum.any():
        return None
    ring_hz, high_hz, decay_s, level = detector.shape(spectrum)
    found = found.times(level)
    seconds = len(samples) / sample_rate
    counted, counted_share = _without_music(found, detector.growth(found.at))
    large = np.sum(counted.deviations > LARGE)
    if large < max(LEAST_LARGE * counted_share * seconds, LARGE_SHARE * len(counted.at)):
        return None
    scratches, turns_hz = _scratches(counted.at / sample_rate, counted_share * seconds)
    single = counted.chosen(~scratches)
    excesses = np.maximum(single.deviations / AUDIBLE, 1)
    count, median_size, music_share = clicks_in_all(single.sizes, excesses, AUDIBLE * found.scales)
    confidence = float(np.clip((1 - music_share) * len(found.at) / 60, 0.2, 0.9))
    return Clicks(
        count / (counted_share * seconds) + turns_hz,
        float(20 * np.log10(max(median_size, 1e-9))),
        ring_hz,
        high_hz,
        decay_s,
        float(large / len(counted.at)),
        found.at / sample_rate,
        20 * np.log10(np.maximum(found.sizes, 1e-9)),
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

    def chosen(self, which: NDArray[np.bool_]) -> _Found:
        """Return some of the clicks."""
        return _Found(self.at[which], self.sizes[which], self.deviations[which], self.scales)

    def times(self, factor: float) -> _Found:
        """Return the clicks with sizes in another unit."""
        return _Found(self.at, self.sizes * factor, self.deviations, self.scales * factor)


class _Detector:
    """Short frames of a recording and the spectrum around each.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    sample_rate : int
    borders : ndarray of int
        Where pieces begin and end, in samples: the music starts and stops there as suddenly as a click.
    """

    def __init__(self, samples: NDArray[np.float32], sample_rate: int, borders: NDArray[np.intp]) -> None:
        self._samples, self._sample_rate, self._borders = samples, sample_rate, borders
        self._n_fft = n_fft_for(sample_rate, FRAME_SECONDS)
        self._window = np.sin(np.pi * (np.arange(self._n_fft) + 0.5) / self._n_fft).astype(np.float32)
        padded = np.pad(samples, self._n_fft)
        (self._spectrum,) = spectrogram(padded[None], self._window, self._n_fft // 2)
        self._power = power(self._spectrum)
        # (frames, bins): the median of the frames around, as other clicks are among them; the frame itself and its
        # neighbours are left out
        smooth = uniform_filter1d(self._power, SMOOTHING_BINS, axis=1)
        wide = np.pad(smooth, ((FARTHEST, FARTHEST), (0, 0)), mode="edge")
        starts = [FARTHEST + side * step for side in (-1, 1) for step in range(NEAREST, FARTHEST + 1)]
        # by sorting, which is faster than NumPy's median
        around = np.sort(np.stack([wide[start : start + len(smooth)] for start in starts]), axis=0)
        median = around[len(starts) // 2 - 1 : len(starts) // 2 + 1].mean(axis=0)
        self.around: NDArray[np.float32] = np.maximum(median + np.float32(1e-9) * median.mean(), np.float32(1e-20))

    def residual(self, gain: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the recording with its spectrogram, shape (frames, bins), multiplied by gains; shape (n,)."""
        pieces = irfft(self._spectrum * gain, self._n_fft, axis=1) * self._window
        out = np.zeros(len(self._samples) + 3 * self._n_fft, np.float32)
        for offset in (0, 1):
            joined = pieces[offset::2].reshape(-1)
            start = offset * self._n_fft // 2
            out[start : start + len(joined)] += joined[: len(out) - start]
        return out[self._n_fft : self._n_fft + len(self._samples)]

    def find(self, residual: NDArray[np.float32], threshold: float, calm: bool = False) -> _Found:
        """Return what stands out of a residual, shape (n,), and of its level before and after; calm ones alone."""
        size, hop = np.abs(residual), int(HOP_SECONDS * self._sample_rate)
        scales, usual = _levels(size, hop)
        deviations = (size[: len(scales) * hop].reshape(-1, hop) / scales[:, None].astype(np.float32)).reshape(-1)
        apart = int(APART_SECONDS * self._sample_rate)
        at = np.flatnonzero(deviations > threshold)
        around = np.lib.stride_tricks.sliding_window_view(np.pad(deviations, apart // 2), apart)
        at = at[deviations[at] >= around[at].max(axis=1)]
        at = at[np.abs(at[:, None] - self._borders).min(axis=1) > self._n_fft]
        if calm:
            at = at[scales[at // hop] < CALM * usual[at // hop]]
        return _Found(at, size[at].astype(np.float64), deviations[at].astype(np.float64), scales)

    def evened(self, found: _Found, heard: NDArray[np.floating]) -> _Found:
        """Return clicks with their sizes before the gains of the residual, in any unit.

        Parameters
        ----------
        found : _Found
        heard : ndarray, shape (frames,)
            What the gains leave of a click.
        """
        hops = (np.arange(len(found.scales)) + 0.5) * len(self._samples) / len(found.scales)
        sizes, scales = found.sizes / heard[self._frame(found.at)], found.scales / heard[self._frame(hops)]
        return _Found(found.at, sizes, found.deviations, scales)

    def click_spectrum(self, found: _Found, residual: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the power spectrum of the mean click of size 1, shape (n_fft // 2 + 1,), without the music.

        Clicks are averaged in time with each other, as music is then lost: most are small beside it.
        """
        loudest = np.argsort(-found.deviations)[:SHAPES]
        at, sizes = self._in_time(found.at[loudest], found.sizes[loudest], residual)
        length, lead = (int(seconds * self._sample_rate) + 1 for seconds in (EXCERPT_SECONDS, LEAD_SECONDS))
        # (excerpts, clicks, samples), that of the click first
        excerpts = np.stack([_cut(self._samples, at + int(by * length) - lead, length) for by in (0.0, *MUSIC_AT)])
        # slow music is lost, too
        excerpts -= np.median(excerpts, axis=2, keepdims=True)
        clearness = np.square(sizes) / np.maximum(excerpts[1:].var(axis=(0, 2)), 1e-20)
        weights = np.minimum(clearness, np.quantile(clearness, CLEAREST))
        means = (weights / np.where(sizes == 0, np.inf, sizes)) @ excerpts / max(float(weights.sum()), 1e-20)
        place = np.arange(length)
        ramps = np.minimum(1, np.minimum((place + 1) / lead, 2 * (length - place) / length))
        clicks, *music = power(rfft(means * ramps, self._n_fft))
        left = np.mean(music, axis=0)
        return np.where(clicks > CLEAR * left, clicks - left, 0.0)

    def _in_time(
        self, at: NDArray[np.intp], sizes: NDArray[np.float64], residual: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Move clicks so that they are most alike, and give sizes the signs with which they are."""
        reach, shift = (int(seconds * self._sample_rate) for seconds in (MATCHED_SECONDS, SHIFT_SECONDS))
        peaks = residual[at].astype(float)
        around = _cut(residual, at - reach - shift, 2 * (reach + shift) + 1) / peaks[:, None]
        # (clicks, shifts, samples)
        shifted = np.lib.stride_tricks.sliding_window_view(around, 2 * reach + 1, axis=1)
        clicks = np.arange(len(at))
        best, signs = np.full(len(at), shift), np.ones(len(at))
        for _ in range(ROUNDS):
            likeness = shifted @ (signs @ shifted[clicks, best])
            best = np.abs(likeness).argmax(axis=1)
            signs = np.sign(likeness[clicks, best])
        return at + best - shift, sizes * signs * np.sign(peaks)

    def growth(self, at: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the rank, from 0 to 1 of all frames, of how much the music grows around each click, shape (n,)."""
        edges = np.unique(np.round(np.geomspace(4, 0.6 * self._power.shape[1], BANDS + 1)).astype(int))
        level = np.log(np.add.reduceat(self._power, edges, axis=1)[:, :-1] + 1e-12)
        after, before = (sum(np.roll(level, -step, axis=0) for step in steps) for steps in (AFTER, BEFORE))
        growth = np.maximum(after - before, 0).mean(axis=1)
        return np.asarray((growth.argsort().argsort() / len(growth))[self._frame(at)])

    def _frame(self, at: NDArray[np.integer] | NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the frame whose middle lies closest to a sample."""
        return np.round((at + self._n_fft / 2) / (self._n_fft / 2)).astype(np.intp)

    def mean_spectrum(self, found: _Found) -> NDArray[np.float64]:
        """Return the power spectrum of the loudest clicks less what is around them, shape (bins,), at any level."""
        loudest = np.argsort(-found.deviations)[:SHAPES]
        frames = self._frame(found.at[loudest])
        excess = self._power[frames] - self.around[frames]
        excess /= np.maximum((excess / self.around[frames]).mean(axis=1, keepdims=True), 1e-20)
        return np.maximum(uniform_filter1d(np.median(excess, axis=0), 2 * SMOOTHING_BINS + 1), 0)

    def shape(self, spectrum: NDArray[np.float64]) -> tuple[float, float, float, float]:
        """Return the decaying cosine that is most like a click of this power spectrum.

        Its pitch in Hz, the end of its spectrum in Hz, the time constant of its decay in s, and its peak at the same
        energy.
        """
        hertz = np.fft.rfftfreq(self._n_fft, 1 / self._sample_rate)
        turns, rings, rates = 2 * np.pi * hertz, 2 * np.pi * RINGS_HZ[:, None, None], 1 / DECAYS_S[:, None]
        rings_and_decays = np.abs((rates + 1j * turns) / ((rates + 1j * turns) ** 2 + rings**2)).reshape(-1, len(hertz))
        # a low-pass of the fourth order
        ends = 1 / np.sqrt(1 + (hertz / ENDS_HZ[:, None]) ** 8)
        energy = np.square(rings_and_decays) @ np.square(ends).T
        likeness = rings_and_decays @ (ends * np.sqrt(spectrum)).T / np.sqrt(energy)
        # what rings above the low-pass is shaped by that alone
        likeness[np.repeat(RINGS_HZ, len(DECAYS_S))[:, None] > ENDS_HZ] = 0
        best, end = np.unravel_index(likeness.argmax(), likeness.shape)
        ring, decay = np.divmod(best, len(DECAYS_S))
        peak = float(np.sqrt(spectrum.sum() / energy[best, end])) / self._sample_rate
        return float(RINGS_HZ[ring]), float(ENDS_HZ[end]), float(DECAYS_S[decay]), peak


def _cut(samples: NDArray[np.float32], starts: NDArray[np.intp], length: int) -> NDArray[np.float64]:
    """Return excerpts, shape (len(starts), length); beyond the ends the last sample stays."""
    return np.asarray(samples[np.clip(starts[:, None] + np.arange(length), 0, len(samples) - 1)], float)


def _levels(size: NDArray[np.float32], hop: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the deviation around each hop, the largest of before, after and usual, and the usual one."""
    windows = np.lib.stride_tricks.sliding_window_view(size, LEVEL_HOPS * hop)[::hop, ::THINNED]
    # the deviation of a Gaussian by its median
    level = np.maximum(np.median(windows, axis=1).astype(np.float64) / 0.6745, 1e-12)
    # window k covers the hops k to k + LEVEL_HOPS
    hops = np.arange(len(size) // hop)
    before, after, usual = (
        values[np.clip(hops + shift, 0, len(level) - 1)]
        for values, shift in (
            (level, -LEVEL_HOPS - GUARD_HOPS),
            (level, 1 + GUARD_HOPS),
            (median_filter(level, STEADY_HOPS), -LEVEL_HOPS // 2),
        )
    )
    return np.maximum(np.maximum(before, after), usual), usual


def _without_music(found: _Found, growth: NDArray[np.float64]) -> tuple[_Found, float]:
    """Return clicks that do not come with the music, and the share of the time in which they were counted.

    Parameters
    ----------
    found : _Found
    growth : ndarray, shape (n,)
        Rank from 0 to 1 of how much the music grows around each.
    """
    ranks = growth[found.deviations > LARGE]
    if len(ranks) == 0 or ranks.mean() < 0.5 + CHANCE / np.sqrt(12 * len(ranks)):
        return found, 1.0
    return found.chosen(growth < (COUNTED if ranks.mean() <= MUSICAL else 0)), COUNTED


def _scratches(times_s: NDArray[np.float64], seconds: float) -> tuple[NDArray[np.bool_], float]:
    """Return which clicks come back once a turn, and the turns per second; none and 0 where there is no scratch."""
    best, found, rate = 0.0, np.zeros(len(times_s), bool), 0.0
    for turns_hz in TURNS_HZ:
        bins = int(1 / (turns_hz * RETURN_SECONDS))
        chance = len(times_s) / bins
        for hz in turns_hz * (1 + np.linspace(-TURNS_TOLERANCE, TURNS_TOLERANCE, 41)):
            phase = (times_s * hz * bins).astype(int) % bins
            count = np.bincount(phase, minlength=bins)
            # a scratch may lie across the border of two bins
            count = count + np.roll(count, -1)
            top = int(count.argmax())
            least = max(best + 2 * chance, SCRATCH_FACTOR * 2 * chance, SCRATCH_SHARE * seconds * turns_hz)
            if count[top] > least:
                best, rate = count[top] - 2 * chance, turns_hz
                found = (phase == top) | (phase == (top + 1) % bins)
    return found, rate
