"""The analysis of one track: a file, or the part of it that a cue sheet calls a track."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from retrotone.audio.files import BLOCK_FRAMES, AudioFile
from retrotone.audio.tags import read_tags
from retrotone.errors import AudioError, MissingExtraError, RetrotoneError
from retrotone.features.analysis import Analysis, analyse
from retrotone.library.description import Description, describe
from retrotone.library.files import FoundFile
from retrotone.library.names import genre_name, year_name
from retrotone.types import Block
from retrotone.utils.text import clock


@dataclass(frozen=True)
class Analysed:
    """The results for a file, or a cue sheet's track, that was analysed.

    Attributes
    ----------
    file : FoundFile
    tags : dict of str to str
        By the names in `records.TAGS`.
    analysis : Analysis
    description : Description
    damage : str or None
        What is damaged in the file, in a line; None if nothing is.
    """

    file: FoundFile
    tags: dict[str, str]
    analysis: Analysis
    description: Description
    damage: str | None = None


@dataclass(frozen=True)
class Failed:
    """Why a file was not analysed; `lasting` if another attempt at the same file would fail as well.

    `damage` tells what is damaged where that alone is the reason.
    """

    file: FoundFile
    reason: str
    lasting: bool = True
    damage: str | None = None


def analyse_file(file: FoundFile) -> Analysed | Failed:
    """Return the tags, the analysis and the description of a file or a cue sheet's track, or why there are none."""
    path = file.path
    try:
        source = Section(path, file.part.start, file.part.end) if file.part else AudioFile(path)
        analysis = analyse(source)
        return Analysed(file, tags_of(file), analysis, describe(analysis), source.damage)
    except MissingExtraError as error:
        return Failed(file, str(error), lasting=False)
    except RetrotoneError as error:
        return Failed(file, str(error))
    except MemoryError:
        return Failed(file, f"{path} needs more memory than there is: close other programs", lasting=False)
    # One strange file must not end a scan of many.
    except Exception as error:
        return Failed(file, f"{path} cannot be analysed ({error!r}): export it again")


def tags_of(file: FoundFile) -> dict[str, str]:
    """Return what the library stores of a file's tags, by the names in `records.TAGS`.

    A year is the original one, and a genre such as "Other" is none. What a cue sheet says of its track goes before the
    tags of the file, whose title is the album's.
    """
    tags = read_tags(file.path)
    found = {
        "title": "" if file.part else tags.text("title"),
        "artist": tags.text("artist"),
        "album": tags.text("album"),
        "genre": genre_name(tags.text("genre")),
        "year": year_name(*tags["originaldate"], *tags["date"]),
    }
    return {**found, **(file.part.tags if file.part else {})}


class Section(AudioFile):
    """The part of a sound file between two times, read as a file of its own is.

    Parameters
    ----------
    path : path-like
    start : float
        In seconds.
    end : float or None
        In seconds; None for the end of the file.

    Raises
    ------
    AudioError, MissingExtraError
        See `AudioFile`; or the file ends before the section starts.
    """

    def __init__(self, path: str | os.PathLike[str], start: float, end: float | None) -> None:
        super().__init__(path)
        self._start, whole = start, self.duration
        if start >= whole:
            raise AudioError(f"{path} lasts {clock(whole)}: its cue sheet has a track at {clock(start)}")
        self.frames = round((min(end or whole, whole) - start) * self.sample_rate)

    def blocks(self) -> Iterator[Block]:
        """Yield float32 blocks of shape (channels, n), n <= BLOCK_FRAMES; AudioError for NaN or infinity."""
        for first in range(0, self.frames, BLOCK_FRAMES):
            yield self.excerpt(first / self.sample_rate, BLOCK_FRAMES / self.sample_rate)

    def excerpt(self, start: float, seconds: float) -> Block:
        """Return the samples from a time of the section on; see `AudioFile.excerpt`."""
        return super().excerpt(self._start + start, min(seconds, self.duration - start))
