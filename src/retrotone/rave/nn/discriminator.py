"""Critics for the adversarial phase: they tell sound from what a model makes of it, and the model learns from that.

Each sees a spectrogram at one resolution (as UnivNet's do, Jang et al. 2021, but one-dimensional with the bins as
channels: a few per cent of the cost) and judges every moment of it, with the hinge loss and feature matching of RAVE.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

WINDOWS = (1024, 256)
CHANNELS = 128
LAYERS = 3
FLOOR = 1e-4  # of a magnitude, before its logarithm
FEATURE_WEIGHT = 10.0


class Critic(nn.Module):
    """One resolution: (batch, 1, n) -> the features of each layer, the last one the judgement."""

    window: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        sizes = [size // 2 + 1, *[CHANNELS] * LAYERS]
        pairs = itertools.pairwise(sizes)
        self.layers = nn.ModuleList(nn.Conv1d(here, there, 5, stride=1, padding=2) for here, there in pairs)
        self.judgement = nn.Conv1d(CHANNELS, 1, 3, padding=1)

    def forward(self, sound: Tensor) -> list[Tensor]:
        spectrum = torch.stft(sound[:, 0], self.size, self.size // 4, window=self.window, return_complex=True)
        features = [torch.log10(spectrum.abs() + FLOOR)]
        for layer in self.layers:
            features.append(functional.leaky_relu(layer(features[-1]), 0.2))
        return [*features[1:], self.judgement(features[-1])]


class Critics(nn.Module):
    """Critics of all resolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.all = nn.ModuleList(Critic(size) for size in WINDOWS)

    def blame(self, real: Tensor, made: Tensor) -> Tensor:
        """Return what the critics want less of: real sound taken for made, and the other way about."""
        total = torch.zeros(())
        for critic in self.all:
            total = (
                total
                + functional.relu(1 - critic(real)[-1]).mean()
                + functional.relu(1 + critic(made)[-1]).mean()
            )
        return total

    def forward(self, real: Tensor, made: Tensor) -> Tensor:
        """Return what the model wants less of: being found out, and features unlike the real ones'."""
        total = torch.zeros(())
        for critic in self.all:
            wanted, found = critic(real), critic(made)
            total = total - found[-1].mean()
            for a, b in zip(wanted[:-1], found[:-1], strict=True):
                total = total + FEATURE_WEIGHT * (a - b).abs().mean() / LAYERS
        return total
