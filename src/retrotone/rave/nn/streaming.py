"""Causal convolutions, which carry their past from chunk to chunk in streaming mode.

RAVE's exports delay parallel branches to align them. Here every layer is causal and the network learns to give its
output late, by one stated delay. So nothing has to be aligned, and a stream cut into chunks goes through the same
arithmetic as a whole recording.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from retrotone.rave.shape import HASH


class Past(nn.Module):
    """Prepends the end of the last chunk, at first silence, to this one.

    Its buffer is called ``cache`` as in RAVE's exports: runners that reset a model look for that name.
    """

    cache: Tensor

    def __init__(self, channels: int, samples: int) -> None:
        super().__init__()
        self.samples = samples
        self.streaming = False
        self.register_buffer("cache", torch.zeros(0, channels, samples), persistent=False)

    def stream(self) -> None:
        """From now on, continue where the last call ended."""
        self.streaming = True
        self.cache = self.cache.new_zeros(1, self.cache.shape[1], self.samples)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, channels, samples + n)."""
        if not self.streaming:
            # functional.pad becomes aten::pad, which the RAVE VST's libtorch 1.11 does not know
            return torch.constant_pad_nd(x, [self.samples, 0])
        if self.samples == 0:
            return x
        streams = x.shape[0]
        # more streams than ever before: their past is silent
        if streams > self.cache.shape[0]:
            added = self.cache.new_zeros(streams - self.cache.shape[0], self.cache.shape[1], self.samples)
            self.cache = torch.cat([self.cache, added])
        joined = torch.cat([self.cache[:streams], x], -1)
        self.cache[:streams].copy_(joined[:, :, -self.samples :])
        return joined


class Clock(nn.Module):
    """Counts frames, so that oscillators continue from chunk to chunk."""

    cache: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.streaming = False
        self.register_buffer("cache", torch.zeros(1, dtype=torch.int64), persistent=False)

    def stream(self) -> None:
        """From now on, continue where the last call ended."""
        self.streaming = True

    def forward(self, frames: int) -> Tensor:
        """Return the numbers of the next frames, shape (frames,)."""
        numbers = self.cache + torch.arange(frames, device=self.cache.device)
        if self.streaming:
            self.cache.add_(frames)
        return numbers


class Noise(nn.Module):
    """White noise between -1 and 1, shaped like a level (batch, bands, n).

    While streaming, a sample's number alone decides its value (`HASH`): the noise, too, is the same however a stream is
    cut.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = HASH
        self.clock = Clock()

    def forward(self, level: Tensor) -> Tensor:
        """Return noise of the shape of `level`, (batch, bands, n)."""
        if not self.clock.streaming:
            return 2 * torch.rand_like(level) - 1
        bands = level.shape[1]
        number = self.clock(level.shape[2]) * bands + torch.arange(bands, device=level.device)[:, None]
        number = ((number ^ (number >> 16)) * self.first) & 0xFFFFFFFF
        number = ((number ^ (number >> 15)) * self.second) & 0xFFFFFFFF
        noise: Tensor = (number ^ (number >> 16)).to(level.dtype) / 0x7FFFFFFF - 1
        return noise.expand(level.shape)


class CausalConv(nn.Module):
    """A convolution whose output at a time depends on no later input: (batch, in, n * stride) -> (batch, out, n).

    Parameters
    ----------
    c_in, c_out, kernel, stride, dilation : int
    bias : float or None
        Initial value of the biases: random by default, None for a layer without.
    """

    weight: Tensor

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int = 1, dilation: int = 1, bias: float | None = math.nan
    ) -> None:
        super().__init__()
        self.past = Past(c_in, (kernel - 1) * dilation + 1 - stride)
        self.stride, self.dilation = stride, dilation
        layer = nn.Conv1d(c_in, c_out, kernel, bias=bias is not None)
        self.weight, self.bias = layer.weight, layer.bias
        if layer.bias is not None and bias is not None and not math.isnan(bias):
            nn.init.constant_(layer.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (batch, c_in, n) to (batch, c_out, n / stride), the past before it."""
        return functional.conv1d(self.past(x), self.weight, self.bias, self.stride, 0, self.dilation)


def fixed(layer: CausalConv, kernels: NDArray[np.float64]) -> CausalConv:
    """Return a layer with given kernels, shape (out, in, kernel), that training does not change."""
    layer.weight.data = torch.from_numpy(np.ascontiguousarray(kernels, np.float32))
    return layer.requires_grad_(False)


def interleaved(x: Tensor, stride: int) -> Tensor:
    """Interleave groups of channels in time: (batch, channels * stride, n) -> (batch, channels, n * stride)."""
    batch, channels, frames = x.shape
    parts = x.reshape(batch, channels // stride, stride, frames)
    return parts.transpose(2, 3).reshape(batch, channels // stride, frames * stride)
