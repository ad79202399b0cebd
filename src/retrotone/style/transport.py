"""Style transport in closed form: a few small maps in turn, each on the statistic where its trait lives.

A Gram matrix of a linear random network sees only first and second moments of the log magnitudes, so matching moments
is all that the study's descent could ever reach (see docs). But the full covariance of 1025 bins also holds the
style's *pitches*. So the moments are matched where timbre lives, and what makes the song itself is put back:

- `BandTransport`: Monge map between Gaussians of the log energies in mel bands: timbre and dynamics;
- `BinTransport`: mean and deviation of every bin: colour and noise between the partials;
- `Equaliser`: mean of every bin by one static curve;
- `HarmonyLock`: the pitch-class profile of every frame stays the content's;
- `LevelLock`: the level over about a second stays the content's, within 6 dB;
- `RhythmLock`: the spectral flux of every frame stays the content's.

Each map is fitted to what the ones before it left, on a bounded sample of frames; the fitted chain then runs over a
song of any length. Magnitudes are |STFT| scaled as the study's network sees them: its input is ``log(1 + magnitude)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from retrotone.dsp.stft import OVERLAP
from retrotone.types import Matrix

# Bands of the envelope: 40 between 60 Hz and the study's Nyquist of 11,025 Hz, continued at the same spacing above.
BAND_LOW_HZ, BAND_HIGH_HZ, BAND_COUNT = 60.0, 11_025.0, 40
# power floor of log energies, as in DESIGN's envelope distance
BAND_FLOOR = 1e-7
# librosa's onset strength looks 80 dB down
FLUX_HIGH_HZ, FLUX_BANDS, FLUX_RANGE_DB = 11_025.0, 96, 80.0
# C2 to C8: where chroma is read
HARMONY_LOW_HZ, HARMONY_HIGH_HZ = 65.0, 4_200.0
# magnitude of |STFT| at n_fft 2048 and RMS 0.1 is multiplied by this before log1p
STUDY_SCALE = 30.0
# of the loudest frame's power: 60 dB down
SILENCE = 1e-6
# of power: no moment rises more than 6 dB above the style's loudest
OVERSHOOT = np.float32(np.log(4))
# frames at either end that reach over it
EDGE_FRAMES = OVERLAP
# nepers, 60 dB: what codecs cut to nothing is not blown up without end
MAX_LOG_GAIN = 7.0
# frames around a chunk that smoothing and the rhythm filter need
CONTEXT_BEFORE, CONTEXT_AFTER = 64, 64


class Step(Protocol):
    """A fitted map: frames in, frames out."""

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """Map (frames, bins) magnitudes; `content` are the untouched ones of the same frames."""


def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale (Auditory Toolbox, 1998): linear to 1 kHz, then 27 steps per factor 6.4."""
    return np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1000) / 1000) / np.log(6.4))


def mel_bands(frequencies: NDArray[np.float64], low_hz: float, high_hz: float, count: int) -> Matrix:
    """Triangular mel filters, Slaney-normalised, of the given spacing and on past `high_hz` while bins last.

    Parameters
    ----------
    frequencies : ndarray, shape (bins,)
        Centre of each bin in Hz.
    low_hz, high_hz, count
        `count` bands between the two set the spacing.

    Returns
    -------
    ndarray, shape (bands, bins)
    """
    low, high = hz_to_mel(np.array([low_hz, high_hz]))
    step = (high - low) / (count + 1)
    bands = max(int((hz_to_mel(frequencies[-1:])[0] - low) / step + 1e-6) - 1, 1)
    edges = low + step * np.arange(bands + 2)
    hz = np.where(edges < 15, edges * 200 / 3, 1000 * np.exp((edges - 15) * np.log(6.4) / 27))
    rising = (frequencies - hz[:-2, None]) / (hz[1:-1] - hz[:-2])[:, None]
    falling = (hz[2:, None] - frequencies) / (hz[2:] - hz[1:-1])[:, None]
    triangles = np.maximum(np.minimum(rising, falling), 0)
    filters: Matrix = (triangles * (2 / (hz[2:] - hz[:-2]))[:, None]).astype(np.float32)
    return filters


def interpolation(bands: Matrix) -> Matrix:
    """Weights that spread per-band gains over bins, each column summing to one; the end bands reach to the edges."""
    peaks = bands.argmax(axis=1)
    weights = bands / np.maximum(bands.max(axis=1, keepdims=True), 1e-12)
    bins = np.arange(bands.shape[1])
    weights[:, bins < peaks[0]] = np.eye(len(bands))[0][:, None]
    weights[:, bins > peaks[-1]] = np.eye(len(bands))[-1][:, None]
    shares: Matrix = (weights / np.maximum(weights.sum(axis=0), 1e-12)).astype(np.float32)
    return shares


def monge(
    content: NDArray[np.float64], style: NDArray[np.float64], ridge: float = 1e-4
) -> NDArray[np.float64]:
    """Linear part of the optimal map between two Gaussians.

    ``A = Kc^-1/2 (Kc^1/2 Ks Kc^1/2)^1/2 Kc^-1/2`` (Olkin and Pukelsheim 1982).

    Parameters
    ----------
    content, style : ndarray, shape (d, d)
        Covariances.
    ridge : float
        Added to both diagonals, relative to their mean.
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


def smooth(values: Matrix, sigma: float) -> Matrix:
    """Gaussian smoothing along the frames, edges held."""
    return gaussian_filter1d(values, sigma, axis=0, mode="nearest", truncate=3.0) if sigma else values


@dataclass(frozen=True)
class BandTransport:
    """Gains that give the log energies of mel bands the style's mean and covariance.

    The gains change no faster than `SMOOTHING` frames, so that attacks stay the content's.
    """

    bands: Matrix
    spread: Matrix
    slope: Matrix
    offset: Matrix
    loudest: Matrix

    # frames, standard deviation
    SMOOTHING = 1.5
    # a held chord varies next to nothing: its ripples are not to be blown up
    MAX_SLOPE = 3.0

    @classmethod
    def fit(
        cls, magnitude: Matrix, style: Matrix, frequencies: NDArray[np.float64], amount: float
    ) -> BandTransport:
        """Fit to (frames, bins) magnitudes of both; `amount` in [0, 1] is how far to go."""
        bands = mel_bands(frequencies, BAND_LOW_HZ, BAND_HIGH_HZ, BAND_COUNT)
        ours, theirs = cls.energies(magnitude, bands), cls.energies(style, bands)
        values, vectors = np.linalg.eigh(monge(np.cov(ours.T), np.cov(theirs.T)))
        matrix = (vectors * np.minimum(values, cls.MAX_SLOPE)) @ vectors.T
        mean = ours.mean(axis=0, dtype=np.float64)
        slope = amount * (matrix.T - np.eye(len(bands)))
        offset = amount * (theirs.mean(axis=0, dtype=np.float64) - mean) - mean @ slope
        return cls(
            bands,
            interpolation(bands),
            slope.astype(np.float32),
            offset.astype(np.float32),
            theirs.max(axis=0) + OVERSHOOT,
        )

    @staticmethod
    def energies(magnitude: Matrix, bands: Matrix) -> Matrix:
        """Log power per band, shape (frames, bands)."""
        power: Matrix = np.square(magnitude) @ (bands.T / np.float32(STUDY_SCALE**2))
        power += np.float32(BAND_FLOOR)
        return np.log(power, out=power)

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Step`."""
        energies = self.energies(magnitude, self.bands)
        rise = np.minimum(energies @ self.slope + self.offset, self.loudest - energies)
        log_gain = smooth(rise, self.SMOOTHING) * np.float32(0.5)
        return amplified(magnitude, np.clip(log_gain, -MAX_LOG_GAIN, MAX_LOG_GAIN) @ self.spread)


@dataclass(frozen=True)
class BinTransport:
    """An affine map of every bin's log magnitude to the style's mean and standard deviation."""

    slope: Matrix
    offset: Matrix
    loudest: Matrix

    MAX_SLOPE = 3.0

    @classmethod
    def fit(cls, magnitude: Matrix, style: Matrix, amount: float) -> BinTransport:
        """Fit to (frames, bins) magnitudes of both; `amount` in [0, 1] is how far to go."""
        ours, theirs = log1p(magnitude), log1p(style)
        ratio = np.minimum(theirs.std(axis=0) / np.maximum(ours.std(axis=0), 1e-4), cls.MAX_SLOPE)
        offset = theirs.mean(axis=0) - ours.mean(axis=0) * ratio
        return cls(
            (1 - amount + amount * ratio).astype(np.float32),
            (amount * offset).astype(np.float32),
            theirs.max(axis=0) + OVERSHOOT / 2,
        )

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Step`."""
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
    def fit(cls, magnitude: Matrix, style: Matrix, amount: float) -> Equaliser:
        """Fit to (frames, bins) magnitudes of both: Newton's method on the mean of log(1 + gain * magnitude)."""
        target = log1p(style).mean(axis=0)
        sample = magnitude[:: max(len(magnitude) // cls.FRAMES, 1)]
        log_gain = np.zeros_like(target)
        for _ in range(cls.NEWTON_STEPS):
            scaled = sample * np.exp(log_gain)
            gradient = np.maximum((scaled / (1 + scaled)).mean(axis=0), 0.05)
            step = (target - log1p(scaled).mean(axis=0)) / gradient
            log_gain = np.clip(log_gain + np.clip(step, -2, 2), -MAX_LOG_GAIN, MAX_LOG_GAIN)
        return cls(np.exp(amount * log_gain).astype(np.float32))

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Step`."""
        return magnitude * self.gain


@dataclass(frozen=True)
class HarmonyLock:
    """Twelve gains per frame that give each pitch class its share in the content back."""

    weights: Matrix
    reading: Matrix
    amount: float

    # share under which a pitch class is noise; nepers
    FLOOR, MAX_GAIN = 0.005, 4.0

    @classmethod
    def fit(cls, frequencies: NDArray[np.float64], amount: float) -> HarmonyLock:
        """Weigh bins by their distance from each pitch class (a Gaussian of half a semitone).

        The profile is read with weights of 1 / f: bins per octave grow with f, and every octave shall count alike.
        """
        frequencies = np.maximum(frequencies[frequencies < HARMONY_HIGH_HZ], 1.0)
        # semitones above a C
        pitch = 12 * np.log2(frequencies / 440) + 9
        distance = (pitch - np.arange(12)[:, None] + 6) % 12 - 6
        weights = np.exp(-0.5 * (distance / 0.5) ** 2)
        weights = weights / weights.sum(axis=0) * (frequencies > HARMONY_LOW_HZ)
        reading = weights * (HARMONY_LOW_HZ / frequencies)
        return cls(weights.astype(np.float32), reading.astype(np.float32), amount)

    def profile(self, magnitude: Matrix) -> Matrix:
        """Share of each pitch class, shape (frames, 12)."""
        chroma = magnitude[:, : self.reading.shape[1]] @ self.reading.T
        shares: Matrix = chroma / (chroma.sum(axis=1, keepdims=True) + np.float32(1e-9))
        return shares

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Step`."""
        floor = np.float32(self.FLOOR)
        ratio = np.log((self.profile(content) + floor) / (self.profile(magnitude) + floor))
        log_gain = np.float32(self.amount) * np.clip(ratio, -self.MAX_GAIN, self.MAX_GAIN)
        heard = self.weights.shape[1]
        result = magnitude.copy()
        result[:, :heard] = amplified(magnitude[:, :heard], log_gain @ self.weights)
        return result


@dataclass(frozen=True)
class LevelLock:
    """A slow level curve that keeps the song's own course: intro, verse, chorus, fade.

    The level is that of 200 Hz to 4 kHz, which every medium carries, over about a second.
    """

    heard: slice
    # dB, mapped minus content
    mean: float

    # frames, standard deviation: 0.46 s
    SMOOTHING = 20.0
    LOW_HZ, HIGH_HZ = 200.0, 4_000.0
    # what the style's dynamics may change
    FREE_DB = 6.0

    @classmethod
    def fit(cls, magnitude: Matrix, content: Matrix, frequencies: NDArray[np.float64]) -> LevelLock:
        """Read the mean change of level from a sample of frames."""
        first, last = np.searchsorted(frequencies, (cls.LOW_HZ, cls.HIGH_HZ))
        lock = cls(slice(int(first), int(last)), 0.0)
        return cls(lock.heard, float(np.mean(lock.level(magnitude) - lock.level(content))))

    def level(self, magnitude: Matrix) -> Matrix:
        """Level in dB, shape (frames,)."""
        part = magnitude[:, self.heard]
        power = smooth(np.einsum("tf,tf->t", part, part), self.SMOOTHING)
        decibels: Matrix = np.float32(10) * np.log10(power + np.float32(1.0))
        return decibels

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Step`."""
        change = self.level(magnitude) - self.level(content) - self.mean
        excess = change - np.clip(change, -self.FREE_DB, self.FREE_DB)
        held: Matrix = magnitude * (10 ** (-excess / 20)).astype(np.float32)[:, None]
        return held


@dataclass(frozen=True)
class RhythmLock:
    """A small level curve that gives every frame the content's spectral flux.

    Flux is the mean rise of 96 mel bands in dB from frame to frame, which onset detectors read (Boeck and Widmer 2013).
    What rise is missing is added to the level and leaks away again within a few frames, so the mean level stays.
    """

    bands: Matrix
    # dB, of content and mapped
    floors: tuple[float, float]
    # dB per frame, likewise
    means: tuple[float, float]
    scale: float

    ROUNDS, LEAK, MAX_DB = 4, 0.6, 6.0

    @classmethod
    def fit(cls, magnitude: Matrix, content: Matrix, frequencies: NDArray[np.float64]) -> RhythmLock:
        """Read range, mean and scale of both fluxes from a sample of frames."""
        bands = mel_bands(frequencies[frequencies <= FLUX_HIGH_HZ], 0.0, FLUX_HIGH_HZ, FLUX_BANDS)
        levels = [decibels(each, bands) for each in (content, magnitude)]
        floors = [float(level.max()) - FLUX_RANGE_DB for level in levels]
        theirs, ours = (flux(level, floor) for level, floor in zip(levels, floors, strict=True))
        scale = float(np.quantile(ours, 0.98)) / max(float(np.quantile(theirs, 0.98)), 1e-3)
        return cls(bands, (floors[0], floors[1]), (float(theirs.mean()), float(ours.mean())), scale)

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Step`."""
        wanted = self.scale * (flux(decibels(content, self.bands), self.floors[0]) - self.means[0])
        levels = decibels(magnitude, self.bands)
        curve = np.zeros(len(magnitude), np.float32)
        for _ in range(self.ROUNDS):
            missing = wanted - (flux(levels + curve[:, None], self.floors[1]) - self.means[1])
            curve += lfilter([1.0], [1.0, -self.LEAK], missing).astype(np.float32)
            curve = np.clip(curve, -self.MAX_DB, self.MAX_DB)
        shaped: Matrix = magnitude * (10 ** (curve / 20)).astype(np.float32)[:, None]
        return shaped


def audible(magnitude: Matrix) -> NDArray[np.bool_]:
    """Tell which frames count: silence has no style, and at the edges the signal is mirrored, with a kink."""
    energy = np.einsum("tf,tf->t", magnitude, magnitude)
    heard: NDArray[np.bool_] = energy >= energy.max() * SILENCE
    frames = np.flatnonzero(heard)
    if len(frames) > 4 * EDGE_FRAMES:
        heard[frames[:EDGE_FRAMES]] = heard[frames[-EDGE_FRAMES:]] = False
    return heard


def decibels(magnitude: Matrix, bands: Matrix) -> Matrix:
    """Band power in dB, shape (frames, bands)."""
    power: Matrix = np.square(magnitude[:, : bands.shape[1]]) @ bands.T
    power += np.float32(1e-10)
    levels: Matrix = np.log10(power, out=power) * np.float32(10)
    return levels


def flux(levels: Matrix, floor: float) -> Matrix:
    """Mean rise from frame to frame over bands in dB, shape (frames,), for levels above a floor."""
    clipped = np.maximum(levels, np.float32(floor))
    rise: Matrix = np.maximum(np.diff(clipped, axis=0, prepend=clipped[:1]), 0).mean(axis=1)
    return rise


def log1p(magnitude: Matrix) -> Matrix:
    """log(1 + x); NumPy's own log1p is not vectorised, and magnitudes are not tiny."""
    result: Matrix = magnitude + np.float32(1)
    return np.log(result, out=result)


def expm1(logs: Matrix) -> Matrix:
    """exp(x) - 1, floored at 0, in place."""
    np.exp(np.maximum(logs, 0, out=logs), out=logs)
    logs -= np.float32(1)
    return logs


def amplified(magnitude: Matrix, log_gain: Matrix) -> Matrix:
    """Magnitude times exp(log_gain), in the place of the latter."""
    np.exp(log_gain, out=log_gain)
    log_gain *= magnitude
    return log_gain


@dataclass(frozen=True)
class TransportMap:
    """The fitted chain.

    Parameters
    ----------
    steps : sequence of Step
        In the order in which they run.
    """

    steps: Sequence[Step] = field(default_factory=tuple)

    @classmethod
    def fit(
        cls, content: Matrix, style: Matrix, frequencies: NDArray[np.float64]
    ) -> tuple[TransportMap, Matrix]:
        """Fit every step to what the steps before it left.

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
        steps: list[Step] = []
        now = content
        style = style[audible(style)]
        heard = audible(content)

        def then(fit: Callable[[Matrix], Step]) -> None:
            nonlocal now
            step = fit(now if heard.all() else now[heard])
            steps.append(step)
            now = step.apply(now, content)

        # Amounts by search over twelve pairs (docs/how-it-works.md). Above 1 where later steps take some of it back.
        then(lambda ours: BandTransport.fit(ours, style, frequencies, 1.3))
        then(lambda ours: BinTransport.fit(ours, style, 0.8))
        then(lambda ours: HarmonyLock.fit(frequencies, 1.3))
        then(lambda ours: BandTransport.fit(ours, style, frequencies, 1.0))
        then(lambda ours: Equaliser.fit(ours, style, 1.0))
        then(lambda ours: HarmonyLock.fit(frequencies, 0.8))
        then(lambda ours: BandTransport.fit(ours, style, frequencies, 0.9))
        then(lambda ours: Equaliser.fit(ours, style, 0.5))
        then(lambda ours: LevelLock.fit(ours, content[heard], frequencies))
        then(lambda ours: RhythmLock.fit(ours, content[heard], frequencies))
        return cls(tuple(steps)), now

    def apply(self, content: Matrix) -> Matrix:
        """Map magnitudes, shape (frames, bins)."""
        now = content
        for step in self.steps:
            now = step.apply(now, content)
        return now


def between(content: Matrix, mapped: Matrix, strength: float) -> Matrix:
    """Go a share of the way from the content to what it is mapped to, along log(1 + magnitude)."""
    if strength == 1.0:
        return mapped
    logs = log1p(content)
    logs += np.float32(strength) * (log1p(mapped) - logs)
    return expm1(logs)
