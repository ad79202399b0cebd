"""How much sound the header of a WAV, Wave64 or CAF file promises; both decoders tell only what is there.

Layouts: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0"; Sony, "Sony Wave64"; Apple,
"Core Audio Format Specification 1.0".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Where chunks begin, what stands before each, how its size counts, and to what it is padded."""

    start: int
    header: struct.Struct
    counts_itself: bool
    alignment: int


# FFmpeg's names of the formats
LAYOUTS = {
    "wav": Layout(12, struct.Struct("<4sI"), False, 2),
    "w64": Layout(40, struct.Struct("<4s12xQ"), True, 8),
    "caf": Layout(8, struct.Struct(">4sQ"), False, 1),
}
# programs that write to a pipe leave a number near this one, or near the largest that fits
STREAMED = 0x7FFF_0000


def promised_bytes(path: Path, kind: str) -> int | None:
    """Return the size of the chunk that holds the sound; None if it is not told, or the format is another.

    Parameters
    ----------
    path : Path
    kind : str
        FFmpeg's name of the format.
    """
    layout = LAYOUTS.get(kind)
    if layout is None:
        return None
    with path.open("rb") as file:
        start, end = layout.start, path.stat().st_size
        while start < end:
            file.seek(start)
            head = file.read(layout.header.size)
            if len(head) < layout.header.size:
                return None
            name, size = layout.header.unpack(head)
            size = max(size - layout.header.size, 0) if layout.counts_itself else size
            if name == b"data":
                known = 0 < size < (STREAMED if kind == "wav" else 1 << 62)
                return size if known else None
            start += layout.header.size + size
            start += -start % layout.alignment
    return None
