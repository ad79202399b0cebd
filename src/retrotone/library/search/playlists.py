"""Playlists: what sounds like a song, what leads from one to another, what fills an hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from retrotone.library.records import Track
from retrotone.library.search.neighbours import Indexed, Neighbours, slerp

TOO_LONG = 10  # tracks that do not fit, and a playlist is full: one alone may be a mix of hours
BATCH, LARGEST = 32, 512  # tracks looked up at once: more as more are wanted

Lookup = Callable[[Sequence[int]], list[Track]]
"""From numbers to tracks, in that order; without those that are not wanted."""
Same = Callable[[Track, Track], bool]
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Match:
    """A track and how similar it is: a cosine, at most 1."""

    track: Track
    similarity: float


def matches(neighbours: Neighbours | Indexed, query: Vector, lookup: Lookup) -> Iterator[Match]:
    """Yield all wanted tracks, the most similar first."""
    ranked, size = neighbours.ranked(query), BATCH
    while batch := dict(islice(ranked, size)):
        for track in lookup(list(batch)):
            yield Match(track, min(batch[track.id], 1.0))
        size = min(2 * size, LARGEST)


def similar(candidates: Iterator[Match], k: int, seeds: set[int], per_artist: int | None) -> list[Match]:
    """Return the first k candidates that are no seeds, at most so many an artist."""
    chosen: list[Match] = []
    artists: Counter[str] = Counter()
    for match in candidates:
        if len(chosen) == k:
            break
        artist = match.track.artist.casefold()
        capped = per_artist is not None and artist and artists[artist] >= per_artist
        if match.track.id not in seeds and not capped:
            chosen.append(match)
            artists[artist] += 1
    return chosen


def path(
    neighbours: Neighbours | Indexed,
    ends: tuple[Vector, Vector],
    fixed: tuple[Track | None, Track | None],
    length: int,
    lookup: Lookup,
    same: Same,
) -> list[Track]:
    """Return tracks that glide from one place to another, no recording twice.

    Parameters
    ----------
    neighbours : Neighbours or Indexed
    ends : pair of ndarray, shape (d,)
        Where it starts and ends. The tracks are those nearest to evenly spaced points on the great circle between.
    fixed : pair of Track or None
        The tracks at the ends, where they are in the library.
    length : int
        How many tracks; fewer where the library has no more.
    lookup : callable
        From numbers to tracks.
    same : callable
        Whether two tracks are one recording.
    """
    first, last = fixed
    if first and last and (first.id == last.id or same(first, last)):
        last = None  # there and back: its place goes to the next like it
    places: list[Track | None] = [first, *[None] * (length - 2), last]
    used = _Used(same, [track for track in (first, last) if track])
    # from both ends to the middle, so that what is near an end is not taken for the middle
    for index in sorted(range(length), key=lambda i: (min(i, length - 1 - i), i)):
        if places[index] is None:
            point = slerp(*ends, index / max(length - 1, 1))
            for match in matches(neighbours, point, lookup):
                if used.add(match.track):
                    places[index] = match.track
                    break
    return [track for track in places if track is not None]


def playlist(
    neighbours: Neighbours | Indexed,
    query: Vector,
    first: Sequence[Track],
    seconds: float,
    per_artist: int,
    lookup: Lookup,
    same: Same,
) -> list[Track]:
    """Return about so many seconds of tracks near a query, no recording twice, each leading to one like it.

    Parameters
    ----------
    neighbours : Neighbours or Indexed
    query : ndarray, shape (d,)
    first : sequence of Track
        What it begins with.
    seconds : float
        It ends as near to that as whole tracks allow.
    per_artist : int
        At most so many of one artist; where tags tell none, that cap does not hold.
    lookup : callable
        From numbers to tracks, without those that may not be in it.
    same : callable
        Whether two tracks are one recording.
    """
    used = _Used(same, first)
    artists = Counter(track.artist.casefold() for track in first)
    total = sum(track.duration or 0.0 for track in first)
    chosen: list[tuple[Track, Vector]] = []
    too_long = 0
    for match in matches(neighbours, query, lookup):
        track = match.track
        artist, duration = track.artist.casefold(), track.duration or 0.0
        if artist and artists[artist] >= per_artist:
            continue
        if total + duration / 2 > seconds:
            too_long += 1
            if too_long == TOO_LONG:
                break
            continue
        vector = neighbours.vector(track.id)
        if vector is not None and used.add(track):  # another process may forget a track at any time
            chosen.append((track, vector))
            artists[artist] += 1
            total += duration
    start = neighbours.vector(first[-1].id) if first else None
    return [*first, *_chain(query if start is None else start, first, chosen)]


def _chain(start: Vector, first: Sequence[Track], chosen: Sequence[tuple[Track, Vector]]) -> Iterator[Track]:
    """Yield tracks so that each is the nearest to the one before, another artist's where there is one."""
    here, artist = start, first[-1].artist.casefold() if first else ""
    left = {track.id: (track, vector) for track, vector in chosen}
    while left:
        others = [each for each in left.values() if not artist or each[0].artist.casefold() != artist]
        others = others or list(left.values())
        cosines = np.array([vector for _, vector in others]) @ here
        track, here = others[int(cosines.argmax())]
        artist = track.artist.casefold()
        del left[track.id]
        yield track


class _Used:
    """The recordings that a playlist holds."""

    def __init__(self, same: Same, tracks: Sequence[Track]) -> None:
        self._same, self._tracks = same, list(tracks)

    def add(self, track: Track) -> bool:
        """Add a track, unless it or its like is there: the same recording, or one of the same name."""
        if any(self._is_like(track, other) for other in self._tracks):
            return False
        self._tracks.append(track)
        return True

    def _is_like(self, track: Track, other: Track) -> bool:
        if track.id == other.id:
            return True
        names = [(each.artist.casefold(), each.title.casefold()) for each in (track, other)]
        return (bool(track.title) and names[0] == names[1]) or self._same(track, other)
