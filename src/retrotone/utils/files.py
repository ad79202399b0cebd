"""Write files that appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from retrotone.errors import OutputError
from retrotone.utils.temporary import temporary_beside
from retrotone.utils.text import url_in

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


def check_outputs(
    outputs: Iterable[str | os.PathLike[str]],
    inputs: Iterable[str | os.PathLike[str]] = (),
    *,
    overwrite: bool = False,
    folder: Path | None = None,
) -> None:
    """Refuse to write over an input ever, and over a file that exists unless that was asked for.

    Every writer of results follows this rule, before any work is done.

    Parameters
    ----------
    outputs : iterable of path-like
        Files that will be written.
    inputs : iterable of path-like
        Files that are read. An output that is one of them under another name, by a link or a relative path, is refused.
    overwrite : bool
        Whether files that exist are replaced.
    folder : Path, optional
        Where the outputs go, if it is created with them; else their folders have to exist.

    Raises
    ------
    OutputError
        An output is an input, exists, is a folder, or lies in a folder that does not exist or cannot be written to.
    """
    read = {file_identity(path) for path in inputs} - {None}
    for output in map(Path, outputs):
        if folder is None:
            _check_parent(output)
        _check_no_folder(output)
        if not takes_files(output.parent):
            raise OutputError(f"{output} could not be written ({output.parent} takes no files): choose another folder")
        if file_identity(output) in read:
            raise OutputError(f"{output} is an input and would be overwritten: choose another name")
        # a link that leads nowhere is there as well
        if not overwrite and os.path.lexists(output):
            raise OutputError(
                f"{output} is there already: choose another name, or replace it with --overwrite "
                "(overwrite=True in Python)"
            )


def output_path(out: str | None, default_name: str) -> tuple[Path, Path | None]:
    """Return where the only result of a command goes, and the folder to create for it, if any.

    Parameters
    ----------
    out : str, optional
        A file; or a folder, which exists or whose name ends with a slash. By default the current folder.
    default_name : str
        The result's name in a folder.
    """
    folder = named_folder(out)
    return (Path(out or ""), None) if folder is None else (folder / default_name, folder)


def named_folder(out: str | None) -> Path | None:
    """Return the folder that ``--out`` names, which may not exist yet: its name ends with a slash; None for a file."""
    folder = Path(out or "")
    return folder if not out or out.endswith(("/", os.sep)) or is_folder(folder) else None


def is_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a file; False also where it cannot be examined, as where its name is too long."""
    with suppress(OSError):
        return Path(path).is_file()
    return False


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder; False also where it cannot be examined."""
    with suppress(OSError):
        return Path(path).is_dir()
    return False


def takes_files(folder: Path) -> bool:
    """Return whether files may be written to a folder, or to the one that it would be created in."""
    existing = next((path for path in (folder, *folder.parents) if os.path.lexists(path)), folder)
    return os.access(existing, os.W_OK | os.X_OK)


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
        raise OutputError(f"{folder} cannot be made ({error.strerror}): {_advice(error)}") from error
    return folder


@contextmanager
def new_folder(path: str | os.PathLike[str] | None) -> Iterator[None]:
    """Create a folder for what is written meanwhile; where that fails or is stopped, remove it again if it is empty.

    Parameters
    ----------
    path : path-like, optional
        Created with its parents, unless it exists; None is no folder.

    Raises
    ------
    OutputError
        It cannot be created.
    """
    folder = None if path is None else Path(path)
    created = [each for each in (folder, *folder.parents) if not os.path.lexists(each)] if folder else []
    try:
        if folder:
            make_folder(folder)
        yield
    except BaseException:
        for each in created:
            # it holds finished results
            with suppress(OSError):
                each.rmdir()
        raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's errors while writing `path` into one OutputError."""
    try:
        _check_parent(path)
        _check_no_folder(path)
        yield
    except OSError as error:
        # libsndfile's errors say no more than that
        reason = error.strerror or "the disk may be full"
        raise OutputError(f"{path} could not be written ({reason}): {_advice(error)}") from error


def _check_parent(path: Path) -> None:
    if not is_folder(path.parent):
        if url := url_in(path):
            raise OutputError(f"{url} is a URL: name a file on this machine")
        raise OutputError(f"{path.parent} is not a folder: create it first")


def _check_no_folder(path: Path) -> None:
    if is_folder(path):
        raise OutputError(f"{path} could not be written (it is a folder): name a file in it")


def _advice(error: OSError) -> str:
    """Say what helps against an error of the system."""
    if error.errno == errno.ENAMETOOLONG:
        return "choose a shorter name"
    full = error.errno in (None, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return "free some space or choose another folder" if full else "choose another folder"


def file_identity(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Return device and inode of a file, equal under all of its names; None if it cannot be examined."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def file_version(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Return when a file was written last, in nanoseconds, and its size; None if it cannot be examined."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
