"""What the catalogue asks of a database, and the types that pass between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import LibraryError
from retrotone.progress import Progress
from retrotone.utils.logs import log

# Rows of a large result that are read at once.
BLOCK = 4096
# Most ids or stamps in one query.
LOOKUP = 500
# Before each attempt to connect again: a server that is started anew is back in less than their sum.
WAITS_SECONDS = (0, 1, 2, 4, 8, 16)

Row = tuple[Any, ...]
Vector = NDArray[np.float32]
Rows = NDArray[np.float32]
Nearest = Callable[[Vector, int], NDArray[np.int64]]
"""Takes a unit vector, shape (d,), and a count; returns the ids of about that many tracks, nearly all the nearest."""


class MissingLibrary(LibraryError):
    """There is no library at the given path or address."""


class DamagedLibrary(LibraryError):
    """The library can be read in part; `repair.repair` keeps that part."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is damaged: run retrotone library check --repair, with --library if you named one")


class MissingAnalysis(LibraryError):
    """The catalogue holds no analysis of a track, or no longer holds it."""


class ConnectionLost(LibraryError):
    """The connection to the server broke; what was asked may be asked again."""


Result = TypeVar("Result")


def retried(method: Callable[..., Result]) -> Callable[..., Result]:
    """Run a method again, as a whole, while the connection to the server is lost; the last time its error stands."""

    @wraps(method)
    def call(*arguments: Any, **options: Any) -> Result:
        for wait in WAITS_SECONDS:
            try:
                return method(*arguments, **options)
            except ConnectionLost as error:
                log.warning("%s; connecting again in %d s", error, wait)
                time.sleep(wait)
        return method(*arguments, **options)

    return call


class Database(Protocol):
    """Stores the three tables of a catalogue.

    Statements use the SQL that all these databases share, with ``?`` for values, and ``TRUE`` and ``FALSE``. Every
    failure is a LibraryError whose message has one line.

    Attributes
    ----------
    name : str
        Its name in messages, without a password.
    revision : hashable
        Changes whenever any process changes the catalogue.
    may_hold : str
        The condition, of one value, that the text in place of ``{0}`` matches this pattern of LIKE, in capitals or
        not, or is not all ASCII.
    """

    name: str
    may_hold: str

    @property
    def revision(self) -> Hashable: ...

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a statement."""

    def blocks(self, sql: str, values: Sequence[object] = ()) -> Iterator[list[Row]]:
        """Yield the rows of a large result, at most `BLOCK` at once."""

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Execute a statement for each row of values, within a transaction."""

    def transaction(self) -> AbstractContextManager[None]:
        """Commit all changes made within it, or none."""

    def pack(self, vector: Vector) -> object:
        """Return a vector as the value of a statement's parameter."""

    def unpack(self, values: Sequence[Any]) -> Rows:
        """Return the vectors, shape (n, d), of the values of n >= 1 rows; ValueError if one is damaged."""

    def nearest(self, progress: Progress) -> Nearest | None:
        """Return a function that finds neighbours, or None if comparing with all vectors is fast enough."""

    def faults(self) -> list[str]:
        """Return the faults that the database finds in itself, one line each."""

    def close(self) -> None: ...
