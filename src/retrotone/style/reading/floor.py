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

from retrotone.style.reading.spectrum import HALF_BAND, HZ, NOTHING_DB, kaiser, n_fft_for
from retrotone.types import Matrix

QUANTILES = np.array([0.02, 0.1, 0.3, 0.5])
# dB by which the estimates of two quantiles may differ: noise alone stays within .5.
AGREEMENT_DB = 1.5
# Bins in a patch up to a frequency in Hz: few in the bass, where bands are narrow.
PATCH_BINS = ((300.0, 3), (1000.0, 5), (np.inf, 8))
# Frames x bins in a patch, at least.
PATCH_CELLS = 16
# Share of their median that the power of noise falls to in a fade or in digital silence.
FADED = 0.4
# Bands that must be sure in all: fewer are the gap above a codec's cut, or chance.
FEWEST_SURE = 4
# Hz around a tone that it fills.
TONE_HZ = 30.0
# Bands in a row that must agree: fewer may be a held note. Above TREBLE_HZ, where bands are wide, two.
FEWEST_BANDS, TREBLE_HZ = 3, 2000.0
# Octaves between sure bands that are not simply bridged.
WIDE_GAP_OCTAVES = 2.0
# dB per octave: by which hiss goes on downwards, limits of the slope with which it begins, and by which rumble falls.
TILT_DB, SLOPES_DB, RUMBLE_DB = 1.0, (-9.0, 3.0), 12.0
# Where no noise is sure above, the record has no hiss.
HISS_HZ = 1000.0
# Patches in which noise must be steady for half of the time before fades are looked for.
STEADY_PATCHES = 8


@dataclass(frozen=True)
class NoiseFloor:
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


def read_floor(densities: Sequence[Matrix], sample_rate: int, tones_hz: Sequence[float] = ()) -> NoiseFloor:
    """Estimate the noise from power densities.

    Parameters
    ----------
    densities : sequence of ndarray, shape (frames, bins)
        Of every channel and piece of the record, as `retrotone.style.reading.spectrum.densities` gives them.
    sample_rate : int
        In Hz.
    tones_hz : sequence of float
        Steady tones that are no noise.

    Returns
    -------
    NoiseFloor
    """
    centres, patches = _patches(densities, sample_rate)
    level, spread, upper_spread = _quantiles(patches, sample_rate)
    largest, _ = patches[-1]
    steady = upper_spread[-largest.shape[1] :] < AGREEMENT_DB
    if len(largest) and steady.sum() >= STEADY_PATCHES:
        # where even the steady noise falls, the record was faded or cut
        power = largest[:, steady].mean(axis=1)
        kept = power > FADED * np.median(power)
        if not kept.all():
            level, spread, _ = _quantiles([(values[kept], size) for values, size in patches], sample_rate)
    for hz in tones_hz:
        spread[np.abs(centres - hz) < TONE_HZ] = np.inf
    return _in_bands(centres, level, spread, sample_rate)


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
            cells = density[:, start : start + count * size].reshape(len(density), count, size).mean(axis=2)
            total = np.cumsum(cells, axis=0, dtype=np.float64)
            mean = (total[frames:] - total[:-frames]) / frames
            # as many times for every size
            values.append(mean[: max(len(density) - longest, 0)])
        patches.append((np.concatenate(values).astype(np.float32), size))
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
        scaled = np.quantile(values, QUANTILES, axis=0) / (gammaincinv(freedom, QUANTILES) / freedom)[:, None]
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


def _in_bands(
    centres: NDArray[np.float64], level: NDArray[np.float64], spread: NDArray[np.float64], sample_rate: int
) -> NoiseFloor:
    """Gather patches in bands, and fill bands that music covers from those that are sure."""
    bound, certain = np.full(len(HZ), NOTHING_DB), np.zeros(len(HZ), bool)
    for band, hz in enumerate(HZ):
        inside = (centres >= hz / HALF_BAND) & (centres < hz * HALF_BAND)
        if not inside.any():
            inside[np.argmin(np.abs(centres - hz))] = True
        bound[band] = 10 * np.log10(np.mean(10 ** (level[inside] / 10)))
        certain[band] = np.median(spread[inside]) < AGREEMENT_DB
    runs = binary_opening(certain, np.ones(FEWEST_BANDS, bool)) | (
        binary_opening(certain, np.ones(2, bool)) & (HZ > TREBLE_HZ)
    )
    # above the Nyquist frequency there is nothing
    sure = runs & (sample_rate / 2 > HZ * HALF_BAND)
    bound[sample_rate / 2 <= HZ * HALF_BAND] = NOTHING_DB
    if sure.sum() < FEWEST_SURE:
        return NoiseFloor(np.full(len(HZ), NOTHING_DB), np.zeros(len(HZ), bool))
    return NoiseFloor(np.minimum(_filled(bound, sure), bound), sure)


def _filled(level: NDArray[np.float64], sure: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return levels that continue those of sure bands, shape (len(HZ),).

    Across short gaps they are interpolated. A wide one lies between rumble, which falls fast, and hiss, which goes on
    down with the slope that it has, then by a little per octave.
    """
    octaves, bands = np.log2(HZ), np.flatnonzero(sure)
    filled = np.interp(octaves, octaves[bands], level[bands])
    ends = (
        [-1, *bands[:-1][np.diff(bands) > 1], bands[-1]] if bands[0] else [*bands[:-1][np.diff(bands) > 1], bands[-1]]
    )
    for end in ends[:-1]:
        start = int(bands[bands > end][0])
        gap = np.arange(end + 1, start)
        below = octaves[start] - octaves[gap]
        if end >= 0 and octaves[start] - octaves[end] <= WIDE_GAP_OCTAVES:
            continue
        run = np.arange(start, min(start + 4, len(HZ)))
        run = run[sure[run]]
        slope = np.polyfit(octaves[run], level[run], 1)[0] if len(run) > 2 else 0.0
        first = np.minimum(below, 1.0)
        hiss = level[start] - np.clip(slope, *SLOPES_DB) * (first - first**2 / 2) + TILT_DB * (below - first)
        rumble = level[end] - RUMBLE_DB * (octaves[gap] - octaves[end]) if end >= 0 else np.full(len(gap), NOTHING_DB)
        filled[gap] = 10 * np.log10(10 ** (hiss / 10) + 10 ** (rumble / 10))
    if HZ[bands[-1]] < HISS_HZ:
        # nothing tells of hiss
        above = np.arange(bands[-1] + 1, len(HZ))
        filled[above] = level[bands[-1]] - RUMBLE_DB * (octaves[above] - octaves[bands[-1]])
    return filled
