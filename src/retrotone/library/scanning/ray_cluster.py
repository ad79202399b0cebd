"""A scan on a Ray cluster: actors listen on its nodes, this process shares out the files and notes what comes.

The cluster is there already, and every node has retrotone and sees the music under the same paths, as in a shared
folder: nothing is sent but paths, and some 10 kB back for each track. Whatever happens to a node, an actor or an
answer, one process writes to the catalogue and each path is in one hand at a time, so that a track has one row.

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
from retrotone.library.scanning.workers import Died, Failed, Heard, hear, prepare, share_out

if TYPE_CHECKING:
    from retrotone.library.scanning.scan import HearAll

# Read by Ray when it is imported. An answer, or none, within about 12 s; by itself it tries for minutes.
SETTINGS = {
    "RAY_gcs_rpc_server_connect_timeout_s": "3",
    "RAY_py_gcs_connect_timeout_s": "5",
    "RAY_NUM_REDIS_GET_RETRIES": "1",
    "RAY_CLIENT_INITIAL_CONNECTION_TIMEOUT_S": "4",
    "RAY_CLIENT_MAX_CONNECTION_TIMEOUT_S": "4",
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",  # what the nodes say goes to standard output, among the results
    "RAY_USAGE_STATS_ENABLED": "0",  # analytics
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # would send the folder that uv was started in
}


@contextmanager
def connected(address: str) -> Iterator[tuple[HearAll, int]]:
    """Connect to a cluster, and disconnect at the end; yield what listens on it, and its number of cores.

    Parameters
    ----------
    address : str
        ``ray://HOST:10001`` from anywhere; ``HOST:PORT`` or ``auto`` on one of the cluster's own nodes. Where this
        process is connected to a cluster already, that one is used, and stays connected.

    Raises
    ------
    LibraryError
        No cluster there, one with another Ray or Python, or it went away.
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
    ours = not ray.is_initialized()
    if ours:
        before = signal.getsignal(signal.SIGTERM)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
        except Exception as error:  # Ray raises its own, gRPC's, ConnectionError, ValueError and others
            raise LibraryError(_one_line(address, error)) from error
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray puts its own in the place of whoever called
    try:
        cores = int(ray.cluster_resources().get("CPU", 0))  # type: ignore[no-untyped-call]
        hire = partial(_Actor, ray.remote(num_cpus=1)(Ear))
        yield lambda paths, workers: share_out(paths, workers, hire, _wait), max(cores, 1)
    except (ConnectionError, ray.exceptions.RaySystemError) as error:
        raise LibraryError(f"the cluster {address} went away: what was heard is kept, scan again") from error
    finally:
        if ours:
            ray.shutdown()


class Ear:
    """What lives on a node: it loads its weights once, and hears a file at a time."""

    def prepare(self, versions: Sequence[object]) -> str | None:
        """Load what hearing needs; return why that is not possible, or None."""
        if tuple(versions) != _versions():
            return f"{socket.gethostname()} has another retrotone: install the same one on all nodes of the cluster"
        try:
            prepare()
        except RetrotoneError as error:
            return f"{socket.gethostname()}: {error}"
        return None

    def hear(self, name: bytes) -> Heard | Failed:
        """Hear a file by its name in bytes, as that need not be text."""
        path = os.fsdecode(name)
        outcome = hear(path)
        if isinstance(outcome, Heard) or os.path.exists(path):
            return outcome
        folder, host = os.path.dirname(path), socket.gethostname()
        if os.path.isdir(folder):
            return Failed(path, f"{path} is not there on {host}: scan again", lasting=False)
        reason = f"{host} does not see {folder}: share it with all nodes of the cluster under that path"
        return Unshared(path, reason, lasting=False)


class Unshared(Failed):
    """A node does not see the folder."""


class _Actor:
    """An `Ear`, seen from here."""

    path: str | None = None
    since = 0.0
    ready = False

    def __init__(self, ear: Any) -> None:
        self._ear = ear.remote()
        self.news = self._ear.prepare.remote(_versions())

    def give(self, path: str) -> bool:
        self.news = self._ear.hear.remote(os.fsencode(path))
        return True

    def answer(self) -> Heard | Failed | None:
        import ray

        try:
            news: Heard | Failed | str | None = ray.get(self.news)
        except ray.exceptions.RayError as error:
            unlike = isinstance(error, ray.exceptions.RayTaskError)  # a file's faults are answers, no errors
            if unlike or getattr(error, "actor_init_failed", False):
                raise LibraryError(
                    f"a node of the cluster cannot listen ({_lines(error)[-1]}): "
                    "install the same retrotone on all of them"
                ) from error
            raise Died from error
        if isinstance(news, str):
            raise LibraryError(news)
        if isinstance(news, Unshared) and os.path.exists(news.path):
            raise LibraryError(news.reason)
        self.ready = True
        return news

    def end(self) -> None:
        import ray

        with suppress(ConnectionError, ray.exceptions.RayError):
            ray.kill(self._ear)


def _wait(actors: Sequence[_Actor], seconds: float) -> Iterable[_Actor]:
    import ray

    news = [actor.news for actor in actors]
    ray.wait(news, num_returns=1, timeout=seconds)
    there = set(ray.wait(news, num_returns=len(news), timeout=0)[0])
    return [actor for actor in actors if actor.news in there]


def _versions() -> tuple[object, ...]:
    """Return what must be the same on all nodes, for answers to be understood and rows to be compared."""
    from retrotone import __version__
    from retrotone.features.analysis import VERSION
    from retrotone.library.description import RECIPE

    return __version__, VERSION, RECIPE


def _one_line(address: str, error: Exception) -> str:
    """Say why there is no connection."""
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
    """Return the lines of a message; the last tells what happened remotely."""
    lines = [line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()]
    return lines or [type(error).__name__]
