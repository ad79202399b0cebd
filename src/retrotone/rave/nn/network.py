"""A small RAVE (Caillon and Esling 2021): a variational autoencoder of sound, here one that streams as it stands.

    signal -> PQMF bands -> Encoder -> latents -> Decoder -> waveform x loudness + noise (bands) + tones -> signal

Three things differ from the paper. All layers are causal (`retrotone.rave.nn.streaming`), and the answer comes `delay`
samples late, which is how far the network looks ahead. Beside waveform and noise there is a third branch, tones: a bank
of sinusoids at steps of a quarter tone, of which the decoder gives the amplitudes alone; a convolution that starts from
a few latents a second needs a million steps to learn to hold a pitch, an oscillator holds it from the first. And the
few latents that one plays with are followed by many of detail, which start out as a lapped transform of the lowest
bands: with them a recording stays itself, without them the decoder makes it up. In training half of a batch goes
without.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrotone.rave.nn import pqmf
from retrotone.rave.nn.streaming import CausalConv, Clock, Noise, interleaved

LEAK = 0.2  # of the rectifiers, as in RAVE
DILATIONS = (1, 3, 9)
LATE_FRAMES = 2  # latent frames to come that the decoder knows of
GAIN = 16.0  # brings the bands of music to about unit variance
EXACT = -4.0  # raw scale of a latent that says what it means, at the start
QUIET = -1.0  # bias of an amplitude at the start, -57 dB: the branches come in softly
ONE_OF_MANY = 0.05  # weight of one oscillator
LOWEST_TONE, TONES_PER_OCTAVE = 55.0, 24  # Hz (A1); quarter tones
TOP_TONE = 0.45  # of the sample rate
GOLDEN = 0.618034  # of a turn, from one oscillator's phase to the next: their peaks never meet


@dataclass(frozen=True)
class Shape:
    """What defines a network.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    bands : int
        Of the PQMF.
    channels : tuple of int
        At the rate of the bands, and after each stride down to that of the latents.
    strides : tuple of int
    latent_size : int
        Latent dimensions that are there to be played: from these alone the decoder makes its sound.
    detailed_bands : int
        The lowest of the bands, of which further latents carry every detail. Where these are zero, it is left to the
        decoder.
    """

    sample_rate: int = 22_050
    bands: int = 16
    channels: tuple[int, int, int, int] = (48, 64, 128, 160)
    strides: tuple[int, int, int] = (4, 4, 2)
    latent_size: int = 16
    detailed_bands: int = 7

    @property
    def held(self) -> int:
        """Samples of a band per latent frame."""
        return math.prod(self.strides)

    @property
    def ratio(self) -> int:
        """Samples per latent frame."""
        return self.bands * self.held

    @property
    def full_latent_size(self) -> int:
        """Latent dimensions with those of detail."""
        return self.latent_size + self.detailed_bands * self.held

    @property
    def delay(self) -> int:
        """Samples by which the output follows the input: that of the bank, and some latent frames."""
        return (pqmf.TAPS_PER_BAND - 1) * self.bands + (LATE_FRAMES + 1) * self.ratio


class Residual(nn.Module):
    """A dilated convolution and a pointwise one, added to what came in."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.rectify = nn.LeakyReLU(LEAK)
        self.wide = CausalConv(channels, channels, 3, dilation=dilation)
        self.point = CausalConv(channels, channels, 1)
        nn.init.zeros_(self.point.weight)  # nothing is added at the start: depth costs nothing

    def forward(self, x: Tensor) -> Tensor:
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
        finer = interleaved(self.conv(self.rectify(x)), self.stride)
        found: Tensor = self.units(finer)
        return found


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
        heads.weight.data[shape.latent_size : shape.full_latent_size] = (
            0.0  # detail starts as the transform below
        )
        if heads.bias is not None:
            heads.bias.data[shape.full_latent_size :] = (
                EXACT  # else nothing is heard through the noise, nor learned
            )
        self.detail = CausalConv(
            shape.bands, shape.full_latent_size - shape.latent_size, 2 * shape.held, shape.held, bias=None
        )
        nn.init.zeros_(self.detail.weight)
        for band, kernels in enumerate(lapped(shape.held).expand(shape.detailed_bands, -1, -1)):
            rows = slice(band * shape.held, (band + 1) * shape.held)
            self.detail.weight.data[rows, band] = kernels
        self.others, self.gain = shape.latent_size, GAIN

    def forward(self, bands: Tensor) -> Tensor:
        bands = self.gain * bands
        mean, raw = self.deep(compressed(bands)).chunk(2, 1)
        return torch.cat([mean + functional.pad(self.detail(bands), (0, 0, self.others, 0)), raw], 1)


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
        self.detail = CausalConv(
            shape.full_latent_size - shape.latent_size, shape.ratio, LATE_FRAMES + 2, bias=None
        )
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
        self.tones = Tones(third, shape.sample_rate, shape.bands * shape.strides[0] * shape.strides[1])
        self.enter.weight.data[:, self.others :] = 0.0  # the other branches learn of the detail by and by

    def forward(self, z: Tensor) -> Tensor:
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
    """Features to a bank of oscillators: (batch, channels, frames) -> (batch, 1, frames * hop).

    Each frame is played under a Hann window of two hops, so that amplitudes glide from one to the next.
    """

    turns: Tensor
    starts: Tensor

    def __init__(self, channels: int, sample_rate: int, hop: int) -> None:
        super().__init__()
        size = int(math.log2(TOP_TONE * sample_rate / LOWEST_TONE) * TONES_PER_OCTAVE)
        steps = torch.arange(size, dtype=torch.float64)
        frequency = LOWEST_TONE * 2 ** (steps / TONES_PER_OCTAVE) / sample_rate  # in cycles a sample
        self.hop, self.weight = hop, ONE_OF_MANY
        self.level = CausalConv(channels, size, 3, bias=QUIET)
        self.clock = Clock()
        self.register_buffer("turns", frequency[:, None] * hop, persistent=False)
        self.register_buffer("starts", steps[:, None] * GOLDEN, persistent=False)
        time = torch.arange(2 * hop, dtype=torch.float64)
        window = torch.sin(math.pi * (time + 0.5) / (2 * hop)).square()
        angle = 2 * math.pi * frequency[:, None] * time
        played = torch.cat([torch.cos(angle), -torch.sin(angle)]) * window
        # a frame starts while the last one fades: kernel position 0 is the last frame, 1 is this one
        self.play = CausalConv(2 * size, hop, 2, bias=None)
        fading, starting = played[:, hop:].T, played[:, :hop].T
        self.play.weight = nn.Parameter(torch.stack([fading, starting], -1).float(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        level = self.weight * amplitude(self.level(x))
        frame = self.clock(level.shape[-1])  # not within a product: TorchScript would call it twice
        angle = 2 * math.pi * ((self.turns * frame + self.starts) % 1).to(level.dtype)
        return interleaved(
            self.play(torch.cat([level * torch.cos(angle), level * torch.sin(angle)], 1)), self.hop
        )


class Rave(nn.Module):
    """The whole: `pqmf`, `encoder` and `decoder`, named as in RAVE's exports."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.pqmf = pqmf.analysis(shape.bands)
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape)

    def forward(self, x: Tensor, plain: int) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, 1, n) -> the answer (batch, 1, n), `delay` late, and mean and deviation of the latents.

        The first `plain` of the batch are answered without the latents of detail.
        """
        mean, raw = self.encoder(self.pqmf(x)).chunk(2, 1)
        deviation = functional.softplus(raw) + 1e-4
        z = mean + deviation * torch.randn_like(mean)
        detailed = torch.ones_like(z)
        detailed[:plain, self.shape.latent_size :] = 0.0
        return self.decoder(z * detailed), mean, deviation


def lapped(size: int) -> Tensor:
    """Return the modified discrete cosine transform with a sine window, an orthogonal one: (size, 2 size).

    From it the detail of the lowest bands starts to learn (Princen, Johnson and Bradley 1987).
    """
    n, k = torch.arange(2 * size) + 0.5, torch.arange(size)[:, None] + 0.5
    window = torch.sin(math.pi * n / (2 * size))
    return math.sqrt(2 / size) * window * torch.cos(math.pi / size * (n + size / 2) * k)


def compressed(x: Tensor) -> Tensor:
    """Return what is small in proportion, and of what is large the logarithm: else loud music mutes the branches."""
    return torch.asinh(4 * x)


def amplitude(x: Tensor) -> Tensor:
    """Any number to an amplitude between -80 and 6 dB, never so near to nothing that it cannot come back."""
    return 10 ** (4.3 * torch.sigmoid(x) - 4)
