"""The training data of a RAVE: recordings decoded into one memory-mapped file, from which random crops are drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import FULL_SCALE_16, pcm16
from retrotone.audio.files import AudioFile
from retrotone.audio.folders import recordings_in
from retrotone.audio.listening import mono_blocks
from retrotone.errors import AudioError
from retrotone.progress import Progress, silent
from retrotone.utils.files import make_folder, write_whole, writing

Samples = NDArray[np.float32]

INDEX, INPUTS, TARGETS = "corpus.json", "inputs.i16", "targets.i16"
# peak (-50 dBFS) of a crop below which another one is drawn
AUDIBLE = 0.003
TRIES = 20
# one recording in this many is held out of training, for validation
HELD_OUT = 20
# range of the random gain of a crop: songs come at any level
LEVEL_DB = (-12.0, 8.0)


class Corpus:
    """Recordings and their targets, to draw crops from.

    Parameters
    ----------
    folder : Path
        Where `gather` has put them.

    Raises
    ------
    AudioError
        The folder's index is missing or damaged.

    Attributes
    ----------
    names : list of str
    sample_rate : int
        In Hz.
    skipped : list of str
        Files that could not be read, or were too short.
    """

    def __init__(self, folder: Path) -> None:
        try:
            index = json.loads((folder / INDEX).read_text("utf-8"))
            self.sample_rate: int = index["sample_rate"]
            self.names: list[str] = index["names"]
            self.skipped: list[str] = index["skipped"]
            self.sources: list[str] = index["sources"]
            self._starts = np.cumsum([0, *index["frames"]])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AudioError(f"{folder / INDEX} is damaged: delete {folder} to begin anew") from error
        numbers = np.arange(len(self.names))
        trained = numbers % HELD_OUT != HELD_OUT - 1
        self._training, self._held_out = numbers[trained], numbers[~trained]
        files = (INPUTS, TARGETS)[: len(self.sources)]
        self._sides = [np.memmap(folder / file, np.int16, "r") for file in files]

    @property
    def hours(self) -> float:
        """Of all recordings together."""
        return float(self._starts[-1] / self.sample_rate / 3600)

    @property
    def has_held_out(self) -> bool:
        """Whether there are enough recordings to keep some from training."""
        return len(self._held_out) > 0

    def crops(
        self, count: int, frames: int, rng: np.random.Generator, held_out: bool = False
    ) -> tuple[Samples, Samples]:
        """Draw crops of the inputs, and the same crops of their targets with the same gain.

        Parameters
        ----------
        count : int
        frames : int
            Of each crop.
        rng : numpy.random.Generator
        held_out : bool
            Draw from the recordings that are held out of training instead of the others.

        Returns
        -------
        inputs, targets : ndarray, shape (count, 1, frames)
        """
        recordings = self._held_out if held_out else self._training
        pieces = np.stack([self._crop(recordings, frames, rng) for _ in range(count)])[:, :, None]
        return pieces[:, 0], pieces[:, -1]

    def excerpts(self, frames: int) -> Iterator[Samples]:
        """Yield the middle of each recording that is not held out, shape (1, up to `frames`), at its own level."""
        for recording in self._training:
            start, end = int(self._starts[recording]), int(self._starts[recording + 1])
            start += max(end - start - frames, 0) // 2
            yield self._sides[0][None, start : min(start + frames, end)].astype(np.float32) / np.float32(FULL_SCALE_16)

    def _crop(self, recordings: NDArray[np.int64], frames: int, rng: np.random.Generator) -> Samples:
        """Draw one crop, shape (sides, frames), up to TRIES times until it is audible."""
        ends = np.cumsum(self._starts[recordings + 1] - self._starts[recordings] - frames + 1)
        for _ in range(TRIES):
            # over all possible starts, so that every second is equally likely
            position = int(rng.integers(ends[-1]))
            which = int(np.searchsorted(ends, position, side="right"))
            start = int(self._starts[recordings[which] + 1]) - frames - (int(ends[which]) - 1 - position)
            sides = [side[start : start + frames].astype(np.float32) for side in self._sides]
            piece = np.stack(sides) / np.float32(FULL_SCALE_16)
            if np.abs(piece[0]).max() > AUDIBLE:
                break
        louder: Samples = piece * np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20))
        return louder


def gather(
    recordings: Path, targets: Path | None, folder: Path, sample_rate: int, shortest: int, progress: Progress = silent
) -> Corpus:
    """Decode all recordings below a folder into one file: mono, 16 bits, at one rate.

    Parameters
    ----------
    recordings : Path
        A folder, searched with all its folders.
    targets : Path, optional
        A folder with a file of the same name for each, which the model learns to output. By default the recordings.
    folder : Path
        Where the corpus goes, created if missing; a corpus that is already there is used as it is.
    sample_rate : int
        In Hz.
    shortest : int
        Shortest usable recording, in samples at that rate.
    progress : Progress

    Raises
    ------
    AudioError
        No folder, no usable recording in it, or a corpus of other recordings.
    OutputError
        No room.
    """
    sources = [str(source.resolve()) for source in (recordings, targets) if source is not None]
    if (folder / INDEX).is_file():
        corpus = Corpus(folder)
        if corpus.sources != sources:
            raise AudioError(f"{folder} holds other recordings, of {corpus.sources[0]}: delete it to begin anew")
        return corpus
    paths = recordings_in(recordings)
    make_folder(folder)
    names, lengths, skipped = [], [], []
    try:
        with writing(folder / INPUTS), (folder / INPUTS).open("wb") as inputs, (folder / TARGETS).open("wb") as outputs:
            for number, path in enumerate(paths):
                name = str(path.relative_to(recordings))
                progress(number / len(paths), f"reading {name}")
                sides = _decoded_pair(path, None if targets is None else targets / name, sample_rate)
                if sides is None or len(sides[0]) < shortest:
                    skipped.append(name)
                    continue
                names.append(name)
                lengths.append(len(sides[0]))
                for file, side in zip((inputs, outputs), sides, strict=False):
                    file.write(side.tobytes())
    except BaseException:
        # a full disk, or a stop: nothing reads half a corpus
        _discard(folder)
        raise
    if not names:
        _discard(folder)
        raise AudioError(
            f"{recordings} holds no recording of {shortest / sample_rate:.1f} s or more that can be read"
            + ("" if targets is None else f" and has its counterpart in {targets}")
        )
    index = {"sample_rate": sample_rate, "names": names, "frames": lengths, "skipped": skipped, "sources": sources}
    write_whole(folder / INDEX, json.dumps(index).encode())
    return Corpus(folder)


def _decoded_pair(path: Path, target: Path | None, sample_rate: int) -> list[NDArray[np.int16]] | None:
    """Return a recording and its target, if any, cut to the shorter of them; None if one cannot be read."""
    try:
        sides = [_decoded(each, sample_rate) for each in (path, target) if each is not None]
    except AudioError:
        return None
    frames = min(len(side) for side in sides)
    return [side[:frames] for side in sides]


def _discard(folder: Path) -> None:
    """Delete the samples, and the folder if nothing else is in it."""
    for name in (INPUTS, TARGETS):
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _decoded(path: Path, sample_rate: int) -> NDArray[np.int16]:
    """Return a recording as 16-bit samples, shape (frames,)."""
    return np.concatenate([pcm16(block) for block in mono_blocks(AudioFile(path), sample_rate)])
