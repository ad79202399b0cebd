"""Walk folders of music: what is there, in a fixed order, whatever links and names do."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain

from retrotone.audio.files import FFMPEG_SUFFIXES, FORMATS
from retrotone.errors import LibraryError

SUFFIXES = frozenset({".au", *FORMATS, *FFMPEG_SUFFIXES})
CHUNK = 1 << 16  # bytes read in each of CHUNKS places for a fingerprint
CHUNKS = 4


@dataclass(frozen=True)
class Found:
    """A sound file by its suffix: absolute path, size in bytes, time of its last change in nanoseconds."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Unreadable:
    """A folder or link that could not be followed, and why."""

    path: str
    reason: str


def walk(
    folders: Sequence[str | os.PathLike[str]], exclude: Sequence[str] = ()
) -> Iterator[Found | Unreadable]:
    """Yield the sound files in folders, and what could not be looked into; hidden ones are passed over.

    Parameters
    ----------
    folders : sequence of path-like
        They may lie in one another: every folder is entered once. Links are followed last, and only to where nothing
        else led, so that a loop ends and a file keeps its own path.
    exclude : sequence of str
        See `is_excluded`; paths are seen from the folder given.

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
    for root, link in links:  # grows while links lead to more links
        try:
            if os.path.isdir(link):
                yield from _enter(root, link, exclude, entered, links)
            elif _suffix(link) in SUFFIXES:
                found, folder = _found(link), os.stat(os.path.dirname(os.path.realpath(link)))
                if os.path.isfile(link) and (folder.st_dev, folder.st_ino) not in entered:
                    yield found
        except OSError as error:
            yield Unreadable(link, f"the link leads nowhere ({error.strerror})")


def is_excluded(path: str, patterns: Sequence[str]) -> bool:
    """Tell whether a path, or a folder in it, matches one of the patterns of a shell.

    ``Podcasts`` and ``*.ogg`` match any part of the path by itself, ``Christmas/*`` matches from its start.
    """
    if not patterns:
        return False
    parts = path.replace(os.sep, "/").strip("/").split("/")
    heads = ("/".join(parts[: n + 1]) for n in range(len(parts)))
    return any(fnmatchcase(name, pattern.strip("/")) for name in chain(parts, heads) for pattern in patterns)


def fingerprint(found: Found) -> bytes:
    """Return 16 bytes that tell a file's content: its size and four stretches of 64 kB, evenly spaced.

    A moved or copied file keeps it; one whose tags changed has another.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    digest = hashlib.blake2b(str(found.size).encode(), digest_size=16)
    with open(found.path, "rb") as file:
        last = max(found.size - CHUNK, 0)
        for start in sorted({last * place // (CHUNKS - 1) for place in range(CHUNKS)}):
            file.seek(start)
            digest.update(file.read(CHUNK))
    return digest.digest()


def _enter(
    root: str,
    folder: str,
    exclude: Sequence[str],
    entered: set[tuple[int, int]],
    links: list[tuple[str, str]],
) -> Iterator[Found | Unreadable]:
    """Yield what is in a folder, files before folders; leave links for later."""
    folders = [folder]  # a stack: folders may lie deeper in one another than calls can
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
            if entry.name.startswith(".") or (
                exclude and is_excluded(os.path.relpath(entry.path, root), exclude)
            ):
                continue
            try:
                if entry.is_symlink():
                    links.append((root, entry.path))
                elif entry.is_dir():
                    below.append(entry.path)
                elif _suffix(entry.name) in SUFFIXES and entry.is_file():
                    yield _found(entry.path)
            except FileNotFoundError:  # it went away since
                continue
            except OSError as error:  # a folder that may be listed, but not entered; a path too long
                yield Unreadable(entry.path, error.strerror or str(error))
        folders += reversed(below)


def _found(path: str) -> Found:
    status = os.stat(path)
    return Found(path, status.st_size, status.st_mtime_ns)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()
