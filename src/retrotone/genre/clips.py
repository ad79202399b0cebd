"""Tracks decoded once into one file of 16-bit samples, from which segments are cut without loading it whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import FULL_SCALE_16, Audio, open_recording, pcm16
from retrotone.audio.files import AudioFile
from retrotone.audio.listening import mono_blocks
from retrotone.errors import GenreError
from retrotone.genre.datasets import LabelledTrack
from retrotone.progress import Progress, silent
from retrotone.utils.files import write_whole, writing

SAMPLES, INDEX = "clips.i16", "clips.json"

Positions = NDArray[np.int64]
"""Where segments lie, shape (segments, 2): the track's number, and the sample it starts at."""


class Clips:
    """Tracks at one rate.

    Parameters
    ----------
    folder : Path
        That `gather` has written to.
    tracks : sequence of LabelledTrack
        Those given to `gather`.
    """

    def __init__(self, folder: Path, tracks: Sequence[LabelledTrack]) -> None:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        self.tracks = list(tracks)
        self.sample_rate: int = index["sample_rate"]
        self.frames = np.array(index["frames"], np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self.frames)])
        self._samples = np.memmap(folder / SAMPLES, np.int16, "r")

    def grid(self, numbers: Sequence[int], length: int) -> Positions:
        """Return the segments of some tracks, side by side; one for a track that is shorter than a segment."""
        positions = [
            (number, start * length)
            for number in numbers
            for start in range(max(int(self.frames[number]) // length, 1))
        ]
        return np.array(positions, np.int64).reshape(-1, 2)

    def cut(self, positions: Positions, length: int) -> NDArray[np.float32]:
        """Return segments, shape (len(positions), length), full scale at 1.

        A start outside of the track is moved inside; a track shorter than a segment is repeated.
        """
        result = np.empty((len(positions), length), np.float32)
        for row, (number, start) in zip(result, positions, strict=True):
            first = min(max(int(start), 0), max(int(self.frames[number]) - length, 0))
            track = self._samples[self._starts[number] : self._starts[number + 1]]
            row[:] = np.resize(track[first : first + length], length)
        result /= FULL_SCALE_16
        return result


def gather(tracks: Sequence[LabelledTrack], sample_rate: int, folder: Path, progress: Progress = silent) -> Clips:
    """Decode tracks, mono, at one rate; those decoded by an earlier call are reused.

    Parameters
    ----------
    tracks : sequence of LabelledTrack
    sample_rate : int
        In Hz.
    folder : Path
        That exists.
    progress : Progress

    Raises
    ------
    GenreError
        A track without audio.
    AudioError
        A track that cannot be read.
    OutputError
        No room.
    """
    paths = []
    for track in tracks:
        if track.path is None:
            raise GenreError(f"{track.name} has no audio here: only its published features")
        paths.append(track.path)
    wanted = {"sample_rate": sample_rate, "paths": [str(path.resolve()) for path in paths]}
    if (folder / INDEX).is_file():
        there = json.loads((folder / INDEX).read_text("utf-8"))
        if all(there.get(key) == value for key, value in wanted.items()):
            return Clips(folder, tracks)
        (folder / INDEX).unlink()
    frames = []
    try:
        with writing(folder / SAMPLES), (folder / SAMPLES).open("wb") as file:
            for number, path in enumerate(paths):
                progress(number / len(paths), f"reading {path.name}")
                before = file.tell()
                for block in mono(path, sample_rate):
                    file.write(pcm16(block).tobytes())
                frames.append((file.tell() - before) // 2)
    except BaseException:
        # a full disk, or a stop: nothing reads half of them
        (folder / SAMPLES).unlink(missing_ok=True)
        raise
    write_whole(folder / INDEX, json.dumps(wanted | {"frames": frames}).encode())
    return Clips(folder, tracks)


def mono(recording: Audio | AudioFile | str | os.PathLike[str], sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """Yield what is heard of a recording, at a rate, in blocks of shape (n,)."""
    return mono_blocks(open_recording(recording), sample_rate)
