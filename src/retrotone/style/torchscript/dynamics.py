"""The compressor and the limiter of a medium as TorchScript modules."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from retrotone.dsp.loudness import OVERSAMPLING
from retrotone.style.media import dynamics
from retrotone.style.media.dynamics import CompressionStage, LimiterStage
from retrotone.style.torchscript.filters import between_points

# Sinc in a Kaiser window, by which the limiter looks between the samples; taps to either side.
PEAK_REACH, PEAK_BETA = 16, 6.0


class Compressed(nn.Module):
    """Of `CompressionStage`."""

    last: Tensor

    def __init__(self, stages: Sequence[CompressionStage], part: int) -> None:
        super().__init__()
        stage = stages[-1]
        self.threshold_db, self.slope, self.silent = stage.threshold_db, stage.slope, dynamics.SILENT_POWER
        self.attack, self.release, self.forget = stage.attack, stage.release, stage.forget
        self.step, self.power = dynamics.CONTROL_FRAMES, 0.0
        self.register_buffer("last", torch.zeros(1))

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> the same shape."""
        powers: list[float] = x.square().mean(0).reshape(-1, self.step).mean(1).tolist()
        slope, reduction = self.slope * float(dials[0, -1]), float(self.last)
        reductions: list[float] = []
        for power in powers:
            self.power = power + self.forget * (self.power - power)
            wanted = slope * max(10 * math.log10(self.power + self.silent) - self.threshold_db, 0.0)
            keep = self.attack if wanted > reduction else self.release
            reduction = wanted + keep * (reduction - wanted)
            reductions.append(reduction)
        points = torch.cat([self.last, torch.tensor(reductions)])
        self.last = points[-1:]
        return x * 10 ** (-between_points(points, self.step) / 20)


class Limited(nn.Module):
    """Of `LimiterStage`."""

    phases: Tensor
    past: Tensor

    def __init__(self, stages: Sequence[LimiterStage], part: int) -> None:
        super().__init__()
        stage = stages[-1]
        # the ceiling comes down to this from `range_db` above it
        self.ceiling, self.range_db = stage.ceiling, stage.range_db
        self.reach, self.delay, self.peak_reach = stage.reach, stage.delay, PEAK_REACH
        # at 1/4, 2/4 and 3/4 of the way from a sample to the next
        at = np.arange(1, OVERSAMPLING)[:, None] / OVERSAMPLING + PEAK_REACH - 1 - np.arange(2 * PEAK_REACH)
        taps = np.sinc(at) * np.i0(PEAK_BETA * np.sqrt(np.maximum(1 - (at / PEAK_REACH) ** 2, 0)))
        taps /= taps.sum(axis=1, keepdims=True)
        self.register_buffer("phases", torch.from_numpy(taps[:, None].astype(np.float32)))
        self.register_buffer("past", torch.zeros(2, 2 * self.delay))

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> the same shape, `delay` samples late."""
        count, reach = x.shape[1], self.reach
        joined = torch.cat([self.past, x], 1)
        self.past = joined[:, count:]
        ceiling = self.ceiling * 10 ** ((1 - float(dials[0, -1])) * self.range_db / 20)
        between = functional.conv1d(joined[:, None], self.phases).abs().amax((0, 1))
        between = torch.constant_pad_nd(between, [self.peak_reach - 1, self.peak_reach])
        peaks = torch.maximum(joined.abs().amax(0), between)
        needed = (ceiling / peaks.clamp(min=1e-9)).clamp(max=1.0)
        if float(needed.min()) < 1:
            held = -functional.max_pool1d(-needed[None, None], 2 * reach + 1, 1, reach)
            smooth = functional.avg_pool1d(held, 2 * reach + 1, 1, reach)[0, 0]
            joined = joined * torch.minimum(smooth, needed)
        return joined[:, self.delay : self.delay + count]
