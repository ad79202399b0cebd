"""The names of all songs in memory, so that a song is found by its title or artist in less than a millisecond."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.files import Place
from retrotone.library.names import artist_key, folded

SELECT_NAMES = (
    "SELECT id, path, coalesce(title, ''), coalesce(artist, ''), coalesce(album, ''), coalesce(year, ''), "
    "coalesce(nullif(t.genre, ''), given_genre, CASE WHEN sure THEN d.genre ELSE '' END) "
    "FROM tracks t JOIN descriptions d ON track = id WHERE present ORDER BY path"
)


class SongNames(NamedTuple):
    """The names of a song; the title is that of its file where the tags have none, the genre `Track.best_genre`."""

    title: str
    artist: str
    album: str
    year: str
    genre: str


class SongIndex:
    """The names of the songs of a catalogue as it is now, by path.

    Parameters
    ----------
    catalogue : Catalogue

    Attributes
    ----------
    names : dict of int to SongNames
        By the number of the track.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.names: dict[int, SongNames] = {}
        self._by_artist: dict[str, list[int]] = {}
        self._by_title: dict[str, list[int]] = {}
        # by its number, what `search` looks through
        self._texts: dict[int, str] = {}
        for rows in catalogue.blocks(SELECT_NAMES):
            for number, key, title, artist, *rest in rows:
                title = title or Path(Place.from_bytes(key).path).stem
                self.names[number] = names = SongNames(title, artist, *rest)
                self._texts[number] = folded(" ".join(names[:3]))
                self._by_title.setdefault(folded(title), []).append(number)
                self._by_artist.setdefault(artist_key(artist), []).append(number)

    def by_artist(self, artist: str) -> list[int]:
        """Return the songs of an artist, in any spelling that `artist_key` knows; none for what is no name."""
        key = artist_key(artist)
        return self._by_artist.get(key, []) if key else []

    def find(self, title: str, artist: str = "") -> int | None:
        """Return the first song of a title, and of an artist where one is given; see `names.folded`."""
        key = artist_key(artist)
        found = self._by_title.get(folded(title), [])
        return next((number for number in found if not key or artist_key(self.names[number].artist) == key), None)

    def search(self, query: str) -> list[int]:
        """Return the songs that have all words of a query in title, artist or album; all for an empty one."""
        found = list(self._texts)
        for word in folded(query).split():
            found = [number for number in found if word in self._texts[number]]
        return found
