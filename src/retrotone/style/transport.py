"""Style transport in closed form: a chain of small maps, each on the statistic of one trait.

A Gram matrix of a linear random network sees only first and second moments of the log magnitudes, so matching moments
is all that the study's descent could ever reach (docs/how-it-works.md). But the full covariance of 1025 bins also
holds the style's *pitches*. So moments are matched only for timbre, and what makes the song itself is restored:

- `BandTransport`: Monge map between Gaussians of the log energies in mel bands: timbre and dynamics;
- `BinTransport`: mean and deviation of every bin: colour and noise between the partials;
- `Equaliser`: mean of every bin by one static curve;
- `HarmonyLock`: the pitch-class profile of every frame stays the content's;
- `GainBounds`: gains stay near one smooth curve where the content gives little evidence for more;
- `RhythmLock`: the spectral flux of every frame stays the content's.

The chain works on the content at an even level: what its level over about a second does beyond 6 dB (`slow_level`) is
taken out before it and put back after it, so that a fade changes no gain.

Each stage is fitted to the output of those before it, on a bounded sample of frames; the fitted chain then runs over a
song of any length. Magnitudes are scaled as in `retrotone.style.magnitudes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.filterbanks import extended_mel
from retrotone.dsp.stft import STUDY_SCALE
from retrotone.style.bounds import GainBounds
from retrotone.style.locks import HarmonyLock, RhythmLock, slow_level
from retrotone.style.magnitudes import Pair, amplify, audible, expm1, log1p, smooth
from retrotone.types import Matrix

# Bands of the envelope: 40 between 60 Hz and the study's Nyquist of 11,025 Hz, continued at the same spacing above.
BAND_LOW_HZ, BAND_HIGH_HZ, BAND_COUNT = 60.0, 11_025.0, 40
# Floor of a band's power, as in `retrotone.metrics`.
BAND_FLOOR = 1e-7
# Of log power: no moment rises more than 6 dB above the style's loudest.
OVERSHOOT = np.float32(np.log(4))
# nepers, 60 dB: what a codec has cut to nothing is amplified no further
MAX_LOG_GAIN = 7.0
# A held chord hardly varies: its ripples are amplified no further.
MAX_SLOPE = 3.0


class Stage(Protocol):
    """A map of magnitudes."""

    @classmethod
    def fit(cls, mapped: Matrix, pair: Pair, strength: float) -> Self:
        """Fit the map.

        Parameters
        ----------
        mapped : ndarray, shape (frames, bins)
            The content as the stages before left it, audible frames alone.
        pair : Pair
            The untouched content and the style.
        strength : float
            How far to go: 0 does nothing, 1 reaches the target.
        """

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """Map (frames, bins) magnitudes; `content` holds the untouched ones of the same frames."""


def interpolation(bands: Matrix) -> Matrix:
    """Return weights that spread gains per band over bins, shape (bands, bins); each column sums to one.

    The first and last band reach to the edges.
    """
    peaks = bands.argmax(axis=1)
    weights = bands / np.maximum(bands.max(axis=1, keepdims=True), 1e-12)
    bins = np.arange(bands.shape[1])
    weights[:, bins < peaks[0]] = np.eye(len(bands))[0][:, None]
    weights[:, bins > peaks[-1]] = np.eye(len(bands))[-1][:, None]
    shares: Matrix = (weights / np.maximum(weights.sum(axis=0), 1e-12)).astype(np.float32)
    return shares


def monge(content: NDArray[np.float64], style: NDArray[np.float64], ridge: float = 1e-4) -> NDArray[np.float64]:
    """Return the linear part of the optimal map between two Gaussians.

    ``A = Kc^-1/2 (Kc^1/2 Ks Kc^1/2)^1/2 Kc^-1/2`` (Olkin and Pukelsheim 1982).

    Parameters
    ----------
    content, style : ndarray, shape (d, d)
        Covariances.
    ridge : float
        Added to both diagonals, relative to their mean.

    Returns
    -------
    ndarray, shape (d, d)
        Symmetric.

    Examples
    --------
    >>> monge(np.diag([1.0, 4.0]), np.diag([9.0, 1.0])).round(2).tolist()
    [[3.0, 0.0], [0.0, 0.5]]
    """
    eye = np.eye(len(content))
    content = content + eye * (ridge * np.trace(content) / len(content) + 1e-12)
    style = style + eye * (ridge * np.trace(style) / len(style) + 1e-12)
    values, vectors = np.linalg.eigh(content)
    values = np.sqrt(np.maximum(values, 1e-12))
    root, inverse = (vectors * values) @ vectors.T, (vectors / values) @ vectors.T
    inner, axes = np.linalg.eigh(root @ style @ root)
    result: NDArray[np.float64] = inverse @ (axes * np.sqrt(np.maximum(inner, 0))) @ axes.T @ inverse
    return result


@dataclass(frozen=True)
class BandTransport:
    """Gains that give the log energies of mel bands the style's mean and covariance.

    The gains change no faster than `SMOOTHING` frames, so that attacks stay the content's.
    """

    bands: Matrix
    spread: Matrix
    slope: Matrix
    offset: Matrix
    # the least and greatest log energies that it was fitted to
    seen: tuple[Matrix, Matrix]
    loudest: Matrix

    # frames, standard deviation
    SMOOTHING = 1.5

    @classmethod
    def fit(cls, mapped: Matrix, pair: Pair, strength: float) -> Self:
        """See `Stage`."""
        bands = extended_mel(pair.frequencies, n_mels=BAND_COUNT, fmin=BAND_LOW_HZ, fmax=BAND_HIGH_HZ)
        # (frames, bands)
        content_energies, style_energies = cls.energies(mapped, bands), cls.energies(pair.style, bands)
        # (bands, bands)
        values, vectors = np.linalg.eigh(monge(np.cov(content_energies.T), np.cov(style_energies.T)))
        matrix = (vectors * np.minimum(values, MAX_SLOPE)) @ vectors.T
        content_mean, style_mean = (
            energies.mean(axis=0, dtype=np.float64) for energies in (content_energies, style_energies)
        )
        slope = strength * (matrix.T - np.eye(len(bands)))
        offset = strength * (style_mean - content_mean) - content_mean @ slope
        return cls(
            bands,
            interpolation(bands),
            slope.astype(np.float32),
            offset.astype(np.float32),
            (content_energies.min(axis=0), content_energies.max(axis=0)),
            style_energies.max(axis=0) + OVERSHOOT,
        )

    @staticmethod
    def energies(magnitude: Matrix, bands: Matrix) -> Matrix:
        """Return the log power of each band, shape (frames, bands)."""
        power: Matrix = np.square(magnitude) @ (bands.T / np.float32(STUDY_SCALE**2))
        power += np.float32(BAND_FLOOR)
        return np.log(power, out=power)

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Stage`."""
        # (frames, bands)
        energies = self.energies(magnitude, self.bands)
        # what no fitted frame reached says nothing: there the gains go no further
        rise = np.clip(energies, *self.seen) @ self.slope + self.offset
        np.minimum(rise, self.loudest - energies, out=rise)
        log_gain = smooth(rise, self.SMOOTHING) * np.float32(0.5)
        # (frames, bins)
        return amplify(magnitude, np.clip(log_gain, -MAX_LOG_GAIN, MAX_LOG_GAIN) @ self.spread)


@dataclass(frozen=True)
class BinTransport:
    """An affine map of every bin's log magnitude to the style's mean and standard deviation."""

    slope: Matrix
    offset: Matrix
    loudest: Matrix

    @classmethod
    def fit(cls, mapped: Matrix, pair: Pair, strength: float) -> Self:
        """See `Stage`."""
        # (frames, bins), then (bins,)
        content_logs, style_logs = log1p(mapped), log1p(pair.style)
        ratio = np.minimum(style_logs.std(axis=0) / np.maximum(content_logs.std(axis=0), 1e-4), MAX_SLOPE)
        offset = style_logs.mean(axis=0) - content_logs.mean(axis=0) * ratio
        return cls(
            (1 - strength + strength * ratio).astype(np.float32),
            (strength * offset).astype(np.float32),
            style_logs.max(axis=0) + OVERSHOOT / 2,
        )

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Stage`."""
        logs = log1p(magnitude)
        logs *= self.slope
        logs += self.offset
        return expm1(np.minimum(logs, self.loudest, out=logs))


@dataclass(frozen=True)
class Equaliser:
    """One static gain per bin that gives its log magnitude the style's mean."""

    gain: Matrix

    NEWTON_STEPS, FRAMES = 3, 512

    @classmethod
    def fit(cls, mapped: Matrix, pair: Pair, strength: float) -> Self:
        """Solve for the gain by Newton's method on the mean of log(1 + gain * magnitude); see `Stage`."""
        # (bins,)
        target = log1p(pair.style).mean(axis=0)
        sample = mapped[:: max(len(mapped) // cls.FRAMES, 1)]
        log_gain = np.zeros_like(target)
        for _ in range(cls.NEWTON_STEPS):
            scaled = sample * np.exp(log_gain)
            gradient = np.maximum((scaled / (1 + scaled)).mean(axis=0), 0.05)
            step = (target - log1p(scaled).mean(axis=0)) / gradient
            log_gain = np.clip(log_gain + np.clip(step, -2, 2), -MAX_LOG_GAIN, MAX_LOG_GAIN)
        return cls(np.exp(strength * log_gain).astype(np.float32))

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Stage`."""
        return magnitude * self.gain


# Strengths by search over twelve pairs (docs/how-it-works.md); above 1 where later stages take some of it back.
STAGES: tuple[tuple[type[Stage], float], ...] = (
    (BandTransport, 1.3),
    (BinTransport, 0.8),
    (GainBounds, 1.0),
    (HarmonyLock, 1.3),
    (BandTransport, 1.0),
    (Equaliser, 1.0),
    (HarmonyLock, 0.8),
    (BandTransport, 0.9),
    (Equaliser, 0.5),
    (GainBounds, 1.0),
    (RhythmLock, 1.0),
)


@dataclass(frozen=True)
class TransportMap:
    """The fitted chain.

    Parameters
    ----------
    stages : sequence of Stage
        In the order in which they run.
    """

    stages: Sequence[Stage] = field(default_factory=tuple)

    @classmethod
    def fit(cls, content: Matrix, style: Matrix, frequencies: NDArray[np.float64]) -> tuple[TransportMap, Matrix]:
        """Fit every stage of `STAGES` to the output of those before it.

        Parameters
        ----------
        content, style : ndarray, shape (frames, bins)
            Samples of the magnitudes of both, scaled by `STUDY_SCALE` at RMS 0.1.
        frequencies : ndarray, shape (bins,)
            Centre of each bin in Hz.

        Returns
        -------
        TransportMap
            The chain, ready for all of the content.
        ndarray, shape (frames, bins)
            The sample of the content, mapped.
        """
        kept = audible(content)
        # (frames, 1)
        level = slow_level(content)
        content, style = content / level, style / slow_level(style)
        pair = Pair(content[kept], style[audible(style)], frequencies)
        stages: list[Stage] = []
        mapped = content
        for stage, strength in STAGES:
            stages.append(stage.fit(mapped[kept], pair, strength))
            mapped = stages[-1].apply(mapped, content)
        return cls(tuple(stages)), mapped * level

    def apply(self, content: Matrix) -> Matrix:
        """Map magnitudes, shape (frames, bins)."""
        level = slow_level(content)
        mapped = content = content / level
        for stage in self.stages:
            mapped = stage.apply(mapped, content)
        result: Matrix = mapped * level
        return result
