"""The catalogue: what is known of every track, in one SQLite file with one writer and many readers.

Three tables, from what is dear to what is cheap. ``tracks`` holds what the file system and the tags say, ``analyses``
what was heard (seconds a track), and ``descriptions`` what we make of it (milliseconds a track): a better recipe for
similarity or genre redoes the last from the second and listens to nothing.

Every change is a transaction of its own, so that a process killed at any moment loses what it had in hand and no more.
Paths are kept as the bytes the file system uses, as not all of them are text.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from retrotone.analysis import Analysis
from retrotone.errors import LibraryError
from retrotone.library.description import Description
from retrotone.library.track import TAGS, Known, Track
from retrotone.library.walk import Found

APPLICATION_ID = 0x52544E45  # "RTNE", in the header of the file: another program's database is not touched
BUSY_SECONDS = 30.0  # to wait for another writer
LOOKUP = 500  # ids a query
TWINS = 20  # files of one content that are looked at

# Each entry leads from one version of the schema to the next. Those that were released are never changed.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE tracks (
            id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
            fingerprint BLOB NOT NULL, present INTEGER NOT NULL, reason TEXT,
            duration REAL, title TEXT, artist TEXT, album TEXT, genre TEXT, year TEXT, given_genre TEXT)""",
        "CREATE INDEX tracks_by_fingerprint ON tracks (fingerprint, present, id)",
        """CREATE TABLE analyses (
            track INTEGER PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE,
            version INTEGER NOT NULL, data BLOB NOT NULL)""",
        """CREATE TABLE descriptions (
            track INTEGER PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE,
            recipe TEXT NOT NULL, vector BLOB NOT NULL, genre TEXT NOT NULL, confidence REAL NOT NULL,
            sure INTEGER NOT NULL, genres TEXT NOT NULL, tags TEXT NOT NULL, eras TEXT NOT NULL,
            tempo REAL, loudness REAL)""",
    ),
    ("ALTER TABLE descriptions ADD COLUMN key TEXT",),
)

REMEDIES = {
    "SQLITE_FULL": "free some space on its disk",
    "SQLITE_IOERR": "free some space on its disk, or check it",
    "SQLITE_READONLY": "it may not be written to: check its permissions and its folder's",
    "SQLITE_CANTOPEN": "check the path and its folder's permissions",
    "SQLITE_BUSY": "another program is writing to it: wait and try again",
    "SQLITE_CORRUPT": "it is damaged: run retrotone library check --repair",
    "SQLITE_NOTADB": "it is no library: name another file",
}


class Catalogue:
    """A library's file.

    Parameters
    ----------
    path : path-like
        ``:memory:`` keeps nothing.
    create : bool
        Make it where it is missing.

    Raises
    ------
    LibraryError
        Missing, no library, damaged, of a newer retrotone, or not to be opened; later also a full disk, no permission,
        or another writer that does not end.
    """

    def __init__(self, path: str | os.PathLike[str], create: bool = False) -> None:
        self.path = os.fspath(path)
        if self.path != ":memory:":
            self.path = os.path.abspath(self.path)
            if not create and not os.path.exists(self.path):
                raise LibraryError(f"{self.path} does not exist: retrotone library scan FOLDER makes one")
            if not os.path.isdir(os.path.dirname(self.path)):
                raise LibraryError(f"{os.path.dirname(self.path)} is no folder: create it first")
        with self._guarded():
            self._connection = self._open("rwc" if create else "rw")
        with self._guarded():
            self._migrate()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def revision(self) -> tuple[int, int]:
        """Changes whenever the catalogue does, by whomever."""
        [(others,)] = self.query("PRAGMA data_version")
        return others, self._connection.total_changes

    # Files

    def lookup(self, path: str) -> Known | None:
        """Return what is known of a path."""
        rows = self.query(f"{_KNOWN} WHERE path = ?", (os.fsencode(path),))
        return _known(rows[0]) if rows else None

    def with_fingerprint(self, fingerprint: bytes, path: str) -> list[Known]:
        """Return heard files of the same content: that of the path first, then those that are gone, then others."""
        same = f"{_KNOWN} WHERE fingerprint = ? AND version IS NOT NULL"
        rows = self.query(f"{same} AND path = ?", (fingerprint, os.fsencode(path)))
        rows += self.query(f"{same} ORDER BY present, id LIMIT {TWINS}", (fingerprint,))
        return [_known(row) for row in rows]

    def present_under(self, folder: str) -> list[tuple[int, str]]:
        """Return number and path of the files that were in a folder, or below it, when last looked for."""
        start = os.fsencode(os.path.join(folder, ""))
        end = start[:-1] + bytes([start[-1] + 1])
        rows = self.query(
            "SELECT id, path FROM tracks WHERE path >= ? AND path < ? AND present ORDER BY path", (start, end)
        )
        return [(number, os.fsdecode(path)) for number, path in rows]

    def broken(self) -> list[tuple[str, str]]:
        """Return the files that could not be heard, and why."""
        rows = self.query(
            "SELECT path, reason FROM tracks WHERE present AND reason IS NOT NULL ORDER BY path"
        )
        return [(os.fsdecode(path), reason) for path, reason in rows]

    # Changes

    def add_heard(
        self,
        found: Found,
        fingerprint: bytes,
        tags: dict[str, str],
        analysis: Analysis,
        description: Description,
    ) -> None:
        """Note a track that was heard, in place of what was known of its path."""
        with self._transaction():
            number = self._put_file(found, fingerprint, None, analysis.duration, tags)
            self._put(
                "analyses",
                {"track": number, "version": analysis.version, "data": analysis.to_bytes()},
                "track",
            )
            self._put("descriptions", {"track": number, **_row(description)}, "track")

    def add_broken(self, found: Found, fingerprint: bytes, reason: str) -> None:
        """Note that a file cannot be heard, in place of what was known of its path."""
        with self._transaction():
            number = self._put_file(found, fingerprint, reason, None, {})
            self._execute("DELETE FROM analyses WHERE track = ?", (number,))
            self._execute("DELETE FROM descriptions WHERE track = ?", (number,))

    def move(self, number: int, found: Found) -> None:
        """Note where a file is now, and that it is there."""
        with self._transaction():
            self._execute("DELETE FROM tracks WHERE path = ? AND id <> ?", (os.fsencode(found.path), number))
            self._execute(
                "UPDATE tracks SET path = ?, size = ?, mtime_ns = ?, present = 1 WHERE id = ?",
                (os.fsencode(found.path), found.size, found.mtime_ns, number),
            )

    def copy(self, number: int, found: Found, fingerprint: bytes) -> None:
        """Note a file of the same content as a track that was heard."""
        with self._transaction():
            duration, *tags = self._execute(
                f"SELECT duration, {', '.join(TAGS)} FROM tracks WHERE id = ?", (number,)
            )[0]
            copy = self._put_file(found, fingerprint, None, duration, dict(zip(TAGS, tags, strict=True)))
            for table in ("analyses", "descriptions"):
                row = self._select(table, number)
                self._put(table, {**row, "track": copy}, "track")

    def mark(self, numbers: Iterable[int], present: bool) -> None:
        """Note that files are there, or gone; what is known of those that are gone is kept."""
        with self._transaction():
            self._connection.executemany(
                "UPDATE tracks SET present = ? WHERE id = ?", [(present, number) for number in numbers]
            )

    def describe(self, number: int, description: Description) -> None:
        """Replace what is made of a track's analysis."""
        with self._transaction():
            self._put("descriptions", {"track": number, **_row(description)}, "track")

    def give_genre(self, genres: dict[int, str]) -> None:
        """Note genres of tracks, here and not in their files."""
        with self._transaction():
            self._connection.executemany(
                "UPDATE tracks SET given_genre = ? WHERE id = ?", [(g, n) for n, g in genres.items()]
            )

    def forget_heard(self, numbers: Iterable[int]) -> None:
        """Forget what was heard of tracks, so that the next scan hears them again."""
        with self._transaction():
            for number in numbers:
                self._execute("DELETE FROM analyses WHERE track = ?", (number,))
                self._execute("DELETE FROM descriptions WHERE track = ?", (number,))
                self._execute("UPDATE tracks SET reason = NULL WHERE id = ?", (number,))

    # Tracks

    def vectors(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the numbers (n,) and the vectors (n, d) of all tracks that are there and described, by path."""
        rows = self.query(
            "SELECT id, vector FROM tracks JOIN descriptions ON track = id WHERE present ORDER BY path"
        )
        numbers = np.array([number for number, _ in rows], np.int64)
        if len({len(vector) for _, vector in rows}) > 1:
            raise LibraryError(f"{self.path} is damaged: run retrotone library check --repair")
        vectors = np.frombuffer(b"".join(vector for _, vector in rows), np.float32)
        return numbers, vectors.reshape(len(rows), len(vectors) // max(len(rows), 1))

    def tracks(self, numbers: Sequence[int] | None = None) -> list[Track]:
        """Return tracks by their numbers, in that order; or all that are there and described, by path."""
        if numbers is None:
            return [_track(row) for row in self.query(f"{_TRACK} WHERE present ORDER BY path")]
        found: dict[int, Track] = {}
        for start in range(0, len(numbers), LOOKUP):
            some = [int(number) for number in numbers[start : start + LOOKUP]]
            places = ", ".join("?" * len(some))
            found |= {row[0]: _track(row) for row in self.query(f"{_TRACK} WHERE id IN ({places})", some)}
        return [found[int(number)] for number in numbers]

    def filed(self) -> list[tuple[int, str, str]]:
        """Return number, path and `Track.best_genre` of all tracks that are there and described, by path."""
        rows = self.query(
            "SELECT id, path, coalesce(nullif(t.genre, ''), given_genre, iif(sure, d.genre, '')) "
            "FROM tracks t JOIN descriptions d ON track = id WHERE present ORDER BY path"
        )
        return [(number, os.fsdecode(path), genre) for number, path, genre in rows]

    def analysis(self, number: int) -> Analysis:
        """Return what was heard of a track; LibraryError or AnalysisError where that is missing or damaged."""
        rows = self.query("SELECT data FROM analyses WHERE track = ?", (number,))
        if not rows:
            raise LibraryError(f"nothing was heard of track {number}: scan its folder again")
        return Analysis.from_bytes(rows[0][0])

    def described_otherwise(self, recipe: str, version: int) -> list[int]:
        """Return the tracks heard by an analysis of `version` but described by another recipe, or not at all."""
        rows = self.query(
            "SELECT a.track FROM analyses a LEFT JOIN descriptions d ON d.track = a.track "
            "WHERE a.version = ? AND (d.recipe IS NULL OR d.recipe <> ?) ORDER BY a.track",
            (version, recipe),
        )
        return [number for (number,) in rows]

    # SQLite

    def query(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows that a statement gives."""
        with self._guarded():
            return self._execute(sql, values)

    def _execute(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def _select(self, table: str, number: int) -> dict[str, Any]:
        cursor = self._connection.execute(f"SELECT * FROM {table} WHERE track = ?", (number,))
        return dict(zip((column[0] for column in cursor.description), cursor.fetchone(), strict=True))

    def _put_file(
        self,
        found: Found,
        fingerprint: bytes,
        reason: str | None,
        duration: float | None,
        tags: dict[str, str],
    ) -> int:
        """Insert or update a row of ``tracks`` and return its number."""
        row = {
            "path": os.fsencode(found.path),
            "size": found.size,
            "mtime_ns": found.mtime_ns,
            "fingerprint": fingerprint,
            "present": True,
            "reason": reason,
            "duration": duration,
            **{name: tags.get(name, "") for name in TAGS},
        }
        self._put("tracks", row, "path")
        [(number,)] = self._execute("SELECT id FROM tracks WHERE path = ?", (row["path"],))
        return int(number)

    def _put(self, table: str, row: dict[str, Any], key: str) -> None:
        changes = ", ".join(f"{name} = excluded.{name}" for name in row if name != key)
        self._execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))}) "
            f"ON CONFLICT ({key}) DO UPDATE SET {changes}",
            tuple(row.values()),
        )

    def _open(self, mode: str) -> sqlite3.Connection:
        if self.path == ":memory:":
            return sqlite3.connect(":memory:", isolation_level=None)
        uri = f"file:{quote(os.fsencode(self.path))}?mode={mode}"
        try:
            return _connect(uri)
        except sqlite3.OperationalError:
            # Where nothing may be written, SQLite cannot set up its log; if there is none, all is in the file.
            if mode == "rwc" or os.path.exists(f"{self.path}-wal"):
                raise
            return _connect(f"file:{quote(os.fsencode(self.path))}?immutable=1")

    def _migrate(self) -> None:
        """Bring the schema up to date."""
        [(version,)], [(application,)] = (
            self._execute(f"PRAGMA {name}") for name in ("user_version", "application_id")
        )
        empty = not self._execute("SELECT 1 FROM sqlite_master LIMIT 1")
        if not empty and application != APPLICATION_ID:
            raise LibraryError(f"{self.path} is another program's database: name another file")
        if version > len(MIGRATIONS):
            raise LibraryError(f"{self.path} was written by a newer retrotone: update retrotone")
        if empty:
            self._execute("PRAGMA journal_mode = WAL")
        for step in range(version, len(MIGRATIONS)):
            with self._transaction():
                [(now,)] = self._execute("PRAGMA user_version")
                if now > step:  # another process was quicker
                    continue
                for statement in MIGRATIONS[step]:
                    self._execute(statement)
                self._execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._execute(f"PRAGMA user_version = {step + 1}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Do all or nothing."""
        with self._guarded():
            self._execute("BEGIN IMMEDIATE")
            try:
                yield
                self._execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._execute("ROLLBACK")
                raise

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn what SQLite says into one LibraryError."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorname", "")
            remedy = next(
                (text for name, text in REMEDIES.items() if code.startswith(name)), "check the file"
            )
            raise LibraryError(f"the library {self.path} failed ({error}): {remedy}") from error


_KNOWN = (
    "SELECT id, path, size, mtime_ns, present, reason, version FROM tracks LEFT JOIN analyses ON track = id"
)
_TRACK = (
    "SELECT id, path, duration, title, artist, album, year, coalesce(nullif(t.genre, ''), given_genre, ''), "
    "d.genre, confidence, sure, tags, eras, tempo, key, loudness FROM tracks t JOIN descriptions d ON track = id"
)


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute(
            "PRAGMA synchronous = NORMAL"
        )  # with WAL: a power cut loses the last, harms nothing
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _known(row: tuple[Any, ...]) -> Known:
    number, path, size, mtime_ns, present, reason, version = row
    return Known(number, os.fsdecode(path), size, mtime_ns, bool(present), reason, version)


def _track(row: tuple[Any, ...]) -> Track:
    number, path, duration, title, artist, album, year, genre, heard, confidence, sure, tags, eras, *rest = (
        row
    )
    tempo, key, loudness = rest
    return Track(
        number, os.fsdecode(path), duration, title, artist, album, year, genre, heard, confidence, bool(sure),
        json.loads(tags), json.loads(eras), tempo, key, loudness,
    )  # fmt: skip


def _row(description: Description) -> dict[str, Any]:
    return {
        "recipe": description.recipe,
        "vector": description.vector.astype(np.float32).tobytes(),
        "genre": description.genre,
        "confidence": description.confidence,
        "sure": description.sure,
        **{name: json.dumps(getattr(description, name)) for name in ("genres", "tags", "eras")},
        "tempo": description.tempo,
        "key": description.key,
        "loudness": description.loudness,
    }
