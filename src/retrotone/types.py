"""Types that pass between modules: arrays of known shape, and recordings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Block: TypeAlias = NDArray[np.float32]
"""Samples, shape (channels, n), full scale at 1.0."""

Matrix: TypeAlias = NDArray[np.float32]
"""Two dimensions, frames first unless the docstring says otherwise: shape (frames, bins) or (frames, bands)."""

Spectrogram: TypeAlias = NDArray[np.complex64]
"""A short-time Fourier transform, shape (channels, frames, bins)."""

Latent: TypeAlias = NDArray[np.float32]
"""A path through the latent space of a model, shape (latent_size, frames)."""


class Source(Protocol):
    """A recording that can be read more than once, block by block: `Audio` or `AudioFile`."""

    @property
    def name(self) -> str:
        """How messages call it."""

    @property
    def sample_rate(self) -> int:
        """In Hz."""

    @property
    def channels(self) -> int:
        """One or two."""

    @property
    def frames(self) -> int:
        """Samples per channel; an estimate for some compressed files."""

    @property
    def duration(self) -> float:
        """In seconds; as exact as `frames`."""

    def blocks(self) -> Iterator[Block]:
        """Yield the samples in blocks of shape (channels, n)."""
