"""The study's two experiments at a small scale, each yielding its results as they come."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from retrotone.audio.audio import Audio, load
from retrotone.errors import Cancelled
from retrotone.progress import Progress, part, silent
from retrotone.study.sweep import LossRow, sweep
from retrotone.style.ageing import age
from retrotone.utils.assets import bundled_song
from retrotone.utils.temporary import TemporaryFolder

if TYPE_CHECKING:
    from retrotone.genre.training import Point

# Of the sweep: half a minute on one core, enough for every row to show its effect.
STEPS, SECONDS = 10, 0.8
# Of M5.
EPOCHS, SEGMENT_SECONDS = 30, 1.0
ERA_CLASSES = ("1900s", "1950s", "1990s")
# Of the bundled song.
PASSAGES = 4
# Between two results: to draw one takes half a second, in which the next has to wait for the processor.
SHOW_SECONDS = 1.0

TRAINING_TITLE = "M5 on the raw waveform"
T = TypeVar("T")


def study_loss(
    content: Audio, style: Audio, progress: Progress = silent, steps: int = STEPS, seconds: float = SECONDS
) -> Iterator[list[LossRow]]:
    """Run the sweep of the study's style loss; yield the rows so far each time one is done.

    Parameters
    ----------
    content, style : Audio
    progress : Progress
    steps : int
        At most, at a learning rate of 0.1; see `retrotone.study.sweep.sweep_losses`.
    seconds : float
        Of the excerpts.

    Raises
    ------
    AudioError
        A recording is silent.
    """
    rows: list[LossRow] = []
    for row in sweep(content, style, steps=steps, seconds=seconds, progress=progress):
        rows.append(row)
        yield list(rows)


def study_training(
    recordings: str | os.PathLike[str] | None = None, progress: Progress = silent, epochs: int = EPOCHS
) -> Iterator[list[Point]]:
    """Train the study's M5; yield its history so far after every epoch.

    Parameters
    ----------
    recordings : path-like, optional
        A folder for each genre, see `retrotone.genre.splits.sides`. By default the classes are three eras that the
        bundled song was aged by, validated on passages that are not learned from.
    progress : Progress
    epochs : int
        At most.

    Raises
    ------
    GenreError, AudioError
        A folder that cannot be learned from.
    """
    from retrotone.genre.training import Recipe, Training, train

    with TemporaryFolder("retrotone-study-") as folder:
        if recordings is None:
            recordings = folder / "eras"
            _make_eras(recordings, part(progress, 0.0, 0.1))
        recipe = Recipe(epochs=epochs, seconds=SEGMENT_SECONDS, patience=epochs)

        def work(show: Callable[[list[Point]], None]) -> None:
            def saved(trainings: Sequence[Training]) -> None:
                show(list(trainings[0].history))

            train(recordings, folder / "training", recipe, saved=saved, progress=part(progress, 0.1, 1.0))

        yield from as_they_come(work)


def training_cells(history: Sequence[Point]) -> list[list[str]]:
    """Return the lines of a table: epoch, losses in training and validation, share of right answers."""
    return [[str(p.epoch), f"{p.train_loss:.3f}", f"{p.valid_loss:.3f}", f"{p.valid_accuracy:.0%}"] for p in history]


def training_sentence(history: Sequence[Point]) -> str:
    """Return the validation accuracy so far as a sentence."""
    last = history[-1]
    return f"After epoch {last.epoch} it classifies {last.valid_accuracy:.0%} of the validation tracks correctly."


def as_they_come(work: Callable[[Callable[[T], None]], None]) -> Iterator[T]:
    """Yield the values that `work` shows, one a second, the newest; the last is always yielded.

    An error of `work` is raised here. Closing the iterator stops it.

    Parameters
    ----------
    work : callable
        Called in a thread of its own, with a function to show a value.
    """
    shown: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
    stopped = threading.Event()

    def show(value: T) -> None:
        if stopped.is_set():
            raise Cancelled("stopped")
        shown.put(("value", value))

    def run() -> None:
        try:
            work(show)
            shown.put(("end", None))
        except BaseException as error:
            shown.put(("error", error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    due = time.monotonic()
    try:
        while True:
            kind, value = shown.get()
            latest = [value] if kind == "value" else []
            while kind == "value":
                try:
                    kind, value = shown.get(timeout=max(0.0, due - time.monotonic()))
                except queue.Empty:
                    break
                latest += [value] if kind == "value" else []
            yield from latest[-1:]  # type: ignore[misc]
            due = time.monotonic() + SHOW_SECONDS
            if kind == "error" and isinstance(value, BaseException):
                raise value
            if kind != "value":
                return
    finally:
        stopped.set()
        thread.join()


def _make_eras(folder: Path, progress: Progress) -> None:
    """Write ``ERA/PASSAGE/song.wav``: passages count as artists, so that each lies on one side of the split."""
    song = load(bundled_song()).mono()
    for number, era in enumerate(ERA_CLASSES):
        progress(number / len(ERA_CLASSES), f"ageing the bundled song by the {era}")
        aged = age(song, era)
        edges = np.linspace(0, aged.duration, PASSAGES + 1)
        for k in range(PASSAGES):
            passage = folder / era / f"passage {k + 1}"
            passage.mkdir(parents=True)
            aged.slice(edges[k], edges[k + 1]).save(passage / "song.wav", 16)
