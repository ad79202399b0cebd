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
# Power in a bin relative to the music there: 25 dB below it, as on a worn disc.
LOUDEST_SURFACE = 3e-3
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
        # of (bins,): what is as loud in quiet frames as on average is noise, however loud
        steadiness = np.minimum(quiet / np.maximum(power.mean(axis=0), 1e-12), 1)
        # music without a pause has no quiet frame: what varies is taken for noise no louder than a surface
        share = np.maximum(steadiness, np.minimum(1, LOUDEST_SURFACE / np.maximum(steadiness, 1e-12)))
        deviation = median_filter(np.sqrt(quiet * share), SMOOTHING_BINS, mode="nearest")
        return cls(deviation.astype(np.float32))

    def fill(self, magnitude: Matrix, strength: float, rng: np.random.Generator) -> NDArray[np.complex64]:
        """Draw the noise that is missing, which is all of it in pauses and none where the music is louder.

        Parameters
        ----------
        magnitude : ndarray, shape (frames, bins)
            Of the frames before the noise.
        strength : float
            Factor on the floor.
        rng : numpy.random.Generator
            Gives each frame the same noise however the frames are cut into chunks.

        Returns
        -------
        ndarray, shape (frames, bins)
            To be added.
        """
        missing = np.square(np.float32(strength) * self.deviation) - np.square(magnitude)
        size = np.sqrt(np.maximum(missing, 0, out=missing), out=missing)
        size *= np.float32(OVERLAP_LOSS / np.sqrt(2))
        parts = rng.standard_normal((len(size), 2, size.shape[1]), np.float32) * size[:, None]
        noise: NDArray[np.complex64] = parts[:, 0] + np.complex64(1j) * parts[:, 1]
        return noise
