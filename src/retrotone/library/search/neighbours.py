"""Neighbours: search by cosine.

To some 200,000 tracks nothing is faster than comparing with all. Above, an index names candidates, more than are asked
for, and their true vectors decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from retrotone.library.catalogue.base import Nearest
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.progress import Progress, silent

FIRST = 256  # ranked before all are: most who ask want a few
STEPS = (128, 4096)  # candidates of an index that are looked at, before all are
TRUSTED = 4  # times as many candidates as are believed to be the nearest of all
REMEMBERED = 20_000  # vectors


def neighbours(catalogue: Catalogue, progress: Progress = silent) -> Neighbours | Indexed:
    """Return what searches a catalogue, as its size asks for; `progress` is told while an index is made."""
    nearest = catalogue.nearest(progress)
    return Neighbours(*catalogue.vectors()) if nearest is None else Indexed(catalogue, nearest)


class Neighbours:
    """Unit vectors to search.

    Parameters
    ----------
    numbers : ndarray, shape (n,), int64
        The tracks' numbers in the order that equals are to come in.
    vectors : ndarray, shape (n, d), float32
    """

    def __init__(self, numbers: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        self.numbers, self.vectors = numbers, vectors
        self._places = {int(number): place for place, number in enumerate(numbers)}

    def __len__(self) -> int:
        return len(self.numbers)

    def vector(self, number: int) -> NDArray[np.float32] | None:
        """Return a track's vector, shape (d,), or None if it is not there."""
        place = self._places.get(number)
        return None if place is None else self.vectors[place]

    def ranked(self, query: NDArray[np.float32]) -> Iterator[tuple[int, float]]:
        """Yield all tracks as (number, cosine), the nearest first; of equals the first in `numbers`.

        Parameters
        ----------
        query : ndarray, shape (d,)
            A unit vector.
        """
        if not len(self):
            return
        cosines = self.vectors @ query
        seen = 0
        for wanted in (FIRST, len(self)):
            if wanted > len(self):
                continue
            least = np.partition(cosines, len(self) - wanted)[len(self) - wanted]
            near = np.flatnonzero(cosines >= least)
            order = near[np.argsort(-cosines[near], kind="stable")]
            for place in order[seen:]:
                yield int(self.numbers[place]), float(cosines[place])
            seen = len(order)


class Indexed:
    """Vectors that stay in the catalogue, of which an index finds candidates.

    Parameters
    ----------
    catalogue : Catalogue
    nearest : callable
        See `database.Nearest`: what it names may be gone.
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
        """Yield all tracks as (number, cosine), nearly all of the nearest first; of equals the first by path.

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

    def _by_cosine(
        self, candidates: NDArray[np.int64], query: NDArray[np.float32]
    ) -> list[tuple[int, float]]:
        numbers, vectors = self._fetch(candidates)
        if not len(numbers):
            return []
        cosines = vectors @ query
        order = np.argsort(-cosines, kind="stable")
        return list(zip(numbers[order].tolist(), cosines[order].tolist(), strict=True))

    def _all_by_cosine(self, query: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the numbers of all tracks, the nearest first, holding a block of vectors at a time."""
        found = [(numbers, vectors @ query) for numbers, vectors in self._catalogue.vector_blocks()]
        if not found:
            return np.zeros(0, np.int64)
        numbers, cosines = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order: NDArray[np.int64] = numbers[np.argsort(-cosines, kind="stable")]
        return order

    def _fetch(
        self, numbers: Sequence[int] | NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        there, vectors = self._catalogue.vectors_of(numbers)
        if len(self._known) > REMEMBERED:
            self._known.clear()
        self._known |= zip(there.tolist(), vectors, strict=True)
        return there, vectors


def between(vectors: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the unit vector in the middle of several, shape (d,)."""
    middle = np.mean(vectors, axis=0)
    return np.asarray(middle / max(float(np.linalg.norm(middle)), 1e-12), np.float32)


def slerp(a: NDArray[np.float32], b: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Return the unit vector a share of the way from one to another along the sphere, shape (d,)."""
    angle = np.arccos(np.clip(float(a @ b), -1.0, 1.0))
    if np.sin(angle) < 1e-6:
        return a if share < 0.5 else b
    point = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
    return np.asarray(point, np.float32)
