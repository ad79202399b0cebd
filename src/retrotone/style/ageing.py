"""Ageing: a recording as the medium of another era would have kept it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isinf, log10

import numpy as np

from retrotone.audio.audio import Audio
from retrotone.errors import StyleError
from retrotone.style.eras import MONO, Era, find_era
from retrotone.style.media.converter import ConverterStage
from retrotone.style.media.filters import FilterStage
from retrotone.style.media.media import BLOCK_FRAMES, REFERENCE_LUFS, ChannelStage, SaturationStage
from retrotone.style.media.noise import CrackleStage, HumStage, NoiseStage
from retrotone.style.media.wow import WowStage
from retrotone.types import Block, Source

# Strength below which the output is the input: all effects are 80 dB down.
NEGLIGIBLE = 1e-4
# Limit of the gain by which `age` restores loudness: more would amplify bare noise where no music is left.
MAX_MAKEUP_DB = 12.0


def age(audio: Audio, era: Era | str, strength: float = 1.0, seed: int = 0) -> Audio:
    """Return a recording as the medium of another era would have kept it.

    Parameters
    ----------
    audio : Audio
        Any rate, one or two channels, any length.
    era : Era or str
        One of `ERAS`, or a name that `find_era` knows.
    strength : float
        In [0, 1]: 0 gives the recording back untouched, 1 is the whole medium.
    seed : int
        At least 0. The same seed gives the same hiss, clicks and wow.

    Returns
    -------
    Audio
        As long, of the same rate and channels (a mono medium gives equal ones), and about as loud:
        restored by at most 12 dB; silence stays at the level of the medium's noise.

    Raises
    ------
    StyleError
        Unknown era, strength outside [0, 1], negative seed.
    """
    loudness = audio.loudness
    programme = REFERENCE_LUFS if isinf(loudness) else loudness
    blocks = age_blocks(audio.blocks(), audio.channels, audio.sample_rate, era, strength, seed, programme)
    aged = audio.with_samples(np.concatenate(list(blocks), axis=1))
    if strength < NEGLIGIBLE or isinf(loudness):
        return aged
    return aged.gain(min(max(loudness - aged.loudness, -MAX_MAKEUP_DB), MAX_MAKEUP_DB))


def age_blocks(
    blocks: Iterable[Block],
    channels: int,
    sample_rate: int,
    era: Era | str,
    strength: float = 1.0,
    seed: int = 0,
    programme_lufs: float = REFERENCE_LUFS,
) -> Iterator[Block]:
    """Age a stream of any length in constant memory; the bytes do not depend on the sizes of the blocks.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (channels, n), float32
        The recording in pieces.
    channels, sample_rate : int
        Of the blocks.
    era, strength, seed
        As in `age`.
    programme_lufs : float
        Integrated loudness of the whole recording (BS.1770): noise and saturation are set relative to it.

    Returns
    -------
    iterator of ndarray, shape (channels, n), float32
        Together as long as the input, and in time with it. Loudness is not restored.

    Raises
    ------
    StyleError
        Unknown era, strength outside [0, 1], negative seed.
    """
    if not 0 <= strength <= 1:
        raise StyleError(f"strength is {strength}: use a number from 0 (untouched) to 1 (the whole medium)")
    if seed < 0:
        raise StyleError(f"seed is {seed}: use 0 or a positive whole number")
    era = find_era(era) if isinstance(era, str) else era
    if strength < NEGLIGIBLE:
        return iter(blocks)
    # BS.1770 adds the channels up, so one channel is 3 dB louder than each of two at the same figure.
    level_db = REFERENCE_LUFS - programme_lufs + 10 * log10(channels / 2)
    chain = _Chain(era, channels, sample_rate, strength, seed)
    return _render(blocks, channels, chain, 10 ** (level_db / 20))


class AgedSource:
    """A recording as an era would have kept it, for methods whose style is a recording.

    Parameters
    ----------
    source : Source
        The recording.
    era : Era
    programme_lufs : float
        Its integrated loudness.
    seed : int
        Of the noise, clicks and wow.
    """

    def __init__(self, source: Source, era: Era, programme_lufs: float, seed: int) -> None:
        self._source, self._era, self._programme_lufs, self._seed = source, era, programme_lufs, seed
        self.name = f"{source.name} of the {era.name}"
        self.sample_rate, self.channels = source.sample_rate, source.channels
        self.frames, self.duration = source.frames, source.duration

    def blocks(self) -> Iterator[Block]:
        """Yield the aged samples in blocks of shape (channels, n)."""
        blocks, rate = self._source.blocks(), self.sample_rate
        return age_blocks(blocks, self.channels, rate, self._era, 1.0, self._seed, self._programme_lufs)


class _Chain:
    """The stages of one era, in order."""

    def __init__(self, era: Era, channels: int, sample_rate: int, strength: float, seed: int) -> None:
        def rng(part: int) -> np.random.Generator:
            # a generator for each stage: the draws of one do not shift another's
            return np.random.default_rng([seed, era.year, part])

        fold = ChannelStage(era.separation_db, channels, strength)
        width = fold.channels
        noise_width = 1 if era.separation_db == MONO else width
        wow = WowStage(era.wobbles, width, sample_rate, strength, rng(0))
        self.delay = wow.delay
        self._stages: list[Callable[[Block], Block]] = [
            fold,
            FilterStage(era.recording, width, sample_rate, strength),
            SaturationStage(era.drive, era.bias, strength),
            wow,
        ]
        if era.converter:
            self._stages.append(ConverterStage(era.converter, width, sample_rate, strength))
        for part, noise in enumerate(era.noises, start=2):
            self._stages.append(NoiseStage(noise, noise_width, sample_rate, strength, era.turns_hz, rng(part)))
        for hum in era.hums:
            self._stages.append(HumStage(hum, sample_rate, strength))
        if era.crackle:
            self._stages.append(CrackleStage(era.crackle, noise_width, sample_rate, strength, era.turns_hz, rng(1)))
        self._stages.append(FilterStage(era.playback, width, sample_rate, strength))

    def __call__(self, block: Block) -> Block:
        for stage in self._stages:
            block = stage(block)
        return block


def _render(blocks: Iterable[Block], channels: int, chain: _Chain, gain: float) -> Iterator[Block]:
    """Run the chain on blocks of a fixed size, the last one padded, and remove its delay."""
    buffer = np.zeros((channels, BLOCK_FRAMES), np.float32)
    filled, taken, given = 0, 0, -chain.delay

    def run() -> Block:
        aged = chain(buffer * np.float32(gain)) / np.float32(gain)
        return np.array(np.broadcast_to(aged, buffer.shape)[:, max(-given, 0) :])

    for block in blocks:
        taken += block.shape[1]
        while block.shape[1]:
            count = min(BLOCK_FRAMES - filled, block.shape[1])
            buffer[:, filled : filled + count] = block[:, :count]
            block, filled = block[:, count:], filled + count
            if filled == BLOCK_FRAMES:
                yield run()
                given, filled = given + BLOCK_FRAMES, 0
    while given < taken:
        buffer[:, filled:] = 0.0
        yield run()[:, : taken - max(given, 0)]
        given, filled = given + BLOCK_FRAMES, 0
