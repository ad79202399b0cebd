"""Check and repair a catalogue: what its database says of itself, and what we know must be so."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from urllib.parse import quote

import numpy as np

from retrotone.errors import AnalysisError, LibraryError
from retrotone.features.analysis import VERSION
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.catalogue.database import Vector, is_address
from retrotone.library.catalogue.sqlite import APPLICATION_ID, MIGRATIONS, TABLES, strange
from retrotone.progress import Progress, silent
from retrotone.utils.files import writing

LEAST_ROW = 16  # bytes: bounds the numbers that a damaged table can hold
UNIT_TOLERANCE = 1e-3
NONE = np.zeros(0, np.float32)


def check(catalogue: Catalogue, progress: Progress = silent) -> tuple[list[str], list[int]]:
    """Return what is wrong, a line each, and the tracks that must be heard again."""
    try:
        return _check(catalogue, progress)
    except LibraryError as error:  # so damaged that it cannot be read through
        return [str(error)], []


def repair(place: str, progress: Progress = silent) -> list[str]:
    """Mend a catalogue and return what was wrong; what was lost the next scan hears again.

    Raises
    ------
    LibraryError
        No library is left.
    OutputError
        The new file cannot be written.
    """
    if not is_address(place):
        return _rebuild(os.path.abspath(place), progress)
    with Catalogue(place) as catalogue:
        problems, again = check(catalogue, progress)
        catalogue.forget_heard(again)
    return problems


def _rebuild(path: str, progress: Progress) -> list[str]:
    """Rebuild a file from what can be read of it, and return what was wrong.

    The old file stays beside it, as ``NAME.damaged``. Others who use the library are waited for, and then wait.
    """
    if not os.path.isfile(path):
        raise LibraryError(f"{path} does not exist: retrotone library scan FOLDER makes one")
    new, old = f"{path}.repaired", f"{path}.damaged"
    with _claimed(path) as source:
        problems = _rebuild_from(source, path, new, progress)
        with suppress(sqlite3.Error):  # the log goes into the old file, where that can be
            source.execute("PRAGMA journal_mode = DELETE")
        with writing(Path(path)):
            for suffix in ("-wal", "-shm"):  # they belong to the old file, and were read with it
                with suppress(FileNotFoundError):
                    os.unlink(path + suffix)
            os.replace(path, old)
            os.replace(new, path)
    return problems


def _rebuild_from(source: sqlite3.Connection, path: str, new: str, progress: Progress) -> list[str]:
    """Make a new file of what can be read of an old one, and return what was wrong."""
    problems = []
    try:
        _remove(new)
        with Catalogue(new, create=True) as catalogue:
            lost = _salvage(source, path, new)
            problems += [
                f"{count} damaged rows of {table} are lost" for table, count in lost.items() if count
            ]
            catalogue.query("DELETE FROM analyses WHERE track NOT IN (SELECT id FROM tracks)")
            catalogue.query("DELETE FROM descriptions WHERE track NOT IN (SELECT track FROM analyses)")
            found, again = check(catalogue, progress)
            catalogue.forget_heard(again)
            problems += found
    except BaseException:
        _remove(new)
        raise
    return problems


@contextmanager
def _claimed(path: str) -> Iterator[sqlite3.Connection]:
    """Open a file and keep all others from it; LibraryError if one does not let go of it."""
    uri = f"file:{quote(os.fsencode(path))}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as source:
        try:
            source.execute("PRAGMA locking_mode = EXCLUSIVE")
            source.execute("BEGIN IMMEDIATE")
            source.execute("COMMIT")
        except sqlite3.Error as error:  # what is too damaged to be locked, nobody else can use
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise LibraryError(
                    f"{path} is in use by another retrotone: close it or wait for it, then repair"
                ) from error
        yield source


def _check(catalogue: Catalogue, progress: Progress) -> tuple[list[str], list[int]]:
    problems = catalogue.faults()
    [(count,)] = catalogue.query("SELECT count(*) FROM tracks WHERE reason IS NULL")
    rows = catalogue.blocks(
        "SELECT id, path, a.version, d.vector FROM tracks LEFT JOIN analyses a ON a.track = id "
        "LEFT JOIN descriptions d ON d.track = id WHERE reason IS NULL ORDER BY id"
    )
    faults: dict[int, str] = {}
    lengths: dict[int, int] = {}
    for index, (number, path, version, packed) in enumerate(chain.from_iterable(rows)):
        if index % 100 == 0:
            progress(min(index / count, 1.0), f"{index}/{count} tracks checked")
        try:
            vector = catalogue.unpack(packed) if packed is not None else NONE
        except ValueError:
            vector = NONE
        if fault := _fault(catalogue, number, version, vector):
            faults[number] = f"{os.fsdecode(path)}: {fault}"
        lengths[number] = len(vector)
    usual = Counter(lengths.values()).most_common(1)[0][0] if lengths else 0
    odd = [number for number, length in lengths.items() if length != usual and number not in faults]
    for number, path, _ in catalogue.filed(odd):
        faults[number] = f"{path}: its vector is of another length"
    again = sorted(faults)
    return problems + [faults[number] for number in again], again


def _fault(catalogue: Catalogue, number: int, version: int | None, vector: Vector) -> str:
    """Say what is wrong with a track; nothing if nothing is, or another version of analysis heard it."""
    if version is None:
        return "nothing was heard of it"
    try:
        if version == VERSION:
            catalogue.analysis(number)
    except (AnalysisError, LibraryError):
        return "what was heard of it is damaged"
    if not np.isfinite(vector).all() or abs(np.linalg.norm(vector.astype(float)) - 1) > UNIT_TOLERANCE:
        return "its vector is missing or damaged"
    return ""


def _salvage(source: sqlite3.Connection, path: str, new: str) -> dict[str, int]:
    """Copy all rows that can be read, and return how many of each table could not."""
    lost = {}
    try:
        with closing(sqlite3.connect(f"file:{quote(os.fsencode(new))}?mode=rw", uri=True)) as target:
            [(application,)], [(version,)] = (
                source.execute(f"PRAGMA {name}").fetchall() for name in ("application_id", "user_version")
            )
            if application != APPLICATION_ID or not 1 <= version <= len(MIGRATIONS):
                raise LibraryError(f"{path} is no library of this retrotone: name another file")
            for table in TABLES:
                lost[table] = _copy(source, target, table, os.path.getsize(path) // LEAST_ROW)
            target.commit()
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: SQLite speaks of a damaged name
        raise LibraryError(f"no library is left in {path} ({error}): delete it and scan again") from error
    return lost


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, table: str, last: int) -> int:
    """Copy a table row by row where it cannot be read at once; return how many could not be read."""
    table_info = target.execute(f"PRAGMA table_info({table})").fetchall()
    names = [row[1] for row in table_info]
    known = [row[1] for row in source.execute(f"PRAGMA table_info({table})")]
    names = [name for name in names if name in known]
    if not names:
        raise sqlite3.DatabaseError(f"it has no {table}")
    columns, places = ", ".join(names), ", ".join("?" * len(names))
    key = names[0]
    lost = 0
    spans = [(1, last)]
    while spans:
        low, high = spans.pop()
        try:
            rows = source.execute(
                f"SELECT {columns} FROM {table} WHERE {key} BETWEEN ? AND ?", (low, high)
            ).fetchall()
        except sqlite3.DatabaseError:
            if low == high:
                lost += 1
            else:
                middle = (low + high) // 2
                spans += [(middle + 1, high), (low, middle)]
            continue
        target.executemany(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({places})", rows)
    return lost + target.execute(f"DELETE FROM {table} WHERE {strange(table_info)}").rowcount


def _remove(path: str) -> None:
    for file in (path, f"{path}-wal", f"{path}-shm"):
        if os.path.lexists(file):  # a read-only disk refuses to remove even what is missing
            os.unlink(file)
