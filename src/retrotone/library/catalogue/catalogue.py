"""The catalogue: all that is known of every track, in a SQLite file or on PostgreSQL.

It has three tables: ``tracks`` holds facts from the file system and the tags. The others are, from most to least
expensive to recompute, ``analyses`` (seconds a track) and ``descriptions`` (milliseconds a track, from the analysis). A
better recipe for similarity or genre recomputes the descriptions without reading a sound file.

Every change is one transaction: a process that is killed loses only the change that it was making. Paths are stored as
the bytes that the file system uses, as not all of them are valid text. That of a cue sheet's track is the file's with a
NUL and the track's number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrotone.features.analysis import Analysis
from retrotone.library.catalogue.base import LOOKUP, DamagedLibrary, MissingAnalysis, Row, Rows, Vector, retried
from retrotone.library.catalogue.database import open_database
from retrotone.library.catalogue.rows import (
    NAMES,
    SELECT_KNOWN,
    SELECT_NAMES,
    SELECT_TRACK,
    known_from,
    names_from,
    track_from,
)
from retrotone.library.description import Description
from retrotone.library.files import FoundFile, Place
from retrotone.library.records import TAGS, Known, NewTrack, SongNames, Track

ANALYSIS = ("version", "data")
# Columns of ``tracks`` that reading a file gives.
FACTS = ("duration", "damage", *TAGS)
DESCRIPTION = tuple(field.name for field in fields(Description))
# Characters of a tag that are stored: some files have the whole text of a song as their title.
LONGEST_TAG = 500
# Files of the same content that are considered.
COPIES = 20
NO_VECTORS = np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
DESCRIBED = "FROM tracks JOIN descriptions ON track = id WHERE present"


class Catalogue:
    """The tables of a library.

    Parameters
    ----------
    location : path-like
        A SQLite file, ``:memory:`` for one that is not kept, or the address of a PostgreSQL database (str).
    create : bool
        Create it if it is missing.

    Attributes
    ----------
    database : Database
        Where its tables are stored.
    name : str
        The file's absolute path, or the address without its password.

    Raises
    ------
    LibraryError
        It is missing, not a library, damaged, written by a newer retrotone, or cannot be opened. By all methods: the
        disk is full, permission is missing, another writer does not finish, or the server went away.
    MissingExtraError
        PostgreSQL without the extra ``cluster``.
    """

    def __init__(self, location: str | os.PathLike[str], create: bool = False) -> None:
        self.database = open_database(os.fspath(location), create)
        self.name = self.database.name

    def close(self) -> None:
        """Close it."""
        self.database.close()

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def revision(self) -> Hashable:
        """Changes whenever any process changes the catalogue."""
        return self.database.revision

    # Files

    def lookup(self, place: Place) -> Known | None:
        """Return what is known of the track at a place, None if nothing is."""
        rows = self.database.query(f"{SELECT_KNOWN} WHERE path = ?", (place.to_bytes(),))
        return known_from(rows[0]) if rows else None

    def with_content_hash(self, content: bytes, place: Place) -> list[Known]:
        """Return analysed tracks of the same content: that of the place first, then those that are gone, then others.

        Parameters
        ----------
        content : bytes
            See `files.content_hash`; stored in the column ``fingerprint``.
        place : Place
        """
        same = f"{SELECT_KNOWN} WHERE fingerprint = ? AND version IS NOT NULL"
        rows = self.database.query(f"{same} AND path = ?", (content, place.to_bytes()))
        rows += self.database.query(f"{same} ORDER BY present, id LIMIT {COPIES}", (content,))
        return [known_from(row) for row in rows]

    def present_under(self, folder: str) -> list[tuple[int, str]]:
        """Return id and path of the tracks that the last scan found in a folder or below it."""
        start = os.fsencode(os.path.join(folder, ""))
        end = start[:-1] + bytes([start[-1] + 1])
        rows = self.database.query(
            "SELECT id, path FROM tracks WHERE path >= ? AND path < ? AND present ORDER BY path", (start, end)
        )
        return [(number, Place.from_bytes(path).path) for number, path in rows]

    def broken(self) -> list[tuple[str, str]]:
        """Return the name of each track that could not be analysed, and why."""
        rows = self.database.query("SELECT path, reason FROM tracks WHERE present AND reason IS NOT NULL ORDER BY path")
        return [(str(Place.from_bytes(path)), reason) for path, reason in rows]

    def damaged(self) -> list[tuple[str, str]]:
        """Return the files that were analysed although they are damaged, and how they are."""
        rows = self.database.query(f"SELECT path, damage {DESCRIBED} AND damage IS NOT NULL ORDER BY path")
        return list(dict.fromkeys((Place.from_bytes(path).path, damage) for path, damage in rows))

    def silent_tracks(self) -> list[str]:
        """Return the names of the tracks that are silent: of loudness -inf."""
        rows = self.database.query(f"SELECT path {DESCRIBED} AND loudness < -1e300 ORDER BY path")
        return [str(Place.from_bytes(path)) for (path,) in rows]

    # Changes

    @retried
    def add_track(self, track: NewTrack) -> None:
        """Store a track, in place of what was known of its path."""
        with self.database.transaction():
            facts = {"duration": track.duration, "damage": track.damage, **track.tags}
            number = self._put_file(track.file, track.content_hash, None, facts)
            if track.analysis is None:
                self.database.query("DELETE FROM analyses WHERE track = ?", (number,))
            else:
                version, data = track.analysis.version, track.analysis.to_bytes()
                self._put("analyses", {"track": number, "version": version, "data": data}, "track")
            self._put_description(number, track.description)

    @retried
    def add_broken(self, found: FoundFile, content: bytes, reason: str, damage: str | None = None) -> None:
        """Store why, in a line, a file cannot be analysed, in place of what was known of its path.

        `content` is as of `files.content_hash`; `damage` is what is damaged, where that alone is the reason.
        """
        with self.database.transaction():
            number = self._put_file(found, content, reason, {"damage": damage})
            self.database.query("DELETE FROM analyses WHERE track = ?", (number,))
            self.database.query("DELETE FROM descriptions WHERE track = ?", (number,))

    @retried
    def move(self, number: int, found: FoundFile, content: bytes | None = None, genre: str | None = None) -> None:
        """Store the new path, size and time of a file, its content hash and genre if they changed, and its presence."""
        with self.database.transaction():
            key = found.place.to_bytes()
            self.database.query("DELETE FROM tracks WHERE path = ? AND id <> ?", (key, number))
            self.database.query(
                "UPDATE tracks SET path = ?, size = ?, mtime_ns = ?, present = TRUE, "
                "fingerprint = coalesce(?, fingerprint), genre = coalesce(?, genre) WHERE id = ?",
                (key, found.size, found.mtime_ns, content, genre, number),
            )

    @retried
    def copy(self, number: int, found: FoundFile, content: bytes) -> bool:
        """Store a file that has the same content as an analysed track.

        Parameters
        ----------
        number : int
            Id of the track.
        found : FoundFile
        content : bytes
            See `files.content_hash`.

        Returns
        -------
        bool
            False if another process has removed the track's analysis meanwhile.
        """
        with self.database.transaction():
            rows = self.database.query(
                f"SELECT {', '.join(FACTS)} FROM tracks WHERE id = ? AND id IN (SELECT a.track "
                "FROM analyses a JOIN descriptions d ON d.track = a.track)",
                (number,),
            )
            if not rows:
                return False
            copy = self._put_file(found, content, None, dict(zip(FACTS, rows[0], strict=True)))
            for table, names in (("analyses", ANALYSIS), ("descriptions", DESCRIPTION)):
                self.database.query(
                    f"INSERT INTO {table} (track, {', '.join(names)}) SELECT ?, {', '.join(names)} "
                    f"FROM {table} WHERE track = ? ON CONFLICT (track) DO UPDATE SET {_changes(names)}",
                    (copy, number),
                )
        return True

    @retried
    def mark(self, numbers: Iterable[int], present: bool) -> None:
        """Store that files are present, or gone; tracks that are gone stay in the catalogue."""
        with self.database.transaction():
            self.database.execute_many(
                "UPDATE tracks SET present = ? WHERE id = ?", [(present, number) for number in numbers]
            )

    def describe(self, number: int, description: Description) -> None:
        """Replace the description of a track."""
        with self.database.transaction():
            self._put_description(number, description)

    def give_genre(self, genres: dict[int, str]) -> None:
        """Store genres of tracks by their ids; their files stay as they are."""
        with self.database.transaction():
            self.database.execute_many(
                "UPDATE tracks SET given_genre = ? WHERE id = ?", [(g, n) for n, g in genres.items()]
            )

    def forget_analyses(self, numbers: Iterable[int]) -> None:
        """Delete the analyses of tracks, so that the next scan analyses them again."""
        with self.database.transaction():
            for number in numbers:
                self.database.query("DELETE FROM analyses WHERE track = ?", (number,))
                self.database.query("DELETE FROM descriptions WHERE track = ?", (number,))
                self.database.query("UPDATE tracks SET reason = NULL WHERE id = ?", (number,))

    # Tracks

    def count(self) -> int:
        """Return how many tracks are present and described."""
        return int(self.database.query(f"SELECT count(*) {DESCRIBED}")[0][0])

    def is_empty(self) -> bool:
        """Tell whether no track is present and described."""
        return not self.database.query(f"SELECT 1 {DESCRIBED} LIMIT 1")

    def vectors(self) -> tuple[NDArray[np.int64], Rows]:
        """Return the ids (n,) and vectors (n, d) of all tracks that are present and described, by path."""
        found = list(self._stack(self.database.blocks(f"SELECT id, vector {DESCRIBED} ORDER BY path")))
        if len({vectors.shape[1] for _, vectors in found}) > 1:
            raise DamagedLibrary(self.name)
        if not found:
            return NO_VECTORS
        return np.concatenate([numbers for numbers, _ in found]), np.vstack([rows for _, rows in found])

    def vector_blocks(self) -> Iterator[tuple[NDArray[np.int64], Rows]]:
        """Yield what `vectors` returns in blocks, in any order."""
        yield from self._stack(self.database.blocks(f"SELECT id, vector {DESCRIBED}"))

    def vectors_of(self, numbers: Sequence[int] | NDArray[np.int64]) -> tuple[NDArray[np.int64], Rows]:
        """Return what `vectors` returns, of some tracks only."""
        found = self._select_among(f"SELECT id, vector {DESCRIBED} AND id IN", numbers, "ORDER BY path")
        return next(self._stack([found] if found else []), NO_VECTORS)

    def tracks(self, numbers: Sequence[int] | None = None) -> list[Track]:
        """Return the described tracks with given ids, in that order; or all that are present and described, by path.

        Ids that the catalogue no longer holds are left out.
        """
        if numbers is None:
            return [track_from(row) for row in self.database.query(f"{SELECT_TRACK} WHERE present ORDER BY path")]
        found: dict[int, Track] = {}
        for start in range(0, len(numbers), LOOKUP):
            some = numbers[start : start + LOOKUP]
            found |= {row[0]: track_from(row) for row in self._select_among(f"{SELECT_TRACK} WHERE id IN", some)}
        return [found[int(number)] for number in numbers if int(number) in found]

    def names(self, words: Sequence[str] = ()) -> Iterator[tuple[int, SongNames]]:
        """Yield id and names of all tracks that are present and described, by path.

        With words, of small letters and digits, most of those are left out whose names do not hold all of them.
        """
        condition = f"{NAMES} IS NULL OR {self.database.may_hold.format(f'({NAMES})')}"
        chosen = "".join(f" AND ({condition})" for _ in words)
        for rows in self.database.blocks(f"{SELECT_NAMES}{chosen} ORDER BY path", [f"%{word}%" for word in words]):
            yield from map(names_from, rows)

    def places(self, numbers: Sequence[int]) -> list[tuple[int, Place]]:
        """Return id and place of tracks."""
        rows = self._select_among("SELECT id, path FROM tracks WHERE id IN", numbers)
        return [(number, Place.from_bytes(path)) for number, path in rows]

    def analysis(self, number: int) -> Analysis:
        """Return the analysis of a track.

        Raises
        ------
        MissingAnalysis
            There is none.
        AnalysisError
            It is damaged.
        """
        rows = self.database.query("SELECT data FROM analyses WHERE track = ?", (number,))
        if not rows:
            raise MissingAnalysis(f"there is no analysis of track {number}: scan its folder again")
        return Analysis.from_bytes(rows[0][0])

    def outdated_descriptions(self, recipe: str, version: int) -> list[int]:
        """Return the tracks that have an analysis of `version`, but a description of another recipe."""
        # Two comparisons, as no index helps with <>.
        rows = self.database.query(
            "SELECT track FROM analyses WHERE version = ? AND track IN "
            "(SELECT track FROM descriptions WHERE recipe < ? OR recipe > ?)",
            (version, recipe, recipe),
        )
        return sorted(number for (number,) in rows)

    def count_outdated_analyses(self, recipe: str, version: int) -> int:
        """Return how many present tracks have an analysis of another version, and a description of another recipe."""
        [(count,)] = self.database.query(
            "SELECT count(*) FROM analyses JOIN tracks ON id = track WHERE present AND version <> ? "
            "AND track IN (SELECT track FROM descriptions WHERE recipe < ? OR recipe > ?)",
            (version, recipe, recipe),
        )
        return int(count)

    def unpack(self, value: Any) -> Vector:
        """Return the vector of a row's value; ValueError if it is damaged."""
        vector: Vector = self.database.unpack([value])[0]
        return vector

    def _select_among(self, sql: str, numbers: Sequence[int] | NDArray[np.int64], rest: str = "") -> list[Row]:
        """Return the rows of a statement that ends in ``IN``, for some ids."""
        values = [int(number) for number in numbers]
        return self.database.query(f"{sql} ({', '.join('?' * len(values))}) {rest}", values) if values else []

    def _stack(self, blocks: Iterable[list[Row]]) -> Iterator[tuple[NDArray[np.int64], Rows]]:
        for rows in blocks:
            try:
                vectors = self.database.unpack([vector for _, vector in rows])
            except ValueError as error:
                raise DamagedLibrary(self.name) from error
            yield np.array([number for number, _ in rows], np.int64), vectors

    def _put_file(self, found: FoundFile, content: bytes, reason: str | None, facts: Mapping[str, Any]) -> int:
        """Insert or update a row of ``tracks`` with what is known of its `FACTS`, and return its id."""
        row = {
            "path": found.place.to_bytes(),
            "size": found.size,
            "mtime_ns": found.mtime_ns,
            "fingerprint": content,
            "present": True,
            "reason": reason,
            "start_seconds": found.part.start if found.part else None,
            "end_seconds": found.part.end if found.part else None,
            **{name: facts.get(name) for name in FACTS},
            **{name: (facts.get(name) or "")[:LONGEST_TAG] for name in TAGS},
        }
        self._put("tracks", row, "path")
        [(number,)] = self.database.query("SELECT id FROM tracks WHERE path = ?", (row["path"],))
        return int(number)

    def _put_description(self, number: int, description: Description) -> None:
        row = {name: getattr(description, name) for name in DESCRIPTION}
        row |= {name: json.dumps(value) for name, value in row.items() if isinstance(value, dict)}
        row["vector"] = self.database.pack(description.vector)
        self._put("descriptions", {"track": number, **row}, "track")

    def _put(self, table: str, row: dict[str, Any], key: str) -> None:
        changes = _changes([name for name in row if name != key])
        self.database.query(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))}) "
            f"ON CONFLICT ({key}) DO UPDATE SET {changes}",
            [_text(value) if isinstance(value, str) else value for value in row.values()],
        )


def _changes(names: Iterable[str]) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in names)


def _text(value: str) -> str:
    """Return text that databases accept: without NUL, and with escapes for bytes of a path that are not text."""
    return value.replace("\0", "").encode("utf-8", "backslashreplace").decode()
