"""A look-ahead limiter: it turns down the few highest peaks, not the whole song."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from retrotone.dsp.loudness import OVERSAMPLING
from retrotone.types import Block

# true-peak meters with other interpolation filters read up to 1 / MARGIN higher
MARGIN = 0.995
# the gain begins to fall this long before a peak; typical of mastering limiters
ATTACK_SECONDS = 0.003
# length of the oversampling filter: where the stream is cut, the result changes by less than -100 dB
FILTER_SAMPLES = 64


def limited(blocks: Iterable[Block], sample_rate: int, ceiling: float) -> Iterator[Block]:
    """Keep the true peak of a stream under a ceiling.

    The gain that every sample needs is held for the attack time around it and then smoothed over the same time, so it
    is never higher than needed (Giannoulis, Massberg and Reiss 2012, feed-forward with look-ahead).

    Parameters
    ----------
    blocks : iterable of ndarray, shape (channels, n)
        Blocks of any size.
    sample_rate : int
        In Hz.
    ceiling : float
        Highest true peak, linear.

    Yields
    ------
    ndarray, shape (channels, n)
        As many samples as came in; all channels get the same gain, so that the stereo image stays.

    Examples
    --------
    >>> loud = np.sin(np.arange(44_100) / 20)[None].astype(np.float32)
    >>> quieter = np.concatenate(list(limited([loud[:, :20_000], loud[:, 20_000:]], 44_100, 0.5)), axis=1)
    >>> quieter.shape, round(float(quieter.max()), 2)
    ((1, 44100), 0.5)
    """
    ceiling *= MARGIN
    reach = max(round(ATTACK_SECONDS * sample_rate), 1)
    context = 2 * reach + FILTER_SAMPLES
    # samples at the start of `held` that were yielded before
    before = 0
    held: Block | None = None
    for block in blocks:
        held = block if held is None else np.concatenate([held, block], axis=1)
        ready = held.shape[1] - context
        if ready <= before:
            continue
        yield (held * peak_gain(held, reach, ceiling))[:, before:ready]
        start = max(ready - context, 0)
        held, before = held[:, start:], ready - start
    if held is not None:
        yield (held * peak_gain(held, reach, ceiling))[:, before:]


def peak_gain(samples: Block, reach: int, ceiling: float) -> NDArray[np.float32]:
    """Return the gain of each sample, shape (n,), or (1,) where it is 1 throughout.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
        A gain is right where `2 * reach + FILTER_SAMPLES` samples before and after it are given.
    reach : int
        The attack time in samples.
    ceiling : float
        Highest true peak, linear.
    """
    # NumPy finds the highest of long rows ten times sooner than of short columns, here and below
    peaks = np.ascontiguousarray(np.abs(samples)).max(axis=0)
    # a peak between samples is less than 6 dB above them
    if peaks.max() <= ceiling / 2:
        return np.ones(1, np.float32)
    # oversampled as by PeakMeter: shape (4 n, channels)
    finer = np.abs(soxr.resample(np.ascontiguousarray(samples.T), 1, OVERSAMPLING, quality="MQ"))
    finer = np.pad(finer, ((0, max(OVERSAMPLING * len(peaks) - len(finer), 0)), (0, 0)))[: OVERSAMPLING * len(peaks)]
    # (4 channels, n)
    between = np.ascontiguousarray(finer.reshape(len(peaks), -1).T).max(axis=0)
    needed = np.minimum(1.0, ceiling / np.maximum(np.maximum(peaks, between), 1e-9)).astype(np.float32)
    if needed.min() == 1.0:
        return np.ones(1, np.float32)
    held = minimum_filter1d(needed, 2 * reach + 1, mode="nearest")
    smooth: NDArray[np.float32] = uniform_filter1d(held, 2 * reach + 1, mode="nearest")
    np.minimum(smooth, needed, out=smooth)
    return smooth
