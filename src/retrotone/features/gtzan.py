"""The 57 numbers per track that come with GTZAN: means and variances of librosa's classic features, and a tempo.

They follow the Kaggle table ``features_30_sec.csv``, which was made by librosa with its defaults at 22.05 kHz (n_fft
2048, hop 512, Hann, mirrored ends); its tempo is the one that ``beat_track`` starts from. Here all of them are computed
from one short-time Fourier transform, with faster algorithms for the slow steps.

How much they depend on other things than music: the level changes `LEVEL_POWERS` and ``mfcc1_mean`` only (`at_level`
corrects them). A lossy codec changes the variances of the higher cepstra: Vorbis at a low rate, in the median over 20
clips, by 0.3 to 0.7 standard deviations between tracks from ``mfcc6_var`` up and by 0.1 to 0.2 from ``mfcc3_var`` to
``mfcc5_var``; the means of the cepstra by up to 0.2, all others by less than 0.1.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import Audio, load
from retrotone.audio.listening import listen_to
from retrotone.dsp.filterbanks import chroma_filters, mel
from retrotone.dsp.hpss import TINY, harmonic_mask
from retrotone.dsp.stft import CHUNK_FRAMES, OVERLAP, STUDY_N_FFT, STUDY_RATE, istft, magnitudes, stft, window
from retrotone.dsp.tuning import estimate_tuning
from retrotone.features.key import pitch_classes
from retrotone.features.onsets import EARLY_FRAMES
from retrotone.features.tempo import onset_strength, pulse

# the longest of GTZAN's clips
SECONDS = 30.65
HOP = STUDY_N_FFT // OVERLAP
N_MELS, N_MFCC = 128, 20
# share of the magnitude below the roll-off; bins that are summed together to find it
ROLLOFF, BIN_GROUP = 0.85, 32
# least mel power, and the range of decibels below the loudest
AMIN, TOP_DB = 1e-10, 80.0
# amplitude; smaller samples count as positive zeros
ZERO = 1e-10
# length of the autocorrelation; beats per minute
TEMPO_SECONDS, USUAL_TEMPO, MAX_TEMPO = 8.0, 120.0, 320.0
# of a fingerprint: how long it is, bands, mel bands in each, frames in a step (0.26 s)
FINGERPRINT_SECONDS, FINGERPRINT_BANDS, FINGERPRINT_MELS, FINGERPRINT_FRAMES = 15.0, 24, 4, 11

FEATURES = (
    "chroma_stft",
    "rms",
    "spectral_centroid",
    "spectral_bandwidth",
    "rolloff",
    "zero_crossing_rate",
    "harmony",
    "perceptr",
)
COLUMNS: tuple[str, ...] = (
    *(f"{feature}_{moment}" for feature in FEATURES for moment in ("mean", "var")),
    "tempo",
    *(f"mfcc{k + 1}_{moment}" for k in range(N_MFCC) for moment in ("mean", "var")),
)
"""Names, in the order of the table."""

LEVEL_POWERS = {
    f"{feature}_{moment}": power
    for feature in ("rms", "harmony", "perceptr")
    for moment, power in (("mean", 1), ("var", 2))
}
"""Columns that grow with a power of the gain; ``mfcc1_mean`` grows with its decibels."""

Array = NDArray[np.float32]


def gtzan_columns(recording: Audio | str | os.PathLike[str]) -> NDArray[np.float64]:
    """Return the 57 columns of a recording.

    Parameters
    ----------
    recording : Audio or path-like
        Any rate, one or two channels. What is heard of its middle 30 s (`retrotone.audio.listening`) is used, resampled
        to 22.05 kHz.

    Returns
    -------
    ndarray, shape (57,), float64
        In the order of `COLUMNS`: frequencies in Hz, tempo in beats per minute.

    Raises
    ------
    AudioError
        See `AudioFile`.
    """
    return timbre(recording).columns


class Timbre(NamedTuple):
    """The columns, and other features from the same Fourier transform.

    Attributes
    ----------
    columns : ndarray, shape (57,), float64
        See `gtzan_columns`.
    chroma : ndarray, shape (12,), float32
        How strong each pitch class is on average, C first, in [0, 1].
    fingerprint : ndarray, shape (steps, 24), float32
        How loud each of 24 bands up to 4.7 kHz, which every codec keeps, is beside the others over half a second, in
        dB, every quarter of a second (0.26) of the middle 15 s. One step for less than half a second.
    pitch_classes : ndarray, shape (12,), float32
        See `key.pitch_classes`.
    pulse : ndarray, shape (210,), float16
        See `tempo.pulse`.
    """

    columns: NDArray[np.float64]
    chroma: Array
    fingerprint: Array
    pitch_classes: Array
    pulse: NDArray[np.float16]


def timbre(recording: Audio | str | os.PathLike[str], separated_seconds: float = SECONDS) -> Timbre:
    """Return the columns of `gtzan_columns`, and other features of the same sound.

    Parameters
    ----------
    recording : Audio or path-like
        As for `gtzan_columns`.
    separated_seconds : float
        Length of the middle part that is separated into harmonic and percussive sound, for the columns ``harmony`` and
        ``perceptr``. Separating 30 s takes as long as all other columns. The logarithms of ``harmony_var`` and
        ``perceptr_var`` from 5 s correlate by 0.996 and 0.987 with those from 30 s (129 clips of GTZAN).

    Returns
    -------
    Timbre
    """
    audio = middle_of(recording if isinstance(recording, Audio) else load(recording))
    samples = listen_to(audio).resample(STUDY_RATE).samples[0]
    magnitude = magnitudes(samples)
    power = np.square(magnitude)
    decibels = mel_decibels(power)
    tuning = estimate_tuning(power)
    chroma = _chroma(power, tuning)
    centroid, bandwidth = _centroid_and_bandwidth(magnitude)
    frames = (chroma, _rms(samples), centroid, bandwidth, _rolloff(magnitude), _zero_crossing_rate(samples))
    moments = [moment for values in frames for moment in (values.mean(), values.var())]
    moments += _separated_moments(samples, round(separated_seconds * STUDY_RATE))
    cepstrum = _cepstrum(decibels)
    cepstral = np.stack([cepstrum.mean(axis=0), cepstrum.var(axis=0)], axis=1)
    rises = onset_strength(decibels)
    columns = np.concatenate([moments, [_tempo(rises[:, 0])], cepstral.ravel()])
    return Timbre(columns, chroma.mean(axis=0), _fingerprint(decibels), pitch_classes(samples, tuning), pulse(rises))


def at_level(columns: NDArray[np.float64], rms: float = 0.1) -> NDArray[np.float64]:
    """Return the columns that the same recordings have at another level.

    Parameters
    ----------
    columns : ndarray, shape (..., 57)
        As `gtzan_columns` or the table gives them.
    rms : float
        Their new ``rms_mean``.

    Returns
    -------
    ndarray, shape (..., 57), float64
        Exact, except where decibels are cut off below -100 dB. Silence is not changed.
    """
    result = np.array(columns, float)
    now = result[..., COLUMNS.index("rms_mean")]
    gain = np.divide(rms, now, out=np.ones_like(now), where=now > 0)
    for name, power in LEVEL_POWERS.items():
        result[..., COLUMNS.index(name)] *= gain**power
    # the first row of the orthonormal DCT is constant
    result[..., COLUMNS.index("mfcc1_mean")] += np.sqrt(N_MELS) * 20 * np.log10(gain)
    return result


def middle_of(audio: Audio) -> Audio:
    """Return the middle 30 s of a recording, or the whole of a shorter one."""
    start = max(audio.duration - SECONDS, 0.0) / 2
    return audio.slice(start, start + SECONDS)


def _spectrum(samples: Array) -> NDArray[np.complex64]:
    spectrum: NDArray[np.complex64] = np.concatenate(list(stft([samples[None]], STUDY_N_FFT)), axis=1)[0]
    return spectrum


def _separated_moments(samples: Array, count: int) -> list[np.float32]:
    """Return mean and variance of the harmonic and of the percussive part of the middle `count` samples.

    The variances are scaled to the level of all samples.
    """
    start = max(len(samples) - count, 0) // 2
    middle = samples[start : start + count]
    # a silent middle cannot be separated
    if not middle.any():
        middle = samples
    spectrum = _spectrum(middle)
    harmony = _masked(spectrum, harmonic_mask(np.abs(spectrum)), len(middle))
    level = samples.var() / max(middle.var(), TINY)
    return [moment for part in (harmony, middle - harmony) for moment in (part.mean(), level * part.var())]


def _masked(spectrum: NDArray[np.complex64], mask: Array, length: int) -> Array:
    """Return the waveform of a spectrum, shape (frames, bins), multiplied by a mask of the same shape."""
    chunks = (slice(start, start + CHUNK_FRAMES) for start in range(0, len(mask), CHUNK_FRAMES))
    blocks = istft((spectrum[None, chunk] * mask[chunk] for chunk in chunks), STUDY_N_FFT, length)
    waveform: Array = np.concatenate(list(blocks), axis=1)[0]
    return waveform


def mel_decibels(power: Array) -> Array:
    """Return the decibels of mel power, shape (frames, 128), limited to 80 below the loudest.

    Parameters
    ----------
    power : ndarray, shape (frames, bins)
        The squares of `retrotone.dsp.stft.magnitudes`.
    """
    mel_power = np.hstack([power[:, bins] @ filters for bins, filters in _mel_filters()])
    decibels: Array = 10 * np.log10(np.maximum(mel_power, np.float32(AMIN)))
    limited: Array = np.maximum(decibels, decibels.max() - np.float32(TOP_DB))
    return limited


@lru_cache(maxsize=1)
def _mel_filters() -> list[tuple[slice, Array]]:
    """Return for each quarter of the bands the bins it hears and its filters: three quarters of all are zeros."""
    # rounded once, at the end: libraries hold features that were computed so
    bands = mel(sample_rate=STUDY_RATE, n_fft=STUDY_N_FFT, n_mels=N_MELS, dtype=np.float64).astype(np.float32)
    quarters = []
    for filters in np.split(bands.T, 4, axis=1):
        used = np.flatnonzero(filters.any(axis=1))
        bins = slice(used[0], used[-1] + 1)
        quarters.append((bins, np.ascontiguousarray(filters[bins])))
    return quarters


def _fingerprint(decibels: Array) -> Array:
    most = round(FINGERPRINT_SECONDS * STUDY_RATE / HOP)
    middle = decibels[max(len(decibels) - most, 0) // 2 :][:most, : FINGERPRINT_BANDS * FINGERPRINT_MELS]
    bands = middle.reshape(len(middle), FINGERPRINT_BANDS, -1).mean(axis=2)
    bands -= bands.mean(axis=1, keepdims=True)
    steps = max(len(bands) // FINGERPRINT_FRAMES, 1)
    means = bands[: steps * FINGERPRINT_FRAMES].reshape(steps, -1, FINGERPRINT_BANDS).mean(axis=1)
    fingerprint: Array = (means[1:] + means[:-1]) / 2 if steps > 1 else means
    return fingerprint


def _cepstrum(decibels: Array) -> NDArray[np.float64]:
    import scipy.fft

    cepstrum: NDArray[np.float64] = scipy.fft.dct(decibels.astype(float), axis=1, norm="ortho")[:, :N_MFCC]
    return cepstrum


def _tempo(rises: Array) -> float:
    """Return the tempo that librosa's `beat_track` starts from (Ellis 2007), of how much each frame is louder, (n,).

    It maximises the mean over time of the normalised autocorrelation of 8 s of onset strength, weighted by a prior.
    """
    import scipy.fft

    onsets = np.concatenate([np.zeros(EARLY_FRAMES, np.float32), rises])[: len(rises) + 1]
    length = int(TEMPO_SECONDS * STUDY_RATE / HOP)
    padded = np.pad(onsets, length // 2, "linear_ramp")
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)[: len(onsets)] * window(length)
    # an autocorrelation is the transform of a power spectrum; it is divided by the energy, its value at lag 0
    size = scipy.fft.next_fast_len(2 * length - 1, real=True)
    spectra = scipy.fft.rfft(windows, size)
    energies = np.einsum("ij,ij->i", windows, windows)
    power = (1 / np.maximum(energies, TINY)) @ (np.square(spectra.real) + np.square(spectra.imag))
    autocorrelation = scipy.fft.irfft(power / len(onsets), size)[:length]
    tempi = 60 * STUDY_RATE / (HOP * np.arange(1, length))
    log_prior = -0.5 * np.square(np.log2(tempi / USUAL_TEMPO))
    score = np.where(tempi < MAX_TEMPO, np.log1p(1e6 * autocorrelation[1:]) + log_prior, -np.inf)
    return float(tempi[score.argmax()])


def _chroma(power: Array, tuning: float) -> Array:
    chroma: Array = power @ chroma_filters(STUDY_RATE, STUDY_N_FFT, tuning).T
    chroma /= np.maximum(chroma.max(axis=1, keepdims=True), TINY)
    return chroma


def _centroid_and_bandwidth(magnitude: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the standard deviation of frequency in each frame, in Hz; 0 in silence."""
    # 1, f, f^2: shape (bins, 3); sums of single precision are right to some millionths
    powers = np.vander(_hertz(), 3, increasing=True).astype(np.float32)
    total, first, second = (magnitude @ powers).T.astype(float)
    total = np.maximum(total, TINY)
    centroid = first / total
    return centroid, np.sqrt(np.maximum(second / total - np.square(centroid), 0))


def _rolloff(magnitude: Array) -> NDArray[np.float64]:
    """Return the frequency below which `ROLLOFF` of each frame lies, in Hz: search by groups of bins, then in one."""
    bins = magnitude.shape[1]
    groups = np.add.reduceat(magnitude, range(0, bins, BIN_GROUP), axis=1)
    below = np.cumsum(np.pad(groups, ((0, 0), (1, 0))), axis=1)
    wanted = ROLLOFF * below[:, -1:]
    group = (below[:, 1:] < wanted).sum(axis=1, keepdims=True)
    members = np.minimum(group * BIN_GROUP + np.arange(BIN_GROUP), bins - 1)
    within = np.cumsum(np.take_along_axis(magnitude, members, axis=1), axis=1)
    reached = np.take_along_axis(below, group, axis=1) + within >= wanted
    rolloff: NDArray[np.float64] = _hertz()[members[:, 0] + reached.argmax(axis=1)]
    return rolloff


def _hertz() -> NDArray[np.float64]:
    return np.linspace(0.0, STUDY_RATE / 2, STUDY_N_FFT // 2 + 1)


def _rms(samples: Array) -> Array:
    rms: Array = np.sqrt(_window_sums(np.square(np.pad(samples, STUDY_N_FFT // 2, "symmetric"))) / STUDY_N_FFT)
    return rms


def _zero_crossing_rate(samples: Array) -> NDArray[np.float64]:
    negative = np.pad(samples < -ZERO, STUDY_N_FFT // 2, "edge")
    crossings = np.diff(negative, prepend=negative[0])
    counts = _window_sums(crossings)
    # both samples of a crossing lie within the window
    counts -= crossings[: len(counts) * HOP : HOP]
    return counts / STUDY_N_FFT


def _window_sums(values: NDArray[np.generic]) -> NDArray[Any]:
    hops = values[: len(values) // HOP * HOP].reshape(-1, HOP).sum(axis=1)
    windows: NDArray[Any] = np.lib.stride_tricks.sliding_window_view(hops, OVERLAP).sum(axis=1)
    return windows
