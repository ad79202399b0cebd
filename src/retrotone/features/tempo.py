"""The tempo of a piece: the one that its onsets repeat at, among those that are usual for its genre.

How well a tempo fits the onsets is a weighted sum of their autocorrelations at its beat and at simple ratios of it, and
of their spectrum there, in five bands. The weights are those that make the annotated tempi of GTZAN's train tracks
likeliest (`tools/train_tempo_and_key.py`). Half and double tempi fit about as well: what is usual for a genre decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrotone.dsp.stft import OVERLAP, STUDY_N_FFT, STUDY_RATE
from retrotone.features.genre_priors import genre_priors, known_shares

FRAMES_PER_SECOND = STUDY_RATE * OVERLAP / STUDY_N_FFT
# in beats per minute, 1 % apart
TEMPI = 35 * np.exp(0.01 * np.arange(210))
# groups of the 128 mel bands: up to 230 Hz, 850 Hz, 2.5 kHz and 11 kHz
MEL_EDGES = (0, 8, 32, 72, 128)
# the lags of the autocorrelation in beats, and the frequencies of the spectrum in beats
BEATS, HARMONICS = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 3 / 2, 2, 3, 4), (1 / 2, 1, 2, 3, 4)
# Onsets are smoothed by a Gaussian of this deviation, and compared with their mean over a second, in frames.
SMOOTH_FRAMES, MEAN_FRAMES = 1.0, 43
# at least twice the frames of 30.65 s; steps of the autocorrelation in a frame
SIZE, STEPS = 2700, 8
# The most that few periods of a long lag are scaled up: five times.
MOST_MISSING = 0.8
# The share of the prior that is the same for all genres.
ANY_GENRE = 0.1


def onset_strength(decibels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much a recording becomes louder from frame to frame.

    Parameters
    ----------
    decibels : ndarray, shape (frames, 128)
        See `gtzan.mel_decibels`.

    Returns
    -------
    ndarray, shape (frames - 1, 5)
        In dB: the median over all mel bands, and the means of four groups of them. A band that becomes softer counts
        as 0.
    """
    rises = np.maximum(np.diff(decibels, axis=0), 0)
    middle = rises.shape[1] // 2
    median = np.sort(rises, axis=1)[:, middle - 1 : middle + 1].mean(axis=1)
    groups = [rises[:, low:high].mean(axis=1) for low, high in pairwise(MEL_EDGES)]
    return np.column_stack([median, *groups])


def periodicity(rises: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how strongly onsets repeat at each of `TEMPI` and at ratios of it.

    Parameters
    ----------
    rises : ndarray, shape (frames, 5)
        See `onset_strength`; at most `SIZE` // 2 frames.

    Returns
    -------
    ndarray, shape (len(TEMPI), 70), float32
        For each tempo five bands of each of `BEATS`, then of `HARMONICS`; zeros without onsets.
    """
    import scipy.fft

    centred = rises - rises.sum(axis=0) / max(len(rises), 1)
    # (SIZE // 2 + 1, 5)
    power = np.square(np.abs(scipy.fft.rfft(centred, SIZE, axis=0))) * _tables().response
    energy = power.mean(axis=0)
    if not energy.all():
        return np.zeros((len(TEMPI), rises.shape[1] * (len(BEATS) + len(HARMONICS))), np.float32)
    power /= energy
    # STEPS values a frame, by zeros above the spectrum
    autocorrelation = scipy.fft.irfft(power, SIZE * STEPS, axis=0)
    missing = np.minimum(_tables().lags / STEPS / len(rises), MOST_MISSING)
    repeated = autocorrelation[_tables().lags] / autocorrelation[0] / (1 - missing)[..., None]
    strength = power[_tables().bins].max(axis=0) ** 0.25
    return np.concatenate([repeated, strength], axis=1).reshape(len(TEMPI), -1).astype(np.float32)


class _Tables(NamedTuple):
    """Constants of `periodicity`.

    Attributes
    ----------
    response : ndarray, shape (SIZE // 2 + 1, 1)
        Of the smoothing to the power of onsets.
    lags : ndarray, shape (len(TEMPI), len(BEATS))
        In steps of the autocorrelation.
    bins : ndarray, shape (2, len(TEMPI), len(HARMONICS))
        Below and above each frequency.
    """

    response: NDArray[np.float32]
    lags: NDArray[np.int64]
    bins: NDArray[np.int64]


@cache
def _tables() -> _Tables:
    # cycles in a frame
    frequencies = np.arange(SIZE // 2 + 1) / SIZE
    smoothing = np.exp(-2 * np.square(np.pi * SMOOTH_FRAMES * frequencies))
    mean = np.sinc(MEAN_FRAMES * frequencies) / np.sinc(frequencies)
    response = np.square(smoothing * (1 - mean))[:, None].astype(np.float32)
    beats_per_frame = TEMPI[:, None] / 60 / FRAMES_PER_SECOND
    lags = np.rint(STEPS * np.array(BEATS) / beats_per_frame).astype(int)
    below = (SIZE * np.array(HARMONICS) * beats_per_frame).astype(int)
    return _Tables(response, lags, np.stack([below, below + 1]))


def pulse(rises: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return how well the onsets fit each of `TEMPI`.

    Parameters
    ----------
    rises : ndarray, shape (frames, 5)
        See `onset_strength`.

    Returns
    -------
    ndarray, shape (len(TEMPI),), float16
        Logarithms of likelihoods, that of the best tempo 0; all 0 without onsets.
    """
    fits = periodicity(rises) @ np.array(genre_priors()["pulse"], np.float32).ravel()
    below_best: NDArray[np.float16] = (fits - fits.max()).astype(np.float16)
    return below_best


def tempo_of(fits: ArrayLike, genres: Mapping[str, float]) -> float | None:
    """Return the likeliest tempo in beats per minute, or None where there are no onsets.

    Parameters
    ----------
    fits : array_like, shape (len(TEMPI),)
        See `pulse`.
    genres : mapping of str to float
        The probability of each genre. Genres other than GTZAN's do not count.

    Examples
    --------
    96 and 192 fit equally well; reggae is counted in faster beats than hip-hop:

    >>> octaves = np.log2(TEMPI / 96)
    >>> fits = np.where(np.abs(octaves - octaves.round()) < 0.01, 0.0, -9.0)
    >>> round(tempo_of(fits, {"hiphop": 1.0})), round(tempo_of(fits, {"reggae": 1.0}))
    (96, 192)
    """
    fits = np.asarray(fits, float)
    if not fits.any():
        return None
    score = fits + np.log(prior(genres, genre_priors()["log2_tempo"]))
    best = int(score[1:-1].argmax()) + 1
    before, here, after = score[best - 1 : best + 2]
    # the vertex of the parabola through the best tempo and its neighbours
    curvature = before + after - 2 * here
    shift = (before - after) / (2 * curvature) if curvature < 0 else 0.0
    return float(TEMPI[best] * (TEMPI[1] / TEMPI[0]) ** np.clip(shift, -0.5, 0.5))


def prior(genres: Mapping[str, float], log2_tempo: Mapping[str, Sequence[float]]) -> NDArray[np.float64]:
    """Return how usual each tempo is: log-normal for each genre.

    Parameters
    ----------
    genres : mapping of str to float
        As for `tempo_of`.
    log2_tempo : mapping of str to sequence of float
        As in `GenrePriors`.

    Returns
    -------
    ndarray, shape (len(TEMPI),)
    """
    curves = {
        genre: np.exp(-0.5 * np.square((np.log2(TEMPI) - mean) / deviation)) / deviation
        for genre, (mean, deviation) in log2_tempo.items()
    }
    usual: NDArray[np.float64] = ANY_GENRE * curves["any"]
    for genre, share in known_shares(genres).items():
        usual += (1 - ANY_GENRE) * share * curves[genre]
    return usual
