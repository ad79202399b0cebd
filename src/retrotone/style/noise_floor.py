"""The style's stationary noise, which goes on in pauses of the music."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from retrotone.style.magnitudes import audible
from retrotone.types import Matrix

# Of the frames of each bin.
QUANTILE = 0.05
# The power of Gaussian noise in a bin is exponential: its q-quantile is -ln(1 - q) times its mean (Martin 2001).
BIAS = -np.log(1 - QUANTILE)
# Independent frames add in power under overlapping windows, where frames of one signal add in amplitude.
OVERLAP_LOSS = np.sqrt(1.5)
# Power relative to the music: 25 dB below it, as on a worn disc.
LOUDEST_SURFACE = 3e-3
# A pause's power relative to the floor: 20 dB below it.
PAUSE = 0.01
# Wide enough to skip the partials of a held note.
SMOOTHING_BINS = 31


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
    def fit(cls, magnitude: Matrix) -> NoiseFloor:
        """Estimate it from magnitudes, shape (frames, bins), by minimum statistics."""
        power = np.square(magnitude[audible(magnitude)])
        quiet = np.quantile(power[:: max(len(power) // 1024, 1)], QUANTILE, axis=0) / BIAS
        deviation = median_filter(np.sqrt(quiet), SMOOTHING_BINS, mode="nearest")
        # music without a pause has no quiet frame: cap the estimate at the loudest surface
        share = np.square(deviation).sum() / power.sum(axis=1).mean()
        return cls((deviation * np.sqrt(min(LOUDEST_SURFACE / max(share, 1e-12), 1))).astype(np.float32))

    def fill(self, magnitude: Matrix, strength: float, rng: np.random.Generator) -> NDArray[np.complex64]:
        """Draw the noise that is missing in pauses, which are frames far below the floor.

        Under the music none is added: there, bins have the style's level already.

        Parameters
        ----------
        magnitude : ndarray, shape (frames, bins)
            Of the frames before the noise.
        strength : float
            Factor on the floor.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray, shape (frames, bins)
            To be added; zero outside pauses.
        """
        floor = np.square(np.float32(strength) * self.deviation)
        pauses = np.einsum("tf,tf->t", magnitude, magnitude) < PAUSE * floor.sum()
        missing = np.maximum(floor - np.square(magnitude[pauses]), 0)
        size = np.sqrt(missing) * np.float32(OVERLAP_LOSS / np.sqrt(2))
        parts = rng.standard_normal((2, *size.shape), np.float32) * size
        noise = np.zeros(magnitude.shape, np.complex64)
        noise[pauses] = parts[0] + 1j * parts[1]
        return noise
