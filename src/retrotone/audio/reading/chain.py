"""Ogg files that were joined, as a recording of radio is: one stream after the other, each with its own format.

Neither libsndfile nor FFmpeg reads on where the number of channels changes, so each link is read by itself.
RFC 3533: a page begins with "OggS"; the flags of the first page of a stream hold 2, those of the last page 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrotone.audio.reading.reader import ByteRange, Reader
from retrotone.audio.resampling import resampled
from retrotone.types import Block

FIRST_PAGE, LAST_PAGE = 2, 4
# "OggS", version, flags, position, serial, page number, checksum, count of segments
PAGE = struct.Struct("<4sBBqIIIB")


@dataclass
class Link:
    """One stream of an Ogg file, and whether its last page is there."""

    part: ByteRange
    whole: bool = False


def ogg_links(path: Path) -> list[Link]:
    """Return the streams that follow one another in an Ogg file; streams side by side are one link."""
    links: list[Link] = []
    size = path.stat().st_size
    with path.open("rb") as file:
        start, header_before = 0, False
        while len(head := file.read(PAGE.size)) == PAGE.size and head[:4] == b"OggS":
            flags, segments = head[5], head[-1]
            is_header = bool(flags & FIRST_PAGE)
            if is_header and not header_before:
                links.append(Link(ByteRange(path, start, size)))
                if len(links) > 1:
                    links[-2].part.stop = start
            header_before = is_header
            length = PAGE.size + segments + sum(file.read(segments))
            if links:
                links[-1].whole = bool(flags & LAST_PAGE) and start + length <= size
            start += length
            file.seek(start)
    return links


class Chain:
    """Readers one after the other, as one `Reader` of the most channels and one rate, by default the first one's."""

    def __init__(self, readers: Sequence[Reader], whole: bool, sample_rate: int | None = None) -> None:
        self._readers = readers
        self.layout = readers[0].layout if len(readers) == 1 else ()
        self.sample_rate = sample_rate or readers[0].sample_rate
        self.channels = max(reader.channels for reader in readers)
        self.frames = sum(map(self._length, readers))
        self.exact = all(reader.exact for reader in readers)
        self.promised: int | None = None
        self.whole = whole

    def _length(self, reader: Reader) -> int:
        return round(reader.frames * self.sample_rate / reader.sample_rate)

    def blocks(self, block_frames: int, start: int = 0) -> Iterator[Block]:
        """See `Reader.blocks`."""
        for reader in self._readers:
            length = self._length(reader)
            if start < length:
                first = round(start * reader.sample_rate / self.sample_rate)
                blocks = resampled(
                    reader.blocks(block_frames, first), reader.channels, reader.sample_rate, self.sample_rate
                )
                for block in blocks:
                    yield block if len(block) == self.channels else np.repeat(block, self.channels, axis=0)
            start = max(start - length, 0)
