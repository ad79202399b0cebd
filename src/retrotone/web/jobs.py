"""What every handler of the page needs: its visitor's running jobs, and the files of the page's folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from retrotone.audio.files import AudioFile
from retrotone.audio.writing import AudioWriter
from retrotone.errors import AudioError, Cancelled
from retrotone.figures.base import paint, png
from retrotone.progress import Progress
from retrotone.utils.templates import render_page
from retrotone.utils.text import clock, counted, sentence, shortened, title
from retrotone.web.renders import Renders, visitor
from retrotone.web.uploads import Uploads

# longest song: other visitors wait meanwhile
MAX_SECONDS = 20 * 60.0
# jobs that are shorter, or nearly done, need no clock
TELLING_SECONDS = 2.0
# seconds between two looks at whose turn it is
TURN_SECONDS = 0.1
# of all visitors, the last renders that failed after their pages had gone: not everybody comes back
FAILED_KEPT = 100
# characters of a progress message: two lines of a phone
LONGEST_MESSAGE = 60
# returned by a handler that was stopped
STOPPED: Any = gr.skip()
# formats that browsers play
PLAYED = (".wav", ".flac", ".ogg", ".opus", ".mp3")


@dataclass(eq=False)
class Job:
    """A job that runs, or failed unseen: its page, None once that has gone, its visitor, what it renders, how far."""

    session: str | None
    visitor: str
    title: str
    progress: str = ""
    error: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """The running jobs of all visitors, and their files.

    Parameters
    ----------
    uploads : Uploads
        Uploads come from here, results go here.
    """

    def __init__(self, uploads: Uploads) -> None:
        self.uploads = uploads
        self.renders = Renders()
        self._running: list[Job] = []
        # renders that failed after their pages had gone
        self._failed: list[Job] = []
        # one big job runs at a time: the first of these
        self._turns: list[object] = []

    def stop(self, request: gr.Request) -> None:
        """Stop what this page started, and what is still rendered for pages of this visitor that have gone."""
        for job in list(self._running):
            if job.session == request.session_hash or (job.session is None and job.visitor == visitor(request)):
                job.stopped.set()

    def leave(self, request: gr.Request) -> None:
        """Stop what a page that has gone started, but for renders, which its visitor finds in the list."""
        # what it listed as failed was seen
        self._failed = [job for job in self._failed if job.session != request.session_hash]
        for job in list(self._running):
            if job.session == request.session_hash:
                # a visitor without a cookie would not be known again
                if job.title and job.visitor != job.session:
                    job.session = None
                else:
                    job.stopped.set()

    def stop_all(self) -> None:
        """Stop everything: the page closes."""
        for job in list(self._running):
            job.stopped.set()

    def list_renders(self, request: gr.Request) -> tuple[str, str, gr.Timer]:
        """Return what is and was rendered for this visitor, twice, and a timer, which asks again while something is."""
        who = visitor(request)
        running = [job for job in list(self._running) if job.title and job.visitor == who]
        failed = [job for job in self._failed if job.visitor == who and job.session in (None, request.session_hash)]
        for job in failed:
            # the page that lists it until it is left
            job.session = request.session_hash
        listed = render_page("renders.html.j2", running=running, failed=failed, renders=self.renders.of(who))
        return listed, listed, gr.Timer(active=bool(running))

    @contextmanager
    def _job(
        self, request: gr.Request, bar: gr.Progress, is_given_up: Callable[[], bool] = lambda: False, title: str = ""
    ) -> Iterator[Progress]:
        """Give a job its progress bar, end it where it is given up, and show an error as a sentence on the page.

        A title tells what it renders: such a job goes on when its page has gone.
        """
        job, context, began = Job(request.session_hash, visitor(request), title), copy_context(), time.monotonic()
        self._running.append(job)

        def progress(fraction: float, message: str) -> None:
            nonlocal began
            if job.stopped.is_set() or is_given_up():
                raise Cancelled("stopped")
            if fraction == 0:
                # until now it may have waited for its turn
                began = time.monotonic()
            left = _time_left(time.monotonic() - began, fraction)
            words = shortened(self.uploads.without_paths(message), LONGEST_MESSAGE) + left
            job.progress = f"{fraction:.0%}{left}" if fraction else words
            # the bar is found by its context, whichever thread reports
            context.run(bar, fraction, desc=words)

        try:
            yield progress
        except Cancelled:
            # the page keeps what it shows
            if job.stopped.is_set():
                gr.Info("Stopped.")
        except Exception as error:
            if job.session is None:
                job.error = self._said(error)
                self._failed = [*self._failed, job][-FAILED_KEPT:]
            raise self._refused(error) from error
        finally:
            self._running.remove(job)

    @contextmanager
    def _turn(self, progress: Progress) -> Iterator[None]:
        """Let a big job wait until it is the first; Gradio's queue would drop it when its page goes."""
        turn = object()
        self._turns.append(turn)
        try:
            while before := self._turns.index(turn):
                progress(0.0, f"waiting for {counted(before, 'other job')}")
                time.sleep(TURN_SECONDS)
            yield
        finally:
            self._turns.remove(turn)

    def _refused(self, error: Exception) -> gr.Error:
        """Return an error as the page shows it."""
        text = self._said(error)
        return gr.Error(text, title="That did not work", duration=None, print_exception=False)

    def _said(self, error: Exception) -> str:
        """Return an error as a sentence that names no folder of the server."""
        return self.uploads.without_paths(sentence(error))

    def _opened(self, path: str | None, what: str = "song") -> AudioFile:
        """Open an upload once; `AudioError` if it is missing, broken or too long."""
        if not path:
            raise AudioError(f"there is no {what} yet: upload one")
        recording = AudioFile(path)
        if recording.duration > MAX_SECONDS:
            raise AudioError(
                f"{title(path)} lasts {clock(recording.duration)}: "
                f"this page takes up to {MAX_SECONDS / 60:.0f} minutes, the command line has no such limit"
            )
        return recording

    def _picture(self, figure: Any, name: str) -> str:
        """Write a figure, and beside it a dark one, which page.js shows in the dark theme."""
        path = self.uploads.new_folder() / f"{name}.png"
        path.write_bytes(png(figure))
        paint(figure, dark=True)
        path.with_name(f"{name}-dark.png").write_bytes(png(figure))
        return str(path)

    def _playable(self, path: str | Path) -> str:
        """Return the file, or a FLAC copy if browsers do not play its format."""
        path = Path(path)
        if path.suffix.lower() in PLAYED:
            return str(path)
        source, copy = AudioFile(path), path.with_suffix(".flac")
        if not copy.exists():
            with AudioWriter(copy, source.channels, source.sample_rate) as writer:
                for block in source.blocks():
                    writer.write(block)
        return str(copy)


def _time_left(elapsed: float, fraction: float) -> str:
    """Say how long a job will go on, once that can be told and is worth telling."""
    left = elapsed * (1 - fraction) / fraction if fraction > 0 else 0.0
    return f" (about {clock(left)} left)" if elapsed > TELLING_SECONDS and left > TELLING_SECONDS else ""
