"""The names of all songs in memory, so that a song is found by its title or artist in less than a millisecond."""

from __future__ import annotations

from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.names import artist_key, folded
from retrotone.library.records import SongNames
from retrotone.library.search.by_name import distance, word_starts


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
        for number, names in catalogue.names():
            self.names[number] = names
            self._texts[number] = f" {folded(names.text)}"
            self._by_title.setdefault(folded(names.title), []).append(number)
            self._by_artist.setdefault(artist_key(names.artist), []).append(number)

    def by_artist(self, artist: str) -> list[int]:
        """Return the songs of an artist, in any spelling that `artist_key` knows; none for what is no name."""
        key = artist_key(artist)
        return self._by_artist.get(key, []) if key else []

    def find(self, title: str, artist: str = "") -> int | None:
        """Return the first song of a title, and of an artist where one is given; see `names.folded`."""
        key = artist_key(artist)
        found = self._by_title.get(folded(title), [])
        return next((number for number in found if not key or artist_key(self.names[number].artist) == key), None)

    def search(self, text: str) -> list[int]:
        """Return what `find_by_name` finds, in its order; all songs for a text without words."""
        query, found = folded(text), list(self._texts)
        for start in word_starts(query):
            found = [number for number in found if start in self._texts[number]]
        return sorted(found, key=lambda number: distance(query, self.names[number])) if query else found
