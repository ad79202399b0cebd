"""Linear discriminants: how much each number speaks for each genre.

All genres have one covariance, shrunk towards a multiple of the identity (Friedman 1989): a few
hundred tracks are too few to estimate more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrotone.genre.evidence import Rows
from retrotone.genre.tag_priors import prior_weights

# Chosen by cross-validation on GTZAN's train tracks; flat around these values.
SHRINKAGE = {"patches": 0.1, "statistics": 0.6, "statistics+columns": 0.6, "columns": 0.3, "sounds": 0.8}
# Weights of the priors (`tag_priors`), in units of the discriminant.
PRIOR = {"patches": 0.5, "sounds": 1.0}
# Share of the covariance within tracks that is added to that between tracks, where a track has several rows.
WITHIN = 0.5
# Share of the covariance between copies and their tracks that is added.
AGE = 0.5
# Added to probabilities before their logarithm.
LEAST = 1e-12


@dataclass(frozen=True)
class Head:
    """Linear scores of genres, by `weights` (genres, numbers) and `bias` (genres,); `scale` makes them odds."""

    weights: Rows
    bias: Rows
    scale: Rows

    def scores(self, rows: Rows) -> Rows:
        """Of each row: shape (rows, genres)."""
        scores: Rows = rows @ self.weights.T + self.bias
        return scores

    def log_probabilities(self, rows: Rows) -> Rows:
        """Of each row: shape (rows, genres)."""
        return normalised(self.scale * self.scores(rows))

    def answer(self, rows: Rows) -> Rows:
        """Log of the mean of the rows' probabilities, shape (genres,)."""
        answer: Rows = track_means(self.log_probabilities(rows), [len(rows)])[0]
        return answer


class Learner:
    """Fits a head to part of the tracks.

    Parameters
    ----------
    name : str
        Of the head.
    rows : list of ndarray, shape (rows, numbers)
        The head's input for each track.
    truth : ndarray, shape (tracks,), int
        Their genres, as places in `genres`.
    weights : ndarray, shape (tracks,)
        Of the tracks.
    genres : sequence of str
        Their names.
    copies : list of list of ndarray, shape (rows, numbers)
        The head's input for copies of each track on other media; a direction in which they differ from it counts less.
    """

    def __init__(
        self,
        name: str,
        rows: list[Rows],
        truth: NDArray[np.intp],
        weights: Rows,
        genres: Sequence[str],
        copies: Sequence[Sequence[Rows]],
    ) -> None:
        self._name, self._truth, self._weights, self._genres = name, truth, weights, genres
        self._means = np.array([each.mean(axis=0) for each in rows])
        # what a copy changes, (copies, numbers), and in which track
        self._changes = np.array(
            [copy.mean(axis=0) - mean for mean, own in zip(self._means, copies, strict=True) for copy in own]
        ).reshape(-1, self._means.shape[1])
        self._changed = np.repeat(np.arange(len(copies)), [len(own) for own in copies])
        self._within = np.array([_covariance(each) for each in rows]) if name in PRIOR else None

    def __call__(self, chosen: NDArray[np.bool_], scale: float = 1.0) -> Head:
        """Return the head of the tracks where `chosen`, shape (tracks,), is true."""
        # x: standardised means of tracks, (chosen tracks, numbers)
        x, truth = self._means[chosen], self._truth[chosen]
        weights = self._weights[chosen] / self._weights[chosen].mean()
        genres = len(self._genres)
        centre, spread = x.mean(axis=0), x.std(axis=0)
        constant = spread <= 1e-9 * (1 + np.abs(centre))
        # a constant number carries no information: its weight becomes 0
        spread = np.where(constant, np.inf, spread)
        x = (x - centre) / spread
        # means: of each genre, (genres, numbers)
        present = np.bincount(truth, minlength=genres) > 0
        means = np.zeros((genres, x.shape[1]))
        for genre in np.flatnonzero(present):
            means[genre] = np.average(x[truth == genre], axis=0, weights=weights[truth == genre])
        # covariance of all genres together, shrunk: (numbers, numbers)
        away = x - means[truth]
        covariance = (away * weights[:, None]).T @ away / max(len(x) - present.sum(), 1)
        if self._within is not None:
            within = self._within[chosen].mean(axis=0)
            covariance += WITHIN * within / np.outer(spread, spread)
        if len(changes := self._changes[chosen[self._changed]] / spread):
            covariance += AGE * changes.T @ changes / len(changes)
        shrinkage = SHRINKAGE[self._name]
        size = len(covariance)
        level = max(np.trace(covariance) / size, 1e-9)
        covariance = (1 - shrinkage) * covariance + shrinkage * level * np.eye(size)
        # discriminant: (genres, numbers)
        discriminant = np.linalg.solve(covariance, means.T).T
        bias = -0.5 * np.sum(discriminant * means, axis=1)
        if self._name in PRIOR:
            discriminant = discriminant + PRIOR[self._name] * prior_weights(self._genres, self._name)
        bias[~present] = -np.inf
        return Head(weights=discriminant / spread, bias=bias - (discriminant / spread) @ centre, scale=np.array(scale))


def left_out_scores(learn: Learner, rows: Sequence[Rows], draws: Sequence[NDArray[np.int64]]) -> Rows:
    """Return the scores of tracks in folds left out, shape (draws, rows of all tracks, genres).

    Parameters
    ----------
    learn : Learner
    rows : sequence of ndarray, shape (rows, numbers)
        The head's input for each track.
    draws : sequence of ndarray, shape (tracks,), int
        The fold of each track, once or more.
    """
    stacked = np.vstack(rows)
    of_track = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
    scores = []
    for draw in draws:
        heads = [learn(draw != fold) for fold in range(draw.max() + 1)]
        scores.append(np.empty((len(stacked), len(heads[0].bias))))
        for fold, head in enumerate(heads):
            tested = draw[of_track] == fold
            scores[-1][tested] = head.scores(stacked[tested])
    return np.array(scores)


def normalised(scores: Rows) -> Rows:
    """Return the log-softmax of scores along the last axis, of the same shape."""
    # scipy's logsumexp takes ten times as long for a track
    below = scores - scores.max(axis=-1, keepdims=True)
    result: Rows = below - np.log(np.exp(below).sum(axis=-1, keepdims=True))
    return result


def track_means(log_probabilities: Rows, lengths: Sequence[int]) -> Rows:
    """Return the log of the mean of each track's rows: (..., rows, genres) to (..., tracks, genres)."""
    starts = np.cumsum([0, *lengths[:-1]])
    sums = np.add.reduceat(np.exp(log_probabilities), starts, axis=-2)
    means: Rows = np.log(sums / np.asarray(lengths)[:, None] + LEAST)
    return means


def _covariance(rows: Rows) -> Rows:
    away = rows - rows.mean(axis=0)
    covariance: Rows = away.T @ away / max(len(rows) - 1, 1)
    return covariance
