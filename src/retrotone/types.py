"""The shapes of arrays that pass between modules, and what a recording offers to those who read it."""

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


class Source(Protocol):
    """What `Audio` and `AudioFile` have in common: a recording that can be read more than once, block by block."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def sample_rate(self) -> int:
        """In Hz."""

    @property
    def channels(self) -> int:
        """One or two."""

    @property
    def frames(self) -> int:
        """Samples per channel; for some compressed files an estimate."""

    @property
    def duration(self) -> float:
        """Seconds, as far as `frames` is exact."""

    def blocks(self) -> Iterator[Block]:
        """Yield the samples in blocks of shape (channels, n)."""
