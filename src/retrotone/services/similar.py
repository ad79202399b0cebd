"""Which tracks of a library sound like a song, and how a table shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrotone.errors import LibraryError
from retrotone.library.search.filters import EVERYTHING, Filter, explain
from retrotone.progress import Progress, silent
from retrotone.services.listen import SongSummary
from retrotone.utils.text import clock

if TYPE_CHECKING:
    from retrotone.library.library import Library, Match, Track

# That window and page list.
SIMILAR_TRACKS = 25
# Conditions that window and page offer: their labels, by the attributes of `Filter`.
CONDITIONS = {"bpm": "Tempo (bpm)", "key": "Key", "year": "Year", "genre": "Genre"}

# What `track_cells` and `all_cells` write, explained beside a table.
GENRE_NOTE = 'A genre with "?" is a guess: the file has no tag for it, and the classifier is not sure.'


def similar_tracks(
    library: Library, song: SongSummary, progress: Progress = silent, only: Filter = EVERYTHING
) -> list[Match]:
    """Return the `SIMILAR_TRACKS` tracks of a library that sound most like a song, never the song itself.

    Parameters
    ----------
    library : Library
    song : SongSummary
    progress : Progress
    only : Filter
        Which tracks are wanted.

    Raises
    ------
    LibraryError
        No library there, an empty one, or no track is wanted.
    """
    progress(0.0, "looking for similar tracks")
    matches = library.similar(library.find(song.name) or song.analysis, SIMILAR_TRACKS, only, progress=progress)
    if not matches and only:
        raise LibraryError(explain(only, library.tracks()))
    return matches


def track_cells(track: Track) -> list[str]:
    """Return name, genre and length of a track as a table shows them; see also `GENRE_NOTE`."""
    return [track.name, _genre(track), clock(track.duration or 0.0)]


def all_cells(track: Track) -> tuple[str, str, str, str, str, str, str]:
    """Return title, artist, genre, tempo, key, year and length of a track as a table of a whole library shows them."""
    tempo = "" if track.tempo is None else f"{track.tempo:.0f}"
    length = clock(track.duration or 0.0)
    return track.best_title, track.artist, _genre(track), tempo, track.key or "", track.year, length


def _genre(track: Track) -> str:
    return track.genre or track.heard_genre + ("?" if track.heard_genre and not track.sure else "")
