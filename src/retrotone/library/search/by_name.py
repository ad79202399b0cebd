"""Finding tracks by title and artist, as people remember them."""

from __future__ import annotations

import shlex
from itertools import groupby

from retrotone.errors import LibraryError
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.names import folded
from retrotone.library.records import SongNames, Track

# songs that a message lists
LISTED = 5
# how many words of a query a database looks for, and how many letters of each
WORDS, LETTERS = 4, 40


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
    words = sorted(query.split(), key=len, reverse=True)
    if not words:
        return []
    found = []
    # few tracks hold the longest words; databases refuse very many or very long ones
    for number, names in catalogue.names([word[:LETTERS] for word in words[:WORDS]]):
        text = names.text
        # others are left out here, in a fifth of the time that `folded` takes
        if text.isascii() and not all(word in text.lower() for word in words):
            continue
        if all(start in f" {folded(text)}" for start in word_starts(query)):
            found.append((distance(query, names), number))
    found.sort(key=lambda each: each[0])
    groups = [catalogue.tracks([number for _, number in group]) for _, group in groupby(found, lambda each: each[0])]
    return [group for group in groups if group]


def word_starts(query: str) -> list[str]:
    """Return what the names of a track hold, folded and after a blank, if each word of a folded query begins a word.

    In scripts without blanks words have no beginnings.
    """
    return [f" {word}" if word.isascii() else word for word in query.split()]


def distance(query: str, names: SongNames) -> int:
    """Return the group of `find_by_name`, 0 to 3, of a track whose names hold all words of a folded query."""
    title, artist = folded(names.title), folded(names.artist)
    if query in (title, f"{artist} {title}", f"{title} {artist}"):
        return 0
    if query == artist:
        return 1
    return 2 if all(start in f" {title}" for start in word_starts(query)) else 3


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
