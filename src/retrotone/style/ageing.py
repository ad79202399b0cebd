"""Ageing: a recording as the medium of another era would have kept it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from retrotone.audio.audio import Audio
from retrotone.style.eras import find_era
from retrotone.style.media.chain import medium_blocks
from retrotone.style.media.media import REFERENCE_LUFS
from retrotone.style.medium import Medium
from retrotone.types import Block, Source


def age(audio: Audio, era: Medium | str, strength: float = 1.0, seed: int = 0) -> Audio:
    """Return a recording as the medium of another era would have kept it.

    Parameters
    ----------
    audio : Audio
        Any rate, one or two channels, any length.
    era : Medium or str
        Any medium, or the name of an era that `find_era` knows.
    strength : float
        In [0, 1]: 0 gives the recording back untouched, 1 is the whole medium.
    seed : int
        At least 0. The same seed gives the same hiss, clicks and wow.

    Returns
    -------
    Audio
        As of `Medium.apply`.

    Raises
    ------
    StyleError
        Unknown era, strength outside [0, 1], negative seed.
    """
    return _medium(era).apply(audio, strength, seed)


def age_blocks(
    blocks: Iterable[Block],
    channels: int,
    sample_rate: int,
    era: Medium | str,
    strength: float = 1.0,
    seed: int = 0,
    programme_lufs: float = REFERENCE_LUFS,
    makeup_db: float = 0.0,
) -> Iterator[Block]:
    """Age a stream of any length in constant memory; see `retrotone.style.media.chain.medium_blocks`.

    Parameters
    ----------
    blocks, channels, sample_rate, strength, seed, programme_lufs, makeup_db
        As in `medium_blocks`.
    era : Medium or str
        As in `age`.

    Raises
    ------
    StyleError
        Unknown era, strength outside [0, 1], negative seed.
    """
    medium = _medium(era)
    return medium_blocks(blocks, channels, sample_rate, medium, strength, seed, programme_lufs, makeup_db)


class AgedSource:
    """A recording as a medium would have kept it, for methods whose style is a recording.

    Parameters
    ----------
    source : Source
        The recording.
    medium : Medium
    programme_lufs : float
        Its integrated loudness.
    seed : int
        Of the noise, clicks and wow.
    makeup_db : float
        Gain before the noise, see `retrotone.style.media.chain.makeup_db`.
    """

    def __init__(
        self, source: Source, medium: Medium, programme_lufs: float, seed: int, makeup_db: float = 0.0
    ) -> None:
        self._source, self._medium, self._programme_lufs, self._seed = source, medium, programme_lufs, seed
        self._makeup_db = makeup_db
        self.name = f"{source.name} of the {medium.name}"
        self.sample_rate, self.channels = source.sample_rate, source.channels
        self.frames, self.duration = source.frames, source.duration

    def blocks(self) -> Iterator[Block]:
        """Yield the aged samples in blocks of shape (channels, n)."""
        blocks, rate, loudness = self._source.blocks(), self.sample_rate, self._programme_lufs
        return medium_blocks(blocks, self.channels, rate, self._medium, 1.0, self._seed, loudness, self._makeup_db)


def _medium(era: Medium | str) -> Medium:
    return find_era(era) if isinstance(era, str) else era
