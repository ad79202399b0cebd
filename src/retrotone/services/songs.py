"""What ``retrotone style`` does with each song: where the result goes, the transfer, the figures about it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrotone.audio.audio import Audio, load
from retrotone.audio.files import FORMATS, AudioFile
from retrotone.errors import OutputError, StyleError
from retrotone.metrics import SECONDS, Profile, chroma_cosine, envelope_gain, onset_f1, style_gain
from retrotone.progress import Progress, part
from retrotone.rave.pretrained import DEFAULT_MODEL
from retrotone.report import MEASURES, PLAYER_SECONDS, compare
from retrotone.services.styles import RAVE_PREFIX, Generated, Style, find_style, result_name, style_name
from retrotone.style.eras import Era
from retrotone.style.transfer import StyleTransfer
from retrotone.utils.files import file_identity, make_folder
from retrotone.utils.text import printable

if TYPE_CHECKING:
    from retrotone.rave.model import RaveModel

DEFAULT_ERA = "1930s"


def chosen_style(name: str | None, method: str | None, model: str | None, seed: int) -> Style:
    """Return what ``--style``, ``--method`` and ``--model`` name together; see `find_style`.

    Without a style it is the 1930s, or the bundled model.
    """
    if model is not None and method != "rave":
        raise StyleError(
            "--model goes with --method rave: to use what a model makes up, say --style rave:MODEL"
        )
    if method != "rave":
        return find_style(name or DEFAULT_ERA, method, seed)
    if name and (model or not name.startswith(RAVE_PREFIX)):
        raise StyleError("with --method rave the model is the style: name it with --model, without --style")
    return find_style(model or (name or "").removeprefix(RAVE_PREFIX) or DEFAULT_MODEL, method, seed)


def check_settings(style: Style, method: str | None, noise: float | None, resynthesis: str | None) -> None:
    """Refuse settings that would do nothing.

    Raises
    ------
    StyleError
        Noise or phase of a recording, asked of a style that is none.
    """
    made = method == "rave" or (isinstance(style, Era) and method in (None, "era"))
    if made and (noise, resynthesis) != (None, None):
        raise StyleError("--noise and --resynthesis are for recordings as styles: leave them out here")


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
    outputs = [folder / result_name(song, style) for song in songs]
    _check(songs, style, outputs)
    return outputs, folder


def _check(songs: Sequence[str], style: Style, outputs: Sequence[Path]) -> None:
    inputs = {file_identity(path) for path in songs} | {
        file_identity(style.path) if isinstance(style, AudioFile) else None
    }
    taken: dict[Path, str] = {}
    for song, output in zip(songs, outputs, strict=True):
        if file_identity(output) in inputs - {None}:
            raise OutputError(f"{output} is an input and would be overwritten: choose another name with -o")
        place = output.with_suffix("")  # a report is called so too
        if place in taken:
            raise OutputError(
                f"{taken[place]} and {song} would both become {place}: give them different folders"
            )
        taken[place] = song


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
        style: Era | AudioFile | RaveModel | Audio
        if isinstance(self.style, Generated):
            style = self.style.clip(song, part(progress, 0.0, 0.2 * share))
        else:
            style = self.style
        done = self.transfer.stylize_file(song, style, output, progress=part(progress, 0.2 * share, share))
        measures: dict[str, float | None] = dict.fromkeys(MEASURES)
        if self.report:
            measures |= self._write_report(song, style, output, part(progress, share, 1.0))
        elif self.metrics:
            progress(share, f"measuring {output.name}")
            measures |= self._measure(song, style, output)
        figures = {
            "output": str(done.output),
            "method": done.method,
            "seconds": done.seconds,
            "realtime_factor": done.realtime_factor,
            **measures,
            "loudness_change_lu": done.loudness_change_lu,
        }
        return {name: _finite(value) for name, value in figures.items()}

    def _measure(self, song: str, style: object, output: Path) -> dict[str, float | None]:
        content, result = Profile(load(song, SECONDS)), Profile(load(output, SECONDS))
        measures: dict[str, float | None] = {
            "chroma_cosine": chroma_cosine(content, result),
            "onset_f1": onset_f1(content, result),
        }
        if (recording := _recording(style)) is not None:
            theirs = Profile(recording)
            measures["style_gain"] = style_gain(content, theirs, result)
            measures["envelope_gain"] = envelope_gain(content, theirs, result)
        return measures

    def _write_report(
        self, song: str, style: object, output: Path, progress: Progress
    ) -> dict[str, float | None]:
        title = printable(style_name(self.style))
        title = title if title != "original" else "styled"
        versions = {"original": load(song, PLAYER_SECONDS)}
        if isinstance(style, Audio):  # generated: not to be found anywhere else
            versions[f"{title}, generated"] = style
        versions[title] = load(output, PLAYER_SECONDS)
        comparison = compare(versions, _recording(style), progress)
        for suffix in (".html", ".png"):
            comparison.save(output.with_suffix(suffix))
        return {name: getattr(comparison.table[-1], name) for name in MEASURES}


def _recording(style: object) -> Audio | None:
    """Return what a result can be measured against: a style that is a recording."""
    if isinstance(style, AudioFile):
        return load(style.path, SECONDS)
    return style if isinstance(style, Audio) else None


def _finite(value: Any) -> Any:
    """JSON knows no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
