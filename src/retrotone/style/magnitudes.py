"""Operations on magnitudes, shape (frames, bins): |STFT|, scaled so that the study reads ``log(1 + magnitude)``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.stft import OVERLAP
from retrotone.types import Matrix

# Power of a silent frame relative to the loudest frame: 60 dB down.
SILENCE = 1e-6
# At either end, the frames that reach over it.
EDGE_FRAMES = OVERLAP


@dataclass(frozen=True)
class Pair:
    """What the stages of a transport are fitted to.

    Attributes
    ----------
    content, style : ndarray, shape (frames, bins)
        Magnitudes of both recordings, audible frames alone.
    frequencies : ndarray, shape (bins,)
        Centre of each bin in Hz.
    """

    content: Matrix
    style: Matrix
    frequencies: NDArray[np.float64]


def audible(magnitude: Matrix) -> NDArray[np.bool_]:
    """Return which frames count, shape (frames,): neither silent, nor at an end, where the signal is mirrored."""
    energy = np.einsum("tf,tf->t", magnitude, magnitude)
    mask: NDArray[np.bool_] = energy >= energy.max() * SILENCE
    frames = np.flatnonzero(mask)
    if len(frames) > 4 * EDGE_FRAMES:
        mask[frames[:EDGE_FRAMES]] = mask[frames[-EDGE_FRAMES:]] = False
    return mask


def without_edges(magnitude: Matrix, core: slice) -> Matrix:
    """Return magnitudes with frames that reach over an end of the song replaced by the nearest that do not.

    There the signal is mirrored. The kink fills bins that the music leaves empty, and a map would amplify it.

    Parameters
    ----------
    magnitude : ndarray, shape (frames, bins)
        A chunk of the song with its context.
    core : slice
        The chunk itself. Where it touches the first or last frame, the song begins or ends.

    Returns
    -------
    ndarray, shape (frames, bins)
    """
    if len(magnitude) <= 4 * EDGE_FRAMES:
        return magnitude
    result = magnitude.copy()
    if core.start == 0:
        result[:EDGE_FRAMES] = magnitude[EDGE_FRAMES]
    if core.stop == len(magnitude):
        result[-EDGE_FRAMES:] = magnitude[-EDGE_FRAMES - 1]
    return result


def between(content: Matrix, mapped: Matrix, strength: float) -> Matrix:
    """Interpolate between the content and what it is mapped to, linearly in log(1 + magnitude).

    Parameters
    ----------
    content, mapped : ndarray, shape (frames, bins)
    strength : float
        0 gives the content, 1 what it is mapped to.
    """
    if strength == 1.0:
        return mapped
    logs = log1p(content)
    logs += np.float32(strength) * (log1p(mapped) - logs)
    return expm1(logs)


def log1p(magnitude: Matrix) -> Matrix:
    """Return log(1 + x): faster than NumPy's log1p, which is not vectorised, and as good where x is not tiny."""
    result: Matrix = magnitude + np.float32(1)
    return np.log(result, out=result)


def expm1(logs: Matrix) -> Matrix:
    """Return exp(x) - 1, at least 0; overwrites its argument."""
    np.exp(np.maximum(logs, 0, out=logs), out=logs)
    logs -= np.float32(1)
    return logs


def amplify(magnitude: Matrix, log_gain: Matrix) -> Matrix:
    """Return magnitude * exp(log_gain); overwrites `log_gain`."""
    np.exp(log_gain, out=log_gain)
    log_gain *= magnitude
    return log_gain


def smooth(values: Matrix, sigma: float) -> Matrix:
    """Smooth along the frames with a Gaussian of deviation `sigma` frames; the ends are held."""
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(values, sigma, axis=0, mode="nearest", truncate=3.0) if sigma else values
