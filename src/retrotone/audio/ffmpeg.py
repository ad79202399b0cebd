"""Decode M4A, AAC and WMA by FFmpeg, through PyAV (the ``ffmpeg`` extra)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from retrotone.errors import AudioError, MissingExtraError
from retrotone.types import Block

# FFmpeg decodes some 1024 frames at a time; joined into blocks of at least this many they are processed faster
MIN_BLOCK_FRAMES = 1 << 18
# time that a lossy decoder is given to settle after a seek
SETTLING_SECONDS = 0.25


def probe(path: Path) -> tuple[int, int, int]:
    """Return sample rate in Hz, channels and frames of a file, by its header.

    Raises
    ------
    AudioError
        Not a sound file.
    MissingExtraError
        PyAV is not installed.
    """
    av = _import_av(path)
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = container.streams.audio[0]
            rate, channels = int(stream.rate), int(stream.channels)
            if stream.duration:
                seconds = float(stream.duration * stream.time_base)
            else:
                seconds = (container.duration or 0) / 1e6
            return rate, channels, max(round(seconds * rate), 1)
    except (av.FFmpegError, IndexError, AttributeError, TypeError, ValueError) as error:
        raise AudioError(f"{path} is not a sound file that can be decoded: convert it to WAV or FLAC") from error


def decode(path: Path, start: float = 0.0) -> Iterator[Block]:
    """Yield the samples of a file from a time in seconds on, in blocks of shape (channels, n).

    Raises
    ------
    AudioError
        The file is damaged.
    MissingExtraError
        PyAV is not installed.
    """
    av = _import_av(path)
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
            parts: list[Block] = []
            held, skip = 0, -1
            if start:
                container.seek(round(max(start - SETTLING_SECONDS, 0) * av.time_base))
            for frame in container.decode(stream):
                # a seek lands on an earlier packet: the time of the first frame says how much to skip
                if skip < 0:
                    skip = max(round((start - frame.time) * stream.rate), 0) if start else 0
                for part in resampler.resample(frame):
                    parts.append(part.to_ndarray())
                    held += part.samples
                if held >= MIN_BLOCK_FRAMES:
                    yield np.concatenate(parts, axis=1)[:, skip:]
                    parts, held, skip = [], 0, max(skip - held, 0)
            if parts:
                yield np.concatenate(parts, axis=1)[:, skip:]
    except (av.FFmpegError, IndexError, AttributeError, TypeError, ValueError) as error:
        raise AudioError(f"{path} is damaged and cannot be decoded: export it again") from error


def _import_av(path: Path):  # type: ignore[no-untyped-def]
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(
            f"{path.suffix} files need the ffmpeg extra: pip install 'retrotone[ffmpeg]'"
        ) from error
    return av
