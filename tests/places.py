"""Libraries of tests, in files or on a PostgreSQL server, and synthetic tracks for them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.description import Description
from retrotone.library.files import FoundFile
from retrotone.library.records import NewTrack


class Files:
    """Locations of libraries in files; closed libraries can be copied."""

    def __init__(self, folder: Path) -> None:
        self._names = (str(folder / f"{number}.db") for number in count())

    def new(self) -> str:
        return next(self._names)

    def copy(self, location: str) -> str:
        return str(shutil.copy(location, self.new()))


class Databases:
    """The same on PostgreSQL."""

    def __init__(self, database: Callable[..., str]) -> None:
        self.new = database

    def copy(self, location: str) -> str:
        return self.new(location.split("?")[0].rsplit("/", 1)[1])


Places = Files | Databases


def add_synthetic(catalogue: Catalogue, vectors: NDArray[np.float32], first: int = 1) -> None:
    """Add tracks with given vectors and no analyses: genres in turns of 20, four tracks by an artist.

    No two have the same duration, so that none are compared as one recording, which would need their analyses.
    """
    for number, vector in enumerate(vectors, start=first):
        tags = {"title": f"title {number}", "artist": f"artist {number // 4}", "genre": f"genre {number % 20:02}"}
        file = FoundFile(f"/{number:06}.ogg", 1, 1)
        catalogue.add_track(NewTrack(file, b"", tags, 100 + 4 * number, synthetic_description(vector)))


def synthetic_description(vector: NDArray[np.float32]) -> Description:
    """Return a description that has a vector and nothing else."""
    return Description(vector, "", 0, False, {}, {}, {}, None, None, None, recipe="")


def groups(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Return unit vectors about 40 centres, shape (count, 128)."""
    rng = np.random.default_rng(seed)
    vectors = np.random.default_rng(99).standard_normal((40, 128))[rng.integers(40, size=count)]
    vectors += 0.5 * rng.standard_normal(vectors.shape)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
