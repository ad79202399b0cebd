"""The band of a record: where its medium cuts the music off, below and above.

The long-term spectrum without its noise, less that of much music, is what the medium did and how this music differs
from others. The latter is smooth: a Gaussian process over frequency with heavy tails (a Student process; Shah et al.,
"Student-t processes as alternatives to Gaussian processes", AISTATS 2014), whose scales were fitted to 315 pieces of
music. A medium's edge is steep. So every corner and slope is tried, and the one whose removal leaves the likeliest
music wins. A dark piece of music is no edge, because a tilt costs the process little. Where a file holds nothing more,
its sample rate or a codec ended the band.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrotone.style.reading.floor import EMPTY_DB, Floor
from retrotone.style.reading.spectrum import HALF_BAND, HZ, NOTHING_DB, average_music

Curve = NDArray[np.float64]

OCTAVES: Curve = np.log2(HZ / 1000)
# dB: the level of a recording's spectrum as a whole is free.
LEVEL_SD_DB = 5.0
FREEDOM = 5.0
# dB by which music must stand above the noise to be read.
VISIBLE_DB = 3.0
# The rule of telephony: in a balanced band the product of both edges is some 500,000 Hz^2; the spread, in octaves, is
# that of the bundled eras.
BALANCE_HZ2, BALANCE_SD = 5e5, 0.5
# Where the music ends, before it is looked at: the noisier a medium, the narrower. Octaves above 1 kHz where the noise
# between 0.7 and 3 kHz has the reference density in dB per Hz, and per dB less, as the bundled eras and real sides have
# it.
AT_REFERENCE, REFERENCE_DB, PER_DB, BAND_SD = 2.2, -82.0, 0.085, 0.6
# Even the noisiest of eight real sides of 78 rpm ended no lower; octaves above 1 kHz.
LOWEST_END = 1.85
# Music mostly ends where the noise does, which passes the same machine, to these octaves; but a worn disc on a better
# player has noise far above its music, so less so the farther the two are apart.
KNEE_SD, BY_KNEE, KNEE_AGREES_SD = 0.35, 0.7, 0.8
# Music hardly goes on above the end of the noise; octaves.
ABOVE_KNEE, ABOVE_SD = 0.2, 0.5
# Chance of anything else, in this many octaves.
OTHERWISE, OTHERWISE_OCTAVES = 0.15, 4.0
# A corner is sure when twice its log likelihood exceeds that of none by this, and it is known to within these octaves.
EVIDENCE, PRECISION = 10.0, 0.45
# Octaves beyond which no evidence makes it sure.
VAGUE = 0.6
# Corners that are tried, and the one above which nothing is cut that could be heard.
CORNERS_HZ, BEYOND_HZ = 1000 * 2.0 ** (np.arange(6, 55) / 12), 15_000.0
# Above, a low edge is what the instruments left out unless the evidence is strong.
WIDE_HZ = 12_000.0
# A file ends where its spectrum falls by so many dB within two bands and is empty from there on; machines of the order
# 8 fall by 16 dB. The end is known to half a band.
FALL_DB, FILE_ORDER, END_OCTAVES = 25.0, 12, 1 / 12


@dataclass(frozen=True)
class Prior:
    """How music varies around the average, over frequency.

    Attributes
    ----------
    ripple_db, ripple_octaves, trend_db, trend_octaves : float
        Deviation and length of its short and its long fluctuations.
    noise_db : float
        Of a single band.
    """

    ripple_db: float
    ripple_octaves: float
    trend_db: float
    trend_octaves: float
    noise_db: float

    def covariance(self, first: Curve, second: Curve) -> NDArray[np.float64]:
        """Return the covariance of levels at two sets of frequencies, in octaves, shape (len(first), len(second))."""
        square = np.square(first[:, None] - second[None])
        ripple = self.ripple_db**2 * np.exp(-square / (2 * self.ripple_octaves**2))
        trend = self.trend_db**2 * np.exp(-square / (2 * self.trend_octaves**2))
        return np.asarray(ripple + trend + LEVEL_SD_DB**2)


# Fitted by maximum likelihood to the pieces that `average_music` averages.
TREBLE, BASS = Prior(2.07, 0.29, 6.53, 1.28, 2.12), Prior(3.79, 0.18, 6.49, 1.13, 2.78)


@dataclass(frozen=True)
class Edge:
    """An end of the band.

    Attributes
    ----------
    hz : float
        Corner of a Butterworth filter, 3 dB down.
    order : int
        Slope: 6 dB per octave each.
    octaves : float
        Standard deviation of the corner.
    evidence : float
        Twice the log likelihood ratio to no edge.
    """

    hz: float
    order: int
    octaves: float
    evidence: float

    @property
    def confidence(self) -> float:
        """From 0 to 1, by precision and evidence."""
        return float(np.clip(1 - self.octaves, 0, 1) * np.clip(self.evidence / (2 * EVIDENCE), 0.2, 1))


def highpass_db(corner_hz: float, order: int) -> Curve:
    """Return the gain of a Butterworth high-pass, shape (len(HZ),), in dB."""
    return np.asarray(-10 * np.log10(1 + (corner_hz / HZ) ** (2 * order)))


def lowpass_db(corner_hz: float, order: int) -> Curve:
    """Return the gain of a Butterworth low-pass, shape (len(HZ),), in dB."""
    return np.asarray(-10 * np.log10(1 + (HZ / corner_hz) ** (2 * order)))


def read_edges(spectrum_db: Curve, floor: Floor, hum_db: Curve) -> tuple[Edge | None, Edge | None]:
    """Find the lower and the upper edge of the music.

    Parameters
    ----------
    spectrum_db : ndarray, shape (len(HZ),)
        Long-term spectrum of the record, dB per Hz, for a programme at -20 LUFS; NaN above its Nyquist frequency.
    floor : Floor
    hum_db : ndarray, shape (len(HZ),)
        What hum adds to the spectrum, as `retrotone.style.reading.hum.hum_spectrum` gives it.

    Returns
    -------
    low, high : Edge or None
        None where the medium does not show.
    """
    noise = 10 * np.log10(10 ** (floor.level_db / 10) + 10 ** (np.nan_to_num(hum_db, nan=NOTHING_DB) / 10) + 1e-15)
    end = file_end(spectrum_db)
    present = np.isfinite(spectrum_db) & ((end.hz if end else np.inf) > HZ * HALF_BAND)
    excess = 10 ** (np.where(present, spectrum_db, -300.0) / 10) - 10 ** (noise / 10)
    music = 10 * np.log10(np.maximum(excess, 1e-20)) - average_music()
    visible = present & (spectrum_db - noise > VISIBLE_DB)
    hidden = present & ~visible
    # what noise hides is no louder than this
    bound = noise - 1 - average_music()
    knee_hz = noise_knee(floor)

    hiss_db = float(noise[(HZ > 700) & (HZ < 3000)].mean())
    expected = _Expectation(hiss_db, knee_hz) if floor.sure[HZ > 700].any() else None
    treble = _Fit(music, bound, visible & (HZ > 700), hidden & (HZ > 700), TREBLE)
    high = treble.best(CORNERS_HZ, (3, 4, 5, 6, 8, 10, 12), lowpass_db, expected.cost if expected else lambda hz: 0.0)
    if high is not None and expected is None and (high.evidence < EVIDENCE or high.octaves > PRECISION):
        high = None
    unsure = high is not None and (high.octaves > VAGUE or (high.evidence < EVIDENCE and high.octaves > PRECISION))
    if high is not None and expected and unsure:
        # this music does not tell: a dark piece must not make a good machine a bad one
        high = Edge(expected.hz, 4, BAND_SD, high.evidence)
    if end and (high is None or high.hz > end.hz):
        high = end
    if high is not None and high.hz > BEYOND_HZ:
        high = None

    # the balance is that of machines, and not of files
    top_hz = 16_000.0 if high is None or high is end else high.hz

    def balanced(hz: float) -> float:
        return float((np.log2(hz * top_hz / BALANCE_HZ2) / BALANCE_SD) ** 2)

    bass = _Fit(music, bound, visible & (HZ < 1500) & (HZ > 28), hidden & (HZ < 1500) & (HZ > 28), BASS)
    low = bass.best(1000 * 2.0 ** (np.arange(-57, -15) / 12), (2, 3, 4, 6), highpass_db, balanced)
    if low is not None and top_hz > WIDE_HZ and low.evidence < EVIDENCE:
        low = None
    return low, high


def file_end(spectrum_db: Curve) -> Edge | None:
    """Return where a file holds nothing more, by its sample rate or a codec; None where it goes on to the top."""
    level = np.where(np.isfinite(spectrum_db), spectrum_db, NOTHING_DB)
    for band in range(3, len(HZ) - 2):
        before, after = float(np.median(level[band - 3 : band + 1])), float(level[band + 2 :].max())
        if after < min(before - FALL_DB, EMPTY_DB):
            # the next band is full in part
            share = min(10 ** ((level[band + 1] - level[band]) / 10), 1.0)
            hz = HZ[band + 1] * HALF_BAND ** (2 * share - 1)
            return Edge(float(hz), FILE_ORDER, END_OCTAVES, 2 * EVIDENCE)
    return None


def noise_knee(floor: Floor) -> float | None:
    """Return where the noise begins to fall steeply, in Hz: the upper end of what the medium plays.

    None where it does not fall by 9 dB per octave over half an octave and more.
    """
    level, sure = floor.level_db, floor.sure
    for band in range(int(np.argmin(np.abs(HZ - 1500))), len(HZ) - 3):
        after = min(band + 6, len(HZ) - 1)
        falls = level[band] - level[band + 3] > 4.5 and level[band] - level[after] > 1.6 * (after - band)
        if sure[band : band + 4].all() and falls:
            return float(HZ[band] * 2 ** (1 / 12))
    return None


class _Expectation:
    """Where the music should end before it is looked at.

    Parameters
    ----------
    hiss_db : float
        Density of the noise in the middle of the band, dB per Hz.
    knee_hz : float or None
        Where the noise ends, see `noise_knee`.
    """

    def __init__(self, hiss_db: float, knee_hz: float | None) -> None:
        self._by_noise = max(AT_REFERENCE + PER_DB * (REFERENCE_DB - hiss_db), LOWEST_END)
        self._by_knee = float(np.log2((knee_hz or BEYOND_HZ) / 1000))
        apart = (self._by_knee - self._by_noise) / KNEE_AGREES_SD
        self._agreement = BY_KNEE * float(np.exp(-0.5 * apart**2)) if knee_hz else 0.0

    @property
    def hz(self) -> float:
        """The end that both kinds of evidence agree on, or that of the noise's level."""
        octaves = self._by_noise
        if self._agreement > BY_KNEE / 3:
            octaves = (self._by_noise + self._by_knee) / 2
        return float(1000 * 2**octaves)

    def cost(self, hz: float) -> float:
        """Return minus twice the log likelihood of an upper corner."""
        octaves = np.log2(hz / 1000)
        chance = OTHERWISE / OTHERWISE_OCTAVES + self._agreement * _normal(octaves - self._by_knee, KNEE_SD)
        chance += (1 - OTHERWISE - self._agreement) * _normal(octaves - self._by_noise, BAND_SD)
        above = max(octaves - self._by_knee - ABOVE_KNEE, 0.0) / ABOVE_SD
        return float(above**2 - 2 * np.log(chance))


def _normal(distance: float, deviation: float) -> float:
    """Return the density of a normal distribution at a distance from its mean."""
    return float(np.exp(-0.5 * (distance / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi)))


@dataclass(frozen=True)
class _Fit:
    """The likelihood of what a filter leaves of the music.

    Parameters
    ----------
    music, bound : ndarray, shape (len(HZ),)
        Levels less the average, in dB: where the music is seen, and the most that it can be where noise hides it.
    visible, hidden : ndarray of bool, shape (len(HZ),)
    prior : Prior
    """

    music: Curve
    bound: Curve
    visible: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    prior: Prior

    def best(
        self,
        corners: Curve,
        orders: Sequence[int],
        filter_db: Callable[[float, int], Curve],
        penalty: Callable[[float], float],
    ) -> Edge | None:
        """Return the posterior mean of the corner, or None where no music is seen."""
        seen = OCTAVES[self.visible]
        if len(seen) < 6:
            return None
        inverse = np.linalg.inv(self.prior.covariance(seen, seen) + self.prior.noise_db**2 * np.eye(len(seen)))
        onwards = self.prior.covariance(OCTAVES[self.hidden], seen)

        hertz, slopes = (values.reshape(-1) for values in np.meshgrid(corners, orders, indexing="ij"))
        # (1 + trials, len(HZ)): no filter, then each that is tried
        gains = np.array([np.zeros(len(HZ)), *map(filter_db, hertz, slopes)])
        rest = (self.music - gains)[:, self.visible]
        weights = rest @ inverse
        likelihoods = (FREEDOM + len(seen)) * np.log1p((rest * weights).sum(axis=1) / (FREEDOM - 2))
        # how far the music that noise hides would have to stand above it
        above = np.maximum(weights @ onwards.T + (gains - self.bound)[:, self.hidden], 0)
        without, *trials = likelihoods + 0.5 * np.log1p(np.square(above / 6)).sum(axis=1)
        costs = np.array(trials) + np.repeat([penalty(hz) for hz in corners], len(orders))
        share = np.exp(-0.5 * (costs - costs.min()))
        share /= share.sum()
        centre = share @ np.log2(hertz)
        deviation = np.sqrt(share @ np.square(np.log2(hertz) - centre))
        return Edge(float(2**centre), max(round(share @ slopes), 2), float(deviation), float(without - costs.min()))
