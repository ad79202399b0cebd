"""Noise, hum and clicks of a medium as TorchScript modules.

They are drawn from the number of the sample, so that a stream sounds the same however it is cut; they are other draws
than NumPy's, of the same distribution.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from retrotone.dsp.filters import impulse_response
from retrotone.rave.nn.streaming import Noise
from retrotone.style.media import noise as clicks
from retrotone.style.media.noise import CrackleStage, HumStage, NoiseStage
from retrotone.style.media.spectrum import SpectrumStage
from retrotone.style.torchscript.dials import DIALS
from retrotone.style.torchscript.filters import Response, counting

# Samples between the beginnings of two parts' noise: hours. Odd, and taken modulo NUMBERS, where the noise repeats.
APART, NUMBERS = 521_288_629, 1 << 32
# Deviation 1 for noise that is even between -1 and 1.
EVEN = math.sqrt(3)


class Hissing(nn.Module):
    """Of `NoiseStage` and `SpectrumStage`."""

    def __init__(self, stages: Sequence[NoiseStage | SpectrumStage], part: int) -> None:
        super().__init__()
        stage = stages[-1]
        self.dial = DIALS.index("noise")
        taps = stage.taps if isinstance(stage, SpectrumStage) else stage.gain * impulse_response(stage.sections)
        self.channels, self.swish, self.turn = stage.channels, stage.swish, stage.turn
        self.noise, self.clock, self.shape = numbered_noise(part), counting(), Response(EVEN * taps, self.channels)

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> the same shape."""
        added: Tensor = self.shape(self.noise(x.new_zeros(1, self.channels, x.shape[1]))[0])
        swell = 1 + self.swish * torch.sin(self.turn * self.clock(x.shape[1]).double())
        return x + dials[self.dial] * added * swell.float()


class Humming(nn.Module):
    """Of `HumStage`; it follows the dial of the noise."""

    def __init__(self, stages: Sequence[HumStage], part: int) -> None:
        super().__init__()
        stage = stages[-1]
        self.dial = DIALS.index("noise")
        self.step, self.peak, self.clock = stage.step, float(stage.gain), counting()

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> the same shape."""
        angle = self.step * self.clock(x.shape[1]).double()
        return x + dials[self.dial] * self.peak * torch.sin(angle).float()


class Crackling(nn.Module):
    """Of `CrackleStage`: clicks, and a scratch once a turn."""

    time: Tensor
    tail: Tensor
    scratch: Tensor

    def __init__(self, stages: Sequence[CrackleStage], part: int) -> None:
        super().__init__()
        stage = stages[-1]
        self.dial = DIALS.index("crackle")
        crackle, self.channels, self.gain, self.turn = stage.crackle, stage.channels, stage.gain, float(stage.turn)
        self.chance = crackle.per_second * float(stage.time[1] - stage.time[0])
        self.decay, self.ring = crackle.decay_s, crackle.ring_hz
        self.decays, self.rings, self.shares = list(clicks.DECAYS), list(clicks.RINGS), list(clicks.SHARES)
        self.tail_index, self.largest = clicks.TAIL_INDEX, clicks.LARGEST_CLICK
        self.memory, self.spread, self.mean = clicks.SCRATCH_MEMORY, clicks.SCRATCH_SPREAD, clicks.SCRATCH_MEAN
        self.noise, self.clock = numbered_noise(part), counting()
        self.lowpass = Response(stage.lowpass.taps, self.channels)
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
        """(2, n) -> the same shape."""
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


def numbered_noise(part: int) -> Noise:
    """Return noise that goes on from call to call, from -1 to 1, other noise for every part."""
    noise = Noise()
    noise.clock.stream()
    noise.clock.cache.fill_(part * APART % NUMBERS)
    return noise
