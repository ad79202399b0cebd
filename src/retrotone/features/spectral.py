"""Spectral features over time: mel spectrogram, spectral centroid, chroma, and a waveform envelope.

All take an `Audio` of any rate, with one or two channels, and return frames over time. Spectra are those of what is
heard of it (`retrotone.audio.listening`). The window lasts about 93 ms at every rate (`retrotone.dsp.stft.n_fft_for`);
the hop is a quarter of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import Audio
from retrotone.audio.listening import listen_to
from retrotone.dsp.stft import OVERLAP, n_fft_for

N_MELS = 128
# Hz: CQT chroma covers C1-B7 (33 Hz to 4 kHz), which this rate holds
CHROMA_RATE = 22_050
# samples at CHROMA_RATE, 23 ms
CHROMA_HOP = 512
# the longest filters of the transform need this length
MIN_CQT_SECONDS = 3
# -100 dB
POWER_FLOOR = 1e-10


def mel_spectrogram(audio: Audio, n_mels: int = N_MELS) -> NDArray[np.float32]:
    """Return the power in each mel band over time.

    Parameters
    ----------
    audio : Audio
        Heard at its own rate.
    n_mels : int
        Slaney mel bands from 0 Hz to half the sample rate.

    Returns
    -------
    ndarray, shape (n_mels, frames), float32
        In dB, 0 dB for a band power of 1; never under -100 dB.
    """
    import librosa

    power = librosa.feature.melspectrogram(
        y=_heard(audio), sr=audio.sample_rate, n_mels=n_mels, **_window(audio.sample_rate)
    )
    decibels: NDArray[np.float32] = librosa.power_to_db(power, amin=POWER_FLOOR, top_db=None)
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
    import librosa

    centroid = librosa.feature.spectral_centroid(y=_heard(audio), sr=audio.sample_rate, **_window(audio.sample_rate))
    return np.asarray(centroid[0], np.float32)


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
    import librosa

    samples = listen_to(audio).resample(CHROMA_RATE).samples[0]
    frames = 1 + len(samples) // CHROMA_HOP
    if not samples.any():
        return np.zeros((12, frames), np.float32)
    padded = np.pad(samples, (0, max(0, MIN_CQT_SECONDS * CHROMA_RATE - len(samples))))
    chroma = librosa.feature.chroma_cqt(y=padded, sr=CHROMA_RATE, hop_length=CHROMA_HOP)
    return np.asarray(chroma[:, :frames], np.float32)


def waveform_envelope(audio: Audio, points: int) -> NDArray[np.float32]:
    """Return the lowest and highest sample of each of `points` equal parts, to draw a waveform.

    Parameters
    ----------
    audio : Audio
        The extremes are those of all channels.
    points : int
        Upper limit; a recording with fewer frames has one point for each frame.

    Returns
    -------
    ndarray, shape (2, points), float32
        Minima, then maxima, full scale at 1.

    Examples
    --------
    >>> waveform_envelope(Audio([0.1, -0.2, 0.3, 0.0], 8000), points=2)
    array([[-0.2,  0. ],
           [ 0.1,  0.3]], dtype=float32)
    """
    points = min(points, audio.frames)
    starts = np.arange(points) * audio.frames // points
    lowest, highest = (extreme.reduceat(audio.samples, starts, axis=1) for extreme in (np.minimum, np.maximum))
    return np.stack([lowest.min(axis=0), highest.max(axis=0)])


def _heard(audio: Audio) -> NDArray[np.float32]:
    samples: NDArray[np.float32] = listen_to(audio).samples[0]
    return samples


def _window(sample_rate: int) -> dict[str, Any]:
    n_fft = n_fft_for(sample_rate)
    return {"n_fft": n_fft, "hop_length": n_fft // OVERLAP}
