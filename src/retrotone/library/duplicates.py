"""Duplicates: the same recording in another format, at another level or from another master.

Tracks of one length and nearly one vector are compared by how their tags go up and down over time, second by second:
two recordings of one piece differ there, two copies of one recording do not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from retrotone.analysis import Analysis
from retrotone.genre.evidence import Rows, log_odds
from retrotone.library.neighbours import Neighbours
from retrotone.progress import Progress, silent

SECONDS = 3.0  # by which lengths may differ: silence at the ends
COSINE = 0.9
AGREEMENT = 0.8  # correlation of the tags over time
SHIFT = 3  # patches (seconds) by which one may be late
LEAST_PATCHES = 4  # below, time tells too little
SHORT_COSINE = 0.99  # then the vector must do
TOLD_EVERY = 100  # tracks


def same_recordings(
    neighbours: Neighbours,
    durations: NDArray[np.float64],
    analysis: Callable[[int], Analysis],
    progress: Progress = silent,
) -> list[list[int]]:
    """Return groups of numbers of tracks, two or more, each one recording; in the order of `neighbours.numbers`.

    Parameters
    ----------
    neighbours : Neighbours
    durations : ndarray, shape (n,)
        In seconds, in the order of `neighbours.numbers`.
    analysis : callable
        From a number to what was heard.
    progress : Progress
    """
    numbers, leader = [int(number) for number in neighbours.numbers], list(range(len(neighbours)))

    def lead(place: int) -> int:
        while leader[place] != place:
            place = leader[place]
        return place

    order = np.argsort(durations, kind="stable")
    vectors = neighbours.vectors[order]
    ends = np.searchsorted(durations[order], durations[order] + SECONDS, "right")
    for here, end in enumerate(ends):
        if here % TOLD_EVERY == 0:
            progress(here / len(ends), f"{here}/{len(ends)} tracks compared")
        cosines = vectors[here + 1 : end] @ vectors[here]
        for other in np.flatnonzero(cosines >= COSINE):
            a, b = int(order[here]), int(order[here + 1 + other])
            low, high = sorted((lead(a), lead(b)))
            if low != high and is_same_recording(
                analysis(numbers[a]), analysis(numbers[b]), float(cosines[other])
            ):
                leader[high] = low
    groups: dict[int, list[int]] = {}
    for place, number in enumerate(numbers):
        groups.setdefault(lead(place), []).append(number)
    return [group for group in groups.values() if len(group) > 1]


def is_same_recording(a: Analysis, b: Analysis, cosine: float) -> bool:
    """Tell whether two analyses of nearly one length are of one recording."""
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
