"""SQLite: the catalogue in one file (WAL) with one writer and many readers."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from urllib.parse import quote

import numpy as np

from retrotone.errors import LibraryError
from retrotone.library.catalogue.base import BLOCK, DamagedLibrary, MissingLibrary, Nearest, Row, Rows, Vector
from retrotone.progress import Progress
from retrotone.utils.files import file_identity
from retrotone.utils.text import counted

# "RTNE" in the header of the file: databases of other programs are not touched.
APPLICATION_ID = 0x52544E45
# Vectors up to which a search compares with all of them, in 10 to 30 ms.
EXACT = 200_000
TABLES = ("tracks", "analyses", "descriptions")
LONGEST_SECONDS = 1e9
# Time to wait for another writer.
BUSY_SECONDS = 30.0

# Each entry leads from one version of the schema to the next. Released entries never change.
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
    (
        "ALTER TABLE descriptions ADD COLUMN key TEXT",
        "CREATE INDEX descriptions_by_recipe ON descriptions (recipe)",
        # Every new vector gets a new random stamp. By the stamps an index knows which vectors it contains.
        "ALTER TABLE descriptions ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0",
        "UPDATE descriptions SET stamp = random()",
        "CREATE INDEX descriptions_by_stamp ON descriptions (stamp)",
        """CREATE TRIGGER stamp_new AFTER INSERT ON descriptions BEGIN
            UPDATE descriptions SET stamp = random() WHERE track = new.track; END""",
        """CREATE TRIGGER stamp_changed AFTER UPDATE OF vector ON descriptions BEGIN
            UPDATE descriptions SET stamp = random() WHERE track = new.track; END""",
    ),
    # Of a cue sheet's track, where it lies in the file; in its path, a NUL and its number follow the file's path.
    (
        "ALTER TABLE tracks ADD COLUMN damage TEXT",
        "ALTER TABLE tracks ADD COLUMN start_seconds REAL",
        "ALTER TABLE tracks ADD COLUMN end_seconds REAL",
        # Files that could not be read before may be readable now: with this size the next scan tries them again.
        "UPDATE tracks SET size = -1 WHERE reason IS NOT NULL",
    ),
)

REMEDIES = {
    "SQLITE_FULL": "free some space on its disk",
    "SQLITE_IOERR": "free some space on its disk, or check it",
    "SQLITE_READONLY": "it may not be written to: check its permissions and its folder's",
    "SQLITE_CANTOPEN": "check the path and its folder's permissions",
    "SQLITE_BUSY": "another program is writing to it: wait and try again",
    "SQLITE_NOTADB": "it is no library: name another file",
}


class SQLite:
    """A library in a file; see `base.Database`.

    Parameters
    ----------
    path : str
        ``:memory:`` for one that is not kept.
    create : bool
        Create it if it is missing.

    Raises
    ------
    LibraryError
        It is missing, not a library, damaged, written by a newer retrotone, or cannot be opened. By all methods: the
        disk is full, permission is missing, or another writer does not finish.
    """

    # here LIKE does not tell capitals of ASCII from small letters
    may_hold = "({0} LIKE ? OR length(CAST({0} AS BLOB)) > length({0}))"

    def __init__(self, path: str, create: bool = False) -> None:
        self.name = path
        if path != ":memory:":
            self.name = os.path.abspath(path)
            if not create and not os.path.exists(self.name):
                raise MissingLibrary(f"{self.name} does not exist: retrotone library scan FOLDER makes one")
            if not os.path.isdir(os.path.dirname(self.name)):
                raise LibraryError(f"{os.path.dirname(self.name)} is no folder: create it first")
        with self._translated_errors():
            self._connection = self._open("rwc" if create else "rw")
        with self._translated_errors():
            self._migrate()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def revision(self) -> tuple[int, int]:
        """Changes whenever any process changes the catalogue."""
        [(others,)] = self.query("PRAGMA data_version")
        return others, self._connection.total_changes

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a statement."""
        with self._translated_errors():
            return self._connection.execute(sql, values).fetchall()

    def blocks(self, sql: str, values: Sequence[object] = ()) -> Iterator[list[Row]]:
        """Yield the rows of a large result, at most `BLOCK` at once."""
        with self._translated_errors():
            cursor = self._connection.execute(sql, values)
            while rows := cursor.fetchmany(BLOCK):
                yield rows

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Execute a statement for each row of values, within a transaction."""
        with self._translated_errors():
            self._connection.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes made within it, or none."""
        with self._translated_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def pack(self, vector: Vector) -> bytes:
        """Return a vector as the value of a statement's parameter."""
        return vector.astype(np.float32).tobytes()

    def unpack(self, values: Sequence[bytes]) -> Rows:
        """Return the vectors, shape (n, d), of the values of n >= 1 rows; ValueError if one is damaged."""
        if not all(isinstance(value, bytes) for value in values):
            raise ValueError("no vectors")
        if len({len(value) for value in values}) > 1:
            raise ValueError("vectors of several lengths")
        return np.frombuffer(b"".join(values), np.float32).reshape(len(values), -1)

    def nearest(self, progress: Progress) -> Nearest | None:
        """Return a function that finds neighbours, or None if comparing with all vectors is fast enough."""
        [(count,)] = self.query("SELECT count(*) FROM descriptions")
        if count <= EXACT:
            return None
        from retrotone.library.catalogue import vector_index

        return vector_index.nearest(self, progress)

    def faults(self) -> list[str]:
        """Return the faults that SQLite finds in its file, one line each."""
        found = [row[0] for row in self.query("PRAGMA integrity_check")]
        strays = self.query("PRAGMA foreign_key_check")
        counts = {}
        for table in TABLES:
            wrong = invalid_rows(self.query(f"PRAGMA table_info({table})"))
            [(counts[table],)] = self.query(f"SELECT count(*) FROM {table} WHERE {wrong}")
        return [
            *(f"the file is damaged: {what}" for what in found if what != "ok"),
            *(f"a row of {row[0]} belongs to no track" for row in strays),
            *(f"invalid values in {counted(count, 'row')} of {table}" for table, count in counts.items() if count),
        ]

    def _open(self, mode: str) -> sqlite3.Connection:
        if self.name == ":memory:":
            return sqlite3.connect(":memory:", isolation_level=None)
        uri = f"file:{quote(os.fsencode(self.name))}?mode={mode}"
        try:
            while True:
                before = file_identity(self.name)
                connection = _connect(uri)
                if before in (None, file_identity(self.name)):
                    return connection
                # While it waited, a repair replaced the file.
                connection.close()
        except sqlite3.OperationalError:
            # Without permission to write SQLite cannot create its log; if there is none, the file is complete.
            if mode == "rwc" or os.path.exists(f"{self.name}-wal"):
                raise
            return _connect(f"file:{quote(os.fsencode(self.name))}?immutable=1")

    def _migrate(self) -> None:
        """Bring the schema up to date."""
        [(version,)], [(application,)] = (self.query(f"PRAGMA {name}") for name in ("user_version", "application_id"))
        empty = not self.query("SELECT 1 FROM sqlite_master LIMIT 1")
        if not empty and application != APPLICATION_ID:
            raise LibraryError(f"{self.name} is another program's database: name another file")
        if version > len(MIGRATIONS):
            raise LibraryError(f"{self.name} was written by a newer retrotone: update retrotone")
        if empty:
            self.query("PRAGMA journal_mode = WAL")
        for step in range(version, len(MIGRATIONS)):
            with self.transaction():
                [(now,)] = self.query("PRAGMA user_version")
                # Another process has done this step.
                if now > step:
                    continue
                for statement in MIGRATIONS[step]:
                    self.query(statement)
                self.query(f"PRAGMA application_id = {APPLICATION_ID}")
                self.query(f"PRAGMA user_version = {step + 1}")

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turn errors of SQLite into a LibraryError of one line."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorname", "")
            if code.startswith("SQLITE_CORRUPT"):
                check_salvageable(self.name)
                raise DamagedLibrary(self.name) from error
            remedy = next((text for name, text in REMEDIES.items() if code.startswith(name)), "check the file")
            raise LibraryError(f"the library {self.name} failed ({error}): {remedy}") from error
        # SQLite's message contains a damaged name.
        except UnicodeDecodeError as error:
            check_salvageable(self.name)
            raise DamagedLibrary(self.name) from error


def check_salvageable(path: str) -> None:
    """Raise LibraryError for a file of which `repair.repair` can keep nothing."""
    uri = f"file:{quote(os.fsencode(path))}?mode=ro"
    with salvageable(path), closing(sqlite3.connect(uri, uri=True)) as source:
        check_tables(source, path)


@contextmanager
def salvageable(path: str) -> Iterator[None]:
    """Turn errors of a file that cannot be read at all into a LibraryError."""
    try:
        yield
    # The latter if SQLite's message contains a damaged name.
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise LibraryError(f"nothing of {path} can be read ({error}): move it away and scan again") from error


def check_tables(source: sqlite3.Connection, path: str) -> None:
    """Raise an error for a file that is no library, or in which a table is missing."""
    # else SQLite reads nothing of a file that was cut short
    source.execute("PRAGMA writable_schema = ON")
    [(application,)], [(version,)] = (
        source.execute(f"PRAGMA {name}").fetchall() for name in ("application_id", "user_version")
    )
    if application != APPLICATION_ID or not 1 <= version <= len(MIGRATIONS):
        raise LibraryError(f"{path} is no library of this retrotone: name another file")
    for table in TABLES:
        if not source.execute(f"PRAGMA table_info({table})").fetchall():
            raise sqlite3.DatabaseError(f"it has no {table}")


def invalid_rows(table_info: Iterable[Row]) -> str:
    """Return the condition for rows that retrotone did not write: SQLite stores values of any type in any column."""
    wrong = []
    for _, name, kind, *_ in table_info:
        wrong.append(f"typeof({name}) NOT IN ('{kind.lower()}', 'null')")
        if name == "duration":
            wrong.append(f"abs({name}) > {LONGEST_SECONDS}")
        if name in ("tags", "eras", "genres"):
            wrong.append(f"NOT json_valid({name}) OR json_type({name}) <> 'object'")
    return " OR ".join(wrong)


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        # With WAL a power cut loses the last transactions and damages nothing.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        # The schema may have been written by somebody who wants to do harm.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection
