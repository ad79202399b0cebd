"""Similarity: an analysis as a unit vector; the cosine of two of them is the similarity of two tracks.

The vector has two parts. The genre part holds the genre classifier's probabilities, sharpened: the product of two genre
parts grows with the probability that both tracks are of one genre. The genre part is long
where the classifier is confident and short for a track that is unlike the music it knows. The sound part takes up
the rest of the length.

The sound part is the classifier's evidence (statistics of musicnn's tags, and GTZAN's columns at one level), whitened
by the covariance within genres, without the directions in which genres differ (Fisher 1936). The constants come from
``tools/train_similarity.py``; its figures are in ``docs/library.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import AnalysisError
from retrotone.features.analysis import Analysis
from retrotone.genre.evidence import Rows, evidence
from retrotone.utils.assets import asset

if TYPE_CHECKING:
    from retrotone.genre.base import Answer

RECIPE = "similarity 3"
# the genre part's share of the squared length, where one genre is certain
GENRE_SHARE = 0.9
# power of the probabilities; with a higher one, fewer tracks are neighbours of very many
SHARPNESS = 1.5
# of the covariance within genres towards a multiple of the identity
SHRINKAGE = 0.2
# with ten genres, 128 in all
SOUND_DIMENSIONS = 118
FILE = "similarity.safetensors"


@dataclass(frozen=True, eq=False)
class Space:
    """A linear map from evidence, shape (numbers,), to the sound part of a vector.

    Attributes
    ----------
    centre, spread : ndarray, shape (numbers,)
        Mean and standard deviation of the evidence.
    middle : ndarray, shape (numbers,)
        Mean of the genres' means, in units of `spread`.
    sound : ndarray, shape (numbers, SOUND_DIMENSIONS)
    """

    centre: Rows
    spread: Rows
    middle: Rows
    sound: Rows

    def embed(self, rows: Rows, genre: Rows) -> NDArray[np.float32]:
        """Return unit vectors, shape (n, genres + SOUND_DIMENSIONS).

        Parameters
        ----------
        rows : ndarray, shape (n, numbers)
            Evidence; NaN where it is not known.
        genre : ndarray, shape (n, genres)
            See `genre_part`.
        """
        x = np.nan_to_num((rows - self.centre) / self.spread) - self.middle
        left = np.sqrt(1 - np.square(genre).sum(axis=1, keepdims=True))
        return np.hstack([genre, left * _unit(x @ self.sound)]).astype(np.float32)


def embed(analysis: Analysis) -> NDArray[np.float32]:
    """Return a track's vector, shape (128,), of length 1.

    If the analysis has no columns, those of the average track are used.

    Raises
    ------
    AnalysisError
        The taggram is not known.
    """
    return embed_with_answer(analysis)[0]


def embed_with_answer(analysis: Analysis) -> tuple[NDArray[np.float32], Answer]:
    """Return the vector of `embed`, and the classifier's answer that it contains."""
    from retrotone.genre.classifier import bundled_classifier

    rows = numbers(analysis)[None]
    answer = bundled_classifier().answer(analysis)
    vector: NDArray[np.float32] = _bundled().embed(rows, genre_part(answer)[None])[0]
    return vector, answer


def no_vector() -> NDArray[np.float32]:
    """Return the vector of silence, which is like nothing: zeros, shape (128,)."""
    from retrotone.genre.classifier import bundled_classifier

    return np.zeros(len(bundled_classifier().classes_) + SOUND_DIMENSIONS, np.float32)


def genre_part(answer: Answer) -> Rows:
    """Return the genre part of a vector, shape (genres,)."""
    sharpened = np.array(list(answer.probabilities.values())) ** SHARPNESS
    part: Rows = np.sqrt(GENRE_SHARE) * sharpened / sharpened.sum()
    return part / max(answer.strangeness or 1.0, 1.0)


def sound_part(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sound part of vectors, (n, d), as unit vectors, shape (n, SOUND_DIMENSIONS)."""
    return _unit(vectors[:, -SOUND_DIMENSIONS:])


def numbers(analysis: Analysis) -> Rows:
    """Return the evidence that a vector is made from, shape (254,): the mean over excerpts.

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
        Evidence of each track.
    genres : ndarray of str, shape (n,)
    """
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    x = (rows - centre) / spread
    names, of = np.unique(genres, return_inverse=True)
    means = np.array([x[of == k].mean(axis=0) for k in range(len(names))])
    # covariance within genres, shrunk: (numbers, numbers)
    away = x - means[of]
    covariance = away.T @ away / (len(x) - len(names))
    size = len(covariance)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / size * np.eye(size)
    # whitened, deviations within genres have unit variance
    variances, axes = np.linalg.eigh(covariance)
    whiten = axes / np.sqrt(variances) @ axes.T
    # the directions between genres, (genres - 1, numbers), are removed
    middle = means.mean(axis=0)
    between = np.linalg.svd((means - middle) @ whiten, full_matrices=False)[2][: len(names) - 1]
    rest = (x - middle) @ whiten
    rest -= rest @ between.T @ between
    # the principal axes of the rest: (SOUND_DIMENSIONS, numbers)
    kept = np.linalg.svd(rest - rest.mean(axis=0), full_matrices=False)[2][:SOUND_DIMENSIONS]
    kept -= kept @ between.T @ between
    return Space(centre, spread, middle, whiten @ kept.T)


def to_bytes(space: Space) -> bytes:
    """Return a space in the safetensors format."""
    import safetensors.numpy

    return safetensors.numpy.save(
        {part.name: np.ascontiguousarray(getattr(space, part.name), np.float32) for part in fields(space)}
    )


@cache
def _bundled() -> Space:
    import safetensors.numpy

    data = asset(f"library/{FILE}").read_bytes()
    return Space(**{name: part.astype(float) for name, part in safetensors.numpy.load(data).items()})


def _unit(rows: NDArray[Any]) -> NDArray[Any]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[Any] = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit
