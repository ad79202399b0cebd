"""What every reader of a sound file offers."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeAlias

from retrotone.types import Block


class Reader(Protocol):
    """One sound file, or one part of it, and the decoder that reads it.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    channels : int
    layout : tuple of str
        FFmpeg's names of the channels, "FL" for the left one in front; empty where they are not told.
    frames : int
        Samples per channel that are there.
    exact : bool
        Whether `frames` is exact to the sample, or by a clock that is coarser.
    promised : int or None
        Samples per channel by the header; None where it does not tell.
    whole : bool
        False if the format marks its end and the mark is missing.
    """

    sample_rate: int
    channels: int
    layout: tuple[str, ...]
    frames: int
    exact: bool
    promised: int | None
    whole: bool

    def blocks(self, block_frames: int, start: int = 0) -> Iterator[Block]:
        """Yield the samples from the frame `start` on, in blocks of shape (channels, n), n <= block_frames.

        Raises
        ------
        AudioError
            Nothing more can be decoded.
        """


Stored: TypeAlias = "Path | ByteRange"
"""Where sound is stored: a file, or some bytes of one."""


class RawFile(io.FileIO):
    """A file that answers a wrong position, where damaged headers point, as FFmpeg's own files do."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except (OSError, OverflowError):
            return -1


class ByteRange:
    """Some bytes of a file, from `start` to before `stop`.

    Parameters
    ----------
    path : Path
    start, stop : int
        In bytes.
    """

    def __init__(self, path: Path, start: int, stop: int) -> None:
        self.path, self.start, self.stop = path, start, stop

    def __str__(self) -> str:
        return str(self.path)

    def open(self) -> io.RawIOBase:
        """Return the bytes as a file that can be read and sought in."""
        return _PartFile(self)


class _PartFile(io.RawIOBase):
    def __init__(self, part: ByteRange) -> None:
        self._part, self._position = part, 0
        self._file = part.path.open("rb", buffering=0)
        self.name = str(part.path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        size = self._part.stop - self._part.start
        position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: size}[whence]
        # as `RawFile`
        if position < 0:
            return -1
        self._position = position
        return position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer, /) -> int:  # type: ignore[no-untyped-def]
        left = max(self._part.stop - self._part.start - self._position, 0)
        self._file.seek(self._part.start + self._position)
        count = self._file.readinto(memoryview(buffer)[:left]) or 0
        self._position += count
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def open_bytes(place: Stored) -> io.RawIOBase:
    """Open a file, or a part of one, for reading."""
    return RawFile(place) if isinstance(place, Path) else place.open()
