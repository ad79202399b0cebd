"""Calibration: confidence that equals accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrotone.genre.discriminant import normalised, track_means
from retrotone.genre.evidence import Rows

# The range searched.
LOG_TEMPERATURES = (-3.0, 3.0)


def temperature(log_probabilities: Rows, truth: NDArray[np.intp]) -> float:
    """Return the temperature that calibrates log-probabilities divided by it (Guo et al. 2017).

    It minimises the cross-entropy. The targets are Platt's (1999), short of 0 and 1, so that a few validation tracks
    that are all right do not give unlimited confidence.

    Parameters
    ----------
    log_probabilities : ndarray, shape (tracks, genres)
        Of validation tracks.
    truth : ndarray, shape (tracks,), int
        Their genres, as column numbers.
    """
    from scipy.optimize import minimize_scalar

    tracks, genres = log_probabilities.shape
    targets = np.full((tracks, genres), 1 / (tracks + genres))
    targets[np.arange(tracks), truth] = (tracks + 1) / (tracks + genres)

    def surprise(log_temperature: float) -> float:
        return -float((targets * normalised(log_probabilities / np.exp(log_temperature))).sum())

    return float(np.exp(minimize_scalar(surprise, bounds=LOG_TEMPERATURES, method="bounded").x))


def best_scale(scores: Rows, lengths: Sequence[int], truth: NDArray[np.intp], weights: Rows) -> float:
    """Return the factor of scores under which the true genres are most likely.

    Parameters
    ----------
    scores : ndarray, shape (repeats, rows, genres)
        Of the rows of all tracks, one after the other.
    lengths : sequence of int, length tracks
        How many rows each track has.
    truth : ndarray, shape (tracks,), int
        The genres, as column numbers.
    weights : ndarray, shape (tracks,)
    """
    from scipy.optimize import minimize_scalar

    def surprise(log_scale: float) -> float:
        likely = track_means(normalised(np.exp(log_scale) * scores), lengths)
        return -float((likely[:, np.arange(len(truth)), truth] @ weights).sum())

    return float(np.exp(minimize_scalar(surprise, bounds=(-5, 2), method="bounded").x))


def honest_sharpness(pooled: Rows, truth: NDArray[np.intp], weights: Rows) -> float:
    """Return the factor of log-probabilities under which mean confidence equals accuracy.

    If all n tracks are right, accuracy counts as (n + 1) / (n + 2), by Laplace's rule of succession: a few tracks do
    not give unlimited confidence.

    Parameters
    ----------
    pooled : ndarray, shape (repeats, tracks, genres)
        Log-probabilities.
    truth : ndarray, shape (tracks,), int
        The genres, as column numbers.
    weights : ndarray, shape (tracks,)
    """
    right = (pooled.argmax(axis=-1) == truth).mean(axis=0)
    accuracy = min(float(np.average(right, weights=weights)), (len(truth) + 1) / (len(truth) + 2))
    low, high = -4.0, 3.0
    for _ in range(40):
        middle = (low + high) / 2
        confidence = np.exp(normalised(np.exp(middle) * pooled)).max(axis=-1).mean(axis=0)
        if np.average(confidence, weights=weights) < accuracy:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))
