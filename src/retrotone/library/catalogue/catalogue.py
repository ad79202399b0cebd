"""The catalogue: what is known of every track, in a SQLite file or on PostgreSQL.

Three tables, from what is dear to what is cheap. ``tracks`` holds what the file system and the tags say, ``analyses``
what was heard (seconds a track), and ``descriptions`` what we make of it (milliseconds a track): a better recipe for
similarity or genre redoes the last from the second and listens to nothing.

Every change is a transaction of its own, so that a process killed at any moment loses what it had in hand and no more.
Paths are kept as the bytes the file system uses, as not all of them are text.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import LibraryError
from retrotone.features.analysis import Analysis
from retrotone.library.catalogue.database import Forgotten, Nearest, Row, Rows, Vector, open_database
from retrotone.library.description import Description
from retrotone.library.records import TAGS, Known, Track
from retrotone.library.scanning.walk import Found
from retrotone.progress import Progress, silent

ANALYSIS = ("version", "data")
DESCRIPTION = tuple(field.name for field in fields(Description))
LOOKUP = 500  # ids a query
LONGEST_TAG = 500  # characters: some put a song's whole text into its title, which would fill every table
NOTHING = np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
TWINS = 20  # files of one content that are looked at


class Catalogue:
    """A library's tables.

    Parameters
    ----------
    place : path-like
        A SQLite file; ``:memory:`` keeps nothing. Or a str, the address of a PostgreSQL database.
    create : bool
        Make it where it is missing.

    Attributes
    ----------
    name : str
        The file's absolute path, or the address without its password.

    Raises
    ------
    LibraryError
        Missing, no library, damaged, of a newer retrotone, or not to be opened; later also a full disk, no permission,
        another writer that does not end, or a server that does.
    MissingExtraError
        PostgreSQL, without the extra ``cluster``.
    """

    def __init__(self, place: str | os.PathLike[str], create: bool = False) -> None:
        self._database = open_database(os.fspath(place), create)
        self.name = self._database.name

    def close(self) -> None:
        """Close it."""
        self._database.close()

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def revision(self) -> Hashable:
        """Changes whenever the catalogue does, by whomever."""
        return self._database.revision

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows that a statement gives, with ``?`` for values."""
        return self._database.query(sql, values)

    def blocks(self, sql: str, values: Sequence[object] = ()) -> Iterator[list[Row]]:
        """Yield the rows of a large answer in blocks."""
        yield from self._database.blocks(sql, values)

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
        with self._database.transaction():
            number = self._put_file(found, fingerprint, None, analysis.duration, tags)
            self._put(
                "analyses",
                {"track": number, "version": analysis.version, "data": analysis.to_bytes()},
                "track",
            )
            self._put_description(number, description)

    def add_broken(self, found: Found, fingerprint: bytes, reason: str) -> None:
        """Note that a file cannot be heard, in place of what was known of its path."""
        with self._database.transaction():
            number = self._put_file(found, fingerprint, reason, None, {})
            self.query("DELETE FROM analyses WHERE track = ?", (number,))
            self.query("DELETE FROM descriptions WHERE track = ?", (number,))

    def move(self, number: int, found: Found) -> None:
        """Note where a file is now, and that it is there."""
        with self._database.transaction():
            self.query("DELETE FROM tracks WHERE path = ? AND id <> ?", (os.fsencode(found.path), number))
            self.query(
                "UPDATE tracks SET path = ?, size = ?, mtime_ns = ?, present = TRUE WHERE id = ?",
                (os.fsencode(found.path), found.size, found.mtime_ns, number),
            )

    def copy(self, number: int, found: Found, fingerprint: bytes) -> bool:
        """Note a file of the same content as a track that was heard; False if another process took that away since."""
        with self._database.transaction():
            rows = self.query(
                f"SELECT duration, {', '.join(TAGS)} FROM tracks WHERE id = ? AND id IN (SELECT a.track "
                "FROM analyses a JOIN descriptions d ON d.track = a.track)",
                (number,),
            )
            if not rows:
                return False
            duration, *tags = rows[0]
            copy = self._put_file(found, fingerprint, None, duration, dict(zip(TAGS, tags, strict=True)))
            for table, names in (("analyses", ANALYSIS), ("descriptions", DESCRIPTION)):
                self.query(
                    f"INSERT INTO {table} (track, {', '.join(names)}) SELECT ?, {', '.join(names)} "
                    f"FROM {table} WHERE track = ? ON CONFLICT (track) DO UPDATE SET {_changes(names)}",
                    (copy, number),
                )
        return True

    def mark(self, numbers: Iterable[int], present: bool) -> None:
        """Note that files are there, or gone; what is known of those that are gone is kept."""
        with self._database.transaction():
            self._database.many(
                "UPDATE tracks SET present = ? WHERE id = ?", [(present, number) for number in numbers]
            )

    def describe(self, number: int, description: Description) -> None:
        """Replace what is made of a track's analysis."""
        with self._database.transaction():
            self._put_description(number, description)

    def give_genre(self, genres: dict[int, str]) -> None:
        """Note genres of tracks, here and not in their files."""
        with self._database.transaction():
            self._database.many(
                "UPDATE tracks SET given_genre = ? WHERE id = ?", [(g, n) for n, g in genres.items()]
            )

    def forget_heard(self, numbers: Iterable[int]) -> None:
        """Forget what was heard of tracks, so that the next scan hears them again."""
        with self._database.transaction():
            for number in numbers:
                self.query("DELETE FROM analyses WHERE track = ?", (number,))
                self.query("DELETE FROM descriptions WHERE track = ?", (number,))
                self.query("UPDATE tracks SET reason = NULL WHERE id = ?", (number,))

    # Tracks

    def count(self) -> int:
        """Return how many tracks are there and described."""
        return int(self.query(f"SELECT count(*) {_DESCRIBED}")[0][0])

    def is_empty(self) -> bool:
        """Tell whether no track is there and described."""
        return not self.query(f"SELECT 1 {_DESCRIBED} LIMIT 1")

    def vectors(self) -> tuple[NDArray[np.int64], Rows]:
        """Return the numbers (n,) and the vectors (n, d) of all tracks that are there and described, by path."""
        found = list(self._stacked(self._database.blocks(f"SELECT id, vector {_DESCRIBED} ORDER BY path")))
        if len({vectors.shape[1] for _, vectors in found}) > 1:
            raise self._damaged()
        if not found:
            return NOTHING
        return np.concatenate([numbers for numbers, _ in found]), np.vstack([rows for _, rows in found])

    def vector_blocks(self) -> Iterator[tuple[NDArray[np.int64], Rows]]:
        """Yield what `vectors` returns in blocks, in any order."""
        yield from self._stacked(self._database.blocks(f"SELECT id, vector {_DESCRIBED}"))

    def vectors_of(self, numbers: Sequence[int] | NDArray[np.int64]) -> tuple[NDArray[np.int64], Rows]:
        """Return what `vectors` returns of those tracks that are among some."""
        found = self._among(f"SELECT id, vector {_DESCRIBED} AND id IN", numbers, "ORDER BY path")
        return next(self._stacked([found] if found else []), NOTHING)

    def nearest(self, progress: Progress = silent) -> Nearest | None:
        """Return what finds neighbours in the database, or None where comparing with all is quick enough."""
        return self._database.nearest(progress)

    def tracks(self, numbers: Sequence[int] | None = None) -> list[Track]:
        """Return tracks by their numbers, in that order, but for those that went meanwhile; or all, by path.

        Only those are meant that are described and, where all are asked for, there.
        """
        if numbers is None:
            return [_track(row) for row in self.query(f"{_TRACK} WHERE present ORDER BY path")]
        found: dict[int, Track] = {}
        for start in range(0, len(numbers), LOOKUP):
            some = numbers[start : start + LOOKUP]
            found |= {row[0]: _track(row) for row in self._among(f"{_TRACK} WHERE id IN", some)}
        return [found[int(number)] for number in numbers if int(number) in found]

    def filed(self, numbers: Sequence[int]) -> list[tuple[int, str, str]]:
        """Return number, path and `Track.best_genre` of described tracks."""
        rows = self._among(
            "SELECT id, path, coalesce(nullif(t.genre, ''), given_genre, CASE WHEN sure THEN d.genre ELSE '' END) "
            "FROM tracks t JOIN descriptions d ON track = id WHERE id IN",
            numbers,
        )
        return [(number, os.fsdecode(path), genre) for number, path, genre in rows]

    def analysis(self, number: int) -> Analysis:
        """Return what was heard of a track; Forgotten or AnalysisError where that is missing or damaged."""
        rows = self.query("SELECT data FROM analyses WHERE track = ?", (number,))
        if not rows:
            raise Forgotten(f"nothing was heard of track {number}: scan its folder again")
        return Analysis.from_bytes(rows[0][0])

    def described_otherwise(self, recipe: str, version: int) -> list[int]:
        """Return the tracks heard by an analysis of `version` but described by another recipe."""
        rows = self.query(
            "SELECT track FROM analyses WHERE version = ? AND track IN "
            "(SELECT track FROM descriptions WHERE recipe < ? OR recipe > ?)",  # for <> no index is of use
            (version, recipe, recipe),
        )
        return sorted(number for (number,) in rows)

    def heard_otherwise(self, recipe: str, version: int) -> int:
        """Return how many tracks are there that another version of analysis heard, and so another recipe described."""
        [(count,)] = self.query(
            "SELECT count(*) FROM analyses JOIN tracks ON id = track WHERE present AND version <> ? "
            "AND track IN (SELECT track FROM descriptions WHERE recipe < ? OR recipe > ?)",
            (version, recipe, recipe),
        )
        return int(count)

    def faults(self) -> list[str]:
        """Return what is wrong with the database itself, a line each."""
        return self._database.faults()

    def unpack(self, value: Any) -> Vector:
        """Return a vector as it comes from a row; ValueError if it is damaged."""
        vector: Vector = self._database.unpack([value])[0]
        return vector

    def _among(self, sql: str, numbers: Sequence[int] | NDArray[np.int64], rest: str = "") -> list[Row]:
        """Return the rows of a statement that ends in ``IN``."""
        values = [int(number) for number in numbers]
        return self.query(f"{sql} ({', '.join('?' * len(values))}) {rest}", values) if values else []

    def _stacked(self, blocks: Iterable[list[Row]]) -> Iterator[tuple[NDArray[np.int64], Rows]]:
        for rows in blocks:
            try:
                vectors = self._database.unpack([vector for _, vector in rows])
            except ValueError as error:
                raise self._damaged() from error
            yield np.array([number for number, _ in rows], np.int64), vectors

    def _damaged(self) -> LibraryError:
        return LibraryError(f"{self.name} is damaged: run retrotone library check --repair")

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
            **{name: (tags.get(name) or "")[:LONGEST_TAG] for name in TAGS},
        }
        self._put("tracks", row, "path")
        [(number,)] = self.query("SELECT id FROM tracks WHERE path = ?", (row["path"],))
        return int(number)

    def _put_description(self, number: int, description: Description) -> None:
        row = {name: getattr(description, name) for name in DESCRIPTION}
        row |= {name: json.dumps(value) for name, value in row.items() if isinstance(value, dict)}
        row["vector"] = self._database.pack(description.vector)
        self._put("descriptions", {"track": number, **row}, "track")

    def _put(self, table: str, row: dict[str, Any], key: str) -> None:
        changes = _changes([name for name in row if name != key])
        self.query(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))}) "
            f"ON CONFLICT ({key}) DO UPDATE SET {changes}",
            [_text(value) if isinstance(value, str) else value for value in row.values()],
        )


_NUMBER, _WORD = (float, type(None)), (str, type(None))
_STRANGE = "the library is damaged, a row holds what it cannot: run retrotone library check --repair"
_KNOWN = (
    "SELECT id, path, size, mtime_ns, present, reason, version FROM tracks LEFT JOIN analyses ON track = id"
)
_DESCRIBED = "FROM tracks JOIN descriptions ON track = id WHERE present"
_TRACK = (
    "SELECT id, path, duration, coalesce(title, ''), coalesce(artist, ''), coalesce(album, ''), coalesce(year, ''), "
    "coalesce(nullif(t.genre, ''), given_genre, ''), "
    "d.genre, confidence, sure, tags, eras, tempo, key, loudness FROM tracks t JOIN descriptions d ON track = id"
)


_TRACK_KINDS = (int, bytes, _NUMBER, *4 * (str,), str, str, float, int, str, str, _NUMBER, _WORD, _NUMBER)
_KNOWN_KINDS = (int, bytes, int, int, int, _WORD, (int, type(None)))


def _known(row: Row) -> Known:
    _check_kinds(row, _KNOWN_KINDS)
    number, path, size, mtime_ns, present, reason, version = row
    return Known(number, os.fsdecode(path), size, mtime_ns, bool(present), reason, version)


def _track(row: Row) -> Track:
    _check_kinds(row, _TRACK_KINDS)
    number, path, duration, title, artist, album, year, genre, heard, confidence, sure, tags, eras, *rest = (
        row
    )
    tempo, key, loudness = rest
    if not np.isfinite(duration or 0.0):
        raise LibraryError(_STRANGE)
    return Track(
        number, os.fsdecode(path), duration, title, artist, album, year, genre, heard, confidence, bool(sure),
        _likelihoods(tags), _likelihoods(eras), tempo, key, loudness,
    )  # fmt: skip


def _likelihoods(text: str) -> dict[str, float]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise LibraryError(_STRANGE) from error
    if not isinstance(found, dict) or not all(isinstance(value, float | int) for value in found.values()):
        raise LibraryError(_STRANGE)
    return found


def _check_kinds(row: Row, kinds: Sequence[Any]) -> None:
    """Refuse a row that nobody of ours wrote: SQLite takes any kind of value in any column."""
    if not all(map(isinstance, row, kinds)):
        raise LibraryError(_STRANGE)


def _changes(names: Iterable[str]) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in names)


def _text(value: str) -> str:
    """Return text as databases take it: without NUL, and bytes of a path that are no text written out."""
    return value.replace("\0", "").encode("utf-8", "backslashreplace").decode()
