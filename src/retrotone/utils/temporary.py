"""What is there for a while: files to be renamed, folders of a session. Killed processes leave them, others clear up.

Whoever has one in hand locks it, and a lock ends with its process, whatever ended that: what can be locked is nobody's.
Where there are no such locks (Windows, some network disks), nothing of others is touched.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from retrotone.errors import OutputError

if sys.platform != "win32":
    import fcntl

HIDDEN = re.compile(r"\.retrotone-[0-9a-f]{12}(\..*)?")


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give an empty hidden file in the folder of `path`, to be renamed; it goes at the end if it was not.

    Raises
    ------
    OSError
        It cannot be created.
    """
    _clear(path.parent, HIDDEN, os.unlink)
    while True:
        temporary = path.with_name(f".retrotone-{secrets.token_hex(6)}{path.suffix}")
        temporary.touch(0o666, exist_ok=False)
        with suppress(FileNotFoundError, BlockingIOError):  # cleared away before it was locked
            lock = _lock(temporary)
            if temporary.exists():
                break
    try:
        yield temporary
    finally:
        _unlock(lock)
        temporary.unlink(missing_ok=True)


class Scratch:
    """A folder among the system's temporary ones that only its owner can read.

    Parameters
    ----------
    prefix : str
        Of its name.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, prefix: str) -> None:
        _clear(Path(tempfile.gettempdir()), re.compile(re.escape(prefix) + r"[a-z0-9_]{8}"), shutil.rmtree)
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=prefix)).resolve()  # mkdtemp makes it 0700
            with suppress(FileNotFoundError, BlockingIOError):
                self._lock = _lock(self.path)
                if self.path.exists():
                    break

    def remove(self) -> None:
        """Delete it with all that it holds."""
        _unlock(self._lock)
        self._lock = None
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.remove()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one who works in a folder that is there.

    Raises
    ------
    OutputError
        Another process does.
    """
    try:
        lock = _lock(folder)
    except BlockingIOError as error:
        raise OutputError(
            f"another retrotone is at work in {folder}: wait for it, or name another folder"
        ) from error
    try:
        yield
    finally:
        _unlock(lock)


def _clear(folder: Path, names: re.Pattern[str], remove: Callable[[str], object]) -> None:
    """Remove what has such a name and is in nobody's hand."""
    if sys.platform == "win32":
        return
    found: list[str] = []
    with suppress(OSError), os.scandir(folder) as entries:  # a folder may be written to, but not listed
        found += [entry.path for entry in entries if names.fullmatch(entry.name)]
    for path in found:
        with suppress(OSError):  # another user's, or in use
            lock = _lock(path)
            try:
                if lock is not None and os.fstat(lock).st_uid == os.geteuid():
                    remove(path)
            finally:
                _unlock(lock)


def _lock(path: str | os.PathLike[str]) -> int | None:
    """Lock a file or folder, or raise BlockingIOError if another has; None where there are no locks."""
    if sys.platform == "win32":
        return None
    try:
        lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise
    except OSError:
        os.close(lock)
        return None
    return lock


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)
