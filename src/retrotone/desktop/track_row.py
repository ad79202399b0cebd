"""A track of the library as the window shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrotone.library.records import Track


@dataclass(frozen=True)
class TrackRow:
    """A track of the library: its cells in tables, and its position, group and colour on the map.

    `place` names it in the library; a track of a cue sheet lies between `start` and `end` seconds of the file `path`.
    `group` is its genre, or "other" where the map has no colour for it.
    """

    place: str
    path: str
    start: float | None
    end: float | None
    name: str
    title: str
    artist: str
    genre: str
    tempo: str
    key: str
    year: str
    length: str
    similarity: str = ""
    x: float = 0.0
    y: float = 0.0
    group: str = ""
    colour: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """All that a table of a whole library shows."""
        return self.title, self.artist, self.genre, self.tempo, self.key, self.year, self.length

    @property
    def short_cells(self) -> tuple[str, ...]:
        """Name, genre and length."""
        return self.name, self.genre, self.length

    @classmethod
    def of(cls, track: Track) -> TrackRow:
        """Return the row of a track, without similarity and map."""
        from retrotone.services.similar import all_cells

        return cls(str(track.place), track.path, track.start, track.end, track.name, *all_cells(track))
