"""Mend single samples far beyond full scale, which damaged files of floating-point numbers hold."""

from __future__ import annotations

import numpy as np

from retrotone.types import Block

# 12 dB above full scale: what a mix of floating-point numbers may reach
LOUDEST_USUAL = 4.0
# 40 dB above what 99.9 % of the samples around it stay below
FAR_ABOVE = 100.0
USUAL_SHARE = 0.999


def largest(block: Block) -> float:
    """Return the largest magnitude of the samples; NaN if one is NaN, 0 if there are none."""
    # in this order: where a sample is NaN, so are both extremes, and max returns its first argument
    return max(float(block.max()), -float(block.min())) if block.size else 0.0


def mended(block: Block) -> tuple[Block, int]:
    """Replace absurd samples by a straight line between their neighbours.

    A sample is absurd if it lies more than 12 dB above full scale, and 40 dB above nearly all of its block. So a file
    of integers stored as floating-point numbers keeps all of them.

    Parameters
    ----------
    block : ndarray, shape (channels, n), float32
        Finite.

    Returns
    -------
    block : ndarray, shape (channels, n), float32
        The same array, if nothing is absurd.
    count : int
        How many samples were replaced.

    Examples
    --------
    >>> samples, count = mended(np.array([[0.1, 0.2, 3e38, 0.4] + [0.1] * 1996], np.float32))
    >>> samples[0, :4].round(2), count
    (array([0.1, 0.2, 0.3, 0.4], dtype=float32), 1)
    """
    if largest(block) <= LOUDEST_USUAL:
        return block, 0
    sizes = np.abs(block)
    absurd = sizes > max(LOUDEST_USUAL, FAR_ABOVE * float(np.quantile(sizes, USUAL_SHARE)))
    if not absurd.any():
        return block, 0
    result = block.copy()
    places = np.arange(block.shape[1])
    for channel, bad in zip(result, absurd, strict=True):
        if bad.any():
            channel[bad] = np.interp(places[bad], places[~bad], channel[~bad]) if not bad.all() else 0
    return result, int(absurd.sum())
