"""Dynamics of a medium: the compressor of a studio or transmitter, and the limiter of a transfer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from retrotone.dsp.filters import StreamFilter, impulse_response
from retrotone.dsp.limiter import ATTACK_SECONDS, FILTER_SAMPLES, MARGIN, peak_gain
from retrotone.style.media.units import Between, Decibels, Seconds
from retrotone.types import Block

# The level is measured, and the gain set, once in so many samples: under 1 ms, shorter than any attack it stands for.
CONTROL_FRAMES = 32
# Time constant of the mean square: with less, the gain would follow the waveform of a bass.
LEVEL_SECONDS = 0.005
# Power of digital silence, so that its level is finite.
SILENT_POWER = 1e-12
# Where the ceiling is at strength 0: 26 dB above the level of the programme, higher than its peaks.
OPEN_CEILING_DB = 6.0


@dataclass(frozen=True)
class Compression:
    """A feed-forward compressor with one gain for all channels, for a programme at -20 LUFS.

    Parameters
    ----------
    threshold_db : float
        RMS level above which it acts, in dB re full scale.
    ratio : float
        dB of level before it for a dB after it.
    attack_s, release_s : float
        Time constants of the gain's fall and rise; the level itself is a mean over 5 ms.
    """

    threshold_db: Decibels
    ratio: Annotated[float, Between(1.0, 100.0)]
    attack_s: Seconds
    release_s: Seconds


class CompressionStage:
    """Applies one `Compression`: D. Giannoulis, M. Massberg and J. D. Reiss 2012, smoothed in dB, branching.

    Parameters
    ----------
    compression : Compression
        At full strength.
    sample_rate : int
        Of the blocks.
    strength : float
        In (0, 1]; scales the dB that are taken off a dB of excess.

    Attributes
    ----------
    threshold_db, slope : float
        Where it begins, and the dB taken off a dB of excess.
    attack, release, forget : float
        What is kept from one control point to the next: of the reduction as it grows and as it falls, of the power.
    """

    def __init__(self, compression: Compression, sample_rate: int, strength: float) -> None:
        self.threshold_db, self.slope = compression.threshold_db, strength * (1 - 1 / compression.ratio)
        step = CONTROL_FRAMES / sample_rate
        times = (compression.attack_s, compression.release_s, LEVEL_SECONDS)
        self.attack, self.release, self.forget = (float(np.exp(-step / seconds)) for seconds in times)
        smoother = np.array([[1 - self.forget, 0, 0, 1, -self.forget, 0]])
        self._smoother = StreamFilter(impulse_response(smoother), 1)
        self._reduction_db = 0.0

    def __call__(self, block: Block) -> Block:
        """Compress a block, shape (channels, n); n is a multiple of CONTROL_FRAMES."""
        count = block.shape[1]
        power = np.square(block).mean(axis=0).reshape(-1, CONTROL_FRAMES).mean(axis=1)
        # rounding can make silence a little negative
        smoothed = np.maximum(self._smoother(power[None])[0], 0.0)
        excess_db = np.maximum(10 * np.log10(smoothed + SILENT_POWER) - self.threshold_db, 0.0)
        reduction = self._reduction_db
        reductions = [reduction]
        for wanted in (self.slope * excess_db).tolist():
            keep = self.attack if wanted > reduction else self.release
            reduction = wanted + keep * (reduction - wanted)
            reductions.append(reduction)
        self._reduction_db = reduction
        # (n,): linear between the control points
        falling = np.interp(np.arange(count), CONTROL_FRAMES * np.arange(len(reductions)), reductions)
        return np.asarray(block * (10 ** (-falling / 20)).astype(np.float32))


@dataclass(frozen=True)
class Limiter:
    """A look-ahead limiter; `ceiling_db` is the highest true peak, for a programme at -20 LUFS."""

    ceiling_db: Decibels


class LimiterStage:
    """Applies one `Limiter`; the output is `delay` samples late, which the caller removes.

    Parameters
    ----------
    limiter : Limiter
        At full strength.
    channels, sample_rate : int
        Of the blocks.
    strength : float
        In (0, 1]; the ceiling comes down from where it limits nothing.

    Attributes
    ----------
    ceiling : float
        Linear.
    range_db : float
        How far above it the ceiling is at strength 0.
    reach, delay : int
        The attack in samples, and how late the output is.
    """

    def __init__(self, limiter: Limiter, channels: int, sample_rate: int, strength: float) -> None:
        self.range_db = strength * max(OPEN_CEILING_DB - limiter.ceiling_db, 0.0)
        self.ceiling = MARGIN * 10 ** ((OPEN_CEILING_DB - self.range_db) / 20)
        self.reach = max(round(ATTACK_SECONDS * sample_rate), 1)
        # what a sample's gain depends on, before it and after it
        self.delay = 2 * self.reach + FILTER_SAMPLES
        self._history = np.zeros((channels, 2 * self.delay), np.float32)

    def __call__(self, block: Block) -> Block:
        """Limit a block, shape (channels, n)."""
        count = block.shape[1]
        joined = np.concatenate([self._history, block], axis=1)
        self._history = joined[:, count:]
        limited: Block = joined * peak_gain(joined, self.reach, self.ceiling)
        return limited[:, self.delay : self.delay + count]
