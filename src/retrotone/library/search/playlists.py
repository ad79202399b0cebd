"""Playlists: tracks similar to a song, a path from one song to another, a playlist of a given length."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.arcs import arc
from retrotone.errors import LibraryError
from retrotone.library.records import Track
from retrotone.library.search.duplicates import SECONDS
from retrotone.library.search.mixing import mix_fit
from retrotone.library.search.neighbours import Indexed, Neighbours
from retrotone.library.search.weights import UNKNOWN, Weight

# A playlist is full when so many tracks did not fit. One track alone may be a mix of hours.
TOO_LONG = 10
# tracks looked up at once: the first batch, and the most as batches double
BATCH, LARGEST = 32, 512

# of cosines: a favourite is chosen before a disliked track that is more similar by less; chosen, not measured
WEIGHT_REACH = 0.2
# so is a track whose key and tempo go with its neighbours'; as far as sound reaches where the genre is certain
MIX_REACH = 0.1
# candidates among which weights, keys and tempi decide: two batches hold them
LOOK_AHEAD = 90

# returns the tracks of some numbers, in that order, without those that a filter leaves out
TrackLookup = Callable[[Sequence[int]], list[Track]]
# returns whether two tracks are one recording
IsSame = Callable[[Track, Track], bool]
# returns by how much a track goes before one that is as similar, of cosines
Bonus = Callable[[Track], float]
# shape (d,)
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Match:
    """A track and how similar it is: a cosine, at most 1."""

    track: Track
    similarity: float


def matches(
    neighbours: Neighbours | Indexed, query: Vector, lookup: TrackLookup, bonus: Bonus | None = None
) -> Iterator[Match]:
    """Yield tracks, the most similar to a query first.

    Parameters
    ----------
    neighbours : Neighbours or Indexed
    query : ndarray, shape (d,)
        A unit vector.
    lookup : callable
        Returns the tracks of some numbers, without those that a filter leaves out.
    bonus : callable, optional
        Returns by how much a track goes before one that is as similar, of cosines.
    """
    if bonus is not None:
        yield from _preferred(matches(neighbours, query, lookup), bonus)
        return
    ranked, size = neighbours.ranked(query), BATCH
    while batch := dict(islice(ranked, size)):
        for track in lookup(list(batch)):
            yield Match(track, min(batch[track.id], 1.0))
        size = min(2 * size, LARGEST)


def _preferred(candidates: Iterator[Match], bonus: Bonus) -> Iterator[Match]:
    """Yield matches by similarity and bonus, each the best of those that lie next."""
    # best first, as (its score, negative; its place among the candidates; the match)
    ahead: list[tuple[float, int, Match]] = []
    for place, match in enumerate(candidates):
        heapq.heappush(ahead, (-match.similarity - bonus(match.track), place, match))
        if len(ahead) > LOOK_AHEAD:
            yield heapq.heappop(ahead)[2]
    while ahead:
        yield heapq.heappop(ahead)[2]


def _bonus(weight: Weight | None, beside: Sequence[Track] = ()) -> Bonus | None:
    """Return what favourites, and tracks that mix with those beside them, are preferred by; None if nothing is."""
    if weight is None and not beside:
        return None

    def bonus(track: Track) -> float:
        favoured = WEIGHT_REACH * (weight(track) - UNKNOWN) if weight else 0.0
        return favoured + (MIX_REACH * mix_fit(track, beside) if beside else 0.0)

    return bonus


def similar(candidates: Iterator[Match], k: int, songs: Sequence[Track], caps: Caps, is_same: IsSame) -> list[Match]:
    """Return the first k candidates that are other songs than those given, and than each other.

    Parameters
    ----------
    candidates : iterator of Match
        The most similar first.
    k : int
    songs : sequence of Track
    caps : Caps
    is_same : callable
        Whether two tracks are one recording.
    """
    chosen: list[Match] = []
    used = _Used(is_same, songs)
    for match in candidates:
        if len(chosen) == k:
            break
        if caps.allow(match.track) and used.add(match.track):
            caps.count(match.track)
            chosen.append(match)
    return chosen


def path(
    neighbours: Neighbours | Indexed,
    ends: tuple[Vector, Vector],
    fixed: tuple[Track | None, Track | None],
    length: int,
    lookup: TrackLookup,
    is_same: IsSame,
    weight: Weight | None = None,
    mix: bool = True,
) -> list[Track]:
    """Return tracks that lead evenly from one vector to another, no recording twice.

    Parameters
    ----------
    neighbours : Neighbours or Indexed
    ends : pair of ndarray, shape (d,)
        Unit vectors of start and end. The tracks are those nearest to evenly spaced points on the great circle between
        them.
    fixed : pair of Track or None
        The tracks at the ends, where they are in the library.
    length : int
        How many tracks; fewer where the library has no more.
    lookup : callable
        Returns the tracks of some numbers.
    is_same : callable
        Whether two tracks are one recording.
    weight : Weight, optional
        Favourites go before tracks that are as similar, by up to half of `WEIGHT_REACH`.
    mix : bool
        Tracks whose key and tempo go with their neighbours', too, by up to `MIX_REACH`; see `mix_fit`.
    """
    first, last = fixed
    if first and last and (first.id == last.id or is_same(first, last)):
        # start and end are one song: a similar track takes the last position
        last = None
    chosen: list[Track | None] = [first, *[None] * (length - 2), last]
    used = _Used(is_same, [track for track in (first, last) if track])
    # From both ends to the middle, so that a track near an end is not used up in the middle.
    for index in sorted(range(length), key=lambda i: (min(i, length - 1 - i), i)):
        if chosen[index] is None:
            point = arc(*ends, index / max(length - 1, 1)).astype(np.float32)
            beside = [track for i in (index - 1, index + 1) if 0 <= i < length and (track := chosen[i])]
            for match in matches(neighbours, point, lookup, _bonus(weight, beside if mix else ())):
                if used.add(match.track):
                    chosen[index] = match.track
                    break
            else:
                # no track is left, for other points neither
                break
    return [track for track in chosen if track is not None]


def playlist(
    neighbours: Neighbours | Indexed,
    query: Vector,
    first: Sequence[Track],
    seconds: float,
    caps: Caps,
    lookup: TrackLookup,
    is_same: IsSame,
    weight: Weight | None = None,
    mix: bool = True,
) -> list[Track]:
    """Return tracks near a query, no recording twice, in an order in which each is like the one before.

    Parameters
    ----------
    neighbours : Neighbours or Indexed
    query : ndarray, shape (d,)
        A unit vector.
    first : sequence of Track
        The tracks that it begins with.
    seconds : float
        Total length, met as closely as whole tracks allow.
    caps : Caps
    lookup : callable
        Returns the tracks of some numbers, without those that a filter leaves out.
    is_same : callable
        Whether two tracks are one recording.
    weight : Weight, optional
        See `path`.
    mix : bool
        Whether that order also lets keys and tempi go together; see `path`.
    """
    used = _Used(is_same, first)
    for track in first:
        caps.count(track)
    total = sum(track.duration or 0.0 for track in first)
    chosen: list[tuple[Track, Vector]] = []
    too_long = 0
    for match in matches(neighbours, query, lookup, _bonus(weight)):
        track = match.track
        duration = track.duration or 0.0
        if not caps.allow(track):
            continue
        if total + duration / 2 > seconds:
            too_long += 1
            if too_long == TOO_LONG:
                break
            continue
        vector = neighbours.vector(track.id)
        # another process may remove a track at any time
        if vector is not None and used.add(track):
            chosen.append((track, vector))
            caps.count(track)
            total += duration
    start = neighbours.vector(first[-1].id) if first else None
    return [*first, *_chain(query if start is None else start, first, chosen, mix)]


def _chain(start: Vector, first: Sequence[Track], chosen: Sequence[tuple[Track, Vector]], mix: bool) -> Iterator[Track]:
    """Yield the chosen tracks, each the nearest to the one before, of another artist where there is one."""
    vector, before = start, first[-1] if first else None
    left = {each[0].id: each for each in chosen}
    while left:
        artist = before.artist_key if before else ""
        others = [each for each in left.values() if not artist or each[0].artist_key != artist]
        others = others or list(left.values())
        nearness = np.array([each for _, each in others]) @ vector
        if mix and before:
            nearness += MIX_REACH * np.array([mix_fit(track, [before]) for track, _ in others], np.float32)
        before, vector = others[int(nearness.argmax())]
        del left[before.id]
        yield before


def check_positive(**values: float | None) -> None:
    """Raise LibraryError if a value is given that is not more than 0."""
    for name, value in values.items():
        if value is not None and not value > 0:
            raise LibraryError(f"{name} is {value}: it must be more than 0")


class Caps:
    """Limits of the tracks by one artist and of one album; tracks without artist or album are not limited.

    Parameters
    ----------
    per_artist, per_album : int, optional
        By default there is no limit.
    """

    def __init__(self, per_artist: int | None = None, per_album: int | None = None) -> None:
        self._limits = per_artist, per_album
        self._counts: tuple[Counter[Hashable], ...] = Counter(), Counter()

    def allow(self, track: Track) -> bool:
        """Return whether one more track of its artist and album may be taken."""
        return not any(
            limit is not None and key and counts[key] >= limit
            for limit, counts, key in zip(self._limits, self._counts, _owners(track), strict=True)
        )

    def count(self, track: Track) -> None:
        """Count a track that was taken."""
        for counts, key in zip(self._counts, _owners(track), strict=True):
            counts[key] += 1


def _owners(track: Track) -> tuple[Hashable, Hashable]:
    return track.artist_key, track.album_key


class _Used:
    """The songs that a list contains."""

    def __init__(self, is_same: IsSame, tracks: Sequence[Track]) -> None:
        self._is_same = is_same
        self._songs: set[Hashable] = set()
        # by their length, as only tracks of about one length can be one recording
        self._tracks: defaultdict[int, list[Track]] = defaultdict(list)
        for track in tracks:
            self._remember(track)

    def add(self, track: Track) -> bool:
        """Add a track, unless it, its recording or another version of its song is there already."""
        if track.song_key in self._songs:
            return False
        at = _length_class(track)
        near = [other for each in (at - 1, at, at + 1) for other in self._tracks.get(each, ())]
        if any(track.id == other.id or self._is_same(track, other) for other in near):
            return False
        self._remember(track)
        return True

    def _remember(self, track: Track) -> None:
        self._tracks[_length_class(track)].append(track)
        if track.song_key:
            self._songs.add(track.song_key)


def _length_class(track: Track) -> int:
    return int((track.duration or 0.0) // SECONDS)
