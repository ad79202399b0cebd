"""Files that are written beside their place and renamed when whole, and what writers leave that were killed."""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

NAME = re.compile(r"\.retrotone-[0-9a-f]{12}(\..*)?")


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give an empty hidden file in the folder of `path`, to be renamed; it goes at the end if it was not.

    What others began there and never ended goes too. Each locks its file, and a lock ends with its process, whatever
    ended that: a file that can be locked is nobody's. Where there are no such locks (Windows, some network disks),
    nothing of others is touched.

    Raises
    ------
    OSError
        It cannot be created.
    """
    _sweep(path.parent)
    temporary, lock = _create(path)
    try:
        yield temporary
    finally:
        if lock is not None:
            os.close(lock)
        temporary.unlink(missing_ok=True)


def _create(path: Path) -> tuple[Path, int | None]:
    """Create a file and lock it; None where it cannot be."""
    while True:
        temporary = path.with_name(f".retrotone-{secrets.token_hex(6)}{path.suffix}")
        lock = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if sys.platform == "win32":  # an open file cannot be renamed
            os.close(lock)
            return temporary, None
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        if temporary.exists():  # else it was swept away before it was locked
            return temporary, lock
        os.close(lock)


def _sweep(folder: Path) -> None:
    """Delete what killed writers left in a folder."""
    if sys.platform == "win32":
        return
    names: list[str] = []
    with suppress(OSError), os.scandir(folder) as entries:  # a folder may be written to, but not listed
        names += [entry.path for entry in entries if NAME.fullmatch(entry.name)]
    for name in names:
        with suppress(OSError):  # another's, or in use
            lock = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Path(name).unlink()
            finally:
                os.close(lock)
