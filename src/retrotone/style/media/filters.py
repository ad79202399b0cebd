"""Filters of a medium: corners, resonances and shelves, each scaled by strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.filters import StreamFilter, butterworth, impulse_response
from retrotone.style.media.media import OPEN_HIGH_HZ, OPEN_LOW_HZ, USABLE
from retrotone.style.media.units import Between, GainDecibels, Hertz
from retrotone.types import Block

Order: TypeAlias = Annotated[int, Between(1, 12)]


def _none() -> NDArray[np.float64]:
    return np.zeros((0, 6))


def corner(hz: float, open_hz: float, strength: float) -> float:
    """Return a filter's corner at a strength, in Hz: interpolated in log-frequency.

    Parameters
    ----------
    hz, open_hz : float
        The corner at strength 1, and the one at strength 0, where the filter changes nothing.
    strength : float
        In [0, 1].

    Examples
    --------
    >>> round(corner(5_000.0, 20_000.0, 0.5))
    10000
    """
    return float(open_hz * (hz / open_hz) ** strength)


@dataclass(frozen=True)
class Highpass:
    """Butterworth high-pass; slope 6 dB per octave and order."""

    hz: Hertz
    order: Order = 2

    def sections(self, sample_rate: int, strength: float) -> NDArray[np.float64]:
        """Second-order sections, shape (n, 6); the corner is held at 0.45 of the rate."""
        hz = min(corner(self.hz, OPEN_LOW_HZ, strength), USABLE * sample_rate)
        return butterworth(self.order, hz, "highpass", sample_rate)


@dataclass(frozen=True)
class Lowpass:
    """Butterworth low-pass; slope 6 dB per octave and order."""

    hz: Hertz
    order: Order = 4

    def sections(self, sample_rate: int, strength: float) -> NDArray[np.float64]:
        """Second-order sections, shape (n, 6); none when the corner lies above 0.45 of the rate."""
        hz = corner(self.hz, OPEN_HIGH_HZ, strength)
        if hz > USABLE * sample_rate:
            return _none()
        return butterworth(self.order, hz, "lowpass", sample_rate)


@dataclass(frozen=True)
class Peak:
    """One resonance (Bristow-Johnson's peaking biquad, "Cookbook formulae for audio EQ")."""

    hz: Hertz
    gain_db: GainDecibels
    q: Annotated[float, Between(0.05, 100.0)]

    def sections(self, sample_rate: int, strength: float) -> NDArray[np.float64]:
        """Second-order section, shape (1, 6), or none above 0.45 of the rate."""
        if self.hz > USABLE * sample_rate:
            return _none()
        a, w = 10 ** (strength * self.gain_db / 40), 2 * np.pi * self.hz / sample_rate
        alpha, c = np.sin(w) / (2 * self.q), -2 * np.cos(w)
        section = np.array([1 + alpha * a, c, 1 - alpha * a, 1 + alpha / a, c, 1 - alpha / a])
        return np.asarray(section / section[3])[None]


@dataclass(frozen=True)
class Shelf:
    """First-order high shelf: gain_db far above hz, half of it at hz; -gain_db is the exact inverse."""

    hz: Hertz
    gain_db: GainDecibels

    def sections(self, sample_rate: int, strength: float) -> NDArray[np.float64]:
        """Second-order section, shape (1, 6), or none above 0.45 of the rate."""
        if self.hz > USABLE * sample_rate:
            return _none()
        k, a = np.tan(np.pi * self.hz / sample_rate), 10 ** (strength * self.gain_db / 40)
        section = np.array([k + a, k - a, 0.0, k + 1 / a, k - 1 / a, 0.0])
        return np.asarray(section / section[3])[None]


Filter: TypeAlias = Highpass | Lowpass | Peak | Shelf
"""Has `sections(sample_rate, strength)`, second-order sections of shape (n, 6)."""


class FilterStage:
    """Filters in series, with their state.

    Parameters
    ----------
    filters : sequence of Filter
        In order.
    channels, sample_rate : int
        Of the blocks.
    strength : float
        In (0, 1].

    Attributes
    ----------
    taps : ndarray, shape (taps,)
        The impulse response.
    """

    def __init__(self, filters: tuple[Filter, ...], channels: int, sample_rate: int, strength: float) -> None:
        sections = np.concatenate([_none(), *(f.sections(sample_rate, strength) for f in filters)])
        self.taps = impulse_response(sections).astype(np.float32) if len(sections) else np.ones(1, np.float32)
        self._filter = StreamFilter(self.taps, channels) if len(sections) else None

    def __call__(self, block: Block) -> Block:
        """Filter a block, shape (channels, n)."""
        return block if self._filter is None else self._filter(block)
