"""The hyperparameters of our RAVE and what follows from them alone; `retrotone.rave.nn.network` explains them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# of the rectifiers, as in RAVE
LEAK = 0.2
DILATIONS = (1, 3, 9)
# of the filter bank
TAPS_PER_BAND = 32
# scales the bands of music to about unit variance
GAIN = 16.0
# of the compression of inputs, asinh(COMPRESSION x)
COMPRESSION = 4.0
# Amplitudes are 10 ** (DECADES sigmoid(x) + LOWEST_DECADE), between -80 and 6 dB, where the gradient does not vanish.
DECADES, LOWEST_DECADE = 4.3, -4.0
# weight of one oscillator
ONE_OF_MANY = 0.05
# of the prior's Gaussians; latents have unit variance
MIN_DEVIATION = 0.05
# multipliers of the integer hash lowbias32 (C. Wellons, 2018), which makes the noise
HASH = (0x7FEB352D, 0x846CA68B)
# future latent frames that the decoder sees
LATE_FRAMES = 2
# Hz (A1); quarter tones
LOWEST_TONE, TONES_PER_OCTAVE = 55.0, 24
# of the sample rate
TOP_TONE = 0.45
# of a cycle, between the phases of neighbouring oscillators, so that their peaks never coincide
GOLDEN = 0.618034
# A player's rate over the network's, where they are not the same.
RESAMPLED = 2
# A phase is an integer of this many bits, as not all devices have float64. After four hours it is off by -109 dB.
PHASE_BITS = 40


@dataclass(frozen=True)
class Shape:
    """The hyperparameters of a network.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    bands : int
        Of the PQMF.
    channels : tuple of int
        At the rate of the bands, and after each stride.
    strides : tuple of int
    latent_size : int
        Main latent dimensions, which suffice to decode.
    detailed_bands : int
        How many of the lowest bands have further latents for their detail. Where these are zero, the decoder makes
        it up.
    """

    sample_rate: int = 22_050
    bands: int = 16
    channels: tuple[int, int, int, int] = (48, 64, 128, 160)
    strides: tuple[int, int, int] = (4, 4, 2)
    latent_size: int = 16
    detailed_bands: int = 7

    @property
    def held(self) -> int:
        """Samples of a band per latent frame."""
        return math.prod(self.strides)

    @property
    def ratio(self) -> int:
        """Samples per latent frame."""
        return self.bands * self.held

    @property
    def full_latent_size(self) -> int:
        """Latent dimensions, those of detail included."""
        return self.latent_size + self.detailed_bands * self.held

    @property
    def playable_size(self) -> int:
        """Latent dimensions that are meant to be edited: the main ones, and the detail of the lowest band."""
        return self.latent_size + min(self.detailed_bands, 1) * self.held

    @property
    def delay(self) -> int:
        """Samples by which the output follows the input: that of the filter bank, and some latent frames."""
        return (TAPS_PER_BAND - 1) * self.bands + (LATE_FRAMES + 1) * self.ratio

    @property
    def delays(self) -> tuple[int, int]:
        """Latent frames by which the latents lag, and samples by which the output lags behind those."""
        return 1, self.delay - self.ratio

    @property
    def tone_hop(self) -> int:
        """Samples from one amplitude of an oscillator to the next."""
        return self.bands * self.strides[0] * self.strides[1]

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[np.float32]], sample_rate: int) -> Shape:
        """Return the shape of the network whose weights are given, named as in its exports.

        Raises
        ------
        KeyError, IndexError
            They are not those of such a network.
        """
        first = tensors["encoder.deep.0.weight"]
        downs = [tensors[f"encoder.deep.{layer}.3.weight"] for layer in (1, 2, 3)]
        second, third, last = (len(down) for down in downs)
        fast, middle, slow = (down.shape[2] // 2 for down in downs)
        detail = len(tensors["encoder.detail.weight"])
        return cls(
            sample_rate=sample_rate,
            bands=len(tensors["pqmf.weight"]),
            channels=(len(first), second, third, last),
            strides=(fast, middle, slow),
            latent_size=len(tensors["encoder.deep.7.weight"]) // 2 - detail,
            detailed_bands=detail // (fast * middle * slow),
        )


def tone_frequencies(sample_rate: int) -> NDArray[np.float64]:
    """Return the frequencies of the oscillators in cycles per sample, a quarter tone apart."""
    size = int(math.log2(TOP_TONE * sample_rate / LOWEST_TONE) * TONES_PER_OCTAVE)
    frequencies: NDArray[np.float64] = LOWEST_TONE * 2 ** (np.arange(size) / TONES_PER_OCTAVE) / sample_rate
    return frequencies


def tone_phases(shape: Shape) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the phases by which the oscillators advance in a hop, and at which they start, shape (tones, 1) both.

    They count 2 ** -PHASE_BITS of a cycle.
    """
    turns = tone_frequencies(shape.sample_rate) * shape.tone_hop
    starts = np.arange(len(turns)) * GOLDEN
    turning, starting = (np.rint(phases % 1 * 2.0**PHASE_BITS).astype(np.int64)[:, None] for phases in (turns, starts))
    return turning, starting
