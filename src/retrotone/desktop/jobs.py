"""Work beside the window: jobs run one after the other in a process of their own.

A thread would do for most of it, but not for all: importing torch alone holds Python's lock for 3.6 s (measured), and a
decoder that crashes would take the window along.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from retrotone.errors import Cancelled

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

POLL_MS = 20
LARGEST_MESSAGE = 8192  # bytes: `Connection` writes more than 16 KB in two pieces
GRACE_SECONDS = 2.0  # for work to stop when the window closes
NICENESS = 10  # the window goes first

BROKE_OFF = (
    "The work broke off: the file may be damaged, or memory may have run out. Try again, or another file."
)


@dataclass(frozen=True)
class Desk:
    """What a task is given: where files for the window go, and how to tell how far it is.

    Attributes
    ----------
    folder : Path
        Of the session; it goes when the window closes.
    progress : Progress
        Raises `Cancelled` once nobody waits for the task any more.
    show : callable
        Shows what there is before the task is done.
    """

    folder: Path
    progress: Callable[[float, str], None]
    show: Callable[[Any], None]


class Watch(Protocol):
    """Who shows how a job is getting on."""

    def began(self, job: Job) -> None:
        """It waits for its turn, or runs."""

    def told(self, fraction: float, message: str) -> None:
        """It has come so far."""

    def ended(self, job: Job, sentence: str) -> None:
        """It is done (no sentence), was cancelled, or failed."""


@dataclass(eq=False)
class Job:
    """A task to be done: a function of a `Desk` and of what else it needs, defined at the top of a module.

    One that is kept goes on when another song is opened; of one that was dropped nobody hears any more.
    """

    task: Callable[..., Any]
    arguments: tuple[Any, ...]
    watch: Watch
    done: Callable[[Any], None]
    show: Callable[[Any], None]
    number: int = 0
    keep: bool = False
    dropped: bool = False


class Lane:
    """Jobs one after the other, in a process that starts with the first.

    Parameters
    ----------
    after : callable
        Tk's: calls a function after so many milliseconds.
    folder : Path
        See `Desk`.
    note : callable
        Told what the work logs.
    """

    def __init__(
        self, after: Callable[[int, Callable[[], None]], object], folder: Path, note: Callable[[str], None]
    ) -> None:
        self._after, self._folder, self._note = after, folder, note
        self._context = multiprocessing.get_context("spawn")
        self._cancelled = self._context.Value("q", 0)  # jobs up to this number are to stop
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._number = 0
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self._running is not None

    def warm(self) -> None:
        """Start the process, so that the first job need not wait for it."""
        if self._process is None:
            self._pipe, theirs = self._context.Pipe()
            self._process = self._context.Process(
                target=_work, args=(theirs, self._cancelled, self._folder), name="retrotone work"
            )
            self._process.start()
            theirs.close()

    def run(
        self,
        task: Callable[..., Any],
        *arguments: Any,
        watch: Watch,
        done: Callable[[Any], None],
        show: Callable[[Any], None] = lambda shown: None,
        keep: bool = False,
    ) -> Job:
        """Let a task be done when it is its turn; `done` is given its result, `show` what it shows on the way."""
        self._number += 1
        job = Job(task, arguments, watch, done, show, self._number, keep)
        self._waiting.append(job)
        watch.began(job)
        if self.busy:
            watch.told(0.0, "waiting for what runs before it")
        self._next()
        return job

    def cancel(self, job: Job) -> None:
        """Stop a job, or do not begin it; it has ended at the latest when `Watch.ended` says so."""
        if job in self._waiting:
            self._waiting.remove(job)
            job.watch.ended(job, "Cancelled.")
        elif job is self._running:
            self._cancelled.value = job.number
            job.watch.told(0.0, "stopping")

    def drop(self) -> None:
        """Stop all jobs but those to be kept, and say nothing of it."""
        for job in [job for job in self._waiting if not job.keep]:
            self._waiting.remove(job)
            job.watch.ended(job, "")
        if self._running is not None and not self._running.keep:
            self._running.dropped = True
            self._cancelled.value = self._running.number

    def stop(self) -> None:
        """Let go of everything."""
        self._closed = True
        self._waiting.clear()
        self._cancelled.value = self._number
        if self._pipe is not None:
            self._pipe.close()

    def close(self) -> None:
        """Wait until everything has stopped; what does not stop is ended."""
        self.stop()
        if self._process is not None:
            self._process.join(GRACE_SECONDS)
            if self._process.is_alive():
                self._process.terminate()
                self._process.join()

    def _next(self) -> None:
        if self._waiting and self._running is None:
            self._running = job = self._waiting.popleft()
            self.warm()
            assert self._pipe is not None
            with suppress(OSError):  # a dead process is found by whoever reads
                self._pipe.send((job.number, job.task, job.arguments))
            self._after(POLL_MS, self._read)

    def _read(self) -> None:
        if self._closed or self._running is None or self._pipe is None:
            return
        job = self._running
        latest: tuple[float, str] | None = None
        try:
            while self._pipe.poll():
                kind, value = _received(self._pipe)
                if kind == "progress":
                    latest = value
                elif kind == "show":
                    if not job.dropped:
                        job.show(value)
                elif kind == "note":
                    self._note(value)
                else:
                    self._end(job, kind, value)
                    return
        except (EOFError, OSError):
            self._process = self._pipe = None
            self._end(job, "error", BROKE_OFF)
            return
        if latest is not None and job.number > self._cancelled.value:
            job.watch.told(*latest)
        self._after(POLL_MS, self._read)

    def _end(self, job: Job, kind: str, value: Any) -> None:
        self._running = None
        job.watch.ended(job, "" if kind == "result" or job.dropped else value)
        try:
            if kind == "result" and not job.dropped:
                job.done(value)
        finally:
            self._next()


class _Sender:
    """Sends messages to the window, from any thread; of progress no more than it can show.

    What does not go through the pipe at once would keep the window waiting for the rest: it goes into a file.
    """

    def __init__(self, pipe: Connection, folder: Path) -> None:
        self._pipe, self._folder = pipe, folder
        self._lock, self._told = threading.Lock(), 0.0

    def __call__(self, kind: str, value: Any) -> None:
        with self._lock:
            if kind == "progress":
                if time.monotonic() < self._told + POLL_MS / 1000:
                    return
                self._told = time.monotonic()
            message = pickle.dumps((kind, value))
            if len(message) > LARGEST_MESSAGE:
                with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                    file.write(message)
                message = pickle.dumps(("file", file.name))
            self._pipe.send_bytes(message)


def _received(pipe: Connection) -> tuple[str, Any]:
    """Return the next message of a `_Sender`."""
    kind, value = pickle.loads(pipe.recv_bytes())
    if kind == "file":
        kept = Path(value)
        kind, value = pickle.loads(kept.read_bytes())
        kept.unlink()
    return kind, value


class _Notes(logging.Handler):
    """Passes warnings on to the window."""

    def __init__(self, send: _Sender) -> None:
        super().__init__(logging.WARNING)
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        self._send("note", record.getMessage())


def _work(pipe: Connection, cancelled: Any, folder: Path) -> None:
    """Do tasks until there are no more: the life of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the window
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    os.environ["OMP_NUM_THREADS"] = "1"  # for torch, before it comes; see `one_thread`
    from retrotone.utils import text

    parent = multiprocessing.parent_process()
    assert parent is not None
    send = _Sender(pipe, folder)
    logging.getLogger("retrotone").addHandler(_Notes(send))
    with suppress(EOFError, OSError):
        while True:
            if not pipe.poll():  # nothing to do: fetch what takes a moment
                from retrotone.features import musicnn  # noqa: F401
            number, task, arguments = pipe.recv()

            def tell(kind: str, value: Any, number: int = number) -> None:
                if cancelled.value >= number or not parent.is_alive():
                    raise Cancelled("Cancelled.")
                send(kind, value)

            desk = Desk(
                folder,
                progress=lambda fraction, message, tell=tell: tell("progress", (fraction, message)),  # type: ignore[misc]
                show=partial(tell, "show"),
            )

            try:
                send("result", task(desk, *arguments))
            except Cancelled:
                send("cancelled", "Cancelled.")
            except Exception as error:
                send("error", text.sentence(error))
    os._exit(0)  # what torch and others do on their way out takes a second
