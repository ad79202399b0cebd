"""Walk folders of music: find their sound files, in a fixed order and without loops."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain

from retrotone.audio.files import SUFFIXES
from retrotone.errors import LibraryError
from retrotone.library.files import FoundFile


@dataclass(frozen=True)
class Unreadable:
    """A folder, link or file that could not be read, and why."""

    path: str
    reason: str


def walk(folders: Sequence[str | os.PathLike[str]], exclude: Sequence[str] = ()) -> Iterator[FoundFile | Unreadable]:
    """Yield the sound files in folders and what could not be read; hidden files and folders are skipped.

    Parameters
    ----------
    folders : sequence of path-like
        They may contain one another: every folder is entered once. Links are followed last, and only to folders that
        were not entered yet: loops end, and a file keeps its own path rather than that of a link.
    exclude : sequence of str
        See `is_excluded`; paths are relative to the folder given.

    Raises
    ------
    LibraryError
        A folder does not exist or is a file.
    """
    roots = [os.path.abspath(folder) for folder in folders]
    for root in roots:
        if not os.path.isdir(root):
            raise LibraryError(f"{root} is no folder: check the path, and that its disk is mounted")
    entered: set[tuple[int, int]] = set()
    links: list[tuple[str, str]] = []
    for root in roots:
        yield from _enter(root, root, exclude, entered, links)
    # This list grows while links lead to more links.
    for root, link in links:
        try:
            if os.path.isdir(link):
                yield from _enter(root, link, exclude, entered, links)
            elif _suffix(link) in SUFFIXES:
                found, folder = _stat_file(link), os.stat(os.path.dirname(os.path.realpath(link)))
                if os.path.isfile(link) and (folder.st_dev, folder.st_ino) not in entered:
                    yield found
        except OSError as error:
            yield Unreadable(link, f"the link leads nowhere ({error.strerror})")


def is_excluded(path: str, patterns: Sequence[str]) -> bool:
    """Tell whether a path, or a folder in it, matches one of several shell patterns.

    A pattern matches any single part of the path, or its beginning.

    >>> is_excluded("Podcasts/one.mp3", ["Podcasts"]), is_excluded("Jazz/Podcasts.mp3", ["Podcasts"])
    (True, False)
    >>> is_excluded("Christmas/a.ogg", ["Christmas/*"]), is_excluded("Old/Christmas/a.ogg", ["Christmas/*"])
    (True, False)
    """
    if not patterns:
        return False
    parts = path.replace(os.sep, "/").strip("/").split("/")
    heads = ("/".join(parts[: n + 1]) for n in range(len(parts)))
    return any(fnmatchcase(name, pattern.strip("/")) for name in chain(parts, heads) for pattern in patterns)


def _enter(
    root: str, folder: str, exclude: Sequence[str], entered: set[tuple[int, int]], links: list[tuple[str, str]]
) -> Iterator[FoundFile | Unreadable]:
    """Yield the files of a folder, then those of the folders in it, and add links to `links`."""
    # A stack, as folders may be nested deeper than calls can be.
    folders = [folder]
    while folders:
        folder = folders.pop()
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            yield Unreadable(folder, error.strerror or str(error))
            continue
        below = []
        for entry in entries:
            if entry.name.startswith(".") or (exclude and is_excluded(os.path.relpath(entry.path, root), exclude)):
                continue
            try:
                if entry.is_symlink():
                    links.append((root, entry.path))
                elif entry.is_dir():
                    below.append(entry.path)
                elif _suffix(entry.name) in SUFFIXES and entry.is_file():
                    yield _stat_file(entry.path)
            # It was deleted meanwhile.
            except FileNotFoundError:
                continue
            # The folder may be listed but not entered, or the path is too long.
            except OSError as error:
                yield Unreadable(entry.path, error.strerror or str(error))
        folders += reversed(below)


def _stat_file(path: str) -> FoundFile:
    status = os.stat(path)
    return FoundFile(path, status.st_size, status.st_mtime_ns)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()
