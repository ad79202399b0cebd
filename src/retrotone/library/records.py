"""Records of the catalogue: what it stores for files and tracks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrotone.library.files import FoundFile

if TYPE_CHECKING:
    from retrotone.features.analysis import Analysis
    from retrotone.library.description import Description

TAGS = ("title", "artist", "album", "genre", "year")
"""The tags that are read from a file."""


@dataclass(frozen=True)
class Known:
    """What a scan needs to know of a file in the catalogue; `version` is that of its analysis, None without one."""

    id: int
    path: str
    size: int
    mtime_ns: int
    present: bool
    reason: str | None
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
    """

    file: FoundFile
    content_hash: bytes
    tags: dict[str, str]
    duration: float | None
    description: Description
    analysis: Analysis | None = None


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
        From the file's tags; empty where it has none.
    genre : str
        From the file's tags, else as noted by `Library.genres`, else empty.
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

    @property
    def name(self) -> str:
        """Artist and title, with the file's name where the tags have no title."""
        title = self.title or Path(self.path).stem
        return f"{self.artist} – {title}" if self.artist else title

    @property
    def best_genre(self) -> str:
        """`genre` if it is known, else `heard_genre` if the classifier is sure, else empty."""
        return self.genre or (self.heard_genre if self.sure else "")
