"""Mix more than two channels down to stereo: the weights of ITU-R BS.775-4, annex 4, table 2.

The result is turned down by what the channels could add up to, so that it cannot pass full scale.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrotone.types import Block

HALF_POWER = 0.5**0.5
# FFmpeg's names of channels -> weight in the left and in the right channel; the low-frequency channel is left out
WEIGHTS = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FC": (HALF_POWER, HALF_POWER),
    "LFE": (0.0, 0.0),
    "LFE2": (0.0, 0.0),
    "BL": (HALF_POWER, 0.0),
    "BR": (0.0, HALF_POWER),
    "SL": (HALF_POWER, 0.0),
    "SR": (0.0, HALF_POWER),
    "BC": (0.5, 0.5),
}
# the order of channels in a WAV file (Microsoft, "Multiple Channel Audio Data and WAVE Files"), where none is told
USUAL = {
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}


def stereo_matrix(channels: int, layout: tuple[str, ...] = ()) -> NDArray[np.float32]:
    """Return the weights that mix channels down to two.

    Parameters
    ----------
    channels : int
    layout : tuple of str
        FFmpeg's names of the channels; empty if they are not known.

    Returns
    -------
    ndarray, shape (2, channels), float32
        No row adds up to more than 1. A channel of another kind goes to both sides.

    Examples
    --------
    >>> stereo_matrix(6).round(3)
    array([[0.414, 0.   , 0.293, 0.   , 0.293, 0.   ],
           [0.   , 0.414, 0.293, 0.   , 0.   , 0.293]], dtype=float32)
    """
    names = layout or USUAL.get(channels, ("",) * channels)
    weights = np.array([WEIGHTS.get(name, WEIGHTS["FC"]) for name in names]).T
    normalised: NDArray[np.float32] = (weights / max(weights.sum(axis=1).max(), 1.0)).astype(np.float32)
    return normalised


def mixed_down(block: Block, matrix: NDArray[np.float32]) -> Block:
    """Return a block of shape (channels, n) as stereo, shape (2, n), by `stereo_matrix`."""
    mixed: Block = np.matmul(matrix, block)
    return mixed
