"""The style's stationary noise: hiss and surface, estimated below the music and carried over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUANTILE = 0.05  # the quietest twentieth of the frames of each bin
# The power of Gaussian noise in a bin is exponential: its q-quantile is -ln(1 - q) times its mean (Martin 2001).
BIAS = -np.log(1 - QUANTILE)
# Independent frames add in power under overlapping windows, where frames of one signal add in amplitude.
OVERLAP_LOSS = np.sqrt(1.5)


@dataclass(frozen=True)
class NoiseFloor:
    """Stationary noise by its spectrum.

    Parameters
    ----------
    deviation : ndarray, shape (bins,)
        Root mean square of |STFT| in each bin, in the units of the magnitudes that it was fitted to.
    """

    deviation: NDArray[np.float32]

    @classmethod
    def fit(cls, magnitude: NDArray[np.float32]) -> NoiseFloor:
        """Estimate it from magnitudes, shape (frames, bins), by minimum statistics."""
        power = np.quantile(np.square(magnitude), QUANTILE, axis=0) / BIAS
        return cls(np.sqrt(power).astype(np.float32))

    def draw(self, channels: int, frames: int, rng: np.random.Generator) -> NDArray[np.complex64]:
        """Return a spectrogram of such noise, shape (channels, frames, bins), independent in each channel."""
        shape = (channels, frames, len(self.deviation))
        noise = rng.standard_normal(shape, np.float32) + 1j * rng.standard_normal(shape, np.float32)
        noise *= self.deviation * np.float32(OVERLAP_LOSS / np.sqrt(2))
        return noise.astype(np.complex64, copy=False)
