"""What the window lets its worker do: the workbench's verbs, with answers small enough for a pipe.

Sounds stay in files of the session's folder, which the player maps into memory. What is heavy is imported by the tasks
themselves, as the window imports this module, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrotone.desktop.jobs import Desk
from retrotone.errors import LibraryError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from retrotone.library.library import Library
    from retrotone.report import Comparison
    from retrotone.services.listen import Heard

SCREEN_DPI = 88  # at 100 %
STUDY_INCHES = 3.9  # high
_heard: dict[str, Heard] = {}  # the song that was listened to last
_comparison: dict[tuple[str, ...], Comparison] = {}  # the one that was drawn last


@dataclass(frozen=True)
class Sound:
    """A decoded recording in a file of float32 samples, frame by frame."""

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
    """A song that was listened to; see `retrotone.services.restyle.Heard`."""

    name: str
    title: str
    facts: str
    verdict: str
    sure: bool
    genres: list[tuple[str, float]]
    tags: list[tuple[str, float]]
    duration: float
    waveform: NDArray[np.float32]
    stretches: NDArray[np.float64]
    timeline: NDArray[np.float64]
    timeline_genres: list[str]


@dataclass(frozen=True, eq=False)
class Version:
    """A rendered song."""

    title: str
    sentence: str
    file_name: str
    sound: Sound
    waveform: NDArray[np.float32]


@dataclass(frozen=True)
class Choice:
    """A way to retro a song; see `retrotone.services.styles.Way`."""

    kind: str
    name: str
    title: str
    description: str
    here: bool


@dataclass(frozen=True)
class Sibling:
    """A track of the library as a row of a table; `x`, `y` and `colour` are for the map."""

    path: str
    cells: tuple[str, ...]
    x: float = 0.0
    y: float = 0.0
    genre: str = ""
    colour: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure as a file of pixels, where its columns' time axes lie as shares of its width, and its table."""

    file: Path
    columns: list[tuple[float, float]]
    duration: float
    titles: list[str]
    cells: list[list[str]]


def choices(desk: Desk) -> list[Choice]:
    """Return the ways to retro a song."""
    from retrotone.services import styles

    return [Choice(w.kind, w.name, w.title, w.description, w.here) for w in styles.ways()]


def own_choice(desk: Desk, kind: str, path: str) -> Choice:
    """Return the way to sound like a recording, or as a model of one's own plays; both are looked into first."""
    from retrotone.services import styles
    from retrotone.services.styles import find_style

    way = styles.way(kind, path)
    find_style(way.name, "rave" if kind == "rave" else None)
    return Choice(way.kind, way.name, way.title, way.description, way.here)


def bundled(desk: Desk) -> str:
    """Return the path of the song that ships with retrotone."""
    from retrotone.utils import assets

    return str(assets.bundled_song())


def decode(desk: Desk, path: str) -> Sound:
    """Decode a recording for the player."""
    from retrotone.audio.files import AudioFile
    from retrotone.utils import text

    file = AudioFile(path)
    return _kept(desk, file.blocks(), text.title(path), file.sample_rate, file.channels)


def listen(desk: Desk, path: str) -> Song:
    """Listen to a song; `decode` it first and show that, so that it can be heard at once."""
    from retrotone.genre.base import stretches
    from retrotone.services import listen

    desk.show(decode(desk, path))
    heard = listen.listen(path, desk.progress)
    _heard.clear()
    _heard[path] = heard
    answer = heard.answer
    assert answer.times is not None
    assert answer.timeline is not None
    return Song(
        name=heard.name,
        title=heard.title,
        facts=heard.facts,
        verdict=heard.verdict,
        sure=answer.sure,
        genres=heard.genres,
        tags=heard.tags,
        duration=heard.duration,
        waveform=heard.waveform,
        stretches=stretches(answer.times, heard.duration),
        timeline=answer.timeline,
        timeline_genres=list(answer.probabilities),
    )


def render(desk: Desk, song: str, choice: Choice, strength: float, seed: int) -> Version:
    """Give a song another sound."""
    from retrotone.features.spectral import waveform_envelope
    from retrotone.services import listen, restyle, styles

    done = restyle.render(song, styles.way(choice.kind, choice.name), strength, seed, progress=desk.progress)
    audio = done.audio
    sound = _kept(desk, audio.blocks(), done.way.title, audio.sample_rate, audio.channels)
    waveform = waveform_envelope(audio, listen.POINTS)
    return Version(done.way.title, done.sentence, done.file_name, sound, waveform)


def save(desk: Desk, sound: Sound, path: str) -> str:
    """Write a sound to a file, and say so."""
    from retrotone.services import restyle

    desk.progress(0.0, f"saving {Path(path).name}")
    return restyle.save(_audio(sound), path)


def compare(
    desk: Desk,
    sounds: Sequence[Sound],
    stretch: tuple[float, float] | None,
    width: int,
    height: int,
    scale: float,
) -> Picture:
    """Draw versions of a song, the original first; of the first minute all, or a stretch of it."""
    from retrotone.figures.base import fit, zoom
    from retrotone.services import compare
    from retrotone.utils import text

    key = tuple(str(sound.path) for sound in sounds)
    if key not in _comparison:
        titles = text.unique_titles([sound.name for sound in sounds])
        versions = {title: _audio(sound) for title, sound in zip(titles, sounds, strict=True)}
        _comparison.clear()
        _comparison[key] = compare.comparison(versions, desk.progress)
    comparison = _comparison[key]
    figure, dpi = comparison.figure, SCREEN_DPI * scale
    desk.progress(0.95, "drawing")
    if figure.get_size_inches().tolist() != [width / dpi, height / dpi]:
        fit(figure, width / dpi, height / dpi)
    duration = min(max(sound.duration for sound in sounds), compare.SECONDS_COMPARED)
    columns = zoom(figure, *(stretch or (0.0, duration)))
    return Picture(_pixels(desk, figure, dpi), columns, duration, *compare.comparison_cells(comparison))


def save_comparison(desk: Desk, sounds: Sequence[Sound], path: str) -> str:
    """Write the comparison that was drawn last, as a page or a picture."""
    desk.progress(0.0, f"writing {Path(path).name}")
    return f"Saved {_comparison[tuple(str(sound.path) for sound in sounds)].save(path)}."


def similar(desk: Desk, library: str | None, song: str) -> list[Sibling]:
    """Return the five siblings of the song that was listened to."""
    from retrotone.library.catalogue.database import MissingLibrary
    from retrotone.services import listen, similar

    heard = _heard.get(song) or listen.listen(song, desk.progress)
    with _library(library) as opened:
        try:
            matches = similar.siblings(opened, heard, progress=desk.progress)
        except MissingLibrary as error:
            raise LibraryError(
                "there is no library yet: add a folder in the tab Library and scan it"
            ) from error
    return [
        Sibling(match.track.path, (*similar.sibling_cells(match.track), f"{match.similarity:.3f}"))
        for match in matches
    ]


def export(desk: Desk, library: str | None, tracks: Sequence[str], path: str) -> str:
    """Write tracks of the library as a playlist, and say so."""
    with _library(library) as opened:
        found = [track for track in map(opened.find, tracks) if track is not None]
        return f"Saved {opened.export(path, found)}: {len(found)} tracks."


def scan(desk: Desk, library: str | None, folders: Sequence[str]) -> str:
    """Bring the library up to date with folders; say what was found."""
    with _library(library) as opened:
        report = opened.scan(folders, progress=desk.progress)
    return "\n".join([f"{report.summary}.", *report.reasons])


def chart_if_any(desk: Desk, library: str | None) -> list[Sibling]:
    """Return where each track lies on the map of the library; none where there is no library yet."""
    from retrotone.library.catalogue.database import MissingLibrary
    from retrotone.services import similar

    desk.progress(0.0, "drawing the map")
    with _library(library) as opened:
        try:
            places = opened.places()
        except MissingLibrary:
            return []
    return [
        Sibling(p.track.path, tuple(similar.sibling_cells(p.track)), p.x, p.y, p.genre, p.colour)
        for p in places
    ]


def study_loss(desk: Desk, width: int, scale: float) -> None:
    """Run the sweep of the study's loss on the bundled recordings; show figure and table after every row."""
    from retrotone.audio.audio import load
    from retrotone.study import experiments
    from retrotone.study.sweep import loss_figure, short_cells
    from retrotone.utils import assets

    song, record = load(assets.bundled_song()), load(assets.bundled_record())
    for rows in experiments.study_loss(song, record, desk.progress):
        desk.show((_screen(desk, loss_figure(rows), width, scale), [short_cells(row) for row in rows]))


def study_training(desk: Desk, folder: str | None, width: int, scale: float) -> None:
    """Train the study's M5; show its curves and what it gets right after every epoch."""
    from retrotone.figures.training import genre_training_figure
    from retrotone.study import experiments

    for history in experiments.study_training(folder, desk.progress):
        desk.show(
            (
                _screen(desk, genre_training_figure({experiments.TRAINING_TITLE: history}), width, scale),
                experiments.training_cells(history),
            )
        )


def _screen(desk: Desk, figure: Figure, width: int, scale: float) -> Path:
    """Return the pixels of a figure, so many across, as high as letters of that size allow."""
    from retrotone.figures.base import fit

    dpi = SCREEN_DPI * scale
    fit(figure, width / dpi, STUDY_INCHES)
    return _pixels(desk, figure, dpi)


def _pixels(desk: Desk, figure: Figure, dpi: float) -> Path:
    """Write a figure's pixels in the format that Tk reads fastest: PNG holds the window up 20 times as long."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    height, width, _ = pixels.shape
    with tempfile.NamedTemporaryFile(dir=desk.folder, suffix=".ppm", delete=False) as file:
        file.write(b"P6 %d %d 255\n" % (width, height) + pixels.tobytes())
    return Path(file.name)


def _kept(desk: Desk, blocks: Iterable[NDArray[Any]], name: str, sample_rate: int, channels: int) -> Sound:
    """Write a sound for the player."""
    with tempfile.NamedTemporaryFile(dir=desk.folder, suffix=".f32", delete=False) as file:
        for block in blocks:
            desk.progress(0.0, f"reading {name}")
            file.write(np.ascontiguousarray(block.T, np.float32).data)
    return Sound(Path(file.name), name, sample_rate, channels)


def _audio(sound: Sound) -> Any:
    from retrotone.audio.audio import Audio

    return Audio(sound.frames().T, sound.sample_rate, sound.name)


def _library(path: str | None) -> Library:
    from retrotone.library.library import Library

    return Library(path)
