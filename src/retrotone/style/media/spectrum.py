"""Noise given by its own spectrum, such as that of the pauses of a recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from retrotone.dsp.filters import StreamFilter
from retrotone.errors import StyleError
from retrotone.style.media.units import Decibels, Hertz, Share
from retrotone.types import Block

# Edge of a third of an octave, as a factor of its centre.
THIRD_EDGE = 2 ** (1 / 6)
# Fall of a third's level outside the spectrum that is given.
FALL_DB_PER_OCTAVE = 24.0
# Length of the filter: it resolves 6 Hz, less than the third of an octave at 30 Hz.
FILTER_SECONDS = 0.25
# The filter's own thirds are compared with the wanted ones and corrected so often, by at most so much in all.
CORRECTIONS, MAX_CORRECTION_DB = 4, 6.0


@dataclass(frozen=True)
class NoiseSpectrum:
    """Stationary noise with a spectrum of its own.

    Parameters
    ----------
    hz : tuple of float
        Centres, ascending.
    level_db : tuple of float
        RMS in a third of an octave around each centre, before the playback filters. In between, the
        level is a straight line over log-frequency; outside it falls by 24 dB an octave. The density does not depend
        on the sample rate.
    swish : float
        Depth in [0, 1) of the swelling once a turn that a worn or off-centre disc gives it.
    mono : bool
        Whether all channels have the same noise; otherwise it is independent.
    """

    hz: tuple[Hertz, ...]
    level_db: tuple[Decibels, ...]
    swish: Share = 0.0
    mono: bool = False

    def __post_init__(self) -> None:
        if not self.hz or len(self.hz) != len(self.level_db):
            raise StyleError(
                f"a spectrum has {len(self.hz)} hz and {len(self.level_db)} level_db: give one level for each frequency"
            )
        if any(low >= high for low, high in zip(self.hz, self.hz[1:], strict=False)):
            raise StyleError("hz of a spectrum does not rise: give its frequencies in ascending order")


class SpectrumStage:
    """Adds one `NoiseSpectrum`: white noise through a linear-phase filter.

    Parameters
    ----------
    spectrum : NoiseSpectrum
        What to add.
    channels, sample_rate : int
        The noise of one channel is added to all.
    strength : float
        In (0, 1]; scales the amplitude.
    turns_hz : float
        Turns per second of the disc or cylinder, for the swish.
    rng : Generator
        The noise itself.

    Attributes
    ----------
    channels : int
        Of the noise.
    taps : ndarray, shape (taps,)
        The filter.
    swish, turn : float
        Depth of the swelling, and radians of a turn per sample.
    """

    def __init__(
        self,
        spectrum: NoiseSpectrum,
        channels: int,
        sample_rate: int,
        strength: float,
        turns_hz: float,
        rng: np.random.Generator,
    ) -> None:
        self._rng, self.channels = rng, 1 if spectrum.mono else channels
        self.swish, self.turn, self._start = spectrum.swish, 2 * np.pi * turns_hz / sample_rate, 0
        self.taps = (strength * noise_filter(spectrum, sample_rate)).astype(np.float32)
        # the noise is there from the first sample
        self._filter = StreamFilter(self.taps, self.channels)
        self._filter.past = self._white(len(self.taps) - 1)

    def _white(self, count: int) -> Block:
        return self._rng.standard_normal((self.channels, count), dtype=np.float32)

    def skip(self, frames: int) -> None:
        """Pass over a block of so many frames."""
        self._filter.past = np.concatenate([self._filter.past, self._white(frames)], axis=1)[:, frames:]
        self._start += frames

    def __call__(self, block: Block) -> Block:
        """Add noise to a block, shape (channels, n)."""
        count = block.shape[1]
        shaped = self._filter(self._white(count))
        if self.swish:
            at = np.arange(self._start, self._start + count)
            shaped = shaped * (1 + self.swish * np.sin(self.turn * at)).astype(np.float32)
        self._start += count
        return np.asarray(block + shaped, np.float32)


def noise_filter(spectrum: NoiseSpectrum, sample_rate: int) -> NDArray[np.float64]:
    """Return the linear-phase filter that gives white noise of variance 1 a spectrum, shape (taps,).

    Parameters
    ----------
    spectrum : NoiseSpectrum
    sample_rate : int
        In Hz.
    """
    half = round(FILTER_SECONDS * sample_rate / 2)
    size = next_fast_len(8 * half, real=True)
    f = np.asarray(np.fft.rfftfreq(size, 1 / sample_rate), np.float64)
    window = np.hanning(2 * half + 1)
    centres, wanted = np.array(spectrum.hz), np.array(spectrum.level_db)
    levels = wanted
    for _ in range(CORRECTIONS + 1):
        # one-sided: white noise has the density 2 / sample_rate
        amplitude = np.sqrt(_density(centres, levels, f) * sample_rate / 2)
        taps: NDArray[np.float64] = np.roll(np.fft.irfft(amplitude, size), half)[: 2 * half + 1] * window
        power = np.square(np.abs(np.fft.rfft(taps, size))) * 2 / sample_rate
        missing = wanted - _third_levels(centres, power, f)
        # the last third may lie above half the sample rate
        missing[centres * THIRD_EDGE > sample_rate / 2] = 0.0
        levels = wanted + np.clip(levels + missing - wanted, -MAX_CORRECTION_DB, MAX_CORRECTION_DB)
    return taps


def _density(
    centres: NDArray[np.float64], level_db: NDArray[np.float64], f: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the power density at every frequency, per Hz; none at 0 Hz."""
    # held as far as the thirds at both ends go
    at = np.log2(np.concatenate([centres[:1] / THIRD_EDGE, centres, centres[-1:] * THIRD_EDGE]))
    levels = np.concatenate([level_db[:1], level_db, level_db[-1:]])
    octave = np.log2(np.maximum(f, f[1] / 2))
    beyond = np.maximum(at[0] - octave, 0) + np.maximum(octave - at[-1], 0)
    third = np.interp(octave, at, levels) - FALL_DB_PER_OCTAVE * beyond
    density = 10 ** (third / 10) / (2**octave * (THIRD_EDGE - 1 / THIRD_EDGE))
    density[0] = 0.0
    return np.asarray(density)


def _third_levels(
    centres: NDArray[np.float64], density: NDArray[np.float64], f: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the level in the third of an octave around each centre, in dB."""
    # the power below each frequency; a bin reaches half a step to both sides
    below = np.concatenate([[0.0], np.cumsum(density) * f[1]])
    edges = np.concatenate([[0.0], f + f[1] / 2])
    power = np.interp(centres * THIRD_EDGE, edges, below) - np.interp(centres / THIRD_EDGE, edges, below)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-30)))
