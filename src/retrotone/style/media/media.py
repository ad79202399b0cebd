"""What a recording medium does to a signal: the building blocks that `eras` puts together.

The frozen dataclasses (`Highpass`, `Wobble`, `Noise`, ...) are physical descriptions at full strength. The
classes that end in ``Stage`` run them: callables that take and give blocks of shape (channels, BLOCK_FRAMES)
and keep their state in between. Levels are in dB re full scale for a programme at ``REFERENCE_LUFS``.

Every ingredient scales with its own physical quantity (corner, depth, drive, level, bits), never by mixing
the treated signal with the dry one: their delays differ, and the sum would comb-filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, iirpeak, lfilter, sosfilt

from retrotone.types import Block

BLOCK_FRAMES = 1 << 15  # every stage sees blocks of this size, so output bytes never depend on the caller's
REFERENCE_LUFS = -20.0
OPEN_LOW, OPEN_HIGH = 20.0, 20_000.0  # Hz, the limits of hearing: where a corner is at strength 0
USABLE = (
    0.45  # of the sample rate: above, the bilinear transform cramps a filter that has nothing left to shape
)

CONTROL_FRAMES = 32  # speed changes slowly: one displacement per 32 samples, straight lines in between
SINC_TAPS, SINC_PHASES, SINC_BETA = 12, 1024, 6.0  # flat to 0.35 of the sample rate, images about -60 dB
WANDER_Q = 1.0  # about 1.4 octaves wide
REACH = 3.0  # the summed displacement is soft-limited to 3 times its root-sum-square amplitude

TAIL_INDEX, LARGEST_CLICK = 1.6, 15.0  # Pareto sizes, by ear: few loud clicks among many small ones
# Log-size of one scratch from turn to turn (first-order autoregression), by ear.
SCRATCH_MEMORY, SCRATCH_SPREAD, SCRATCH_MEAN = 0.85, 0.7, 1.0


class Filter(Protocol):
    """Anything that becomes second-order sections at a rate and a strength."""

    def sections(self, sample_rate: int, strength: float) -> NDArray[np.float64]:
        """Return shape (n, 6); n is 0 when the corner is out of the band."""
        ...


def _none() -> NDArray[np.float64]:
    return np.zeros((0, 6))


def corner(hz: float, open_hz: float, strength: float) -> float:
    """Return the corner in Hz on the way, in log-frequency, from open to its full value."""
    return float(open_hz * (hz / open_hz) ** strength)


@dataclass(frozen=True)
class Highpass:
    """Butterworth high-pass; slope 6 dB per octave and order."""

    hz: float
    order: int = 2

    def sections(self, sample_rate: int, strength: float) -> NDArray[np.float64]:
        """Second-order sections, shape (n, 6)."""
        hz = corner(self.hz, OPEN_LOW, strength)
        return np.asarray(butter(self.order, hz, "highpass", fs=sample_rate, output="sos"))


@dataclass(frozen=True)
class Lowpass:
    """Butterworth low-pass; slope 6 dB per octave and order."""

    hz: float
    order: int = 4

    def sections(self, sample_rate: int, strength: float) -> NDArray[np.float64]:
        """Second-order sections, shape (n, 6); none when the corner lies above 0.45 of the rate."""
        hz = corner(self.hz, OPEN_HIGH, strength)
        if hz > USABLE * sample_rate:
            return _none()
        return np.asarray(butter(self.order, hz, "lowpass", fs=sample_rate, output="sos"))


@dataclass(frozen=True)
class Peak:
    """One resonance (Bristow-Johnson's peaking biquad, "Cookbook formulae for audio EQ")."""

    hz: float
    gain_db: float
    q: float

    def sections(self, sample_rate: int, strength: float) -> NDArray[np.float64]:
        """Second-order section, shape (1, 6), or none above 0.45 of the rate."""
        if self.hz > USABLE * sample_rate:
            return _none()
        a, w = 10 ** (strength * self.gain_db / 40), 2 * np.pi * self.hz / sample_rate
        alpha, c = np.sin(w) / (2 * self.q), -2 * np.cos(w)
        section = np.array([1 + alpha * a, c, 1 - alpha * a, 1 + alpha / a, c, 1 - alpha / a])
        return np.asarray(section / section[3])[None]


@dataclass(frozen=True)
class Shelf:
    """First-order high shelf: gain_db far above hz, half of it at hz; -gain_db is the exact inverse."""

    hz: float
    gain_db: float

    def sections(self, sample_rate: int, strength: float) -> NDArray[np.float64]:
        """Second-order section, shape (1, 6), or none above 0.45 of the rate."""
        if self.hz > USABLE * sample_rate:
            return _none()
        k, a = np.tan(np.pi * self.hz / sample_rate), 10 ** (strength * self.gain_db / 40)
        section = np.array([k + a, k - a, 0.0, k + 1 / a, k - 1 / a, 0.0])
        return np.asarray(section / section[3])[None]


class FilterStage:
    """Filters in series, with their state.

    Parameters
    ----------
    filters : sequence of Filter
        In order.
    channels, sample_rate : int
        Of the blocks.
    strength : float
        In (0, 1].
    """

    def __init__(self, filters: tuple[Filter, ...], channels: int, sample_rate: int, strength: float) -> None:
        self._sos = np.concatenate([_none(), *(f.sections(sample_rate, strength) for f in filters)])
        self._state = np.zeros((len(self._sos), channels, 2))

    def __call__(self, block: Block) -> Block:
        """Filter a block, shape (channels, n)."""
        if len(self._sos) == 0:
            return block
        out: NDArray[np.float64]
        out, self._state = sosfilt(self._sos, block, axis=1, zi=self._state)
        self._state[np.abs(self._state) < 1e-30] = 0.0  # a decaying tail in denormals runs many times slower
        return out.astype(np.float32)


class ChannelStage:
    """Crosstalk between two channels, after which a mono medium at full strength carries only one.

    Parameters
    ----------
    separation_db : float
        What one channel leaks into the other, in dB below itself; 0 is mono.
    channels : int
        Of the content.
    strength : float
        In (0, 1].

    Attributes
    ----------
    channels : int
        Of what comes out.
    """

    def __init__(self, separation_db: float, channels: int, strength: float) -> None:
        leak = 10 ** (-separation_db / 20)
        self._side = np.float32(1 - strength * (1 - (1 - leak) / (1 + leak)))
        self.channels = 1 if self._side == 0 else channels

    def __call__(self, block: Block) -> Block:
        """Narrow a block, shape (channels, n), to (self.channels, n)."""
        if len(block) == 1:
            return block
        middle: Block = block.mean(axis=0, keepdims=True)
        return middle if self.channels == 1 else middle + self._side * (block - middle)


class SaturationStage:
    """Memoryless soft clip ``tanh(drive x + bias)``, unity gain for small signals, no offset at rest.

    The bias makes it asymmetric (even harmonics). It is not oversampled: the recording filters
    before it and the playback filters after it hold the band where it folds over, and at these drives the
    third harmonic of what music has up there lies below the medium's own noise.

    Parameters
    ----------
    drive, bias : float
        At full strength; the drive scales with `strength`.
    strength : float
        In (0, 1].
    """

    def __init__(self, drive: float, bias: float, strength: float) -> None:
        self._drive, self._bias = np.float32(drive * strength), np.float32(bias)
        self._offset = np.tanh(self._bias)
        self._slope = self._drive * (1 - self._offset**2)

    def __call__(self, block: Block) -> Block:
        """Clip a block softly."""
        if self._drive == 0:
            return block
        clipped: Block = (np.tanh(self._drive * block + self._bias) - self._offset) / self._slope
        return clipped


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
        A band of noise around `hz` in place of a steady sine.
    """

    hz: float
    depth: float
    random: bool = False


class WowStage:
    """Wow and flutter: playback at a varying speed by windowed-sinc interpolation.

    The displacement (the integral of the speed deviation) swings about zero, so nothing drifts;
    what comes out is `delay` samples late, and the caller takes that out.

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
    """

    def __init__(
        self,
        wobbles: tuple[Wobble, ...],
        channels: int,
        sample_rate: int,
        strength: float,
        rng: np.random.Generator,
    ) -> None:
        self._rng, self._control_rate, self._points = rng, sample_rate / CONTROL_FRAMES, 0
        amplitudes = [strength * w.depth * sample_rate / (2 * np.pi * w.hz) for w in wobbles]  # in samples
        self._sines, self._bands = [], []
        for wobble, amplitude in zip(wobbles, amplitudes, strict=True):
            if wobble.random:
                b, a = iirpeak(wobble.hz, WANDER_Q, fs=self._control_rate)
                noise_share = np.pi * wobble.hz / WANDER_Q / self._control_rate  # of white noise's power
                self._bands.append((b, a, np.zeros(2), amplitude / np.sqrt(2 * noise_share)))
            else:
                self._sines.append((wobble.hz, amplitude, rng.uniform(0, 2 * np.pi)))
        self._limit = REACH * float(np.hypot.reduce(amplitudes)) if wobbles else 0.0
        self.delay = int(np.ceil(self._limit)) + SINC_TAPS // 2 if wobbles else 0
        self._history = np.zeros((channels, 2 * self.delay), np.float32)
        self._last = self._displacement(1) if wobbles else np.zeros(1)

    def _displacement(self, count: int) -> NDArray[np.float64]:
        """Return the next control points in samples, shape (count,)."""
        time = np.arange(self._points, self._points + count) / self._control_rate
        self._points += count
        total = np.zeros(count)
        for hz, amplitude, phase in self._sines:
            total += amplitude * np.sin(2 * np.pi * hz * time + phase)
        for b, a, state, scale in self._bands:
            band, state[:] = lfilter(b, a, self._rng.standard_normal(count), zi=state)
            total += scale * band
        return np.asarray(self._limit * np.tanh(total / self._limit))

    def __call__(self, block: Block) -> Block:
        """Replay a block, shape (channels, BLOCK_FRAMES), `delay` samples late."""
        if self.delay == 0:
            return block
        count = block.shape[1]
        points = np.concatenate([self._last, self._displacement(count // CONTROL_FRAMES)])
        self._last = points[-1:]
        at = np.arange(count)
        position = at + self.delay + np.interp(at, np.arange(len(points)) * CONTROL_FRAMES, points)
        joined = np.concatenate([self._history, block], axis=1)
        self._history = joined[:, count:]
        ticks = (position * SINC_PHASES).astype(np.int64)
        first, weights = ticks // SINC_PHASES - (SINC_TAPS // 2 - 1), SINC_TABLE[ticks % SINC_PHASES]
        out = np.empty_like(block)
        for channel, samples in enumerate(joined):
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

    level_db: float
    low_hz: float
    high_hz: float
    swish: float = 0.0


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
    """

    def __init__(
        self,
        noise: Noise,
        channels: int,
        sample_rate: int,
        strength: float,
        turns_hz: float,
        rng: np.random.Generator,
    ) -> None:
        f = np.arange(OPEN_LOW, OPEN_HIGH, 10.0)
        density = 1 / (1 + (f / noise.high_hz) ** 2) / (1 + (noise.low_hz / f) ** 2)
        power = 10.0 * float(density.sum())  # its noise bandwidth in Hz
        self._gain = np.float32(strength * 10 ** (noise.level_db / 20) * np.sqrt(sample_rate / 2 / power))
        filters: list[NDArray[np.float64]] = [
            butter(1, noise.low_hz, "highpass", fs=sample_rate, output="sos")
        ]
        if noise.high_hz < USABLE * sample_rate:
            filters.append(butter(1, noise.high_hz, "lowpass", fs=sample_rate, output="sos"))
        self._sos = np.concatenate(filters)
        self._state = np.zeros((len(self._sos), channels, 2))
        self._swish, self._turn, self._start = noise.swish, 2 * np.pi * turns_hz / sample_rate, 0
        self._rng, self._channels = rng, channels

    def __call__(self, block: Block) -> Block:
        """Add noise to a block."""
        count = block.shape[1]
        white = self._rng.standard_normal((self._channels, count), dtype=np.float32) * self._gain
        shaped, self._state = sosfilt(self._sos, white, axis=1, zi=self._state)
        if self._swish:
            shaped *= 1 + self._swish * np.sin(self._turn * np.arange(self._start, self._start + count))
        self._start += count
        return np.asarray(block + shaped, np.float32)


@dataclass(frozen=True)
class Hum:
    """A steady mains tone."""

    hz: float
    level_db: float


class HumStage:
    """Adds one `Hum`, the same in all channels."""

    def __init__(self, hum: Hum, sample_rate: int, strength: float) -> None:
        self._step, self._start = 2 * np.pi * hum.hz / sample_rate, 0
        self._gain = strength * 10 ** (hum.level_db / 20) * np.sqrt(2)

    def __call__(self, block: Block) -> Block:
        """Add hum to a block."""
        at = np.arange(self._start, self._start + block.shape[1])
        self._start += block.shape[1]
        return np.asarray(block + self._gain * np.sin(self._step * at), np.float32)


@dataclass(frozen=True)
class Crackle:
    """Clicks: a Poisson process of short, decaying rings with Pareto sizes, and a scratch met every turn.

    Parameters
    ----------
    per_second : float
        Mean rate.
    level_db : float
        Peak of the smallest click; about one in forty is 20 dB above it.
    ring_hz, decay_s : float
        Mean pitch and time constant of a click's ring.
    scratch : bool
        Also one scratch, whose size waxes and wanes over the turns.
    """

    per_second: float
    level_db: float
    ring_hz: float
    decay_s: float
    scratch: bool = False


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
        self._crackle, self._rng, self._start = crackle, rng, 0
        self._gain = strength * 10 ** (crackle.level_db / 20)
        self._turn = sample_rate / turns_hz if crackle.scratch else np.inf  # samples
        self._scratch = 0.0
        self._time = np.arange(int(np.ceil(6 * crackle.decay_s * sample_rate)) + 1) / sample_rate
        self._tail = np.zeros((channels, len(self._time)), np.float32)

    def __call__(self, block: Block) -> Block:
        """Add clicks to a block."""
        rng, count, channels = self._rng, block.shape[1], len(self._tail)
        clicks = rng.poisson(self._crackle.per_second * count * (self._time[1] - self._time[0]))
        at = rng.integers(0, count, clicks)
        sizes = np.minimum((1 - rng.random(clicks)) ** (-1 / TAIL_INDEX), LARGEST_CLICK)
        for turn in np.arange(np.ceil(self._start / self._turn), np.ceil((self._start + count) / self._turn)):
            self._scratch = SCRATCH_MEMORY * self._scratch + SCRATCH_SPREAD * rng.normal()
            at = np.append(at, round(turn * self._turn) - self._start)
            sizes = np.append(sizes, min(float(np.exp(SCRATCH_MEAN + self._scratch)), LARGEST_CLICK))
        at = np.minimum(at, count - 1)
        self._start += count
        shape = (len(at), 1)
        decay = self._crackle.decay_s * rng.uniform(0.4, 1.2, shape)
        ring = self._crackle.ring_hz * rng.uniform(0.6, 1.4, shape)
        sign = rng.choice([-1.0, 1.0], shape)
        pulses = sign * sizes[:, None] * np.exp(-self._time / decay) * np.cos(2 * np.pi * ring * self._time)
        out = np.zeros((channels, count + len(self._time)))
        for channel in out:
            share = rng.uniform(0.3, 1.0, shape) if channels > 1 else 1.0
            np.add.at(channel, at[:, None] + np.arange(len(self._time)), self._gain * share * pulses)
        out[:, : len(self._time)] += self._tail
        self._tail = out[:, count:].astype(np.float32)
        return block + out[:, :count].astype(np.float32)


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

    bits: float
    sample_rate: float
    full_scale: float


class ConverterStage:
    """Sample, quantise, and hold each value until the next (zero-order hold), seen at the content's own rate.

    The held staircase is averaged over each output sample, so that steps fall between samples without jitter.
    Where the content's rate is below the converter's, only the quantiser acts. Strength scales what the
    staircase adds to the signal (folded treble, images); the two lie 19 us apart, too close to comb-filter.

    Parameters
    ----------
    converter : Converter
        What it is at full strength.
    channels, sample_rate : int
        Of the blocks.
    strength : float
        In (0, 1]; the bits count down from 24.
    """

    def __init__(self, converter: Converter, channels: int, sample_rate: int, strength: float) -> None:
        self._full_scale = converter.full_scale
        self._step = converter.full_scale * 2 ** (1 - (24 + strength * (converter.bits - 24)))
        self._hold, self._strength = sample_rate / converter.sample_rate, np.float32(strength)  # samples
        self._history = np.zeros((channels, int(np.ceil(2 * self._hold)) + 2), np.float32)
        self._start = 0

    def __call__(self, block: Block) -> Block:
        """Convert a block, shape (channels, n)."""
        if self._hold <= 1:
            return self._quantise(block)
        before, count = self._history.shape[1], block.shape[1]
        joined = np.concatenate([self._history, block], axis=1)
        self._history = joined[:, count:]
        now = np.arange(self._start, self._start + count)
        self._start += count
        tick = np.floor(now / self._hold)
        last = tick[0] - 1
        # when each value is taken, as an index of `joined`
        time = np.arange(last, tick[-1] + 1) * self._hold - (now[0] - before)
        below = np.minimum(time.astype(np.int64), joined.shape[1] - 2)
        share = (time - below).astype(np.float32)
        held = self._quantise(joined[:, below] * (1 - share) + joined[:, below + 1] * share)
        index = (tick - last).astype(np.int64)
        fresh = np.minimum(now - tick * self._hold, 1.0).astype(np.float32)
        staircase = fresh * held[:, index] + (1 - fresh) * held[:, index - 1]
        return np.asarray(block + self._strength * (staircase - block))

    def _quantise(self, values: Block) -> Block:
        steps = np.round(np.clip(values, -self._full_scale, self._full_scale) / self._step)
        return (steps * self._step).astype(np.float32)
