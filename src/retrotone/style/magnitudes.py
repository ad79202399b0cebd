"""Operations on magnitudes, shape (frames, bins): |STFT|, scaled so that the study reads ``log(1 + magnitude)``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.stft import OVERLAP
from retrotone.types import Matrix

# Power of a silent frame relative to the loudest frame: 60 dB down.
SILENCE = 1e-6
# Keeps ratios of nothing to nothing finite.
DYNAMIC_RANGE, TINY_POWER = 1e-12, 1e-20
# At either end, the frames that reach over it.
EDGE_FRAMES = 2 * OVERLAP


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


def smooth_ends(gain: Matrix, magnitude: Matrix, core: slice) -> None:
    """Make gains at an end of the song smooth over frequency, in place.

    A cut or a fade spreads a tone over bins that the music leaves empty. They get the gain of the tone that they belong
    to, not the one that would bring up the noise there.

    Parameters
    ----------
    gain, magnitude : ndarray, shape (frames, bins)
        Of a chunk `without_edges`.
    core : slice
        As for `without_edges`.
    """
    if len(gain) <= 4 * EDGE_FRAMES:
        return
    ends = [(core.start == 0, slice(0, EDGE_FRAMES)), (core.stop == len(gain), slice(len(gain) - EDGE_FRAMES, None))]
    for is_end, frames in ends:
        if is_end:
            power = np.square(magnitude[frames.start], dtype=np.float64)
            power += DYNAMIC_RANGE * power.max() + TINY_POWER
            after = octave_smooth(power * np.square(gain[frames.start]))
            gain[frames] = np.sqrt(after / octave_smooth(power))


def octave_smooth(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over a third of an octave around each bin, at least one bin; shape (bins,)."""
    bins = np.arange(len(power))
    reach = 2 ** (1 / 6)
    first = np.floor(bins / reach).astype(int)
    last = np.minimum(np.ceil(bins * reach).astype(int), len(power) - 1)
    total = np.concatenate([[0.0], np.cumsum(power)])
    means: NDArray[np.float64] = (total[last + 1] - total[first]) / (last + 1 - first)
    return means


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
