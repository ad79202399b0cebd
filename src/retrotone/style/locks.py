"""What gives a transport a trait of the content back: harmony, level over time, rhythm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from retrotone.dsp.filterbanks import A4_HZ, extended_mel
from retrotone.dsp.stft import STUDY_N_FFT, STUDY_RMS, STUDY_SCALE
from retrotone.style.magnitudes import Pair, amplify, smooth
from retrotone.types import Matrix

# C2 to C8, where chroma is read.
HARMONY_LOW_HZ, HARMONY_HIGH_HZ = 65.0, 4_200.0
# Flux is read over 80 dB, as by librosa's onset strength.
FLUX_HIGH_HZ, FLUX_BANDS, FLUX_RANGE_DB = 11_025.0, 96, 80.0
# The level over about a second: frames, standard deviation of the window; 0.46 s.
LEVEL_SMOOTHING = 20.0
# The style's dynamics may change the level by so much, around that of a recording whose RMS is 0.1.
FREE_DB = 6.0
# Below this the level counts as silence, dB.
LEVEL_FLOOR_DB = -60.0
# Sum over bins of the square of scaled magnitudes at RMS 0.1: a Hann window has a mean power of 0.375.
EVEN_POWER = 0.375 * STUDY_N_FFT**2 / 2 * (STUDY_SCALE * STUDY_RMS) ** 2


def slow_level(magnitude: Matrix) -> Matrix:
    """Return by how much the level over about a second lies outside `FREE_DB`, as a factor; shape (frames, 1).

    It is 1 within, and follows a fade or a soft passage down to `LEVEL_FLOOR_DB`.
    """
    power = smooth(np.einsum("tf,tf->t", magnitude, magnitude), LEVEL_SMOOTHING)
    level = 10 * np.log10(power / np.float32(EVEN_POWER) + np.float32(10 ** (LEVEL_FLOOR_DB / 10)))
    beyond: Matrix = 10 ** ((level - np.clip(level, -FREE_DB, FREE_DB)) / 20)
    return beyond.astype(np.float32, copy=False)[:, None]


@dataclass(frozen=True)
class HarmonyLock:
    """Twelve gains per frame that give each pitch class the share that it has in the content."""

    weights: Matrix
    reading: Matrix
    strength: float

    # Share below which a pitch class is noise.
    FLOOR = 0.005
    # nepers
    MAX_LOG_GAIN = 4.0

    @classmethod
    def fit(cls, mapped: Matrix, pair: Pair, strength: float) -> Self:
        """Weight bins by their distance from each pitch class (a Gaussian of half a semitone); see `Stage`.

        The profile is read with weights of 1 / f: bins per octave grow with f, and every octave counts alike.
        """
        frequencies = np.maximum(pair.frequencies[pair.frequencies < HARMONY_HIGH_HZ], 1.0)
        # semitones above a C, shape (bins,), and from each pitch class, shape (12, bins)
        pitch = 12 * np.log2(frequencies / A4_HZ) + 9
        distance = (pitch - np.arange(12)[:, None] + 6) % 12 - 6
        weights = np.exp(-0.5 * (distance / 0.5) ** 2)
        weights = weights / weights.sum(axis=0) * (frequencies > HARMONY_LOW_HZ)
        reading = weights * (HARMONY_LOW_HZ / frequencies)
        return cls(weights.astype(np.float32), reading.astype(np.float32), strength)

    def profile(self, magnitude: Matrix) -> Matrix:
        """Return the share of each pitch class, shape (frames, 12)."""
        chroma = magnitude[:, : self.reading.shape[1]] @ self.reading.T
        shares: Matrix = chroma / (chroma.sum(axis=1, keepdims=True) + np.float32(1e-9))
        return shares

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Stage`."""
        floor = np.float32(self.FLOOR)
        # (frames, 12)
        ratio = np.log((self.profile(content) + floor) / (self.profile(magnitude) + floor))
        log_gain = np.float32(self.strength) * np.clip(ratio, -self.MAX_LOG_GAIN, self.MAX_LOG_GAIN)
        bins = self.weights.shape[1]
        result = magnitude.copy()
        result[:, :bins] = amplify(magnitude[:, :bins], log_gain @ self.weights)
        return result


@dataclass(frozen=True)
class RhythmLock:
    """A small gain over time that gives every frame the content's spectral flux.

    Flux is the mean rise of 96 mel bands in dB from frame to frame, which onset detectors read (Boeck and Widmer 2013).
    What rise is missing is added to the level and leaks away again within a few frames, so the mean level stays.
    """

    bands: Matrix
    # of content and mapped: dB, and dB per frame
    floors: tuple[float, float]
    means: tuple[float, float]
    scale: float
    strength: float

    ROUNDS, LEAK, MAX_DB = 4, 0.6, 6.0
    # after so many frames less than a millionth is left
    LEAK_FRAMES = 32
    # A held tone has next to no flux: what there is gets no louder than this.
    MAX_SCALE = 2.0

    @classmethod
    def fit(cls, mapped: Matrix, pair: Pair, strength: float) -> Self:
        """Measure range, mean and scale of both fluxes; see `Stage`."""
        frequencies = pair.frequencies[pair.frequencies <= FLUX_HIGH_HZ]
        bands = extended_mel(frequencies, n_mels=FLUX_BANDS, fmin=0.0, fmax=FLUX_HIGH_HZ)
        content_levels, mapped_levels = band_levels(pair.content, bands), band_levels(mapped, bands)
        content_floor, mapped_floor = (
            float(levels.max()) - FLUX_RANGE_DB for levels in (content_levels, mapped_levels)
        )
        content_flux, mapped_flux = flux(content_levels, content_floor), flux(mapped_levels, mapped_floor)
        scale = float(np.quantile(mapped_flux, 0.98)) / max(float(np.quantile(content_flux, 0.98)), 1e-3)
        means = float(content_flux.mean()), float(mapped_flux.mean())
        return cls(bands, (content_floor, mapped_floor), means, min(scale, cls.MAX_SCALE), strength)

    def apply(self, magnitude: Matrix, content: Matrix) -> Matrix:
        """See `Stage`."""
        # (frames,), dB per frame
        wanted = self.scale * (flux(band_levels(content, self.bands), self.floors[0]) - self.means[0])
        # (frames, bands), dB
        levels = band_levels(magnitude, self.bands)
        # (frames,), dB
        gain = np.zeros(len(magnitude), np.float32)
        for _ in range(self.ROUNDS):
            missing = wanted - (flux(levels + gain[:, None], self.floors[1]) - self.means[1])
            gain += np.convolve(missing, self.LEAK ** np.arange(self.LEAK_FRAMES))[: len(gain)].astype(np.float32)
            gain = np.clip(gain, -self.MAX_DB, self.MAX_DB)
        gain *= np.float32(self.strength)
        shaped: Matrix = magnitude * (10 ** (gain / 20)).astype(np.float32)[:, None]
        return shaped


def band_levels(magnitude: Matrix, bands: Matrix) -> Matrix:
    """Return the power of each band in dB, shape (frames, bands)."""
    power: Matrix = np.square(magnitude[:, : bands.shape[1]]) @ bands.T
    power += np.float32(1e-10)
    levels: Matrix = np.log10(power, out=power) * np.float32(10)
    return levels


def flux(levels: Matrix, floor: float) -> Matrix:
    """Return the mean rise from frame to frame over bands in dB, shape (frames,), for levels above a floor."""
    clipped = np.maximum(levels, np.float32(floor))
    rise: Matrix = np.maximum(np.diff(clipped, axis=0, prepend=clipped[:1]), 0).mean(axis=1)
    return rise
