"""What every handler of the page needs: its visitor's running jobs, and the files of the page's folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from retrotone.audio.files import AudioFile
from retrotone.audio.writing import AudioWriter
from retrotone.errors import AudioError, Cancelled
from retrotone.figures.base import paint, png
from retrotone.progress import Progress
from retrotone.utils.text import clock, sentence, title
from retrotone.web.uploads import Uploads

# longest song: other visitors wait meanwhile
MAX_SECONDS = 20 * 60.0
# jobs that are shorter, or nearly done, need no clock
TELLING_SECONDS = 2.0
# returned by a handler that was stopped
STOPPED: Any = gr.skip()
# formats that browsers play
PLAYED = (".wav", ".flac", ".ogg", ".opus", ".mp3")


class Jobs:
    """The running jobs of all visitors, and their files.

    Parameters
    ----------
    uploads : Uploads
        Uploads come from here, results go here.
    """

    def __init__(self, uploads: Uploads) -> None:
        self.uploads = uploads
        self._running: dict[str | None, set[threading.Event]] = {}

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
    def _job(
        self, request: gr.Request, bar: gr.Progress, is_given_up: Callable[[], bool] = lambda: False
    ) -> Iterator[Progress]:
        """Give a job its progress bar, end it where it is given up, and show an error as a sentence on the page."""
        stopped, visitor, context, began = threading.Event(), request.session_hash, copy_context(), time.monotonic()
        self._running.setdefault(visitor, set()).add(stopped)

        def progress(fraction: float, message: str) -> None:
            if stopped.is_set() or is_given_up():
                raise Cancelled("stopped")
            # the bar is found by its context, whichever thread reports
            left = _time_left(time.monotonic() - began, fraction)
            context.run(bar, fraction, desc=self.uploads.without_paths(message) + left)

        try:
            yield progress
        except Cancelled:
            # the page keeps what it shows
            if stopped.is_set():
                gr.Info("Stopped.")
        except Exception as error:
            raise self._refused(error) from error
        finally:
            self._running[visitor].discard(stopped)
            if not self._running[visitor]:
                del self._running[visitor]

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


def addresses(*paths: str) -> list[str]:
    """Return the addresses of files in the page's folder, as the page sees them."""
    return [f"gradio_api/file={quote(path)}" for path in paths]


def _time_left(elapsed: float, fraction: float) -> str:
    """Say how long a job will go on, once that can be told and is worth telling."""
    left = elapsed * (1 - fraction) / fraction if fraction > 0 else 0.0
    return f" (about {clock(left)} left)" if elapsed > TELLING_SECONDS and left > TELLING_SECONDS else ""
