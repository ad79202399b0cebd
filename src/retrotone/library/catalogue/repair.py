"""Check and repair a catalogue: its database, and what must hold for every track."""

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
from retrotone.library.catalogue.base import MissingLibrary, Vector
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.catalogue.database import is_address
from retrotone.library.catalogue.sqlite import TABLES, check_salvageable, check_tables, invalid_rows, salvageable
from retrotone.library.files import Place
from retrotone.progress import Progress, silent
from retrotone.utils.files import writing
from retrotone.utils.text import counted

# Bytes of a row at least: limits the ids that a damaged table can hold.
LEAST_ROW = 16
# Of the length of a vector.
UNIT_TOLERANCE = 1e-3
NO_VECTOR = np.zeros(0, np.float32)


def check(location: str, progress: Progress = silent) -> list[str]:
    """Return the faults of a catalogue, one line each.

    Raises
    ------
    LibraryError
        It cannot be read, and `repair` would refuse it.
    """
    try:
        with Catalogue(location) as catalogue:
            return find_faults(catalogue, progress)[0]
    except MissingLibrary:
        raise
    # It is too damaged to be read to its end.
    except LibraryError as error:
        if is_address(location):
            raise
        check_salvageable(location)
        return [str(error)]


def repair(location: str, progress: Progress = silent) -> list[str]:
    """Repair a catalogue and return its faults; the next scan analyses again what was lost.

    Raises
    ------
    LibraryError
        Nothing of the library can be read.
    OutputError
        The new file cannot be written.
    """
    if not is_address(location):
        return _rebuild(os.path.abspath(location), progress)
    with Catalogue(location) as catalogue:
        problems, again = find_faults(catalogue, progress)
        catalogue.forget_analyses(again)
    return problems


def _rebuild(path: str, progress: Progress) -> list[str]:
    """Rebuild a file from what can be read of it, and return its faults.

    The old file is kept as ``NAME.damaged``; one without faults stays as it is. This waits for other processes that use
    the library; later ones wait for this.
    """
    if not os.path.isfile(path):
        raise MissingLibrary(f"{path} does not exist: retrotone library scan FOLDER makes one")
    new, old = f"{path}.repaired", f"{path}.damaged"
    with _locked(path) as source:
        problems = _rebuild_from(source, path, new, progress)
        if not problems and _is_sound(source):
            _remove(new)
            return []
        # Move the log into the old file, if possible.
        with suppress(sqlite3.Error):
            source.execute("PRAGMA journal_mode = DELETE")
        with writing(Path(path)):
            # These belong to the old file, and were read with it.
            for suffix in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(path + suffix)
            os.replace(path, old)
            os.replace(new, path)
    return problems


def _rebuild_from(source: sqlite3.Connection, path: str, new: str, progress: Progress) -> list[str]:
    """Make a new file from what can be read of the old one, and return its faults."""
    problems = []
    try:
        _remove(new)
        with Catalogue(new, create=True) as catalogue:
            lost = _salvage(source, path, new)
            problems += [f"lost {counted(count, 'damaged row')} of {table}" for table, count in lost.items() if count]
            catalogue.database.query("DELETE FROM analyses WHERE track NOT IN (SELECT id FROM tracks)")
            catalogue.database.query("DELETE FROM descriptions WHERE track NOT IN (SELECT track FROM analyses)")
            found, again = find_faults(catalogue, progress)
            catalogue.forget_analyses(again)
            problems += found
    except BaseException:
        _remove(new)
        raise
    return problems


def _is_sound(source: sqlite3.Connection) -> bool:
    """Return whether SQLite finds no fault that a rebuilt file would not have."""
    try:
        integrity = source.execute("PRAGMA integrity_check").fetchall()
        return integrity == [("ok",)] and not source.execute("PRAGMA foreign_key_check").fetchall()
    # too damaged to be checked
    except (sqlite3.Error, UnicodeDecodeError):
        return False


@contextmanager
def _locked(path: str) -> Iterator[sqlite3.Connection]:
    """Open a file and lock it for all others; LibraryError if another process does not release it."""
    uri = f"file:{quote(os.fsencode(path))}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as source:
        try:
            source.execute("PRAGMA locking_mode = EXCLUSIVE")
            source.execute("BEGIN IMMEDIATE")
            source.execute("COMMIT")
        # A file that is too damaged to be locked cannot be in use.
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise LibraryError(
                    f"{path} is in use by another retrotone: close it or wait for it, then repair"
                ) from error
        yield source


def find_faults(catalogue: Catalogue, progress: Progress) -> tuple[list[str], list[int]]:
    """Return the faults of a catalogue, one line each, and the tracks that must be analysed again."""
    problems = catalogue.database.faults()
    [(count,)] = catalogue.database.query("SELECT count(*) FROM tracks WHERE reason IS NULL")
    rows = catalogue.database.blocks(
        "SELECT id, path, a.version, d.vector FROM tracks LEFT JOIN analyses a ON a.track = id "
        "LEFT JOIN descriptions d ON d.track = id WHERE reason IS NULL ORDER BY id"
    )
    faults: dict[int, str] = {}
    lengths: dict[int, int] = {}
    for index, (number, path, version, packed) in enumerate(chain.from_iterable(rows)):
        if index % 100 == 0:
            progress(min(index / count, 1.0), f"{index}/{count} tracks checked")
        try:
            vector = catalogue.unpack(packed) if packed is not None else NO_VECTOR
        except ValueError:
            vector = NO_VECTOR
        if fault := _fault(catalogue, number, version, vector):
            faults[number] = f"{Place.from_bytes(path)}: {fault}"
        else:
            lengths[number] = len(vector)
    usual = Counter(lengths.values()).most_common(1)[0][0] if lengths else 0
    odd = [number for number, length in lengths.items() if length != usual]
    for number, place in catalogue.places(odd):
        faults[number] = f"{place}: its vector is of another length"
    again = sorted(faults)
    return problems + [faults[number] for number in again], again


def _fault(catalogue: Catalogue, number: int, version: int | None, vector: Vector) -> str:
    """Return the fault of a track, empty without one; analyses of other versions are not checked."""
    if version is None:
        return "it has no analysis"
    try:
        is_silence = version == VERSION and catalogue.analysis(number).loudness == -np.inf
    except (AnalysisError, LibraryError):
        return "its analysis is damaged"
    length = 0.0 if is_silence else 1.0
    if not np.isfinite(vector).all() or abs(np.linalg.norm(vector.astype(float)) - length) > UNIT_TOLERANCE:
        return "its vector is missing or damaged"
    return ""


def _salvage(source: sqlite3.Connection, path: str, new: str) -> dict[str, int]:
    """Copy all rows that can be read, and return how many of each table cannot."""
    lost = {}
    with salvageable(path), closing(sqlite3.connect(f"file:{quote(os.fsencode(new))}?mode=rw", uri=True)) as target:
        check_tables(source, path)
        last = os.path.getsize(path) // LEAST_ROW
        for table in TABLES:
            lost[table] = _copy(source, target, table, last)
            # the tables after the first hold what is known of its tracks
            [(last,)] = target.execute("SELECT ifnull(max(id), 1) FROM tracks")
        target.commit()
    return lost


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, table: str, last: int) -> int:
    """Copy a table, halving ranges of rows that cannot be read; return how many rows are lost."""
    table_info = target.execute(f"PRAGMA table_info({table})").fetchall()
    names = [row[1] for row in table_info]
    known = [row[1] for row in source.execute(f"PRAGMA table_info({table})")]
    names = [name for name in names if name in known]
    columns, placeholders = ", ".join(names), ", ".join("?" * len(names))
    key = names[0]
    lost = 0
    spans = [(1, last)]
    while spans:
        low, high = spans.pop()
        try:
            rows = source.execute(f"SELECT {columns} FROM {table} WHERE {key} BETWEEN ? AND ?", (low, high)).fetchall()
        except sqlite3.DatabaseError:
            if low == high:
                lost += 1
            else:
                middle = (low + high) // 2
                spans += [(middle + 1, high), (low, middle)]
            continue
        target.executemany(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({placeholders})", rows)
    return lost + target.execute(f"DELETE FROM {table} WHERE {invalid_rows(table_info)}").rowcount


def _remove(path: str) -> None:
    for file in (path, f"{path}-wal", f"{path}-shm"):
        # Asked for first, as a read-only disk refuses to remove even a missing file.
        if os.path.lexists(file):
            os.unlink(file)
