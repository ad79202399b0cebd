"""A walk among encoded records: concatenative synthesis (Schwarz 2006), with latents and harmony as descriptors.

One to three seconds of a record are played, then the walk goes on in another record, at a place before which that
record sounds as this one does now. Where records have a beat, they are left and entered on beats, and a record of
the same tempo is preferred. Segments are cross-faded in the latent space.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import AudioError
from retrotone.rave.bank import Bank, Record
from retrotone.types import Latent

# of what is played of a record at a time
SEGMENT_SECONDS = (1.0, 3.0)
# frames before a cut that are compared
CONTEXT_FRAMES = 8
# the walk goes on at one of so many places that fit best, at a temperature of 1
NEAREST = 12
# weights of harmony, and of each octave between two tempos, beside that of the latents: the mean distance counts as 1
HARMONY_WEIGHT, TEMPO_WEIGHT = 3.0, 10.0
# records played last that the walk does not return to, where there are more
RESTING = 4
# frames before and after a join in which one segment fades into the next
FADE_FRAMES = 2


class Segment(NamedTuple):
    """What is played of a record: the record's index, the first frame, and the one after the last."""

    record: int
    start: int
    stop: int


class _Cuts(NamedTuple):
    """The cuts of all records: `features` and `tempo` (octaves; NaN without a beat) describe what comes before each."""

    record: NDArray[np.int64]
    frame: NDArray[np.int64]
    features: Latent
    tempo: NDArray[np.float64]


def walk(
    bank: Bank, frames: int, frame_rate: float, dimensions: int, temperature: float, rng: np.random.Generator
) -> list[Segment]:
    """Choose what to play of which record.

    Parameters
    ----------
    bank : Bank
    frames : int
        How many are needed; the last segment may go on beyond them.
    frame_rate : float
        Latent frames per second.
    dimensions : int
        How many latent dimensions are compared, from the first on.
    temperature : float
        0 always takes the place that fits best, 1 one of the best twelve.
    rng : numpy.random.Generator

    Raises
    ------
    AudioError
        The records are too short.
    """
    shortest, longest = (round(seconds * frame_rate) for seconds in SEGMENT_SECONDS)
    cuts = _cuts(bank.records, dimensions)
    lasts = np.array([cuts.frame[cuts.record == number].max(initial=0) for number in range(len(bank.records))])
    open_ = cuts.frame + shortest <= lasts[cuts.record]
    if not open_.any():
        raise AudioError(f"the records are too short: name one of {2 * SEGMENT_SECONDS[1]:.0f} s or more")
    resting: deque[int] = deque(maxlen=min(RESTING, len(np.unique(cuts.record[open_])) - 1))
    segments: list[Segment] = []
    entry, played = int(rng.choice(np.flatnonzero(open_))), 0
    while played < frames:
        record, start = int(cuts.record[entry]), int(cuts.frame[entry])
        exits = np.flatnonzero((cuts.record == record) & (cuts.frame >= start + shortest))
        leave = int(exits[np.abs(cuts.frame[exits] - start - rng.uniform(shortest, longest)).argmin()])
        segments.append(Segment(record, start, int(cuts.frame[leave])))
        played += segments[-1].stop - start
        resting.append(record)
        # a record that is the only one goes on elsewhere
        here = (cuts.record == record) & (np.abs(cuts.frame - cuts.frame[leave]) < longest)
        allowed = np.flatnonzero(open_ & ~here & ~np.isin(cuts.record, list(resting)))
        allowed = allowed if len(allowed) else np.flatnonzero(open_)
        order = allowed[_distances(cuts, leave, allowed).argsort(kind="stable")]
        entry = int(rng.choice(order[: max(round(NEAREST * temperature), 1)]))
    return segments


def joined(bank: Bank, segments: Sequence[Segment], fade: int = FADE_FRAMES) -> Latent:
    """Play segments one after the other, cross-faded.

    Parameters
    ----------
    bank : Bank
    segments : sequence of Segment
    fade : int
        Frames before and after each join in which both segments are heard; 0 for latents that are indices.

    Returns
    -------
    ndarray, shape (dimensions, frames of all segments)
    """
    total = sum(segment.stop - segment.start for segment in segments)
    rise = ((np.arange(2 * fade) + 0.5) / (2 * fade or 1)).astype(np.float32)
    path = np.zeros((len(bank.records[0].latent), total + 2 * fade), np.float32)
    at = 0
    for record, start, stop in segments:
        piece = bank.records[record].latent[:, start - fade : stop + fade].copy()
        piece[:, : 2 * fade] *= rise
        piece[:, piece.shape[1] - 2 * fade :] *= rise[::-1]
        path[:, at : at + piece.shape[1]] += piece
        at += stop - start
    return path[:, fade : fade + total]


def _cuts(records: Sequence[Record], dimensions: int) -> _Cuts:
    numbers, frames, contexts, harmonies, tempos = [], [], [], [], []
    for number, record in enumerate(records):
        inside = (record.cuts >= CONTEXT_FRAMES) & (record.cuts <= record.latent.shape[1] - FADE_FRAMES)
        at = record.cuts[inside]
        # (dimensions, cuts, CONTEXT_FRAMES) -> (cuts, dimensions x CONTEXT_FRAMES)
        context = record.latent[:dimensions, at[:, None] + np.arange(-CONTEXT_FRAMES, 0)]
        numbers.append(np.full(len(at), number))
        frames.append(at)
        contexts.append(context.swapaxes(0, 1).reshape(len(at), len(context) * CONTEXT_FRAMES))
        harmonies.append(record.harmony[inside])
        tempos.append(np.full(len(at), np.log2(np.diff(record.cuts).mean()) if record.beat else np.nan))
    context, harmony = _scaled(np.concatenate(contexts)), _scaled(np.concatenate(harmonies))
    features = np.concatenate([context, np.sqrt(HARMONY_WEIGHT) * harmony], axis=1).astype(np.float32)
    return _Cuts(np.concatenate(numbers), np.concatenate(frames), features, np.concatenate(tempos))


def _scaled(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows so that the mean squared distance between two of them is 1."""
    if not len(rows):
        return rows
    scaled: NDArray[np.float32] = rows / np.sqrt(max(2 * rows.var(axis=0).sum(), 1e-12))
    return scaled


def _distances(cuts: _Cuts, leave: int, others: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far what comes before some cuts is from what comes before another; half tempo is the same tempo."""
    octaves = cuts.tempo[others] - cuts.tempo[leave]
    # nothing is known of the tempo where one of them has no beat
    octaves = np.nan_to_num(np.abs(octaves - np.round(octaves)), nan=0.5)
    away = np.square(cuts.features[others] - cuts.features[leave]).sum(axis=1)
    distances: NDArray[np.float64] = away + TEMPO_WEIGHT * octaves
    return distances
