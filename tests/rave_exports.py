"""Tiny RAVE exports for tests: our own TorchScript with the methods, attributes and buffers of the real ones.

Their network is a frame-wise orthogonal transform, so that one knows what must come out: with all latents kept, the
model reproduces its input. `filter_reach` gives it a wider receptive field, and streaming makes it lag.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

MAX_BATCH = 64


class Delay(nn.Module):
    """What cached convolutions do: hold back samples, in a buffer that is full of the last input when saved."""

    def __init__(self, channels: int, samples: int) -> None:
        super().__init__()
        self.samples = samples
        self.cumulative_delay = samples
        self.register_buffer("pad", torch.randn(MAX_BATCH, channels, samples))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.samples == 0:
            return x
        joined = torch.cat([self.pad[: x.shape[0]], x], -1)
        self.pad[: x.shape[0]].copy_(joined[..., -self.samples :])
        return joined[..., : -self.samples]


class Past(nn.Module):
    """Puts the end of the last input before this one: what a causal convolution needs."""

    def __init__(self, channels: int, samples: int, streaming: bool, reach: int) -> None:
        super().__init__()
        self.samples, self.streaming, self.reach = samples, streaming, reach
        self.register_buffer("cache", torch.randn(MAX_BATCH if streaming else 0, channels, samples))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.streaming:
            return functional.pad(x, (self.samples - self.reach, self.reach))
        joined = torch.cat([self.cache[: x.shape[0]], x], -1)
        self.cache[: x.shape[0]].copy_(joined[..., -self.samples :])
        return joined


class Encoder(nn.Module):
    """Smooth a little, then turn frames into latents."""

    def __init__(
        self, channels: int, streaming: bool, filter_reach: int, delay: int, basis: torch.Tensor, ratio: int
    ) -> None:
        super().__init__()
        self.channels, self.ratio, self.width = channels, ratio, 2 * filter_reach
        self.past = Past(channels, 2 * filter_reach, streaming, filter_reach)
        self.delay = Delay(channels, delay if streaming else 0)
        kernel = torch.hann_window(2 * filter_reach + 3)[1:-1]
        self.register_buffer("kernel", (kernel / kernel.sum()).repeat(channels, 1, 1))
        self.register_buffer("basis", basis)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.delay(x)
        if self.width > 0:
            x = functional.conv1d(self.past(x), self.kernel, groups=self.channels)
        x = functional.pad(x, (0, (self.ratio - x.shape[-1] % self.ratio) % self.ratio))
        return functional.conv1d(x, self.basis, stride=self.ratio)


class Decoder(nn.Module):
    """Turn latents back into frames."""

    def __init__(self, channels: int, streaming: bool, delay: int, basis: torch.Tensor, ratio: int) -> None:
        super().__init__()
        self.ratio = ratio
        self.register_buffer("basis", basis)
        self.delay = Delay(channels, delay if streaming else 0)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.delay(functional.conv_transpose1d(z, self.basis, stride=self.ratio))


class TinyRave(nn.Module):
    """See the module's docstring; `level` is how loud it plays, `noise` how much its encoder draws at random."""

    def __init__(
        self,
        sample_rate: int | None,
        ratio: int,
        channels: int,
        latent_size: int | None,
        streaming: bool,
        encoder_delay: int,
        decoder_delay: int,
        filter_reach: int,
        level: float,
        noise: float,
        divide: bool,
        prior: bool,
        old: bool,
    ) -> None:
        super().__init__()
        full = ratio * channels
        size = full if latent_size is None else latent_size
        basis, _ = torch.linalg.qr(torch.randn(full, full))
        basis = basis.reshape(full, channels, ratio)
        lookahead = filter_reach if streaming else 0
        self.encoder = Encoder(channels, streaming, filter_reach, encoder_delay - lookahead, basis, ratio)
        self.decoder = Decoder(channels, streaming, decoder_delay, basis, ratio)
        self.latent_size, self.full_latent_size, self.n_channels = size, full, channels
        self.ratio, self.level, self.noise, self.divide = ratio, level, noise, divide
        if old:
            self.register_buffer("sampling_rate", torch.tensor(sample_rate))
        elif sample_rate is not None:
            self.sr = sample_rate
        self.register_buffer("latent_mean", torch.zeros(full))
        self.register_buffer("latent_pca", torch.eye(full))
        self.register_buffer("fidelity", torch.linspace(0, 1, full))
        self.register_buffer("encode_params", torch.tensor([channels, 1, size, ratio]))
        self.register_buffer("decode_params", torch.tensor([size, ratio, channels, 1]))
        self.register_buffer("forward_params", torch.tensor([channels, 1, channels, 1]))
        if prior:
            self.register_buffer("prior_params", torch.tensor([1, ratio, size, ratio]))
        self.register_buffer("previous_step", torch.ones(size, 1))

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        z = self.encoder(x)[:, : self.latent_size]
        # as spherical encoders do
        if self.divide:
            z = z / z.norm(2, 1, True)
        return z + self.noise * torch.randn_like(z)

    @torch.jit.export
    def decode(self, z: torch.Tensor, from_forward: bool = False) -> torch.Tensor:
        missing = self.full_latent_size - z.shape[1]
        dropped = self.noise * torch.randn(z.shape[0], missing, z.shape[-1])
        return self.level * self.decoder(torch.cat([z, dropped], 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x), from_forward=True)

    @torch.jit.export
    def prior(self, control: torch.Tensor) -> torch.Tensor:
        temperature = functional.softplus(control.mean()) / 0.6931471805599453
        z = temperature * torch.randn(control.shape[0], self.latent_size, control.shape[-1])
        z = z + self.previous_step
        self.previous_step.copy_(z[0, :, -1:])
        return z


def make_export(
    path: Path,
    *,
    sample_rate: int | None = 44_100,
    ratio: int = 512,
    channels: int = 1,
    latent_size: int | None = 8,
    streaming: bool = True,
    encoder_delay: int = 700,
    decoder_delay: int = 900,
    filter_reach: int = 0,
    level: float = 0.5,
    noise: float = 0.01,
    divide: bool = False,
    prior: bool = False,
    old: bool = False,
) -> Path:
    """Write an export with seeded random weights; `latent_size` None keeps every latent."""
    with torch.random.fork_rng(devices=[]), torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.manual_seed(0)
        network = TinyRave(
            sample_rate, ratio, channels, latent_size, streaming, encoder_delay, decoder_delay, filter_reach,
            level, noise, divide, prior, old,
        )  # fmt: skip
        torch.jit.script(network.eval()).save(str(path))
    return path


def scripted(module: nn.Module, path: Path) -> Path:
    """Write any module as TorchScript."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.jit.script(module).save(path)
    return path


class Saboteur(nn.Module):
    """Has all that a RAVE has; its encoder writes the file at `path`."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.sr = path, 22_050
        self.register_buffer("encode_params", torch.tensor([1, 1, 4, 16]))
        self.register_buffer("decode_params", torch.tensor([4, 16, 1, 1]))

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, self.path)
        return x

    @torch.jit.export
    def decode(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Glutton(nn.Module):
    """Has all that a RAVE has, and says that a latent frame is ten million samples long."""

    def __init__(self) -> None:
        super().__init__()
        self.sr = 22_050
        self.register_buffer("encode_params", torch.tensor([1, 1, 4, 10_000_000]))
        self.register_buffer("decode_params", torch.tensor([4, 10_000_000, 1, 1]))

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def decode(self, x: torch.Tensor) -> torch.Tensor:
        return x
