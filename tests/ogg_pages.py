"""Pages of Ogg files, for tests that make or change them."""

from __future__ import annotations


def checksum(page: bytes) -> int:
    """CRC of RFC 3533, bit by bit as it is defined."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x1_04C1_1DB7 if register & 0x8000_0000 else 0)
    return register
