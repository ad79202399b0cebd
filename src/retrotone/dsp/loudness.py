"""Loudness and true peak after ITU-R BS.1770, measured block by block in constant memory."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray

# ITU-R BS.1770-5 gives the K-weighting at 48 kHz only. These are the analogue parameters behind it
# (De Man, "Evaluation of implementations of the EBU R128 loudness measurement", AES 2018).
SHELF_HZ, SHELF_DB, SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
HIGHPASS_HZ, HIGHPASS_Q = 38.13547087602444, 0.5003270373238773

# gating blocks, BS.1770-5 Annex 1: they overlap by 75 %
BLOCK_SECONDS, STEP_SECONDS = 0.4, 0.1
# LUFS
ABSOLUTE_GATE = -70.0
# LU, relative to the mean of the blocks that pass the absolute gate
RELATIVE_GATE = -10.0
# after this time less than a billionth of the K-weighting's impulse response is left
MEMORY_SECONDS = 0.125
# length of a Fourier transform, in units of MEMORY_SECONDS
FFT_MEMORIES = 4
# so many fit a processor's cache, and vector instructions transform them side by side
FFTS_AT_ONCE = 8
# BS.1770-5 Annex 2
OVERSAMPLING = 4
# Larger samples count as this: the sums of their squares would be more than a float32 holds.
LARGEST = 1e15


def k_weighting(sample_rate: int) -> NDArray[np.float64]:
    """Return the K-weighting filter as second-order sections.

    Parameters
    ----------
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray, shape (2, 6)
        High shelf (for the acoustic effect of the head), then high-pass (the RLB curve), by the bilinear transform.
    """
    k = np.tan(np.pi * SHELF_HZ / sample_rate)
    high, mid = 10 ** (SHELF_DB / 20), 10 ** (SHELF_DB / 20 * 0.4996667741545416)
    a0 = 1 + k / SHELF_Q + k * k
    shelf = [
        (high + mid * k / SHELF_Q + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - mid * k / SHELF_Q + k * k) / a0,
        1.0,
        2 * (k * k - 1) / a0,
        (1 - k / SHELF_Q + k * k) / a0,
    ]
    k = np.tan(np.pi * HIGHPASS_HZ / sample_rate)
    a0 = 1 + k / HIGHPASS_Q + k * k
    highpass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / HIGHPASS_Q + k * k) / a0]
    return np.array([shelf, highpass])


class LoudnessMeter:
    """Measures the integrated loudness of a stream of blocks.

    Parameters
    ----------
    channels : int
        One or two, each with weight 1 (BS.1770-5 Table 3).
    sample_rate : int
        In Hz.

    Examples
    --------
    A full-scale sine of 997 Hz in one channel reads -3.01 LUFS (BS.1770-5 Annex 1).

    >>> meter = LoudnessMeter(1, 48_000)
    >>> meter.add(np.sin(2 * np.pi * 997 / 48_000 * np.arange(48_000))[None].astype(np.float32))
    >>> round(meter.integrated, 2)
    -3.01
    """

    def __init__(self, channels: int, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._before = np.zeros((channels, round(MEMORY_SECONDS * sample_rate)), np.float32)
        self._step = round(STEP_SECONDS * sample_rate)
        self._rest = np.zeros((channels, 0), np.float32)
        self._energies: list[NDArray[np.float32]] = []

    def add(self, block: NDArray[np.float32]) -> None:
        """Measure the next block of samples, shape (channels, n)."""
        if block.shape[1] == 0:
            return
        joined = np.concatenate([self._rest, self._weighted(block)], axis=1)
        steps = joined.shape[1] // self._step
        whole = joined[:, : steps * self._step].reshape(len(joined), steps, self._step)
        self._energies.append(np.square(whole).sum(axis=2).sum(axis=0) / self._step)
        self._rest = joined[:, steps * self._step :]

    def _weighted(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a block K-weighted, by overlap-save: as fast as recursion, without the slow import of scipy.signal."""
        import scipy.fft

        memory, count = self._before.shape[1], block.shape[1]
        size = scipy.fft.next_fast_len(min(memory + count, FFT_MEMORIES * memory), real=True)
        step = size - memory
        steps = -(-count // step)
        joined = np.zeros((len(block), memory + steps * step), np.float32)
        joined[:, :memory] = self._before
        joined[:, memory : memory + count] = block
        # clipping takes as long as four comparisons
        if max(block.max(), -block.min()) > LARGEST:
            np.clip(joined, -LARGEST, LARGEST, out=joined)
        self._before = joined[:, count : count + memory].copy()
        frames = np.lib.stride_tricks.sliding_window_view(joined, size, axis=1)[:, ::step]
        weighted = np.empty((len(block), steps, step), np.float32)
        for first in range(0, steps, FFTS_AT_ONCE):
            some = slice(first, first + FFTS_AT_ONCE)
            spectrum = scipy.fft.rfft(frames[:, some]) * _response(self._sample_rate, size)
            weighted[:, some] = scipy.fft.irfft(spectrum, size)[..., memory:]
        return weighted.reshape(len(block), -1)[:, :count]

    @property
    def integrated(self) -> float:
        """Gated loudness in LUFS, -inf for silence; ungated for less than one block of 0.4 s."""
        steps = np.concatenate([np.zeros(0), *self._energies])
        per_block = round(BLOCK_SECONDS / STEP_SECONDS)
        if len(steps) < per_block:
            energy = steps.sum() * self._step + np.square(self._rest).sum()
            return _lufs(energy / max(len(steps) * self._step + self._rest.shape[1], 1))
        blocks = np.convolve(steps, np.full(per_block, 1 / per_block), mode="valid")
        loud = blocks[blocks > 10 ** ((ABSOLUTE_GATE + 0.691) / 10)]
        if len(loud) == 0:
            return -np.inf
        gate = loud.mean() * 10 ** (RELATIVE_GATE / 10)
        return _lufs(float(loud[loud > gate].mean()))


class PeakMeter:
    """Measures the true peak of a stream of blocks, four times oversampled (BS.1770-5 Annex 2).

    Parameters
    ----------
    channels : int
        Of every block.
    """

    def __init__(self, channels: int) -> None:
        # "MQ" is flat up to 0.95 of the Nyquist frequency; "LQ" costs the same and begins to fall at 0.7
        self._oversampler = soxr.ResampleStream(1, OVERSAMPLING, channels, quality="MQ")
        self._channels = channels
        self._peak = 0.0

    def add(self, block: NDArray[np.float32]) -> None:
        """Measure the next block of samples, shape (channels, n)."""
        self._hold(block)
        self._hold(self._oversampler.resample_chunk(np.ascontiguousarray(block.T)))

    def finish(self) -> float:
        """End the stream; return its highest peak between or on samples, linear (1.0 is 0 dBTP)."""
        self._hold(self._oversampler.resample_chunk(np.zeros((0, self._channels), np.float32), last=True))
        return self._peak

    def _hold(self, samples: NDArray[np.float32]) -> None:
        if samples.size:
            self._peak = max(self._peak, float(samples.max()), -float(samples.min()))


@lru_cache(maxsize=8)
def _response(sample_rate: int, size: int) -> NDArray[np.complex64]:
    """Return the frequency response of the K-weighting in each bin of a Fourier transform, shape (size // 2 + 1,)."""
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    powers = np.stack([np.ones_like(delay), delay, delay**2])
    sections = k_weighting(sample_rate)
    response: NDArray[np.complex128] = np.prod((sections[:, :3] @ powers) / (sections[:, 3:] @ powers), axis=0)
    return response.astype(np.complex64)


def _lufs(energy: float) -> float:
    return float(-0.691 + 10 * np.log10(energy)) if energy > 0 else -np.inf
