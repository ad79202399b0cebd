"""Duplicates: the same recording in another format, at another level or from another master.

Tracks of one length and like sound are compared by how their tags go up and down over time, second by second: two
recordings of one piece differ there, two copies of one recording do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from retrotone.analysis import Analysis
from retrotone.genre.evidence import log_odds
from retrotone.library.database import Forgotten
from retrotone.library.neighbours import Indexed, Neighbours
from retrotone.library.similarity import sound_part
from retrotone.library.track import Track
from retrotone.progress import Progress, silent

SECONDS = 3.0  # by which lengths may differ: silence at the ends
COSINE = 0.6  # of the part that is sound: genre brings far too many together
AGREEMENT = (
    0.8  # correlation of the tags over time; of different recordings with such vectors it is below 0.5
)
SHIFT = 3  # patches (seconds) by which one may be late
LEAST_PATCHES = 4  # below, time tells too little
# Few agree by chance, as notes of an instrument. Of 8 and 14 s of seven songs 40 of 42 copies had a cosine over 0.92,
# what followed in the same songs had less than 0.79.
FEW_PATCHES, FEW_COSINE = 12, 0.9
STILL = 0.02  # log-odds: tags that move by less, as in silence, tell nothing either
SHORT_COSINE = 0.995  # then the vector must do
TILE = 512  # tracks: so many are compared with so many by one product of matrices
BATCH = 256  # pairs whose courses are compared at once
REMEMBERED = (
    100_000  # tracks whose courses are held, 3 kB for each excerpt: more than are of one length, as a rule
)

Courses = list[NDArray[np.float16]]
"""How the log-odds of the tags go, shape (patches, 50), in each excerpt of a track."""
Places = NDArray[np.int64]
Vectors = NDArray[np.float32]


def same_recordings(
    tracks: Sequence[Track],
    neighbours: Neighbours,
    analysis: Callable[[int], Analysis],
    progress: Progress = silent,
) -> list[list[Track]]:
    """Return groups of tracks, two or more, each one recording; in the order given.

    Parameters
    ----------
    tracks : sequence of Track, length n
        In the order of `neighbours`.
    neighbours : Neighbours
    analysis : callable
        From a track's number to what was heard.
    progress : Progress
    """
    durations = np.array([track.duration or 0.0 for track in tracks])
    order = np.argsort(durations, kind="stable")  # a place, from here on, is one in this order
    vectors, numbers = sound_part(neighbours.vectors[order]), neighbours.numbers[order].tolist()
    ends = np.searchsorted(durations[order], durations[order] + SECONDS, "right")
    group = np.arange(len(tracks))  # of each place: the first one that is known to be the same recording
    held: dict[int, Courses] = {}

    def courses(place: int) -> Courses:
        if place not in held:
            if len(held) == REMEMBERED:
                held.clear()
            held[place] = _courses(analysis, numbers[place])
        return held[place]

    tiles = [
        (top, left)
        for top in range(0, len(tracks), TILE)
        for left in range(top, ends[min(top + TILE, len(tracks)) - 1], TILE)
    ]
    for done, (top, left) in enumerate(tiles):
        progress(done / len(tiles), f"{top}/{len(tracks)} tracks compared")
        if left == top:  # shorter ones will not be asked for again
            held = {place: each for place, each in held.items() if place >= top}
        for a, b in _near(vectors, ends, top, left):
            apart = group[a] != group[b]  # the others are known to be the same
            a, b = a[apart], b[apart]
            cosines = np.einsum("ki,ki->k", vectors[a], vectors[b])
            same = _agree(
                [courses(place) for place in a.tolist()], [courses(place) for place in b.tolist()], cosines
            )
            for x, y in zip(a[same], b[same], strict=True):
                low, high = sorted((group[x], group[y]))
                group[group == high] = low
    groups: dict[int, list[Track]] = {}
    for first, track in zip(group[np.argsort(order)].tolist(), tracks, strict=True):
        groups.setdefault(first, []).append(track)
    return [same for same in groups.values() if len(same) > 1]


def is_same_recording(
    a: Track, b: Track, neighbours: Neighbours | Indexed, analysis: Callable[[int], Analysis]
) -> bool:
    """Tell whether two tracks are one recording."""
    if abs((a.duration or 0.0) - (b.duration or 0.0)) > SECONDS:
        return False
    x, y = neighbours.vector(a.id), neighbours.vector(b.id)
    if x is None or y is None:
        return False
    x, y = sound_part(np.stack([x, y]))
    if x @ y < COSINE:
        return False
    return bool(_agree([_courses(analysis, a.id)], [_courses(analysis, b.id)], np.array([x @ y]))[0])


def _near(vectors: Vectors, ends: Places, top: int, left: int) -> Iterator[tuple[Places, Places]]:
    """Yield pairs of places, of a tile of them all, whose tracks are of one length and like sound, in batches."""
    rows, columns = np.nonzero(vectors[top : top + TILE] @ vectors[left : left + TILE].T >= COSINE)
    here, there = top + rows, left + columns
    near = (here < there) & (there < ends[here])
    here, there = here[near], there[near]
    for start in range(0, len(here), BATCH):
        yield here[start : start + BATCH], there[start : start + BATCH]


def _courses(analysis: Callable[[int], Analysis], number: int) -> Courses:
    """Return a track's courses, about the mean of each tag; none where another process forgot it meanwhile."""
    try:
        courses = map(log_odds, analysis(number).excerpts)
    except Forgotten:
        return []
    return [(course - course.mean(axis=0)).astype(np.float16) for course in courses]


def _agree(a: Sequence[Courses], b: Sequence[Courses], cosines: Vectors) -> NDArray[np.bool_]:
    """Tell of pairs of tracks, shape (k,), whether both are one recording."""
    agree = cosines >= SHORT_COSINE
    pairs = [tuple(zip(*pair, strict=False)) for pair in zip(a, b, strict=True)]  # excerpt by excerpt
    shapes = [tuple((len(x), len(y)) for x, y in pair) for pair in pairs]
    for shape in set(shapes):  # pairs of one shape are compared at once
        alike = np.array([k for k, other in enumerate(shapes) if other == shape])
        found = np.full((len(shape), len(alike)), np.nan, np.float32)
        for excerpt in range(len(shape)):
            x, y = (np.stack([pairs[k][excerpt][side] for k in alike]).astype(np.float32) for side in (0, 1))
            found[excerpt] = _correlations(x, y)
        tells = ~np.isnan(found).all(axis=0)
        agree[alike[tells]] = np.nanmedian(found[:, tells], axis=0) >= AGREEMENT
        if max(map(min, shape), default=0) < FEW_PATCHES:
            agree[alike] &= cosines[alike] >= FEW_COSINE
    return agree


def _correlations(x: Vectors, y: Vectors) -> Vectors:
    """Correlate courses with courses, shapes (k, n, 50) and (k, m, 50), each tag about its own mean.

    Returns
    -------
    ndarray, shape (k,)
        The highest over shifts, of where both overlap; NaN where they are too short, or stand still.
    """
    highest = np.full(len(x), np.nan, np.float32)
    for shift in range(-SHIFT, SHIFT + 1):
        a, b = x[:, max(shift, 0) :], y[:, max(-shift, 0) :]
        length = min(a.shape[1], b.shape[1])
        if length < LEAST_PATCHES:
            continue
        a, b = a[:, :length], b[:, :length]
        power, covariance, other = (
            np.einsum("kpt,kpt->k", u, v) / length - np.einsum("kt,kt->k", u_mean, v_mean)
            for (u, u_mean), (v, v_mean) in combinations_with_replacement(
                [(a, a.mean(axis=1)), (b, b.mean(axis=1))], 2
            )
        )
        moves = np.minimum(power, other) > a.shape[2] * STILL**2
        found = np.full_like(highest, np.nan)
        found[moves] = covariance[moves] / np.sqrt(power[moves] * other[moves])
        highest = np.fmax(highest, found)
    return highest
