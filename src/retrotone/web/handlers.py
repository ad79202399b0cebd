"""What the page does: each handler calls `retrotone.services` or `retrotone.study`, and returns files and text.

The parameters' names and defaults are those of the page's API. What is heard at once is in `retrotone.web.live`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from retrotone.audio.audio import Audio, load
from retrotone.audio.files import AudioFile
from retrotone.errors import AudioError, Cancelled, LibraryError, RetrotoneError, StyleError
from retrotone.figures.training import genre_training_figure
from retrotone.library.catalogue.base import MissingLibrary
from retrotone.library.library import Library
from retrotone.library.search.filters import Filter, read_filter
from retrotone.library.sections import open_place
from retrotone.metrics import SECONDS as PICTURED_SECONDS
from retrotone.progress import Progress, part, silent
from retrotone.report import compare
from retrotone.services import generate
from retrotone.services.compare import comparison_cells
from retrotone.services.listen import SongSummary, genre_figure, listen
from retrotone.services.restyle import restyle_file
from retrotone.services.similar import similar_tracks, track_cells
from retrotone.study import experiments
from retrotone.study.sweep import SHORT_COLUMNS, loss_figure, short_cells
from retrotone.style.choices import find_style
from retrotone.utils.assets import bundled_record, bundled_song
from retrotone.utils.pretrained import DEFAULT_MODEL
from retrotone.utils.text import clock, sentence, shortened, title, unique_titles
from retrotone.web.dials import settings_text
from retrotone.web.jobs import STOPPED
from retrotone.web.live import RECORD, LiveSound, keep, sound_key
from retrotone.web.renders import addresses, visitor
from retrotone.web.uploads import Uploads

MAX_CLIP_SECONDS = 60.0
MAX_SEED = 2**32 - 1
# of all visitors, the last ones: an analysis takes seconds
SUMMARIES_KEPT = 20
# of a similar track: enough to recognise it
EXCERPT_SECONDS = 30.0
# what a comparison looks at, in words
FIRST_PART = "first minute"
SIMILAR_TITLES = ("track", "genre", "length", "similarity")


@dataclass(frozen=True)
class FoundTrack:
    """A similar track: its row in the table, and where the server finds it."""

    cells: tuple[str, ...]
    place: Any
    start: float | None
    end: float | None


@dataclass(frozen=True)
class Restyled:
    """A restyled song: its players as HTML, and the key of its sound."""

    players: str
    key: str


class Handlers(LiveSound):
    """The handlers of one page.

    Gradio passes the visitor's `request` and the progress bar to each; the others are the page's inputs, files by path.

    Parameters
    ----------
    uploads : Uploads
        Uploads come from here, results go here.
    library : path-like, optional
        Where similar tracks are looked for.
    """

    def __init__(self, uploads: Uploads, library: str | os.PathLike[str] | None = None) -> None:
        super().__init__(uploads)
        self.library = library
        self._summaries: dict[str, SongSummary] = {}

    def restyle(
        self,
        request: gr.Request,
        song: str,
        style: str = "1930s",
        strength: float = 1.0,
        record: str | None = None,
        dials: str = "",
        bar: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio passes a bar because of this default
    ) -> tuple[str, str, str, dict[str, Any], Restyled | None]:
        """Give a song the sound of an era, a recording, a preset or a model.

        Strength is from 0 (the song) to 1 (all of the style). Dials such as "noise:0.5,crackle:0" give parts of the
        medium from 0 (none of it) to 2 (twice as much).
        """
        # the whole song need not be rendered twice
        self._requested.pop(request.session_hash, None)
        sound = shortened(title(record) if record and style == RECORD else style) + settings_text(strength, dials)
        with (
            self._job(request, bar, title=f"{shortened(title(song or ''))} – {sound}") as progress,
            self._turn(progress),
        ):
            source = self._opened(song)
            choice = self._choice(style, record, dials, progress)
            path, done = restyle_file(
                source, choice, self.uploads.new_folder(), strength, progress=part(progress, 0.0, 0.7)
            )
            versions = {"original": load(source, PICTURED_SECONDS), choice.title: load(path, PICTURED_SECONDS)}
            compared = compare(versions, progress=part(progress, 0.7, 1.0))
            if source.duration > PICTURED_SECONDS:
                done += f" Figure and numbers are of the {FIRST_PART}."
            result, picture = self._playable(path), self._picture(compared.figure, path.stem)
            sources = addresses(self._playable(source.path), result)
            players = compared.players(sources, "#retro-picture img", Path(result).name)
            self.renders.add(visitor(request), result)
            key = sound_key(song, style, strength, record, dials)
            return done, result, picture, _table(compared), Restyled(players, key)
        return *[STOPPED] * 4, None

    def genre(
        self,
        request: gr.Request,
        song: str,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, dict[str, float], dict[str, float], str]:
        """Classify the genre of a song, or say that it is not sure."""
        with self._job(request, bar) as progress, self._turn(progress):
            return self._genre_shown(self._summary(self._opened(song), progress))
        return STOPPED

    def similar(
        self,
        request: gr.Request,
        song: str,
        tempo: str = "",
        key: str = "",
        year: str = "",
        genre: str = "",
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, dict[str, Any], list[FoundTrack]]:
        """Find the 25 tracks of the library that sound most like a song.

        Tempo ("90-110", in beats per minute), key ("Am"), year ("1950-1959") and genre ("jazz") narrow the search.
        """
        with self._job(request, bar) as progress, self._turn(progress):
            source, only = self._opened(song), _filter(tempo, key, year, genre)
            # a missing library is reported before the song is analysed
            with self._opened_library() as library:
                summary = self._summary(source, part(progress, 0.0, 0.8))
                return _similar_shown(library, summary, only, part(progress, 0.8, 1.0))
        return STOPPED

    def similar_now(
        self, song: str | None, tempo: str, key: str, year: str, genre: str, found: list[FoundTrack]
    ) -> Any:
        """Return what `similar` finds by now, if that is something else: the library may have grown."""
        if summary := self._summaries.get(song or ""):
            # nobody asked: an error is for the next search
            with suppress(RetrotoneError), self._opened_library() as library:
                shown = _similar_shown(library, summary, _filter(tempo, key, year, genre), silent)
                if shown[-1] != found:
                    return shown
        return STOPPED

    def describe_again(self, request: gr.Request, song: str, tempo: str, key: str, year: str, genre: str) -> Any:
        """Describe a song on a page that is loaded again, if it was described before."""
        if song in self._summaries:
            return self.describe(request, song, tempo, key, year, genre)
        return STOPPED

    def similar_excerpt(self, request: gr.Request, found: list[FoundTrack], chosen: gr.SelectData) -> Any:
        """Play the middle of a track that `similar` found, of which a cell of its row was chosen."""
        track = next((track for track in found if list(track.cells) == chosen.row_value), None)
        if track is None:
            return STOPPED
        try:
            # a copy, as the library's files are not served
            file = open_place(track.place, track.start, track.end)
            start = max(0.0, (file.duration - EXCERPT_SECONDS) / 2)
            excerpt = Audio(file.excerpt(start, EXCERPT_SECONDS), file.sample_rate, track.cells[0])
            path = excerpt.save(self.uploads.new_folder() / "excerpt.ogg")
        except (RetrotoneError, OSError) as error:
            raise self._refused(error) from error
        return gr.Audio(str(path), label=track.cells[0], visible=True)

    def describe(
        self,
        request: gr.Request,
        song: str,
        tempo: str = "",
        key: str = "",
        year: str = "",
        genre: str = "",
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        """Describe a song that was uploaded: in a line, then as `genre` and `similar` do."""
        genres: tuple[Any, ...] = ("", None, None, None)
        similar: tuple[Any, ...] = ("", _cells(SIMILAR_TITLES, []), [])
        with self._job(request, bar, lambda: self._is_replaced(request, song)) as progress:
            try:
                summary = self._summary(self._opened(song), part(progress, 0.0, 0.8))
                words = f"{summary.verdict} Tags: {', '.join(name for name, _ in summary.tags[:3])}."
                genres = self._genre_shown(summary)
                with self._opened_library() as library:
                    only = _filter(tempo, key, year, genre)
                    similar = _similar_shown(library, summary, only, part(progress, 0.8, 1.0))
                words += f" Most like it: {', '.join(row[0] for row in similar[1]['data'][:3])}."
            except Cancelled:
                raise
            except LibraryError as error:
                similar = (sentence(error), *similar[1:])
            except RetrotoneError as error:
                # nobody asked for a description: that there is none is no failure
                words = self._said(error)
            progress(1.0, "described")
            return words, *genres, *similar
        return STOPPED

    def compare(
        self,
        request: gr.Request,
        files: list[str],
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, str, dict[str, Any], str | None]:
        """Measure and draw two or three versions of a song, the original first."""
        with self._job(request, bar) as progress, self._turn(progress):
            if not 2 <= len(files or ()) <= 3:
                raise AudioError("upload two or three versions of a song, the original first")
            recordings = [self._opened(file) for file in files]
            versions: dict[str, Audio] = {}
            for name, recording in zip(unique_titles([title(file) for file in files]), recordings, strict=True):
                progress(0.0, f"reading {name}")
                versions[name] = load(recording, PICTURED_SECONDS)
            compared = compare(versions, progress=progress)
            first, *others = (
                f"{name} ({clock(recording.duration)})" for name, recording in zip(versions, recordings, strict=True)
            )
            words = f"{first} compared with {' and '.join(others)}"
            cut = max(recording.duration for recording in recordings) > PICTURED_SECONDS
            words += f": the {FIRST_PART} of each." if cut else ", from beginning to end."
            sources = addresses(*(self._playable(recording.path) for recording in recordings))
            players = compared.players(sources, "#compare-picture img")
            return words, self._picture(compared.figure, "comparison"), _table(compared), players
        return *[STOPPED] * 3, None

    def generate(
        self,
        request: gr.Request,
        model: str = DEFAULT_MODEL,
        walk: str = "records",
        seconds: float = 10.0,
        seed: int = 0,
        temperature: float = 1.0,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, str, str]:
        """Let a RAVE model generate a clip."""
        name = Path(generate.clip_name(model, walk, int(seed), temperature, seconds)).stem
        with self._job(request, bar, title=name) as progress, self._turn(progress):
            if seconds > MAX_CLIP_SECONDS:
                raise StyleError(f"{seconds:g} s are too many: take up to {MAX_CLIP_SECONDS:.0f}")
            clip = generate.generate(
                find_style(model, "rave", files=False).name, walk, seconds, int(seed), temperature, progress
            )
            path = clip.audio.save(self.uploads.new_folder() / clip.file_name)
            picture = self._picture(clip.figure, path.stem)
            self.renders.add(visitor(request), str(path))
            return clip.sentence, str(path), picture
        return STOPPED

    def sweep(
        self,
        request: gr.Request,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[tuple[dict[str, Any], str]]:
        """Run the sweep of the study's style loss on the bundled recordings."""
        with self._job(request, bar) as progress:
            song, record = load(bundled_song()), load(bundled_record())
            for rows in experiments.study_loss(song, record, progress):
                table = _cells(SHORT_COLUMNS, [short_cells(row) for row in rows])
                yield table, self._picture(loss_figure(rows), "style-loss")

    def train(
        self,
        request: gr.Request,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[tuple[str, str]]:
        """Train the study's M5 on the bundled song as three eras sound."""
        with self._job(request, bar) as progress:
            for history in experiments.study_training(progress=progress):
                yield (
                    experiments.training_sentence(history),
                    self._picture(genre_training_figure({experiments.TRAINING_TITLE: history}), "m5"),
                )

    def _summary(self, song: AudioFile, progress: Progress) -> SongSummary:
        """Analyse a song, once."""
        summary = self._summaries.get(song.name) or listen(song, progress)
        keep(self._summaries, song.name, summary, SUMMARIES_KEPT)
        return summary

    def _genre_shown(self, summary: SongSummary) -> tuple[str, dict[str, float], dict[str, float], str]:
        verdict = f"{summary.title} ({summary.facts}). {summary.verdict}"
        picture = self._picture(genre_figure(summary), f"{Path(summary.name).stem}-genre")
        return verdict, dict(summary.genres), dict(summary.tags), picture

    @contextmanager
    def _opened_library(self) -> Iterator[Library]:
        with Library(self.library) as library:
            try:
                len(library)
                yield library
            except MissingLibrary as error:
                raise LibraryError(
                    "this page has no library yet: whoever started it can scan a folder of music"
                ) from error
            except LibraryError as error:
                # where the library lies is not for visitors
                if library.name not in str(error):
                    raise
                raise LibraryError(
                    "this page's library cannot be read: whoever started it can run retrotone library check"
                ) from error


def _filter(tempo: str, key: str, year: str, genre: str) -> Filter:
    return read_filter({"bpm": tempo, "key": key, "year": year, "genre": genre})


def _similar_shown(
    library: Library, summary: SongSummary, only: Filter, progress: Progress
) -> tuple[str, dict[str, Any], list[FoundTrack]]:
    found = []
    for match in similar_tracks(library, summary, progress, only):
        track, cells = match.track, (*track_cells(match.track), f"{match.similarity:z.0%}")
        found.append(FoundTrack(cells, track.place, track.start, track.end))
    words = f"What sounds most like {summary.title}:"
    return words, _cells(SIMILAR_TITLES, [track.cells for track in found]), found


def _table(compared: Any) -> dict[str, Any]:
    return _cells(*comparison_cells(compared.table))


def _cells(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    return {"headers": list(titles), "data": [list(row) for row in rows]}
