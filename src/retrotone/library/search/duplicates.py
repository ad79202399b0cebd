"""Duplicates: the same recording in another format, at another level or from another master.

Tracks of one length are compared by how the balance of their bands moves over the fifteen seconds in their middle
(`Analysis.fingerprint`), and by the pitch classes there: two recordings of one piece differ in the first, two notes of one
instrument in the second, two copies of one recording in neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.filterbanks import N_CHROMA
from retrotone.dsp.hpss import TINY
from retrotone.errors import AnalysisError
from retrotone.features.analysis import Analysis
from retrotone.features.gtzan import FINGERPRINT_BANDS
from retrotone.library.catalogue.base import MissingAnalysis
from retrotone.library.embedding import sound_part
from retrotone.library.records import Track
from retrotone.library.search.neighbours import Indexed, Neighbours
from retrotone.progress import Progress, silent
from retrotone.types import Matrix

SECONDS = 3.0  # by which lengths may differ: silence at the ends
# Correlation of fingerprints. Of 257 clips of GTZAN, copies as MP3 of 24 kbit/s, at another level, from another master or
# with a start up to 4 s later reach 0.78 and more, any two different ones 0.50 at most.
AGREEMENT = 0.65
# A fingerprint that repeats itself tells less: 24 loops of drums at one tempo agree by up to 0.92, whatever their sounds,
# where nearly all copies of one reach 0.95. Such loops are like themselves a beat or bars later by 0.73 and more, the
# 257 clips by 0.63 at most.
LOOP, LOOPS_AGREEMENT = 0.7, 0.94
BEAT = 4  # steps (1 s): any sound is like itself for less
# Correlation of the mean chroma: of each of eleven kinds of copies 255 to 257 of 257 reach it (not those whose tuning
# is told in two ways), of other pairs one in ten.
ONE_HARMONY = 0.5
SHIFT = 8  # steps of a fingerprint (2 s) by which the middle of one may be late
LEAST = 16  # steps (4 s): below, time tells too little
STILL = 0.1  # dB: a fingerprint that moves by less, as in silence, tells nothing either
SHORT_COSINE = 0.995  # of the parts that are sound: then these must do
TILE = 512  # tracks: so many are compared with so many at once
REMEMBERED = 100_000  # tracks that are held, 3 kB each: more than are of one length, as a rule


class Trace(NamedTuple):
    """What tracks are compared by.

    Attributes
    ----------
    fingerprint : ndarray, shape (steps, 24)
    chroma : ndarray, shape (12,)
        About its mean, of length 1.
    loops : bool
        It repeats itself.
    """

    fingerprint: NDArray[np.float16]
    chroma: Matrix
    loops: bool


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
    held: dict[int, Trace] = {}

    def traces(places: NDArray[np.intp]) -> Iterator[Trace]:
        for place in places.tolist():
            if place not in held:
                if len(held) == REMEMBERED:
                    held.clear()
                held[place] = trace(analysis, numbers[place])
            yield held[place]

    tiles = [
        (top, left)
        for top in range(0, len(tracks), TILE)
        for left in range(top, ends[min(top + TILE, len(tracks)) - 1], TILE)
    ]
    for done, (top, left) in enumerate(tiles):
        progress(done / len(tiles), f"{top}/{len(tracks)} tracks compared")
        if left == top:  # shorter ones will not be asked for again
            held = {place: each for place, each in held.items() if place >= top}
        rows, columns = (np.arange(first, min(first + TILE, len(tracks))) for first in (top, left))
        near = (rows[:, None] < columns) & (columns < ends[rows][:, None])
        cosines = vectors[rows] @ vectors[columns].T
        same = near & _same(list(traces(rows)), list(traces(columns)), cosines)
        for a, b in zip(*np.nonzero(same), strict=True):
            low, high = sorted((group[top + a], group[left + b]))
            if low != high:
                group[group == high] = low
    groups: dict[int, list[Track]] = {}
    for first, track in zip(group[np.argsort(order)].tolist(), tracks, strict=True):
        groups.setdefault(first, []).append(track)
    return [same for same in groups.values() if len(same) > 1]


def is_same_recording(
    a: Track, b: Track, neighbours: Neighbours | Indexed, traces: Callable[[int], Trace]
) -> bool:
    """Tell whether two tracks are one recording; `traces` gives the `trace` of a track's number."""
    if abs((a.duration or 0.0) - (b.duration or 0.0)) > SECONDS:
        return False
    x, y = neighbours.vector(a.id), neighbours.vector(b.id)
    if x is None or y is None:
        return False
    x, y = sound_part(np.stack([x, y]))
    return bool(_same([traces(a.id)], [traces(b.id)], np.array([[x @ y]]))[0, 0])


def trace(analysis: Callable[[int], Analysis], number: int) -> Trace:
    """Return what is known of a track: nothing where another version heard it, or another process forgot it."""
    fingerprint, chroma = np.zeros((0, FINGERPRINT_BANDS), np.float16), np.zeros(N_CHROMA, np.float32)
    with suppress(MissingAnalysis, AnalysisError):
        known = analysis(number)
        fingerprint = fingerprint if known.fingerprint is None else known.fingerprint
        chroma = chroma if known.chroma is None else known.chroma - known.chroma.mean()
    return Trace(fingerprint, chroma / max(np.linalg.norm(chroma), TINY), _repetition(fingerprint) >= LOOP)


def _repetition(fingerprint: NDArray[np.float16]) -> float:
    """Return the highest correlation of a fingerprint, shape (steps, 24), with itself from `BEAT` to half of it later."""
    steps = len(fingerprint)
    lags = np.arange(BEAT, steps // 2 + 1)
    if steps < LEAST:
        return 0.0
    moves = fingerprint.astype(np.float32) - fingerprint.mean(axis=0, dtype=np.float32)
    spectrum = np.fft.rfft(moves, 2 * steps, axis=0)
    products = np.fft.irfft(np.square(np.abs(spectrum)).sum(axis=1))[lags]
    energy = np.concatenate([[0.0], np.cumsum(np.square(moves).sum(axis=1))])
    energies = energy[steps - lags] * (energy[-1] - energy[lags])
    return float((products / np.sqrt(np.maximum(energies, TINY))).max())


def _same(a: Sequence[Trace], b: Sequence[Trace], cosines: Matrix) -> NDArray[np.bool_]:
    """Tell of tracks and others, shape (tracks, others), whether they are one recording."""
    same: NDArray[np.bool_] = cosines >= SHORT_COSINE
    harmonies = np.stack([each.chroma for each in a]) @ np.stack([each.chroma for each in b]).T
    if not (
        same | (harmonies >= ONE_HARMONY)
    ).any():  # as for nine of ten pairs that are asked for one by one
        return same
    loops = np.array([each.loops for each in a])[:, None] | np.array([each.loops for each in b])
    least = np.where(loops, LOOPS_AGREEMENT, AGREEMENT)
    for rows, x in _by_length(a):
        for columns, y in _by_length(b):
            found, place = _correlations(x, y), np.ix_(rows, columns)
            agree = (found >= least[place]) & (harmonies[place] >= ONE_HARMONY)
            same[place] = np.where(np.isnan(found), same[place], agree)
    return same


def _by_length(tracks: Sequence[Trace]) -> Iterator[tuple[NDArray[np.intp], Matrix]]:
    """Yield which tracks have fingerprints of one length, and those, shape (tracks, steps, 24)."""
    lengths = np.array([len(track.fingerprint) for track in tracks])
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length)
        yield places, np.stack([tracks[place].fingerprint for place in places.tolist()]).astype(np.float32)


def _correlations(x: Matrix, y: Matrix) -> Matrix:
    """Correlate the middle of fingerprints, shape (k, n, 24), with others, (l, m, 24).

    Returns
    -------
    ndarray, shape (k, l)
        The highest over shifts; NaN where one is too short, or stands still.
    """
    steps = min(x.shape[1], y.shape[1])
    highest = np.full((len(x), len(y)), np.nan, np.float32)
    if steps < LEAST:
        return highest
    steps = max(steps - 2 * SHIFT, LEAST)
    middle = (y.shape[1] - steps) // 2
    template = _unit(x[:, (x.shape[1] - steps) // 2 :][:, :steps])
    for start in range(max(middle - SHIFT, 0), min(middle + SHIFT, y.shape[1] - steps) + 1):
        highest = np.fmax(highest, template @ _unit(y[:, start : start + steps]).T)
    return highest


def _unit(fingerprints: Matrix) -> Matrix:
    """Return fingerprints, each band about its own mean, as unit vectors; NaN for those that stand still."""
    moves = (fingerprints - fingerprints.mean(axis=1, keepdims=True)).reshape(len(fingerprints), -1)
    lengths = np.linalg.norm(moves, axis=1, keepdims=True)
    lengths[lengths < STILL * np.sqrt(moves.shape[1])] = np.nan
    unit: Matrix = moves / lengths
    return unit
