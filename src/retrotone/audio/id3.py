"""ID3v2 tags: written in version 2.4, and read where a text has several values, of which FFmpeg gives the first.

https://id3.org/id3v2.4.0-structure and https://id3.org/id3v2.4.0-frames
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

# names of the vocabulary of `retrotone.audio.tags` -> frames; other names go into frames of the user's own texts
FRAMES = {
    "title": "TIT2",
    "artist": "TPE1",
    "album": "TALB",
    "albumartist": "TPE2",
    "track": "TRCK",
    "disc": "TPOS",
    "date": "TDRC",
    "originaldate": "TDOR",
    "genre": "TCON",
    "composer": "TCOM",
    "lyricist": "TEXT",
    "publisher": "TPUB",
    "copyright": "TCOP",
    "bpm": "TBPM",
    "initialkey": "TKEY",
    "mood": "TMOO",
    "isrc": "TSRC",
}
# frames that begin with a language and a short description
LONG_TEXTS = {"comment": "COMM", "lyrics": "USLT"}
# by their codes
ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
UTF8 = b"\x03"
FRONT_COVER = b"\x03"

# how the sizes of chunks are written
CHUNK_SIZES = {b"RIFF": "<I", b"FORM": ">I"}
# identifier, version, flags, size
HEADER = struct.Struct(">3sHB4s")
# identifier, size, flags
FRAME = struct.Struct(">4s4sH")


def encode(values: Mapping[str, Sequence[str]], cover: bytes, cover_type: str) -> bytes:
    """Return an ID3v2.4 tag.

    Parameters
    ----------
    values : mapping of str to sequence of str
        By the names of `retrotone.audio.tags.Tags`. Several comments become one, a line each, since most players show
        one.
    cover : bytes
        A picture, or nothing.
    cover_type : str
        Its MIME type.
    """
    encoded = []
    for name, texts in values.items():
        if name in LONG_TEXTS:
            encoded.append((LONG_TEXTS[name], UTF8 + b"und\0" + "\n".join(texts).encode()))
        elif name in FRAMES:
            encoded.append((FRAMES[name], UTF8 + "\0".join(texts).encode()))
        else:
            encoded.append(("TXXX", UTF8 + "\0".join((name, *texts)).encode()))
    if cover:
        encoded.append(("APIC", UTF8 + cover_type.encode() + b"\0" + FRONT_COVER + b"\0" + cover))
    body = b"".join(FRAME.pack(name.encode(), syncsafe(len(data)), 0) + data for name, data in encoded)
    return HEADER.pack(b"ID3", 0x0400, 0, syncsafe(len(body))) + body


def precedes_mp3(file: BinaryIO) -> bool:
    """Return whether a file is a tag and, right behind it, a frame of MPEG layer 3."""
    file.seek(0)
    header = file.read(HEADER.size)
    if header[:3] != b"ID3" or len(header) < HEADER.size:
        return False
    file.seek(plain(header[6:]), os.SEEK_CUR)
    frame = file.read(2)
    # eleven bits are the frame's mark, two the layer
    return len(frame) == 2 and frame[0] == 0xFF and frame[1] & 0xE6 == 0xE2


def read_lists(file: BinaryIO) -> dict[str, str]:
    """Return the text frames of a file's tag that have several values, joined by NUL.

    Parameters
    ----------
    file : binary file
        Of any format; the tag is looked for at its start, and in the chunks of a WAV or AIFF.

    Returns
    -------
    dict of str to str
        By the frames' identifiers, such as "TPE1".
    """
    found: dict[str, list[str]] = {}
    for name, data in _read_frames(file):
        if name[0] == "T" and name != "TXXX" and data[0] < len(ENCODINGS):
            text = data[1:].decode(ENCODINGS[data[0]], "replace")
            found.setdefault(name, []).extend(value.lstrip("\ufeff") for value in text.split("\0") if value)
    return {name: "\0".join(values) for name, values in found.items() if len(values) > 1}


def read_popularity(file: BinaryIO) -> tuple[int, int]:
    """Return the rating, 1 to 255, and the number of times played of a file's tag; 0 for what it does not say."""
    for name, data in _read_frames(file):
        # an address ends with NUL, then the rating is a byte and the rest the counter
        _, _, numbers = data.partition(b"\0")
        if name == "POPM" and numbers:
            return numbers[0], int.from_bytes(numbers[1:])
    return 0, 0


def _read_frames(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Yield identifiers and contents of the frames of a file's tag that have any, and no flags."""
    file.seek(_tag_position(file))
    header = file.read(HEADER.size)
    if len(header) < HEADER.size:
        return
    magic, version, flags, size = HEADER.unpack(header)
    # version 2.2 has other frames; flags change the layout, and are rare
    if magic == b"ID3" and version >> 8 in (3, 4) and not flags:
        for name, frame_flags, data in frames(file.read(plain(size)), version >> 8):
            if data and not frame_flags:
                yield name, data


def _tag_position(file: BinaryIO) -> int:
    """Return where a tag begins if there is one."""
    file.seek(0)
    size_format = CHUNK_SIZES.get(file.read(4))
    if size_format is None:
        return 0
    # after the size of the file and its kind come chunks
    file.seek(12)
    while len(header := file.read(8)) == 8:
        if header[:4].upper() == b"ID3 ":
            break
        (size,) = struct.unpack(size_format, header[4:])
        file.seek(size + size % 2, os.SEEK_CUR)
    return file.tell()


def frames(body: bytes, version: int) -> Iterator[tuple[str, int, bytes]]:
    """Yield identifier, flags and content of the whole frames of a tag of version 3 or 4."""
    start = 0
    while re.match(rb"[A-Z][A-Z0-9]{3}", body[start : start + 4]) and start + FRAME.size < len(body):
        name, size, flags = FRAME.unpack_from(body, start)
        start += FRAME.size
        length = int.from_bytes(size) if version == 3 else plain(size)
        # some programs write plain sizes into version 2.4: then the next frame does not begin where it should
        if not re.match(rb"[A-Z][A-Z0-9]{3}|\0|$", body[start + length : start + length + 4]):
            length = int.from_bytes(size)
        if start + length > len(body):
            return
        yield name.decode(), flags, body[start : start + length]
        start += length


def syncsafe(size: int) -> bytes:
    """Return a size as four bytes of seven bits."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def plain(size: bytes) -> int:
    """Return the size that `syncsafe` wrote."""
    return sum((byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))
