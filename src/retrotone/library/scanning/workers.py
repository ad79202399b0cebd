"""Listeners: processes that hear one file at a time, and the loss of one of them costs no more than its file.

A decoder may crash on a damaged file or never come back, and the system may kill a process that needs too much memory.
Each listener has one file in hand, so it is known which one that was. `share_out` deals with all that, wherever the
listeners are: here as processes of this machine, in `cluster` as actors of many.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Protocol, TypeVar

import numpy as np

from retrotone.audio.audio import Audio
from retrotone.errors import LibraryError, MissingExtraError, RetrotoneError
from retrotone.features.analysis import Analysis, analyse
from retrotone.library.description import Description, describe
from retrotone.library.records import TAGS

TRIES = 2  # of a file whose listener died: it may not have been the file's fault
LIMIT_SECONDS = 120.0  # for one file: of each at most 90 s are heard, in half a second on an idle core
START_SECONDS = 300.0  # for the first listener: a cluster that grows on demand takes minutes to
TICK_SECONDS = 1.0  # from one look at the clock to the next
GRACE_SECONDS = 5.0  # for a listener to end when told to
# glibc's malloc.h; bytes that are free before any go back to the system, and bytes of an array that go back alone
M_TRIM_THRESHOLD, KEPT = -1, 1 << 28
M_MMAP_THRESHOLD, KEPT_AT_ONCE = -3, 1 << 25


@dataclass(frozen=True)
class Heard:
    """What a listener made of a file."""

    path: str
    tags: dict[str, str]
    analysis: Analysis
    description: Description


@dataclass(frozen=True)
class Failed:
    """Why a file was not heard; `lasting` if only another file would change that."""

    path: str
    reason: str
    lasting: bool = True


def hear(path: str) -> Heard | Failed:
    """Listen to a file: tags, analysis, description."""
    try:
        analysis = analyse(path)
        return Heard(path, read_tags(path), analysis, describe(analysis))
    except MissingExtraError as error:
        return Failed(path, str(error), lasting=False)
    except RetrotoneError as error:
        return Failed(path, str(error))
    except MemoryError:
        return Failed(path, f"{path} needs more memory than there is: close other programs", lasting=False)
    except Exception as error:  # one strange file must not end a scan of many
        return Failed(path, f"{path} cannot be heard ({error!r}): export it again")


def read_tags(path: str) -> dict[str, str]:
    """Return title, artist, album, genre and year by a file's tags, empty where they are not told."""
    from tinytag import TinyTag

    try:
        tags = TinyTag.get(path).as_dict()
    except Exception:  # tags are a courtesy: tinytag raises its own errors, struct's, and others
        tags = {}
    values = {name: tags.get(name) or [] for name in TAGS}
    return {name: "; ".join(map(str, v if isinstance(v, list) else [v])) for name, v in values.items()}


class Died(Exception):
    """A listener's process ended: what it had in hand is to be heard by another."""


class Listener(Protocol):
    """Whoever hears one file at a time.

    Attributes
    ----------
    path : str or None
        What it has in hand.
    since : float
        When it was given that, by `time.monotonic`.
    ready : bool
        It has loaded what it needs.
    """

    path: str | None
    since: float
    ready: bool

    def give(self, path: str) -> bool:
        """Hand over a file; False if the listener is dead."""

    def answer(self) -> Heard | Failed | None:
        """Return the news: what came of the file or, None, that it is ready.

        Raises
        ------
        Died
        LibraryError
            None like it can listen.
        """

    def end(self) -> None:
        """End it, whatever it does."""


L = TypeVar("L", bound=Listener)


def prepare() -> None:
    """Load all that hearing needs, by hearing some noise; from then on a file costs only itself, on one thread."""
    from threadpoolctl import threadpool_limits

    noise = 0.1 * np.random.default_rng(0).standard_normal((1, 4 * 22_050), np.float32)
    describe(analyse(Audio(noise, 22_050)))
    threadpool_limits(1, user_api="blas")  # there are as many listeners as cores
    _keep_memory()


def _keep_memory() -> None:
    """Have glibc keep what is freed for the next file: a clip of 30 s would take 8,000 new pages at 2 us each."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_MMAP_THRESHOLD, KEPT_AT_ONCE)


def hear_all(paths: Iterable[str], workers: int) -> Generator[Heard | Failed, None, None]:
    """Listen to files in so many processes of this machine; see `share_out`."""
    return share_out(paths, workers, _Process, _wait)


def share_out(
    paths: Iterable[str],
    workers: int,
    hire: Callable[[], L],
    wait_for: Callable[[Sequence[L], float], Iterable[L]],
) -> Generator[Heard | Failed, None, None]:
    """Share out files among listeners, and yield what comes of each as it comes, once.

    Parameters
    ----------
    paths : iterable of str
        Asked for the next one only when a listener is free: what is in hand is never more than `workers` files.
    workers : int
        How many listeners.
    hire : callable
        Starts one.
    wait_for : callable
        Given listeners and seconds, waits so long for news from any, and returns those that have some.

    Raises
    ------
    LibraryError
        No listener can be started.
    """
    queue, waiting, tries = iter(paths), list[str](), Counter[str]()
    listeners, outcomes = list[L](), list[Heard | Failed]()
    stillborn, last_ready = 0, time.monotonic()

    def more() -> bool:
        waiting.extend(() if waiting else islice(queue, 1))
        return bool(waiting)

    def replace(listener: L) -> None:
        listener.end()
        listeners.remove(listener)
        if more():
            listeners.append(hire())

    try:
        listeners.extend(hire() for _ in range(workers))
        while True:
            for listener in list(listeners):
                if listener.ready and listener.path is None and more():
                    if listener.give(waiting[-1]):
                        listener.path, listener.since = waiting.pop(), time.monotonic()
                    else:
                        replace(listener)
            yield from outcomes  # while the listeners are at work
            outcomes.clear()
            if not more() and all(listener.path is None for listener in listeners):
                return
            busy = [listener for listener in listeners if listener.path is not None or not listener.ready]
            for listener in wait_for(busy, TICK_SECONDS):
                path, listener.path = listener.path, None
                try:
                    outcome = listener.answer()
                    stillborn = 0
                except Died:
                    outcome = None
                    if path is None:
                        stillborn += 1
                    else:
                        tries[path] += 1
                        if tries[path] < TRIES:
                            waiting.append(path)
                        else:
                            outcome = Failed(path, f"{path} makes the decoder crash: export it again")
                    replace(listener)
                if outcome is not None:
                    outcomes.append(outcome)
            if stillborn >= TRIES * workers:
                raise LibraryError(
                    "the processes that listen die as they start: free some memory, or use fewer workers"
                )
            now = time.monotonic()
            for listener in list(listeners):
                if listener.path is not None and now - listener.since > LIMIT_SECONDS:
                    reason = f"{listener.path} keeps the decoder busy for over {LIMIT_SECONDS:.0f} s: export it again"
                    outcomes.append(Failed(listener.path, reason))
                    replace(listener)
            if any(listener.ready for listener in listeners):
                last_ready = now
            elif now - last_ready > START_SECONDS:
                raise LibraryError(
                    f"nobody could start to listen within {START_SECONDS:.0f} s: wait until there are cores to spare"
                )
    finally:
        for listener in listeners:
            listener.end()


class _Process:
    """A listener on this machine."""

    path: str | None = None
    since = 0.0
    ready = False

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit threads half
        self.answers, theirs = context.Pipe()
        self._process = context.Process(target=_listen, args=(theirs,), daemon=True)
        # A spawned process runs the caller's script again, which may well scan; listeners need nothing of it.
        script, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        try:
            self._process.start()
        finally:
            sys.modules["__main__"] = script
        theirs.close()

    def give(self, path: str) -> bool:
        try:
            self.answers.send(path)
        except OSError:
            return False
        return True

    def answer(self) -> Heard | Failed | None:
        try:
            news: Heard | Failed | str | None = self.answers.recv()
        except (EOFError, OSError):
            raise Died from None
        if isinstance(news, str):
            raise LibraryError(news)
        self.ready = True
        return news

    def end(self) -> None:
        self.answers.close()
        self._process.terminate()
        self._process.join(GRACE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(GRACE_SECONDS)  # not for ever: a disk that does not answer holds it


def _wait(listeners: Sequence[_Process], seconds: float) -> Iterable[_Process]:
    answered = wait([listener.answers for listener in listeners], seconds)
    return [listener for listener in listeners if listener.answers in answered]


def _listen(files: Connection) -> None:
    """Tell that this process is ready, or why not, and answer files until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that writes; it ends this one
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_follow_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        try:
            prepare()
        except RetrotoneError as error:
            files.send(str(error))
            return
        files.send(None)
        while True:
            files.send(hear(files.recv()))


def _follow_parent() -> None:
    """End with the process that started this one, however that ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
