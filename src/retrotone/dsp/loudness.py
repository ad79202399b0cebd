"""Loudness and true peak after ITU-R BS.1770, measured block by block in constant memory."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray

from retrotone.dsp.filters import StreamFilter, impulse_response

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
        self._weighting = StreamFilter(_weighting_response(sample_rate), channels)
        self._step = round(STEP_SECONDS * sample_rate)
        self._rest = np.zeros((channels, 0), np.float32)
        self._energies: list[NDArray[np.float32]] = []

    def add(self, block: NDArray[np.float32]) -> None:
        """Measure the next block of samples, shape (channels, n)."""
        if block.shape[1] == 0:
            return
        # clipping takes as long as four comparisons
        if max(block.max(), -block.min()) > LARGEST:
            block = np.clip(block, -LARGEST, LARGEST)
        joined = np.concatenate([self._rest, self._weighting(block)], axis=1)
        steps = joined.shape[1] // self._step
        whole = joined[:, : steps * self._step].reshape(len(joined), steps, self._step)
        self._energies.append(np.square(whole).sum(axis=2).sum(axis=0) / self._step)
        self._rest = joined[:, steps * self._step :]

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
def _weighting_response(sample_rate: int) -> NDArray[np.float32]:
    """Return the impulse response of the K-weighting, shape (taps,)."""
    return impulse_response(k_weighting(sample_rate)).astype(np.float32)


def _lufs(energy: float) -> float:
    return float(-0.691 + 10 * np.log10(energy)) if energy > 0 else -np.inf
