"""How many clicks a record has in all, from the sizes of those that stand out of its music.

Sizes of clicks are distributed in known ways. A click is found where its size exceeds a threshold, which moves with the
music; how far those that are found exceed it tells how many stay below.
"""

from __future__ import annotations

from functools import cache

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
# Deviation with which the logarithm of a size is measured, and the share of what is found that is no click.
MEASURED_SD, NO_CLICKS = 0.2, 0.01
# The median size over the median threshold, as a logarithm: what is tried, in steps, and its deviation before any
# click is seen.
DEPTHS, DEPTH_SD = np.arange(-60, 101, 4), 1.5


def clicks_in_all(sizes: NDArray[np.float64], thresholds: NDArray[np.float64]) -> tuple[float, float]:
    """Estimate how many clicks there are, and their median size.

    Clicks are a Poisson process: the likelihood of those that were found is that of their sizes, given that each
    exceeds a threshold. The estimates are posterior means over the laws and their parameters.

    Parameters
    ----------
    sizes : ndarray, shape (n,)
        Of the clicks that were found.
    thresholds : ndarray, shape (times,)
        The least size that is found, all along the record.

    Returns
    -------
    count : float
        0 where none was found.
    median_size : float
    """
    base = float(np.log(np.median(thresholds)))
    prior, log_density, exceeding = _laws()
    # (depths, laws)
    found_share = _summed(thresholds, base, exceeding) / len(thresholds)
    likelihood = _summed(sizes, base, log_density) - len(sizes) * np.log(found_share)
    likelihood += prior - 0.5 * np.square(STEP * DEPTHS / DEPTH_SD)[:, None]
    weight = np.exp(likelihood - likelihood.max())
    weight /= weight.sum()
    count = len(sizes) * np.exp(-float((weight * np.log(found_share)).sum()))
    return float(count), float(np.exp(base + STEP * (weight.sum(axis=1) @ DEPTHS)))


def _summed(sizes: NDArray[np.float64], base: float, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over sizes of what a table, shape (laws, len(RELATIVE)), has for each, shape (depths, laws)."""
    places = np.round((np.log(sizes) - base - RELATIVE[0]) / STEP).astype(int)
    counts = np.bincount(np.clip(places, 0, len(RELATIVE) - 1), minlength=len(RELATIVE))
    reach = int(DEPTHS.max())
    padded = np.pad(table, ((0, 0), (reach, reach)), mode="edge")
    moved = np.lib.stride_tricks.sliding_window_view(padded, len(RELATIVE), axis=1)[:, reach - DEPTHS]
    return np.asarray((moved @ counts).T)


@cache
def _laws() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the logarithm of how likely each law is, of its density, and the share above each size, as measured.

    Shapes (laws,), (laws, len(RELATIVE)) twice.
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
    density = (1 - NO_CLICKS) * density / density.sum(axis=1, keepdims=True) + NO_CLICKS / len(RELATIVE)
    exceeding = np.cumsum(density[:, ::-1], axis=1)[:, ::-1]
    return np.tile(-0.5 * np.square(DEVIATIONS), 3), np.log(density), exceeding
