"""Give magnitudes a phase: the content's, or one by Griffin-Lim."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.stft import OVERLAP, istft, stft
from retrotone.types import Spectrogram

Resynthesis = Literal["content", "griffinlim", "random"]

FAST_STEPS, STUDY_STEPS = 16, 32
# Perraudin, Balazs and Soendergaard 2013
MOMENTUM = 0.99


def resynthesise(magnitude: NDArray[np.float32], content: Spectrogram, method: Resynthesis, seed: int) -> Spectrogram:
    """Give magnitudes a phase.

    Parameters
    ----------
    magnitude : ndarray, shape (channels, frames, bins)
        Of the result.
    content : ndarray of complex64, same shape
        The content's spectrogram.
    method : {"content", "griffinlim", "random"}
        The content's own phase; 16 fast Griffin-Lim steps from it; or the study's: 32 steps from a random phase.
    seed : int
        Of the random phase.

    Returns
    -------
    ndarray of complex64, same shape
    """
    if method == "random":
        angles = np.random.default_rng(seed).uniform(-np.pi, np.pi, magnitude.shape).astype(np.float32)
        return griffin_lim(magnitude, np.exp(1j * angles).astype(np.complex64), STUDY_STEPS)
    phase = (content / np.maximum(np.abs(content), np.float32(1e-12))).astype(np.complex64, copy=False)
    if method == "griffinlim":
        return griffin_lim(magnitude, phase, FAST_STEPS)
    result: Spectrogram = magnitude * phase
    return result


def griffin_lim(magnitude: NDArray[np.float32], phase: Spectrogram, steps: int) -> Spectrogram:
    """Fast Griffin-Lim (Perraudin et al. 2013): alternate between consistent spectrograms and the magnitudes.

    Parameters
    ----------
    magnitude : ndarray, shape (channels, frames, bins)
    phase : ndarray of complex64, same shape
        Unit vectors to start from.
    steps : int

    Returns
    -------
    ndarray of complex64, same shape
    """
    n_fft = 2 * (magnitude.shape[2] - 1)
    samples = (magnitude.shape[1] - OVERLAP + 1) * n_fft // OVERLAP
    estimate: Spectrogram = magnitude * phase
    previous = np.zeros_like(estimate)
    for _ in range(steps):
        signal = np.concatenate(list(istft([estimate], n_fft, samples)), axis=1)
        consistent = np.concatenate(list(stft([signal], n_fft)), axis=1)
        ahead = consistent + np.float32(MOMENTUM) * (consistent - previous)
        estimate = magnitude * (ahead / np.maximum(np.abs(ahead), np.float32(1e-12)))
        previous = consistent
    return estimate
