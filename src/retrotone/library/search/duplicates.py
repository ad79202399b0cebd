"""Duplicates: the same recording in another format, at another level or from another master.

Two tracks of about the same length are one recording if both their fingerprints and their mean chroma agree. A
fingerprint (`Analysis.fingerprint`) holds the level of each band relative to the others, over the middle fifteen
seconds. Two recordings of one piece differ in the fingerprint, two notes of one instrument in the chroma.
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

# by which the lengths of two copies may differ, because of silence at the ends
SECONDS = 3.0
# Least correlation of fingerprints. Of 257 clips of GTZAN, copies as MP3 of 24 kbit/s, at another level, from another
# master or with a start up to 4 s later reach 0.78 and more, any two different ones 0.50 at most.
AGREEMENT = 0.65
# A fingerprint that repeats itself identifies less: 24 drum loops of one tempo agree by up to 0.92, whatever their
# sounds, and nearly all copies of one loop reach 0.95. The fingerprint of such a loop correlates with itself, a beat or
# bars later, by 0.73 and more, that of the 257 clips by 0.63 at most.
LOOP, LOOPS_AGREEMENT = 0.7, 0.94
# steps (1 s); any sound correlates with itself over less
BEAT = 4
# Least correlation of the mean chroma. For each of eleven kinds of copies, 255 to 257 of 257 reach it (the others have
# a tuning that is estimated in two ways), of other pairs one in ten.
ONE_HARMONY = 0.5
# steps (2 s) by which the middle of one fingerprint may be late
SHIFT = 8
# steps (4 s); shorter fingerprints are not compared
LEAST = 16
# dB; a fingerprint that varies by less tells nothing, and agrees with none
STILL = 0.1
# least cosine of the sound parts, where fingerprints cannot be compared
SHORT_COSINE = 0.995
# so many tracks are compared with so many at once
TILE = 512
# tracks whose features are kept in memory, 3 kB each; usually more than there are of one length
REMEMBERED = 100_000


class RecordingFeatures(NamedTuple):
    """The features by which recordings are compared.

    Attributes
    ----------
    fingerprint : ndarray, shape (steps, 24), float16
        See `Analysis.fingerprint`; no steps where it is not known.
    chroma : ndarray, shape (12,)
        Mean chroma, centred and scaled to length 1; zeros where it is not known.
    loops : bool
        Whether the fingerprint repeats itself.
    """

    fingerprint: NDArray[np.float16]
    chroma: Matrix
    loops: bool


def same_recordings(
    tracks: Sequence[Track], neighbours: Neighbours, analysis: Callable[[int], Analysis], progress: Progress = silent
) -> list[list[Track]]:
    """Return groups of tracks, two or more, each one recording; in the order given.

    Parameters
    ----------
    tracks : sequence of Track, length n
        In the order of `neighbours`.
    neighbours : Neighbours
        The tracks' vectors, shape (n, d).
    analysis : callable
        Returns the analysis of a track's number.
    progress : Progress
        Called before each block of comparisons.
    """
    durations = np.array([track.duration or 0.0 for track in tracks])
    # all indices below count tracks in this order, from short to long
    order = np.argsort(durations, kind="stable")
    vectors, numbers = sound_part(neighbours.vectors[order]), neighbours.numbers[order].tolist()
    # (n,): index after the last track that is short enough to be the same recording
    ends = np.searchsorted(durations[order], durations[order] + SECONDS, "right")
    # (n,): index of the first track that is known to be the same recording
    group = np.arange(len(tracks))
    cache: dict[int, RecordingFeatures] = {}

    def features(indices: NDArray[np.intp]) -> list[RecordingFeatures]:
        found = []
        for index in indices.tolist():
            if index not in cache:
                if len(cache) == REMEMBERED:
                    cache.clear()
                cache[index] = features_of(analysis, numbers[index])
            found.append(cache[index])
        return found

    tiles = [
        (top, left)
        for top in range(0, len(tracks), TILE)
        for left in range(top, ends[min(top + TILE, len(tracks)) - 1], TILE)
    ]
    for done, (top, left) in enumerate(tiles):
        progress(done / len(tiles), f"{top}/{len(tracks)} tracks compared")
        if left == top:
            # shorter tracks are not needed again
            for index in [index for index in cache if index < top]:
                del cache[index]
        rows, columns = (np.arange(first, min(first + TILE, len(tracks))) for first in (top, left))
        # (rows, columns)
        similar_length = (rows[:, None] < columns) & (columns < ends[rows][:, None])
        cosines = vectors[rows] @ vectors[columns].T
        same = similar_length & _same(features(rows), features(columns), cosines)
        for a, b in zip(*np.nonzero(same), strict=True):
            low, high = sorted((group[top + a], group[left + b]))
            if low != high:
                group[group == high] = low
    groups: dict[int, list[Track]] = {}
    for first, track in zip(group[np.argsort(order)].tolist(), tracks, strict=True):
        groups.setdefault(first, []).append(track)
    return [same for same in groups.values() if len(same) > 1]


def is_same_recording(
    a: Track, b: Track, neighbours: Neighbours | Indexed, features: Callable[[int], RecordingFeatures]
) -> bool:
    """Return whether two tracks are one recording.

    Parameters
    ----------
    a, b : Track
    neighbours : Neighbours or Indexed
        Gives the tracks' vectors, shape (d,) each.
    features : callable
        Returns the features of a track's number; see `features_of`.
    """
    if abs((a.duration or 0.0) - (b.duration or 0.0)) > SECONDS:
        return False
    x, y = neighbours.vector(a.id), neighbours.vector(b.id)
    if x is None or y is None:
        return False
    x, y = sound_part(np.stack([x, y]))
    return bool(_same([features(a.id)], [features(b.id)], np.array([[x @ y]]))[0, 0])


def features_of(analysis: Callable[[int], Analysis], number: int) -> RecordingFeatures:
    """Return the features of a track's number.

    They are empty where the analysis is of another version, or another process removed it.
    """
    fingerprint, chroma = np.zeros((0, FINGERPRINT_BANDS), np.float16), np.zeros(N_CHROMA, np.float32)
    with suppress(MissingAnalysis, AnalysisError):
        known = analysis(number)
        fingerprint = fingerprint if known.fingerprint is None else known.fingerprint
        chroma = chroma if known.chroma is None else known.chroma - known.chroma.mean()
    chroma = chroma / max(np.linalg.norm(chroma), TINY)
    return RecordingFeatures(fingerprint, chroma, _repetition(fingerprint) >= LOOP)


def _repetition(fingerprint: NDArray[np.float16]) -> float:
    """Return the highest autocorrelation of a fingerprint, shape (steps, 24), for lags from `BEAT` to half of it."""
    steps = len(fingerprint)
    lags = np.arange(BEAT, steps // 2 + 1)
    if steps < LEAST:
        return 0.0
    centred = fingerprint.astype(np.float32) - fingerprint.mean(axis=0, dtype=np.float32)
    # autocorrelation, summed over bands, through the power spectrum, shape (lags,)
    spectrum = np.fft.rfft(centred, 2 * steps, axis=0)
    products = np.fft.irfft(np.square(np.abs(spectrum)).sum(axis=1))[lags]
    energy = np.concatenate([[0.0], np.cumsum(np.square(centred).sum(axis=1))])
    energies = energy[steps - lags] * (energy[-1] - energy[lags])
    return float((products / np.sqrt(np.maximum(energies, TINY))).max())


def _same(a: Sequence[RecordingFeatures], b: Sequence[RecordingFeatures], cosines: Matrix) -> NDArray[np.bool_]:
    """Return which of k tracks and l others are one recording, shape (k, l).

    Parameters
    ----------
    a, b : sequence of RecordingFeatures, lengths k and l
    cosines : ndarray, shape (k, l)
        Of the sound parts of their vectors.
    """
    same: NDArray[np.bool_] = cosines >= SHORT_COSINE
    harmonies = np.stack([each.chroma for each in a]) @ np.stack([each.chroma for each in b]).T
    # nine of ten single pairs end here
    if not (same | (harmonies >= ONE_HARMONY)).any():
        return same
    loops = np.array([each.loops for each in a])[:, None] | np.array([each.loops for each in b])
    least = np.where(loops, LOOPS_AGREEMENT, AGREEMENT)
    for rows, x in _by_length(a):
        for columns, y in _by_length(b):
            correlations, block = _correlations(x, y), np.ix_(rows, columns)
            agree = (correlations >= least[block]) & (harmonies[block] >= ONE_HARMONY)
            same[block] = np.where(np.isnan(correlations), same[block], agree)
    return same


def _by_length(features: Sequence[RecordingFeatures]) -> Iterator[tuple[NDArray[np.intp], Matrix]]:
    """Yield, for each length of fingerprints, their indices and the fingerprints, shape (n, steps, 24)."""
    lengths = np.array([len(each.fingerprint) for each in features])
    for length in np.unique(lengths):
        indices = np.flatnonzero(lengths == length)
        yield indices, np.stack([features[i].fingerprint for i in indices.tolist()]).astype(np.float32)


def _correlations(x: Matrix, y: Matrix) -> Matrix:
    """Correlate the middle of fingerprints, shape (k, n, 24), with others, (l, m, 24).

    Returns
    -------
    ndarray, shape (k, l)
        The highest over shifts, 0 where one does not vary; NaN where one is too short.
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
    """Return fingerprints, each band centred, as unit vectors, shape (n, steps * 24); zeros if one does not vary."""
    centred = (fingerprints - fingerprints.mean(axis=1, keepdims=True)).reshape(len(fingerprints), -1)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    lengths[lengths < STILL * np.sqrt(centred.shape[1])] = np.inf
    unit: Matrix = centred / lengths
    return unit
