"""How many clicks a record has in all, from the sizes of those that stand out of its music.

Sizes of clicks are distributed in known ways. A click is found where its size exceeds a threshold, which moves with the
music; how far those that are found exceed it tells how many stay below.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrotone.style.media.noise import LARGEST_CLICK, TAIL_INDEX

# Logarithms of a size relative to the median.
STEP = 0.05
RELATIVE: NDArray[np.float64] = np.arange(-9.0, 9.0, STEP)
# Sizes are log-normal (Godsill and Rayner, "Digital Audio Restoration", 1998), Weibull or Pareto distributed. The
# deviation of the log size and the exponents of the others, and the deviation of the logarithm of each.
LOG_SIZE_SD, LOG_SIZE_SPREAD = 1.0, 0.2
EXPONENT, EXPONENT_SPREAD = 0.8, 0.25
INDEX_SPREAD = 0.2
# Parameters of each law that are tried, in deviations.
DEVIATIONS: NDArray[np.float64] = np.linspace(-2, 2, 9)
# Deviation with which the logarithm of a size is measured, and the share of clicks that follow no law.
MEASURED_SD, LAWLESS = 0.2, 0.001
# The logarithm of the median size over the median threshold: what is tried, in steps, and its deviation before any
# click is seen. Of clicks that lie deeper nearly all are hidden, and nothing tells how many.
DEPTHS, DEPTH_SD = np.arange(-40, 101, 4), 1.5
# Some of what is found is music or noise. Its logarithm over the threshold is exponentially distributed: with means of
# 0.38 in music without clicks, and of 0.02 to 0.3 beside the clicks of four songs, or beside blurred ones of a codec.
# Shares of what is found that are tried, and odds of a share of 1 before any click is seen. A record of which more were
# music would not stand out as clicks do.
MUSIC_EXCESS = 0.14
MUSIC_SHARES, MUSIC_ODDS = np.array([0.0, 0.01, 0.03, 0.1, 0.2, 0.4]), 0.001


def clicks_in_all(
    sizes: NDArray[np.float64], excesses: NDArray[np.float64], thresholds: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Estimate how many clicks there are, their median size, and how much of what was found is music.

    Clicks are a Poisson process: the likelihood of one that was found is that of its size, given that it exceeds a
    threshold. What the music alone makes is just above the threshold, wherever that lies. The estimates are posterior
    means over the laws, their parameters, and the share of the music.

    Parameters
    ----------
    sizes : ndarray, shape (n,)
        Of what was found.
    excesses : ndarray, shape (n,)
        Size over the threshold at that time, at least 1.
    thresholds : ndarray, shape (times,)
        The least size that is found, all along the record.

    Returns
    -------
    count : float
        0 where none was found.
    median_size : float
    music_share : float
        Of what was found.
    """
    base = float(np.log(np.median(thresholds)))
    prior, density, exceeding = _laws()
    # (laws, depths)
    found_share = exceeding @ np.bincount(_bins(thresholds, base), minlength=len(RELATIVE)) / len(thresholds)
    # (laws, depths, n)
    clicks = density[:, :, _bins(sizes, base)] / found_share[:, :, None]
    clicks = (1 - LAWLESS) * clicks + LAWLESS / len(RELATIVE)
    music = STEP / MUSIC_EXCESS * excesses ** (-1 / MUSIC_EXCESS)
    # (shares, laws, depths)
    likelihood = np.stack([np.log((1 - share) * clicks + share * music).sum(axis=2) for share in MUSIC_SHARES])
    likelihood += np.log(MUSIC_ODDS / np.maximum(MUSIC_SHARES, MUSIC_ODDS))[:, None, None]
    likelihood += prior[:, None] - 0.5 * np.square(STEP * DEPTHS / DEPTH_SD)
    weight = np.exp(likelihood - likelihood.max())
    weight /= weight.sum()
    # (shares,), (depths,)
    of_share, of_depth = weight.sum(axis=(1, 2)), weight.sum(axis=(0, 1))
    for_each = (1 - MUSIC_SHARES)[:, None, None] / found_share
    count, median_size = len(sizes) * np.exp((weight * np.log(for_each)).sum()), np.exp(base + STEP * of_depth @ DEPTHS)
    return float(count), float(median_size), float(of_share @ MUSIC_SHARES)


def _bins(sizes: NDArray[np.float64], base: float) -> NDArray[np.intp]:
    """Return where sizes lie in RELATIVE, seen from a threshold whose logarithm is `base`."""
    places = np.round((np.log(sizes) - base - RELATIVE[0]) / STEP)
    return np.asarray(np.clip(places, 0, len(RELATIVE) - 1), np.intp)


def _at_depths(table: NDArray[np.float64], mode: Literal["constant", "edge"]) -> NDArray[np.float64]:
    """Return a table, shape (laws, len(RELATIVE)), for all depths, shape (laws, depths, len(RELATIVE))."""
    reach = int(np.abs(DEPTHS).max())
    padded = np.pad(table, ((0, 0), (reach, reach)), mode)
    return np.lib.stride_tricks.sliding_window_view(padded, len(RELATIVE), axis=1)[:, reach - DEPTHS]


@cache
def _laws() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the logarithm of how likely each law is, its density, and the share above each size, as measured.

    Shapes (laws,), (laws, depths, len(RELATIVE)) twice.
    """
    spread = LOG_SIZE_SD * np.exp(LOG_SIZE_SPREAD * DEVIATIONS)[:, None]
    exponent = EXPONENT * np.exp(EXPONENT_SPREAD * DEVIATIONS)[:, None]
    index = TAIL_INDEX * np.exp(INDEX_SPREAD * DEVIATIONS)[:, None]
    normal = np.exp(-0.5 * np.square(RELATIVE / spread))
    # the exponential of more than 8 leaves nothing of a density
    weibull = np.exp(exponent * RELATIVE - np.log(2) * np.exp(np.minimum(exponent * RELATIVE, 8.0)))
    # the least size is that of which 2 ** (1 / index) is the median
    over_least = RELATIVE + np.log(2) / index
    pareto = np.where((over_least >= 0) & (over_least <= np.log(LARGEST_CLICK)), np.exp(-index * RELATIVE), 0.0)
    density = np.concatenate([normal, weibull, pareto])
    error = np.exp(-0.5 * np.square(np.arange(-4 * MEASURED_SD, 4 * MEASURED_SD + STEP / 2, STEP) / MEASURED_SD))
    density = np.stack([np.convolve(law, error, "same") for law in density])
    density /= density.sum(axis=1, keepdims=True)
    exceeding = np.cumsum(density[:, ::-1], axis=1)[:, ::-1]
    prior = np.tile(-0.5 * np.square(DEVIATIONS), 3)
    # a share of 0 has no logarithm
    return prior, _at_depths(density, "constant"), np.maximum(_at_depths(exceeding, "edge"), 1e-12)
