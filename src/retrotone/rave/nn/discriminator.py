"""Spectrogram discriminators for the adversarial phase, with the hinge loss and feature matching of RAVE.

Each sees a spectrogram at one resolution, as UnivNet's do (Jang et al. 2021), but in one dimension, the bins as
channels, at a few per cent of the cost. It gives one score per frame.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

WINDOWS = (1024, 256)
CHANNELS = 128
LAYERS = 3
# added to a magnitude before its logarithm
FLOOR = 1e-4
FEATURE_WEIGHT = 10.0


class Discriminator(nn.Module):
    """One resolution: (batch, 1, n) -> the features of each layer, the last one the score."""

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
        """Return the layers' features and last the judgements, from sound of shape (batch, 1, samples)."""
        spectrum = torch.stft(sound[:, 0], self.size, self.size // 4, window=self.window, return_complex=True)
        features = [torch.log10(spectrum.abs() + FLOOR)]
        for layer in self.layers:
            features.append(functional.leaky_relu(layer(features[-1]), 0.2))
        return [*features[1:], self.judgement(features[-1])]


class Discriminators(nn.Module):
    """Discriminators of all resolutions; the names of their layers are those of stored checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.all = nn.ModuleList(Discriminator(size) for size in WINDOWS)

    def discriminator_loss(self, real: Tensor, made: Tensor) -> Tensor:
        """Return the hinge loss that the discriminators minimise, of signals (batch, 1, n)."""
        total = torch.zeros(())
        for discriminator in self.all:
            total = (
                total
                + functional.relu(1 - discriminator(real)[-1]).mean()
                + functional.relu(1 + discriminator(made)[-1]).mean()
            )
        return total

    def forward(self, real: Tensor, made: Tensor) -> Tensor:
        """Return the loss that the decoder minimises: hinge loss plus feature matching, of signals (batch, 1, n)."""
        total = torch.zeros(())
        for discriminator in self.all:
            wanted, found = discriminator(real), discriminator(made)
            total = total - found[-1].mean()
            for a, b in zip(wanted[:-1], found[:-1], strict=True):
                total = total + FEATURE_WEIGHT * (a - b).abs().mean() / LAYERS
        return total
