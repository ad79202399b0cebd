"""A record's stationary noise, read between and below its music.

The power of noise in a patch of time and frequency has a known distribution (gamma), that of music has not: it is
spread much wider. So the low quantiles of many patches tell two things. Scaled by the gamma distribution's own
quantiles each is an estimate of the noise, and where the estimates of several quantiles agree, noise is what was seen;
where they differ, music covers it, and the lowest is no more than a bound (minimum statistics: Martin, "Noise power
spectral density estimation based on optimal smoothing and minimum statistics", IEEE Trans. Speech Audio Process. 9,
2001).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_opening
from scipy.special import gammaincinv

from retrotone.style.reading.spectrum import HALF_BAND, HZ, NOTHING_DB, kaiser, n_fft_for, quantiles
from retrotone.types import Matrix

QUANTILES = (0.02, 0.1, 0.3, 0.5)
# dB by which the estimates of two quantiles may differ: noise alone stays within .5. The second where few do.
AGREEMENT_DB, LOOSE_AGREEMENT_DB = 0.7, 1.0
# Music raises the lowest level of a band by some EXCESS_DB[0] + EXCESS_DB[1] times the square of that difference; on
# average by this share of it. Measured on 30 pieces of music with noise put under them.
EXCESS_DB, MEAN_EXCESS = (0.3, 5.0), 0.7
# Bins in a patch up to a frequency in Hz: few in the bass, where bands are narrow.
PATCH_BINS = ((300.0, 3), (1000.0, 5), (np.inf, 8))
# Frames x bins in a patch, at least.
PATCH_CELLS = 16
# dB by which the upper quantiles of a patch in which noise is steady for half of the time differ at most.
STEADY_DB = 1.5
# dB by which the noise of the side may differ from that of the channels.
SAME_DB = 1.0
# Share of their median that the power of noise falls to in a fade or in digital silence.
FADED = 0.4
# Bands that must be sure in all: fewer are the gap above a codec's cut, or chance.
FEWEST_SURE = 4
# Hz around a tone that it fills.
TONE_HZ = 30.0
# Bands in a row that must agree: fewer may be a held note. Above TREBLE_HZ, where bands are wide, two.
FEWEST_BANDS, TREBLE_HZ = 3, 2000.0
# dB per octave: by which hiss rises, and how much that varies; by which rumble falls.
TILT_DB, TILT_SD_DB, RUMBLE_DB = -0.3, 1.0, 12.0
# Orders of the low-pass that ends hiss, its lowest knee, and octaves by which that may lie below all bands that are
# sure.
ORDERS, KNEES_HZ, KNEE_SD = (1, 2, 3, 4, 6, 8), 1800.0, 0.5
# The hiss is fitted down to this frequency and level. dB by which a band of noise may differ from it by chance, the
# cost of one that lies farther below, and by which the hiss itself may differ from its model.
LOWEST_HISS_HZ, HISS_RANGE_DB, SEEN_SD_DB, FARTHEST_BELOW, MODEL_SD_DB = 250.0, 20.0, 0.6, 8.0, 1.5
# Where no noise is sure above, the record has no hiss.
HISS_HZ = 1000.0
# Noise shows best at the top, where music is weakest. What shows in none of so many octaves below the highest band that
# is not empty is a drone or dense music; empty is what holds less than the noise of 16 bits, in dB per Hz.
TOP_OCTAVES, EMPTY_DB = 1.0, -120.0
# Patches in which noise must be steady for half of the time before fades are looked for.
STEADY_PATCHES = 8


@dataclass(frozen=True)
class Floor:
    """The stationary noise of a record.

    Attributes
    ----------
    level_db : ndarray, shape (len(HZ),)
        Density in dB per Hz, for a programme at -20 LUFS; between bands that are sure it is interpolated.
    sure : ndarray of bool, shape (len(HZ),)
        Where noise itself was seen.
    """

    level_db: NDArray[np.float64]
    sure: NDArray[np.bool_]

    @property
    def rms_db(self) -> float:
        """Return the level from 30 Hz to 16 kHz, in dB re full scale."""
        heard = (HZ > 30) & (HZ < 16_000)
        width = HZ * (HALF_BAND - 1 / HALF_BAND)
        return float(10 * np.log10(np.sum((width * 10 ** (self.level_db / 10))[heard])))


def read_floor(
    densities: Sequence[Matrix], sample_rate: int, tones_hz: Sequence[float] = (), side: Sequence[Matrix] = ()
) -> Floor:
    """Estimate the noise from power densities.

    Parameters
    ----------
    densities : sequence of ndarray, shape (frames, bins)
        Of every channel and piece of the record, as `retrotone.style.reading.spectrum.densities` gives them.
    sample_rate : int
        In Hz.
    tones_hz : sequence of float
        Steady tones that are no noise.
    side : sequence of ndarray, shape (frames, bins)
        The same of the difference of two channels over the root of 2. Noise of its own in each channel has the same
        density there, and most music has less.

    Returns
    -------
    Floor
    """
    bound, apart = _lowest(densities, sample_rate, tones_hz)
    if side:
        side_bound, side_apart = _lowest(side, sample_rate, tones_hz)
        both = (apart < AGREEMENT_DB) & (side_apart < AGREEMENT_DB)
        if not both.any() or abs(np.median((side_bound - bound)[both])) < SAME_DB:
            lower = (side_apart < apart) & (side_bound < bound)
            bound, apart = np.where(lower, side_bound, bound), np.where(lower, side_apart, apart)
    return _completed(bound, apart)


def _lowest(
    densities: Sequence[Matrix], sample_rate: int, tones_hz: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each band its lowest level in dB per Hz, and how far the estimates of it differ in dB."""
    centres, patches = _patches(densities, sample_rate)
    level, spread, upper_spread = _quantiles(patches, sample_rate)
    largest, _ = patches[-1]
    steady = upper_spread[-largest.shape[1] :] < STEADY_DB
    if len(largest) and steady.sum() >= STEADY_PATCHES:
        # where even the steady noise falls, the record was faded or cut
        power = largest[:, steady].mean(axis=1)
        kept = power > FADED * np.median(power)
        if not kept.all():
            level, spread, _ = _quantiles([(values[kept], size) for values, size in patches], sample_rate)
    for hz in tones_hz:
        spread[np.abs(centres - hz) < TONE_HZ] = np.inf
    bound, apart = np.full(len(HZ), NOTHING_DB), np.full(len(HZ), np.inf)
    # above the Nyquist frequency there is nothing
    for band in np.flatnonzero(sample_rate / 2 > HZ * HALF_BAND):
        inside = (centres >= HZ[band] / HALF_BAND) & (centres < HZ[band] * HALF_BAND)
        if not inside.any():
            inside[np.argmin(np.abs(centres - HZ[band]))] = True
        bound[band] = 10 * np.log10(np.mean(10 ** (level[inside] / 10)))
        apart[band] = np.median(spread[inside])
    return bound, apart


def _patches(densities: Sequence[Matrix], sample_rate: int) -> tuple[NDArray[np.float64], list[tuple[Matrix, int]]]:
    """Return the centres of all patches in Hz, and for each patch size the powers, shape (times, patches), and bins."""
    n_fft = n_fft_for(sample_rate)
    hz_per_bin = sample_rate / n_fft
    # bins below 20 Hz are not heard
    start, centres, patches = max(round(20 / hz_per_bin), 1), [], []
    longest = max(_frames(size) for _, size in PATCH_BINS)
    for high_hz, size in PATCH_BINS:
        stop = int(min(high_hz / hz_per_bin, n_fft // 2))
        count, frames = max((stop - start) // size, 0), _frames(size)
        values = []
        for density in densities:
            # a product with ones is slower, and BLAS warned now and then of values that were never there
            cells = np.einsum("ijk->ij", density[:, start : start + count * size].reshape(-1, count, size))
            # as many times for every size
            times = max(len(density) - longest, 0)
            values.append(sum(cells[late : late + times] for late in range(1, frames + 1)) / np.float32(frames * size))
        patches.append((np.concatenate(values), size))
        centres.append((start + size * (np.arange(count) + 0.5) - 0.5) * hz_per_bin)
        start += count * size
    return np.concatenate(centres), patches


def _frames(size: int) -> int:
    return max(3, -(-PATCH_CELLS // size))


def _quantiles(
    patches: Sequence[tuple[Matrix, int]], sample_rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return for each patch the lowest estimate in dB per Hz, and how far the lower and the upper ones differ."""
    levels, differences = [], []
    for values, size in patches:
        freedom = _degrees_of_freedom(_frames(size), size, sample_rate)
        if len(values) == 0:
            values = np.full((1, values.shape[1]), 0.0, np.float32)
        scaled = quantiles(values, QUANTILES) / (gammaincinv(freedom, QUANTILES) / freedom)[:, None]
        estimates = 10 * np.log10(scaled + 10 ** (NOTHING_DB / 10))
        levels.append(estimates[0])
        differences.append(np.diff(estimates, axis=0))
    difference = np.concatenate(differences, axis=1)
    return np.concatenate(levels), difference[:-1].max(axis=0), difference[-1]


def _degrees_of_freedom(frames: int, bins: int, sample_rate: int) -> float:
    """Return the shape of the gamma distribution of the mean power in a patch of white noise."""
    window = kaiser(n_fft_for(sample_rate)).astype(np.float64)
    half = len(window) // 2
    # correlation of the powers of neighbouring bins and of frames half a window apart
    across = np.abs(np.fft.rfft(np.square(window))[:bins]) ** 2
    across /= across[0]
    over = (window[:half] @ window[half:] / (window @ window)) ** 2
    lags = np.arange(1, bins)
    variance = (bins + 2 * ((bins - lags) * across[1:]).sum()) / bins**2
    return float(1 / (variance * (frames + 2 * (frames - 1) * over) / frames**2))


def _completed(bound: NDArray[np.float64], apart: NDArray[np.float64]) -> Floor:
    """Tell noise from music, and fill bands that music covers by what the others tell of the noise."""
    sure = _agreeing(apart, AGREEMENT_DB)
    if sure.sum() < FEWEST_SURE:
        sure = _agreeing(apart, LOOSE_AGREEMENT_DB)
    lowest_hz = HZ[bound > EMPTY_DB].max(initial=0.0) * 2**-TOP_OCTAVES
    if sure.sum() < FEWEST_SURE or not sure[lowest_hz < HZ].any():
        return Floor(np.full(len(HZ), NOTHING_DB), np.zeros(len(HZ), bool))
    excess = EXCESS_DB[0] + EXCESS_DB[1] * np.square(np.where(sure, apart, np.inf))
    noise = 10 * np.log10(10 ** (_hiss(bound, excess, sure) / 10) + 10 ** (_rumble(bound, sure) / 10))
    trust = 1 / (1 + np.square(excess / MODEL_SD_DB))
    seen = np.where(sure, bound - np.where(sure, MEAN_EXCESS * excess, 0), noise)
    return Floor(np.minimum(trust * seen + (1 - trust) * noise, bound), sure)


def _agreeing(apart: NDArray[np.float64], agreement_db: float) -> NDArray[np.bool_]:
    """Return the bands whose estimates agree, and those of a few neighbours too."""
    certain = apart < agreement_db
    treble = binary_opening(certain, np.ones(2, bool)) & (HZ > TREBLE_HZ)
    return np.asarray(binary_opening(certain, np.ones(FEWEST_BANDS, bool)) | treble)


def _hiss(bound: NDArray[np.float64], excess: NDArray[np.float64], sure: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the hiss that agrees with all bands, shape (len(HZ),): the posterior mean of an evenly tilted density.

    Such hiss ends in a low-pass. No band is below it but by chance, and above it by the music's excess.

    Parameters
    ----------
    bound, excess : ndarray, shape (len(HZ),)
        The lowest level of each band, and by how much music may have raised it; in dB.
    sure : ndarray of bool, shape (len(HZ),)
    """
    treble = sure & (HZ > HISS_HZ)
    if not treble.any():
        return np.full(len(HZ), NOTHING_DB)
    octaves = np.log2(HZ / 1000)
    # what lies far below the loudest hiss is seen, or is not heard
    used = (HZ > LOWEST_HISS_HZ) & (bound > bound[treble].max() - HISS_RANGE_DB)
    first = octaves[treble & used].min()
    # the last knee stands for none
    ends = np.append(octaves[HZ > KNEES_HZ], 6.0)
    grid = np.meshgrid(ends, ORDERS, np.arange(-2.5, 2.6, 0.5), indexing="ij")
    # (shapes, 1) each
    knees, orders, tilts = (values.reshape(-1, 1) for values in grid)
    shapes = tilts * octaves - 10 * np.log10(1 + 2.0 ** (2 * orders * (octaves - knees)))
    # (shapes, levels), and (shapes, levels, bands)
    levels = (bound - shapes)[:, treble & used].min(axis=1, keepdims=True) + np.arange(-3.0, 4.1, 0.5)
    rest = (bound - shapes)[:, None, used] - levels[..., None]
    turn = SEEN_SD_DB**2 / excess[used]
    above = np.where(rest < turn, np.square(rest / SEEN_SD_DB) / 2, (rest - turn / 2) / excess[used])
    cost = np.where(rest < 0, np.minimum(np.square(rest / SEEN_SD_DB) / 2, FARTHEST_BELOW), above).sum(axis=2)
    cost += np.square((tilts - TILT_DB) / TILT_SD_DB) / 2
    cost += np.square(np.minimum(knees - first, 0) / KNEE_SD) / 2
    share = np.exp(cost.min() - cost)
    return np.asarray(((share * levels).sum() + share.sum(axis=1) @ shapes) / share.sum())


def _rumble(bound: NDArray[np.float64], sure: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the rumble, shape (len(HZ),): what is sure in the bass, and falls from there."""
    bass = np.flatnonzero(sure & (HZ < HISS_HZ))
    if len(bass) == 0:
        return np.full(len(HZ), NOTHING_DB)
    last = bass[-1]
    rumble = np.interp(np.log2(HZ), np.log2(HZ[bass]), bound[bass])
    rumble[last:] = bound[last] - RUMBLE_DB * np.log2(HZ[last:] / HZ[last])
    return rumble
