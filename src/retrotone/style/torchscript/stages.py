"""Crosstalk, saturation, gain, unsteady speed and a converter as TorchScript modules."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from retrotone.style.media import wow
from retrotone.style.media.converter import FULL_BITS, ConverterStage
from retrotone.style.media.media import ChannelStage, GainStage, SaturationStage
from retrotone.style.torchscript.dials import DIALS
from retrotone.style.torchscript.filters import Wandering, between_points, counting
from retrotone.style.torchscript.noise import EVEN, numbered_noise

# Below this strength a curve is as good as straight, and float32 is too coarse for it.
STRAIGHT = 0.01


class Narrowed(nn.Module):
    """Of `ChannelStage`."""

    def __init__(self, stages: Sequence[ChannelStage], part: int) -> None:
        super().__init__()
        self.side = float(stages[-1].side)

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> the same shape."""
        middle = x.mean(0, keepdim=True)
        return middle + (1 - dials[0] * (1 - self.side)) * (x - middle)


class Saturated(nn.Module):
    """Of `SaturationStage`."""

    def __init__(self, stages: Sequence[SaturationStage], part: int) -> None:
        super().__init__()
        stage = stages[-1]
        self.drive, self.bias, self.straight = float(stage.drive), float(stage.bias), STRAIGHT
        self.offset, self.slope = float(stage.offset), float(stage.slope)

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> the same shape."""
        if self.drive == 0:
            return x
        strength = dials[0].clamp(min=self.straight)
        return (torch.tanh(strength * self.drive * x + self.bias) - self.offset) / (strength * self.slope)


class Amplified(nn.Module):
    """Of `GainStage` at each of STRENGTHS."""

    gains_db: Tensor

    def __init__(self, stages: Sequence[GainStage], part: int) -> None:
        super().__init__()
        self.register_buffer("gains_db", 20 * torch.tensor([float(stage.factor) for stage in stages]).log10())

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> the same shape."""
        place = dials[0] * (len(self.gains_db) - 1)
        below = place.long().clamp(max=len(self.gains_db) - 2)
        return x * 10 ** (torch.lerp(self.gains_db[below], self.gains_db[below + 1], place - below) / 20)


class Unsteady(nn.Module):
    """Of `WowStage`: playback at a varying speed."""

    sines: Tensor
    table: Tensor
    past: Tensor
    last: Tensor

    def __init__(self, stages: Sequence[wow.WowStage], part: int) -> None:
        super().__init__()
        stage = stages[-1]
        self.dial = DIALS.index("wow")
        self.delay, self.limit, self.rate = stage.delay, stage.limit, stage.control_rate
        self.step, self.phases, self.reach = wow.CONTROL_FRAMES, wow.SINC_PHASES, wow.SINC_TAPS // 2
        self.clock, self.noise = counting(), numbered_noise(part)
        self.bands = nn.ModuleList(Wandering(sections, EVEN * scale) for sections, _, scale in stage.bands)
        # (rate, displacement and phase; steady wobbles; 1)
        self.register_buffer("sines", torch.tensor(stage.sines, dtype=torch.float64).reshape(-1, 3, 1).swapaxes(0, 1))
        self.register_buffer("table", torch.from_numpy(wow.SINC_TABLE))
        self.register_buffer("past", torch.zeros(2, 2 * self.delay))
        self.register_buffer("last", torch.zeros(1, dtype=torch.float64))

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
        """(2, n) -> the same shape."""
        if self.delay == 0:
            return x
        count = x.shape[1]
        depth = dials[self.dial, self.step - 1 :: self.step]
        points = torch.cat([self.last, depth * self.displacement(len(depth))])
        self.last = points[-1:]
        position = torch.arange(count) + self.delay + between_points(points, self.step)
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

    def __init__(self, stages: Sequence[ConverterStage], part: int) -> None:
        super().__init__()
        stage = stages[-1]
        self.full_scale, self.hold = stage.full_scale, stage.hold
        # at strength 0 and 1
        self.bits = (FULL_BITS, 1 - math.log2(stage.step / stage.full_scale))
        self.clock = counting()
        self.register_buffer("past", torch.zeros(2, math.ceil(2 * stage.hold) + 2))

    def quantised(self, x: Tensor, strength: float) -> Tensor:
        """Return the values that the converter has for some."""
        bits = self.bits[0] + strength * (self.bits[1] - self.bits[0])
        step = self.full_scale * 2.0 ** (1 - bits)
        quantised: Tensor = torch.round(x.clamp(-self.full_scale, self.full_scale) / step) * step
        return quantised

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> the same shape."""
        strength = float(dials[0, -1])
        if self.hold <= 1:
            return self.quantised(x, strength)
        before = self.past.shape[1]
        joined = torch.cat([self.past, x], 1)
        self.past = joined[:, x.shape[1] :]
        now = self.clock(x.shape[1]).double()
        tick = torch.floor(now / self.hold)
        last = tick[0] - 1
        time = torch.arange(float(last), float(tick[-1]) + 1, dtype=torch.float64) * self.hold - (now[0] - before)
        below = time.long().clamp(max=joined.shape[1] - 2)
        share = (time - below).float()
        held = self.quantised(joined[:, below] * (1 - share) + joined[:, below + 1] * share, strength)
        index = (tick - last).long()
        fresh = (now - tick * self.hold).clamp(max=1.0).float()
        staircase = fresh * held[:, index] + (1 - fresh) * held[:, index - 1]
        return torch.lerp(x, staircase, dials[0])
