"""Duplicates: the same recording in another format, at another level or from another master.

Tracks of one length and like sound are compared by how their tags go up and down over time, second by second: two
recordings of one piece differ there, two copies of one recording do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from retrotone.analysis import Analysis
from retrotone.genre.evidence import Rows, log_odds
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
SHORT_COSINE = 0.995  # then the vector must do
TOLD_EVERY = 100  # tracks


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
    leader = list(range(len(tracks)))

    def lead(place: int) -> int:
        while leader[place] != place:
            place = leader[place]
        return place

    durations = np.array([track.duration or 0.0 for track in tracks])
    order = np.argsort(durations, kind="stable")
    vectors = sound_part(neighbours.vectors[order])
    ends = np.searchsorted(durations[order], durations[order] + SECONDS, "right")
    for here, end in enumerate(ends):
        if here % TOLD_EVERY == 0:
            progress(here / len(ends), f"{here}/{len(ends)} tracks compared")
        near = here + 1 + np.flatnonzero(vectors[here + 1 : end] @ vectors[here] >= COSINE)
        for place in order[near]:
            low, high = sorted((lead(int(order[here])), lead(int(place))))
            if low != high and is_same_recording(tracks[order[here]], tracks[place], neighbours, analysis):
                leader[high] = low
    groups: dict[int, list[Track]] = {}
    for place, track in enumerate(tracks):
        groups.setdefault(lead(place), []).append(track)
    return [group for group in groups.values() if len(group) > 1]


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
    cosine = float(x @ y)
    return cosine >= COSINE and _agree(analysis(a.id), analysis(b.id), cosine)


def _agree(a: Analysis, b: Analysis, cosine: float) -> bool:
    pairs = list(zip(_courses(a), _courses(b), strict=False))
    if not pairs or min(len(course) for pair in pairs for course in pair) < LEAST_PATCHES:
        return cosine >= SHORT_COSINE
    agreements = [max(_correlation(x, y, shift) for shift in range(-SHIFT, SHIFT + 1)) for x, y in pairs]
    return float(np.median(agreements)) >= AGREEMENT


def _courses(analysis: Analysis) -> list[Rows]:
    """Return the log-odds of the tags over time, shape (patches, 50), in each excerpt."""
    return [log_odds(excerpt) for excerpt in analysis.excerpts]


def _correlation(x: Rows, y: Rows, shift: int) -> float:
    """Correlate courses, each tag about its own mean, where they overlap."""
    x, y = x[max(shift, 0) :], y[max(-shift, 0) :]
    length = min(len(x), len(y))
    if length < LEAST_PATCHES:
        return -1.0
    x, y = x[:length] - x[:length].mean(axis=0), y[:length] - y[:length].mean(axis=0)
    power = float(np.sqrt(np.square(x).sum() * np.square(y).sum()))
    return float((x * y).sum() / power) if power > 0 else 1.0
