"""The style's stationary noise: a record's surface does not stop when the music does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from retrotone.style.transport import audible

# the quietest twentieth of the frames of each bin
QUANTILE = 0.05
# The power of Gaussian noise in a bin is exponential: its q-quantile is -ln(1 - q) times its mean (Martin 2001).
BIAS = -np.log(1 - QUANTILE)
# Independent frames add in power under overlapping windows, where frames of one signal add in amplitude.
OVERLAP_LOSS = np.sqrt(1.5)
# of the music's power: 25 dB below it, a worn side
LOUDEST_SURFACE = 3e-3
# of the floor's power: 20 dB below it
PAUSE = 0.01
# partials of a held note are no noise
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
    def fit(cls, magnitude: NDArray[np.float32]) -> NoiseFloor:
        """Estimate it from magnitudes, shape (frames, bins), by minimum statistics."""
        power = np.square(magnitude[audible(magnitude)])
        quiet = np.quantile(power[:: max(len(power) // 1024, 1)], QUANTILE, axis=0) / BIAS
        deviation = median_filter(np.sqrt(quiet), SMOOTHING_BINS, mode="nearest")
        # music without a pause has no quiet frame: what is louder than any surface is not noise
        share = np.square(deviation).sum() / power.sum(axis=1).mean()
        return cls((deviation * np.sqrt(min(LOUDEST_SURFACE / max(share, 1e-12), 1))).astype(np.float32))

    def fill(
        self, magnitude: NDArray[np.float32], amount: float, rng: np.random.Generator
    ) -> NDArray[np.complex64]:
        """Draw the noise that is missing in pauses: in frames far below the floor.

        Under the music it would only blur: there, bins have the style's level already.

        Parameters
        ----------
        magnitude : ndarray, shape (frames, bins)
            What is there already.
        amount : float
            Factor on the floor.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray, shape (frames, bins)
            To be added; zero outside pauses.
        """
        floor = np.square(np.float32(amount) * self.deviation)
        pauses = np.einsum("tf,tf->t", magnitude, magnitude) < PAUSE * floor.sum()
        missing = np.maximum(floor - np.square(magnitude[pauses]), 0)
        size = np.sqrt(missing) * np.float32(OVERLAP_LOSS / np.sqrt(2))
        parts = rng.standard_normal((2, *size.shape), np.float32) * size
        noise = np.zeros(magnitude.shape, np.complex64)
        noise[pauses] = parts[0] + 1j * parts[1]
        return noise
