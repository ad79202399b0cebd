"""Write files so that they appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrotone.errors import OutputError
from retrotone.utils.temporary import beside


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file beside its place and rename it, so that it appears whole or not at all.

    Parameters
    ----------
    path : path-like
        Where to; replaced if it exists. Permissions are what the umask leaves.
    data : bytes
        All of it.

    Raises
    ------
    OutputError
        Missing folder, no permission, full disk.
    """
    path = Path(path)
    with writing(path), beside(path) as temporary:
        temporary.write_bytes(data)
        temporary.replace(path)


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder where it is missing; OutputError if it cannot be."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}): choose another folder") from error
    return folder


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says while writing `path` into one OutputError."""
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
