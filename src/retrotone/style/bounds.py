"""The last word on a transport's gains: how far they may go where the song gives little evidence for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from retrotone.dsp.extremes import running_maximum
from retrotone.style.magnitudes import Pair, octave_smooth
from retrotone.types import Matrix

# Keeps ratios of nothing to nothing finite.
TINY = np.float32(1e-7)


@dataclass(frozen=True)
class GainBounds:
    """Keep every gain near one smooth static curve: within a range of it, and on it where the song says nothing.

    A bin says nothing where it is far below what the study's log(1 + magnitude) can hear, or so far below its
    neighbours that it may hold no more than their leakage through the window. The music's power stays as a whole, so
    that the style's noise is as far below it as in the style.

    Attributes
    ----------
    curve : ndarray, shape (bins,)
        The static curve, as a log gain.
    level : float32
        Factor on everything that keeps the power.
    """

    curve: Matrix
    level: np.float32

    # Of the curve, and the lowest of any gain, in nepers: -40 and 24 dB.
    LOWEST, HIGHEST = -4.6, 2.8
    # Of a gain below and above the curve, in nepers: 26 and 22 dB, by the pairs of `make bench` and made signals.
    RANGE_DOWN, RANGE_UP = 3.0, 2.5
    # Scaled magnitude at which a bin's own gain, and at which a band's part of the curve, counts by half.
    EVIDENCE, MEASURED = 0.1, 1.0
    # Power relative to the loudest bin within so many bins: 50 dB down, where the fringe of a fading tone lies.
    LEAKAGE, LEAKAGE_BINS = 1e-5, 32

    @classmethod
    def fit(cls, mapped: Matrix, pair: Pair, strength: float) -> Self:
        """Take the ratio of mean powers over thirds of octaves; always whole, whatever the strength; see `Stage`."""
        after, before = (
            octave_smooth(np.square(each).mean(axis=0, dtype=np.float64)) + cls.EVIDENCE**2
            for each in (mapped, pair.content)
        )
        curve = np.log(after / before) / 2 * before / (before + cls.MEASURED**2)
        bounds = cls(np.clip(curve, cls.LOWEST, cls.HIGHEST).astype(np.float32), np.float32(1))
        bounded = bounds.apply(mapped, pair.content)
        powers = [float(np.square(each).sum(axis=1).mean()) for each in (pair.content, bounded)]
        return replace(bounds, level=np.float32(np.sqrt(powers[0] / max(powers[1], float(TINY)))))

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Stage`."""
        # (frames, bins)
        log_gain = np.maximum(magnitude, TINY) / np.maximum(content, TINY)
        np.log(log_gain, out=log_gain)
        log_gain -= self.curve
        np.clip(log_gain, -self.RANGE_DOWN, self.RANGE_UP, out=log_gain)
        log_gain *= self.evidence(content)
        log_gain += self.curve
        np.maximum(log_gain, np.float32(self.LOWEST), out=log_gain)
        bounded: Matrix = np.exp(log_gain, out=log_gain)
        bounded *= content
        bounded *= self.level
        return bounded

    def evidence(self, content: Matrix) -> Matrix:
        """Return how much each bin says, in [0, 1]; shape (frames, bins)."""
        power: Matrix = np.square(content)
        doubt = running_maximum(power, self.LEAKAGE_BINS)
        doubt *= np.float32(self.LEAKAGE)
        doubt += np.float32(self.EVIDENCE**2)
        doubt += power
        power /= doubt
        return power
