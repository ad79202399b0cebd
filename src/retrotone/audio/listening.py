"""Listening: one mono stream of a recording that holds what is heard of all its channels, and nothing that is not.

The mean of the channels loses what is opposed in them: it is silent where one channel is the other upside down, and has
notches where one comes late. `heard` turns what is coherent in the second channel to the phase of the first before it
takes the mean (after Adami et al., "Down-mixing using coherence suppression", ICASSP 2014), and removes direct current
and rumble. Where neither is needed, which is nearly always, it is the plain mean, sample by sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import Audio, folded
from retrotone.audio.clicks import mended
from retrotone.audio.resampling import resampled
from retrotone.dsp.filterbanks import mel
from retrotone.dsp.hpss import TINY
from retrotone.dsp.stft import istft, n_fft_for, stft, window
from retrotone.types import Block, Source, Spectrogram

# Windows of 186 ms: their bins, 5.4 Hz apart, tell rumble from the lowest notes.
WINDOWS = 2
# One window in so many is looked at to decide whether the mean will do; with more, scanning a library takes longer.
EVERY = 8
# Hz: nothing is kept below the first, all above the second. The lowest note of a piano has 27.5 Hz.
INAUDIBLE_HZ, AUDIBLE_HZ = 15.0, 25.0
# Share of the power below INAUDIBLE_HZ above which it is removed.
RUMBLE_SHARE = 0.01
# dB that aligning the channels must add to their mean: the mean over mel bands, RANGE_DB at most in each. It adds at
# most 1.03 to the nine stereo songs we have, 1.5 to 4.8 where a channel comes 0.5 to 20 ms late.
CANCELLED_DB, RANGE_DB, N_MELS = 1.25, 60.0, 40
# of a bin in which the channels cancel even so
MOST_GAIN = 2.0
# A channel of less than this share of the louder one's power holds only noise. The other is heard alone, as the mean
# would be 6 dB softer.
SILENT_SHARE = 1e-4


class Heard(Audio):
    """What is heard of a recording, mono: to hear it once more changes nothing, and takes no time."""


def heard(source: Source) -> Iterator[Block]:
    """Yield what is heard of a recording, in blocks of shape (1, n) at its own rate.

    Parameters
    ----------
    source : Source
        One or two channels. It is read twice.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 / 8000 * np.arange(8000))
    >>> opposed = Audio(np.stack([tone, -tone]), 8000)
    >>> round(float(opposed.mono().peak), 3), round(listen_to(opposed).peak, 3)
    (0.0, 1.0)
    """
    if isinstance(source, Heard):
        yield from source.blocks()
        return
    n_fft = WINDOWS * n_fft_for(source.sample_rate)
    found = _survey(source, n_fft)
    whole = (mended(block)[0] for block in source.blocks()) if found.clicks else source.blocks()
    blocks = (block[found.sounding] for block in whole)
    if not found.rumbles and not found.cancels:
        yield from map(folded, blocks)
        return
    gain = _highpass(source.sample_rate, n_fft) if found.rumbles else np.float32(1)
    mix = _aligned_mean if found.cancels else _mean
    yield from istft((mix(chunk) * gain for chunk in stft(blocks, n_fft)), n_fft, found.frames)


def listen_to(audio: Audio) -> Heard:
    """Return what is heard of a recording in memory, shape (1, frames); see `heard`."""
    if isinstance(audio, Heard):
        return audio
    return Heard(np.concatenate(list(heard(audio)), axis=1), audio.sample_rate, audio.name)


def mono_blocks(source: Source, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """Yield what is heard of a recording, resampled to a rate in Hz, in blocks of shape (n,)."""
    for block in resampled(heard(source), 1, source.sample_rate, sample_rate):
        yield block[0]


class _Survey(NamedTuple):
    """What one reading of a recording finds.

    Attributes
    ----------
    frames : int
        Its length in samples.
    sounding : slice or ndarray of bool, shape (channels,)
        Which channels to hear.
    rumbles, cancels : bool
        Whether rumble must be removed, and whether the channels lose too much in their mean.
    clicks : bool
        Whether there are samples to mend.
    """

    frames: int
    sounding: slice | NDArray[np.bool_]
    rumbles: bool
    cancels: bool
    clicks: bool


def _survey(source: Source, n_fft: int) -> _Survey:
    inaudible = np.arange(n_fft // 2 + 1) * source.sample_rate / n_fft < INAUDIBLE_HZ
    frames = clicks = 0
    # of each block: the channels' powers, the power of rumble, the dB that channels cancel
    powers, rumbles, cancelled = [], [], []
    for block in source.blocks():
        frames += block.shape[1]
        block, absurd = mended(block)
        clicks += absurd
        spectrum = _sparse_spectrum(block, n_fft)
        power = _powers(spectrum)
        powers.append(power.sum(axis=1, dtype=float))
        rumbles.append(power[:, inaudible].sum(dtype=float))
        cancelled.append(_cancelled_db(power, _cross(spectrum), source.sample_rate) if len(block) > 1 else 0.0)
    channels, total = np.sum(powers, axis=0), np.sum(powers) + TINY
    sounding = channels >= SILENT_SHARE * channels.max()
    return _Survey(
        frames,
        # a slice copies nothing
        slice(None) if sounding.all() else sounding,
        rumbles=bool(sum(rumbles) > RUMBLE_SHARE * total),
        cancels=bool(np.sum(powers, axis=1) @ cancelled > CANCELLED_DB * total),
        clicks=clicks > 0,
    )


def _sparse_spectrum(block: Block, n_fft: int) -> Spectrogram:
    """Return the spectra of one window in `EVERY` of a block, shape (channels, windows, bins)."""
    import scipy.fft

    if block.shape[1] < n_fft:
        block = np.pad(block, ((0, 0), (0, n_fft - block.shape[1])))
    windows = np.lib.stride_tricks.sliding_window_view(block, n_fft, axis=1)[:, :: EVERY * n_fft]
    spectrum: Spectrogram = scipy.fft.rfft(windows * window(n_fft))
    return spectrum


def _cancelled_db(powers: NDArray[np.float32], cross: NDArray[np.complex64], sample_rate: int) -> float:
    """Return by how many dB, on average over mel bands, two channels cancel in their mean: see `_alignment`."""
    turn, gain = _alignment(powers, cross)
    aligned = np.square(gain) * _power_of_sum(powers, cross, turn)
    mean = _power_of_sum(powers, cross, np.ones_like(cross))
    heard_so, heard_aligned = np.stack([mean, aligned]) @ _mel_bands(sample_rate, 2 * (len(cross) - 1)).T
    floor = heard_aligned.max() * 10 ** (-RANGE_DB / 10) + TINY
    return float(10 * np.log10((heard_aligned + floor) / (heard_so + floor)).mean())


def _mean(spectrum: Spectrogram) -> Spectrogram:
    """Return the mean of the channels, shape (1, frames, bins)."""
    mean: Spectrogram = spectrum.mean(axis=0, keepdims=True)
    return mean


def _aligned_mean(spectrum: Spectrogram) -> Spectrogram:
    """Return the mean of the channels, shape (1, frames, bins), what they have in common turned to one phase.

    Parameters
    ----------
    spectrum : ndarray, shape (channels, frames, bins)
    """
    if len(spectrum) == 1:
        return spectrum
    turn, gain = _alignment(_powers(spectrum), _cross(spectrum))
    result: Spectrogram = (spectrum[0] + spectrum[1] * turn)[None] * gain / 2
    return result


def _alignment(
    powers: NDArray[np.float32], cross: NDArray[np.complex64]
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Return by what the second channel is multiplied, and then the sum of both, each of shape (bins,).

    The second channel is multiplied by 1 - c + c exp(i p): p is the phase of left times right conjugate, c the
    coherence, the share of its power that the first channel predicts. Then the sum is given the power that it would
    have if p had been 0.

    Parameters
    ----------
    powers : ndarray, shape (2, bins)
        Of the channels.
    cross : ndarray, shape (bins,)
        Left times right conjugate.
    """
    magnitude = np.abs(cross)
    coherence = np.square(magnitude / np.maximum(np.sqrt(powers[0]) * np.sqrt(powers[1]), TINY))
    phase = np.divide(cross, magnitude, out=np.ones_like(cross), where=magnitude > 0)
    turn = 1 - coherence + coherence * phase
    wanted = powers.sum(axis=0) + 2 * magnitude
    gain = np.sqrt(wanted / np.maximum(_power_of_sum(powers, cross, turn), TINY))
    return turn, np.minimum(gain, MOST_GAIN)


def _powers(spectrum: Spectrogram) -> NDArray[np.float32]:
    """Return the power of each channel in each bin over all frames, shape (channels, bins)."""
    powers: NDArray[np.float32] = (np.square(spectrum.real) + np.square(spectrum.imag)).sum(axis=1)
    return powers


def _cross(spectrum: Spectrogram) -> NDArray[np.complex64]:
    """Return left times right conjugate in each bin, summed over all frames, shape (bins,)."""
    cross: NDArray[np.complex64] = (spectrum[0] * spectrum[1].conj()).sum(axis=0)
    return cross


def _power_of_sum(
    powers: NDArray[np.float32], cross: NDArray[np.complex64], turn: NDArray[np.complex64]
) -> NDArray[np.float32]:
    """Return the power of the first channel plus `turn` times the second, shape (bins,)."""
    power: NDArray[np.float32] = powers[0] + np.square(np.abs(turn)) * powers[1] + 2 * (cross * turn.conj()).real
    # rounding leaves less than nothing where the channels cancel
    return np.maximum(power, 0)


def _highpass(sample_rate: int, n_fft: int) -> NDArray[np.float32]:
    """Return the gain of each bin, shape (n_fft // 2 + 1,): a raised cosine from INAUDIBLE_HZ to AUDIBLE_HZ."""
    hertz = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    share = np.clip((hertz - INAUDIBLE_HZ) / (AUDIBLE_HZ - INAUDIBLE_HZ), 0, 1)
    return (0.5 - 0.5 * np.cos(np.pi * share)).astype(np.float32)


@lru_cache(maxsize=4)
def _mel_bands(sample_rate: int, n_fft: int) -> NDArray[np.float32]:
    return mel(sample_rate=sample_rate, n_fft=n_fft, n_mels=N_MELS)
