"""Second-order sections, and filters that run over a stream of blocks.

Recursive filters are applied by their impulse response: one Fourier transform does the work of any number of sections,
and `scipy.signal`, whose import alone takes longer than a short song, is not needed.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

# An impulse response ends where its poles have fallen to this share: -140 dB.
RESPONSE_END = 1e-7
# New samples of one Fourier transform: about 3 times the length of the impulse response, and some thousands at least.
STEP_RESPONSES, SHORTEST_STEP = 3, 4096
# Transforms at a time: so many fit a processor's cache, and vector instructions run them side by side.
FFTS_AT_ONCE = 8


def butterworth(order: int, hz: float, kind: Literal["highpass", "lowpass"], sample_rate: float) -> NDArray[np.float64]:
    """Return a Butterworth filter, -3 dB at its corner, as second-order sections (bilinear transform).

    Parameters
    ----------
    order : int
        At least 1; slope 6 dB per octave and order.
    hz : float
        The corner, below half the sample rate.
    kind : "highpass" or "lowpass"
    sample_rate : float
        In Hz.

    Returns
    -------
    ndarray, shape (ceil(order / 2), 6)

    Examples
    --------
    >>> corner = frequency_response(butterworth(4, 1_000.0, "lowpass", 8_000.0), 8)[1]
    >>> round(20 * float(np.log10(abs(corner))), 2)
    -3.01
    """
    k, sign = np.tan(np.pi * hz / sample_rate), 1.0 if kind == "lowpass" else -1.0
    gain = k if kind == "lowpass" else 1.0
    sections = []
    if order % 2:
        sections.append([gain, sign * gain, 0.0, 1 + k, k - 1, 0.0])
    # a pair of poles each, by its angle from the real axis
    for angle in np.pi / 2 / order * np.arange(1 + order % 2, order, 2):
        damping = 2 * k * np.cos(angle)
        square = gain * gain
        sections.append([square, 2 * sign * square, square, 1 + damping + k * k, 2 * (k * k - 1), 1 - damping + k * k])
    whole = np.array(sections)
    return np.asarray(whole / whole[:, 3:4])


def resonator(hz: float, q: float, sample_rate: float) -> NDArray[np.float64]:
    """Return a band-pass with gain 1 at its centre as one second-order section, shape (1, 6).

    Parameters
    ----------
    hz : float
        Its centre.
    q : float
        The centre over the width between the -3 dB points.
    sample_rate : float
        In Hz.
    """
    centre = 2 * np.pi * hz / sample_rate
    half_width = np.tan(centre / q / 2)
    section = [half_width, 0.0, -half_width, 1 + half_width, -2 * np.cos(centre), 1 - half_width]
    return np.asarray(np.array([section]) / section[3])


def frequency_response(sections: NDArray[np.float64], size: int) -> NDArray[np.complex128]:
    """Return the response of second-order sections in each bin of a Fourier transform, shape (size // 2 + 1,)."""
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    powers = np.stack([np.ones_like(delay), delay, delay**2])
    return np.asarray(np.prod((sections[:, :3] @ powers) / (sections[:, 3:] @ powers), axis=0))


def impulse_response(sections: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the impulse response of second-order sections until it has died away, shape (taps,)."""
    import scipy.fft

    # of each section, the larger magnitude of the roots of z^2 + a1 z + a2
    a1, a2 = sections[:, 4].astype(complex), sections[:, 5]
    root = np.sqrt(a1 * a1 - 4 * a2)
    slowest = float(np.maximum(np.abs(a1 - root), np.abs(a1 + root)).max(initial=0.0)) / 2
    taps = int(np.ceil(np.log(RESPONSE_END) / np.log(slowest))) if slowest > 0 else 2 * len(sections)
    # twice as long: what dies away later, as equal sections in series do, does not come round to the beginning
    size = scipy.fft.next_fast_len(2 * taps + 16, real=True)
    response = scipy.fft.irfft(frequency_response(sections, size), size)
    audible = np.flatnonzero(np.abs(response) > RESPONSE_END * np.abs(response).max())
    return np.asarray(response[: audible[-1] + 1])


class StreamFilter:
    """Filters a stream of blocks by an impulse response, by overlap-save; the output is not late.

    Parameters
    ----------
    taps : ndarray, shape (taps,)
        float32 or float64: what the blocks are computed in.
    channels : int
        Of the blocks.

    Attributes
    ----------
    past : ndarray, shape (channels, taps - 1)
        The samples before the next block: silence at first.

    Examples
    --------
    >>> echo = StreamFilter(np.array([1.0, 0.5]), 1)
    >>> echo(np.array([[1.0, 0.0]])).round(3), echo(np.array([[1.0, 1.0]])).round(3)
    (array([[1. , 0.5]]), array([[1. , 1.5]]))
    """

    def __init__(self, taps: NDArray[np.floating], channels: int) -> None:
        self._taps = taps
        # of the last size, so that the taps are transformed once
        self._response: NDArray[np.complexfloating] = np.zeros(0, complex)
        self.past: NDArray[np.floating] = np.zeros((channels, len(taps) - 1), taps.dtype)

    def __call__(self, block: NDArray[np.floating]) -> NDArray[np.floating]:
        """Filter the next samples, shape (channels, n)."""
        import scipy.fft

        memory, count = self.past.shape[1], block.shape[1]
        steps = max(round(count / max(STEP_RESPONSES * memory, SHORTEST_STEP)), 1)
        size = scipy.fft.next_fast_len(memory + -(-count // steps), real=True)
        step = size - memory
        joined = np.zeros((len(block), memory + steps * step), self._taps.dtype)
        joined[:, :memory] = self.past
        joined[:, memory : memory + count] = block
        self.past = joined[:, count : count + memory].copy()
        frames = np.lib.stride_tricks.sliding_window_view(joined, size, axis=1)[:, ::step]
        filtered = np.empty((len(block), steps, step), joined.dtype)
        if len(self._response) != size // 2 + 1:
            self._response = scipy.fft.rfft(self._taps, size)
        for first in range(0, steps, FFTS_AT_ONCE):
            some = slice(first, first + FFTS_AT_ONCE)
            filtered[:, some] = scipy.fft.irfft(scipy.fft.rfft(frames[:, some]) * self._response, size)[..., memory:]
        return filtered.reshape(len(block), -1)[:, :count]
