"""Give a song another sound, and say what was done."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from retrotone.audio.audio import Audio, open_recording
from retrotone.audio.files import AudioFile
from retrotone.progress import Progress, silent
from retrotone.services.styles import Style, Way, find_style, result_name
from retrotone.style.eras import find_era
from retrotone.style.transfer import StyleTransfer
from retrotone.utils.text import clock, title


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


def render(
    song: Audio | AudioFile | str | os.PathLike[str],
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
    source = open_recording(song)
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


def _style(way: Way) -> Style:
    return (
        find_era(way.name)
        if way.kind == "era"
        else find_style(way.name, "rave" if way.kind == "rave" else None)
    )


def _what_was_done(source: Audio | AudioFile, way: Way, strength: float) -> str:
    degree = "" if strength == 1 else f", {strength:.0%} of the way"
    return f"{title(source.name)} {way.phrase}{degree}: {clock(source.duration)}."
