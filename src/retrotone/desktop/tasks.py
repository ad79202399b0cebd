"""The tasks of the window's worker process: calls of `retrotone.services` with results small enough for a pipe.

Sounds stay in files of the session's folder, which the player maps into memory. Heavy modules are imported inside the
tasks, because the window imports this module, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrotone.desktop.jobs import TaskContext
from retrotone.errors import AudioError
from retrotone.types import Block
from retrotone.utils.files import file_version

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from retrotone.audio.audio import Audio
    from retrotone.report import ComparisonRow
    from retrotone.services.listen import SongSummary

# At 100 %.
SCREEN_DPI = 88
STUDY_HEIGHT_INCHES = 3.9
# Columns of a waveform.
POINTS = 1600
# The song that was analysed last, by its path.
_summaries: dict[str, SongSummary] = {}
# Version of each song's file when it was opened, by its path.
_file_versions: dict[str, tuple[int, int] | None] = {}
# The comparison that was drawn last, by the paths of its sounds.
_comparison: dict[tuple[str, ...], tuple[list[ComparisonRow], Figure]] = {}
# What draws the figure of the study that was shown last.
_study: list[Callable[[], Figure]] = []


@dataclass(frozen=True)
class Sound:
    """A decoded recording: a file of float32 samples, the channels of a frame next to each other."""

    path: Path
    name: str
    sample_rate: int
    channels: int

    def frames(self) -> NDArray[np.float32]:
        """Return the samples, shape (frames, channels), mapped into memory."""
        return np.memmap(self.path, np.float32, "r").reshape(-1, self.channels)

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.path.stat().st_size / (4 * self.channels * self.sample_rate)


@dataclass(frozen=True, eq=False)
class Song:
    """What is known of a song; see `retrotone.services.listen.SongSummary`."""

    name: str
    title: str
    facts: str
    verdict: str
    sure: bool
    genres: list[tuple[str, float]]
    tags: list[tuple[str, float]]
    duration: float
    stretches: NDArray[np.float64]
    timeline: NDArray[np.float64]
    timeline_genres: list[str]


@dataclass(frozen=True)
class Picture:
    """A comparison as a picture and a table.

    Attributes
    ----------
    file : Path
        PPM.
    columns : list of (float, float)
        Left and right end of each version's time axis, as fractions of the width.
    boxes : list of (float, float, float, float)
        Left, right, top and bottom of each drawing over time, as fractions of width and height.
    part : (float, float)
        Start and stop of what is drawn, in seconds.
    duration : float
        Seconds that the whole figure covers.
    note : str
        What the table's measures tell, and what they were measured from, if not from all.
    titles : list of str
    cells : list of list of str
    """

    file: Path
    columns: list[tuple[float, float]]
    boxes: list[tuple[float, float, float, float]]
    part: tuple[float, float]
    duration: float
    note: str
    titles: list[str]
    cells: list[list[str]]


def bundled(context: TaskContext) -> str:
    """Return the path of the song that ships with retrotone."""
    from retrotone.utils import assets

    return str(assets.bundled_song())


def decode(context: TaskContext, path: str, start: float | None = None, end: float | None = None) -> Sound:
    """Decode a recording, or a cue sheet's track of it, for the player."""
    from retrotone.library.files import Place
    from retrotone.library.sections import open_place
    from retrotone.utils import text

    file = open_place(Place(path), start, end)
    return write_sound(context, file.blocks(), text.title(path), file.sample_rate, file.channels)


def decode_version(context: TaskContext, path: str) -> Sound:
    """Decode a recording to compare a song with, if there is something in it to measure."""
    from retrotone.metrics import measured_excerpt

    sound = decode(context, path)
    measured_excerpt(audio_of(sound))
    return sound


def listen(context: TaskContext, path: str) -> Song:
    """Analyse a song; show it decoded first, with its waveform, so that it can be played at once."""
    from retrotone.dsp.waveform import extremes
    from retrotone.genre.base import stretches
    from retrotone.services import listen

    _file_versions[path] = file_version(path)
    sound = decode(context, path)
    context.show((sound, extremes(audio_of(sound).samples, POINTS)))
    summary = listen.listen(path, context.progress)
    _summaries.clear()
    _summaries[path] = summary
    answer = summary.answer
    assert answer.times is not None
    assert answer.timeline is not None
    return Song(
        name=summary.name,
        title=summary.title,
        facts=summary.facts,
        verdict=summary.verdict,
        sure=answer.sure,
        genres=summary.genres,
        tags=summary.tags,
        duration=summary.duration,
        stretches=stretches(answer.times, summary.duration),
        timeline=answer.timeline,
        timeline_genres=list(answer.probabilities),
    )


def compare(
    context: TaskContext,
    sounds: Sequence[Sound],
    stretch: tuple[float, float] | None,
    width: int,
    height: int,
    scale: float,
    dark: bool,
) -> Picture:
    """Draw versions of a song next to each other.

    Parameters
    ----------
    context : TaskContext
    sounds : sequence of Sound
        The original first.
    stretch : (float, float) or None
        Start and stop in seconds; None for all.
    width, height : int
        Of the figure, in pixels.
    scale : float
        Size of text, 1 at 100 %.
    dark : bool
        Whether the figure is light on dark.
    """
    from retrotone.figures.base import fit, paint, time_boxes, zoom
    from retrotone.services import compare

    key = tuple(str(sound.path) for sound in sounds)
    if key not in _comparison:
        _comparison.clear()
        _comparison[key] = compare.whole_comparison(_versions(sounds), context.progress)
    (table, figure), dpi = _comparison[key], SCREEN_DPI * scale
    context.progress(0.95, "drawing")
    if figure.get_size_inches().tolist() != [width / dpi, height / dpi]:
        fit(figure, width / dpi, height / dpi)
    paint(figure, dark)
    duration = max(sound.duration for sound in sounds)
    drawn = stretch or (0.0, duration)
    columns, pixels = zoom(figure, *drawn), _pixels(context, figure, dpi)
    titles, cells = compare.comparison_cells(table)
    note = "\n".join(filter(None, [*compare.meanings(titles), compare.measured_part(duration)]))
    return Picture(pixels, columns, time_boxes(figure), drawn, duration, note, titles, cells)


def save_comparison(context: TaskContext, sounds: Sequence[Sound], path: str) -> str:
    """Write the comparison that was drawn last, as a page, or as the picture that is shown; return a message."""
    from retrotone.figures.base import png
    from retrotone.report import compare
    from retrotone.utils.files import write_whole

    context.progress(0.0, f"writing {Path(path).name}")
    if Path(path).suffix.lower() == ".png":
        _, figure = _comparison[tuple(str(sound.path) for sound in sounds)]
        write_whole(Path(path), png(figure))
    else:
        compare(_versions(sounds), progress=context.progress).save(path, overwrite=True)
    return f"Saved {path}."


def _versions(sounds: Sequence[Sound]) -> dict[str, Audio]:
    """Return sounds as recordings, by titles that differ."""
    from retrotone.utils import text

    titles = text.unique_titles([sound.name for sound in sounds])
    return {title: audio_of(sound) for title, sound in zip(titles, sounds, strict=True)}


def study_loss(context: TaskContext, width: int, scale: float) -> None:
    """Run the sweep of the study's loss on the bundled recordings; show figure and table after every row.

    Parameters
    ----------
    context : TaskContext
    width : int
        Of the figure, in pixels.
    scale : float
        Size of text, 1 at 100 %.
    """
    from retrotone.audio.audio import load
    from retrotone.study import experiments
    from retrotone.study.sweep import loss_figure, short_cells
    from retrotone.utils import assets

    song, record = load(assets.bundled_song()), load(assets.bundled_record())
    for rows in experiments.study_loss(song, record, context.progress):
        pictures = _draw_study(context, partial(loss_figure, rows), width, scale)
        context.show((pictures, [short_cells(row) for row in rows]))


def study_training(context: TaskContext, folder: str | None, width: int, scale: float) -> None:
    """Train the study's M5; show its curves and its accuracy after every epoch.

    Parameters
    ----------
    context : TaskContext
    folder : str, optional
        Holds a folder of recordings for each genre; by default the bundled song as three eras is used.
    width, scale
        As in `study_loss`.
    """
    from retrotone.figures.training import genre_training_figure
    from retrotone.study import experiments

    for history in experiments.study_training(folder, context.progress):
        draw = partial(genre_training_figure, {experiments.TRAINING_TITLE: history})
        context.show((_draw_study(context, draw, width, scale), experiments.training_cells(history)))


def redraw_study(context: TaskContext, width: int, scale: float) -> list[Path]:
    """Draw the study's figure that was shown last anew; nothing after a crash. Parameters as in `study_loss`."""
    context.progress(0.0, "drawing")
    return _draw_study(context, _study[0], width, scale) if _study else []


def _draw_study(context: TaskContext, draw: Callable[[], Figure], width: int, scale: float) -> list[Path]:
    """Return files with the pixels of a figure, light and dark, `width` pixels wide; `scale` is 1 at 100 %."""
    from retrotone.figures.base import fit, paint

    _study[:] = [draw]
    figure, dpi = draw(), SCREEN_DPI * scale
    fit(figure, width / dpi, STUDY_HEIGHT_INCHES)
    light = _pixels(context, figure, dpi)
    paint(figure, dark=True)
    return [light, _pixels(context, figure, dpi)]


def _pixels(context: TaskContext, figure: Figure, dpi: float) -> Path:
    """Write a figure's pixels as PPM, which Tk reads 20 times as fast as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    height, width, _ = pixels.shape
    with tempfile.NamedTemporaryFile(dir=context.folder, suffix=".ppm", delete=False) as file:
        file.write(b"P6 %d %d 255\n" % (width, height) + pixels.tobytes())
    return Path(file.name)


def write_sound(context: TaskContext, blocks: Iterable[Block], name: str, sample_rate: int, channels: int) -> Sound:
    """Write a sound to a file for the player; blocks have shape (channels, n)."""
    with tempfile.NamedTemporaryFile(dir=context.folder, suffix=".f32", delete=False) as file:
        for block in blocks:
            context.progress(0.0, f"reading {name}")
            file.write(np.ascontiguousarray(block.T, np.float32).data)
    return Sound(Path(file.name), name, sample_rate, channels)


def audio_of(sound: Sound) -> Audio:
    """Return a sound of the player as a recording."""
    from retrotone.audio.audio import Audio

    return Audio(sound.frames().T, sound.sample_rate, sound.name)


def check_unchanged(song: str) -> None:
    """Raise AudioError if a song's file was changed since it was opened, or another is there in its place."""
    version = file_version(song)
    if version is not None and _file_versions.get(song, version) != version:
        raise AudioError(f"{song} was changed since it was opened: open it again")


def summary_of(context: TaskContext, song: str) -> SongSummary:
    """Return the analysis of a song; that of the song that was opened last is there already."""
    from retrotone.services import listen

    return _summaries.get(song) or listen.listen(song, context.progress)
