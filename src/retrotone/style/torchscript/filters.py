"""Filters, clocks and noise in PyTorch, as TorchScript knows them, that go on from buffer to buffer."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from retrotone.rave.nn.streaming import Clock
from retrotone.style.media import delay
from retrotone.style.media.delay import DelayStage
from retrotone.style.media.filters import FilterStage


def overlap_save(joined: Tensor, taps: Tensor, count: int) -> Tensor:
    """Return the last samples of a filtered signal.

    Parameters
    ----------
    joined : Tensor, shape (channels, n)
        The samples, after at least as many of the past as there are taps.
    taps : Tensor, shape (1 or channels, taps)
    count : int
        How many samples are wanted.

    Returns
    -------
    Tensor, shape (channels, count)
    """
    reach = taps.shape[1] - 1
    joined = joined[:, joined.shape[1] - count - reach :]
    size = 1
    while size < joined.shape[1]:
        size *= 2
    spectrum = torch.fft.rfft(joined, size) * torch.fft.rfft(taps, size)
    filtered: Tensor = torch.fft.irfft(spectrum, size)[:, reach : reach + count]
    return filtered


class Response(nn.Module):
    """A filter given by its impulse response: (channels, n) -> the same shape.

    Parameters
    ----------
    taps : ndarray, shape (taps,)
    channels : int
    """

    taps: Tensor
    past: Tensor

    def __init__(self, taps: NDArray[Any], channels: int) -> None:
        super().__init__()
        self.register_buffer("taps", torch.from_numpy(taps[None].astype(np.float32)))
        self.register_buffer("past", torch.zeros(channels, len(taps)))

    def forward(self, x: Tensor) -> Tensor:
        """Filter the next samples."""
        joined = torch.cat([self.past, x], 1)
        self.past = joined[:, x.shape[1] :]
        return overlap_save(joined, self.taps, x.shape[1])


class Filtered(nn.Module):
    """Of a `FilterStage` at each of STRENGTHS: a filter that changes with the strength."""

    taps: Tensor
    past: Tensor

    def __init__(self, stages: Sequence[FilterStage], part: int) -> None:
        super().__init__()
        self.lengths = [len(stage.taps) for stage in stages]
        longest = max(self.lengths)
        rows = np.stack([np.pad(stage.taps, (0, longest - len(stage.taps))) for stage in stages])
        self.register_buffer("taps", torch.from_numpy(rows))
        self.register_buffer("past", torch.zeros(2, longest))

    def response(self, strength: float) -> Tensor:
        """Return the filter at a strength, shape (1 or 2, taps)."""
        place = strength * (len(self.lengths) - 1)
        below = min(int(place), len(self.lengths) - 2)
        length = max(self.lengths[below], self.lengths[below + 1])
        taps = torch.lerp(self.taps[below], self.taps[below + 1], place - below)
        return taps[None, :length]

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> the same shape."""
        # a single tap is 1
        if self.past.shape[1] == 1:
            return x
        count = x.shape[1]
        joined = torch.cat([self.past, x], 1)
        self.past = joined[:, count:]
        before, now = float(dials[0, 0]), float(dials[0, -1])
        filtered = overlap_save(joined, self.response(now), count)
        if before == now:
            return filtered
        share = (dials[0] - before) / (now - before)
        return torch.lerp(overlap_save(joined, self.response(before), count), filtered, share)


class Late(Filtered):
    """Of a `DelayStage`: one channel later than the other, by a share of a sample if need be."""

    late: Tensor

    def __init__(self, stages: Sequence[DelayStage], part: int) -> None:
        nn.Module.__init__(self)
        late = torch.from_numpy(stages[-1].late.astype(np.float32))
        self.middle, self.beta = delay.SINC_TAPS // 2, delay.SINC_BETA
        self.length = delay.SINC_TAPS + math.ceil(late.max()) if stages[-1].delay else 1
        self.register_buffer("late", late)
        self.register_buffer("past", torch.zeros(2, self.length))

    def response(self, strength: float) -> Tensor:
        """Return the filter of each channel, shape (2, taps): a sinc in a Kaiser window."""
        distance = torch.arange(self.length) - self.middle - strength * self.late[:, None]
        inside = torch.sqrt((1 - (distance / self.middle) ** 2).clamp(min=0))
        taps = torch.sinc(distance) * torch.i0(self.beta * inside) * (distance.abs() <= self.middle)
        return taps / taps.sum(1, keepdim=True)


class Wandering(nn.Module):
    """Second-order sections, number by number: few come, and the impulse response would last seconds.

    Parameters
    ----------
    sections : ndarray, shape (n, 6)
    gain : float
    """

    def __init__(self, sections: NDArray[np.float64], gain: float) -> None:
        super().__init__()
        self.sections: list[list[float]] = sections.tolist()
        self.state, self.gain = [[0.0, 0.0] for _ in sections], gain

    def forward(self, x: Tensor) -> Tensor:
        """Filter the next numbers, shape (n,)."""
        values: list[float] = x.tolist()
        # TorchScript knows no `strict`
        for section, state in zip(self.sections, self.state):  # noqa: B905
            for at, value in enumerate(values):
                out = section[0] * value + state[0]
                state[0] = section[1] * value - section[4] * out + state[1]
                state[1] = section[2] * value - section[5] * out
                values[at] = out
        return self.gain * torch.tensor(values, dtype=torch.float64)


def counting() -> Clock:
    """Return a clock that goes on from call to call."""
    clock = Clock()
    clock.stream()
    return clock


def between_points(points: Tensor, step: int) -> Tensor:
    """Interpolate control points, shape (n + 1,): a value for each of the `step` samples from one to the next."""
    share = torch.arange(step, device=points.device) / step
    return (points[:-1, None] + share * (points[1:] - points[:-1])[:, None]).flatten()
