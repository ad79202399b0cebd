"""How much a transfer changes a song towards a style, and how much of the song it keeps, measured on audio.

Every measure uses the first 60 s, mono, at 22.05 kHz and an RMS of 0.1, so that any two recordings can be
compared. Level is not style: the distance to a style is the least over a few levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrotone.audio.audio import Audio
from retrotone.audio.listening import listen_to
from retrotone.dsp.filterbanks import mel
from retrotone.dsp.stft import OVERLAP, STUDY_N_FFT, STUDY_RATE, STUDY_RMS, STUDY_SCALE, magnitudes
from retrotone.errors import AudioError
from retrotone.features.gtzan import mel_decibels
from retrotone.features.onsets import onset_times
from retrotone.features.spectral import chromagram
from retrotone.style.random_network import gram_energy, network_features, patch_moments

SECONDS = 60.0
RATE, N_FFT = STUDY_RATE, STUDY_N_FFT
RMS, LOG_GAIN = STUDY_RMS, STUDY_SCALE
STYLE_LEVELS_DB = range(-9, 10, 3)
# levels whose estimated distance is at most this many times the least are computed exactly: estimates err by 5 %
LEVEL_MARGIN = 1.1
# up to so many frames (35 s), features of the network cost less than moments of its input
FEW_FRAMES = 1500
# a style distance below this is rounding, in float32
LEAST_DISTANCE = 1e-6
ENVELOPE_LEVELS_DB = range(-6, 7, 2)
# mel bands of the envelope, their lowest frequency in Hz, and the least power of one
N_BANDS, BAND_FMIN, BAND_FLOOR = 40, 60.0, 1e-7
# MIREX's tolerance
ONSET_SECONDS = 0.05
MIN_SECONDS = 0.2


@dataclass(frozen=True)
class Measures:
    """Measures of a transfer, each by the function of the same name.

    Attributes
    ----------
    style_gain, envelope_gain : float
        0 if the output is as far from the style as the content, 1 if it is there.
    chroma_cosine, onset_f1 : float
        1 if harmony and rhythm are the content's. Unrelated pieces have a chroma cosine of about 0.7.
    loudness_change_lu : float
        Output minus content, in LU.
    log_spectral_distance : float
        From the content, in dB.
    true_peak_db : float
        Of the output, in dBTP.
    """

    style_gain: float
    envelope_gain: float
    chroma_cosine: float
    onset_f1: float
    loudness_change_lu: float
    log_spectral_distance: float
    true_peak_db: float


class Profile:
    """The features of one recording that the measures need, each computed once, on first use.

    Every function of this module takes an `Audio` or a `Profile`: make a `Profile` to compare the same recording
    with several others.

    Parameters
    ----------
    audio : Audio
        Any rate, one or two channels.

    Raises
    ------
    AudioError
        Less than 0.2 s long, or silent in its first 60 s.
    """

    def __init__(self, audio: Audio) -> None:
        self.audio = audio
        samples = measured_excerpt(audio).resample(RATE).samples[0]
        self.samples: NDArray[np.float32] = samples * np.float32(
            RMS / np.sqrt(np.mean(np.square(samples, dtype=float)))
        )

    def shortened(self, frames: int) -> Profile:
        """Return the profile of the first `frames` samples at 22.05 kHz."""
        if frames == len(self.samples):
            return self
        short = Profile.__new__(Profile)
        short.audio, short.samples = self.audio, self.samples[:frames]
        return short

    @cached_property
    def chroma(self) -> NDArray[np.float32]:
        """CQT chroma, shape (12, frames)."""
        return chromagram(Audio(self.samples, RATE))

    @cached_property
    def onsets(self) -> NDArray[np.float64]:
        """Times of the onsets in seconds, shape (onsets,)."""
        return onset_times(mel_decibels(np.square(self.magnitude).T))

    @cached_property
    def magnitude(self) -> NDArray[np.float32]:
        """Magnitude STFT, shape (1025, frames)."""
        # as in the study, the first and last frames hear silence around the recording
        return magnitudes(np.pad(self.samples, N_FFT))[OVERLAP:-OVERLAP].T

    @cached_property
    def band_power(self) -> NDArray[np.float32]:
        """Power in 40 mel bands from 60 Hz up, shape (40, frames)."""
        filters = mel(sample_rate=RATE, n_fft=N_FFT, n_mels=N_BANDS, fmin=BAND_FMIN)
        power: NDArray[np.float32] = filters @ np.square(self.magnitude)
        return power

    def log_spectrum(self, level_db: float = 0.0) -> NDArray[np.float32]:
        """Return log1p(30 magnitude), shape (1025, frames), `level_db` louder."""
        spectrum: NDArray[np.float32] = np.log1p(np.float32(LOG_GAIN * 10 ** (level_db / 20)) * self.magnitude)
        return spectrum

    def frame_moments(self, level_db: float = 0.0) -> NDArray[np.float32]:
        """Return the mean of x x^T over the frames x of the log spectrum, shape (1025, 1025)."""
        spectrum = self.log_spectrum(level_db)
        moments: NDArray[np.float32] = spectrum @ spectrum.T / np.float32(spectrum.shape[1])
        return moments

    def patch_moments(self, level_db: float = 0.0) -> NDArray[np.float32]:
        """Return the `patch_moments` of the log spectrum."""
        return patch_moments(self.log_spectrum(level_db))

    @cached_property
    def moments(self) -> NDArray[np.float32]:
        """`patch_moments` at level 0, shape (3076, 3076)."""
        return self.patch_moments()

    def features_at(self, level_db: float) -> NDArray[np.float32]:
        """Return the `network_features` of the log spectrum, `level_db` louder."""
        return network_features(self.log_spectrum(level_db))

    @cached_property
    def features(self) -> NDArray[np.float32]:
        """Features at level 0, shape (4096, frames)."""
        return self.features_at(0.0)

    @property
    def has_few_frames(self) -> bool:
        """Whether features are cheaper than moments."""
        return bool(self.magnitude.shape[1] <= FEW_FRAMES)

    @cached_property
    def gram_energy(self) -> float:
        """Squared norm of the Gram matrix, unnormalised."""
        if self.has_few_frames:
            return _product_of_grams(self.features, self.features)
        return gram_energy(self.moments)

    def envelope(self, level_db: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean (40,) and covariance (40, 40) of the log-mel frames in dB / 10, `level_db` louder."""
        frames = np.log10(np.maximum(self.band_power * 10 ** (level_db / 10), BAND_FLOOR).astype(float))
        centred = frames - frames.mean(axis=1, keepdims=True)
        return frames.mean(axis=1), centred @ centred.T / max(frames.shape[1] - 1, 1)

    @cached_property
    def distances(self) -> WeakKeyDictionary[Profile, float]:
        """Style distances measured so far, by style."""
        return WeakKeyDictionary()

    @cached_property
    def loudness(self) -> float:
        """Of the whole recording, in LUFS."""
        return self.audio.loudness


Recording = Audio | Profile


def measured_excerpt(audio: Audio) -> Audio:
    """Return what is measured of a recording, at its own rate; AudioError where it is too short or silent."""
    excerpt = listen_to(audio.slice(0.0, SECONDS))
    if excerpt.duration < MIN_SECONDS:
        raise AudioError(f"{audio.name} lasts only {excerpt.duration:.2f} s: measures need at least {MIN_SECONDS} s")
    if excerpt.is_silent:
        raise AudioError(f"{audio.name} is silent in its first {SECONDS:.0f} s: there is nothing to measure")
    return excerpt


def measure(content: Recording, style: Recording, output: Recording) -> Measures:
    """Measure a transfer.

    Parameters
    ----------
    content, style, output : Audio or Profile
        The song, the style it should get, and the result. Rates, lengths and channels may differ.

    Raises
    ------
    AudioError
        One of them is under 0.2 s long, or silent in its first 60 s.
    """
    content, style, output = _profile(content), _profile(style), _profile(output)
    return Measures(
        style_gain=style_gain(content, style, output),
        envelope_gain=envelope_gain(content, style, output),
        chroma_cosine=chroma_cosine(content, output),
        onset_f1=onset_f1(content, output),
        loudness_change_lu=loudness_change(content, output),
        log_spectral_distance=log_spectral_distance(content, output),
        true_peak_db=true_peak_db(output),
    )


def style_gain(content: Recording, style: Recording, output: Recording) -> float:
    """Return 1 - d(output) / d(content), d being the `style_distance` to the style; 0 for equal content and style.

    Parameters
    ----------
    content, style, output : Audio or Profile
        As for `measure`.
    """
    return _gain(style_distance(content, style), style_distance(output, style))


def envelope_gain(content: Recording, style: Recording, output: Recording) -> float:
    """Return 1 - d(output) / d(content), d being the `envelope_distance` to the style; 0 for equal content and style.

    Parameters
    ----------
    content, style, output : Audio or Profile
        As for `measure`.
    """
    return _gain(envelope_distance(content, style), envelope_distance(output, style))


def style_distance(recording: Recording, style: Recording) -> float:
    """Return ||G(x) - G(s)||^2 / ||G(s)||^2 at the best level of x, with the Gram matrices G of the study's network.

    The network is linear, F = W P(X) with P(X) three neighbouring frames and a one, so that G = W M W^T / C
    with M the second moment of P(X), and ||G(x) - G(s)||^2 is the trace of (D W^T W)^2 / C^2, D the
    difference of moments: features need not be computed. Where frames are few, features cost less; there the square
    is multiplied out, as the product of two Gram matrices is ||F(x)^T F(s)||^2. W^T W is close to a multiple of the
    identity, so the moments of single frames are enough to estimate the distance at each level; the exact distance is
    computed only at those levels whose estimate is close to the least.
    """
    recording, style = _profile(recording), _profile(style)
    if style in recording.distances:
        return recording.distances[style]
    target = style.frame_moments()
    estimates = {level: float(np.square(recording.frame_moments(level) - target).sum()) for level in STYLE_LEVELS_DB}
    least = min(estimates.values())
    candidates = [level for level, estimate in estimates.items() if estimate <= LEVEL_MARGIN * least]
    distance = min(_gram_distance(recording, style, level) for level in candidates) / style.gram_energy
    recording.distances[style] = distance if distance > LEAST_DISTANCE else 0.0
    return recording.distances[style]


def envelope_distance(recording: Recording, style: Recording) -> float:
    """Return the Fréchet distance between Gaussians fitted to log-mel frames, at the best level.

    It measures timbre and dynamics without pitch: 40 bands in dB / 10. Formula: Dowson and Landau (1982), as in the
    Fréchet audio distance.
    """
    recording, style = _profile(recording), _profile(style)
    target = style.envelope()
    return min(_frechet(recording.envelope(level), target) for level in ENVELOPE_LEVELS_DB)


def chroma_cosine(content: Recording, output: Recording) -> float:
    """Return the mean cosine between frames of CQT chroma; frames silent in both are left out."""
    a, b = (profile.chroma for profile in _same_length(content, output))
    lengths = np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0)
    cosine = (a * b).sum(axis=0) / (lengths[0] * lengths[1] + 1e-9)
    return float(cosine[lengths[0] + lengths[1] > 0].mean())


def onset_f1(content: Recording, output: Recording) -> float:
    """Return the F1 of the output's onsets against the content's, 50 ms tolerance; 1 if neither has any."""
    a, b = (profile.onsets for profile in _same_length(content, output))
    if len(a) == 0 and len(b) == 0:
        return 1.0
    return 2 * onset_matches(a, b) / (len(a) + len(b))


def onset_matches(a: NDArray[np.float64], b: NDArray[np.float64]) -> int:
    """Return how many onsets of `a` can be paired with one of `b` each, 50 ms tolerance, as mir_eval counts them.

    Parameters
    ----------
    a, b : ndarray, shapes (m,) and (n,)
        In seconds, ascending.
    """
    matches = i = j = 0
    while i < len(a) and j < len(b):
        # the earlier of two that are too far apart has no partner among the later ones
        late = a[i] - b[j]
        matches += abs(late) <= ONSET_SECONDS
        i, j = i + (late <= ONSET_SECONDS), j + (late >= -ONSET_SECONDS)
    return matches


def log_spectral_distance(content: Recording, output: Recording) -> float:
    """Return the mean over frames of the RMS difference over 40 mel bands, in dB (Gray and Markel 1976)."""
    a, b = (10 * np.log10(np.maximum(profile.band_power, BAND_FLOOR)) for profile in _same_length(content, output))
    return float(np.sqrt(np.square(a - b).mean(axis=0)).mean())


def loudness_change(content: Recording, output: Recording) -> float:
    """Return how much louder the output is, in LU (ITU-R BS.1770-5), over the whole lengths."""
    return _profile(output).loudness - _profile(content).loudness


def true_peak_db(output: Recording) -> float:
    """Return the inter-sample peak in dBTP (ITU-R BS.1770-5 Annex 2), over the whole length."""
    return float(20 * np.log10(_profile(output).audio.true_peak))


def frechet_distance(embeddings: ArrayLike, reference: ArrayLike) -> float:
    """Return the Fréchet distance between Gaussians fitted to two sets of embeddings.

    With the embeddings of `retrotone.features.musicnn` this is the Fréchet audio distance (Kilgour et al. 2019): how
    different two collections of music sound as a whole. It falls with the size of the sets: compare only distances
    between sets of the same size, and state the embedding, the size and the reference.

    Parameters
    ----------
    embeddings, reference : array_like, shape (n, dimensions)
        At least two embeddings each.

    Returns
    -------
    float
        0 for equal means and covariances.

    Examples
    --------
    >>> round(frechet_distance([[0.0], [2.0]], [[3.0], [5.0]]), 6)
    9.0
    """
    a, b = (np.asarray(values, np.float64) for values in (embeddings, reference))
    return _frechet(*((values.mean(axis=0), np.atleast_2d(np.cov(values.T))) for values in (a, b)))


def _gram_distance(recording: Profile, style: Profile, level_db: float) -> float:
    """Return the squared distance of two Gram matrices, unnormalised, with one recording `level_db` louder."""
    if not (recording.has_few_frames and style.has_few_frames):
        return gram_energy(recording.patch_moments(level_db) - style.moments)
    features = recording.features_at(level_db)
    products = _product_of_grams(features, features), _product_of_grams(features, style.features)
    return products[0] + style.gram_energy - 2 * products[1]


def _product_of_grams(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the sum of the products of all elements of a a^T and b b^T."""
    return float(np.square(a.T @ b).sum(dtype=float))


def _frechet(
    a: tuple[NDArray[np.float64], NDArray[np.float64]], b: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> float:
    values, vectors = np.linalg.eigh(a[1])
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b[1] @ root), 0)).sum()
    return float(np.square(a[0] - b[0]).sum() + np.trace(a[1]) + np.trace(b[1]) - 2 * cross)


def _gain(before: float, after: float) -> float:
    return 1 - after / before if before > 0 else 0.0


def _profile(recording: Recording) -> Profile:
    return recording if isinstance(recording, Profile) else Profile(recording)


def _same_length(a: Recording, b: Recording) -> tuple[Profile, Profile]:
    a, b = _profile(a), _profile(b)
    frames = min(len(a.samples), len(b.samples))
    return a.shortened(frames), b.shortened(frames)
