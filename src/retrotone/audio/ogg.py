"""Give Ogg files a fixed serial number: encoders draw a random one, so that equal samples give unequal files.

The number stands in the header of every page, which the page's checksum covers. The checksum (CRC-32 with polynomial
0x04c11db7, bits not reflected, zero at the start and nothing at the end; RFC 3533, section 6) is linear over
GF(2): changing four bytes changes it by a value that depends on the change and on how many bytes follow, not
on what they are. So only the header of each page needs to be read.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

# any fixed number will do while a file holds one stream
SERIAL = 0x6F727465
POLYNOMIAL = 0x1_04C1_1DB7

# RFC 3533: "OggS", version, flags, position (8 bytes), serial, page number, checksum, count of segments
HEADER = struct.Struct("<4sBBQIIIB")
SERIAL_AT, CHECKSUM_AT = 14, 22


def fix_serial(path: Path, serial: int = SERIAL) -> None:
    """Rewrite the serial number of every page in place; for hours of music it takes a second.

    Parameters
    ----------
    path : Path
        An Ogg file that holds one stream.
    serial : int
        32 bits.

    Raises
    ------
    OSError
        The file cannot be written, or is not made of Ogg pages.
    """
    with path.open("r+b") as file:
        start = 0
        while header := file.read(HEADER.size):
            if len(header) < HEADER.size or header[:4] != b"OggS":
                raise OSError(f"no Ogg page at byte {start}")
            old, checksum, segments = (HEADER.unpack(header)[i] for i in (4, 6, 7))
            length = HEADER.size + segments + sum(file.read(segments))
            file.seek(start + SERIAL_AT)
            file.write(struct.pack("<I", serial))
            file.seek(start + CHECKSUM_AT)
            file.write(struct.pack("<I", checksum ^ _change(old ^ serial, length - SERIAL_AT)))
            start += length
            file.seek(start)


def _change(difference: int, remaining: int) -> int:
    """Return by what a checksum changes when `difference` is XORed in, `remaining` bytes from the end."""
    first_byte_highest = int.from_bytes(difference.to_bytes(4, "little"), "big")
    return _multiply(first_byte_highest, _shift(remaining))


@cache
def _shift(count: int) -> int:
    """Return x^(8 count) modulo the polynomial, by which `count` more bytes multiply the remainder."""
    if count == 0:
        return 1
    half = _shift(count // 2)
    square = _multiply(half, half)
    return _multiply(square, 1 << 8) if count % 2 else square


def _multiply(a: int, b: int) -> int:
    """Multiply two polynomials over GF(2), as bits, modulo the checksum's."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a >> 32:
            a ^= POLYNOMIAL
        b >>= 1
    return product
