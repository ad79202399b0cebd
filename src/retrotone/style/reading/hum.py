"""Mains hum on a record: steady tones at multiples of 50 or 60 Hz."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrotone.types import Block

# Long enough to part the tones from notes, in s.
FRAME_SECONDS = 1.5
# Mains frequencies in Hz, with the drift of turntables and of the grid.
MAINS_HZ, DRIFT, STEP_HZ = (50.0, 60.0), 0.01, 0.05
PARTIALS = 12
# dB: a tone stands this far above what is around it, at the quietest tenth of the time, and varies by no more.
PROMINENCE_DB, STEADY_DB = 9.0, 3.0
# Hz around a tone that count as around it.
NEAR_HZ, FAR_HZ = 3.0, 12.0
# One tone alone may be a note.
FEWEST = 2


@dataclass(frozen=True)
class Tone:
    """A steady tone: frequency in Hz, and level in dB re full scale (RMS) for a programme at -20 LUFS."""

    hz: float
    level_db: float


def read_hum(pieces: Sequence[Block], sample_rate: int) -> list[Tone]:
    """Find the partials of mains hum.

    Parameters
    ----------
    pieces : sequence of ndarray, shape (channels, n)
        Of the record, at -20 LUFS.
    sample_rate : int
        In Hz.

    Returns
    -------
    list of Tone
        From the lowest; empty where fewer than two partials stand out.
    """
    n_fft = int(2 ** round(np.log2(FRAME_SECONDS * sample_rate)))
    window = np.hanning(n_fft).astype(np.float32)
    reach = int((MAINS_HZ[-1] * (1 + DRIFT) * PARTIALS + FAR_HZ) * n_fft / sample_rate) + 2
    powers = []
    for piece in pieces:
        middle = piece.mean(axis=0)
        if len(middle) >= n_fft:
            frames = np.lib.stride_tricks.sliding_window_view(middle, n_fft)[:: n_fft // 2]
            powers.append(np.abs(np.fft.rfft(frames * window, axis=1)[:, :reach]) ** 2)
    if sum(map(len, powers)) < 6:
        return []
    # the power of a sine of RMS 1 at the centre of its bin is 1
    power = np.concatenate(powers) * (2 / float(window.sum()) ** 2)
    quiet, usual = np.quantile(power, (0.1, 0.5), axis=0)
    best: list[Tone] = []
    for mains in MAINS_HZ:
        for base in np.arange(mains * (1 - DRIFT), mains * (1 + DRIFT), STEP_HZ):
            tones = _partials(quiet, usual, float(base), sample_rate / n_fft)
            if sum(tone.level_db + 120 for tone in tones) > sum(tone.level_db + 120 for tone in best):
                best = tones
    return best if len(best) >= FEWEST else []


def _partials(quiet: np.ndarray, usual: np.ndarray, base_hz: float, hz_per_bin: float) -> list[Tone]:
    """Return the multiples of a frequency that stand out at all times."""
    tones = []
    for partial in range(1, PARTIALS + 1):
        hz = partial * base_hz
        at = round(hz / hz_per_bin)
        near, far = round(NEAR_HZ / hz_per_bin), round(FAR_HZ / hz_per_bin)
        around = np.concatenate([quiet[max(at - far, 1) : at - near], quiet[at + near : at + far]])
        peak = at - 1 + int(quiet[at - 1 : at + 2].argmax())
        stands_out = quiet[peak] > 10 ** (PROMINENCE_DB / 10) * around.mean()
        if stands_out and usual[peak] < 10 ** (STEADY_DB / 10) * quiet[peak]:
            # twice the largest bin is close to the tone's power, wherever between the bins it lies
            tones.append(Tone(round(hz, 2), float(10 * np.log10(usual[max(peak - 1, 0) : peak + 2].sum() / 1.5))))
    return tones
