"""Tags of WMA files: Microsoft, Advanced Systems Format Specification 1.20, sections 3.1, 3.2 and 3.11."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import BinaryIO
from uuid import UUID

# kind and size of an object; those of the first one are followed by the number of objects in it
OBJECT, FIRST = struct.Struct("<16sQ"), struct.Struct("<16sQIH")
HEADER, FILE, TAGS = (
    UUID(text).bytes_le
    for text in (
        "75B22630-668E-11CF-A6D9-00AA0062CE6C",
        "8CABDCA1-A947-11CF-8EE4-00C00C205365",
        "D2D0A440-E307-11D2-97F0-00A0C95EA850",
    )
)
# of the properties of the file: where its size stands
SIZE_AT = 16
TEXT = 0
NAMES = {"bpm": "WM/BeatsPerMinute", "initialkey": "WM/InitialKey", "genre": "WM/Genre", "mood": "WM/Mood"}


def edited(file: BinaryIO, changes: Mapping[str, Sequence[str]]) -> list[tuple[int, int, bytes]]:
    """Return what changes in a file, as start, end and new bytes; names without texts are removed.

    Raises
    ------
    ValueError, struct.error
        The file is damaged.
    """
    file.seek(0)
    _, end, count, reserved = FIRST.unpack(file.read(FIRST.size))
    old = _objects(file.read(end - FIRST.size))
    if len(old) != count:
        raise ValueError("its header is damaged")
    if TAGS not in dict(old):
        old.append((TAGS, struct.pack("<H", 0)))
    new = [(kind, _edited_tags(data, changes) if kind == TAGS else data) for kind, data in old]
    size = FIRST.size + sum(OBJECT.size + len(data) for _, data in new)
    parts = [FIRST.pack(HEADER, size, len(new), reserved)]
    for kind, data in new:
        if kind == FILE:
            (promised,) = struct.unpack_from("<Q", data, SIZE_AT)
            data = data[:SIZE_AT] + struct.pack("<Q", promised + size - end) + data[SIZE_AT + 8 :]
        parts.append(OBJECT.pack(kind, OBJECT.size + len(data)) + data)
    return [(0, end, b"".join(parts))]


def _objects(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return kinds and contents of objects."""
    found, start = [], 0
    while start < len(data):
        kind, size = OBJECT.unpack_from(data, start)
        if not OBJECT.size <= size <= len(data) - start:
            raise ValueError("its header is damaged")
        found.append((kind, data[start + OBJECT.size : start + size]))
        start += size
    return found


def _edited_tags(data: bytes, changes: Mapping[str, Sequence[str]]) -> bytes:
    named = {NAMES.get(name, name.upper()): texts for name, texts in changes.items()}
    removed = {name.lower() for name in named}
    (count,) = struct.unpack_from("<H", data)
    kept, start = [], 2
    for _ in range(count):
        (name_length,) = struct.unpack_from("<H", data, start)
        (length,) = struct.unpack_from("<H", data, start + 4 + name_length)
        end = start + 6 + name_length + length
        if end > len(data):
            raise ValueError("its tags are damaged")
        if data[start + 2 : start + 2 + name_length].decode("utf-16-le").rstrip("\0").lower() not in removed:
            kept.append(data[start:end])
        start = end
    for name, texts in named.items():
        if texts:
            encoded, value = (f"{text}\0".encode("utf-16-le") for text in (name, "; ".join(texts)))
            parts = struct.pack("<H", len(encoded)) + encoded, struct.pack("<HH", TEXT, len(value)) + value
            kept.append(b"".join(parts))
    return struct.pack("<H", len(kept)) + b"".join(kept)
