"""Tags of M4A files, in the boxes of iTunes: ISO/IEC 14496-12 and, for the tags, Apple's QuickTime File Format.

A box is its size, its name, and its content, often other boxes. Some hold the places of the sound in the file, which
change if the tags before it grow.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import BinaryIO

import numpy as np

HEADER = struct.Struct(">I4s")
TAGS = (b"udta", b"meta", b"ilst")
# what a box starts with where it is made: version and flags, and that its tags are those of iTunes
NEW = {b"meta": bytes(4) + HEADER.pack(33, b"hdlr") + bytes(8) + b"mdirappl" + bytes(9)}
# boxes that hold others down to those with the places of the sound, and the numbers in these
CONTAINERS, PLACES = (b"trak", b"mdia", b"minf", b"stbl"), {b"stco": ">u4", b"co64": ">u8"}
# holds places, too
ENCRYPTION = b"saio"
# kinds of values: UTF-8, whole number
TEXT, NUMBER = 1, 21
# boxes of names; other names go into boxes of the user's own texts
NAMES = {"genre": b"\xa9gen", "bpm": b"tmpo"}
FREE, FREE_SPACE = b"----", b"com.apple.iTunes"


def edited(file: BinaryIO, changes: Mapping[str, Sequence[str]]) -> list[tuple[int, int, bytes]]:
    """Return what changes in a file, as start, end and new bytes; names without texts are removed.

    Raises
    ------
    ValueError, struct.error
        The file is damaged, or of an unusual kind.
    """
    start, end = _find(file)
    file.seek(start + HEADER.size)
    old = file.read(end - start - HEADER.size)
    new = _with_edited(old, TAGS, lambda tags: _edited_tags(tags, changes))
    return [(start, end, _box(b"moov", _moved(new, end, len(new) - len(old))))]


def read_bpm(file: BinaryIO) -> str:
    """Return the tempo in a file's tags, which FFmpeg does not read; empty where there is none."""
    with suppress(ValueError, LookupError, struct.error):
        start, end = _find(file)
        file.seek(start + HEADER.size)
        content = file.read(end - start - HEADER.size)
        for name in (*TAGS, NAMES["bpm"], b"data"):
            content = dict(_boxes(content))[name][4 if name == b"meta" else 0 :]
        number = int.from_bytes(content[8:])
        return str(number) if number else ""
    return ""


def _find(file: BinaryIO) -> tuple[int, int]:
    """Return start and end of the box that describes the sound."""
    whole, position, found = file.seek(0, os.SEEK_END), 0, None
    while position < whole:
        file.seek(position)
        size, name = HEADER.unpack(file.read(HEADER.size))
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
        size = size or whole - position
        if name == b"moof":
            raise ValueError("it is in fragments")
        if name == b"moov":
            found = position, position + size
        position += max(size, HEADER.size)
    if found is None or position > whole:
        raise ValueError("it is cut or damaged")
    return found


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return names and contents of boxes; a few zeros may end them."""
    found, start = [], 0
    while start + HEADER.size <= len(data):
        size, name = HEADER.unpack_from(data, start)
        if not HEADER.size <= size <= len(data) - start:
            raise ValueError("its tags are damaged")
        found.append((name, data[start + HEADER.size : start + size]))
        start += size
    return found


def _box(name: bytes, content: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(content), name) + content


def _with_edited(data: bytes, path: Sequence[bytes], edit: Callable[[bytes], bytes]) -> bytes:
    """Return boxes with the content of the one at a path edited; it is made where it is missing."""
    if not path:
        return edit(data)
    name, *rest = path
    boxes = _boxes(data)
    names = [each for each, _ in boxes]
    if name not in names:
        boxes.append((name, NEW.get(name, b"")))
        names.append(name)
    index = names.index(name)
    content = boxes[index][1]
    if name == b"meta" and b"mdir" not in content:
        raise ValueError("its tags are of an unusual kind")
    before = content[:4] if name == b"meta" else b""
    boxes[index] = name, before + _with_edited(content[len(before) :], rest, edit)
    return b"".join(_box(*each) for each in boxes)


def _edited_tags(tags: bytes, changes: Mapping[str, Sequence[str]]) -> bytes:
    kept = [(name, content) for name, content in _boxes(tags) if _name(name, content) not in changes]
    for name, texts in changes.items():
        if not texts:
            continue
        value = struct.pack(">II", TEXT, 0) + "; ".join(texts).encode()
        if name == "bpm":
            value = struct.pack(">IIH", NUMBER, 0, round(float(texts[0])))
        free = b"" if name in NAMES else _box(b"mean", bytes(4) + FREE_SPACE) + _box(b"name", bytes(4) + name.encode())
        kept.append((NAMES.get(name, FREE), free + _box(b"data", value)))
    return b"".join(_box(*each) for each in kept)


def _name(box: bytes, content: bytes) -> str:
    """Return the name of a tag in the vocabulary of `retrotone.audio.tags`, empty where it has none."""
    if box == FREE:
        return dict(_boxes(content)).get(b"name", b"")[4:].decode("utf-8", "replace").lower()
    return next((name for name, each in NAMES.items() if each == box), "")


def _moved(data: bytes, end: int, change: int) -> bytes:
    """Return boxes in which the sound from `end` on is moved by some bytes."""
    moved = []
    for name, content in _boxes(data):
        if name in CONTAINERS:
            content = _moved(content, end, change)
        elif name in PLACES:
            # after version, flags and count
            places = np.frombuffer(content[8:], PLACES[name]).astype(np.int64)
            places += np.where(places >= end, change, 0)
            if name == b"stco" and places.max(initial=0) >= 1 << 32:
                raise ValueError("it is too long")
            content = content[:8] + places.astype(PLACES[name]).tobytes()
        elif name == ENCRYPTION:
            raise ValueError("it is encrypted")
        moved.append(_box(name, content))
    return b"".join(moved)
