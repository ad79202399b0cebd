"""The sidecar: an index of a large library's vectors, in a file beside it that can be made again at any time.

It is an HNSW graph (Malkov and Yashunin 2016) of half-precision vectors, memory-mapped. Vectors go by their stamps:
what changed since has another stamp and is compared as a whole, what is gone has none, so that an old index misses
nothing. When too much is new it is added, when too much is gone all is made anew.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import LibraryError
from retrotone.library.catalogue.database import Nearest, Row, Rows, Vector
from retrotone.progress import Progress
from retrotone.utils.temporary import temporary_beside

if TYPE_CHECKING:
    from retrotone.library.catalogue.sqlite import SQLite

CONNECTIVITY = 16  # neighbours a vector is linked to
BREADTH, SEARCH_BREADTH = (
    128,
    256,
)  # candidates for those links (with 64 some vectors get lost), for an answer
ALONE = 20_000  # vectors added by one thread: several lose some of the first to each other
NEW, GONE = 0.02, 0.2  # of the index: above, it is brought up to date
SUFFIX = ".usearch"
FOOTER = struct.Struct("<8sIQI")  # after graph and stamps: magic, dimensions, how many, checksum of it all
MAGIC = b"RTNEvec1"
CHUNK = 1 << 24  # bytes read at once
LOOKUP = 500  # stamps a query

Stamps = NDArray[np.int64]


def nearest(database: SQLite, progress: Progress) -> Nearest:
    """Return what finds neighbours in a library, with its index brought up to date.

    Where the index cannot be written it is made and kept in memory.

    Raises
    ------
    LibraryError
        The library is damaged.
    """
    [(sample,)] = database.query("SELECT vector FROM descriptions LIMIT 1")
    size = len(sample) // 4
    stamps = _all_stamps(database)
    path = database.name + SUFFIX
    held = _stamps_in(path, size)
    new = np.setdiff1d(stamps, held, assume_unique=True)
    gone = len(held) + len(new) - len(stamps)
    if len(new) > NEW * len(stamps) or gone > GONE * len(stamps):
        if gone > GONE * len(stamps):
            held, new = stamps[:0], stamps
        index = _grown(database, path if len(held) else "", size, new, progress)
        index = _kept(index, path, np.union1d(held, new))
        new = new[:0]
    else:
        index = _index(size)
        index.view(path)
    return _Search(database, index, new)


class _Search:
    """Find neighbours in an index and among what is newer."""

    def __init__(self, database: SQLite, index: Any, new: Stamps) -> None:
        self._database, self._index = database, index
        rows = _stamped(database, "track, vector", new)
        self._numbers = np.array([number for number, _ in rows], np.int64)
        self._vectors = _unpacked(database, [vector for _, vector in rows]) if rows else None

    def __call__(self, query: Vector, count: int) -> NDArray[np.int64]:
        """Return the numbers of about so many tracks: see `database.Nearest`."""
        stamps = self._index.search(query, count, threads=1).keys.astype(np.uint64).view(np.int64)
        found = np.array([number for (number,) in _stamped(self._database, "track", stamps)], np.int64)
        if self._vectors is None:
            return found
        newest = np.argsort(-(self._vectors @ query), kind="stable")[:count]
        return np.concatenate([found, self._numbers[newest]])


def _index(size: int) -> Any:
    from usearch.index import Index

    return Index(
        ndim=size, metric="ip", dtype="f16", connectivity=CONNECTIVITY, expansion_add=BREADTH,
        expansion_search=SEARCH_BREADTH, enable_key_lookups=False,
    )  # fmt: skip


def _grown(database: SQLite, path: str, size: int, new: Stamps, progress: Progress) -> Any:
    """Return the index of a file, or an empty one, with vectors added."""
    index = _index(size)
    if path:
        index.load(path)
    done = 0
    progress(0.0, f"indexing {len(new)} tracks")
    for stamps, vectors in _vectors_of(database, new):
        index.add(stamps.view(np.uint64), vectors, threads=1 if len(index) < ALONE else 0)
        done += len(stamps)
        progress(min(done / len(new), 1.0), f"{done}/{len(new)} tracks indexed")
    return index


def _kept(index: Any, path: str, stamps: Stamps) -> Any:
    """Write an index beside its place, rename it and return it mapped; or as it is, where it cannot be written."""
    if path == f":memory:{SUFFIX}":
        return index
    try:
        with temporary_beside(Path(path)) as place:
            temporary = str(place)
            index.save(temporary)
            if os.path.getsize(temporary) != index.serialized_length:  # it may not notice that a disk fills
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            with open(temporary, "ab") as file:
                file.write(stamps.tobytes())
            checksum = _checksum(temporary, os.path.getsize(temporary))
            with open(temporary, "ab") as file:
                file.write(FOOTER.pack(MAGIC, index.ndim, len(stamps), checksum))
            os.replace(temporary, path)
        mapped = _index(index.ndim)
        mapped.view(path)
    except (OSError, RuntimeError):  # no permission, a full disk
        return index
    return mapped


def _stamps_in(path: str, size: int) -> Stamps:
    """Return the stamps of the vectors that a file holds: none if it is missing, damaged or another program's."""
    none = np.zeros(0, np.int64)
    try:
        length = os.path.getsize(path) - FOOTER.size
        with open(path, "rb") as file:
            file.seek(length)
            magic, dimensions, count, checksum = FOOTER.unpack(file.read())
            if (magic, dimensions) != (MAGIC, size) or _checksum(path, length) != checksum:
                return none
            file.seek(length - 8 * count)
            return np.frombuffer(file.read(8 * count), np.int64)
    except (OSError, struct.error, ValueError):
        return none


def _checksum(path: str, length: int) -> int:
    checksum = 0
    with open(path, "rb") as file:
        while length and (data := file.read(min(CHUNK, length))):
            checksum = zlib.crc32(data, checksum)
            length -= len(data)
    return checksum


def _all_stamps(database: SQLite) -> Stamps:
    """Return the stamps of all vectors, sorted."""
    rows = database.blocks("SELECT stamp FROM descriptions ORDER BY stamp")
    return np.concatenate([np.array(block, np.int64)[:, 0] for block in rows])


def _vectors_of(database: SQLite, stamps: Stamps) -> Iterator[tuple[Stamps, Rows]]:
    """Yield stamps of a sorted array, as far as they are there, and their vectors in blocks."""
    for rows in database.blocks("SELECT stamp, vector FROM descriptions"):
        found = np.array([stamp for stamp, _ in rows], np.int64)
        wanted = stamps[np.minimum(np.searchsorted(stamps, found), len(stamps) - 1)] == found
        if wanted.any():
            yield found[wanted], _unpacked(database, [vector for _, vector in rows])[wanted]


def _stamped(database: SQLite, columns: str, stamps: Stamps) -> list[Row]:
    rows: list[Row] = []
    for start in range(0, len(stamps), LOOKUP):
        some = stamps[start : start + LOOKUP].tolist()
        places = ", ".join("?" * len(some))
        rows += database.query(f"SELECT {columns} FROM descriptions WHERE stamp IN ({places})", some)
    return rows


def _unpacked(database: SQLite, vectors: list[bytes]) -> Rows:
    try:
        return database.unpack(vectors)
    except ValueError as error:
        raise LibraryError(f"{database.name} is damaged: run retrotone library check --repair") from error
