"""Filters: which tracks of a library are wanted, by tempo, key, year, genre, mood and path."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from retrotone.errors import LibraryError
from retrotone.features.key import MAJOR, MINOR
from retrotone.library.names import folded
from retrotone.library.records import Track
from retrotone.library.scanning.walk import is_excluded
from retrotone.utils.text import counted

# "F# minor", "f#m", "Gbmin", "C", "C major": note, accidental, mode
KEY = re.compile(r"\s*([a-g])([#♯b♭]?)\s*(m|min|minor|maj|major|)\s*", re.IGNORECASE)
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# how many kinds of a key, genre or mood a message lists
LISTED = 12


@dataclass(frozen=True)
class Filter:
    """Which tracks are wanted: those that meet all conditions. Without conditions all are.

    Attributes
    ----------
    bpm : pair of float, optional
        Slowest and fastest tempo in beats per minute, each to the nearest whole one.
    key : sequence of str
        One of these keys, as "Am", "A minor", "F#" or "Gb major".
    year : pair of int, optional
        First and last year.
    genre : sequence of str
        Part of the name of one of these is the track's genre: by its tag or, without one, by the classifier.
    not_genre : sequence of str
        None of these is.
    mood : sequence of str
        One of these is among the track's likeliest tags.
    exclude : sequence of str
        Paths to leave out; see `walk.is_excluded`.

    Raises
    ------
    LibraryError
        A key that does not exist, or a range that is no pair or ends before it begins.

    Examples
    --------
    >>> Filter(bpm=(90, 110), key=["Am", "C"], not_genre=["metal"]).conditions.keys()
    dict_keys(['bpm', 'key', 'not_genre'])
    """

    bpm: tuple[float, float] | None = None
    key: Sequence[str] = ()
    year: tuple[int, int] | None = None
    genre: Sequence[str] = ()
    not_genre: Sequence[str] = ()
    mood: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, limits in (("bpm", self.bpm), ("year", self.year)):
            if limits is None:
                continue
            if not isinstance(limits, tuple | list) or len(limits) != 2:
                raise LibraryError(f"{_word(name)} is {limits!r}: give two numbers, the lowest and the highest")
            if limits[0] > limits[1]:
                raise LibraryError(f"{_word(name)} {limits[0]}-{limits[1]} ends before it begins: swap the two")
        for name in ("key", "genre", "not_genre", "mood", "exclude"):
            if isinstance(getattr(self, name), str):
                object.__setattr__(self, name, (getattr(self, name),))
        for key in self.key:
            parse_key(key)

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def accepts(self, track: Track) -> bool:
        """Return whether a track meets all conditions."""
        return all(meets(track) for meets in self.conditions.values())

    @cached_property
    def conditions(self) -> dict[str, Callable[[Track], bool]]:
        """The conditions that are set, by the names of the attributes."""
        bpm, year = self.bpm, self.year
        keys = {parse_key(key) for key in self.key}
        genres, not_genres, moods = (
            [folded(name) for name in names] for names in (self.genre, self.not_genre, self.mood)
        )
        conditions: dict[str, Callable[[Track], bool]] = {}
        if bpm:
            conditions["bpm"] = lambda track: track.tempo is not None and bpm[0] <= round(track.tempo) <= bpm[1]
        if keys:
            conditions["key"] = lambda track: track.key is not None and parse_key(track.key) in keys
        if year:
            conditions["year"] = lambda track: track.year.isdecimal() and year[0] <= int(track.year) <= year[1]
        if genres:
            conditions["genre"] = lambda track: _is_named(folded(track.best_genre), genres)
        if not_genres:
            conditions["not_genre"] = lambda track: not _is_named(folded(track.best_genre), not_genres)
        if moods:
            conditions["mood"] = lambda track: any(folded(tag) in moods for tag in track.tags)
        if self.exclude:
            conditions["exclude"] = lambda track: not is_excluded(track.path, self.exclude)
        return conditions


EVERYTHING = Filter()


def read_filter(wanted: Mapping[str, Any]) -> Filter:
    """Return conditions as they were typed, by the names of the attributes of `Filter`; None and empty text are none.

    Raises
    ------
    LibraryError
        A condition cannot be read.
    """
    chosen = {name: given for name, given in wanted.items() if str(given or "").strip()}
    return Filter(**chosen | {name: parse_range(chosen[name], name) for name in ("bpm", "year") if name in chosen})


def parse_range(text: str, name: str) -> tuple[int, int]:
    """Return the first and last number of a text; `name` is the attribute of `Filter` that it is for.

    Raises
    ------
    LibraryError
        It is no range.

    Examples
    --------
    >>> parse_range("90-110", "bpm"), parse_range("1959", "year")
    ((90, 110), (1959, 1959))
    """
    match = re.fullmatch(r"\s*(\d{1,4})\s*(?:[-–]\s*(\d{1,4}))?\s*", text)
    if match is None:
        raise LibraryError(f"{_word(name)} '{text}' is no range: write two whole numbers as in 90-110, or one")
    return int(match[1]), int(match[2] or match[1])


@cache
def parse_key(text: str) -> tuple[int, bool]:
    """Return the pitch class of a key's tonic, C being 0, and whether it is minor.

    Raises
    ------
    LibraryError
        There is no such key.
    """
    match = KEY.fullmatch(text)
    if match is None:
        names = ", ".join([*MAJOR, *(f"{tonic}m" for tonic in MINOR)])
        raise LibraryError(f"there is no key '{text}': use one of {names}")
    note, accidental, mode = match.groups()
    shift = {"": 0, "#": 1, "♯": 1}.get(accidental, -1)
    # "M" alone is major, "m" is minor
    minor = mode == "m" or mode.lower() in ("min", "minor")
    return (SEMITONES[note.upper()] + shift) % 12, minor


def explain(only: Filter, tracks: Sequence[Track]) -> str:
    """Say in one line why no track meets the conditions of a filter, and what there is instead.

    Parameters
    ----------
    only : Filter
    tracks : sequence of Track
        All tracks.
    """
    for name, meets in only.conditions.items():
        if not any(map(meets, tracks)):
            return f"no track has such a {_word(name)}: the library has {_what_exists(name, tracks)}"
    counts = [f"{sum(map(meets, tracks))} by {_word(name)}" for name, meets in only.conditions.items()]
    return (
        f"no other track meets all conditions; alone they leave {', '.join(counts)} of {counted(len(tracks), 'track')}"
    )


def _word(name: str) -> str:
    """Return what messages call an attribute of `Filter`: as the fields of window and page do."""
    return "tempo" if name == "bpm" else name.replace("_", " ")


def _what_exists(name: str, tracks: Sequence[Track]) -> str:
    if name in ("bpm", "year"):
        found = [track.tempo if name == "bpm" else int(track.year or 0) for track in tracks]
        numbers = [round(number) for number in found if number]
        return "-".join(str(number) for number in sorted({min(numbers), max(numbers)})) if numbers else "none"
    kinds: Counter[str] = Counter()
    for track in tracks:
        kinds.update(_kinds(name, track))
    listed = [f"{kind} ({count})" for kind, count in kinds.most_common(LISTED)]
    more = [f"and {len(kinds) - LISTED} more"] if len(kinds) > LISTED else []
    return ", ".join(listed + more) or "none"


def _kinds(name: str, track: Track) -> Iterable[str]:
    if name == "mood":
        return list(track.tags)
    return filter(None, [track.key if name == "key" else track.path if name == "exclude" else track.best_genre])


def _is_named(genre: str, names: Sequence[str]) -> bool:
    return any(name in genre for name in names)
