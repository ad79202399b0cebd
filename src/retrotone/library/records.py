"""What the library says of a track."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TAGS = ("title", "artist", "album", "genre", "year")
"""What is read of a file's tags."""


@dataclass(frozen=True)
class Known:
    """What the catalogue holds of a file, as far as a scan needs it; `version` is None where nothing was heard."""

    id: int
    path: str
    size: int
    mtime_ns: int
    present: bool
    reason: str | None
    version: int | None


@dataclass(frozen=True)
class Track:
    """A track of the library.

    Attributes
    ----------
    id : int
        Its number in the catalogue.
    path : str
        Absolute; bytes that are no text are escaped as Python does (`os.fsdecode`).
    duration : float or None
        In seconds.
    title, artist, album, year : str
        By the file's tags; empty where it has none.
    genre : str
        By the file's tags or, where it has none, as `Library.genres` was told to note; else empty.
    heard_genre : str
        What `GenreClassifier` makes of it.
    confidence : float
        Of `heard_genre`.
    sure : bool
        Whether the classifier stands by it.
    tags : dict of str to float
        The likeliest of musicnn's tags.
    eras : dict of str to float
        How likely each decade's tag is: how old it sounds.
    tempo : float or None
        In beats per minute.
    key : str or None
        As "F# minor", by ear.
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
        """Artist and title, or the file's name where tags lack the title."""
        title = self.title or Path(self.path).stem
        return f"{self.artist} – {title}" if self.artist else title

    @property
    def best_genre(self) -> str:
        """`genre` where it is known, else `heard_genre` where that is sure, else empty."""
        return self.genre or (self.heard_genre if self.sure else "")
