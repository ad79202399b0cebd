"""The private folder of a page: uploads and results lie in it, nothing else is served, and it ends with the page."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from retrotone.utils.temporary import TemporaryFolder

HOUR = 3600.0
MINUTE = 60.0


class Folder:
    """A folder that only its owner can read, which forgets.

    Parameters
    ----------
    limit : int
        Bytes that it may hold: the oldest files go first.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, limit: int) -> None:
        self._scratch = TemporaryFolder("retrotone-web-")
        self.path = self._scratch.path
        self.limit = limit
        self._kept: set[str] = set()
        self._ended = threading.Event()
        threading.Thread(target=self._clean, daemon=True).start()

    def holds(self, path: str | os.PathLike[str]) -> bool:
        """Tell whether a path, links and dots followed, leads to a file of this folder."""
        try:
            return Path(os.path.realpath(path)).is_relative_to(self.path)
        except (OSError, ValueError):  # a null byte, a name too long
            return False

    def room(self) -> Path:
        """Return a new folder in it, of a name that nobody guesses."""
        return Path(tempfile.mkdtemp(dir=self.path))

    def keep(self, path: Path) -> Path:
        """Copy a file that the page itself shows; it stays to the end. Return the copy."""
        copy = Path(shutil.copy(path, self.room()))
        self._kept.add(str(copy))
        return copy

    def nameless(self, text: str) -> str:
        """Return a text for people: the files of this folder by their names alone."""
        for path, _, _ in self._files():
            text = text.replace(path, Path(path).name)
        return text.replace(str(self.path), "the page's folder")

    def forget(self, incoming: int = 0, age: float = HOUR) -> None:
        """Delete what is older than an hour, then the oldest until there is room for so many bytes more."""
        files = sorted(self._files(), key=lambda file: file[2])
        held, now = sum(size for _, size, _ in files) + incoming, time.time()
        for path, size, written in files:
            if path not in self._kept and (held > self.limit or now - written > age):
                Path(path).unlink(missing_ok=True)
                held -= size
        for place in self.path.iterdir():
            if place.is_dir() and now - place.stat().st_mtime > MINUTE:
                with suppress(OSError):  # not empty
                    place.rmdir()

    def remove(self) -> None:
        """Delete it with all that it holds."""
        self._ended.set()
        self._scratch.remove()

    def _clean(self) -> None:
        while not self._ended.wait(MINUTE):
            self.forget()

    def _files(self) -> list[tuple[str, int, float]]:
        """Return path, size and time of last change of each file."""
        found = []
        for path in self.path.rglob("*"):
            with suppress(FileNotFoundError):
                status = path.lstat()
                if not stat.S_ISDIR(status.st_mode):
                    found.append((str(path), status.st_size, status.st_ctime))
        return found
