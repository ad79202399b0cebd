"""Temporary files. Their owner holds a lock; whatever can be locked was left by a dead process and is deleted.

The system releases a lock when its process ends, however it ends. Where there are no such locks (Windows, some network
disks), the temporary files of other processes are left as they are.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from retrotone.errors import OutputError

if sys.platform != "win32":
    import fcntl

# A rendered song that is longer is held on disk.
SPOOL_BYTES = 256 << 20
HIDDEN = re.compile(r"\.retrotone-[0-9a-f]{12}(\..*)?")


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Create an empty hidden file in the folder of `path`, to be renamed to it; delete it at the end if it was not.

    Raises
    ------
    OSError
        It cannot be created.
    """
    # slow to load, and not needed for --help
    import secrets

    _delete_abandoned(path.parent, HIDDEN, os.unlink)
    while True:
        temporary = path.with_name(f".retrotone-{secrets.token_hex(6)}{path.suffix}")
        temporary.touch(0o666, exist_ok=False)
        # another process may delete it before it is locked: then try again
        with suppress(FileNotFoundError, BlockingIOError):
            lock = _lock(temporary)
            if temporary.exists():
                break
    try:
        yield temporary
    finally:
        _unlock(lock)
        temporary.unlink(missing_ok=True)


class TemporaryFolder:
    """A folder in the system's folder for temporary files that only its owner can read.

    Parameters
    ----------
    prefix : str
        How its name begins.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, prefix: str) -> None:
        # slow to load, and not needed for --help
        import tempfile

        abandoned = re.compile(re.escape(prefix) + r"[a-z0-9_]{8}")
        _delete_abandoned(Path(tempfile.gettempdir()), abandoned, shutil.rmtree)
        while True:
            # mkdtemp gives it permissions 0700
            self.path = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
            with suppress(FileNotFoundError, BlockingIOError):
                self._lock = _lock(self.path)
                if self.path.exists():
                    break

    def remove(self) -> None:
        """Delete the folder and everything in it."""
        _unlock(self._lock)
        self._lock = None
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.remove()


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Lock an existing folder, so that no other retrotone works in it.

    Raises
    ------
    OutputError
        Another process has locked it.
    """
    try:
        lock = _lock(folder)
    except BlockingIOError as error:
        raise OutputError(f"another retrotone is at work in {folder}: wait for it, or name another folder") from error
    try:
        yield
    finally:
        _unlock(lock)


def _delete_abandoned(folder: Path, names: re.Pattern[str], remove: Callable[[str], object]) -> None:
    """Remove the user's own entries of a folder that have such a name and that no process has locked."""
    if sys.platform == "win32":
        return
    found: list[str] = []
    # some folders can be written to but not listed
    with suppress(OSError), os.scandir(folder) as entries:
        found += [entry.path for entry in entries if names.fullmatch(entry.name)]
    for path in found:
        # locked, or out of reach
        with suppress(OSError):
            lock = _lock(path)
            try:
                if lock is not None and os.fstat(lock).st_uid == os.geteuid():
                    remove(path)
            finally:
                _unlock(lock)


def _lock(path: str | os.PathLike[str]) -> int | None:
    """Lock a file or folder; BlockingIOError if another process has, None where there are no locks."""
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
