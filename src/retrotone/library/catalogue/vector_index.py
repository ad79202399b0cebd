"""An index of the vectors of a large library, in a file of its own that can be rebuilt at any time.

It is an HNSW graph (Malkov and Yashunin 2016) of half-precision vectors, memory-mapped. Vectors are identified by their
stamps. A vector that changed after the index was made has a new stamp: a search compares with all such vectors itself.
A vector that is gone has no stamp any more: it is left out of the results. So an old index still gives right results.
When many vectors are new they are added to the index; when many are gone it is rebuilt.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrotone.library.catalogue.base import LOOKUP, DamagedLibrary, Database, Nearest, Row, Rows, Vector
from retrotone.progress import Progress
from retrotone.utils.temporary import temporary_beside
from retrotone.utils.text import counted

# Neighbours that each vector is linked to.
CONNECTIVITY = 16
# Candidates for these links, and for the result of a search. With 64 for the links some vectors are never found.
BREADTH, SEARCH_BREADTH = 128, 256
# The first vectors are added by one thread: several would leave some of them without links.
FIRST = 20_000
# Shares of the index above which it is brought up to date.
NEW, GONE = 0.02, 0.2
SUFFIX = ".usearch"
# It follows graph and stamps: magic, dimensions, number of stamps, checksum of graph and stamps.
FOOTER = struct.Struct("<8sIQI")
MAGIC = b"RTNEvec1"
# Bytes read at once.
CHUNK = 1 << 24

Stamps = NDArray[np.int64]


def nearest(database: Database, progress: Progress) -> Nearest:
    """Return a function that finds neighbours in a library, with its index brought up to date.

    An index that cannot be written is kept in memory.

    Raises
    ------
    LibraryError
        The library is damaged.
    """
    [(sample,)] = database.query("SELECT vector FROM descriptions LIMIT 1")
    size = len(sample) // 4
    stamps = _all_stamps(database)
    path = database.name + SUFFIX
    held = _read_stamps(path, size)
    new = np.setdiff1d(stamps, held, assume_unique=True)
    gone = len(held) + len(new) - len(stamps)
    if len(new) > NEW * len(stamps) or gone > GONE * len(stamps):
        if gone > GONE * len(stamps):
            held, new = stamps[:0], stamps
        index = _add_vectors(database, path if len(held) else "", size, new, progress)
        index = _write(index, path, np.union1d(held, new))
        new = new[:0]
    else:
        index = _new_index(size)
        index.view(path)
    return _Searcher(database, index, new)


class _Searcher:
    """Finds neighbours in an index and among the vectors that are not in it."""

    def __init__(self, database: Database, index: Any, new: Stamps) -> None:
        self._database, self._index = database, index
        rows = _select_by_stamp(database, "track, vector", new)
        self._numbers = np.array([number for number, _ in rows], np.int64)
        self._vectors = _unpack(database, [vector for _, vector in rows]) if rows else None

    def __call__(self, query: Vector, count: int) -> NDArray[np.int64]:
        """Return the ids of about `count` tracks; see `base.Nearest`."""
        stamps = self._index.search(query, count, threads=1).keys.astype(np.uint64).view(np.int64)
        found = np.array([number for (number,) in _select_by_stamp(self._database, "track", stamps)], np.int64)
        if self._vectors is None:
            return found
        newest = np.argsort(-(self._vectors @ query), kind="stable")[:count]
        return np.concatenate([found, self._numbers[newest]])


def _new_index(size: int) -> Any:
    from usearch.index import Index

    return Index(
        ndim=size,
        metric="ip",
        dtype="f16",
        connectivity=CONNECTIVITY,
        expansion_add=BREADTH,
        expansion_search=SEARCH_BREADTH,
        enable_key_lookups=False,
    )


def _add_vectors(database: Database, path: str, size: int, new: Stamps, progress: Progress) -> Any:
    """Return the index of a file, or an empty one, with vectors added."""
    index = _new_index(size)
    if path:
        index.load(path)
    done = 0
    progress(0.0, f"indexing {counted(len(new), 'track')}")
    for stamps, vectors in _vectors_of(database, new):
        index.add(stamps.view(np.uint64), vectors, threads=1 if len(index) < FIRST else 0)
        done += len(stamps)
        progress(min(done / len(new), 1.0), f"{done}/{len(new)} tracks indexed")
    return index


def _write(index: Any, path: str, stamps: Stamps) -> Any:
    """Write an index to its file and return it memory-mapped, or as it is if it cannot be written."""
    if path == f":memory:{SUFFIX}":
        return index
    try:
        with temporary_beside(Path(path)) as file_path:
            temporary = str(file_path)
            index.save(temporary)
            # It may not notice that the disk is full.
            if os.path.getsize(temporary) != index.serialized_length:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            with open(temporary, "ab") as file:
                file.write(stamps.tobytes())
            checksum = _checksum(temporary, os.path.getsize(temporary))
            with open(temporary, "ab") as file:
                file.write(FOOTER.pack(MAGIC, index.ndim, len(stamps), checksum))
            os.replace(temporary, path)
        mapped = _new_index(index.ndim)
        mapped.view(path)
    # No permission, or a full disk.
    except (OSError, RuntimeError):
        return index
    return mapped


def _read_stamps(path: str, size: int) -> Stamps:
    """Return the stamps of an index file: none if it is missing, damaged or of another program."""
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


def _all_stamps(database: Database) -> Stamps:
    """Return the stamps of all vectors, sorted."""
    rows = database.blocks("SELECT stamp FROM descriptions ORDER BY stamp")
    return np.concatenate([np.array(block, np.int64)[:, 0] for block in rows])


def _vectors_of(database: Database, stamps: Stamps) -> Iterator[tuple[Stamps, Rows]]:
    """Yield those stamps of a sorted array that the database has, and their vectors, in blocks."""
    for rows in database.blocks("SELECT stamp, vector FROM descriptions"):
        found = np.array([stamp for stamp, _ in rows], np.int64)
        wanted = stamps[np.minimum(np.searchsorted(stamps, found), len(stamps) - 1)] == found
        if wanted.any():
            yield found[wanted], _unpack(database, [vector for _, vector in rows])[wanted]


def _select_by_stamp(database: Database, columns: str, stamps: Stamps) -> list[Row]:
    rows: list[Row] = []
    for start in range(0, len(stamps), LOOKUP):
        some = stamps[start : start + LOOKUP].tolist()
        placeholders = ", ".join("?" * len(some))
        rows += database.query(f"SELECT {columns} FROM descriptions WHERE stamp IN ({placeholders})", some)
    return rows


def _unpack(database: Database, vectors: list[bytes]) -> Rows:
    try:
        return database.unpack(vectors)
    except ValueError as error:
        raise DamagedLibrary(database.name) from error
