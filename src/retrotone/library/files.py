"""Files of music on disk: the places where tracks lie, what identifies a file, and what identifies its content."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

# Bytes read at each of CHUNKS positions for a content hash.
CHUNK = 1 << 16
CHUNKS = 4


@dataclass(frozen=True)
class Place:
    """Where a track lies: a file or, with a number, that track of the file's cue sheet.

    >>> str(Place("/music/album.flac", 2)), Place.from_name("/music/album.flac#2").number
    ('/music/album.flac#2', 2)
    """

    path: str
    number: int | None = None

    def __str__(self) -> str:
        return self.path if self.number is None else f"{self.path}#{self.number}"

    @classmethod
    def from_name(cls, name: str) -> Place:
        """Return the place of a name as `str` gives it; a file of that very name goes first."""
        match = None if os.path.exists(name) else re.fullmatch(r"(.+)#(\d+)", name, re.DOTALL)
        return cls(match[1], int(match[2])) if match else cls(name)

    def to_bytes(self) -> bytes:
        """Return the bytes that identify it in a catalogue. A path cannot hold the NUL before the number."""
        path = os.fsencode(self.path)
        return path if self.number is None else path + b"\0%03d" % self.number

    @classmethod
    def from_bytes(cls, data: bytes) -> Place:
        """Return the place that `to_bytes` encoded."""
        path, _, number = data.partition(b"\0")
        return cls(os.fsdecode(path), int(number) if number.isdigit() else None)


@dataclass(frozen=True)
class Part:
    """A track of a cue sheet.

    Attributes
    ----------
    number : int
        As the sheet counts.
    start : float
        In seconds from the start of the file.
    end : float or None
        In seconds from the start of the file; None for the end of the file.
    tags : dict of str to str
        What the sheet names of `records.TAGS`.
    """

    number: int
    start: float
    end: float | None
    tags: dict[str, str]


@dataclass(frozen=True)
class FoundFile:
    """A file with the suffix of a sound file, or a track of its cue sheet.

    Attributes
    ----------
    path : str
        Absolute.
    size, mtime_ns : int
        In bytes, and the time of the last change in nanoseconds; those of the cue sheet are included.
    part : Part or None
    """

    path: str
    size: int
    mtime_ns: int
    part: Part | None = None

    @classmethod
    def at(cls, path: str) -> FoundFile:
        """Return the file at a path; OSError if there is none."""
        status = os.stat(path)
        return cls(path, status.st_size, status.st_mtime_ns)

    @property
    def place(self) -> Place:
        """Where the track lies."""
        return Place(self.path, self.part.number if self.part else None)


def content_hash(file: FoundFile) -> bytes:
    """Return 16 bytes that identify a file's content: a hash of its size and of four chunks of 64 kB, evenly spaced.

    A moved or copied file keeps its hash; changed tags change it. That of a cue sheet's track depends on all that the
    sheet says of the track as well.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with open(file.path, "rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        digest = hashlib.blake2b(str(size).encode(), digest_size=16)
        last = max(size - CHUNK, 0)
        for start in sorted({last * index // (CHUNKS - 1) for index in range(CHUNKS)}):
            opened.seek(start)
            digest.update(opened.read(CHUNK))
    if file.part:
        digest.update(repr(file.part).encode("utf-8", "backslashreplace"))
    return digest.digest()
