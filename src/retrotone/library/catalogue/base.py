"""Databases: what a catalogue asks of the one that keeps it, whichever that is."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import LibraryError
from retrotone.progress import Progress

BLOCK = 4096  # rows of a large answer at once

Row = tuple[Any, ...]
Vector = NDArray[np.float32]
Rows = NDArray[np.float32]
Nearest = Callable[[Vector, int], NDArray[np.int64]]
"""From a unit vector, shape (d,), and a count to about so many tracks' numbers, nearly all of them the nearest."""


class MissingLibrary(LibraryError):
    """There is no library yet where one is looked for."""


class Forgotten(LibraryError):
    """What was heard of a track is not there, or not any more."""


class Database(Protocol):
    """What keeps a catalogue's three tables.

    Statements are in the SQL that all such databases speak, with ``?`` for values, ``TRUE`` and ``FALSE``. A failure
    is a LibraryError of one line.

    Attributes
    ----------
    name : str
        What messages call it: no password is in it.
    revision : hashable
        Changes whenever the catalogue does, by whomever.
    """

    name: str

    @property
    def revision(self) -> Hashable: ...

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows that a statement gives."""

    def blocks(self, sql: str, values: Sequence[object] = ()) -> Iterator[list[Row]]:
        """Yield the rows of a large answer, at most `BLOCK` at once."""

    def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Execute a statement for each row of values, within a transaction."""

    def transaction(self) -> AbstractContextManager[None]:
        """Do all or nothing."""

    def pack(self, vector: Vector) -> object:
        """Return a vector as a value for a statement."""

    def unpack(self, values: Sequence[Any]) -> Rows:
        """Return vectors, shape (n, d), as they come from n rows, at least one; ValueError where one is damaged."""

    def nearest(self, progress: Progress) -> Nearest | None:
        """Return what finds neighbours, or None where comparing with all is quick enough."""

    def faults(self) -> list[str]:
        """Return what the database finds wrong with itself, a line each."""

    def close(self) -> None: ...


def is_address(place: str) -> bool:
    """Tell whether a place is on PostgreSQL rather than in a file."""
    return place.startswith(("postgresql://", "postgres://"))


def open_database(place: str, create: bool) -> Database:
    """Open the database at a place: a file's path, ``:memory:`` or a PostgreSQL address."""
    if is_address(place):
        from retrotone.library.catalogue.postgres import Postgres

        return Postgres(place, create)
    from retrotone.library.catalogue.sqlite import SQLite

    return SQLite(place, create)
