"""Change some tags of sound files that people have; all else in the file, its sound first of all, stays as it is."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from retrotone.audio import ape, asf, id3, mp4, ogg
from retrotone.audio.tag_writing import COMMENTS, LAST, VORBIS_NAMES
from retrotone.errors import OutputError
from retrotone.utils.files import MOVED_BYTES, writing
from retrotone.utils.temporary import temporary_beside

# values of some names; none remove the name
Changes = Mapping[str, Sequence[str]]
# FLAC's block that fills space (RFC 9639, section 8.3), and the bytes that are left free for other changes
PADDING, ROOM = 1, 4096
# chunk with an ID3 tag, order of the bytes of sizes, kinds of files (https://www.iana.org/assignments/wave-avi-codec-
# registry and Apple's AIFF-C specification)
CHUNKED = {b"RIFF": (b"id3 ", "<I", (b"WAVE",)), b"FORM": (b"ID3 ", ">I", (b"AIFF", b"AIFC"))}
# ID3 2.3 has no frame for it
ONLY_IN_24 = ("mood",)


class Splice(NamedTuple):
    """New bytes for those of a file from start to end."""

    start: int
    end: int
    data: bytes


def edit_tags(path: str | os.PathLike[str], changes: Changes) -> None:
    """Set or remove some tags of a FLAC, MP3, Ogg Vorbis, Opus, WAV, AIFF, M4A, WMA, APE or WavPack file.

    The file is written anew beside the old one and takes its place as a whole.

    Parameters
    ----------
    path : path-like
    changes : mapping of str to sequence of str
        By the names of `retrotone.audio.tags.Tags`; names without values are removed.

    Raises
    ------
    OutputError
        Another format, an unusual tag, no permission, full disk.
    """
    path = Path(os.path.realpath(path))
    with writing(path), path.open("rb") as file:
        magic = file.read(12)
        try:
            splices = _splices(file, magic, changes)
            serial = ogg.serial_of(file) if magic[:4] == b"OggS" else None
        except (ValueError, IndexError, struct.error) as error:
            raise OutputError(f"{path} has tags that cannot be changed ({error}): change them by hand") from error
        with temporary_beside(path) as temporary:
            with temporary.open("r+b") as new:
                _copy(file, new, splices)
                if serial is not None:
                    ogg.finish(new, serial=serial)
            shutil.copymode(path, temporary)
            temporary.replace(path)


def _splices(file: BinaryIO, magic: bytes, changes: Changes) -> list[Splice]:
    """Return what changes in a file; ValueError if its format is not known."""
    if magic[:4] == b"fLaC":
        return [_flac(file, changes)]
    if magic[:4] == b"OggS":
        start, end, data = ogg.edited_headers(file, lambda comments: _edited_comments(comments, changes))
        return [Splice(start, end, data)]
    if magic[:4] in CHUNKED and magic[8:] in CHUNKED[magic[:4]][2]:
        return _chunks(file, *CHUNKED[magic[:4]][:2], changes)
    if magic[4:8] == b"ftyp":
        return [Splice(*each) for each in mp4.edited(file, changes)]
    if magic == asf.HEADER[:12]:
        return [Splice(*each) for each in asf.edited(file, changes)]
    if magic[:4] in (b"MAC ", b"wvpk"):
        return [Splice(*ape.edited(file, changes))]
    # eleven bits are the mark of a frame of MPEG audio
    if magic[:3] == b"ID3" or (magic[0] == 0xFF and magic[1] & 0xE0 == 0xE0):
        file.seek(0)
        size = id3.HEADER.size + id3.plain(magic[6:10]) if magic[:3] == b"ID3" else 0
        return [Splice(0, size, _edited_id3(file.read(size), changes))]
    raise ValueError("only FLAC, MP3, Ogg, WAV, AIFF, M4A, WMA, APE and WavPack are known")


def _copy(old: BinaryIO, new: BinaryIO, splices: Sequence[Splice]) -> None:
    position = 0
    for start, end, data in sorted(splices):
        old.seek(position)
        while position < start:
            position += new.write(old.read(min(MOVED_BYTES, start - position)))
        new.write(data)
        position = end
    old.seek(position)
    shutil.copyfileobj(old, new, MOVED_BYTES)


def _flac(file: BinaryIO, changes: Changes) -> Splice:
    """Return the blocks before the sound anew, with the padding that keeps their size where it is enough."""
    file.seek(4)
    blocks, last = [], False
    while not last:
        kind, *length = file.read(4)
        last, kind = bool(kind & LAST), kind & ~LAST
        blocks.append((kind, file.read(int.from_bytes(length))))
    end = file.tell()
    if COMMENTS not in dict(blocks):
        blocks.append((COMMENTS, struct.pack("<II", 0, 0)))
    kept = [
        (kind, _edited_comments(data, changes) if kind == COMMENTS else data)
        for kind, data in blocks
        if kind != PADDING
    ]
    free = end - 4 - sum(4 + len(data) for _, data in kept)
    if free:
        kept.append((PADDING, bytes(free - 4 if free >= 4 else ROOM)))
    marks = [kind | (LAST if index == len(kept) - 1 else 0) for index, (kind, _) in enumerate(kept)]
    parts = [bytes([mark]) + len(data).to_bytes(3) + data for mark, (_, data) in zip(marks, kept, strict=True)]
    return Splice(4, end, b"".join(parts))


def _edited_comments(comments: bytes, changes: Changes) -> bytes:
    """Return a Vorbis comment with some fields changed."""
    named = {VORBIS_NAMES.get(name, name.upper()): texts for name, texts in changes.items()}
    return ogg.with_fields(comments, [f"{name}={text}" for name, texts in named.items() for text in texts], named)


def _chunks(file: BinaryIO, name: bytes, size_format: str, changes: Changes) -> list[Splice]:
    """Return what changes in a WAV or AIFF: its chunk with an ID3 tag, and the size in its header."""
    file.seek(4)
    (promised,) = struct.unpack(size_format, file.read(4))
    whole = file.seek(0, os.SEEK_END)
    if promised + 8 != whole:
        raise ValueError("the size in its header is wrong")
    position, tag = 12, b""
    while position < whole:
        file.seek(position)
        kind, size = struct.unpack(f"{size_format[0]}4sI", file.read(8))
        end = position + 8 + size + size % 2
        if kind.lower() == name.lower():
            tag = file.read(size)
            break
        position = end
    else:
        end = position = whole
    data = _edited_id3(tag, changes)
    chunk = name + struct.pack(size_format, len(data)) + data + bytes(len(data) % 2)
    size = struct.pack(size_format, promised + len(chunk) - (end - position))
    return [Splice(4, 8, size), Splice(position, end, chunk)]


def _edited_id3(tag: bytes, changes: Changes) -> bytes:
    """Return an ID3 tag, or nothing, with some texts changed; its size stays where that is enough."""
    version, body = 4, b""
    if tag:
        _, number, flags, _ = id3.HEADER.unpack_from(tag)
        version, body = number >> 8, tag[id3.HEADER.size :]
        if version not in (3, 4) or flags:
            raise ValueError("its ID3 tag is of an old or unusual kind")
    frames = {name: id3.FRAMES[name] for name in changes if name in id3.FRAMES}
    if version == 3:
        frames = {name: frame for name, frame in frames.items() if name not in ONLY_IN_24}
    old = list(id3.frames(body, version))
    if body[sum(id3.FRAME.size + len(data) for _, _, data in old) :].strip(b"\0"):
        raise ValueError("its ID3 tag is damaged")
    kept = [
        (name, flags, data)
        for name, flags, data in old
        if name not in frames.values() and not (name == "TXXX" and _description(data) in changes)
    ]
    for name, texts in changes.items():
        if texts:
            described = "" if name in frames else name.upper()
            kept.append((frames.get(name, "TXXX"), 0, _text(described, texts, version)))
    encoded = b"".join(
        id3.FRAME.pack(name.encode(), len(data).to_bytes(4) if version == 3 else id3.syncsafe(len(data)), flags) + data
        for name, flags, data in kept
    )
    padding = len(body) - len(encoded) if len(body) >= len(encoded) else ROOM
    size = id3.syncsafe(len(encoded) + padding)
    return id3.HEADER.pack(b"ID3", version << 8, 0, size) + encoded + bytes(padding)


def _text(name: str, values: Sequence[str], version: int) -> bytes:
    """Return the content of a text frame; `name` is that of a user's text, else empty.

    It is UTF-8 in version 2.4. In 2.3 it is UTF-16, each text with a mark of the order of bytes, and several values
    are one.
    """
    if version == 4:
        return id3.UTF8 + "\0".join([name, *values] if name else values).encode()
    text = "; ".join(values).encode("utf-16")
    return b"\x01" + (name.encode("utf-16") + b"\0\0" if name else b"") + text


def _description(data: bytes) -> str:
    """Return the name of a user's text in lower case."""
    encoding = id3.ENCODINGS[data[0]] if data and data[0] < len(id3.ENCODINGS) else "latin-1"
    return data[1:].decode(encoding, "replace").split("\0")[0].lstrip("\ufeff").lower()
