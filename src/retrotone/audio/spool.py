"""Blocks of sound held in a temporary file: float32, channels interleaved."""

from __future__ import annotations

import tempfile
from typing import IO

import numpy as np

from retrotone.errors import OutputError
from retrotone.types import Block


def write_block(spool: IO[bytes], block: Block) -> None:
    """Append a block of shape (channels, n); OutputError where the disk of temporary files is full."""
    try:
        spool.write(np.ascontiguousarray(block.T, np.float32).data)
    except OSError as error:
        raise OutputError(f"no room for the result in {tempfile.gettempdir()}: free some space there") from error


def read_block(spool: IO[bytes], channels: int, frames: int) -> Block:
    """Return the next block, shape (channels, up to `frames`); it is empty at the end."""
    return np.frombuffer(spool.read(4 * channels * frames), np.float32).reshape(-1, channels).T
