"""The private folder of a page, with uploads and results. No other files are served; it is deleted with the page."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from retrotone.utils.temporary import TemporaryFolder

PREFIX = "retrotone-web-"
HOUR = 3600.0
MINUTE = 60.0


class Uploads:
    """A folder that only its owner can read; old files in it are deleted.

    Parameters
    ----------
    limit : int
        Bytes that it may hold; the oldest files are deleted first.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, limit: int) -> None:
        self._scratch = TemporaryFolder(PREFIX)
        self.path = self._scratch.path
        self.limit = limit
        self._kept: set[str] = set()
        self._ended = threading.Event()
        threading.Thread(target=self._clean, daemon=True).start()

    def holds(self, path: str | os.PathLike[str]) -> bool:
        """Return whether a path, with links and dots resolved, leads to a file of this folder."""
        try:
            return Path(os.path.realpath(path)).is_relative_to(self.path)
        except (OSError, ValueError):
            # a null byte, a name too long
            return False

    def held_before(self, path: str) -> bool:
        """Return whether a path leads to a file that the page had before it was started again."""
        return not self.holds(path) and any(part.startswith(PREFIX) for part in Path(path).parts)

    def new_folder(self) -> Path:
        """Return a new folder in it, with a random name."""
        return Path(tempfile.mkdtemp(dir=self.path))

    def keep(self, path: Path) -> Path:
        """Copy a file that the page itself shows, and return the copy; it is never deleted before the page ends."""
        copy = Path(shutil.copy(path, self.new_folder()))
        self._kept.add(str(copy))
        return copy

    def without_paths(self, text: str) -> str:
        """Return a message in which the paths of this folder are shortened to file names."""
        # files that were deleted meanwhile are told of, too
        text = re.sub(rf"{re.escape(str(self.path))}(/[^/\s]+)*/", "", text)
        return text.replace(str(self.path), "the page's folder")

    def forget(self, incoming: int = 0, age: float = HOUR) -> None:
        """Delete files older than `age` seconds, then the oldest until `incoming` bytes more fit."""
        files = sorted(self._files(), key=lambda file: file[2])
        held, now = sum(size for _, size, _ in files) + incoming, time.time()
        for path, size, written in files:
            if path not in self._kept and (held > self.limit or now - written > age):
                Path(path).unlink(missing_ok=True)
                held -= size
        for folder in self.path.iterdir():
            # it may hold files, or be gone
            with suppress(OSError):
                if folder.is_dir() and now - folder.stat().st_mtime > MINUTE:
                    folder.rmdir()

    def remove(self) -> None:
        """Delete it with all that it holds."""
        self._ended.set()
        # a job that goes on can add nothing to a folder that has another name
        self._scratch.path = self.path.rename(self.path.with_name(PREFIX + secrets.token_hex(4)))
        self._scratch.remove()

    def _clean(self) -> None:
        while not self._ended.wait(MINUTE):
            self.forget()

    def _files(self) -> list[tuple[str, int, float]]:
        """Return path, size and time of last change of each file."""
        found = []
        # other threads delete folders meanwhile: `os.walk` passes over those
        for folder, _, names in os.walk(self.path):
            for name in names:
                with suppress(FileNotFoundError):
                    status = (path := Path(folder, name)).lstat()
                    found.append((str(path), status.st_size, status.st_ctime))
        return found
