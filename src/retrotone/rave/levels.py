"""Levels of a model's output: as loud as a song, or mixed with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator

import numpy as np

from retrotone.audio.audio import Audio
from retrotone.audio.spool import read_block, write_block
from retrotone.dsp.loudness import LoudnessMeter
from retrotone.types import Block, Source
from retrotone.utils.temporary import SPOOL_BYTES

MAX_GAIN_DB = 60.0


def mixed(source: Source, wet: Iterable[Block], strength: float) -> Iterator[Block]:
    """Mix a source with the model's output, which is first made as loud as the source.

    Parameters
    ----------
    source : Source
    wet : iterable of ndarray, shape (channels, n)
        The model's output; all of it is read before the first block is yielded.
    strength : float
        Share of the model's output, in [0, 1].

    Yields
    ------
    ndarray, shape (channels, n)
        Together as long as the source.

    Raises
    ------
    OutputError
        The disk of temporary files is full.
    """
    meter = LoudnessMeter(source.channels, source.sample_rate)
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
        for block in wet:
            meter.add(block)
            write_block(spool, block)
        gain = _gain(meter.integrated, loudness_of(source))
        spool.seek(0)
        for dry in source.blocks():
            played = read_block(spool, *dry.shape)
            yield np.float32(1 - strength) * dry + np.float32(strength) * gain * played


def loudness_of(source: Source) -> float:
    """Return the integrated loudness of a recording in LUFS (BS.1770); -inf for silence."""
    meter = LoudnessMeter(source.channels, source.sample_rate)
    for block in source.blocks():
        meter.add(block)
    return meter.integrated


def _gain(now: float, wanted: float) -> np.float32:
    """Linear gain from one loudness to another; silence stays silence."""
    if np.isinf(now) or np.isinf(wanted):
        return np.float32(1.0)
    return np.float32(10 ** (min(wanted - now, MAX_GAIN_DB) / 20))


def at_loudness(audio: Audio, lufs: float) -> Audio:
    """Return a recording brought to a loudness in LUFS, by at most MAX_GAIN_DB; silence stays silence."""
    return audio.with_samples(audio.samples * _gain(audio.loudness, lufs))
