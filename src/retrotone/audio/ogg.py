"""Put tags into Ogg files, and give them a fixed serial number: encoders draw a random one, so that equal samples would
give unequal files.

A file is a sequence of pages, each with the serial number of its stream, its own number and a checksum (RFC 3533,
section 6). The first packets of a stream are headers and the second of these holds the tags: RFC 7845, section 5, for
Opus, and for Vorbis https://xiph.org/vorbis/doc/Vorbis_I_spec.html, section 4.2. Audio begins on a page of its own.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Container, Iterator, Sequence
from typing import BinaryIO

from retrotone.utils.files import replace_bytes

# any fixed number will do while a file holds one stream
SERIAL = 0x6F727465

# "OggS", version, flags, position (8 bytes), serial, page number, checksum, count of segments
HEADER = struct.Struct("<4sBBQIIIB")
SERIAL_AT, CHECKSUM_AT = 14, 22
CONTINUED = 1
FULL_SEGMENT, MOST_SEGMENTS = 255, 255
# of a page on which no packet ends
NO_POSITION = 0xFFFF_FFFF_FFFF_FFFF
# by the first 8 bytes of a stream: how many packets are headers, and what the one with the tags begins with
CODECS = {b"OpusHead": (2, b"OpusTags"), b"\x01vorbis\0": (3, b"\x03vorbis")}
# the checksum is the CRC-32 of zlib but for the order of the bits in each byte and in the result
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def finish(file: BinaryIO, fields: Sequence[str] = (), serial: int = SERIAL) -> None:
    """Add fields to the tags of an Ogg file, and number its pages anew, in place.

    Parameters
    ----------
    file : binary file
        Open for reading and writing; it holds one stream, of Vorbis or Opus.
    fields : sequence of str
        Such as "ARTIST=Somebody".
    serial : int
        32 bits.

    Raises
    ------
    OSError
        The file cannot be written, or is not such a file.
    """
    if fields:
        replace_bytes(file, *edited_headers(file, lambda comments: with_fields(comments, fields)))
    file.seek(0)
    for number, page in enumerate(_pages(file)):
        struct.pack_into("<III", page, SERIAL_AT, serial, number, 0)
        struct.pack_into("<I", page, CHECKSUM_AT, _checksum(page))
        file.seek(-len(page), os.SEEK_CUR)
        file.write(page)


def with_fields(comments: bytes, fields: Sequence[str], replaced: Container[str] = ()) -> bytes:
    """Add fields to a Vorbis comment (https://xiph.org/vorbis/doc/v-comment.html), before those that it has.

    Fields of the names `replaced`, in capitals, are left out.
    """
    (vendor_length,) = struct.unpack_from("<I", comments)
    start = 4 + vendor_length
    (count,) = struct.unpack_from("<I", comments, start)
    listed, position = [field.encode() for field in fields], start + 4
    for _ in range(count):
        (length,) = struct.unpack_from("<I", comments, position)
        field = comments[position + 4 : position + 4 + length]
        position += 4 + length
        if field.partition(b"=")[0].decode("ascii", "replace").upper() not in replaced:
            listed.append(field)
    data = b"".join(struct.pack("<I", len(field)) + field for field in listed)
    # after the fields of Vorbis comes a bit that ends them
    return comments[:start] + struct.pack("<I", len(listed)) + data + comments[position:]


def serial_of(file: BinaryIO) -> int:
    """Return the serial number of the only stream of a file; ValueError if it holds several."""
    file.seek(0)
    serials = {int(HEADER.unpack_from(page)[4]) for page in _pages(file)}
    if len(serials) != 1:
        raise ValueError("it holds several streams")
    return serials.pop()


def edited_headers(file: BinaryIO, edit: Callable[[bytes], bytes]) -> tuple[int, int, bytes]:
    """Return start, end and new content of the pages that hold the tags.

    Their numbers and checksums are left to `finish`.

    Parameters
    ----------
    file : binary file
    edit : callable
        Takes the comments, as `with_fields` does, and returns the new ones.

    Raises
    ------
    OSError
        It is neither Vorbis nor Opus.
    """
    file.seek(0)
    first = next(_pages(file), b"")
    # the first page holds the first packet alone, in one segment
    codec = bytes(first[HEADER.size + 1 :][:8])
    if codec not in CODECS:
        raise OSError("neither Vorbis nor Opus")
    count, magic = CODECS[codec]
    packets = _packets(file, count - 1)
    packets[0] = magic + edit(packets[0].removeprefix(magic))
    return len(first), file.tell(), b"".join(_paged(packets))


def _pages(file: BinaryIO) -> Iterator[bytearray]:
    """Yield the pages from the file's position on."""
    while header := file.read(HEADER.size):
        if len(header) < HEADER.size or header[:4] != b"OggS":
            raise OSError(f"no Ogg page at byte {file.tell() - len(header)}")
        segments = file.read(header[-1])
        yield bytearray(header + segments + file.read(sum(segments)))


def _packets(file: BinaryIO, count: int) -> list[bytes]:
    """Return the next packets, of which the last ends a page."""
    packets, packet = [], b""
    for page in _pages(file):
        start = HEADER.size + page[HEADER.size - 1]
        for size in page[HEADER.size : start]:
            packet += page[start : start + size]
            start += size
            if size < FULL_SEGMENT:
                packets.append(packet)
                packet = b""
        if len(packets) >= count:
            break
    return packets


def _paged(packets: Sequence[bytes]) -> Iterator[bytes]:
    """Yield pages of packets that hold no audio."""
    body = b"".join(packets)
    sizes = b"".join(
        bytes([FULL_SEGMENT]) * (len(packet) // FULL_SEGMENT) + bytes([len(packet) % FULL_SEGMENT])
        for packet in packets
    )
    continued = False
    for start in range(0, len(sizes), MOST_SEGMENTS):
        segments = sizes[start : start + MOST_SEGMENTS]
        position = 0 if min(segments) < FULL_SEGMENT else NO_POSITION
        header = HEADER.pack(b"OggS", 0, CONTINUED if continued else 0, position, 0, 0, 0, len(segments))
        yield header + segments + body[: sum(segments)]
        body = body[sum(segments) :]
        continued = segments[-1] == FULL_SEGMENT


def _checksum(page: bytearray) -> int:
    """Return the checksum of a page whose own checksum is zero."""
    # zlib inverts the register at the start and at the end, Ogg does not
    reflected = zlib.crc32(page.translate(REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{reflected:032b}"[::-1], 2)
