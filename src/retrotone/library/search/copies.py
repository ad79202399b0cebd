"""Copies of one recording: which of them to keep, and what the others take on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from retrotone.library.records import Track
from retrotone.utils.files import file_identity

# of formats that only exist without loss; those of .m4a, .caf, .mka and .wma are told by their bit rate
LOSSLESS = frozenset({
    ".wav", ".bwf", ".rf64", ".w64", ".aiff", ".aif", ".aifc", ".au", ".flac", ".ape", ".wv", ".tta", ".tak", ".dsf",
})  # fmt: skip
# kbit/s of the plain samples of a CD (IEC 60908: 2 channels, 16 bits, 44.1 kHz). A lossless file above that has finer
# samples; below, its bit rate only tells how well it is compressed.
CD_KBPS = 1411.2
# kbit/s; a file of a format that may be lossless has less only if it is not (AAC ends at 320, WMA at 384)
LOSSY_KBPS = 400.0
EITHER = frozenset({".m4a", ".mp4", ".caf", ".mka", ".wma", ".asf"})


def best_first(copies: Iterable[Track]) -> list[Track]:
    """Return copies of one recording, the one to keep first.

    What counts is, from the most important on: no damage, a lossless format, bit rate, length in seconds, how many of
    the tags there are, and then the smaller file.
    """
    return sorted(copies, key=_rank)


def kbps(track: Track) -> float:
    """Return the mean bit rate of a track's file in kbit/s, tags and cover included; 0 for a cue sheet's track."""
    return track.size * 8e-3 / track.duration if track.duration and track.number is None else 0.0


def is_lossless(track: Track) -> bool:
    """Return whether the format of a track's file keeps all of the sound."""
    suffix = os.path.splitext(track.path)[1].lower()
    return suffix in LOSSLESS or (suffix in EITHER and kbps(track) > LOSSY_KBPS)


def freed_bytes(copies: Sequence[Track]) -> int:
    """Return what deleting all copies but the first would free.

    Links to one file take nothing, and the file of a cue sheet's track holds other tracks as well.
    """
    # a file that is not there now, as on a disk that is not mounted, is known by its path
    sizes = {file_identity(track.path) or track.path: track.size for track in copies if track.number is None}
    sizes.pop(file_identity(copies[0].path) or copies[0].path, None)
    return sum(sizes.values())


def _rank(track: Track) -> tuple[object, ...]:
    lossless = is_lossless(track)
    rate = max(kbps(track), CD_KBPS) if lossless else kbps(track)
    tags = sum(map(bool, (track.title, track.artist, track.album, track.year, track.genre)))
    return (
        track.damage is not None,
        not lossless,
        -round(rate),
        -round(track.duration or 0.0),
        -tags,
        track.size,
        track.path,
    )
