"""APEv2 tags, which lie at the end of APE, WavPack and some MP3 files.

https://wiki.hydrogenaud.io/index.php?title=APEv2_specification
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple

# "APETAGEX", version, size of items and footer, number of items, flags, 8 bytes reserved
FOOTER = struct.Struct("<8sIIII8x")
MAGIC, VERSION = b"APETAGEX", 2000
# flags: the tag has a header, and this is the header; of an item, the bits that are 0 for text
HAS_HEADER, IS_HEADER, KIND = 1 << 31, 1 << 29, 6
# size and flags of an item; its name, a NUL and its value follow
ITEM = struct.Struct("<II")
ID3V1_BYTES = 128


class Item(NamedTuple):
    """An item of a tag; several texts are divided by NUL."""

    name: bytes
    flags: int
    value: bytes


def read_texts(file: BinaryIO) -> list[tuple[str, str]]:
    """Return the names and texts of a file's tag, none if it is damaged; bytes that are not UTF-8 are surrogates."""
    with suppress(ValueError, struct.error):
        return [
            (item.name.decode("ascii", "replace"), item.value.decode("utf-8", "surrogateescape"))
            for item in _read(file)[2]
            if not item.flags & KIND
        ]
    return []


def edited(file: BinaryIO, changes: Mapping[str, Sequence[str]]) -> tuple[int, int, bytes]:
    """Return start and end of a file's tag, and the tag with some texts changed; names without texts are removed."""
    start, end, items = _read(file)
    named = {name.upper().encode(): texts for name, texts in changes.items()}
    kept = [item for item in items if item.name.upper() not in named]
    kept += [Item(name, 0, "\0".join(texts).encode()) for name, texts in named.items() if texts]
    data = b"".join(ITEM.pack(len(value), flags) + name + b"\0" + value for name, flags, value in kept)
    header, footer = (
        FOOTER.pack(MAGIC, VERSION, len(data) + FOOTER.size, len(kept), flags)
        for flags in (HAS_HEADER | IS_HEADER, HAS_HEADER)
    )
    return start, end, header + data + footer if kept else b""


def _read(file: BinaryIO) -> tuple[int, int, list[Item]]:
    """Return start, end and items of a file's tag; where there is none, a tag belongs between start and end."""
    end = file.seek(0, os.SEEK_END)
    if end >= ID3V1_BYTES:
        file.seek(end - ID3V1_BYTES)
        end -= ID3V1_BYTES if file.read(3) == b"TAG" else 0
    file.seek(max(end - FOOTER.size, 0))
    footer = file.read(FOOTER.size)
    if len(footer) < FOOTER.size or not footer.startswith(MAGIC):
        return end, end, []
    _, _, length, count, flags = FOOTER.unpack(footer)
    if not FOOTER.size <= length <= end:
        raise ValueError("its APE tag is damaged")
    file.seek(end - length)
    left, items = file.read(length - FOOTER.size), []
    for _ in range(count):
        size, item_flags = ITEM.unpack_from(left)
        name, _, left = left[ITEM.size :].partition(b"\0")
        items.append(Item(name, item_flags, left[:size]))
        left = left[size:]
    return end - length - (FOOTER.size if flags & HAS_HEADER else 0), end, items
