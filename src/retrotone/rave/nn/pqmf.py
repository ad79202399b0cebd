"""Pseudo-quadrature mirror filters: a signal into critically sampled bands, and back, almost losslessly.

A cosine-modulated bank of one prototype filter (Nguyen 1994), the prototype a Kaiser window whose cutoff is chosen for
the flattest sum of neighbouring bands (Lin and Vaidyanathan 1998, "A Kaiser window approach for the design of prototype
filters of cosine modulated filterbanks").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.signal import firwin

from retrotone.rave.nn.streaming import CausalConv, fixed
from retrotone.rave.shape import TAPS_PER_BAND

# of the leakage between bands that are not neighbours, as in RAVE
ATTENUATION_DB = 100.0


def prototype(bands: int) -> NDArray[np.float64]:
    """Return the low-pass filter that is modulated into all bands, shape (bands * TAPS_PER_BAND,)."""
    taps = bands * TAPS_PER_BAND

    def filtered(cutoff: float) -> NDArray[np.float64]:
        kernel: NDArray[np.float64] = firwin(taps, cutoff, window=("kaiser", 0.1102 * (ATTENUATION_DB - 8.7)))
        return kernel

    def ripple(cutoff: float) -> float:
        # the square of the filter must be a 2M-th band filter: zero at all multiples of 2M except the middle
        squared = np.convolve(filtered(cutoff), filtered(cutoff)[::-1])
        every = squared[taps - 1 :: 2 * bands]
        return float(np.abs(every[1:]).max() / every[0])

    # coarse search first: the ripple has one narrow minimum
    coarse = min(np.linspace(0.5, 1.5, 101) / (2 * bands), key=ripple)
    step = 0.01 / (2 * bands)
    minimum = minimize_scalar(ripple, bounds=(coarse - step, coarse + step), method="bounded", options={"xatol": 1e-9})
    kernel = filtered(float(minimum.x))
    unit: NDArray[np.float64] = kernel / np.sqrt(np.square(kernel).sum() * 2 * bands)
    return unit


def modulated(bands: int, synthesis: bool) -> NDArray[np.float64]:
    """Return the bank's filters, shape (bands, bands * TAPS_PER_BAND)."""
    low = prototype(bands)
    n = np.arange(len(low)) - (len(low) - 1) / 2
    k = np.arange(bands)[:, None]
    sign = (-1.0) ** k * (-1 if synthesis else 1)
    bank: NDArray[np.float64] = 2 * low * np.cos((2 * k + 1) * np.pi / (2 * bands) * n + sign * np.pi / 4)
    return bank


def analysis(bands: int) -> CausalConv:
    """Return the fixed layer (batch, 1, n * bands) -> (batch, bands, n)."""
    layer = CausalConv(1, bands, bands * TAPS_PER_BAND, stride=bands, bias=None)
    # a layer correlates, a filter convolves
    kernels = modulated(bands, synthesis=False)[:, None, ::-1]
    return fixed(layer, kernels)


def synthesis(bands: int) -> CausalConv:
    """Return the fixed layer (batch, bands, n) -> (batch, bands, n), whose outputs are interleaved to a signal."""
    layer = CausalConv(bands, bands, TAPS_PER_BAND, bias=None)
    # band, time, phase
    phases = modulated(bands, synthesis=True).reshape(bands, TAPS_PER_BAND, bands)
    return fixed(layer, bands * phases.transpose(2, 0, 1)[:, :, ::-1])
