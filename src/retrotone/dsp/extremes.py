"""Running extremes: the highest or lowest of the values around each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Rows filtered at a time: few enough to stay in the processor's cache.
ROWS_AT_ONCE = 32


def running_maximum(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return the highest value within `reach` places to either side; the ends are held.

    Maxima over windows of 1, 2, 4, ... values make that of any width in few vectorised steps, where
    `scipy.ndimage.maximum_filter1d` keeps a queue for every value.

    Parameters
    ----------
    values : ndarray, shape (..., n)
    reach : int
        At least 0.

    Returns
    -------
    ndarray, shape (..., n)

    Examples
    --------
    >>> running_maximum(np.array([0, 3, 0, 0, 1], np.float32), 1).tolist()
    [3.0, 3.0, 3.0, 1.0, 1.0]
    """
    result = np.empty_like(values)
    # a single row counts as one
    rows, out = np.atleast_2d(values), np.atleast_2d(result)
    for first in range(0, len(rows), ROWS_AT_ONCE):
        some = slice(first, first + ROWS_AT_ONCE)
        edges = [(0, 0)] * (rows.ndim - 1) + [(reach, reach)]
        out[some] = _sliding_maximum(np.pad(rows[some], edges, mode="edge"), 2 * reach + 1)
    return result


def _sliding_maximum(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return the maximum of each window that lies within, shape (..., n - width + 1)."""
    # the window whose maxima `values` holds
    covered = 1
    while covered < width:
        step = min(covered, width - covered)
        values = np.maximum(values[..., :-step], values[..., step:])
        covered += step
    return values
