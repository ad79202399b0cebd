"""A channel that is late: a head out of azimuth, or two channels read at two places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrotone.types import Block

# Kaiser-windowed sinc: within 0.01 dB and 0.002 samples up to 0.45 of the sample rate.
SINC_TAPS, SINC_BETA = 64, 6.0


class DelayStage:
    """Delay the second of two channels, or the first, by a fraction of a sample if need be.

    The output is `delay` samples late; the caller removes them.

    Parameters
    ----------
    seconds : float
        How late the second channel is at full strength; the first one where it is negative.
    channels, sample_rate : int
        Of the blocks.
    strength : float
        In (0, 1]; scales the time.

    Attributes
    ----------
    late : ndarray, shape (2,)
        How late each channel is, in samples.
    delay : int
    """

    def __init__(self, seconds: float, channels: int, sample_rate: int, strength: float) -> None:
        lag = strength * seconds * sample_rate
        self.delay = SINC_TAPS // 2 if channels > 1 and lag else 0
        self.late = np.array([max(-lag, 0.0), max(lag, 0.0)])
        whole = np.floor(self.late).astype(int)
        # samples by which each channel is taken later, and the kernel for the rest of its delay
        self._whole, self._kernels = whole, [_kernel(rest) for rest in self.late - whole]
        self._history = np.zeros((channels, SINC_TAPS - 1 + int(whole.max())), np.float32)

    def __call__(self, block: Block) -> Block:
        """Delay a block, shape (channels, n)."""
        if self.delay == 0:
            return block
        count, before = block.shape[1], self._history.shape[1]
        joined = np.concatenate([self._history, block], axis=1)
        self._history = joined[:, count:]
        out = np.empty_like(block)
        for channel, (whole, kernel) in enumerate(zip(self._whole, self._kernels, strict=True)):
            first = before - whole - (SINC_TAPS - 1)
            span = joined[channel, first : first + count + SINC_TAPS - 1]
            out[channel] = np.convolve(span, kernel, "valid")
        return out


def _kernel(fraction: float) -> NDArray[np.float32]:
    """Return a filter that delays by SINC_TAPS // 2 samples and a fraction, shape (SINC_TAPS,), of sum 1."""
    distance = np.arange(SINC_TAPS) - SINC_TAPS // 2 - fraction
    inside = np.sqrt(np.maximum(1 - (distance / (SINC_TAPS / 2)) ** 2, 0))
    kernel = np.sinc(distance) * np.i0(SINC_BETA * inside)
    return np.asarray(kernel / kernel.sum(), np.float32)
