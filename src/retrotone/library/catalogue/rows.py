"""Rows of a catalogue as records: the statements that select them, and checks of their values."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retrotone.library.catalogue.base import DamagedLibrary, Row
from retrotone.library.files import Place
from retrotone.library.records import Known, SongNames, Track

SELECT_KNOWN = (
    "SELECT id, path, size, mtime_ns, present, reason, damage, version FROM tracks LEFT JOIN analyses ON track = id"
)
SELECT_TRACK = (
    "SELECT id, path, duration, coalesce(title, ''), coalesce(artist, ''), coalesce(album, ''), coalesce(year, ''), "
    "coalesce(nullif(t.genre, ''), given_genre, ''), "
    "d.genre, confidence, sure, tags, eras, tempo, key, loudness, damage, start_seconds, end_seconds, size "
    "FROM tracks t JOIN descriptions d ON track = id"
)
SELECT_NAMES = (
    "SELECT id, path, coalesce(title, ''), coalesce(artist, ''), coalesce(album, ''), coalesce(year, ''), "
    "coalesce(nullif(t.genre, ''), given_genre, CASE WHEN sure THEN d.genre ELSE '' END) "
    "FROM tracks t JOIN descriptions d ON track = id WHERE present"
)
# empty where a file's name is the title
NAMES = "nullif(title, '') || ' ' || coalesce(artist, '') || ' ' || coalesce(album, '')"

NUMBER, WORD = (float, type(None)), (str, type(None))
KNOWN_TYPES = (int, bytes, int, int, int, WORD, WORD, (int, type(None)))
TRACK_TYPES = (
    int,
    bytes,
    NUMBER,
    *4 * (str,),
    str,
    str,
    float,
    int,
    str,
    str,
    NUMBER,
    WORD,
    NUMBER,
    WORD,
    NUMBER,
    NUMBER,
    int,
)


def known_from(row: Row) -> Known:
    """Return a row of `SELECT_KNOWN` as a record; DamagedLibrary if it is invalid."""
    _check_types(row, KNOWN_TYPES)
    number, path, size, mtime_ns, present, *rest = row
    return Known(number, Place.from_bytes(path), size, mtime_ns, bool(present), *rest)


def track_from(row: Row) -> Track:
    """Return a row of `SELECT_TRACK` as a record; DamagedLibrary if it is invalid."""
    _check_types(row, TRACK_TYPES)
    number, path, duration, title, artist, album, year, genre, heard_genre = row[:9]
    confidence, sure, tags, eras, tempo, key, loudness, damage, start, end, size = row[9:]
    place = Place.from_bytes(path)
    if not math.isfinite(duration or 0.0):
        raise DamagedLibrary("the library")
    return Track(
        id=number,
        path=place.path,
        duration=duration,
        title=title,
        artist=artist,
        album=album,
        year=year,
        genre=genre,
        heard_genre=heard_genre,
        confidence=confidence,
        sure=bool(sure),
        tags=_likelihoods(tags),
        eras=_likelihoods(eras),
        tempo=tempo,
        key=key,
        loudness=loudness,
        damage=damage,
        number=place.number,
        start=start,
        # the last track of a sheet ends where the file does
        end=start + (duration or 0.0) if start is not None and end is None else end,
        size=size,
    )


def names_from(row: Row) -> tuple[int, SongNames]:
    """Return the number and names of a row of `SELECT_NAMES`."""
    number, path, title, *others = row
    return number, SongNames(title or Path(Place.from_bytes(path).path).stem, *others)


def _likelihoods(text: str) -> dict[str, float]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DamagedLibrary("the library") from error
    if not isinstance(found, dict) or not all(isinstance(value, float | int) for value in found.values()):
        raise DamagedLibrary("the library")
    return found


def _check_types(row: Row, types: Sequence[Any]) -> None:
    """Refuse a row that retrotone did not write: SQLite stores values of any type in any column."""
    if not all(map(isinstance, row, types)):
        raise DamagedLibrary("the library")
