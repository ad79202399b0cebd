"""The workbench: what the desktop window and the web page share, free of any toolkit.

Each verb is one call into the public API, and puts what came of it into words. Nothing here draws on a screen, holds
state or writes a file but `save`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from retrotone.audio.audio import Audio
from retrotone.audio.files import AudioFile
from retrotone.errors import StyleError
from retrotone.metrics import SECONDS
from retrotone.progress import Progress, silent
from retrotone.rave.pretrained import place, registry
from retrotone.services.listen import POINTS, Heard, Source, genre_figure, listen, opened
from retrotone.services.styles import Style, find_style, result_name
from retrotone.style.eras import ERAS, find_era
from retrotone.style.transfer import StyleTransfer
from retrotone.utils.text import clock, sentence, title

__all__ = [
    "POINTS", "Heard", "Rendered", "Way", "bundled_record", "bundled_song", "clock", "comparison", "comparison_cells",
    "genre_figure", "listen", "render", "render_file", "save", "sentence",
    "sibling_cells", "siblings", "title", "unique_titles", "way", "ways",
]  # fmt: skip

if TYPE_CHECKING:
    from retrotone.library.library import Library, Match, Track
    from retrotone.report import Comparison

Kind = Literal["era", "record", "rave"]

SECONDS_COMPARED = SECONDS  # the start of each version that a comparison looks at


@dataclass(frozen=True)
class Way:
    """One way to give a song another sound.

    Attributes
    ----------
    kind : {"era", "record", "rave"}
    name : str
        An era's name, the path of a recording, or a model's name or path.
    title, description : str
        For people.
    here : bool
        False for a model that has to be downloaded first.
    """

    kind: Kind
    name: str
    title: str
    description: str = ""
    here: bool = True

    @property
    def phrase(self) -> str:
        """What it makes of a song, to follow the song's name."""
        if self.kind == "era":
            return f"as a medium of the {self.name} would have kept it ({ERAS[self.name].medium})"
        return f"in the sound of {self.title}" if self.kind == "record" else f"as {self.title} plays it"


@dataclass(frozen=True, eq=False)
class Rendered:
    """A song in another sound.

    Attributes
    ----------
    audio : Audio
    way : Way
    file_name : str
        What to call its file: after song and style, in the song's format where that can be written.
    sentence : str
        What was done.
    """

    audio: Audio
    way: Way
    file_name: str
    sentence: str


def ways() -> list[Way]:
    """Return the eras in their order, then the models known by name; recordings and other models come by path."""
    eras = [Way("era", era.name, f"{era.name}: {era.medium}", era.description) for era in ERAS.values()]
    models = [
        Way("rave", entry.name, f"RAVE {entry.name}", entry.description, place(entry).is_file())
        for entry in registry().values()
    ]
    return eras + models


def way(kind: str, name: str) -> Way:
    """Return one of `ways` by its name, or the way to sound like a recording, or as a model's file plays.

    Raises
    ------
    StyleError
        There is no such kind, era or model.
    """
    for known in ways():
        if (known.kind, known.name) == (kind, name):
            return known
    if kind == "record":
        return Way("record", name, title(name), "the sound of this recording")
    if kind == "rave" and Path(name).suffix == ".ts":
        return Way("rave", name, f"RAVE {Path(name).stem}", "a model of your own")
    raise StyleError(f"there is no {kind} called {name}: choose one of the list")


def render(
    song: Source | str | os.PathLike[str],
    way: Way,
    strength: float = 1.0,
    seed: int = 0,
    progress: Progress = silent,
) -> Rendered:
    """Give a song another sound.

    Parameters
    ----------
    song : Audio, AudioFile or path
    way : Way
    strength : float
        0 is the song, 1 all of the style.
    seed : int
        The same seed gives the same samples.
    progress : Progress

    Raises
    ------
    AudioError, StyleError, ModelError
        A song or style that cannot be read or does not exist, a setting out of range.
    """
    source = opened(song)
    progress(0.0, f"preparing {way.title}")
    style = _style(way)
    audio = StyleTransfer(strength=strength, seed=seed).stylize(source, style, progress=progress)  # type: ignore[arg-type]
    return Rendered(audio, way, result_name(source.name, style), _what_was_done(source, way, strength))


def render_file(
    song: str | os.PathLike[str],
    way: Way,
    folder: str | os.PathLike[str],
    strength: float = 1.0,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[Path, str]:
    """Do the same into a file in a folder, in memory that does not grow with length; return its path and what was done.

    Raises
    ------
    AudioError, StyleError, ModelError, OutputError
    """
    source = AudioFile(song)
    progress(0.0, f"preparing {way.title}")
    style = _style(way)
    output = Path(folder) / result_name(source.name, style)
    StyleTransfer(strength=strength, seed=seed).stylize_file(song, style, output, progress=progress)  # type: ignore[arg-type]
    return output, _what_was_done(source, way, strength)


def save(audio: Audio, path: str | os.PathLike[str]) -> str:
    """Write a recording, and say so; `OutputError` where it cannot be."""
    return f"Saved {audio.save(path)}."


def siblings(library: Library, song: Heard, k: int = 5, progress: Progress = silent) -> list[Match]:
    """Return the tracks of a library that sound most like a song, never the song itself.

    Raises
    ------
    LibraryError
        No library there, or an empty one.
    """
    progress(0.0, "looking for siblings")
    return library.similar(library.find(song.name) or song.analysis, k, progress=progress)


def sibling_cells(track: Track) -> list[str]:
    """Return name, genre and length of a track as a table shows them; a genre told by ear and not sure has a "?"."""
    genre = track.genre or track.heard_genre + ("" if track.sure else "?")
    return [track.name, genre, clock(track.duration or 0.0)]


def comparison(versions: Mapping[str, Audio], progress: Progress = silent) -> Comparison:
    """Measure and draw versions of a song, the original first; see `retrotone.report.compare`."""
    from retrotone.report import compare

    return compare(versions, progress=progress)


def comparison_cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return the titles and lines of the table that goes with a comparison; empty where nothing was measured."""
    from retrotone.report import MEASURES

    titles = ["version", "length", "LUFS", *MEASURES.values()]
    lines = []
    for row in comparison.table:
        values = (getattr(row, name) for name in MEASURES)
        numbers = ["" if value is None else f"{value:z.2f}" for value in values]
        lines.append([row.version, clock(row.seconds), f"{row.loudness_lufs:.1f}", *numbers])
    kept = [k for k in range(len(titles)) if any(line[k] for line in lines)]
    return [titles[k] for k in kept], [[line[k] for k in kept] for line in lines]


def bundled_song() -> Path:
    """Return the path of the song that ships with retrotone."""
    return Path(str(resources.files("retrotone") / "assets" / "demo_song.ogg"))


def bundled_record() -> Path:
    """Return the path of the old record that ships with retrotone."""
    return bundled_song().with_name("demo_style.ogg")


def unique_titles(names: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Return a title for each recording, numbered where two would be the same."""
    found: list[str] = []
    for name in names:
        wanted, number = title(name), 1
        while wanted in found:
            number += 1
            wanted = f"{title(name)} ({number})"
        found.append(wanted)
    return found


def _style(way: Way) -> Style:
    return (
        find_era(way.name)
        if way.kind == "era"
        else find_style(way.name, "rave" if way.kind == "rave" else None)
    )


def _what_was_done(source: Source, way: Way, strength: float) -> str:
    degree = "" if strength == 1 else f", {strength:.0%} of the way"
    return f"{title(source.name)} {way.phrase}{degree}: {clock(source.duration)}."
