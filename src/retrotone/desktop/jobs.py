"""Jobs of the window: they run one after the other in a process of their own.

A thread would not do: importing torch holds Python's lock for 3.6 s (measured), and a decoder that crashes would end
the window, too.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import pickle
import signal
import sys
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
from retrotone.progress import Progress
from retrotone.utils.signals import ending_signals

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

POLL_MS = 20
# `Connection` writes more than 16 KB in two pieces.
LARGEST_MESSAGE_BYTES = 8192
# For a job to stop when the window closes.
GRACE_SECONDS = 2.0
# Of work that may take its time: a third of the processor time of a program beside it. With 10 it has a tenth, and on a
# busy machine a training did not begin within five minutes.
NICENESS = 5

WORKER_DIED = "The work stopped: the file may be damaged, or memory may have run out. Try again, or another file."


@dataclass(frozen=True)
class TaskContext:
    """What a task gets in addition to its arguments.

    Attributes
    ----------
    folder : Path
        For files that the window reads; deleted when the window closes.
    progress : Progress
        Raises `Cancelled` once the job is cancelled.
    show : callable
        Passes an intermediate result to the window.
    """

    folder: Path
    progress: Progress
    show: Callable[[Any], None]


class JobObserver(Protocol):
    """Shows the progress of jobs."""

    def job_submitted(self, job: Job) -> None:
        """The job waits for its turn, or runs."""

    def job_progressed(self, fraction: float, message: str) -> None:
        """The running job has reported progress."""

    def job_ended(self, job: Job, error: str) -> None:
        """The job is done (empty `error`), was cancelled, or failed."""


class SilentObserver:
    """Shows nothing of jobs that nobody asked for; a `JobObserver`."""

    def job_submitted(self, job: Job) -> None:
        """Say nothing."""

    def job_progressed(self, fraction: float, message: str) -> None:
        """Say nothing."""

    def job_ended(self, job: Job, error: str) -> None:
        """Say nothing."""


@dataclass(eq=False)
class Job:
    """A task in the queue: a function at the top of a module, called with a `TaskContext` and the arguments.

    Attributes
    ----------
    task : callable
    arguments : tuple
    observer : JobObserver
    done, show : callable
        Called with the task's result, and with intermediate results.
    number : int
        Counts from 1 as the jobs of a queue begin.
    keep : bool
        Goes on when another song is opened.
    dropped : bool
        Its results are no longer wanted.
    """

    task: Callable[..., Any]
    arguments: tuple[Any, ...]
    observer: JobObserver
    done: Callable[[Any], None]
    show: Callable[[Any], None]
    number: int = 0
    keep: bool = False
    dropped: bool = False


class JobQueue:
    """Runs jobs one after the other, in a process that starts with the first.

    Parameters
    ----------
    after : callable
        Tk's: calls a function after some milliseconds.
    folder : Path
        See `TaskContext`.
    on_warning : callable
        Called with each warning that a task logs.
    idle_import : str
        A module that takes a moment to import: the process does so before its first job.
    niceness : int
        By how much its priority is lower than the window's.
    """

    def __init__(
        self,
        after: Callable[[int, Callable[[], None]], object],
        folder: Path,
        on_warning: Callable[[str], None],
        idle_import: str = "retrotone.features.musicnn",
        niceness: int = NICENESS,
    ) -> None:
        self._after, self._folder, self._on_warning = after, folder, on_warning
        self._idle_import, self._niceness = idle_import, niceness
        self._context = multiprocessing.get_context("spawn")
        # shared with the process: jobs up to this number are cancelled
        self._cancelled = self._context.Value("q", 0)
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

    @property
    def running(self) -> Job | None:
        """The job that runs."""
        return self._running

    def count(self, task: Callable[..., Any]) -> int:
        """Return how many jobs of a task run or wait."""
        return sum(job.task is task and not job.dropped for job in (*self._waiting, self._running) if job)

    def start(self) -> None:
        """Start the process, so that the first job need not wait for it."""
        if self._process is None:
            self._pipe, worker_end = self._context.Pipe()
            arguments = worker_end, self._cancelled, self._folder, self._idle_import, self._niceness
            self._process = self._context.Process(target=_run_worker, args=arguments, name="retrotone work")
            self._process.start()
            worker_end.close()

    def submit(
        self,
        task: Callable[..., Any],
        *arguments: Any,
        observer: JobObserver,
        done: Callable[[Any], None],
        show: Callable[[Any], None] = lambda intermediate: None,
        keep: bool = False,
        first: bool = False,
    ) -> Job:
        """Add a job to the queue, before those that wait if it is to be `first`; parameters as attributes of `Job`."""
        job = Job(task, arguments, observer, done, show, keep=keep)
        self._waiting.insert(0 if first else len(self._waiting), job)
        observer.job_submitted(job)
        if self.busy:
            observer.job_progressed(0.0, "waiting for the job before it")
        self._start_next()
        return job

    def cancel(self, job: Job) -> None:
        """Stop a job, or take it off the queue; it has ended when `JobObserver.job_ended` is called."""
        if job in self._waiting:
            self._waiting.remove(job)
            job.observer.job_ended(job, "Cancelled.")
        elif job is self._running:
            self._cancelled.value = job.number
            job.observer.job_progressed(0.0, "stopping")

    def drop(self) -> None:
        """Stop all jobs except those with `keep`, without a message."""
        for job in [job for job in self._waiting if not job.keep]:
            self._waiting.remove(job)
            job.observer.job_ended(job, "")
        if self._running is not None and not self._running.keep:
            self._running.dropped = True
            self._cancelled.value = self._running.number

    def stop(self) -> None:
        """Cancel all jobs without waiting for them to stop."""
        self._closed = True
        self._waiting.clear()
        self._cancelled.value = self._number
        if self._pipe is not None:
            self._pipe.close()

    def close(self) -> None:
        """Cancel all jobs and end the process, by force if it does not stop within `GRACE_SECONDS`."""
        self.stop()
        if self._process is not None:
            for end in (self._process.terminate, self._process.kill):
                self._process.join(GRACE_SECONDS)
                if self._process.is_alive():
                    end()
            self._process.join()

    def _start_next(self) -> None:
        if self._waiting and self._running is None:
            self._running = job = self._waiting.popleft()
            self._number += 1
            job.number = self._number
            self.start()
            assert self._pipe is not None
            # a process that died is noticed in `_read`
            with suppress(OSError):
                self._pipe.send((job.number, job.task, job.arguments))
            self._after(POLL_MS, self._read)

    def _read(self) -> None:
        if self._closed or self._running is None or self._pipe is None:
            return
        job = self._running
        latest: tuple[float, str] | None = None
        try:
            while self._pipe.poll():
                kind, value = _receive(self._pipe)
                if kind == "progress":
                    latest = value
                elif kind == "show":
                    if not job.dropped:
                        job.show(value)
                elif kind == "warning":
                    self._on_warning(value)
                else:
                    self._end(job, kind, value)
                    return
        except (EOFError, OSError):
            self._process = self._pipe = None
            self._end(job, "error", WORKER_DIED)
            return
        if latest is not None and job.number > self._cancelled.value:
            job.observer.job_progressed(*latest)
        self._after(POLL_MS, self._read)

    def _end(self, job: Job, kind: str, value: Any) -> None:
        self._running = None
        job.observer.job_ended(job, "" if kind == "result" or job.dropped else value)
        try:
            if kind == "result" and not job.dropped:
                job.done(value)
        finally:
            self._start_next()


class _Sender:
    """Sends messages to the window, from any thread; progress no more often than the window reads it.

    A large message goes into a file: the window would have to wait for the second piece of it in the pipe.
    """

    def __init__(self, pipe: Connection, folder: Path) -> None:
        self._pipe, self._folder = pipe, folder
        self._lock, self._last_progress = threading.Lock(), 0.0

    def __call__(self, kind: str, value: Any) -> None:
        with self._lock:
            if kind == "progress":
                if time.monotonic() < self._last_progress + POLL_MS / 1000:
                    return
                self._last_progress = time.monotonic()
            message = pickle.dumps((kind, value))
            if len(message) > LARGEST_MESSAGE_BYTES:
                with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                    file.write(message)
                message = pickle.dumps(("file", file.name))
            self._pipe.send_bytes(message)


def _receive(pipe: Connection) -> tuple[str, Any]:
    """Return the next message of a `_Sender`."""
    kind, value = pickle.loads(pipe.recv_bytes())
    if kind == "file":
        path = Path(value)
        kind, value = pickle.loads(path.read_bytes())
        path.unlink()
    return kind, value


class _WarningHandler(logging.Handler):
    """Sends warnings to the window."""

    def __init__(self, send: _Sender) -> None:
        super().__init__(logging.WARNING)
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        self._send("warning", record.getMessage())


def _run_worker(pipe: Connection, cancelled: Any, folder: Path, idle_import: str, niceness: int) -> None:
    """Run the tasks that come through the pipe, until the window closes it: the main function of the process."""
    # Ctrl-C is for the window
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # a task that waits, for a host that does not answer, still deletes its unfinished files
    for ending in ending_signals():
        signal.signal(ending, lambda *_: sys.exit())
    if hasattr(os, "nice"):
        os.nice(niceness)
    # for torch, before it is imported; see `one_thread`
    os.environ["OMP_NUM_THREADS"] = "1"
    send = _Sender(pipe, folder)
    logging.getLogger("retrotone").addHandler(_WarningHandler(send))
    with suppress(EOFError, OSError, SystemExit):
        while True:
            if not pipe.poll():
                importlib.import_module(idle_import)
            number, task, arguments = pipe.recv()
            _run_task(task, arguments, _task_context(send, number, cancelled, folder), send)
    # without the exit handlers of torch and others, which take a second
    os._exit(0)


def _task_context(send: _Sender, number: int, cancelled: Any, folder: Path) -> TaskContext:
    """Return a context that raises `Cancelled` once the job is cancelled or the window has died."""
    window = multiprocessing.parent_process()
    assert window is not None

    def send_unless_cancelled(kind: str, value: Any) -> None:
        if cancelled.value >= number or not window.is_alive():
            raise Cancelled("Cancelled.")
        send(kind, value)

    return TaskContext(
        folder,
        progress=lambda fraction, message: send_unless_cancelled("progress", (fraction, message)),
        show=partial(send_unless_cancelled, "show"),
    )


def _run_task(task: Callable[..., Any], arguments: tuple[Any, ...], context: TaskContext, send: _Sender) -> None:
    """Run a task, and send its result or why there is none."""
    from retrotone.utils import text

    try:
        send("result", task(context, *arguments))
    except Cancelled:
        send("cancelled", "Cancelled.")
    except Exception as error:
        send("error", text.sentence(error))
