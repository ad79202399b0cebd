"""Spectral features over time: mel spectrogram, spectral centroid and chroma.

All take an `Audio` of any rate, with one or two channels, and return frames over time. Spectra are those of what is
heard of it (`retrotone.audio.listening`). The window lasts about 93 ms at every rate (`retrotone.dsp.stft.n_fft_for`);
the hop is a quarter of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import Audio
from retrotone.audio.listening import listen_to
from retrotone.dsp.constant_q import BINS_PER_OCTAVE, N_OCTAVES, constant_q
from retrotone.dsp.filterbanks import N_CHROMA, mel
from retrotone.dsp.hpss import TINY
from retrotone.dsp.stft import magnitudes, n_fft_for
from retrotone.dsp.tuning import estimate_tuning

N_MELS = 128
# Hz: CQT chroma covers C1-B7 (33 Hz to 4 kHz), which this rate holds
CHROMA_RATE = 22_050
# samples at CHROMA_RATE, 23 ms
CHROMA_HOP = 512
# -100 dB
POWER_FLOOR = 1e-10


def mel_spectrogram(audio: Audio) -> NDArray[np.float32]:
    """Return the power in each of 128 Slaney mel bands, from 0 Hz to half the sample rate, over time.

    Parameters
    ----------
    audio : Audio
        Heard at its own rate.

    Returns
    -------
    ndarray, shape (128, frames), float32
        In dB, 0 dB for a band power of 1; never under -100 dB.
    """
    filters = mel(sample_rate=audio.sample_rate, n_fft=n_fft_for(audio.sample_rate), n_mels=N_MELS)
    power = filters @ np.square(_magnitude(audio))
    decibels: NDArray[np.float32] = 10 * np.log10(np.maximum(power, np.float32(POWER_FLOOR)))
    return decibels


def spectral_centroid(audio: Audio) -> NDArray[np.float32]:
    """Return the centre of mass of the magnitude spectrum over time, a measure of brightness.

    Parameters
    ----------
    audio : Audio
        Heard at its own rate.

    Returns
    -------
    ndarray, shape (frames,), float32
        In Hz; 0 for silent frames.
    """
    magnitude = _magnitude(audio)
    frequencies = np.linspace(0.0, audio.sample_rate / 2, len(magnitude), dtype=np.float32)
    centroid: NDArray[np.float32] = frequencies @ magnitude / np.maximum(magnitude.sum(axis=0), TINY)
    return centroid


def chromagram(audio: Audio) -> NDArray[np.float32]:
    """Return how strong each pitch class is over time, from a constant-Q transform.

    Parameters
    ----------
    audio : Audio
        Heard at 22.05 kHz.

    Returns
    -------
    ndarray, shape (12, frames), float32
        C, C#, ... B; each frame's strongest class is 1, or all are 0 in silence. Hop 512 / 22,050 s.
    """
    samples = listen_to(audio).resample(CHROMA_RATE).samples[0]
    if not samples.any():
        return np.zeros((N_CHROMA, 1 + len(samples) // CHROMA_HOP), np.float32)
    tuning = estimate_tuning(magnitudes(samples), BINS_PER_OCTAVE)
    # (frames, octaves, bins of an octave)
    bins = constant_q(samples, CHROMA_RATE, CHROMA_HOP, tuning).reshape(-1, N_OCTAVES, BINS_PER_OCTAVE)
    # a pitch class takes its own bin and one on each side: that below C is the highest of an octave
    per_class = BINS_PER_OCTAVE // N_CHROMA
    centred = np.roll(bins.sum(axis=1), per_class // 2, axis=1)
    chroma: NDArray[np.float32] = centred.reshape(-1, N_CHROMA, per_class).sum(axis=2).T
    chroma /= np.maximum(chroma.max(axis=0), TINY)
    return chroma


def _magnitude(audio: Audio) -> NDArray[np.float32]:
    """Return the magnitude of what is heard, shape (bins, frames)."""
    return magnitudes(listen_to(audio).samples[0], n_fft_for(audio.sample_rate)).T
