"""Decode by libsndfile: WAV, AIFF, FLAC, MP3, Ogg Vorbis and others, where their header is right."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import soundfile

from retrotone.audio.reading.reader import Stored, open_bytes
from retrotone.errors import AudioError
from retrotone.types import Block


class LibsndfileReader:
    """See `Reader`.

    Raises
    ------
    AudioError
        libsndfile does not know the format, or finds no sound.
    """

    layout: tuple[str, ...] = ()
    exact = True
    whole = True

    def __init__(self, place: Stored) -> None:
        self._place = place
        with _opened(place) as file:
            self.sample_rate, self.channels, self.frames = file.samplerate, file.channels, file.frames
        self.promised: int | None = self.frames

    def blocks(self, block_frames: int, start: int = 0) -> Iterator[Block]:
        """See `Reader.blocks`."""
        with _opened(self._place) as file:
            if start:
                file.seek(min(start, file.frames))
            while len(block := file.read(block_frames, dtype="float32", always_2d=True)):
                yield block.T


@contextmanager
def _opened(place: Stored) -> Iterator[soundfile.SoundFile]:
    """Open a sound file; libsndfile's errors become AudioError."""
    try:
        if isinstance(place, Path):
            # by descriptor: libsndfile has room for names of 1,024 bytes only, and a name need not be UTF-8
            with soundfile.SoundFile(os.open(place, os.O_RDONLY | getattr(os, "O_BINARY", 0)), closefd=True) as file:
                yield file
        else:
            with open_bytes(place) as bytes_of_part, soundfile.SoundFile(bytes_of_part) as file:
                yield file
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{place} is damaged and cannot be decoded: export it again") from error
