"""Restyle songs in memory or into files, with measurements and a report about each result."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from retrotone.audio.audio import Audio, load, open_recording
from retrotone.audio.files import AudioFile
from retrotone.audio.tags import Tags
from retrotone.audio.writing import FORMATS, kept_bit_depth
from retrotone.errors import OutputError, StyleError
from retrotone.measures import MEASURES
from retrotone.progress import Progress, part, silent
from retrotone.services.songs import Song, check_distinct
from retrotone.style.choices import GeneratedStyle, OpenStyle, Records, StyleChoice, input_paths, strength_text
from retrotone.style.medium import Medium
from retrotone.style.transfer import StyleTransfer, Transfer, medium_of
from retrotone.utils.files import check_outputs, named_folder, new_folder
from retrotone.utils.logs import log
from retrotone.utils.text import clock, printable, shortened, title

# of a song in which a style can be heard
MIN_AUDIBLE_SECONDS = 0.05
# beside a result: the page and its picture
REPORT_SUFFIXES = (".html", ".png")


@dataclass(frozen=True, eq=False)
class Restyled:
    """A restyled song.

    Attributes
    ----------
    audio : Audio
    style : StyleChoice
    file_name : str
        Name for its file, see `result_name`.
    sentence : str
        What was done.
    tags : Tags
        For its file: the song's, and a comment that says what was done.
    """

    audio: Audio
    style: StyleChoice
    file_name: str
    sentence: str
    tags: Tags


def restyle(
    song: Audio | AudioFile | str | os.PathLike[str],
    style: StyleChoice,
    strength: float = 1.0,
    seed: int = 0,
    progress: Progress = silent,
) -> Restyled:
    """Restyle a song in memory.

    Parameters
    ----------
    song : Audio, AudioFile or path
    style : StyleChoice
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
    progress(0.0, f"preparing {style.title}")
    opened = style.open(seed)
    transfer = StyleTransfer(strength=strength, seed=seed)
    audio = transfer.stylize(source, opened, progress=progress)
    sentence = _what_was_done(source, style, strength)
    tags = transfer.tags(source, _style_name(opened))
    return Restyled(audio, style, result_name(source.name, opened, transfer), sentence, tags)


def restyle_file(
    song: AudioFile | str | os.PathLike[str],
    style: StyleChoice,
    folder: str | os.PathLike[str],
    strength: float = 1.0,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[Path, str]:
    """Restyle a song into a new file; memory does not grow with its length.

    Parameters
    ----------
    song, style, strength, seed, progress
        As in `restyle`.
    folder : path-like
        The file in it has the name of `result_name`.

    Returns
    -------
    path : Path
    sentence : str
        What was done.

    Raises
    ------
    AudioError, StyleError, ModelError, OutputError
    """
    source = song if isinstance(song, AudioFile) else AudioFile(song)
    progress(0.0, f"preparing {style.title}")
    opened = style.open(seed)
    transfer = StyleTransfer(strength=strength, seed=seed)
    output = Path(folder) / result_name(source.name, opened, transfer)
    transfer.stylize_file(source, opened, output, progress=progress)
    return output, _what_was_done(source, style, strength)


def save(restyled: Audio, path: str | os.PathLike[str], song: str | os.PathLike[str], tags: Tags) -> str:
    """Write a restyled song at the song's bit depth, and say so. Whoever chose the path has agreed to replace a file.

    Parameters
    ----------
    restyled : Audio
    path : path-like
    song : path-like
        What was restyled; it is never replaced.
    tags : Tags
        See `Restyled`.

    Raises
    ------
    OutputError
        It is the song, or cannot be written.
    """
    check_outputs([path], [song], overwrite=True)
    return f"Saved {restyled.save(path, kept_bit_depth(Path(song), Path(path)), tags=tags, overwrite=True)}."


def result_name(song: str | os.PathLike[str], style: OpenStyle, transfer: StyleTransfer) -> str:
    """Return the file name of a restyled song, in the song's own format where it can be written.

    It tells song and style, then method, strength and seed where they are not the usual ones:
    ``song-1930s-strength50%-seed7.wav``.
    """
    path = Path(song)
    suffix = path.suffix if path.suffix.lower() in FORMATS else ".wav"
    unusual = [value if name == "method" else f"{name}{value}" for name, value in transfer.unusual().items()]
    return "-".join([path.stem, _style_name(style), *unusual]) + suffix


def check_settings(
    style: OpenStyle, method: str | None, noise: float | None, resynthesis: str | None, parts: Sequence[str] = ()
) -> None:
    """Refuse settings that would do nothing, and warn where the medium does nothing.

    Parameters
    ----------
    style : Medium, AudioFile, Records, RaveModel or GeneratedStyle
    method : str, optional
        As in `StyleTransfer`.
    noise, resynthesis
        Settings of methods transport and gram; None where the user did not give them.
    parts : sequence of str
        Parts of a medium that were named; see `chosen_parts`.

    Raises
    ------
    StyleError
        Noise or resynthesis was given for a medium or for a model that plays the song, or parts for another method.
    """
    spectral = method in ("transport", "gram") or (isinstance(style, GeneratedStyle) and method is None)
    if not spectral and (noise, resynthesis) != (None, None):
        raise StyleError("noise and resynthesis are for methods transport and gram: leave them out here")
    if parts and (spectral or not isinstance(style, Medium | AudioFile | Records)):
        raise StyleError("'only' and 'without' choose parts of a medium: leave them out with another method")
    if isinstance(style, Medium) and not style.parts:
        log.warning("the medium %s has no parts: songs keep their sound", style.name)


def chosen_parts(medium: Medium, only: Sequence[str], without: Sequence[str]) -> Medium:
    """Return a medium with the parts that were asked for.

    Parameters
    ----------
    medium : Medium
    only, without : sequence of str
        Words of `retrotone.style.medium.PARTS`; all parts where both are empty.

    Raises
    ------
    StyleError
        There is no such part, or nothing of the medium is left.
    """
    chosen = (medium.only(*only) if only else medium).without(*without)
    if medium.parts and not chosen.parts:
        raise StyleError(f"nothing is left of the medium {medium.name}: its parts are {', '.join(medium.parts)}")
    return chosen


def output_paths(
    songs: Sequence[Song], style: OpenStyle, transfer: StyleTransfer, out: str | None
) -> tuple[list[Path], Path | None]:
    """Return where each song's result goes, and the folder to create for them, if any.

    Parameters
    ----------
    songs : sequence of Song
    style : Medium, AudioFile, Records, RaveModel or GeneratedStyle
    transfer : StyleTransfer
        Results are called after both where `out` is a folder, and lie in it as their songs do in theirs.
    out : str, optional
        A file for one song, or a folder; by default the current one.

    Raises
    ------
    OutputError
        One file for many songs, no suffix, or two results of one name.
    """
    folder = named_folder(out)
    if folder is None:
        file = Path(out or "")
        alone = len(songs) == 1 and songs[0].folder is None
        if alone and not file.suffix:
            raise OutputError(f"{out} has no suffix: use one of {' '.join(FORMATS)}, or end a folder's name with /")
        if alone:
            return [file], None
        if file.suffix.lower() in FORMATS:
            raise OutputError(f"{out} is one file for several songs: name a folder")
        folder = file
    outputs = [folder / (song.folder or "") / result_name(song.path, style, transfer) for song in songs]
    check_distinct(songs, outputs)
    return outputs, folder


@dataclass
class Job:
    """What is done to every song.

    Attributes
    ----------
    transfer : StyleTransfer
    style : Medium, AudioFile, Records, RaveModel or GeneratedStyle
    folder : Path or None
        To create before anything is written.
    report, metrics : bool
        Whether to write a report of each result or only to measure it.
    only, without : sequence of str
        Parts of the medium, see `chosen_parts`.
    bit_depth : int, optional
    quality : float, optional
        See `StyleTransfer.stylize_file`.
    strict : bool
        Refuse a damaged song.
    overwrite : bool
        Replace files that exist; songs and styles never are.
    """

    transfer: StyleTransfer
    style: OpenStyle
    folder: Path | None
    report: bool
    metrics: bool
    only: Sequence[str] = ()
    without: Sequence[str] = ()
    bit_depth: int | None = None
    quality: float | None = None
    strict: bool = False
    overwrite: bool = False
    # read from the record for the first song, for all
    _medium: Medium | None = field(default=None, init=False)

    def check(self, songs: Sequence[Song], outputs: Sequence[Path]) -> None:
        """Raise OutputError where a file to be written is an input, or one that exists, or the report of two songs."""
        suffixes = REPORT_SUFFIXES if self.report else ()
        for suffix in suffixes:
            check_distinct(songs, [output.with_suffix(suffix) for output in outputs])
        files = [file for output in outputs for file in (output, *map(output.with_suffix, suffixes))]
        inputs = [*(song.path for song in songs), *input_paths(self.style)]
        check_outputs(files, inputs, overwrite=self.overwrite, folder=self.folder)

    def run(self, song: str, output: Path, progress: Progress) -> dict[str, Any]:
        """Restyle one song; return what ``--json`` prints.

        Parameters
        ----------
        song : str
            Its path.
        output : Path
        progress : Progress
        """
        # a song that cannot be read leaves no folder behind
        with new_folder(output.parent if self.folder else None):
            return self._run(song, output, progress)

    def _run(self, song: str, output: Path, progress: Progress) -> dict[str, Any]:
        source = AudioFile(song, self.strict)
        if source.duration < MIN_AUDIBLE_SECONDS:
            log.warning("%s is only %.4f s long: too short to hear a difference", song, source.duration)
        share = 0.5 if self.report or self.metrics else 1.0
        style = _for_song(self.style, source, part(progress, 0.0, 0.2 * share))
        target, transfer = self._target(style, part(progress, 0.0, 0.2 * share))
        rest = part(progress, 0.2 * share, share)
        done = transfer.stylize_file(source, target, output, None, rest, self.bit_depth, self.quality, self.overwrite)
        measures: dict[str, float | None] = dict.fromkeys(MEASURES)
        try:
            if self.report:
                medium = target if isinstance(target, Medium) else None
                measures |= self._write_report(source, style, medium, output, part(progress, share, 1.0))
            elif self.metrics:
                progress(share, f"measuring {output.name}")
                measures |= _measure(source, style, output)
        except BaseException:
            log.warning("%s is written, but not its report or figures", output)
            raise
        return _figures(done, measures) | {"damage": source.damage}

    def _target(self, style: Any, progress: Progress) -> tuple[Any, StyleTransfer]:
        """Return what the transfer gets: the medium where the method is one."""
        if isinstance(self.style, GeneratedStyle):
            return style, replace(self.transfer, method=self.transfer.method or "transport")
        if isinstance(style, AudioFile | Records):
            if self.transfer.method not in (None, "medium"):
                return style, self.transfer
            self._medium = self._medium or medium_of(style, progress)
            style = self._medium
        if isinstance(style, Medium):
            style = chosen_parts(style, self.only, self.without)
        return style, self.transfer

    def _write_report(
        self, song: AudioFile, style: object, medium: Medium | None, output: Path, progress: Progress
    ) -> dict[str, float | None]:
        from retrotone.audio.player import PLAYER_SECONDS
        from retrotone.report import compare

        heading = printable(_style_name(self.style))
        heading = heading if heading != "original" else "styled"
        versions = {"original": load(song, PLAYER_SECONDS)}
        # a generated clip is to be found nowhere else
        if isinstance(style, Audio):
            versions[f"{heading}, generated"] = style
        versions[heading] = load(output, PLAYER_SECONDS)
        comparison = compare(versions, _recording(style), progress, medium)
        comparison.save_all([output.with_suffix(suffix) for suffix in REPORT_SUFFIXES], self.overwrite)
        return {name: getattr(comparison.table[-1], name) for name in MEASURES}


def _for_song(style: OpenStyle, song: Audio | AudioFile, progress: Progress = silent) -> Any:
    """Return what `StyleTransfer` takes: a generated style gives a clip for each song."""
    return style.clip(song, progress) if isinstance(style, GeneratedStyle) else style


def _style_name(style: OpenStyle) -> str:
    return style.path.stem if isinstance(style, AudioFile) else style.name


def _what_was_done(source: Audio | AudioFile, style: StyleChoice, strength: float) -> str:
    name, length = shortened(title(source.name)), clock(source.duration)
    return f"{name} {style.phrase}{strength_text(strength)}: {length}."


def _measure(song: AudioFile, style: object, output: Path) -> dict[str, float | None]:
    """Measure the start of a result against song and style."""
    from retrotone.metrics import SECONDS, Profile, chroma_cosine, envelope_gain, onset_f1, style_gain

    content, result = Profile(load(song, SECONDS)), Profile(load(output, SECONDS))
    measures: dict[str, float | None] = {
        "chroma_cosine": chroma_cosine(content, result),
        "onset_f1": onset_f1(content, result),
    }
    if (recording := _recording(style)) is not None:
        target = Profile(recording)
        measures["style_gain"] = style_gain(content, target, result)
        measures["envelope_gain"] = envelope_gain(content, target, result)
    return measures


def _recording(style: object) -> Audio | None:
    """Return what a result can be measured against: a style that is a recording."""
    from retrotone.metrics import SECONDS

    if isinstance(style, AudioFile):
        return load(style, SECONDS)
    return style if isinstance(style, Audio) else None


def _figures(done: Transfer, measures: dict[str, float | None]) -> dict[str, Any]:
    """Return what ``--json`` prints; JSON knows no NaN."""
    figures = {
        "output": str(done.output),
        "method": done.method,
        "seconds": done.seconds,
        "realtime_factor": done.realtime_factor,
        **measures,
        "loudness_change_lu": done.loudness_change_lu,
    }
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in figures.items()
    }
