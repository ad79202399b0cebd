"""Confidence intervals of means, and the growth of costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

RESAMPLES = 10_000
SEED = 0
FEWEST = 5  # values: fewer are too few for a bootstrap


class Estimate(NamedTuple):
    """A mean and its 95 % interval; NaN where there are too few values."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        interval = f" ({self.low:.3f} to {self.high:.3f})" if self.low <= self.high else ""
        return f"{self.mean:.3f}{interval}"


def bootstrap(values: ArrayLike) -> Estimate:
    """Return the mean and its percentile bootstrap interval (Efron 1979), by a fixed seed.

    Parameters
    ----------
    values : array_like, shape (n,)
        One a pair: pairs are what is drawn anew, so the interval says what other pairs could have shown.
    """
    sample = np.asarray(values, float)
    if len(sample) < FEWEST:
        return Estimate(float(sample.mean()), float("nan"), float("nan"))
    drawn = np.random.default_rng(SEED).integers(len(sample), size=(RESAMPLES, len(sample)))
    low, high = np.quantile(sample[drawn].mean(axis=1), (0.025, 0.975))
    return Estimate(float(sample.mean()), float(low), float(high))


def growth(sizes: ArrayLike, costs: ArrayLike) -> float:
    """Return b of cost = a size^b, by least squares on logarithms: 0 is constant, 1 linear."""
    return float(np.polyfit(np.log(np.asarray(sizes, float)), np.log(np.asarray(costs, float)), 1)[0])
