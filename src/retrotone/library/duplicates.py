"""Duplicates: the same recording in another format, at another level or from another master.

Tracks of one length and like sound are compared by how the balance of their bands moves over the fifteen seconds in
their middle (`Analysis.course`): two recordings of one piece differ there, two copies of one recording do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retrotone.analysis import Analysis
from retrotone.columns import COURSE_BANDS, COURSE_STEP
from retrotone.library.database import Forgotten
from retrotone.library.neighbours import Indexed, Neighbours
from retrotone.library.similarity import sound_part
from retrotone.library.track import Track
from retrotone.progress import Progress, silent

SECONDS = 3.0  # by which lengths may differ: silence at the ends
COSINE = 0.2  # of the part that is sound; 19 in 20 copies as MP3 of 24 kbit/s have more, and 1 in 20 of other pairs
# Correlation of the bands over time. Of 257 clips of GTZAN, copies by MP3, at another level, from another master or
# with a later start reach .82 and more, any two different ones .49 at most.
AGREEMENT = 0.65
SHIFT_SECONDS = 2.5  # by which the middle of one may be late
LEAST_SECONDS = 4.0  # below, time tells too little
STILL = 0.1  # dB: bands that move by less, as in silence, tell nothing either
SHORT_COSINE = 0.995  # then the vector must do
TILE = 4096  # tracks: so many are compared with so many by one product of matrices
REMEMBERED = 4 * TILE  # tracks whose courses are held: 6 kB each
TOLD_EVERY = 100  # tracks

Course = NDArray[np.float32]
"""How loud the bands of a track are beside each other over time, shape (steps, 24)."""


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
    vectors = sound_part(neighbours.vectors[order])
    ends = np.searchsorted(durations[order], durations[order] + SECONDS, "right")
    numbers = neighbours.numbers[order].tolist()
    courses = lru_cache(REMEMBERED)(lambda place: _course(analysis, numbers[place]))
    group = np.arange(len(tracks))  # of each place: the first one that is known to be the same recording
    tiles = [
        (top, left)
        for top in range(0, len(tracks), TILE)
        for left in range(top, ends[min(top + TILE, len(tracks)) - 1], TILE)
    ]
    for done, (top, left) in enumerate(tiles):
        cosines = vectors[top : top + TILE] @ vectors[left : left + TILE].T
        for row, here in enumerate(range(top, top + len(cosines))):
            if row % TOLD_EVERY == 0:
                share = (done + row / len(cosines)) / len(tiles)
                progress(share, f"{share * len(tracks):.0f}/{len(tracks)} tracks compared")
            first = max(here + 1, left)
            last = max(ends[here], first)
            near = first + np.flatnonzero(cosines[row, first - left : last - left] >= COSINE)
            near = near[group[near] != group[here]]  # the rest is known to be the same
            if len(near):
                agree = _agree(courses(here), list(map(courses, near.tolist())), cosines[row, near - left])
                joined = group[[here, *near[agree]]]
                group[np.isin(group, joined)] = joined.min()
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
    one, other = _course(analysis, a.id), _course(analysis, b.id)
    return bool(_agree(one, [other], np.array([x @ y]))[0])


def _course(analysis: Callable[[int], Analysis], number: int) -> Course:
    """Return a track's course; an empty one where another process forgot the track meanwhile."""
    with suppress(Forgotten):
        course = analysis(number).course
        if course is not None:
            return course
    return np.zeros((0, COURSE_BANDS), np.float32)


def _agree(one: Course, others: Sequence[Course], cosines: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell of each of some tracks, shape (k,), whether it is the recording that one is."""
    agree = cosines >= SHORT_COSINE
    lengths = np.array([len(other) for other in others])
    for length in np.unique(lengths):  # tracks of one length are compared at once
        alike = np.flatnonzero(lengths == length)
        found = _correlations(one, np.stack([others[place] for place in alike.tolist()]))
        tells = ~np.isnan(found)
        agree[alike[tells]] = found[tells] >= AGREEMENT
    return agree


def _correlations(x: Course, ys: NDArray[np.float32]) -> NDArray[np.float32]:
    """Correlate a course, shape (n, 24), with others, (k, m, 24), each band about its own mean.

    Returns
    -------
    ndarray, shape (k,)
        The highest over shifts, of where both overlap; NaN where they are too short, or stand still.
    """
    highest = np.full(len(ys), np.nan, np.float32)
    most = round(SHIFT_SECONDS / COURSE_STEP)
    for shift in range(-most, most + 1):
        a, b = x[max(shift, 0) :], ys[:, max(-shift, 0) :]
        length = min(len(a), b.shape[1])
        if length * COURSE_STEP < LEAST_SECONDS:
            continue
        a, b = a[:length], b[:, :length]
        a, b = (a - a.mean(axis=0)).ravel(), (b - b.mean(axis=1, keepdims=True)).reshape(len(b), -1)
        power, powers = a @ a, np.einsum("ki,ki->k", b, b)
        moves = np.minimum(power, powers) > STILL**2 * a.size
        found = np.full_like(highest, np.nan)
        found[moves] = b[moves] @ a / np.sqrt(power * powers[moves])
        highest = np.fmax(highest, found)
    return highest
