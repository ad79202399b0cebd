"""Similarity: an analysis as a unit vector, so that the cosine of two of them is how alike two tracks sound.

The vector has two parts, each of a fixed length: where a track lies between genres (a linear discriminant space, Fisher
1936), and all else of its sound, whitened by what varies within genres. The first brings together what listeners file
together, the second orders what lies there by sound. Both start from the classifier's evidence: statistics of musicnn's
tags and GTZAN's columns at one level. The constants come from ``tools/train_similarity.py``; its figures are in
``docs/library.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from retrotone.analysis import Analysis
from retrotone.errors import AnalysisError
from retrotone.genre.evidence import Rows, evidence

RECIPE = "similarity 1"
SOUND_SHARE = 0.3  # of the squared length: the cosine is 0.7 x that of genre + 0.3 x that of sound
SHRINKAGE = 0.45  # of the covariance within genres towards a multiple of the identity
SOUND_DIMENSIONS = 119
FILE = "similarity.safetensors"


@dataclass(frozen=True, eq=False)
class Space:
    """Linear maps from evidence, (numbers,), to the two parts of a vector.

    Attributes
    ----------
    centre, spread : ndarray, shape (numbers,)
        Of the evidence.
    genre : ndarray, shape (numbers, genres - 1)
    sound : ndarray, shape (numbers, SOUND_DIMENSIONS)
    middle : ndarray, shape (numbers,)
        Between the genres, in units of `spread`.
    """

    centre: Rows
    spread: Rows
    genre: Rows
    sound: Rows
    middle: Rows

    def embed(self, rows: Rows) -> NDArray[np.float32]:
        """Return unit vectors, shape (n, d), of evidence, shape (n, numbers); NaN counts as nothing known."""
        x = np.nan_to_num((rows - self.centre) / self.spread) - self.middle
        parts = [
            np.sqrt(1 - SOUND_SHARE) * _unit(x @ self.genre),
            np.sqrt(SOUND_SHARE) * _unit(x @ self.sound),
        ]
        vectors: NDArray[np.float32] = _unit(np.hstack(parts)).astype(np.float32)
        return vectors


def embed(analysis: Analysis) -> NDArray[np.float32]:
    """Return a track's vector, shape (128,), of length 1.

    Without columns it is as if they were those of the average track.

    Raises
    ------
    AnalysisError
        The taggram is not known.
    """
    vector: NDArray[np.float32] = _bundled().embed(numbers(analysis)[None])[0]
    return vector


def numbers(analysis: Analysis) -> Rows:
    """Return what a vector is made from, shape (254,): the mean over excerpts of the classifier's evidence.

    Raises
    ------
    AnalysisError
        The taggram is not known.
    """
    rows = evidence(analysis, "statistics+columns")
    if rows is None:
        rows = evidence(analysis, "statistics")
    if rows is None:
        raise AnalysisError("similarity needs a taggram: run analyse, or give one to Analysis.from_arrays")
    known: Rows = rows.mean(axis=0)
    return np.pad(known, (0, len(_bundled().centre) - len(known)), constant_values=np.nan)


def learn(rows: Rows, genres: NDArray[np.str_]) -> Space:
    """Return the space of tracks whose genres are known.

    Parameters
    ----------
    rows : ndarray, shape (n, numbers)
    genres : ndarray of str, shape (n,)
    """
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    x = (rows - centre) / spread
    names, of = np.unique(genres, return_inverse=True)
    means = np.array([x[of == k].mean(axis=0) for k in range(len(names))])
    away = x - means[of]
    covariance = away.T @ away / (len(x) - len(names))
    size = len(covariance)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / size * np.eye(size)
    variances, axes = np.linalg.eigh(covariance)
    whiten = axes / np.sqrt(variances) @ axes.T
    middle = means.mean(axis=0)
    between = np.linalg.svd((means - middle) @ whiten, full_matrices=False)[2][: len(names) - 1]
    rest = (x - middle) @ whiten
    rest -= rest @ between.T @ between
    kept = np.linalg.svd(rest - rest.mean(axis=0), full_matrices=False)[2][:SOUND_DIMENSIONS]
    kept -= kept @ between.T @ between
    return Space(centre, spread, whiten @ between.T, whiten @ kept.T, middle)


def to_bytes(space: Space) -> bytes:
    """Return a space in safetensors' format."""
    import safetensors.numpy

    return safetensors.numpy.save(
        {part.name: np.ascontiguousarray(getattr(space, part.name), np.float32) for part in fields(space)}
    )


@cache
def _bundled() -> Space:
    import safetensors.numpy

    data = (resources.files("retrotone") / "assets" / "library" / FILE).read_bytes()
    return Space(**{name: part.astype(float) for name, part in safetensors.numpy.load(data).items()})


def _unit(rows: Rows) -> Rows:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Rows = rows / np.maximum(lengths, np.finfo(float).tiny)
    return unit
