"""Mains hum on a record: steady tones at multiples of 50 or 60 Hz."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrotone.style.reading.spectrum import in_bands, n_fft_for, power, power_density, quantiles, spectrogram
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
    n_fft = n_fft_for(sample_rate, FRAME_SECONDS)
    window = np.hanning(n_fft).astype(np.float32)
    reach = int((MAINS_HZ[-1] * (1 + DRIFT) * PARTIALS + FAR_HZ) * n_fft / sample_rate) + 2
    powers = []
    for piece in pieces:
        (spectrum,) = spectrogram(piece.mean(axis=0, keepdims=True), window, n_fft // 2)
        powers.append(power(spectrum[:, :reach]))
    if sum(map(len, powers)) < 6:
        return []
    # the power of a sine of RMS 1 at the centre of its bin is 1
    tones = np.concatenate(powers) * (2 / float(window.sum()) ** 2)
    quiet, usual = quantiles(tones, (0.1, 0.5))
    best: list[_Peak] = []
    for mains in MAINS_HZ:
        for base_hz in np.arange(mains * (1 - DRIFT), mains * (1 + DRIFT), STEP_HZ):
            peaks = _peaks(quiet, usual, float(base_hz), sample_rate / n_fft)
            if sum(peak.level_db + 120 for peak in peaks) > sum(peak.level_db + 120 for peak in best):
                best = peaks
    if len(best) < FEWEST:
        return []
    # the louder, the more exact
    base = float(np.average([peak.hz / peak.partial for peak in best], weights=[10 ** (p.level_db / 10) for p in best]))
    return [Tone(round(peak.partial * base, 2), peak.level_db) for peak in best]


def hum_spectrum(tones: Sequence[Tone], sample_rate: int) -> NDArray[np.float64]:
    """Return what tones add to a long-term spectrum.

    Parameters
    ----------
    tones : sequence of Tone
    sample_rate : int
        Of the record, in Hz.

    Returns
    -------
    ndarray, shape (len(HZ),)
        In dB per Hz; NaN above the Nyquist frequency.
    """
    n_fft = n_fft_for(sample_rate)
    turns = 2 * np.pi * np.arange(n_fft) / sample_rate
    density = np.zeros(n_fft // 2 + 1)
    for tone in tones:
        sine = np.sqrt(2) * 10 ** (tone.level_db / 20) * np.sin(tone.hz * turns)
        density += power_density(sine[None].astype(np.float32), sample_rate)[0, 0]
    return in_bands(density, sample_rate)


@dataclass(frozen=True)
class _Peak:
    """A partial of the mains: its number, frequency and level in dB."""

    partial: int
    hz: float
    level_db: float


def _peaks(quiet: NDArray[np.float64], usual: NDArray[np.float64], base_hz: float, hz_per_bin: float) -> list[_Peak]:
    """Return the multiples of a frequency that stand out at all times."""
    peaks = []
    near, far = round(NEAR_HZ / hz_per_bin), round(FAR_HZ / hz_per_bin)
    for partial in range(1, PARTIALS + 1):
        at = round(partial * base_hz / hz_per_bin)
        around = np.concatenate([quiet[max(at - far, 1) : at - near], quiet[at + near : at + far]])
        peak = at - 1 + int(quiet[at - 1 : at + 2].argmax())
        stands_out = quiet[peak] > 10 ** (PROMINENCE_DB / 10) * around.mean()
        if stands_out and usual[peak] < 10 ** (STEADY_DB / 10) * quiet[peak]:
            three = usual[peak - 1 : peak + 2]
            below, middle, above = np.log(three + 1e-30)
            # the top of the parabola through three bins; a Hann window spreads a tone's power over 1.5 bins
            shift = 0.5 * (below - above) / min(below - 2 * middle + above, -1e-9)
            level_db = float(10 * np.log10(three.sum() / 1.5))
            peaks.append(_Peak(partial, float((peak + np.clip(shift, -1, 1)) * hz_per_bin), level_db))
    return peaks
