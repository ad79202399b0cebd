"""Weights: how much a listener likes a track, from ratings or play counts in tags or in a table."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

from retrotone.audio.id3 import read_popularity
from retrotone.audio.tags import Tags, read_tags
from retrotone.errors import LibraryError
from retrotone.library.names import folded
from retrotone.library.records import Track

Weight = Callable[[Track], float]
"""Takes a track and returns its weight: 0 for one that is disliked, 1 for a favourite, 0.5 where nothing is known."""

UNKNOWN = 0.5
# A track that was played so often has the weight 1.
MANY_PLAYS = 100
# The scales of ratings: a number is one of the first scale that reaches it.
SCALES = (5, 10, 100, 255)
PATHS, RATINGS = ("path", "file", "filename", "location"), ("rating", "stars")
PLAYS = ("plays", "playcount", "play_count", "count")


def load_weights(source: str | os.PathLike[str]) -> Weight:
    """Return the weights that a source gives.

    Parameters
    ----------
    source : {"rating", "plays"} or path-like
        The tags of the files (POPM, RATING, FMPS_RATING; PLAYCOUNT, FMPS_PLAYCOUNT), or a CSV table. That has a column
        ``path``, relative to its own folder, or the columns ``artist`` and ``title``; and one of ``weight`` from 0 to
        1, ``rating`` with 0 for none, and ``plays``.

    Raises
    ------
    LibraryError
        The table cannot be read, or lacks these columns.
    """
    if source == "rating":
        return _tagged_rating
    if source == "plays":
        return _tagged_plays
    return _Table(os.fspath(source))


class _Table:
    """The weights of a CSV table."""

    def __init__(self, path: str) -> None:
        rows = _rows(path)
        columns = rows[0].keys() if rows else ()
        value = next((name for name in ("weight", *RATINGS, *PLAYS) if name in columns), "")
        place = next((name for name in PATHS if name in columns), "")
        if not value or not (place or {"artist", "title"} <= set(columns)):
            raise LibraryError(
                f"{path} lacks rows or columns: it needs path, or artist and title, and one of weight, rating, plays"
            )
        numbers = [_number(row[value]) for row in rows]
        scale = _scale(max(numbers))
        self._weights: dict[object, float] = {}
        for row, number in zip(rows, numbers, strict=True):
            if value == "weight":
                weight = min(number, 1.0)
            else:
                weight = _of_plays(number) if value in PLAYS else _of_rating(number, scale)
            folder = os.path.dirname(os.path.abspath(path))
            key = os.path.join(folder, row[place]) if place else _song(row["artist"], row["title"])
            self._weights[key] = weight

    def __call__(self, track: Track) -> float:
        known = self._weights.get(str(track.place))
        return self._weights.get(_song(track.artist, track.title), UNKNOWN) if known is None else known


def _rows(path: str) -> list[dict[str, str]]:
    """Return the rows of a CSV table by the names of its columns in lower case."""
    try:
        # spreadsheets begin their tables with a mark
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            return [{name.strip().lower(): text for name, text in row.items() if name} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "it is no CSV in UTF-8"
        raise LibraryError(f"{path} is no table of weights ({reason}): name a CSV file, rating or plays") from error


def _tagged_rating(track: Track) -> float:
    tags, (popular, _) = _read(track.path)
    if tags["fmps_rating"]:
        return _of_rating(_number(tags["fmps_rating"][0]), 1)
    rating = _number(tags.text("rating"))
    return _of_rating(popular, SCALES[-1]) if popular else _of_rating(rating, _scale(rating))


def _tagged_plays(track: Track) -> float:
    tags, (_, counted) = _read(track.path)
    return _of_plays(max(counted, *(_number(tags.text(name)) for name in ("fmps_playcount", *PLAYS))))


@lru_cache(maxsize=1 << 14)
def _read(path: str) -> tuple[Tags, tuple[int, int]]:
    with suppress(OSError), open(path, "rb") as file:
        return read_tags(path), read_popularity(file)
    return Tags(), (0, 0)


def _of_rating(rating: float, scale: float) -> float:
    """Return the weight of a rating, of which 0 stands for none."""
    return min(rating / scale, 1.0) if rating else UNKNOWN


def _of_plays(plays: float) -> float:
    return min(math.log1p(plays) / math.log1p(MANY_PLAYS), 1.0)


def _scale(rating: float) -> float:
    return next((scale for scale in SCALES if rating <= scale), rating)


def _number(text: str) -> float:
    """Return a number that is not negative, 0 for what is none."""
    with suppress(ValueError):
        number = float(text)
        return max(number, 0.0) if math.isfinite(number) else 0.0
    return 0.0


def _song(artist: str, title: str) -> tuple[str, str]:
    return folded(artist), folded(title)
