"""Calibration: confidence that equals accuracy, and the range of known music.

Sound that is not music gets a genre, too, but its columns lie farther out than those of music (`Domain`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrotone.features.analysis import Analysis
from retrotone.features.key import is_clear
from retrotone.genre.discriminant import normalised, track_means
from retrotone.genre.evidence import Rows, evidence

# The range searched.
LOG_TEMPERATURES = (-3.0, 3.0)
# The share of known music that may be called strange.
STRANGE_SHARE = 0.02
# Without a clear key, as in speech, a track is strange at this distance already. Seven voices of espeak-ng, aged as the
# 1910s to 1950s, lie beyond 0.87; the 13 of GTZAN's 257 tracks with audio that have no clear key lie within 0.82.
KEYLESS_DISTANCE = 0.85
# Of the covariance of known music's columns towards a multiple of the identity.
SHRINKAGE = 0.1


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


@dataclass(frozen=True)
class Domain:
    """Where known music lies: its `centre`, (numbers,), and the `axes`, (numbers, numbers), that whiten it."""

    centre: Rows
    axes: Rows

    def distance(self, rows: Rows) -> float:
        """Return how far a track's columns, shape (1, numbers), lie from the centre; over 1 they are strange."""
        return float(np.linalg.norm((rows[0] - self.centre) @ self.axes))

    def strangeness(self, analysis: Analysis) -> float | None:
        """Return how unlike known music a track is, strange over 1; None without columns."""
        columns = evidence(analysis, "columns")
        if columns is None:
            return None
        has_key = analysis.pitch_classes is None or is_clear(analysis.pitch_classes)
        return self.distance(columns) / (1.0 if has_key else KEYLESS_DISTANCE)


def known_music(columns: Sequence[Rows], fold: NDArray[np.int64]) -> Domain:
    """Return where music lies, in units that put the outermost tracks beyond 1.

    The distance is Mahalanobis's (1936), by a shrunk covariance. It sees what single columns do not: each column of
    speech has a value that some music has, but no music has all of them. The unit comes from tracks left out.

    Parameters
    ----------
    columns : sequence of ndarray, shape (rows, numbers), length n
        Of each track, and of its copies on other media.
    fold : ndarray, shape (n,), int
        Of each track.
    """
    distances = []
    for number in range(int(fold.max()) + 1):
        known = _domain(np.concatenate([rows for rows, own in zip(columns, fold, strict=True) if own != number]))
        left_out = [row for rows, own in zip(columns, fold, strict=True) if own == number for row in rows]
        distances += [known.distance(row[None]) for row in left_out]
    whole = _domain(np.concatenate(columns))
    return Domain(whole.centre, whole.axes / np.quantile(distances, 1 - STRANGE_SHARE))


def _domain(rows: Rows) -> Domain:
    """Return the domain of rows, (n, numbers), in units of its standard deviations."""
    centre, spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-9)
    x = (rows - centre) / spread
    covariance = x.T @ x / len(x)
    level = max(float(np.trace(covariance)) / len(covariance), 1e-9)
    variances, axes = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * level * np.eye(len(covariance)))
    return Domain(centre, axes / np.sqrt(variances) / spread[:, None])
