"""What a RAVE is trained on: recordings as one long file of samples that is cut at random, without being in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import FULL_SCALE_16, mono_blocks, pcm16
from retrotone.audio.files import FFMPEG_SUFFIXES, FORMATS, AudioFile
from retrotone.errors import AudioError
from retrotone.progress import Progress, silent
from retrotone.utils.files import make_folder, write_whole, writing

Samples = NDArray[np.float32]

INDEX, INPUTS, TARGETS = "corpus.json", "inputs.i16", "targets.i16"
AUDIBLE = 0.003  # peak (-50 dBFS) of a crop below which another one is drawn
TRIES = 20
HELD_OUT = 20  # one recording in so many is kept from training, to measure by
LEVEL_DB = (-12.0, 8.0)  # songs come at any level: a crop gets a gain between these


class Corpus:
    """Recordings, and what a model is to make of them, to draw crops from.

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
        heard = numbers % HELD_OUT != HELD_OUT - 1
        self._heard, self._held_out = numbers[heard], numbers[~heard]
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
        """Draw pieces of inputs, and the same places of their targets at the same gain, each (count, 1, frames)."""
        recordings = self._held_out if held_out else self._heard
        pieces = np.stack([self._crop(recordings, frames, rng) for _ in range(count)])[:, :, None]
        return pieces[:, 0], pieces[:, -1]

    def excerpts(self, frames: int) -> Iterator[Samples]:
        """Yield the middle of each recording that is not held out, shape (1, up to `frames`), at its own level."""
        for recording in self._heard:
            start, end = int(self._starts[recording]), int(self._starts[recording + 1])
            start += max(end - start - frames, 0) // 2
            yield self._sides[0][None, start : min(start + frames, end)].astype(np.float32) / np.float32(
                FULL_SCALE_16
            )

    def _crop(self, recordings: NDArray[np.int64], frames: int, rng: np.random.Generator) -> Samples:
        """Return one piece, shape (sides, frames), if possible one in which something sounds."""
        ends = np.cumsum(self._starts[recordings + 1] - self._starts[recordings] - frames + 1)
        for _ in range(TRIES):
            place = int(rng.integers(ends[-1]))  # by length, so that every second is as likely
            which = int(np.searchsorted(ends, place, side="right"))
            start = int(self._starts[recordings[which] + 1]) - frames - (int(ends[which]) - 1 - place)
            sides = [side[start : start + frames].astype(np.float32) for side in self._sides]
            piece = np.stack(sides) / np.float32(FULL_SCALE_16)
            if np.abs(piece[0]).max() > AUDIBLE:
                break
        louder: Samples = piece * np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20))
        return louder


def gather(
    recordings: Path,
    targets: Path | None,
    folder: Path,
    sample_rate: int,
    shortest: int,
    progress: Progress = silent,
) -> Corpus:
    """Decode all recordings below a folder into one file: mono, 16 bits, at one rate.

    Parameters
    ----------
    recordings : Path
        A folder, searched with all its folders.
    targets : Path, optional
        A folder with a file of the same name for each: what the model is to answer. By default the recordings.
    folder : Path
        Where the corpus goes, made where missing; one that is there already is taken as it is.
    sample_rate : int
        In Hz.
    shortest : int
        Samples, at that rate, of the shortest recording that is of use.
    progress : Progress

    Raises
    ------
    AudioError
        No folder, nothing in it that can be used, or a corpus of other recordings.
    OutputError
        No room.
    """
    sources = [str(source.resolve()) for source in (recordings, targets) if source is not None]
    if (folder / INDEX).is_file():
        corpus = Corpus(folder)
        if corpus.sources != sources:
            raise AudioError(
                f"{folder} holds other recordings, of {corpus.sources[0]}: delete it to begin anew"
            )
        return corpus
    if not recordings.is_dir():
        raise AudioError(f"{recordings} is not a folder: name one with recordings to learn from")
    known = {*FORMATS, *FFMPEG_SUFFIXES}
    paths = sorted(path for path in recordings.rglob("*") if path.suffix.lower() in known)
    if not paths:
        raise AudioError(f"{recordings} holds no recordings: name a folder with some to learn from")
    make_folder(folder)
    names, lengths, skipped = [], [], []
    with (
        writing(folder / INPUTS),
        (folder / INPUTS).open("wb") as first,
        (folder / TARGETS).open("wb") as second,
    ):
        for number, path in enumerate(paths):
            name = str(path.relative_to(recordings))
            progress(number / len(paths), f"reading {name}")
            try:
                sides = [_decoded(path, sample_rate)]
                if targets is not None:
                    sides.append(_decoded(targets / name, sample_rate))
            except AudioError:
                skipped.append(name)
                continue
            frames = min(len(side) for side in sides)
            if frames < shortest:
                skipped.append(name)
                continue
            names.append(name)
            lengths.append(frames)
            for file, side in zip((first, second), sides, strict=False):
                file.write(side[:frames].tobytes())
    if not names:
        for half in (INPUTS, TARGETS):
            (folder / half).unlink()
        if not any(folder.iterdir()):
            folder.rmdir()
        raise AudioError(
            f"{recordings} holds no recording of {shortest / sample_rate:.1f} s or more that can be read"
            + ("" if targets is None else f" and has its counterpart in {targets}")
        )
    index = {
        "sample_rate": sample_rate,
        "names": names,
        "frames": lengths,
        "skipped": skipped,
        "sources": sources,
    }
    write_whole(folder / INDEX, json.dumps(index).encode())
    return Corpus(folder)


def _decoded(path: Path, sample_rate: int) -> NDArray[np.int16]:
    """Return a recording as 16-bit samples, shape (frames,)."""
    return np.concatenate([pcm16(block) for block in mono_blocks(AudioFile(path), sample_rate)])
