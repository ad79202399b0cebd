"""Write files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from retrotone.errors import OutputError
from retrotone.utils.temporary import temporary_beside

# at once
MOVED_BYTES = 1 << 20


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a temporary file in the same folder and rename it, so that `path` appears whole or not at all.

    Parameters
    ----------
    path : path-like
        File to write; replaced if it exists. Its permissions follow the umask.
    data : bytes
        Its whole content.

    Raises
    ------
    OutputError
        Missing folder, no permission, full disk.
    """
    path = Path(path)
    with writing(path), temporary_beside(path) as temporary:
        temporary.write_bytes(data)
        temporary.replace(path)


def config_folder() -> Path:
    """Return the folder of the user's settings and presets; it may not exist yet."""
    import platformdirs

    return Path(platformdirs.user_config_dir("retrotone", appauthor=False))


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder, and its parents, unless it exists; OutputError if it cannot be created."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}): choose another folder") from error
    return folder


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's errors while writing `path` into one OutputError."""
    try:
        if not path.parent.is_dir():
            raise OutputError(f"{path.parent} is not a folder: create it first")
        if path.is_dir():
            raise OutputError(f"{path} could not be written (it is a folder): name a file in it")
        yield
    except OSError as error:
        reason = error.strerror or str(error) or "the disk may be full"
        raise OutputError(
            f"{path} could not be written ({reason}): free some space or choose another folder"
        ) from error


def file_identity(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Return device and inode of a file, equal under all of its names; None if it cannot be examined."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def replace_bytes(file: BinaryIO, start: int, end: int, data: bytes) -> None:
    """Replace a part of an open file by more bytes; what follows is moved.

    Parameters
    ----------
    file : binary file
        Open for reading and writing.
    start, end : int
        The part that is replaced, in bytes; equal ones insert.
    data : bytes
        At least as long as that part.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    shift = len(data) - (end - start)
    stop = file.seek(0, os.SEEK_END)
    # from the end, so that nothing is overwritten before it is moved
    while stop > end:
        begin = max(stop - MOVED_BYTES, end)
        file.seek(begin)
        block = file.read(stop - begin)
        file.seek(begin + shift)
        file.write(block)
        stop = begin
    file.seek(start)
    file.write(data)
