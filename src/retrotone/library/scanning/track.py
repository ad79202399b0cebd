"""The analysis of one track: a file, or the part of it that a cue sheet calls a track."""

from __future__ import annotations

from dataclasses import dataclass

from retrotone.audio.tags import read_tags
from retrotone.errors import RetrotoneError
from retrotone.features.analysis import Analysis, analyse_or_silence
from retrotone.library.description import Description, describe
from retrotone.library.files import FoundFile
from retrotone.library.names import genre_name, year_name
from retrotone.library.sections import open_place


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
        source = open_place(file.place, file.part.start, file.part.end) if file.part else open_place(file.place)
        analysis = analyse_or_silence(source)
        return Analysed(file, tags_of(file), analysis, describe(analysis), source.damage)
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
