"""Neighbours: exact search by cosine. To some 200,000 tracks nothing faster is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

FIRST = 256  # ranked before all are: most who ask want a few


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
