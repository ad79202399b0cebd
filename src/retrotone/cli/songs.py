"""What ``retrotone style`` does with each song: where the result goes, the transfer, the figures about it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrotone.audio import load
from retrotone.cli.screen import MEASURES, printable
from retrotone.errors import OutputError, StyleError
from retrotone.files import FORMATS, AudioFile, make_folder
from retrotone.metrics import SECONDS, Profile, chroma_cosine, envelope_gain, onset_f1, style_gain
from retrotone.progress import Progress, part
from retrotone.report import PLAYER_SECONDS, compare
from retrotone.style.eras import Era, find_era
from retrotone.style.transfer import StyleTransfer

Style = Era | AudioFile


def find_style(name: str) -> Style:
    """Tell an era from a file. A folder called like an era, where its songs went, is not in the way."""
    path = Path(name)
    if not path.is_file():
        try:
            return find_era(name)
        except StyleError:
            if not (path.suffix or path.exists() or len(path.parts) > 1):
                raise
    return AudioFile(name)


def style_name(style: Style) -> str:
    """Return what files are called after."""
    return style.name if isinstance(style, Era) else style.path.stem


def places(songs: Sequence[str], style: Style, out: str | None) -> tuple[list[Path], Path | None]:
    """Return where each song's result goes, and the folder to create for them, if any.

    Raises
    ------
    OutputError
        One file for many songs, no suffix, an input that would be overwritten, or two results in one place.
    """
    folder = Path(out or "")
    if out and not out.endswith(("/", os.sep)) and not folder.is_dir():
        if len(songs) == 1 and not folder.suffix:
            raise OutputError(
                f"{out} has no suffix: use one of {' '.join(FORMATS)}, or end a folder's name with /"
            )
        if len(songs) == 1:
            outputs = [folder]
            _check(songs, style, outputs)
            return outputs, None
        if folder.suffix.lower() in FORMATS:
            raise OutputError(f"{out} is one file for {len(songs)} songs: name a folder")
    outputs = []
    for song in map(Path, songs):
        suffix = song.suffix if song.suffix.lower() in FORMATS else ".wav"
        outputs.append(folder / f"{song.stem}-{style_name(style)}{suffix}")
    _check(songs, style, outputs)
    return outputs, folder


def _check(songs: Sequence[str], style: Style, outputs: Sequence[Path]) -> None:
    inputs = {_identity(path) for path in songs} | {
        _identity(style.path) if isinstance(style, AudioFile) else None
    }
    taken: dict[Path, str] = {}
    for song, output in zip(songs, outputs, strict=True):
        if _identity(output) in inputs - {None}:
            raise OutputError(f"{output} is an input and would be overwritten: choose another name with -o")
        place = output.with_suffix("")  # a report is called so too
        if place in taken:
            raise OutputError(
                f"{taken[place]} and {song} would both become {place}: give them different folders"
            )
        taken[place] = song


def _identity(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Return what tells a file from all others under any of its names; None if there is none."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@dataclass(frozen=True)
class Job:
    """What is done to every song.

    Attributes
    ----------
    transfer : StyleTransfer
    style : Era or AudioFile
    folder : Path or None
        To create before anything is written.
    report, metrics : bool
        What to add.
    """

    transfer: StyleTransfer
    style: Style
    folder: Path | None
    report: bool
    metrics: bool

    def run(self, song: str, output: Path, progress: Progress) -> dict[str, Any]:
        """Style one song; return what ``--json`` prints."""
        AudioFile(song)  # one that cannot be read leaves no folder behind
        if self.folder:
            make_folder(self.folder)
        share = 0.5 if self.report or self.metrics else 1.0
        done = self.transfer.stylize_file(song, self.style, output, progress=part(progress, 0.0, share))
        measures: dict[str, float | None] = dict.fromkeys(MEASURES)
        if self.report:
            measures |= self._write_report(song, output, part(progress, share, 1.0))
        elif self.metrics:
            progress(share, f"measuring {output.name}")
            measures |= self._measure(song, output)
        figures = {
            "output": str(done.output),
            "method": done.method,
            "seconds": done.seconds,
            "realtime_factor": done.realtime_factor,
            **measures,
            "loudness_change_lu": done.loudness_change_lu,
        }
        return {name: _finite(value) for name, value in figures.items()}

    def _measure(self, song: str, output: Path) -> dict[str, float | None]:
        content, result = Profile(load(song, SECONDS)), Profile(load(output, SECONDS))
        measures: dict[str, float | None] = {
            "chroma_cosine": chroma_cosine(content, result),
            "onset_f1": onset_f1(content, result),
        }
        if isinstance(self.style, AudioFile):
            style = Profile(load(self.style.path, SECONDS))
            measures["style_gain"] = style_gain(content, style, result)
            measures["envelope_gain"] = envelope_gain(content, style, result)
        return measures

    def _write_report(self, song: str, output: Path, progress: Progress) -> dict[str, float | None]:
        title = printable(style_name(self.style))
        versions = {
            "original": load(song, PLAYER_SECONDS),
            title if title != "original" else "styled": load(output, PLAYER_SECONDS),
        }
        style = load(self.style.path, SECONDS) if isinstance(self.style, AudioFile) else None
        comparison = compare(versions, style, progress)
        for suffix in (".html", ".png"):
            comparison.save(output.with_suffix(suffix))
        return {name: getattr(comparison.table[1], name) for name in MEASURES}


def _finite(value: Any) -> Any:
    """JSON knows no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
