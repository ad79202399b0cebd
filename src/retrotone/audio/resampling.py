"""Resample a stream of blocks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from retrotone.types import Block


def resampled(blocks: Iterable[Block], channels: int, rate_in: int, rate_out: int) -> Iterator[Block]:
    """Resample a stream of blocks with soxr's high-quality setting.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (channels, n)
    channels : int
        Of every block.
    rate_in, rate_out : int
        Sample rates in Hz.

    Yields
    ------
    ndarray, shape (channels, n)
        Never empty, if the rates differ.
    """
    if rate_in == rate_out:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate_in, rate_out, channels, dtype="float32", quality="HQ")
    empty = True
    for block in itertools.chain(blocks, [None]):
        rest = np.zeros((0, channels), np.float32) if block is None else np.ascontiguousarray(block.T)
        result = stream.resample_chunk(rest, last=block is None).reshape(-1, channels).T
        if result.shape[1]:
            empty = False
            yield result
    # the whole stream lasts less than half a sample at the new rate: keep one
    if empty:
        yield np.zeros((channels, 1), np.float32)
