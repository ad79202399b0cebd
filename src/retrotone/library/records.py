"""Records of the catalogue: what it stores for files and tracks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from retrotone.library.files import FoundFile, Place
from retrotone.library.names import artist_key, song_key
from retrotone.utils.text import title

if TYPE_CHECKING:
    from retrotone.features.analysis import Analysis
    from retrotone.library.description import Description

TAGS = ("title", "artist", "album", "genre", "year")
"""The tags that are read from a file."""


@dataclass(frozen=True)
class Known:
    """What a scan needs to know of a track in the catalogue; `version` is that of its analysis, None without one."""

    id: int
    place: Place
    size: int
    mtime_ns: int
    present: bool
    reason: str | None
    damage: str | None
    version: int | None


@dataclass(frozen=True, eq=False)
class NewTrack:
    """A track to be added to the catalogue.

    Attributes
    ----------
    file : FoundFile
    content_hash : bytes
        See `files.content_hash`.
    tags : dict of str to str
        By the names in `TAGS`.
    duration : float or None
        In seconds.
    description : Description
    analysis : Analysis or None
        A track without one can be searched, but not described again.
    damage : str or None
        What is wrong with the file, as "is damaged: ..."; None if nothing is.
    """

    file: FoundFile
    content_hash: bytes
    tags: dict[str, str]
    duration: float | None
    description: Description
    analysis: Analysis | None = None
    damage: str | None = None


class SongNames(NamedTuple):
    """The names of a song; the title is that of its file where the tags have none, the genre `Track.best_genre`."""

    title: str
    artist: str
    album: str
    year: str
    genre: str

    @property
    def text(self) -> str:
        """What a search by name looks through: title, artist and album."""
        return f"{self.title} {self.artist} {self.album}"


@dataclass(frozen=True)
class Track:
    """A track of the library.

    Attributes
    ----------
    id : int
        Its number in the catalogue.
    path : str
        Absolute; bytes that are not valid text are escaped as by `os.fsdecode`.
    duration : float or None
        In seconds.
    title, artist, album, year : str
        From the tags of the file or its cue sheet; empty where they have none. The year is the original one, in four
        digits.
    genre : str
        From the tags, else as noted by `Library.genres`, else empty.
    heard_genre : str
        The answer of `GenreClassifier`.
    confidence : float
        Of `heard_genre`.
    sure : bool
        Whether the classifier is sure of `heard_genre`.
    tags : dict of str to float
        The likeliest of musicnn's tags, with their likelihoods.
    eras : dict of str to float
        The likelihood of each decade's tag: how old the track sounds.
    tempo : float or None
        In beats per minute.
    key : str or None
        As "F# minor", estimated from the sound.
    loudness : float or None
        In LUFS; -inf for silence.
    damage : str or None
        What is wrong with the file, as "is damaged: ..."; None if nothing is.
    number : int or None
        Its number in a cue sheet that divides the file into tracks; None if the file is one track.
    start, end : float or None
        Of a cue sheet's track, where it lies in the file, in seconds.
    size : int
        Of the file, in bytes; that of its cue sheet is included.
    """

    id: int
    path: str
    duration: float | None
    title: str
    artist: str
    album: str
    year: str
    genre: str
    heard_genre: str
    confidence: float
    sure: bool
    tags: dict[str, float]
    eras: dict[str, float]
    tempo: float | None
    key: str | None
    loudness: float | None
    damage: str | None = None
    number: int | None = None
    start: float | None = None
    end: float | None = None
    size: int = 0

    @property
    def place(self) -> Place:
        """Where it lies: the file, or a track of its cue sheet."""
        return Place(self.path, self.number)

    @property
    def artist_key(self) -> str:
        """What is equal for all spellings of its artist; empty where none is known. See `names.artist_key`."""
        return artist_key(self.artist)

    @property
    def song_key(self) -> tuple[str, str] | None:
        """What is equal for all versions of its song; None where artist or title is not known. See `names.song_key`."""
        key = self.artist_key, song_key(self.title)
        return key if all(key) else None

    @property
    def album_key(self) -> tuple[str, str] | None:
        """What is equal for the tracks of its album: name and folder; None where the album is not known."""
        return (song_key(self.album), os.path.dirname(self.path)) if self.album else None

    @property
    def best_title(self) -> str:
        """`title` if it is known, else the name of the file, safe to show on a screen."""
        return self.title or str(Place(title(self.path), self.number))

    @property
    def name(self) -> str:
        """Artist and title, with the file's name where the tags have no title."""
        return f"{self.artist} – {self.best_title}" if self.artist else self.best_title

    @property
    def best_genre(self) -> str:
        """`genre` if it is known, else `heard_genre` if the classifier is sure, else empty."""
        return self.genre or (self.heard_genre if self.sure else "")
