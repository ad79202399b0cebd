"""A causal resampler by a whole factor, for players that run at a higher rate than the network.

A linear-phase low-pass filter with a Kaiser window, whose stop band begins at half of the network's rate.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, kaiser_beta

from retrotone.rave.nn.streaming import CausalConv, fixed

# of what would fold
ATTENUATION_DB = 80.0
# per factor: a pass band up to 0.84 of half the network's rate, some 9 kHz, for a delay of 3 ms there and back
TAPS = 64


def delay(factor: int) -> int:
    """Return the samples, at the higher rate, by which a signal lags that goes down and up again."""
    return (TAPS - 1) * factor if factor > 1 else 0


def decimator(factor: int) -> CausalConv:
    """Return the fixed layer (batch, 1, n * factor) -> (batch, 1, n)."""
    layer = CausalConv(1, 1, TAPS * factor, stride=factor, bias=None)
    return fixed(layer, _low_pass(factor)[None, None])


def interpolator(factor: int) -> CausalConv:
    """Return the fixed layer (batch, 1, n) -> (batch, factor, n), whose outputs are interleaved to a signal."""
    layer = CausalConv(1, factor, TAPS, bias=None)
    phases = factor * _low_pass(factor).reshape(TAPS, factor)
    # a layer correlates, a filter convolves
    return fixed(layer, phases[::-1].T[:, None])


def _low_pass(factor: int) -> NDArray[np.float64]:
    taps, beta = TAPS * factor, kaiser_beta(ATTENUATION_DB)
    # Kaiser's formula for the width of the transition, in cycles per sample
    width = (ATTENUATION_DB - 7.95) / (14.36 * (taps - 1))
    kernel: NDArray[np.float64] = firwin(taps, 0.5 / factor - width / 2, window=("kaiser", beta), fs=1.0)
    return kernel
