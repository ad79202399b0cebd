"""A medium as a TorchScript module, for a channel strip: the stages of `retrotone.style.media`, one by one.

Each stage is made into a module that does the same in PyTorch, with the stage's own numbers. Filters are the impulse
responses of the stages. Noise, clicks and unsteady speed are drawn from the number of the sample, so that a stream
sounds the same however it is cut; they are other draws than NumPy's, of the same distribution.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from retrotone.errors import StyleError
from retrotone.style.media import noise as clicks
from retrotone.style.media import wow
from retrotone.style.media.chain import Parts, medium_stages
from retrotone.style.media.converter import ConverterStage
from retrotone.style.media.delay import DelayStage
from retrotone.style.media.filters import FilterStage
from retrotone.style.media.media import ChannelStage, GainStage, SaturationStage
from retrotone.style.media.noise import CrackleStage, HumStage, NoiseStage
from retrotone.style.media.spectrum import SpectrumStage
from retrotone.style.streams import Response, Wandering, counting, impulse_response, numbered_noise, section_response

# How much of some parts is wanted, from 0 to 1, in the order of the tensor `dials` that every module gets.
DIALS = ("noise", "crackle", "wow")
# Deviation 1 for noise that is even between -1 and 1.
EVEN = math.sqrt(3)


class Strip(nn.Module):
    """A whole medium at full strength.

    Parameters
    ----------
    medium : Medium
    sample_rate : int
        In Hz.
    makeup_db, gain_db : float
        Before the noise (see `retrotone.style.media.chain.makeup_db`), and at the end.

    Attributes
    ----------
    delay : int
        Samples by which the output lags.

    Raises
    ------
    StyleError
        A part that has no module here.
    """

    def __init__(self, medium: Parts, sample_rate: int, makeup_db: float, gain_db: float) -> None:
        super().__init__()
        stages, self.delay = medium_stages(medium, 2, sample_rate, makeup_db)
        modules, width = [], 2
        for part, stage in enumerate(stages):
            if type(stage) not in MODULES:
                name = type(stage).__name__.removesuffix("Stage").lower()
                raise StyleError(f"a medium with {name} cannot become a Neutone model: take it out of the preset")
            modules.append(MODULES[type(stage)](stage, width, part))
            width = stage.channels if isinstance(stage, ChannelStage) else width
        self.stages, self.gain = nn.ModuleList(modules), 10 ** (gain_db / 20)

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> the same shape; n is a multiple of 32. See `DIALS`."""
        for stage in self.stages:
            x = stage(x, dials)
        return (self.gain * x).expand(2, -1)


class Filtered(nn.Module):
    """Of `FilterStage` and `DelayStage`."""

    def __init__(self, stage: FilterStage | DelayStage, width: int, part: int) -> None:
        super().__init__()
        self.response = Response(impulse_response(stage, width), width)

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(channels, n) -> the same shape."""
        filtered: Tensor = self.response(x)
        return filtered


class Narrowed(nn.Module):
    """Of `ChannelStage`."""

    def __init__(self, stage: ChannelStage, width: int, part: int) -> None:
        super().__init__()
        self.side, self.mono = float(stage.side), stage.channels == 1

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> (1 or 2, n)."""
        middle = x.mean(0, keepdim=True)
        return middle if self.mono else middle + self.side * (x - middle)


class Saturated(nn.Module):
    """Of `SaturationStage`."""

    def __init__(self, stage: SaturationStage, width: int, part: int) -> None:
        super().__init__()
        self.drive, self.bias = float(stage.drive), float(stage.bias)
        self.offset, self.slope = float(stage.offset), float(stage.slope)

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(channels, n) -> the same shape."""
        return x if self.drive == 0 else (torch.tanh(self.drive * x + self.bias) - self.offset) / self.slope


class Amplified(nn.Module):
    """Of `GainStage`."""

    def __init__(self, stage: GainStage, width: int, part: int) -> None:
        super().__init__()
        self.factor = float(stage.factor)

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(channels, n) -> the same shape."""
        return self.factor * x


class Unsteady(nn.Module):
    """Of `WowStage`: playback at a varying speed."""

    sines: Tensor
    table: Tensor
    past: Tensor
    last: Tensor
    depth: Tensor

    def __init__(self, stage: wow.WowStage, width: int, part: int) -> None:
        super().__init__()
        self.dial = DIALS.index("wow")
        self.delay, self.limit, self.rate = stage.delay, stage.limit, stage.control_rate
        self.step, self.phases, self.reach = wow.CONTROL_FRAMES, wow.SINC_PHASES, wow.SINC_TAPS // 2
        self.clock, self.noise = counting(), numbered_noise(part)
        self.bands = nn.ModuleList(Wandering(sections, EVEN * scale) for sections, _, scale in stage.bands)
        # (rate, displacement and phase; steady wobbles; 1)
        self.register_buffer("sines", torch.tensor(stage.sines, dtype=torch.float64).reshape(-1, 3, 1).swapaxes(0, 1))
        self.register_buffer("table", torch.from_numpy(wow.SINC_TABLE))
        self.register_buffer("past", torch.zeros(width, 2 * self.delay))
        self.register_buffer("last", torch.zeros(1, dtype=torch.float64))
        self.register_buffer("depth", torch.ones(1, dtype=torch.float64))

    def displacement(self, count: int) -> Tensor:
        """Return the next control points in samples, shape (count,)."""
        time = self.clock(count).double() / self.rate
        hz, samples, phase = self.sines[0], self.sines[1], self.sines[2]
        total = (samples * torch.sin(2 * math.pi * hz * time + phase)).sum(0)
        white = self.noise(torch.zeros(1, max(len(self.bands), 1), count))[0]
        for number, band in enumerate(self.bands):
            total = total + band(white[number])
        return self.limit * torch.tanh(total / self.limit)

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(channels, n) -> the same shape."""
        if self.delay == 0:
            return x
        count = x.shape[1]
        steps = count // self.step
        # a turn of the dial is spread over the buffer, lest it clicks
        share = torch.arange(1, steps + 1) / steps
        depth = self.depth + share * (dials[self.dial] - self.depth)
        points = torch.cat([self.last, depth * self.displacement(steps)])
        self.last, self.depth = points[steps:], depth[steps - 1 :]
        at = torch.arange(count)
        before = at // self.step
        between = (at % self.step) / self.step
        position = at + self.delay + points[before] + between * (points[before + 1] - points[before])
        joined = torch.cat([self.past, x], 1)
        self.past = joined[:, count:]
        ticks = (position * self.phases).long()
        first = ticks // self.phases - (self.reach - 1)
        # (channels, n, taps)
        spans = joined[:, first[:, None] + torch.arange(2 * self.reach)]
        return (spans * self.table[ticks % self.phases]).sum(-1)


class Converted(nn.Module):
    """Of `ConverterStage`: an early sampler's staircase."""

    past: Tensor

    def __init__(self, stage: ConverterStage, width: int, part: int) -> None:
        super().__init__()
        self.full_scale, self.step, self.hold = stage.full_scale, stage.step, stage.hold
        self.clock = counting()
        self.register_buffer("past", torch.zeros(width, math.ceil(2 * stage.hold) + 2))

    def quantised(self, x: Tensor) -> Tensor:
        """Return the values that the converter has for some."""
        return torch.round(x.clamp(-self.full_scale, self.full_scale) / self.step) * self.step

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(channels, n) -> the same shape."""
        if self.hold <= 1:
            return self.quantised(x)
        before = self.past.shape[1]
        joined = torch.cat([self.past, x], 1)
        self.past = joined[:, x.shape[1] :]
        now = self.clock(x.shape[1]).double()
        tick = torch.floor(now / self.hold)
        last = tick[0] - 1
        time = torch.arange(float(last), float(tick[-1]) + 1, dtype=torch.float64) * self.hold - (now[0] - before)
        below = time.long().clamp(max=joined.shape[1] - 2)
        share = (time - below).float()
        held = self.quantised(joined[:, below] * (1 - share) + joined[:, below + 1] * share)
        index = (tick - last).long()
        fresh = (now - tick * self.hold).clamp(max=1.0).float()
        staircase: Tensor = fresh * held[:, index] + (1 - fresh) * held[:, index - 1]
        return staircase


class Hissing(nn.Module):
    """Of `NoiseStage` and `SpectrumStage`."""

    def __init__(self, stage: NoiseStage | SpectrumStage, width: int, part: int) -> None:
        super().__init__()
        self.dial = DIALS.index("noise")
        taps = stage.taps if isinstance(stage, SpectrumStage) else stage.gain * section_response(stage.sections)
        self.channels, self.swish, self.turn = stage.channels, stage.swish, stage.turn
        self.noise, self.clock, self.shape = numbered_noise(part), counting(), Response(EVEN * taps, self.channels)

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(channels, n) -> the same shape."""
        added: Tensor = self.shape(self.noise(x.new_zeros(1, self.channels, x.shape[1]))[0])
        swell = 1 + self.swish * torch.sin(self.turn * self.clock(x.shape[1]).double())
        return x + dials[self.dial] * added * swell.float()


class Humming(nn.Module):
    """Of `HumStage`; it follows the dial of the noise."""

    def __init__(self, stage: HumStage, width: int, part: int) -> None:
        super().__init__()
        self.dial = DIALS.index("noise")
        self.step, self.peak, self.clock = stage.step, float(stage.gain), counting()

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(channels, n) -> the same shape."""
        angle = self.step * self.clock(x.shape[1]).double()
        return x + dials[self.dial] * self.peak * torch.sin(angle).float()


class Crackling(nn.Module):
    """Of `CrackleStage`: clicks, and a scratch once a turn."""

    time: Tensor
    tail: Tensor
    scratch: Tensor

    def __init__(self, stage: CrackleStage, width: int, part: int) -> None:
        super().__init__()
        self.dial = DIALS.index("crackle")
        crackle, self.channels, self.gain, self.turn = stage.crackle, stage.channels, stage.gain, float(stage.turn)
        self.chance = crackle.per_second * float(stage.time[1] - stage.time[0])
        self.decay, self.ring = crackle.decay_s, crackle.ring_hz
        self.decays, self.rings, self.shares = list(clicks.DECAYS), list(clicks.RINGS), list(clicks.SHARES)
        self.tail_index, self.largest = clicks.TAIL_INDEX, clicks.LARGEST_CLICK
        self.memory, self.spread, self.mean = clicks.SCRATCH_MEMORY, clicks.SCRATCH_SPREAD, clicks.SCRATCH_MEAN
        self.noise, self.clock = numbered_noise(part), counting()
        self.lowpass = Response(impulse_response(stage.lowpass, self.channels), self.channels)
        self.register_buffer("time", torch.from_numpy(stage.time.astype(np.float32)))
        self.register_buffer("tail", torch.zeros(self.channels, len(stage.time)))
        self.register_buffer("scratch", torch.zeros(1))

    def sizes(self, drawn: Tensor, count: int) -> Tensor:
        """Return the size of the click at each sample, 0 where there is none, shape (count,), from even numbers."""
        sizes = ((1 - drawn[1]) ** (-1 / self.tail_index)).clamp(max=self.largest)
        sizes = torch.where(drawn[0] < self.chance, sizes, torch.zeros_like(sizes))
        if not math.isinf(self.turn):
            turns = torch.floor(self.clock(count + 1).double() / self.turn)
            self.clock.cache.sub_(1)
            for at in torch.nonzero(turns[1:] > turns[:-1]).flatten():
                normal = math.sqrt(2) * torch.erfinv((2 * drawn[2, at] - 1).clamp(-0.999999, 0.999999))
                self.scratch = self.memory * self.scratch + self.spread * normal
                sizes[at] = torch.exp(self.mean + self.scratch[0]).clamp(max=self.largest)
        return sizes

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(channels, n) -> the same shape."""
        count, length = x.shape[1], len(self.time)
        # seven kinds of numbers between 0 and 1 for each sample, of which clicks take theirs
        drawn = (self.noise(x.new_zeros(1, 6 + self.channels, count))[0] + 1) / 2
        sizes = self.sizes(drawn, count)
        at = torch.nonzero(sizes).flatten()
        drawn = drawn[:, at]
        decay = self.decay * (self.decays[0] + drawn[3] * (self.decays[1] - self.decays[0]))
        ring = self.ring * (self.rings[0] + drawn[4] * (self.rings[1] - self.rings[0]))
        signed = self.gain * sizes[at] * torch.sign(drawn[5] - 0.5)
        # (clicks, samples of a click)
        pulses = signed[:, None] * torch.exp(-self.time / decay[:, None])
        pulses = pulses * torch.cos(2 * math.pi * ring[:, None] * self.time)
        places = (at[:, None] + torch.arange(length)).flatten()
        out = x.new_zeros(self.channels, count + length)
        for channel in range(self.channels):
            share = self.shares[0] + drawn[6 + channel] * (self.shares[1] - self.shares[0])
            heard = pulses if self.channels == 1 else share[:, None] * pulses
            out[channel].index_add_(0, places, heard.flatten())
        out[:, :length] += self.tail
        self.tail = out[:, count:]
        added: Tensor = self.lowpass(out[:, :count])
        return x + dials[self.dial] * added


Maker: TypeAlias = Callable[[Any, int, int], nn.Module]
# The module of each stage; it takes the stage, the channels that come in, and a number that no other stage has.
MODULES: Mapping[type, Maker] = {
    ChannelStage: Narrowed,
    DelayStage: Filtered,
    FilterStage: Filtered,
    SaturationStage: Saturated,
    wow.WowStage: Unsteady,
    ConverterStage: Converted,
    GainStage: Amplified,
    NoiseStage: Hissing,
    SpectrumStage: Hissing,
    HumStage: Humming,
    CrackleStage: Crackling,
}
