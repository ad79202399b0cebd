"""Where the libraries of tests are: in files, or on a PostgreSQL server; and made-up tracks for them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrotone.library.catalogue.catalogue import Catalogue


class Files:
    """Where libraries can be made and copied, once closed."""

    def __init__(self, folder: Path) -> None:
        self._names = (str(folder / f"{number}.db") for number in count())

    def new(self) -> str:
        return next(self._names)

    def copy(self, place: str) -> str:
        return str(shutil.copy(place, self.new()))


class Databases:
    """The same on PostgreSQL."""

    def __init__(self, database: Callable[..., str]) -> None:
        self.new = database

    def copy(self, place: str) -> str:
        return self.new(place.split("?")[0].rsplit("/", 1)[1])


Places = Files | Databases


def made_up(catalogue: Catalogue, vectors: NDArray[np.float32], first: int = 1) -> None:
    """Put tracks with given vectors into a catalogue, heard by nobody: genres in turns of 20, four by an artist.

    No two are of one length: nobody can then take them for one recording, and ask what was heard of them.
    """
    database, numbers = catalogue._database, range(first, first + len(vectors))
    with database.transaction():
        database.many(
            "INSERT INTO tracks "
            "(path, size, mtime_ns, fingerprint, present, duration, title, artist, album, year, genre) "
            "VALUES (?, 1, 1, ?, TRUE, ?, ?, ?, '', '', ?)",
            [
                (b"/%06d.ogg" % n, b"", 100 + 4 * n, f"title {n}", f"artist {n // 4}", f"genre {n % 20:02}")
                for n in numbers
            ],
        )
        database.many(
            "INSERT INTO descriptions (track, recipe, vector, genre, confidence, sure, genres, tags, eras) "
            "SELECT id, '', ?, '', 0, FALSE, '{}', '{}', '{}' FROM tracks WHERE path = ?",
            [(database.pack(v), b"/%06d.ogg" % n) for v, n in zip(vectors, numbers, strict=True)],
        )


def groups(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Return unit vectors about 40 centres, shape (count, 128)."""
    rng = np.random.default_rng(seed)
    vectors = np.random.default_rng(99).standard_normal((40, 128))[rng.integers(40, size=count)]
    vectors += 0.5 * rng.standard_normal(vectors.shape)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
