"""A track of the library as the window shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrotone.library.records import Track


@dataclass(frozen=True)
class TrackRow:
    """A track of the library: its row in a table, and its position, genre and colour on the map.

    `place` names it in the library; a track of a cue sheet lies between `start` and `end` seconds of the file `path`.
    """

    place: str
    path: str
    start: float | None
    end: float | None
    cells: tuple[str, ...]
    x: float = 0.0
    y: float = 0.0
    genre: str = ""
    colour: str = ""

    @classmethod
    def of(cls, track: Track, *cells: str) -> TrackRow:
        """Return the row of a track, with further cells."""
        from retrotone.services.similar import track_cells

        return cls(str(track.place), track.path, track.start, track.end, (*track_cells(track), *cells))
