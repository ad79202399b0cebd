"""What the page does: each verb is one call into the workbench, and what came of it as files and words to show.

The parameters' names and defaults are the API's. Nothing is kept from one call to the next.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import Any

import gradio as gr

from retrotone.audio.audio import Audio, load
from retrotone.audio.files import AudioFile, AudioWriter
from retrotone.errors import AudioError, Cancelled, LibraryError, StyleError
from retrotone.figures.base import png
from retrotone.figures.training import genre_training_figure
from retrotone.library.catalogue.database import MissingLibrary
from retrotone.library.library import Library, Match
from retrotone.metrics import SECONDS as PICTURED_SECONDS
from retrotone.progress import Progress, part
from retrotone.rave.pretrained import DEFAULT_MODEL
from retrotone.services import generate
from retrotone.services.compare import comparison, comparison_cells
from retrotone.services.listen import genre_figure, listen
from retrotone.services.restyle import render_file
from retrotone.services.similar import sibling_cells, siblings
from retrotone.services.styles import Way, way, ways
from retrotone.study import experiments
from retrotone.study.sweep import SHORT_COLUMNS, loss_figure, short_cells
from retrotone.utils.assets import bundled_record, bundled_song
from retrotone.utils.text import clock, sentence, title, unique_titles
from retrotone.web.uploads import Folder

RECORD = "record"  # the style that is a recording of one's own
MAX_SECONDS = 20 * 60.0  # of a song: others wait meanwhile
MAX_CLIP_SECONDS = 60.0
SIBLINGS = 5
EXCERPT_SECONDS = 30.0  # of a sibling: enough to know it
STOPPED: Any = gr.skip()  # what a verb returns that was
PLAYED = (".wav", ".flac", ".ogg", ".opus", ".mp3")  # by browsers
SIBLING_TITLES = ("track", "genre", "length", "similarity")


def styles() -> dict[str, Way]:
    """Return what can be chosen on this page by name: the eras, and the models that are here."""
    return {each.name: each for each in ways() if each.here}


class Verbs:
    """The verbs of one page.

    Parameters
    ----------
    folder : Folder
        Uploads come from here, results go here.
    library : path-like, optional
        Where siblings are looked for.
    """

    def __init__(self, folder: Folder, library: str | os.PathLike[str] | None = None) -> None:
        self.folder, self.library = folder, library
        self._running: dict[str | None, set[threading.Event]] = {}

    def retro(
        self,
        request: gr.Request,
        song: str,
        style: str = "1930s",
        strength: float = 1.0,
        record: str | None = None,
        bar: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio is told that it is wanted
    ) -> tuple[str, str, str, dict[str, Any]]:
        """Give a song the sound of an era, a recording or a model."""
        with self._job(request, bar) as progress:
            self._check(song)
            if style == RECORD:
                self._check(record, "record")
                chosen = way("record", str(record))
            else:
                chosen = _chosen(style)
            path, done = render_file(
                song, chosen, self.folder.room(), strength, progress=part(progress, 0.0, 0.7)
            )
            result = load(path, PICTURED_SECONDS)
            compared = comparison(
                {"original": load(song, PICTURED_SECONDS), chosen.title: result}, part(progress, 0.7, 1.0)
            )
            return done, self._playable(path), self._picture(compared.figure), _table(compared)
        return STOPPED

    def genre(
        self,
        request: gr.Request,
        song: str,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, dict[str, float], dict[str, float], str]:
        """Tell a song's genre, or that it is not sure."""
        with self._job(request, bar) as progress:
            self._check(song)
            heard = listen(song, progress)
            verdict = f"**{heard.title}** ({heard.facts}). {heard.verdict}"
            return verdict, dict(heard.genres), dict(heard.tags), self._picture(genre_figure(heard))
        return STOPPED

    def similar(
        self,
        request: gr.Request,
        song: str,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        """Find the five tracks of the library that sound most like a song."""
        with self._job(request, bar) as progress:
            self._check(song)
            with Library(self.library) as library:
                try:
                    len(library)  # before anything is listened to
                except MissingLibrary as error:
                    raise LibraryError(
                        "this page has no library: run retrotone library scan FOLDER, then start it again"
                    ) from error
                heard = listen(song, part(progress, 0.0, 0.8))
                found = siblings(library, heard, SIBLINGS, part(progress, 0.8, 0.9))
            progress(0.9, "cutting excerpts")
            excerpts = [self._excerpt(match) for match in found] + [None] * (SIBLINGS - len(found))
            rows = [[*sibling_cells(match.track), f"{match.similarity:.2f}"] for match in found]
            return f"What sounds most like **{heard.title}**:", _cells(SIBLING_TITLES, rows), *excerpts
        return STOPPED

    def compare(
        self,
        request: gr.Request,
        files: list[str],
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, str, dict[str, Any]]:
        """Measure and draw two or three versions of a song, the original first."""
        with self._job(request, bar) as progress:
            if not 2 <= len(files or ()) <= 3:
                raise AudioError("upload two or three versions of a song, the original first")
            for file in files:
                self._check(file)
            versions: dict[str, Audio] = {}
            for name, file in zip(unique_titles(files), files, strict=True):
                progress(0.0, f"reading {name}")
                versions[name] = load(file, PICTURED_SECONDS)
            compared = comparison(versions, progress)
            first, *others = versions
            words = f"**{first}** beside {' and '.join(f'**{name}**' for name in others)}{_cut(files)}."
            return words, self._picture(compared.figure), _table(compared)
        return STOPPED

    def generate(
        self,
        request: gr.Request,
        model: str = DEFAULT_MODEL,
        walk: str = "slerp",
        seconds: float = 10.0,
        seed: int = 0,
        temperature: float = 1.0,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, str, str]:
        """Let a RAVE model make up a clip."""
        with self._job(request, bar) as progress:
            if seconds > MAX_CLIP_SECONDS:
                raise StyleError(f"{seconds:g} s are too many: take up to {MAX_CLIP_SECONDS:.0f}")
            clip = generate.generate(_chosen(model).name, walk, seconds, int(seed), temperature, progress)
            path = clip.audio.save(self.folder.room() / clip.file_name)
            return clip.sentence, str(path), self._picture(clip.figure)
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
                yield table, self._picture(loss_figure(rows))

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
                    self._picture(genre_training_figure({experiments.TRAINING_TITLE: history})),
                )

    def stop(self, request: gr.Request) -> None:
        """Stop what this visitor started."""
        for event in list(self._running.get(request.session_hash, ())):
            event.set()

    def stop_all(self) -> None:
        """Stop everything: the page closes."""
        for events in list(self._running.values()):
            for event in list(events):
                event.set()

    @contextmanager
    def _job(self, request: gr.Request, bar: gr.Progress) -> Iterator[Progress]:
        """Give a job its progress bar, and turn what goes wrong into a sentence on the page."""
        stopped, visitor, context = threading.Event(), request.session_hash, copy_context()
        self._running.setdefault(visitor, set()).add(stopped)

        def progress(fraction: float, message: str) -> None:
            if stopped.is_set():
                raise Cancelled("stopped")
            context.run(bar, fraction, desc=self.folder.nameless(message))  # whichever thread it comes from

        try:
            yield progress
        except Cancelled:
            gr.Info("Stopped.")  # what is shown stays
        except Exception as error:
            text = self.folder.nameless(sentence(error))
            raise gr.Error(text, title="That did not work", duration=None, print_exception=False) from error
        finally:
            self._running[visitor].discard(stopped)
            if not self._running[visitor]:
                del self._running[visitor]

    def _check(self, path: str | None, what: str = "song") -> None:
        """Refuse no song, a broken one and an endless one."""
        if not path:
            raise AudioError(f"there is no {what} yet: upload one")
        duration = AudioFile(path).duration
        if duration > MAX_SECONDS:
            raise AudioError(
                f"{title(path)} lasts {clock(duration)}: "
                f"this page takes up to {MAX_SECONDS / 60:.0f} minutes, the command line has no such limit"
            )

    def _picture(self, figure: Any) -> str:
        path = self.folder.room() / "picture.png"
        path.write_bytes(png(figure))
        return str(path)

    def _playable(self, path: Path) -> str:
        """Return a file that browsers play, of the same sound."""
        if path.suffix.lower() in PLAYED:
            return str(path)
        source, copy = AudioFile(path), path.with_suffix(".flac")
        with AudioWriter(copy, source.channels, source.sample_rate) as writer:
            for block in source.blocks():
                writer.write(block)
        return str(copy)

    def _excerpt(self, match: Match) -> str | None:
        """Return the middle of a track as a file of ours, as the library's own are not served; None if it is gone."""
        try:
            file = AudioFile(match.track.path)
            start = max(0.0, (file.duration - EXCERPT_SECONDS) / 2)
            excerpt = Audio(file.excerpt(start, EXCERPT_SECONDS), file.sample_rate, match.track.name)
        except (AudioError, OSError):
            return None
        return str(excerpt.save(self.folder.room() / "excerpt.ogg"))


def _chosen(name: str) -> Way:
    """Return an era or a model of this page: names of files are none."""
    if name not in (known := styles()):
        raise StyleError(f"there is no style called {name}: choose one of {', '.join(known)}")
    return known[name]


def _cut(files: Sequence[str]) -> str:
    longest = max(AudioFile(file).duration for file in files)
    return ", the first minute of each" if longest > PICTURED_SECONDS else ""


def _table(compared: Any) -> dict[str, Any]:
    return _cells(*comparison_cells(compared))


def _cells(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    return {"headers": list(titles), "data": [list(row) for row in rows]}
