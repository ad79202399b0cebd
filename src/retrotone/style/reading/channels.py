"""The channels of a record: whether it is mono, and by how much one channel is late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from retrotone.style.reading.floor import Floor
from retrotone.style.reading.spectrum import (
    HZ,
    as_density,
    in_bands,
    long_spectrogram,
    n_fft_for,
    power,
    quantiles,
    spectrogram,
)
from retrotone.types import Block, Matrix

# Side to middle, in dB, below which the music is mono.
MONO_DB = -27.0
# Above, a record whose noise differs between its channels is a stereo medium that happens to carry mono music.
STEREO_MEDIUM_HZ = 9_000.0
# The longest delay that is looked for, and the shortest that counts, in s: a quarter of a sample at 44.1 kHz.
LONGEST_DELAY_S, SHORTEST_DELAY_S = 0.002, 6e-6
# Share of the whitened correlation that the delay's peak must hold.
CLEAR = 0.35
FRAME_SECONDS = 0.19
# Points of the correlation per sample.
FINER = 32
# Power of music relative to the noise where its width is read.
LOUD = 10.0


@dataclass(frozen=True)
class Channels:
    """What the channels of a record share.

    Attributes
    ----------
    side_db : float
        Power of the music's side relative to its middle, once the delay is taken out; -inf for one channel.
    noise_side_db : float
        The same of the noise.
    delay_s : float
        By which the right channel is late; 0 where none shows.
    """

    side_db: float
    noise_side_db: float
    delay_s: float

    @property
    def is_mono_noise(self) -> bool:
        """True where all channels carry the same noise."""
        return self.noise_side_db < -6.0

    def is_mono(self, high_hz: float | None) -> bool:
        """Tell whether the medium is mono, given the upper edge of its music in Hz."""
        wide = high_hz is None or high_hz > STEREO_MEDIUM_HZ
        return self.side_db < MONO_DB and (self.is_mono_noise or not wide)


@dataclass(frozen=True)
class Stereo:
    """Two channels, and what they are in time with each other and equally loud.

    Attributes
    ----------
    channels : list of ndarray, shape (frames, bins)
        Power densities of both channels, piece by piece.
    middle, side : list of ndarray, shape (frames, bins)
        The same of half of their sum and difference once they are in time and equally loud.
    delay_s : float
        By which the right channel was late; 0 where that does not show.
    """

    channels: list[Matrix]
    middle: list[Matrix]
    side: list[Matrix]
    delay_s: float

    @property
    def noise_side(self) -> list[Matrix]:
        """The side, in which noise of its own in each channel is as loud as in these."""
        return [2 * side for side in self.side]


def align(pieces: Sequence[Block], sample_rate: int) -> Stereo | None:
    """Bring the channels of a record together.

    Parameters
    ----------
    pieces : sequence of ndarray, shape (channels, n)
        Of the record, at -20 LUFS.
    sample_rate : int
        In Hz.

    Returns
    -------
    Stereo or None
        None for one channel.
    """
    if len(pieces[0]) == 1:
        return None
    delay_s = _delay(pieces, sample_rate)
    # a difference in level is no width
    powers = np.concatenate([np.square(piece).sum(axis=1, keepdims=True) for piece in pieces], axis=1).sum(axis=1)
    balance = np.float32(np.sqrt(powers[0] / powers[1])) if powers[1] else np.float32(1)
    channels, middles, sides = list[Matrix](), [], []
    for piece in pieces:
        both = long_spectrogram(piece, sample_rate)
        channels.extend(as_density(both, sample_rate))
        left, right = both
        if delay_s:
            (right,) = long_spectrogram(_advanced(piece[1], delay_s * sample_rate)[None], sample_rate)
        right = balance * right
        middles.append(as_density((left + right) / 2, sample_rate))
        sides.append(as_density((left - right) / 2, sample_rate))
    return Stereo(channels, middles, sides, delay_s)


def read_channels(stereo: Stereo | None, sample_rate: int, floor: Floor) -> Channels:
    """Compare the channels.

    Parameters
    ----------
    stereo : Stereo or None
        Of the record, at -20 LUFS.
    sample_rate : int
        In Hz.
    floor : Floor

    Returns
    -------
    Channels
    """
    if stereo is None:
        return Channels(-np.inf, -np.inf, 0.0)
    middle, side = np.concatenate(stereo.middle), np.concatenate(stereo.side)
    if len(middle) == 0:
        return Channels(np.inf, np.inf, 0.0)
    # where noise was seen, its quiet moments have the same distribution in both
    quiet_middle, quiet_side = (in_bands(quantiles(each, [0.1])[0], sample_rate) for each in (middle, side))
    sure = floor.sure & np.isfinite(quiet_middle)
    noise_side_db = float(np.median((quiet_side - quiet_middle)[sure])) if sure.any() else -np.inf
    share = 10 ** (noise_side_db / 10)
    noise = 10 ** (floor.level_db / 10) / (1 + share)
    middle_power, side_power = (10 ** (in_bands(each.mean(axis=0), sample_rate) / 10) for each in (middle, side))
    music = np.isfinite(middle_power) & (middle_power > LOUD * noise)
    if not music.any():
        return Channels(np.inf, noise_side_db, 0.0)
    # each band counts by its width
    width = HZ[music]
    rest = float(np.maximum(side_power - share * noise, 0)[music] @ width)
    side_db = float(10 * np.log10(max(rest, 1e-30) / float((middle_power - noise)[music] @ width)))
    return Channels(side_db, noise_side_db, stereo.delay_s)


def _delay(pieces: Sequence[Block], sample_rate: int) -> float:
    """Return by how many seconds the right channel is late: the peak of the whitened correlation.

    Knapp and Carter, "The generalized correlation method for estimation of time delay", IEEE Trans. ASSP 24, 1976.
    """
    n_fft = n_fft_for(sample_rate, FRAME_SECONDS)
    window = np.hanning(n_fft).astype(np.float32)
    cross: NDArray[np.complex128] = np.zeros(n_fft // 2 + 1, complex)
    powers = np.zeros((2, n_fft // 2 + 1))
    for piece in pieces:
        both = spectrogram(piece, window, n_fft // 2)
        cross += (both[0].conj() * both[1]).sum(axis=0)
        powers += power(both).sum(axis=1)
    hertz = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    coherence = np.square(np.abs(cross)) / np.maximum(powers.prod(axis=0), 1e-30)
    weight = np.where((hertz > 200) & (hertz < 10_000), coherence, 0)
    if weight.sum() < 1e-9:
        return 0.0
    whitened = weight * cross / np.maximum(np.abs(cross), 1e-30)
    correlation = irfft(whitened, FINER * n_fft) * FINER * n_fft / (2 * weight.sum())
    reach = int(LONGEST_DELAY_S * sample_rate * FINER)
    lags = np.arange(-reach, reach + 1)
    near = correlation[lags]
    best = int(near.argmax())
    delay = lags[best] / (FINER * sample_rate)
    return float(delay) if near[best] > CLEAR and abs(delay) >= SHORTEST_DELAY_S else 0.0


def _advanced(samples: NDArray[np.float32], shift: float) -> NDArray[np.float32]:
    """Return samples, shape (n,), moved forward by a fraction of samples."""
    size = next_fast_len(len(samples), real=True)
    turns = np.exp(2j * np.pi * np.fft.rfftfreq(size) * shift).astype(np.complex64)
    return np.asarray(irfft(rfft(samples, size) * turns, size)[: len(samples)])
