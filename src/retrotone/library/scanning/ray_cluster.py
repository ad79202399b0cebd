"""A scan on a Ray cluster: actors on its nodes analyse files, and this process distributes them and stores the results.

The cluster exists already, and every node has retrotone and sees the music under the same paths, as in a shared
folder: only paths are sent, and some 10 kB come back for each track. Only this process writes to the catalogue, and one
worker has a path at a time. So a track has one row, even if nodes, actors or messages are lost.

See Moritz et al., "Ray: A Distributed Framework for Emerging AI Applications", OSDI 2018.
"""

from __future__ import annotations

import logging
import os
import platform
import signal
import socket
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from retrotone.errors import LibraryError, MissingExtraError, RetrotoneError
from retrotone.library.files import FoundFile
from retrotone.library.scanning.track import Analysed, Failed, analyse_file
from retrotone.library.scanning.workers import WorkerDied, distribute, prepare

if TYPE_CHECKING:
    from retrotone.library.scanning.scan import AnalyseAll

# Environment variables that Ray reads when it is imported. With them a cluster that does not answer is given up after
# about 12 s rather than minutes.
SETTINGS = {
    "RAY_gcs_rpc_server_connect_timeout_s": "3",
    "RAY_py_gcs_connect_timeout_s": "5",
    "RAY_NUM_REDIS_GET_RETRIES": "1",
    "RAY_CLIENT_INITIAL_CONNECTION_TIMEOUT_S": "4",
    "RAY_CLIENT_MAX_CONNECTION_TIMEOUT_S": "4",
    # Otherwise messages of the nodes go to standard output, which is for results.
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",
    # No analytics.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Otherwise Ray sends the folder that uv was started in.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


@contextmanager
def connected(address: str) -> Iterator[tuple[AnalyseAll, int]]:
    """Connect to a cluster, and disconnect at the end; yield a function that analyses files on it, and its cores.

    Parameters
    ----------
    address : str
        ``ray://HOST:10001`` from anywhere; ``HOST:PORT`` or ``auto`` on one of the cluster's own nodes. If this
        process is connected to a cluster already, that one is used, and stays connected.

    Raises
    ------
    LibraryError
        No cluster at the address, one with another Ray or Python, or the cluster went away.
    MissingExtraError
        Ray is not installed.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(
            "a scan on a cluster needs the cluster extra: pip install 'retrotone[cluster]'"
        ) from error
    must_connect = not ray.is_initialized()
    if must_connect:
        before = signal.getsignal(signal.SIGTERM)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
        # Ray raises its own errors, gRPC's, ConnectionError, ValueError and others.
        except Exception as error:
            raise LibraryError(_one_line(address, error)) from error
        if threading.current_thread() is threading.main_thread():
            # Ray has replaced the handler of the calling program.
            signal.signal(signal.SIGTERM, before)
    try:
        cores = int(ray.cluster_resources().get("CPU", 0))  # type: ignore[no-untyped-call]
        start = partial(_RayWorker, ray.remote(num_cpus=1)(RayActor))
        yield lambda files, workers: distribute(files, workers, start, _wait), max(cores, 1)
    except (ConnectionError, ray.exceptions.RaySystemError) as error:
        raise LibraryError(f"the cluster {address} went away: what was analysed is kept, scan again") from error
    finally:
        if must_connect:
            ray.shutdown()


class RayActor:
    """The part of a worker that runs on a node: it loads its weights once, and analyses one file at a time."""

    def prepare(self, versions: Sequence[object]) -> str | None:
        """Load what analysis needs; return why that is not possible, or None."""
        if tuple(versions) != _versions():
            return f"{socket.gethostname()} has another retrotone: install the same one on all nodes of the cluster"
        try:
            prepare()
        except RetrotoneError as error:
            return f"{socket.gethostname()}: {error}"
        return None

    def analyse_file(self, file: FoundFile) -> Analysed | Failed:
        """Analyse a file, or tell that this node does not see it."""
        outcome = analyse_file(file)
        if isinstance(outcome, Analysed) or os.path.exists(file.path):
            return outcome
        folder, host = os.path.dirname(file.path), socket.gethostname()
        if os.path.isdir(folder):
            return Failed(file, f"{file.path} is not there on {host}: scan again", lasting=False)
        reason = f"{host} does not see {folder}: share it with all nodes of the cluster under that path"
        return Unshared(file, reason, lasting=False)


class Unshared(Failed):
    """The node does not see the folder of a file."""


class _RayWorker:
    """Driver-side handle of a Ray worker."""

    file: FoundFile | None = None
    since = 0.0
    ready = False

    def __init__(self, actor: Any) -> None:
        self._actor = actor.remote()
        self.pending = self._actor.prepare.remote(_versions())

    def send(self, file: FoundFile) -> bool:
        self.pending = self._actor.analyse_file.remote(file)
        return True

    def receive(self) -> Analysed | Failed | None:
        import ray

        try:
            message: Analysed | Failed | str | None = ray.get(self.pending)
        except ray.exceptions.RayError as error:
            # The faults of a file are outcomes; an error here means that the node has another retrotone.
            is_incompatible = isinstance(error, ray.exceptions.RayTaskError)
            if is_incompatible or getattr(error, "actor_init_failed", False):
                raise LibraryError(
                    f"a node of the cluster cannot run a worker ({_lines(error)[-1]}): "
                    "install the same retrotone on all of them"
                ) from error
            raise WorkerDied from error
        if isinstance(message, str):
            raise LibraryError(message)
        if isinstance(message, Unshared) and os.path.exists(message.file.path):
            raise LibraryError(message.reason)
        self.ready = True
        return message

    def stop(self) -> None:
        import ray

        with suppress(ConnectionError, ray.exceptions.RayError):
            ray.kill(self._actor)


def _wait(workers: Sequence[_RayWorker], seconds: float) -> Iterable[_RayWorker]:
    import ray

    pending = [worker.pending for worker in workers]
    ray.wait(pending, num_returns=1, timeout=seconds)
    ready = set(ray.wait(pending, num_returns=len(pending), timeout=0)[0])
    return [worker for worker in workers if worker.pending in ready]


def _versions() -> tuple[object, ...]:
    """Return what must be equal on all nodes, so that messages can be read and rows compared."""
    from retrotone import __version__
    from retrotone.features.analysis import VERSION
    from retrotone.library.description import RECIPE

    return __version__, VERSION, RECIPE


def _one_line(address: str, error: Exception) -> str:
    """Return a line that says why there is no connection."""
    import ray

    if "version mismatch" in str(error).lower() or "versions" in str(error).lower():
        return (
            f"the cluster {address} has another Ray or Python than this process (Ray {ray.__version__}, "
            f"Python {platform.python_version()}): use the same"
        )
    return (
        f"there is no Ray cluster at {address}, or it does not answer ({_lines(error)[0]}): "
        "check the address, that ray start has run there, and its token if it asks for one"
    )


def _lines(error: Exception) -> list[str]:
    """Return the lines of a message; the last one says what happened on the node."""
    lines = [line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()]
    return lines or [type(error).__name__]
