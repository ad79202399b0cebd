"""A small RAVE (Caillon and Esling 2021): a variational autoencoder of sound, here one that can stream.

    signal -> PQMF bands -> Encoder -> latents -> Decoder -> waveform x loudness + noise (bands) + tones -> signal

Three things differ from the paper:

- All layers are causal (`retrotone.rave.nn.streaming`), and the output comes `delay` samples late: so far the network
  looks ahead.
- A third branch, tones, is added to waveform and noise: a bank of sinusoids in steps of a quarter tone; the decoder
  predicts their amplitudes. A convolution that starts from a few latents a second needs a million steps to learn to
  hold a pitch; an oscillator holds it from the start.
- The main latents are followed by many of detail, initialised as a lapped transform of the lowest bands. With them the
  output is close to the recording; without them the decoder makes the detail up. In training, half of each batch is
  decoded without them; half of that keeps the detail of the lowest band, which holds most of the harmony.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrotone.rave.nn import pqmf
from retrotone.rave.nn.streaming import CausalConv, Clock, Noise, interleaved
from retrotone.rave.shape import (
    COMPRESSION,
    DECADES,
    DILATIONS,
    GAIN,
    LATE_FRAMES,
    LEAK,
    LOWEST_DECADE,
    ONE_OF_MANY,
    PHASE_BITS,
    Shape,
    tone_frequencies,
    tone_phases,
)

# initial raw scale of a latent: almost no noise
EXACT = -4.0
# initial bias of an amplitude, -57 dB: the branches start softly
QUIET = -1.0


class Residual(nn.Module):
    """A dilated convolution and a pointwise one, added to the input."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.rectify = nn.LeakyReLU(LEAK)
        self.wide = CausalConv(channels, channels, 3, dilation=dilation)
        self.point = CausalConv(channels, channels, 1)
        # initially nothing is added
        nn.init.zeros_(self.point.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape, (batch, channels, n)."""
        hidden = self.wide(self.rectify(x))
        added: Tensor = self.point(self.rectify(hidden))
        return x + added


class Down(nn.Sequential):
    """Residual units, then fewer frames: (batch, in, n * stride) -> (batch, out, n)."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        units = [Residual(c_in, dilation) for dilation in DILATIONS[:2]]
        super().__init__(*units, nn.LeakyReLU(LEAK), CausalConv(c_in, c_out, 2 * stride, stride=stride))


class Up(nn.Module):
    """More frames, then residual units: (batch, in, n) -> (batch, out, n * stride)."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.rectify = nn.LeakyReLU(LEAK)
        self.conv = CausalConv(c_in, c_out * stride, 2)
        self.units = nn.Sequential(*(Residual(c_out, dilation) for dilation in DILATIONS))

    def forward(self, x: Tensor) -> Tensor:
        """Return features at the finer rate: (batch, in, n) -> (batch, out, n * stride)."""
        finer = interleaved(self.conv(self.rectify(x)), self.stride)
        refined: Tensor = self.units(finer)
        return refined


class Encoder(nn.Module):
    """Bands to the mean and the raw scale of a Gaussian: (batch, bands, n) -> (batch, 2 full_latent_size, frames)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        first, second, third, last = shape.channels
        self.deep = nn.Sequential(
            CausalConv(shape.bands, first, 7),
            Down(first, second, shape.strides[0]),
            Down(second, third, shape.strides[1]),
            Down(third, last, shape.strides[2]),
            *(Residual(last, dilation) for dilation in DILATIONS[:2]),
            nn.LeakyReLU(LEAK),
            heads := CausalConv(last, 2 * shape.full_latent_size, 3, bias=0.0),
        )
        # the means of detail start as the transform below
        heads.weight.data[shape.latent_size : shape.full_latent_size] = 0.0
        if heads.bias is not None:
            # more noise would hide the latents, so that nothing could be learned from them
            heads.bias.data[shape.full_latent_size :] = EXACT
        self.detail = CausalConv(
            shape.bands, shape.full_latent_size - shape.latent_size, 2 * shape.held, shape.held, bias=None
        )
        nn.init.zeros_(self.detail.weight)
        for band, kernels in enumerate(lapped(shape.held).expand(shape.detailed_bands, -1, -1)):
            rows = slice(band * shape.held, (band + 1) * shape.held)
            self.detail.weight.data[rows, band] = kernels
        self.others, self.gain = shape.latent_size, GAIN

    def forward(self, bands: Tensor) -> Tensor:
        """Return means and raw deviations of latents: (batch, bands, n) -> (batch, 2 * full_latent_size, frames)."""
        bands = self.gain * bands
        mean, raw = self.deep(compressed(bands)).chunk(2, 1)
        return torch.cat([mean + torch.constant_pad_nd(self.detail(bands), [0, 0, self.others, 0]), raw], 1)


class Decoder(nn.Module):
    """Latents to sound: (batch, full_latent_size, frames) -> (batch, 1, frames * ratio)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        first, second, third, last = shape.channels
        self.rectify = nn.LeakyReLU(LEAK)
        self.enter = CausalConv(shape.full_latent_size, last, 3)
        self.deep = nn.Sequential(*(Residual(last, dilation) for dilation in DILATIONS))
        self.slow = Up(last, third, shape.strides[2])
        self.middle = Up(third, second, shape.strides[1])
        self.fast = Up(second, first, shape.strides[0])
        self.bands, self.steps, self.held = shape.bands, shape.strides[0], shape.held
        self.others, self.gain = shape.latent_size, GAIN
        self.detail = CausalConv(shape.full_latent_size - shape.latent_size, shape.ratio, LATE_FRAMES + 2, bias=None)
        nn.init.zeros_(self.detail.weight)
        for band, kernels in enumerate(lapped(shape.held).expand(shape.detailed_bands, -1, -1)):
            rows = slice(band * shape.held, (band + 1) * shape.held)
            fading, starting = kernels[:, shape.held :], kernels[:, : shape.held]
            self.detail.weight.data[rows, rows, 0] = fading.T
            self.detail.weight.data[rows, rows, 1] = starting.T
        self.waveform = CausalConv(first, shape.bands, 7)
        self.loudness = CausalConv(first, 1, 3, bias=QUIET)
        self.noise = CausalConv(second, shape.bands, 3, bias=QUIET)
        self.hiss = Noise()
        self.synthesis = pqmf.synthesis(shape.bands)
        self.tones = Tones(third, shape)
        # the other branches ignore the detail at first
        self.enter.weight.data[:, self.others :] = 0.0

    def forward(self, z: Tensor) -> Tensor:
        """Return sound from latents: (batch, full_latent_size, frames) -> (batch, 1, frames * ratio)."""
        slow = self.slow(self.deep(self.enter(compressed(z))))
        middle = self.middle(slow)
        fast = self.rectify(self.fast(middle))
        waveform = torch.tanh(self.waveform(fast)) * amplitude(self.loudness(fast))
        level = amplitude(self.noise(self.rectify(middle)))
        level = level.repeat_interleave(self.steps, -1)
        detail = interleaved(self.detail(z[:, self.others :] / self.gain), self.held)
        bands = waveform + detail + level * self.hiss(level)
        sound: Tensor = interleaved(self.synthesis(bands), self.bands) + self.tones(self.rectify(slow))
        return sound


class Tones(nn.Module):
    """Oscillators with amplitudes from features: (batch, channels, frames) -> (batch, 1, frames * hop).

    Each frame is played under a Hann window of two hops, so that amplitudes change smoothly.
    """

    turns: Tensor
    starts: Tensor

    def __init__(self, channels: int, shape: Shape) -> None:
        super().__init__()
        frequency, hop = torch.from_numpy(tone_frequencies(shape.sample_rate)), shape.tone_hop
        self.weight, self.phases, self.cycle = ONE_OF_MANY, 2**PHASE_BITS - 1, 2.0**PHASE_BITS
        self.level = CausalConv(channels, len(frequency), 3, bias=QUIET)
        self.clock = Clock()
        self.hop = hop
        for name, phases in zip(("turns", "starts"), tone_phases(shape), strict=True):
            self.register_buffer(name, torch.from_numpy(phases), persistent=False)
        time = torch.arange(2 * hop, dtype=torch.float64)
        window = torch.sin(math.pi * (time + 0.5) / (2 * hop)).square()
        angle = 2 * math.pi * frequency[:, None] * time
        windowed = torch.cat([torch.cos(angle), -torch.sin(angle)]) * window
        # overlap-add of two frames: kernel position 0 is the last one, 1 this one
        self.play = CausalConv(2 * len(frequency), hop, 2, bias=None)
        fading, starting = windowed[:, hop:].T, windowed[:, :hop].T
        self.play.weight = nn.Parameter(torch.stack([fading, starting], -1).float(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of the oscillators: (batch, channels, frames) -> (batch, 1, frames * hop)."""
        level = self.weight * amplitude(self.level(x))
        # not inside a product: TorchScript would call it twice
        frame = self.clock(level.shape[-1])
        phase = (self.turns * frame + self.starts) & self.phases
        angle = phase.to(level.dtype) * (2 * math.pi / self.cycle)
        return interleaved(self.play(torch.cat([level * torch.cos(angle), level * torch.sin(angle)], 1)), self.hop)


class Rave(nn.Module):
    """The whole: `pqmf`, `encoder` and `decoder`, named as in RAVE's exports."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.pqmf = pqmf.analysis(shape.bands)
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape)

    def forward(self, x: Tensor, plain: int) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, 1, n) -> the output (batch, 1, n), `delay` late, and mean and deviation of the latents.

        The first `plain` of the batch are decoded without the latents of detail, half of them but for the lowest band.
        """
        mean, raw = self.encoder(self.pqmf(x)).chunk(2, 1)
        deviation = functional.softplus(raw) + 1e-4
        z = mean + deviation * torch.randn_like(mean)
        detailed = torch.ones_like(z)
        detailed[:plain, self.shape.playable_size :] = 0.0
        detailed[: plain // 2, self.shape.latent_size :] = 0.0
        return self.decoder(z * detailed), mean, deviation


def lapped(size: int) -> Tensor:
    """Return the modified discrete cosine transform with a sine window, an orthogonal one: (size, 2 size).

    Its kernels initialise the detail of the lowest bands (Princen, Johnson and Bradley 1987).
    """
    n, k = torch.arange(2 * size) + 0.5, torch.arange(size)[:, None] + 0.5
    window = torch.sin(math.pi * n / (2 * size))
    return math.sqrt(2 / size) * window * torch.cos(math.pi / size * (n + size / 2) * k)


# constants are default arguments here: TorchScript sees no globals of a module
def compressed(x: Tensor, gain: float = COMPRESSION) -> Tensor:
    """Compress: linear for small values, logarithmic for large ones, lest loud music saturates the network."""
    return torch.asinh(gain * x)


def amplitude(x: Tensor, decades: float = DECADES, lowest: float = LOWEST_DECADE) -> Tensor:
    """Map any number to an amplitude between -80 and 6 dB, where the gradient does not vanish."""
    return 10 ** (decades * torch.sigmoid(x) + lowest)
