"""Neighbours: search by cosine.

Up to some 200,000 tracks nothing is faster than comparing with all. Above that, an index returns candidates, more than
are asked for, which are then ranked by their exact cosines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from retrotone.library.catalogue.base import Nearest
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.progress import Progress, silent

# tracks that are ranked first, as most callers take a few only; then all are
FIRST = 256
# candidates that an index is asked for, one step after the other; then all tracks are compared
STEPS = (128, 1024, 4096)
# of the candidates, only the nearest 1 / TRUSTED are taken to be the nearest of all tracks
TRUSTED = 4
# vectors kept in memory
REMEMBERED = 20_000


def neighbours(catalogue: Catalogue, progress: Progress = silent) -> Neighbours | Indexed:
    """Return the search over a catalogue that suits its size; `progress` is called while an index is built."""
    nearest = catalogue.database.nearest(progress)
    return Neighbours(*catalogue.vectors()) if nearest is None else Indexed(catalogue, nearest)


class Neighbours:
    """Vectors to search.

    Parameters
    ----------
    numbers : ndarray, shape (n,), int64
        The tracks' numbers. Of tracks with equal cosines, the first here comes first.
    vectors : ndarray, shape (n, d), float32
        Unit vectors; zeros for silent tracks.
    """

    def __init__(self, numbers: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        self.numbers, self.vectors = numbers, vectors
        self._rows = {int(number): row for row, number in enumerate(numbers)}
        self._sounding = vectors.any(axis=1)

    def __len__(self) -> int:
        return len(self.numbers)

    def vector(self, number: int) -> NDArray[np.float32] | None:
        """Return a track's vector, shape (d,), or None if it is not there."""
        row = self._rows.get(number)
        return None if row is None else self.vectors[row]

    def ranked(self, query: NDArray[np.float32]) -> Iterator[tuple[int, float]]:
        """Yield all tracks but silent ones as (number, cosine), the nearest first; of equals the first in `numbers`.

        Parameters
        ----------
        query : ndarray, shape (d,)
            A unit vector.
        """
        count = int(self._sounding.sum())
        if not count:
            return
        # (n,)
        cosines = np.where(self._sounding, self.vectors @ query, -np.inf)
        seen = 0
        for wanted in (FIRST, count):
            if wanted > count:
                continue
            least = np.partition(cosines, len(self) - wanted)[len(self) - wanted]
            near = np.flatnonzero(cosines >= least)
            order = near[np.argsort(-cosines[near], kind="stable")]
            for row in order[seen:]:
                yield int(self.numbers[row]), float(cosines[row])
            seen = len(order)


class Indexed:
    """Vectors that stay in the catalogue, where an index finds candidates.

    Parameters
    ----------
    catalogue : Catalogue
    nearest : callable
        The index; see `catalogue.base.Nearest`. Tracks that it returns may have been removed since.
    """

    def __init__(self, catalogue: Catalogue, nearest: Nearest) -> None:
        self._catalogue, self._nearest = catalogue, nearest
        self._known: dict[int, NDArray[np.float32]] = {}

    def vector(self, number: int) -> NDArray[np.float32] | None:
        """Return a track's vector, shape (d,), or None if it is not there."""
        if number not in self._known:
            self._fetch([number])
        return self._known.get(number)

    def ranked(self, query: NDArray[np.float32]) -> Iterator[tuple[int, float]]:
        """Yield all tracks but silent ones as (number, cosine), nearly all of the nearest first.

        Of equals the first by path comes first.

        Parameters
        ----------
        query : ndarray, shape (d,)
            A unit vector.
        """
        seen: set[int] = set()
        for count in STEPS:
            near = self._by_cosine(self._nearest(query, count), query)
            for number, cosine in near[: count // TRUSTED]:
                if number not in seen:
                    seen.add(number)
                    yield number, cosine
        order = self._all_by_cosine(query)
        for start in range(0, len(order), FIRST):
            for number, cosine in self._by_cosine(order[start : start + FIRST], query):
                if number not in seen:
                    yield number, cosine

    def _by_cosine(self, candidates: NDArray[np.int64], query: NDArray[np.float32]) -> list[tuple[int, float]]:
        numbers, vectors = self._fetch(candidates)
        if not len(numbers):
            return []
        sounding = vectors.any(axis=1)
        numbers, cosines = numbers[sounding], vectors[sounding] @ query
        order = np.argsort(-cosines, kind="stable")
        return list(zip(numbers[order].tolist(), cosines[order].tolist(), strict=True))

    def _all_by_cosine(self, query: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the numbers of all tracks, shape (n,), the nearest first; vectors are read in blocks."""
        found = [(numbers, vectors @ query) for numbers, vectors in self._catalogue.vector_blocks()]
        if not found:
            return np.zeros(0, np.int64)
        numbers, cosines = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order: NDArray[np.int64] = numbers[np.argsort(-cosines, kind="stable")]
        return order

    def _fetch(self, numbers: Sequence[int] | NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        found, vectors = self._catalogue.vectors_of(numbers)
        if len(self._known) > REMEMBERED:
            self._known.clear()
        self._known |= zip(found.tolist(), vectors, strict=True)
        return found, vectors


def between(vectors: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the mean of unit vectors, scaled to length 1, shape (d,)."""
    middle = np.mean(vectors, axis=0)
    return np.asarray(middle / max(float(np.linalg.norm(middle)), 1e-12), np.float32)
