"""The songs that a search starts from, as vectors and, where they are in the library, tracks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import chain

from retrotone.audio.audio import Audio
from retrotone.errors import AudioError, LibraryError
from retrotone.features.analysis import Analysis, analyse
from retrotone.library import embedding
from retrotone.library.catalogue.base import Vector
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.files import FoundFile, Place, content_hash
from retrotone.library.records import Known, Track
from retrotone.library.search.by_name import the_one_called
from retrotone.library.search.neighbours import Indexed, Neighbours
from retrotone.progress import Progress

# A text that is no file's path is the name of a track: words of its title and artist.
Song = Track | Analysis | Audio | str | os.PathLike[str]


def find_song(
    song: Song, catalogue: Catalogue, near: Neighbours | Indexed, progress: Progress
) -> tuple[Vector, Track | None]:
    """Return a song's vector, shape (d,), and, where it is in the library, its track; other songs are analysed.

    Parameters
    ----------
    song : Track, Analysis, Audio, path or name
        A path goes before a name.
    catalogue : Catalogue
    near : Neighbours or Indexed
    progress : Progress
        Called while the song is analysed.

    Raises
    ------
    LibraryError
        No track has that name, or several songs have.
    AudioError, AnalysisError
    """
    if isinstance(song, Analysis):
        return embedding.embed(song), None
    if isinstance(song, Audio):
        return embedding.embed(analyse(song, progress)), None
    place = _place(song)
    known = find_track(place, catalogue, near)
    if known is None and _is_name(song):
        place = the_one_called(str(song), catalogue).place
        known = find_track(place, catalogue, near)
    if known is None:
        return embedding.embed(analyse(str(place), progress)), None
    if not known[0].any():
        raise AudioError(f"{place} is silent: nothing sounds like it")
    return known


def find_track(place: Place, catalogue: Catalogue, near: Neighbours | Indexed) -> tuple[Vector, Track] | None:
    """Return the vector, shape (d,), and track of a place or of a copy of it; None if the library has neither.

    Parameters
    ----------
    place : Place
        With an absolute path.
    catalogue : Catalogue
    near : Neighbours or Indexed
    """
    for known in chain([catalogue.lookup(place)], _copies(place, catalogue)):
        vector = near.vector(known.id) if known else None
        if known is not None and vector is not None:
            for track in catalogue.tracks([known.id]):
                return vector, track
    return None


def find_songs(
    songs: Song | Sequence[Song], catalogue: Catalogue, near: Neighbours | Indexed, progress: Progress
) -> tuple[list[Vector], list[Track]]:
    """Return the vectors of one or more songs, each once, and those tracks that are in the library.

    Parameters
    ----------
    songs : song or sequence of songs
        See `find_song`.
    catalogue : Catalogue
    near : Neighbours or Indexed
    progress : Progress
        Called while a song is analysed.

    Raises
    ------
    LibraryError
        An empty sequence, or a name that no track or several songs have.
    AudioError, AnalysisError
    """
    several = list(songs) if isinstance(songs, Sequence) and not isinstance(songs, str) else [songs]
    if not several:
        raise LibraryError("nothing to start from: name a song")
    named = {song if isinstance(song, Analysis | Audio) else _place(song): song for song in several}
    found = [find_song(song, catalogue, near, progress) for song in named.values()]
    return [vector for vector, _ in found], list({track.id: track for _, track in found if track}.values())


def _place(song: Track | str | os.PathLike[str]) -> Place:
    return song.place if isinstance(song, Track) else Place.from_name(os.path.abspath(song))


def _is_name(song: Song) -> bool:
    """Return whether a song is the name of a track: neither a file nor a path with folders."""
    return isinstance(song, str) and not os.path.lexists(song) and os.sep not in song.replace(f" {os.sep} ", "")


def _copies(place: Place, catalogue: Catalogue) -> Iterator[Known]:
    """Yield the library's files of the same content as a file outside of it, or as one reached by a link."""
    # reading a pipe would wait for its writer
    if not os.path.isfile(str(place)):
        return
    try:
        content = content_hash(FoundFile.at(place.path))
    # the analysis of the file, which follows, reports this error
    except OSError:
        return
    yield from catalogue.with_content_hash(content, place)
