"""A list kept on disk, for scans of millions of files: only its first thousands of items stay in memory."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from typing import Generic, TypeVar

from retrotone.errors import LibraryError

# Bytes that stay in memory; an item takes about 100.
IN_MEMORY = 8 << 20

T = TypeVar("T")


class DiskList(Generic[T]):
    """A list that supports appending, and then reading from its start.

    Raises
    ------
    LibraryError
        By all methods: the disk for temporary files is full.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed with this list
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, item: T) -> None:
        """Append an item."""
        try:
            pickle.dump(item, self._file, pickle.HIGHEST_PROTOCOL)
        except OSError as error:
            raise _full(error) from error
        self._length += 1

    def __iter__(self) -> Iterator[T]:
        try:
            self._file.seek(0)
            for _ in range(self._length):
                yield pickle.load(self._file)
        except OSError as error:
            raise _full(error) from error


def _full(error: OSError) -> LibraryError:
    return LibraryError(
        f"the list of new files cannot be kept in {tempfile.gettempdir()} ({error.strerror}): free some space, "
        "or set TMPDIR to another folder"
    )
