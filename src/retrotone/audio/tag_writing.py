"""Put tags into sound files that are written already; the samples stay as they are."""

from __future__ import annotations

import base64
import os
import re
import struct
from pathlib import Path
from typing import BinaryIO

from retrotone.audio import id3, ogg
from retrotone.audio.tags import Tags
from retrotone.utils.files import replace_bytes

# names of the vocabulary -> Vorbis comments, where they are not the name in capitals
VORBIS_NAMES = {"track": "TRACKNUMBER", "disc": "DISCNUMBER"}
FIELD_NAME = re.compile(r"[ -<>-}]+")
# names of the vocabulary -> chunks of RIFF INFO, for players that know no ID3 in WAV, such as Windows' own
INFO_CHUNKS = {
    "title": b"INAM",
    "artist": b"IART",
    "album": b"IPRD",
    "track": b"IPRT",
    "date": b"ICRD",
    "genre": b"IGNR",
    "comment": b"ICMT",
}
# type of a picture, in ID3 and FLAC alike
FRONT_COVER = 3
# of FLAC (RFC 9639, section 8): where libsndfile writes the comments, types of blocks, and the largest block
COMMENTS_AT = len(b"fLaC") + 4 + 34
COMMENTS, PICTURE, LAST = 4, 6, 0x80
MOST_BLOCK_BYTES = (1 << 24) - 1


def write_tags(path: Path, kind: str, tags: Tags) -> None:
    """Put tags into a file that has none, in place.

    Parameters
    ----------
    path : Path
        As libsndfile wrote it.
    kind : {"WAV", "FLAC", "AIFF", "OGG", "MP3"}
        libsndfile's name of its format.
    tags : Tags

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with path.open("r+b") as file:
        # the numbers in an Ogg file change in any case
        if kind == "OGG":
            ogg.finish(file, _fields(tags) + _cover_field(tags))
        elif not tags:
            return
        elif kind == "FLAC":
            _write_flac(file, tags)
        elif kind == "MP3":
            replace_bytes(file, 0, 0, _id3(tags))
        else:
            _append_chunks(file, chunks(kind, tags), "<I" if kind == "WAV" else ">I")


def chunks(kind: str, tags: Tags) -> bytes:
    """Return what tags add to the end of a file of kind "WAV" or "AIFF"."""
    if kind == "AIFF":
        return _chunk(b"ID3 ", _id3(tags), ">I")
    texts = [(chunk, tags.text(name).encode() + b"\0") for name, chunk in INFO_CHUNKS.items() if tags[name]]
    info = b"INFO" + b"".join(_chunk(chunk, text, "<I") for chunk, text in texts)
    # the last one holds more, and goes before the other for those that read both
    return _chunk(b"LIST", info, "<I") + _chunk(b"id3 ", _id3(tags), "<I")


def _chunk(name: bytes, data: bytes, size_format: str) -> bytes:
    return name + struct.pack(size_format, len(data)) + data + bytes(len(data) % 2)


def _append_chunks(file: BinaryIO, data: bytes, size_format: str) -> None:
    """Append chunks to a WAV or AIFF, and count them in its header."""
    end = file.seek(0, os.SEEK_END)
    file.write(data)
    file.seek(4)
    file.write(struct.pack(size_format, end + len(data) - 8))


def _write_flac(file: BinaryIO, tags: Tags) -> None:
    file.seek(COMMENTS_AT)
    kind, *length = file.read(4)
    # of the last block before the sound the first bit is set
    if kind != COMMENTS | LAST:
        raise OSError("the comments are not where they were expected")
    end = COMMENTS_AT + 4 + int.from_bytes(length)
    blocks = [(COMMENTS, ogg.with_fields(file.read(end - file.tell()), _fields(tags)))]
    picture = _picture(tags)
    if tags.cover and len(picture) <= MOST_BLOCK_BYTES:
        blocks.append((PICTURE, picture))
    numbers = [*(number for number, _ in blocks[:-1]), blocks[-1][0] | LAST]
    parts = (
        bytes([number]) + len(block).to_bytes(3) + block for number, (_, block) in zip(numbers, blocks, strict=True)
    )
    replace_bytes(file, COMMENTS_AT, end, b"".join(parts))


def _id3(tags: Tags) -> bytes:
    return id3.encode(tags.values, tags.cover, tags.cover_type)


def _fields(tags: Tags) -> list[str]:
    """Return the texts as Vorbis comments."""
    named = {VORBIS_NAMES.get(name, name.upper()): texts for name, texts in tags.values.items()}
    return [f"{name}={text}" for name, texts in named.items() if FIELD_NAME.fullmatch(name) for text in texts]


def _cover_field(tags: Tags) -> list[str]:
    """Return the cover as a Vorbis comment (https://wiki.xiph.org/VorbisComment, "Cover art")."""
    return [f"METADATA_BLOCK_PICTURE={base64.b64encode(_picture(tags)).decode()}"] if tags.cover else []


def _picture(tags: Tags) -> bytes:
    """Return the cover as FLAC has it: with its kind and MIME type, without description and dimensions."""
    mime = tags.cover_type.encode()
    return struct.pack(f">II{len(mime)}sI16xI", FRONT_COVER, len(mime), mime, 0, len(tags.cover)) + tags.cover
