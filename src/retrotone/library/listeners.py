"""Listeners: processes that hear one file at a time, and the loss of one of them costs no more than its file.

A decoder may crash on a damaged file, and the system may kill a process that needs too much memory. Each listener has a
pipe of its own, so it is known which file it had in hand.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from retrotone.analysis import Analysis, analyse
from retrotone.errors import MissingExtraError, RetrotoneError
from retrotone.library.description import Description, describe
from retrotone.library.track import TAGS

TRIES = 2  # of a file whose listener died: it may not have been the file's fault
GRACE_SECONDS = 5.0  # for a listener to end when told to


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


def hear_all(paths: Iterable[str], workers: int) -> Iterator[Heard | Failed]:
    """Listen to files, and yield what comes of each as it comes.

    Parameters
    ----------
    paths : iterable of str
        Asked for the next one only when a listener is free.
    workers : int
        Processes; 1 listens in this one.
    """
    if workers == 1:
        yield from map(hear, paths)
        return
    queue, tries = iter(paths), dict[str, int]()
    again: list[str] = []
    listeners = [_Listener() for _ in range(workers)]
    try:
        while True:
            for index, listener in enumerate(listeners):
                if listener.path is None:
                    path = again.pop() if again else next(queue, None)
                    if path is None:
                        break
                    if not listener.give(path):
                        listeners[index] = _Listener()
                        again.append(path)
            busy = [listener for listener in listeners if listener.path is not None]
            if not busy and not again:
                return
            for answered in wait([listener.answers for listener in busy]):
                listener = next(each for each in busy if each.answers is answered)
                path = listener.path
                assert path is not None
                outcome = listener.answer()
                if outcome is None:
                    listeners[listeners.index(listener)] = _Listener()
                    tries[path] = tries.get(path, 0) + 1
                    if tries[path] < TRIES:
                        again.append(path)
                        continue
                    outcome = Failed(path, f"{path} makes the decoder crash: export it again")
                yield outcome
    finally:
        for listener in listeners:
            listener.end()


class _Listener:
    """A process, and the file it has in hand."""

    path: str | None = None

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit torch's threads half
        self.answers, theirs = context.Pipe()
        self._process = context.Process(target=_listen, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def give(self, path: str) -> bool:
        """Hand over a file; False if the process is dead."""
        try:
            self.answers.send(path)
        except OSError:
            self.end()
            return False
        self.path = path
        return True

    def answer(self) -> Heard | Failed | None:
        """Return what came of the file; None if the process died over it."""
        self.path = None
        try:
            outcome: Heard | Failed = self.answers.recv()
        except (EOFError, OSError):
            self.end()
            return None
        return outcome

    def end(self) -> None:
        self.answers.close()
        self._process.terminate()
        self._process.join(GRACE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _listen(files: Connection) -> None:
    """Answer files until there are no more: the life of a listener."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that writes; it ends this one
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_follow_parent, daemon=True).start()
    torch.set_num_threads(1)
    with suppress(EOFError, OSError):
        while True:
            files.send(hear(files.recv()))


def _follow_parent() -> None:
    """End with the process that started this one, however that ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
