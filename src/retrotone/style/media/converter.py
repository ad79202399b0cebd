"""Converters of an early digital sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from retrotone.style.media.units import Between
from retrotone.types import Block

# At strength 0.
FULL_BITS = 24.0


@dataclass(frozen=True)
class Converter:
    """An early digital sampler's converters.

    Parameters
    ----------
    bits : float
        Resolution at full strength (24 at none).
    sample_rate : float
        In Hz. Sampling folds over what lies above its half; the held output adds images of what lies below.
    full_scale : float
        Amplitude that clips.
    """

    bits: Annotated[float, Between(1.0, 24.0)]
    sample_rate: Annotated[float, Between(1_000.0, 200_000.0, "Hz")]
    full_scale: Annotated[float, Between(0.01, 100.0)]


class ConverterStage:
    """Sample, quantise, and hold each value until the next (zero-order hold), at the content's own rate.

    The held staircase is averaged over each output sample, so that steps fall between samples without jitter.
    Where the content's rate is below the converter's, only the quantiser acts. Strength scales what the
    staircase adds to the signal (folded treble, images); the two lie 19 us apart, too close to comb-filter.

    Parameters
    ----------
    converter : Converter
        At full strength.
    channels, sample_rate : int
        Of the blocks.
    strength : float
        In (0, 1]; the bits count down from 24.

    Attributes
    ----------
    full_scale, step : float
        Where the quantiser clips, and its step.
    hold : float
        Samples of the content per sample of the converter; only above 1 is there a staircase.
    strength : float
    """

    def __init__(self, converter: Converter, channels: int, sample_rate: int, strength: float) -> None:
        self.full_scale = converter.full_scale
        self.step = converter.full_scale * 2 ** (1 - (FULL_BITS + strength * (converter.bits - FULL_BITS)))
        # samples of the content per sample of the converter
        self.hold, self.strength = sample_rate / converter.sample_rate, np.float32(strength)
        self._history = np.zeros((channels, int(np.ceil(2 * self.hold)) + 2), np.float32)
        self._start = 0

    def skip(self, frames: int) -> None:
        """Pass over a block of so many frames."""
        self._start += frames

    def __call__(self, block: Block) -> Block:
        """Convert a block, shape (channels, n)."""
        if self.hold <= 1:
            return self._quantise(block)
        before, count = self._history.shape[1], block.shape[1]
        joined = np.concatenate([self._history, block], axis=1)
        self._history = joined[:, count:]
        now = np.arange(self._start, self._start + count)
        self._start += count
        tick = np.floor(now / self.hold)
        last = tick[0] - 1
        # (values,): when each is taken, as an index of `joined`
        time = np.arange(last, tick[-1] + 1) * self.hold - (now[0] - before)
        below = np.minimum(time.astype(np.int64), joined.shape[1] - 2)
        share = (time - below).astype(np.float32)
        # (channels, values)
        held = self._quantise(joined[:, below] * (1 - share) + joined[:, below + 1] * share)
        index = (tick - last).astype(np.int64)
        # share of each output sample that the newest value covers, shape (n,)
        fresh = np.minimum(now - tick * self.hold, 1.0).astype(np.float32)
        staircase = fresh * held[:, index] + (1 - fresh) * held[:, index - 1]
        return np.asarray(block + self.strength * (staircase - block))

    def _quantise(self, values: Block) -> Block:
        steps = np.round(np.clip(values, -self.full_scale, self.full_scale) / self.step)
        return (steps * self.step).astype(np.float32)
