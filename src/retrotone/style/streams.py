"""Filters, clocks and noise in PyTorch, as TorchScript knows them, that go on from buffer to buffer."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import sosfilt
from torch import Tensor, nn

from retrotone.rave.nn.streaming import Clock, Noise
from retrotone.style.media.delay import DelayStage
from retrotone.style.media.filters import FilterStage

# An impulse response is looked at for so many samples, and ends where it stays below this share of its peak.
RESPONSE_FRAMES, RESPONSE_END = 1 << 15, 1e-6
# Samples between the beginnings of two parts' noise: hours. Odd, and taken modulo NUMBERS, where the noise repeats.
APART, NUMBERS = 521_288_629, 1 << 32


class Response(nn.Module):
    """A filter given by its impulse response, by overlap-save: (channels, n) -> the same shape.

    Parameters
    ----------
    taps : ndarray, shape (taps,) or (channels, taps)
    channels : int
    """

    taps: Tensor
    past: Tensor

    def __init__(self, taps: NDArray[Any], channels: int) -> None:
        super().__init__()
        self.register_buffer("taps", torch.from_numpy(np.atleast_2d(taps).astype(np.float32)))
        self.register_buffer("past", torch.zeros(channels, self.taps.shape[1] - 1))

    def forward(self, x: Tensor) -> Tensor:
        """Filter the next samples."""
        reach = self.past.shape[1]
        joined = torch.cat([self.past, x], 1)
        self.past = joined[:, joined.shape[1] - reach :]
        size = 1
        while size < joined.shape[1]:
            size *= 2
        spectrum = torch.fft.rfft(joined, size) * torch.fft.rfft(self.taps, size)
        filtered: Tensor = torch.fft.irfft(spectrum, size)[:, reach : joined.shape[1]]
        return filtered


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


def impulse_response(stage: FilterStage | DelayStage, channels: int) -> NDArray[np.float32]:
    """Return what a linear stage at rest answers to an impulse, shape (channels, taps)."""
    impulse = np.zeros((channels, RESPONSE_FRAMES), np.float32)
    impulse[:, 0] = 1.0
    return ended(stage(impulse))


def section_response(sections: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the impulse response of second-order sections, shape (1, taps)."""
    return ended(sosfilt(sections, np.eye(1, RESPONSE_FRAMES)))


def ended(response: NDArray[Any]) -> NDArray[Any]:
    """Cut off an impulse response, shape (channels, n), where nothing of note follows."""
    loud = np.abs(response).max(axis=0)
    return response[:, : np.flatnonzero(loud > RESPONSE_END * loud.max())[-1] + 1]


def counting() -> Clock:
    """Return a clock that goes on from call to call."""
    clock = Clock()
    clock.stream()
    return clock


def numbered_noise(part: int) -> Noise:
    """Return noise that goes on from call to call, from -1 to 1, other noise for every part."""
    noise = Noise()
    noise.clock.stream()
    noise.clock.cache.fill_(part * APART % NUMBERS)
    return noise
