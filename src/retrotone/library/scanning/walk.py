"""Walk folders of music: find their sound files, in a fixed order and without loops."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain

from retrotone.audio.files import SUFFIXES
from retrotone.errors import LibraryError
from retrotone.library.files import FoundFile, Part
from retrotone.library.scanning import cue_sheets
from retrotone.utils.text import url_in

# Sound, music and video that people keep among their music and that retrotone does not read, unless SUFFIXES has it.
OTHER_SUFFIXES = frozenset([
    ".3gp", ".aa", ".aax", ".ac3", ".aifc", ".alac", ".amr", ".ape", ".avi", ".caf", ".dff", ".dsf", ".dts", ".eac3",
    ".flv", ".gsm", ".it", ".kar", ".m4b", ".m4p", ".m4r", ".m4v", ".mid", ".midi", ".mka", ".mkv", ".mod", ".mov",
    ".mp+", ".mp1", ".mp2", ".mpc", ".mpeg", ".mpg", ".ofr", ".oga", ".ogm", ".ogv", ".ra", ".rm", ".rmi", ".s3m",
    ".shn", ".sid", ".snd", ".spc", ".spx", ".tak", ".thd", ".tta", ".voc", ".vqf", ".w64", ".weba", ".webm", ".wmv",
    ".wv", ".xm",
]) - SUFFIXES  # fmt: skip


@dataclass(frozen=True)
class Unreadable:
    """A folder, link or file that could not be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class PassedOver:
    """A file of sound or video in a format that retrotone does not read."""

    path: str


Found = FoundFile | Unreadable | PassedOver


def walk(folders: Sequence[str | os.PathLike[str]], exclude: Sequence[str] = ()) -> Iterator[Found]:
    """Yield the sound files in folders, and what could not be read or is passed over.

    In place of a file that a cue sheet beside it divides, its tracks are yielded. Hidden files and folders are skipped.

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
    roots = check_folders(folders)
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
                found, folder = FoundFile.at(link), os.stat(os.path.dirname(os.path.realpath(link)))
                if os.path.isfile(link) and (folder.st_dev, folder.st_ino) not in entered:
                    yield found
        except OSError as error:
            yield Unreadable(link, f"the link leads nowhere ({error.strerror})")


def check_folders(folders: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Return the absolute paths of folders; LibraryError if one does not exist or is a file."""
    roots = [os.path.abspath(folder) for folder in folders]
    for root in roots:
        if not os.path.isdir(root):
            if url := url_in(root):
                raise LibraryError(f"{url} is a URL: download its music, and name the folder")
            raise LibraryError(f"{root} is no folder: check the path, and that its disk is mounted")
    return roots


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
) -> Iterator[Found]:
    """Yield the files of a folder, then those of the folders in it, and add links to `links`."""
    divided: dict[str, tuple[FoundFile, list[Part]]] = {}
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
        visible = [entry for entry in entries if not _is_hidden(entry, root, exclude)]
        # reading a pipe would wait for its writer
        cues = [e.name for e in visible if _suffix(e.name) == cue_sheets.SUFFIX and os.path.isfile(e.path)]
        names = [entry.name for entry in entries]
        if cues:
            by_sheets, problems = cue_sheets.find_sheets(folder, names, cues)
            divided = by_sheets | divided
            yield from (Unreadable(path, reason) for path, reason in problems.items())
        below = []
        for entry in visible:
            try:
                if entry.is_symlink():
                    links.append((root, entry.path))
                elif entry.is_dir():
                    below.append(entry.path)
                elif _suffix(entry.name) in SUFFIXES and entry.is_file():
                    found = FoundFile.at(entry.path)
                    if entry.path in divided:
                        sheet, parts = divided[entry.path]
                        size, mtime_ns = found.size + sheet.size, max(found.mtime_ns, sheet.mtime_ns)
                        yield from (FoundFile(found.path, size, mtime_ns, part) for part in parts)
                    else:
                        yield found
                elif _suffix(entry.name) in OTHER_SUFFIXES and entry.is_file():
                    yield PassedOver(entry.path)
            # It was deleted meanwhile.
            except FileNotFoundError:
                continue
            # The folder may be listed but not entered, or the path is too long.
            except OSError as error:
                yield Unreadable(entry.path, error.strerror or str(error))
        folders += reversed(below)


def _is_hidden(entry: os.DirEntry[str], root: str, exclude: Sequence[str]) -> bool:
    return entry.name.startswith(".") or (bool(exclude) and is_excluded(os.path.relpath(entry.path, root), exclude))


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()
