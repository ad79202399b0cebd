"""Wow and flutter: the playback speed varies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.filters import StreamFilter, frequency_response, impulse_response, resonator
from retrotone.style.media.units import Between, WobbleHertz
from retrotone.types import Block

# One displacement per 32 samples, linear in between: speed changes slowly.
CONTROL_FRAMES = 32
# Flat to 0.35 of the sample rate, images at about -60 dB.
SINC_TAPS, SINC_PHASES, SINC_BETA = 12, 1024, 6.0
# About 1.4 octaves wide. Two in series: behind one alone the displacement falls by 6 dB per octave only, and the speed,
# its derivative, would be noise up to hundreds of Hz.
WANDER_Q, WANDER_SECTIONS = 1.0, 2
# Of the filter's frequency response, from which its gain follows.
RESPONSE_POINTS = 1 << 17
# The summed displacement is soft-limited to 3 times its root-sum-square amplitude.
REACH = 3.0
# Displacement in samples below which the speed counts as steady.
SMALLEST_REACH = 1e-6


@dataclass(frozen=True)
class Wobble:
    """A speed fluctuation.

    Parameters
    ----------
    hz : float
        Its rate: a turn of the disc, of the capstan, ...
    depth : float
        Peak deviation of speed as a fraction (of a sine of the same RMS when `random`).
    random : bool
        A band of noise around `hz` instead of a steady sine.
    """

    hz: WobbleHertz
    depth: Annotated[float, Between(0.0, 0.1)]
    random: bool = False


class WowStage:
    """Wow and flutter: playback at a varying speed by windowed-sinc interpolation.

    The displacement (the integral of the speed deviation) oscillates about zero, so nothing drifts. The output is
    `delay` samples late; the caller removes them.

    Parameters
    ----------
    wobbles : sequence of Wobble
        All that act together.
    channels, sample_rate : int
        Of the blocks.
    strength : float
        In (0, 1]; scales every depth.
    rng : Generator
        Phases and the random wobbles.

    Attributes
    ----------
    delay : int
        0 where the speed counts as steady.
    control_rate : float
        Of the displacements, in Hz.
    sines : list of (float, float, float)
        Of each steady wobble: its rate in Hz, its displacement in samples, its phase in radians.
    bands : list of (ndarray, StreamFilter, float)
        Of each random one: second-order sections for white noise, the filter, and the factor that makes samples of it.
    limit : float
        Of the displacement, in samples.
    """

    def __init__(
        self, wobbles: tuple[Wobble, ...], channels: int, sample_rate: int, strength: float, rng: np.random.Generator
    ) -> None:
        self._rng, self.control_rate, self._points = rng, sample_rate / CONTROL_FRAMES, 0
        # in samples
        amplitudes = [strength * w.depth * sample_rate / (2 * np.pi * w.hz) for w in wobbles]
        self.sines, self.bands = [], []
        for wobble, amplitude in zip(wobbles, amplitudes, strict=True):
            if wobble.random:
                sections = np.tile(resonator(wobble.hz, WANDER_Q, self.control_rate), (WANDER_SECTIONS, 1))
                # of white noise through this filter, the deviation of the speed at a displacement of 1 / (2 pi hz)
                response = frequency_response(sections, RESPONSE_POINTS)
                hz = np.fft.rfftfreq(RESPONSE_POINTS, 1 / self.control_rate)
                speed = np.sqrt(np.mean(np.square(np.abs(response) * hz / wobble.hz)))
                band = StreamFilter(impulse_response(sections), 1)
                self.bands.append((sections, band, amplitude / np.sqrt(2) / speed))
            else:
                self.sines.append((wobble.hz, amplitude, rng.uniform(0, 2 * np.pi)))
        self.limit = REACH * float(np.hypot.reduce(amplitudes)) if wobbles else 0.0
        moves = self.limit > SMALLEST_REACH
        self.delay = int(np.ceil(self.limit)) + SINC_TAPS // 2 if moves else 0
        self._history = np.zeros((channels, 2 * self.delay), np.float32)
        self._last = self._displacement(1) if moves else np.zeros(1)

    def _displacement(self, count: int) -> NDArray[np.float64]:
        """Return the next control points in samples, shape (count,)."""
        time = np.arange(self._points, self._points + count) / self.control_rate
        self._points += count
        total = np.zeros(count)
        for hz, amplitude, phase in self.sines:
            total += amplitude * np.sin(2 * np.pi * hz * time + phase)
        for _, band, scale in self.bands:
            total += scale * band(self._rng.standard_normal((1, count)))[0]
        return np.asarray(self.limit * np.tanh(total / self.limit))

    def skip(self, frames: int) -> None:
        """Pass over a block of so many frames."""
        if self.delay:
            self._last = self._displacement(frames // CONTROL_FRAMES)[-1:]

    def __call__(self, block: Block) -> Block:
        """Replay a block, shape (channels, STAGE_FRAMES), `delay` samples late."""
        if self.delay == 0:
            return block
        count = block.shape[1]
        points = np.concatenate([self._last, self._displacement(count // CONTROL_FRAMES)])
        self._last = points[-1:]
        at = np.arange(count)
        # (count,), in samples of `joined`
        position = at + self.delay + np.interp(at, np.arange(len(points)) * CONTROL_FRAMES, points)
        joined = np.concatenate([self._history, block], axis=1)
        self._history = joined[:, count:]
        # (count,) and (count, SINC_TAPS): the first sample under the kernel, and the kernel at its phase
        ticks = (position * SINC_PHASES).astype(np.int64)
        first = ticks // SINC_PHASES - (SINC_TAPS // 2 - 1)
        # `take` copies whole rows, five times as fast as an index
        weights = SINC_TABLE.take(ticks % SINC_PHASES, axis=0)
        out = np.empty_like(block)
        for channel, samples in enumerate(joined):
            # (n, SINC_TAPS)
            spans = np.lib.stride_tricks.sliding_window_view(samples, SINC_TAPS)
            np.einsum("nt,nt->n", spans[first], weights, out=out[channel])
        return out


def _sinc_table() -> NDArray[np.float32]:
    """Return interpolation weights by phase, shape (SINC_PHASES, SINC_TAPS), each row of sum 1."""
    phase = (np.arange(SINC_PHASES)[:, None] + 0.5) / SINC_PHASES
    distance = np.arange(SINC_TAPS) - (SINC_TAPS // 2 - 1) - phase
    inside = np.sqrt(np.maximum(1 - (distance / (SINC_TAPS / 2)) ** 2, 0))
    table = np.sinc(distance) * np.i0(SINC_BETA * inside)
    return np.asarray(table / table.sum(axis=1, keepdims=True), np.float32)


SINC_TABLE = _sinc_table()
