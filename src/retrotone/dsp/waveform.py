"""Waveforms as they are drawn: the extremes of equal parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrotone.types import Block


def extremes(samples: Block, points: int) -> NDArray[np.float32]:
    """Return the lowest and the highest sample, over all channels, of each of `points` equal parts.

    Parameters
    ----------
    samples : ndarray, shape (channels, n)
        Also such extremes: those of longer parts follow from those of shorter ones.
    points : int
        Upper limit; fewer samples have one point each.

    Returns
    -------
    ndarray, shape (2, points), float32
        Minima, then maxima.

    Examples
    --------
    >>> extremes(np.array([[0.1, -0.2, 0.3, 0.0]], np.float32), points=2)
    array([[-0.2,  0. ],
           [ 0.1,  0.3]], dtype=float32)
    """
    points = min(points, samples.shape[1])
    starts = np.arange(points) * samples.shape[1] // max(points, 1)
    lowest, highest = (extreme.reduceat(samples, starts, axis=1) for extreme in (np.minimum, np.maximum))
    return np.stack([lowest.min(axis=0), highest.max(axis=0)])
