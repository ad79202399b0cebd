"""Finding tracks by title and artist, as people remember them."""

from __future__ import annotations

import shlex
from itertools import groupby
from pathlib import Path

from retrotone.errors import LibraryError
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.names import folded
from retrotone.library.records import Track

# songs that a message lists
LISTED = 5


def find_by_name(text: str, catalogue: Catalogue) -> list[list[Track]]:
    """Return the tracks whose title, artist and album hold all words of a text, in groups, the closest first.

    Capitals, accents and punctuation do not count, and words may be cut. The groups are, if not empty: those that are
    called exactly that, by title or by artist and title; those of an artist called exactly that; those whose title
    holds all words; the others. A track without a title has its file's name.

    Parameters
    ----------
    text : str
    catalogue : Catalogue
    """
    query = folded(text)
    if not query:
        return []
    found = []
    for number, place, title, artist, album in catalogue.names():
        title, artist = folded(title or Path(place.path).stem), folded(artist)
        if query in (title, f"{artist} {title}", f"{title} {artist}"):
            found.append((0, number))
        elif query == artist:
            found.append((1, number))
        elif _holds(title, query):
            found.append((2, number))
        elif _holds(f"{title} {artist} {folded(album)}", query):
            found.append((3, number))
    found.sort(key=lambda each: each[0])
    groups = [catalogue.tracks([number for _, number in group]) for _, group in groupby(found, lambda each: each[0])]
    return [group for group in groups if group]


def the_one_called(name: str, catalogue: Catalogue) -> Track:
    """Return the track of a name; of several versions of one song the one with the shortest title.

    Raises
    ------
    LibraryError
        There is none, or there are several songs.
    """
    groups = find_by_name(name, catalogue)
    if not groups:
        raise LibraryError(f"'{name}' is no file, and no track is called so: name a file, or words of title and artist")
    songs = {track.song_key or track.id: track for track in sorted(groups[0], key=_longest_title_first)}
    if len(songs) > 1:
        listed = [f"'{track.name}'" for track in reversed(songs.values())][:LISTED]
        more = [f"and {len(songs) - LISTED} more"] if len(songs) > LISTED else []
        raise LibraryError(
            f"'{name}' may be {', '.join(listed + more)}: add words of the artist or title, or name the file, "
            f"which retrotone library search {shlex.quote(name)} shows"
        )
    return next(iter(songs.values()))


def _longest_title_first(track: Track) -> tuple[int, str]:
    return -len(track.title), track.path


def _holds(text: str, query: str) -> bool:
    """Return whether each word of a query begins a word of a text; scripts without blanks have no such beginnings."""
    spaced = f" {text}"
    return all(f" {word}" in spaced if word.isascii() else word in text for word in query.split())
