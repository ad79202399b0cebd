"""The beats of a recording: Ellis, "Beat tracking by dynamic programming", J. New Music Research 36 (2007)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.filterbanks import mel

Real = NDArray[np.float64]

N_MELS = 40
# dB below the loudest band; what is softer has no onsets
FLOOR_DB = 60.0
# range of a beat in seconds, the usual one, and how many octaves away another is less likely by a factor of sqrt(e)
SHORTEST, USUAL, LONGEST, OCTAVES = 0.25, 0.5, 1.5, 1.0
# correlation of the onsets with themselves a beat later, below which a recording has no beat
CLEAR = 0.1
# of the correlation two beats later, which a dotted rhythm lacks
TWICE_WEIGHT = 0.25
# weight of the squared logarithm by which a beat is longer or shorter than the others, as in librosa
TIGHTNESS = 100.0


def beats(power: NDArray[np.float32], sample_rate: int, hop_length: int) -> NDArray[np.int64]:
    """Return the frames on which the beats fall.

    Parameters
    ----------
    power : ndarray, shape (frames, bins)
        Power spectrogram.
    sample_rate, hop_length : int
        In Hz, and in samples.

    Returns
    -------
    ndarray, shape (beats,)
        Empty where there is no clear beat.
    """
    onsets, second = onset_strength(power, sample_rate), sample_rate / hop_length
    lags = np.arange(round(SHORTEST * second), round(LONGEST * second) + 1)
    if len(onsets) < 2 * lags[-1] + 2 or not onsets.any():
        return np.zeros(0, np.int64)
    correlation = np.array([onsets[:-lag] @ onsets[lag:] for lag in range(1, 2 * lags[-1] + 2)]) / (onsets @ onsets)
    once, twice = correlation[lags - 1], np.max([correlation[2 * lags - 1 + off] for off in (-1, 0, 1)], axis=0)
    likely = np.exp(-0.5 * np.square(np.log2(lags / (USUAL * second)) / OCTAVES))
    best = int(((once + TWICE_WEIGHT * twice) * likely).argmax())
    return _tracked(onsets, int(lags[best])) if once[best] >= CLEAR else np.zeros(0, np.int64)


def onset_strength(power: NDArray[np.float32], sample_rate: int) -> Real:
    """Return how much louder the bands become in each frame, its mean taken off, shape (frames,)."""
    filters = mel(sample_rate=sample_rate, n_fft=2 * (power.shape[1] - 1), n_mels=N_MELS)
    bands = power @ filters.T
    decibels = 10 * np.log10(np.maximum(bands, max(float(bands.max()), 1e-20) * 10 ** (-FLOOR_DB / 10)))
    rises = np.maximum(np.diff(decibels, axis=0, prepend=decibels[:1]), 0).mean(axis=1, dtype=float)
    # a window contains an onset before its middle does: the rise is one frame early
    rises = np.concatenate([[0.0], rises[:-1]])
    onsets: Real = rises - rises.mean()
    return onsets


def _tracked(onsets: Real, period: int) -> NDArray[np.int64]:
    """Return the frames, about a period apart, on which the onsets are strongest together."""
    strength = onsets / onsets.std()
    steps = np.arange(period // 2, 2 * period + 1)
    cost = TIGHTNESS * np.square(np.log(steps / period))
    # the best score of beats up to a frame, and the beat before the one on that frame, if any
    score, before = strength.copy(), np.full(len(onsets), -1)
    for frame in range(steps[0], len(onsets)):
        reached = steps[: max(frame - steps[0] + 1, 0)]
        earlier = score[frame - reached] - cost[: len(reached)]
        choice = int(earlier.argmax())
        if earlier[choice] > 0:
            score[frame] += earlier[choice]
            before[frame] = frame - reached[choice]
    frame = len(onsets) - period + int(score[-period:].argmax())
    found = []
    while frame >= 0:
        found.append(frame)
        frame = int(before[frame])
    return np.array(found[::-1])
