"""Hiss, hum and crackle that a medium adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.filters import StreamFilter, butterworth, impulse_response
from retrotone.style.media.filters import FilterStage, Lowpass
from retrotone.style.media.media import OPEN_HIGH_HZ, OPEN_LOW_HZ, USABLE
from retrotone.style.media.units import Between, Decibels, Hertz, Share
from retrotone.types import Block

_Column: TypeAlias = "NDArray[np.float64]"

# Sizes are Pareto distributed, by ear: few loud clicks among many small ones.
TAIL_INDEX, LARGEST_CLICK = 1.6, 15.0
# Of a click, by ear: its decay and pitch over the mean ones, and its share in each of two channels.
DECAYS, RINGS, SHARES = (0.4, 1.2), (0.6, 1.4), (0.3, 1.0)
# Log-size of one scratch from turn to turn (first-order autoregression), by ear.
SCRATCH_MEMORY, SCRATCH_SPREAD, SCRATCH_MEAN = 0.85, 0.7, 1.0


@dataclass(frozen=True)
class Noise:
    """Stationary noise, 6 dB per octave down outside low_hz-high_hz.

    Parameters
    ----------
    level_db : float
        RMS over 20 Hz - 20 kHz before the playback filters; its density does not depend on the sample rate.
    low_hz, high_hz : float
        Its band.
    swish : float
        Depth in [0, 1) of the swelling once a turn that a worn or off-centre disc gives it.
    """

    level_db: Decibels
    low_hz: Hertz
    high_hz: Hertz
    swish: Share = 0.0


class NoiseStage:
    """Adds one `Noise`.

    Parameters
    ----------
    noise : Noise
        What to add.
    channels, sample_rate : int
        The noise of different channels is independent; one channel is added to all.
    strength : float
        In (0, 1]; scales the amplitude.
    turns_hz : float
        Turns per second of the disc or cylinder, for the swish.
    rng : Generator
        The noise itself.

    Attributes
    ----------
    channels : int
    gain : float
        Of the white noise.
    sections : ndarray, shape (n, 6)
        Second-order sections, which give it its band.
    swish, turn : float
        Depth of the swelling, and radians of a turn per sample.
    """

    def __init__(
        self, noise: Noise, channels: int, sample_rate: int, strength: float, turns_hz: float, rng: np.random.Generator
    ) -> None:
        f = np.arange(OPEN_LOW_HZ, OPEN_HIGH_HZ, 10.0)
        density = 1 / (1 + (f / noise.high_hz) ** 2) / (1 + (noise.low_hz / f) ** 2)
        # its noise bandwidth in Hz
        power = 10.0 * float(density.sum())
        self.gain = np.float32(strength * 10 ** (noise.level_db / 20) * np.sqrt(sample_rate / 2 / power))
        low_hz = min(noise.low_hz, USABLE * sample_rate)
        filters = [butterworth(1, low_hz, "highpass", sample_rate)]
        if noise.high_hz < USABLE * sample_rate:
            filters.append(butterworth(1, noise.high_hz, "lowpass", sample_rate))
        self.sections = np.concatenate(filters)
        self._filter = StreamFilter(impulse_response(self.sections).astype(np.float32), channels)
        self.swish, self.turn, self._start = noise.swish, 2 * np.pi * turns_hz / sample_rate, 0
        self._rng, self.channels = rng, channels

    def skip(self, frames: int) -> None:
        """Pass over a block of so many frames."""
        self._rng.standard_normal((self.channels, frames), dtype=np.float32)
        self._start += frames

    def __call__(self, block: Block) -> Block:
        """Add noise to a block."""
        count = block.shape[1]
        white = self._rng.standard_normal((self.channels, count), dtype=np.float32) * self.gain
        shaped = self._filter(white)
        if self.swish:
            shaped *= 1 + self.swish * np.sin(self.turn * np.arange(self._start, self._start + count))
        self._start += count
        return np.asarray(block + shaped, np.float32)


@dataclass(frozen=True)
class Hum:
    """A steady mains tone."""

    hz: Hertz
    level_db: Decibels


class HumStage:
    """Adds one `Hum`, the same in all channels.

    Attributes
    ----------
    step, gain : float
        Radians per sample, and the peak.
    """

    def __init__(self, hum: Hum, sample_rate: int, strength: float) -> None:
        self.step, self._start = 2 * np.pi * hum.hz / sample_rate, 0
        self.gain = strength * 10 ** (hum.level_db / 20) * np.sqrt(2)

    def skip(self, frames: int) -> None:
        """Pass over a block of so many frames."""
        self._start += frames

    def __call__(self, block: Block) -> Block:
        """Add hum to a block."""
        at = np.arange(self._start, self._start + block.shape[1])
        self._start += block.shape[1]
        return np.asarray(block + self.gain * np.sin(self.step * at), np.float32)


@dataclass(frozen=True)
class Crackle:
    """Clicks: a Poisson process of short, decaying rings with Pareto sizes, and a scratch once a turn.

    Parameters
    ----------
    per_second : float
        Mean rate.
    level_db : float
        Peak of the smallest click; about one in forty is 20 dB above it.
    ring_hz, decay_s : float
        Mean pitch and time constant of a click's ring.
    scratch : bool
        Also one scratch, whose size varies from turn to turn, of a medium that turns.
    high_hz : float, optional
        Where the clicks' spectrum ends, 24 dB per octave; None: where the playback filters end it.
    """

    per_second: Annotated[float, Between(0.0, 1_000.0, "a second")]
    level_db: Decibels
    ring_hz: Hertz
    decay_s: Annotated[float, Between(1e-5, 0.02, "s")]
    scratch: bool = False
    high_hz: Hertz | None = None


class CrackleStage:
    """Adds one `Crackle`.

    Parameters
    ----------
    crackle : Crackle
        What to add.
    channels, sample_rate : int
        A click shows in all channels, in each at its own size.
    strength : float
        In (0, 1]; scales the size.
    turns_hz : float
        Turns per second, for the scratch.
    rng : Generator
        Times, sizes, rings.

    Attributes
    ----------
    crackle : Crackle
    channels : int
    gain : float
        Of the smallest click.
    turn : float
        Samples from one scratch to the next; infinite without one.
    time : ndarray, shape (n,)
        Of the samples of a click, in seconds.
    lowpass : FilterStage
        Of the clicks alone.
    """

    def __init__(
        self,
        crackle: Crackle,
        channels: int,
        sample_rate: int,
        strength: float,
        turns_hz: float,
        rng: np.random.Generator,
    ) -> None:
        self.crackle, self._rng, self._start = crackle, rng, 0
        self.gain = strength * 10 ** (crackle.level_db / 20)
        # samples
        self.turn = sample_rate / turns_hz if crackle.scratch and turns_hz else np.inf
        self._scratch, self.channels = 0.0, channels
        self.time = np.arange(int(np.ceil(6 * crackle.decay_s * sample_rate)) + 1) / sample_rate
        self._tail = np.zeros((channels, len(self.time)), np.float32)
        self.lowpass = FilterStage(
            () if crackle.high_hz is None else (Lowpass(crackle.high_hz, 4),), channels, sample_rate, 1.0
        )

    def skip(self, frames: int) -> None:
        """Pass over a block of so many frames."""
        self._draw(frames)

    def __call__(self, block: Block) -> Block:
        """Add clicks to a block."""
        count, channels = block.shape[1], self.channels
        at, sizes, decay, ring, shares = self._draw(count)
        # (clicks, ring samples)
        pulses = sizes * np.exp(-self.time / decay) * np.cos(2 * np.pi * ring * self.time)
        out = np.zeros((channels, count + len(self.time)))
        for channel, share in zip(out, shares, strict=True):
            np.add.at(channel, at[:, None] + np.arange(len(self.time)), self.gain * share * pulses)
        out[:, : len(self.time)] += self._tail
        self._tail = out[:, count:].astype(np.float32)
        return block + self.lowpass(out[:, :count].astype(np.float32))

    def _draw(self, count: int) -> tuple[NDArray[np.int64], _Column, _Column, _Column, list[_Column]]:
        """Draw the clicks of the next block: place, signed size, decay, pitch, and size in each channel."""
        rng, channels = self._rng, self.channels
        clicks = rng.poisson(self.crackle.per_second * count * (self.time[1] - self.time[0]))
        at = rng.integers(0, count, clicks)
        sizes = np.minimum((1 - rng.random(clicks)) ** (-1 / TAIL_INDEX), LARGEST_CLICK)
        # one scratch for every turn that begins in this block
        for turn in np.arange(np.ceil(self._start / self.turn), np.ceil((self._start + count) / self.turn)):
            self._scratch = SCRATCH_MEMORY * self._scratch + SCRATCH_SPREAD * rng.normal()
            at = np.append(at, round(turn * self.turn) - self._start)
            sizes = np.append(sizes, min(float(np.exp(SCRATCH_MEAN + self._scratch)), LARGEST_CLICK))
        self._start += count
        shape = (len(at), 1)
        decay = self.crackle.decay_s * rng.uniform(*DECAYS, shape)
        ring = self.crackle.ring_hz * rng.uniform(*RINGS, shape)
        sign = rng.choice([-1.0, 1.0], shape)
        shares = [rng.uniform(*SHARES, shape) if channels > 1 else np.ones(shape) for _ in range(channels)]
        return np.minimum(at, count - 1), sign * sizes[:, None], decay, ring, shares
