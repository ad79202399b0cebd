"""Workers: processes that analyse one file at a time, so that a crash costs no more than its file.

A decoder may crash on a damaged file or never return, and the system may kill a process that needs too much memory.
Each worker has one file at a time, so the file is known. `distribute` handles all this for workers of any kind: here
they are processes of this machine, in `ray_cluster` actors on many machines.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Generic, Protocol, TypeVar

import numpy as np

from retrotone.audio.audio import Audio
from retrotone.errors import LibraryError, RetrotoneError
from retrotone.features.analysis import analyse_or_silence
from retrotone.library.description import describe
from retrotone.library.files import FoundFile, Place
from retrotone.library.scanning.track import Analysed, Failed, analyse_file
from retrotone.utils.logs import log

# Attempts at a file whose worker died: the file may not have been the cause.
TRIES = 2
# For one file. At most 90 s of it are analysed, which takes half a second on an idle core.
LIMIT_SECONDS = 120.0
# For the first worker to start: a cluster that grows on demand takes minutes.
START_SECONDS = 300.0
# Between checks of these limits.
TICK_SECONDS = 1.0
# For a worker to stop before it is killed.
GRACE_SECONDS = 5.0
# Parameters of glibc's mallopt (malloc.h): how many free bytes are kept from the system, in all and in one array.
M_TRIM_THRESHOLD, KEPT = -1, 1 << 28
M_MMAP_THRESHOLD, KEPT_AT_ONCE = -3, 1 << 25


class WorkerDied(Exception):
    """A worker's process ended: its file goes to another worker."""


class Worker(Protocol):
    """Analyses one file at a time.

    Attributes
    ----------
    file : FoundFile or None
        The file that it has.
    since : float
        When it got that file, by `time.monotonic`.
    ready : bool
        Whether it has loaded what it needs.
    """

    file: FoundFile | None
    since: float
    ready: bool

    def send(self, file: FoundFile) -> bool:
        """Send it a file; False if it is dead."""

    def receive(self) -> Analysed | Failed | None:
        """Return what it sent: the outcome for its file or, once, None to say that it is ready.

        Raises
        ------
        WorkerDied
        LibraryError
            No worker of this kind can work.
        """

    def stop(self) -> None:
        """Stop it, whatever it is doing."""


W = TypeVar("W", bound=Worker)


def prepare() -> None:
    """Load all that analysis needs by analysing noise, and use one thread from then on."""
    from threadpoolctl import threadpool_limits

    noise = 0.1 * np.random.default_rng(0).standard_normal((1, 4 * 22_050), np.float32)
    describe(analyse_or_silence(Audio(noise, 22_050)))
    # There are as many workers as cores.
    threadpool_limits(1, user_api="blas")
    _keep_memory()


def _keep_memory() -> None:
    """Make glibc keep freed memory for the next file: a clip of 30 s would need 8,000 new pages at 2 us each."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_MMAP_THRESHOLD, KEPT_AT_ONCE)


def analyse_all(files: Iterable[FoundFile], workers: int) -> Generator[Analysed | Failed, None, None]:
    """Analyse files in so many processes of this machine; see `distribute`."""
    return distribute(files, workers, _Process, _wait)


def distribute(
    files: Iterable[FoundFile],
    workers: int,
    start: Callable[[], W],
    wait_for: Callable[[Sequence[W], float], Iterable[W]],
) -> Generator[Analysed | Failed, None, None]:
    """Distribute files among workers, and yield one outcome for each file as soon as it is there.

    Parameters
    ----------
    files : iterable of FoundFile
        A file is taken only when a worker is free: no more than `workers` files are being analysed at any moment.
    workers : int
        How many.
    start : callable
        Starts a worker.
    wait_for : callable
        Given workers and seconds, waits that long for a message of any, and returns those that have sent one.

    Raises
    ------
    LibraryError
        No worker can be started.
    """
    pool = _Pool(iter(files), workers, start)
    try:
        pool.fill()
        while True:
            pool.send_files()
            # The workers are busy while the caller uses the outcomes.
            yield from pool.take_outcomes()
            if pool.is_finished():
                return
            for worker in wait_for(pool.busy(), TICK_SECONDS):
                pool.receive(worker)
            pool.check_limits()
    finally:
        pool.stop()


class _Pool(Generic[W]):
    """The state of `distribute`.

    Parameters
    ----------
    files : iterator of FoundFile
    size : int
        Number of workers.
    start : callable
        Starts a worker.
    """

    def __init__(self, files: Iterator[FoundFile], size: int, start: Callable[[], W]) -> None:
        self._files, self._size, self._start = files, size, start
        self._workers: list[W] = []
        self._outcomes: list[Analysed | Failed] = []
        # Files taken from `files` that no worker has: the next one, or those whose worker died.
        self._waiting: list[FoundFile] = []
        self._deaths = Counter[Place]()
        # Workers in a row that died before they were ready.
        self._dead_at_start = 0
        self._last_ready = time.monotonic()

    def fill(self) -> None:
        """Start all workers."""
        self._workers.extend(self._start() for _ in range(self._size))

    def send_files(self) -> None:
        """Send a file to each worker that is free."""
        for worker in list(self._workers):
            if not worker.ready or worker.file is not None or not self._has_more():
                continue
            if worker.send(self._waiting[-1]):
                worker.file, worker.since = self._waiting.pop(), time.monotonic()
            else:
                self._replace(worker)

    def take_outcomes(self) -> Iterator[Analysed | Failed]:
        """Yield the outcomes so far, and forget them."""
        yield from self._outcomes
        self._outcomes.clear()

    def is_finished(self) -> bool:
        """Tell whether all files have their outcomes."""
        return not self._has_more() and all(worker.file is None for worker in self._workers)

    def busy(self) -> list[W]:
        """Return the workers that have a file, or are still starting."""
        return [worker for worker in self._workers if worker.file is not None or not worker.ready]

    def receive(self, worker: W) -> None:
        """Take a worker's message; replace the worker if it died."""
        file, worker.file = worker.file, None
        try:
            outcome = worker.receive()
            self._dead_at_start = 0
        except WorkerDied:
            outcome = self._after_death(file)
            self._replace(worker)
        if outcome is not None:
            self._outcomes.append(outcome)

    def check_limits(self) -> None:
        """Give up files that take too long; raise LibraryError if no worker can be started."""
        if self._dead_at_start >= TRIES * self._size:
            raise LibraryError("the workers die as they start: free some memory, or use fewer workers")
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.file is not None and now - worker.since > LIMIT_SECONDS:
                reason = f"{worker.file.path} keeps the decoder busy for over {LIMIT_SECONDS:.0f} s: export it again"
                self._outcomes.append(Failed(worker.file, reason))
                self._replace(worker)
        if any(worker.ready for worker in self._workers):
            self._last_ready = now
        elif now - self._last_ready > START_SECONDS:
            raise LibraryError(f"no worker could start within {START_SECONDS:.0f} s: wait until there are free cores")

    def stop(self) -> None:
        """Stop all workers."""
        for worker in self._workers:
            worker.stop()

    def _has_more(self) -> bool:
        """Tell whether a file waits for a worker, taking the next one if needed."""
        if not self._waiting:
            self._waiting.extend(islice(self._files, 1))
        return bool(self._waiting)

    def _after_death(self, file: FoundFile | None) -> Failed | None:
        """Return the failure of a file whose workers died, or None if it is to be tried again."""
        if file is None:
            self._dead_at_start += 1
            return None
        self._deaths[file.place] += 1
        if self._deaths[file.place] < TRIES:
            self._waiting.append(file)
            return None
        return Failed(file, f"{file.path} makes the decoder crash: export it again")

    def _replace(self, worker: W) -> None:
        """Stop a worker, and start another if there is more to do."""
        worker.stop()
        self._workers.remove(worker)
        if self._has_more():
            self._workers.append(self._start())


class _Process:
    """A worker in a process of this machine."""

    file: FoundFile | None = None
    since = 0.0
    ready = False

    def __init__(self) -> None:
        # A forked process would inherit threads in an undefined state.
        context = multiprocessing.get_context("spawn")
        self.connection, worker_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(worker_end,), daemon=True)
        # A spawned process runs the caller's script again, which may well start a scan; a worker needs nothing of it.
        script, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        try:
            self._process.start()
        finally:
            sys.modules["__main__"] = script
        worker_end.close()

    def send(self, file: FoundFile) -> bool:
        try:
            self.connection.send(file)
        except OSError:
            return False
        return True

    def receive(self) -> Analysed | Failed | None:
        try:
            message: Analysed | Failed | str | None = self.connection.recv()
        except (EOFError, OSError):
            raise WorkerDied from None
        if isinstance(message, str):
            raise LibraryError(message)
        self.ready = True
        return message

    def stop(self) -> None:
        self.connection.close()
        self._process.terminate()
        self._process.join(GRACE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            # With a limit, as a disk that does not respond blocks even that.
            self._process.join(GRACE_SECONDS)


def _wait(workers: Sequence[_Process], seconds: float) -> Iterable[_Process]:
    readable = wait([worker.connection for worker in workers], seconds)
    return [worker for worker in workers if worker.connection in readable]


def _serve(connection: Connection) -> None:
    """Report that this process is ready, or why not, and then the outcome for each file that is sent."""
    # Ctrl-C and a closed terminal are handled by the process that writes the catalogue; it stops this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_follow_parent, daemon=True).start()
    # The process that writes the catalogue tells what is wrong with a file.
    log.setLevel(logging.ERROR)
    with suppress(EOFError, OSError):
        try:
            prepare()
        except RetrotoneError as error:
            connection.send(str(error))
            return
        connection.send(None)
        while True:
            connection.send(analyse_file(connection.recv()))


def _follow_parent() -> None:
    """End with the process that started this one, however that ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
