"""Where notes and beats begin: peaks of how much a recording becomes louder (Böck, Krebs and Schedl 2012)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.stft import OVERLAP, STUDY_N_FFT, STUDY_RATE

FRAME_SECONDS = STUDY_N_FFT / OVERLAP / STUDY_RATE
# A rise is seen this many frames early, when a window begins to contain it.
EARLY_FRAMES = OVERLAP // 2 + 1
# librosa's: an onset is as strong as its 30 ms before it, stronger than the mean from 0.1 s before to 0.1 s after it by
# a share of the strongest, and more than 30 ms after the last one.
BEFORE_FRAMES, MEAN_FRAMES, LEAST_RISE = int(0.03 / FRAME_SECONDS), int(0.1 / FRAME_SECONDS), 0.07


def onset_times(decibels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the times of the onsets that librosa's `onset_detect` finds.

    Parameters
    ----------
    decibels : ndarray, shape (frames, bands)
        See `gtzan.mel_decibels`.

    Returns
    -------
    ndarray, shape (onsets,), float64
        In seconds.
    """
    rises = np.maximum(np.diff(decibels, axis=0), 0).mean(axis=1)
    strength = np.concatenate([np.zeros(EARLY_FRAMES), rises])[: len(decibels)]
    strength -= strength.min(initial=0)
    if not strength.any():
        return np.zeros(0)
    strength /= strength.max()
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(strength, MEAN_FRAMES, constant_values=np.nan), 2 * MEAN_FRAMES + 1
    )
    here = around[:, MEAN_FRAMES - BEFORE_FRAMES : MEAN_FRAMES + 1]
    peaks = np.flatnonzero(
        (strength == np.nanmax(here, axis=1)) & (strength >= np.nanmean(around, axis=1) + LEAST_RISE)
    )
    frames: list[int] = []
    for peak in peaks.tolist():
        if not frames or peak - frames[-1] > BEFORE_FRAMES:
            frames.append(peak)
    return np.array(frames) * FRAME_SECONDS
