"""Duplicates: the same recording in another format, at another level or from another master.

Two tracks of about the same length are one recording if both their fingerprints and their mean chroma agree. A
fingerprint (`Analysis.fingerprint`) holds the level of each band relative to the others, over the middle fifteen
seconds. Two recordings of one piece differ in the fingerprint, two notes of one instrument in the chroma.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.lib.stride_tricks import as_strided
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
from retrotone.library.search.sketches import AGREEMENT, LEAST, Sketches, compared_steps, middle, scale, unit, windows
from retrotone.progress import Progress, silent
from retrotone.types import Matrix

# by which the lengths of two copies may differ, because of silence at the ends
SECONDS = 3.0
# A fingerprint that repeats itself identifies less: 24 drum loops of one tempo agree by up to 0.92, whatever their
# sounds, and nearly all copies of one loop reach 0.95. The fingerprint of such a loop correlates with itself, a beat or
# bars later, by 0.73 and more, that of the 257 clips by 0.63 at most.
LOOP, LOOPS_AGREEMENT = 0.7, 0.94
# steps (1 s); any sound correlates with itself over less
BEAT = 4
# Least correlation of the mean chroma. For each of eleven kinds of copies, 255 to 257 of 257 reach it (the others have
# a tuning that is estimated in two ways), of other pairs one in ten.
ONE_HARMONY = 0.5
# least cosine of the sound parts, where fingerprints cannot be compared
SHORT_COSINE = 0.995
# so many tracks are compared with so many at once
TILE = 512
# blocks of so many tracks that are kept in memory, 6 kB a track; usually more than there are of one length
REMEMBERED = 250
# pairs whose fingerprints are correlated at once
PAIRS = 64

Made = TypeVar("Made")


class RecordingFeatures(NamedTuple):
    """The features by which recordings are compared.

    Attributes
    ----------
    fingerprint : ndarray, shape (steps, 24), float16
        See `Analysis.fingerprint`; no steps where it is not known.
    chroma : ndarray, shape (12,)
        Mean chroma, centred and scaled to length 1; zeros where it is not known.
    """

    fingerprint: NDArray[np.float16]
    chroma: Matrix


class Recordings:
    """Features of several recordings whose fingerprints have one length.

    Parameters
    ----------
    features : sequence of RecordingFeatures, length n

    Attributes
    ----------
    fingerprints : ndarray, shape (n, steps, 24), float16
    chroma : ndarray, shape (n, 12)
    loops : ndarray, shape (n,), bool
        Whether each fingerprint repeats itself.
    """

    def __init__(self, features: Sequence[RecordingFeatures]) -> None:
        self.fingerprints = np.stack([each.fingerprint for each in features])
        self.chroma = np.stack([each.chroma for each in features])
        self.loops = _repetition(self.fingerprints) >= LOOP
        self._made: dict[tuple[str, int], Any] = {}

    @property
    def steps(self) -> int:
        """The length of the fingerprints."""
        return int(self.fingerprints.shape[1])

    def sketches(self, steps: int) -> Sketches:
        """Return the sketches for a comparison over some steps."""
        return self._once("sketches", steps, lambda: Sketches.of(self.fingerprints.astype(np.float32), steps))

    def templates(self, steps: int) -> Matrix:
        """Return the middles, shape (n, steps, 24), each band centred, as unit vectors; see `unit`."""
        return self._once("templates", steps, lambda: unit(self._part(middle(self.steps, steps))))

    def scales(self, steps: int) -> Matrix:
        """Return what scales each window of some steps to length 1, shape (n, windows); 0 if it does not vary."""
        return self._once(
            "scales", steps, lambda: np.stack([scale(self._part(each)) for each in windows(self.steps, steps)], axis=1)
        )

    def _part(self, steps: slice) -> Matrix:
        return self.fingerprints[:, steps].astype(np.float32)

    def _once(self, name: str, steps: int, make: Callable[[], Made]) -> Made:
        if (name, steps) not in self._made:
            self._made[name, steps] = make()
        return cast(Made, self._made[name, steps])


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
    durations, numbers = durations[order], neighbours.numbers[order].tolist()
    vectors = sound_part(neighbours.vectors[order])
    # (n,): index after the last track that is short enough to be the same recording
    ends = np.searchsorted(durations, durations + SECONDS, "right")
    # (n,): index of the first track that is known to be the same recording
    group = np.arange(len(tracks))
    blocks: dict[int, list[tuple[NDArray[np.intp], Recordings]]] = {}

    def block(first: int) -> list[tuple[NDArray[np.intp], Recordings]]:
        if first not in blocks:
            if len(blocks) == REMEMBERED:
                blocks.clear()
            features = [features_of(analysis, number) for number in numbers[first : first + TILE]]
            blocks[first] = [(first + members, each) for members, each in _by_length(features)]
        return blocks[first]

    tiles = [
        (top, left)
        for top in range(0, len(tracks), TILE)
        for left in range(top, ends[min(top + TILE, len(tracks)) - 1], TILE)
    ]
    for done, (top, left) in enumerate(tiles):
        progress(done / len(tiles), f"{top}/{len(tracks)} tracks compared")
        if left == top:
            # shorter tracks are not needed again
            for first in [first for first in blocks if first < top]:
                del blocks[first]
        for rows, x in block(top):
            for columns, y in block(left):
                # in most blocks of a library of one length all pairs are
                comparable = None
                if rows[-1] >= columns[0] or columns[-1] >= ends[rows[0]]:
                    comparable = (rows[:, None] < columns) & (columns < ends[rows][:, None])
                for a, b in np.transpose(_same(x, y, comparable, vectors[rows], vectors[columns])):
                    low, high = sorted((group[rows[a]], group[columns[b]]))
                    if low != high:
                        group[group == high] = low
    groups: dict[int, list[Track]] = {}
    for first, track in zip(group[np.argsort(order)].tolist(), tracks, strict=True):
        groups.setdefault(first, []).append(track)
    return [same for same in groups.values() if len(same) > 1]


def is_same_recording(
    a: Track, b: Track, neighbours: Neighbours | Indexed, features: Callable[[int], Recordings]
) -> bool:
    """Return whether two tracks are one recording.

    Parameters
    ----------
    a, b : Track
    neighbours : Neighbours or Indexed
        Gives the tracks' vectors, shape (d,) each.
    features : callable
        Returns the features of a track's number, alone; see `features_of`.
    """
    if abs((a.duration or 0.0) - (b.duration or 0.0)) > SECONDS:
        return False
    x, y = neighbours.vector(a.id), neighbours.vector(b.id)
    if x is None or y is None:
        return False
    x, y = sound_part(np.stack([x, y]))
    return len(_same(features(a.id), features(b.id), None, x[None], y[None])[0]) > 0


def features_of(analysis: Callable[[int], Analysis], number: int) -> RecordingFeatures:
    """Return the features of a track's number.

    They are empty where the analysis is of another version, or another process removed it.
    """
    fingerprint, chroma = np.zeros((0, FINGERPRINT_BANDS), np.float16), np.zeros(N_CHROMA, np.float32)
    with suppress(MissingAnalysis, AnalysisError):
        known = analysis(number)
        fingerprint = fingerprint if known.fingerprint is None else known.fingerprint
        chroma = chroma if known.chroma is None else known.chroma - known.chroma.mean()
    return RecordingFeatures(fingerprint, chroma / max(np.linalg.norm(chroma), TINY))


def _by_length(features: Sequence[RecordingFeatures]) -> list[tuple[NDArray[np.intp], Recordings]]:
    """Return, for each length of fingerprints, their indices and the recordings."""
    lengths = np.array([len(each.fingerprint) for each in features])
    found = [np.flatnonzero(lengths == length) for length in np.unique(lengths)]
    return [(members, Recordings([features[i] for i in members.tolist()])) for members in found]


def _repetition(fingerprints: NDArray[np.float16]) -> Matrix:
    """Return the highest autocorrelation of fingerprints, shape (n, steps, 24), for lags from `BEAT` to half of it.

    Returns
    -------
    ndarray, shape (n,)
    """
    count, steps, _ = fingerprints.shape
    lags = np.arange(BEAT, steps // 2 + 1)
    if steps < LEAST:
        return np.zeros(count, np.float32)
    centred = fingerprints.astype(np.float32)
    centred -= centred.mean(axis=1, keepdims=True)
    # autocorrelation, summed over bands, through the power spectrum, shape (n, lags)
    spectrum = np.fft.rfft(centred, 2 * steps, axis=1)
    products = np.fft.irfft(np.square(np.abs(spectrum)).sum(axis=2), axis=1)[:, lags]
    energy = np.pad(np.cumsum(np.square(centred).sum(axis=2), axis=1), ((0, 0), (1, 0)))
    energies = energy[:, steps - lags] * (energy[:, -1:] - energy[:, lags])
    highest: Matrix = (products / np.sqrt(np.maximum(energies, TINY))).max(axis=1)
    return highest


def _same(
    x: Recordings, y: Recordings, comparable: NDArray[np.bool_] | None, x_sounds: Matrix, y_sounds: Matrix
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which of k recordings and l others are one, as two arrays of indices.

    Parameters
    ----------
    x, y : Recordings
    comparable : ndarray, shape (k, l), bool, or None
        The pairs in question; None for all.
    x_sounds, y_sounds : ndarray, shapes (k, d) and (l, d)
        The sound parts of their vectors.
    """
    short = min(x.steps, y.steps) < LEAST
    possible = x_sounds @ y_sounds.T >= SHORT_COSINE if short else x.chroma @ y.chroma.T >= ONE_HARMONY
    if comparable is not None:
        possible &= comparable
    # nine of ten single pairs end here
    if not short and np.count_nonzero(possible) > PAIRS:
        steps = compared_steps(x.steps, y.steps)
        possible &= x.sketches(steps).likely(y.sketches(steps))
    # much faster than nonzero of two dimensions
    a, b = np.divmod(np.flatnonzero(possible), possible.shape[1])
    if short:
        return a, b
    parts = [slice(start, start + PAIRS) for start in range(0, len(a), PAIRS)]
    correlations = [_correlations(x, a[part], y, b[part]) for part in parts]
    least = np.where(x.loops[a] | y.loops[b], LOOPS_AGREEMENT, AGREEMENT)
    same = np.concatenate([*correlations, np.zeros(0, np.float32)]) >= least
    return a[same], b[same]


def _correlations(x: Recordings, a: NDArray[np.intp], y: Recordings, b: NDArray[np.intp]) -> Matrix:
    """Correlate the middles of some fingerprints, each with all windows of one other.

    Parameters
    ----------
    x, y : Recordings
    a, b : ndarray, shape (n,)
        Pairs of indices.

    Returns
    -------
    ndarray, shape (n,)
        The highest over windows, 0 where one does not vary.
    """
    steps = compared_steps(x.steps, y.steps)
    spans = windows(y.steps, steps)
    others = y.fingerprints[b, spans[0].start : spans[-1].stop].astype(np.float32)
    # (n, steps of all windows, steps): each step with each; a window's correlation is the sum of a diagonal
    products = others @ x.templates(steps)[a].transpose(0, 2, 1)
    each, row, column = products.strides
    diagonals = as_strided(products, (len(a), len(spans), steps), (each, row, row + column))
    highest: Matrix = (diagonals.sum(axis=2) * y.scales(steps)[b]).max(axis=1, initial=0.0)
    return highest
