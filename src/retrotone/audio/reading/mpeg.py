"""The header of an MP3 (Xing's, which LAME writes as well), to tell whether it speaks of this very file.

FFmpeg and libsndfile use it, or else an estimate, and do not say which. Layout: Gabriel Bouvigne, "MP3 Tag Rev 1
Specifications"; id3.org for the tags around the sound.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from retrotone.audio import ape

# the marker stands 36 bytes or less after the start of the first frame
HEADER_BYTES = 256
# Some encoders count their own header, others do not; some leave a part of a frame at the end. Beyond a share of the
# size, libsndfile's decoder writes warnings to the terminal.
SLACK_BYTES, SLACK_SHARE = 4096, 0.01
# of the flags of the header: frames are told, bytes are told
TOLD = 0b11


def xing_length(path: Path) -> tuple[int | None, bool]:
    """Return the length that a header promises, and whether the file is as large as it says.

    Returns
    -------
    frames : int or None
        Samples per channel, with what the encoder added at both ends; None without a header.
    fits : bool
        False if sound is missing, or follows the sound that the header speaks of; False without a header.
    """
    with path.open("rb") as file:
        start = after_id3(file)
        first = file.read(HEADER_BYTES)
        stop = _before_tags(file)
    at = max(first.find(b"Xing"), first.find(b"Info"))
    # the sync word of a frame: eleven bits
    if at < 0 or first[0] != 0xFF or first[1] >> 5 != 0b111 or first[at + 7] & TOLD != TOLD:
        return None, False
    frames, size = (int.from_bytes(first[at + n : at + n + 4], "big") for n in (8, 12))
    # a frame of MPEG 1 has 1152 samples, one of MPEG 2 and 2.5 has 576
    samples = 1152 if first[1] >> 3 & 0b11 == 0b11 else 576
    return frames * samples, abs(stop - start - size) <= min(SLACK_BYTES, SLACK_SHARE * size)


def after_id3(file: BinaryIO) -> int:
    """Move to the first byte after the ID3v2 tags, and return where that is."""
    start = 0
    while True:
        file.seek(start)
        head = file.read(10)
        if head[:3] != b"ID3" or len(head) < 10:
            file.seek(start)
            return start
        # the size stands in bytes of seven bits
        start += 10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))


def _before_tags(file: BinaryIO) -> int:
    """Return where the ID3v1 and APE tags at the end of a file begin."""
    stop = file.seek(0, os.SEEK_END)
    file.seek(max(stop - ape.ID3V1_BYTES, 0))
    if file.read(3) == b"TAG":
        stop -= ape.ID3V1_BYTES
    file.seek(max(stop - ape.FOOTER.size, 0))
    footer = file.read(ape.FOOTER.size)
    if footer.startswith(ape.MAGIC) and len(footer) == ape.FOOTER.size:
        # the size counts the footer
        _, _, size, _, flags = ape.FOOTER.unpack(footer)
        stop -= size + (ape.FOOTER.size if flags & ape.HAS_HEADER else 0)
    return stop
