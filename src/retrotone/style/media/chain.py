"""The stages of a medium, in order, applied to a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isinf, log10
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from retrotone.dsp.loudness import LoudnessMeter
from retrotone.errors import StyleError
from retrotone.style.media.converter import Converter, ConverterStage
from retrotone.style.media.delay import DelayStage
from retrotone.style.media.dynamics import Compression, CompressionStage, Limiter, LimiterStage
from retrotone.style.media.filters import Filter, FilterStage
from retrotone.style.media.media import (
    REFERENCE_LUFS,
    STAGE_FRAMES,
    ChannelStage,
    GainStage,
    Saturation,
    SaturationStage,
)
from retrotone.style.media.noise import Crackle, CrackleStage, Hum, HumStage, Noise, NoiseStage
from retrotone.style.media.spectrum import NoiseSpectrum, SpectrumStage
from retrotone.style.media.wow import Wobble, WowStage
from retrotone.types import Block

# Strength below which the output is the input: all effects are 80 dB down.
NEGLIGIBLE = 1e-4
# dB of separation between the channels
MONO = 0.0
# Limit of gains that restore loudness: more would amplify bare noise where no music is left.
MAX_MAKEUP_DB = 12.0
# Of a programme, as much as tells the gain before the noise.
MAKEUP_SECONDS = 12.0

Stage: TypeAlias = Callable[[Block], Block]


class Parts(Protocol):
    """What the chain needs of a `retrotone.style.medium.Medium`."""

    @property
    def year(self) -> int | None: ...
    @property
    def separation_db(self) -> float | None: ...
    @property
    def delay_s(self) -> float: ...
    @property
    def recording(self) -> tuple[Filter, ...]: ...
    @property
    def compression(self) -> Compression | None: ...
    @property
    def saturation(self) -> Saturation | None: ...
    @property
    def turns_hz(self) -> float: ...
    @property
    def wobbles(self) -> tuple[Wobble, ...]: ...
    @property
    def converter(self) -> Converter | None: ...
    @property
    def recording_lufs(self) -> float | None: ...
    @property
    def noises(self) -> tuple[Noise | NoiseSpectrum, ...]: ...
    @property
    def hums(self) -> tuple[Hum, ...]: ...
    @property
    def crackle(self) -> Crackle | None: ...
    @property
    def playback(self) -> tuple[Filter, ...]: ...
    @property
    def limiter(self) -> Limiter | None: ...


def medium_blocks(
    blocks: Iterable[Block],
    channels: int,
    sample_rate: int,
    medium: Parts,
    strength: float = 1.0,
    seed: int = 0,
    programme_lufs: float = REFERENCE_LUFS,
    makeup_db: float = 0.0,
    skipped_blocks: int = 0,
) -> Iterator[Block]:
    """Put a stream of any length through a medium in constant memory.

    The bytes do not depend on the sizes of the blocks.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (channels, n), float32
        The recording in pieces.
    channels, sample_rate : int
        Of the blocks.
    medium : Medium
        At full strength.
    strength : float
        In [0, 1]: 0 gives the blocks back untouched, 1 is the whole medium.
    seed : int
        At least 0. The same seed gives the same hiss, clicks and wow.
    programme_lufs : float
        Integrated loudness of the whole recording (BS.1770): noise and saturation are set relative to it.
    makeup_db : float
        Gain before the noise, see the function `makeup_db`.
    skipped_blocks : int
        How much of the recording, in blocks of STAGE_FRAMES, lies before the stream: noise, clicks and wow are then
        those of that moment, and filters settle within the first seconds.

    Returns
    -------
    iterator of ndarray, shape (channels, n), float32
        Together as long as the input, and in time with it. Loudness is not restored.

    Raises
    ------
    StyleError
        Strength outside [0, 1], negative seed.
    """
    if not 0 <= strength <= 1:
        raise StyleError(f"strength is {strength}: use a number from 0 (untouched) to 1 (the whole medium)")
    if seed < 0:
        raise StyleError(f"seed is {seed}: use 0 or a positive whole number")
    if strength < NEGLIGIBLE:
        return iter(blocks)
    chain = _Chain(medium, channels, sample_rate, strength, seed)
    chain.add_noise(medium, makeup_db)
    chain.skip(skipped_blocks)
    return _render(blocks, channels, chain, reference_gain(programme_lufs, channels))


def makeup_db(
    medium: Parts,
    pieces: Sequence[Block],
    channels: int,
    sample_rate: int,
    strength: float = 1.0,
    programme_lufs: float = REFERENCE_LUFS,
) -> float:
    """Return the gain that brings a programme to a medium's loudness before the noise, in dB.

    Parameters
    ----------
    medium : Medium
        Its `recording_lufs` says to which loudness; where it is None, the gain is 0.
    pieces : sequence of ndarray, shape (channels, n), float32
        Of the programme; about 12 s of them are used, from every piece alike.
    channels, sample_rate : int
        Of the pieces.
    strength : float
        In [0, 1]; scales the gain.
    programme_lufs : float
        Integrated loudness of the whole programme.

    Returns
    -------
    float
        At most 12 dB up or down; 0 for silence.
    """
    if medium.recording_lufs is None or strength < NEGLIGIBLE:
        return 0.0
    total = sum(piece.shape[1] for piece in pieces)
    share = min(1.0, MAKEUP_SECONDS * sample_rate / max(total, 1))
    some = (piece[:, : int(np.ceil(share * piece.shape[1]))] for piece in pieces)
    chain = _Chain(medium, channels, sample_rate, strength, seed=0, steady=True)
    meter, gain = LoudnessMeter(channels, sample_rate), reference_gain(programme_lufs, channels)
    for block in _render(some, channels, chain, gain):
        meter.add(block)
    loudness = meter.integrated
    if isinf(loudness):
        return 0.0
    wanted = medium.recording_lufs - REFERENCE_LUFS + programme_lufs - loudness
    return strength * float(np.clip(wanted, -MAX_MAKEUP_DB, MAX_MAKEUP_DB))


def medium_stages(
    medium: Parts, channels: int, sample_rate: int, strength: float, makeup_db: float
) -> tuple[list[Stage], int]:
    """Return the stages of a medium, in order, and the samples by which they lag together.

    Parameters
    ----------
    medium, channels, sample_rate, strength, makeup_db
        As in `medium_blocks`.
    """
    chain = _Chain(medium, channels, sample_rate, strength, seed=0)
    chain.add_noise(medium, makeup_db)
    return chain.stages, chain.delay


def reference_gain(programme_lufs: float, channels: int) -> float:
    """Return the gain that brings a programme to the level for which media are described, `REFERENCE_LUFS`."""
    # BS.1770 adds the channels up, so one channel is 3 dB louder than each of two at the same figure.
    return float(10 ** ((REFERENCE_LUFS - programme_lufs + 10 * log10(channels / 2)) / 20))


@runtime_checkable
class _Timed(Protocol):
    """A stage whose output depends on the time, such as noise."""

    def skip(self, frames: int, /) -> None: ...


class _Chain:
    """The stages of one medium, in order: at first those before the noise.

    A `steady` one leaves out the wow, which takes long and does not change loudness.
    """

    def __init__(
        self, medium: Parts, channels: int, sample_rate: int, strength: float, seed: int, steady: bool = False
    ) -> None:
        self._sample_rate, self._strength, self._seed = sample_rate, strength, seed
        self.delay, self.stages, self._width = 0, list[Stage](), channels
        if medium.separation_db is not None:
            fold = ChannelStage(medium.separation_db, channels, strength)
            self.stages.append(fold)
            self._width = fold.channels
        width = self._width
        self._add_late(DelayStage(medium.delay_s, width, sample_rate, strength))
        self.stages.append(FilterStage(medium.recording, width, sample_rate, strength))
        if medium.compression:
            self.stages.append(CompressionStage(medium.compression, sample_rate, strength))
        if medium.saturation:
            self.stages.append(SaturationStage(medium.saturation, strength))
        wobbles = () if steady else medium.wobbles
        self._add_late(WowStage(wobbles, width, sample_rate, strength, self._rng(medium, 0)))
        if medium.converter:
            self.stages.append(ConverterStage(medium.converter, width, sample_rate, strength))

    def add_noise(self, medium: Parts, makeup_db: float) -> None:
        """Append the gain before the noise, the noise, and what comes after it."""
        width, rate, strength, turns_hz = self._width, self._sample_rate, self._strength, medium.turns_hz
        noise_width = 1 if medium.separation_db == MONO else width
        if makeup_db:
            self.stages.append(GainStage(makeup_db))
        for part, noise in enumerate(medium.noises, start=2):
            rng = self._rng(medium, part)
            if isinstance(noise, NoiseSpectrum):
                self.stages.append(SpectrumStage(noise, noise_width, rate, strength, turns_hz, rng))
            else:
                self.stages.append(NoiseStage(noise, noise_width, rate, strength, turns_hz, rng))
        for hum in medium.hums:
            self.stages.append(HumStage(hum, rate, strength))
        if medium.crackle:
            rng = self._rng(medium, 1)
            self.stages.append(CrackleStage(medium.crackle, noise_width, rate, strength, turns_hz, rng))
        self.stages.append(FilterStage(medium.playback, width, rate, strength))
        if medium.limiter:
            self._add_late(LimiterStage(medium.limiter, width, rate, strength))

    def skip(self, blocks: int) -> None:
        """Pass over blocks: what depends on the time goes on as if it had been there."""
        for stage in self.stages:
            if isinstance(stage, _Timed):
                for _ in range(blocks):
                    stage.skip(STAGE_FRAMES)

    def _rng(self, medium: Parts, part: int) -> np.random.Generator:
        # a generator for each stage: the draws of one do not shift another's
        return np.random.default_rng([self._seed, medium.year or 0, part])

    def _add_late(self, stage: DelayStage | WowStage | LimiterStage) -> None:
        self.stages.append(stage)
        self.delay += stage.delay

    def __call__(self, block: Block) -> Block:
        for stage in self.stages:
            block = stage(block)
        return block


def _render(blocks: Iterable[Block], channels: int, chain: _Chain, gain: float) -> Iterator[Block]:
    """Run the chain on blocks of a fixed size, the last one padded, and remove its delay."""
    buffer = np.zeros((channels, STAGE_FRAMES), np.float32)
    filled, taken, given = 0, 0, -chain.delay

    def run() -> Block:
        aged = chain(buffer * np.float32(gain)) / np.float32(gain)
        return np.array(np.broadcast_to(aged, buffer.shape)[:, max(-given, 0) :])

    for block in blocks:
        taken += block.shape[1]
        while block.shape[1]:
            count = min(STAGE_FRAMES - filled, block.shape[1])
            buffer[:, filled : filled + count] = block[:, :count]
            block, filled = block[:, count:], filled + count
            if filled == STAGE_FRAMES:
                yield run()
                given, filled = given + STAGE_FRAMES, 0
    while given < taken:
        buffer[:, filled:] = 0.0
        yield run()[:, : taken - max(given, 0)]
        given, filled = given + STAGE_FRAMES, 0
