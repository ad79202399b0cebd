"""Which tracks of a library sound like a song, and how a table shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrotone.progress import Progress, silent
from retrotone.services.listen import Heard
from retrotone.utils.text import clock

if TYPE_CHECKING:
    from retrotone.library.library import Library, Match, Track


def siblings(library: Library, song: Heard, k: int = 5, progress: Progress = silent) -> list[Match]:
    """Return the tracks of a library that sound most like a song, never the song itself.

    Raises
    ------
    LibraryError
        No library there, or an empty one.
    """
    progress(0.0, "looking for siblings")
    return library.similar(library.find(song.name) or song.analysis, k, progress=progress)


def sibling_cells(track: Track) -> list[str]:
    """Return name, genre and length of a track as a table shows them; a genre told by ear and not sure has a "?"."""
    genre = track.genre or track.heard_genre + ("" if track.sure else "?")
    return [track.name, genre, clock(track.duration or 0.0)]
