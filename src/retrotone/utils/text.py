"""How retrotone speaks to people: errors in a sentence, times, names of recordings. Nothing heavy is imported."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retrotone.errors import RetrotoneError

if TYPE_CHECKING:
    pass

if TYPE_CHECKING:
    pass


def sentence(error: BaseException) -> str:
    """Say what went wrong in one sentence for people."""
    if isinstance(error, RetrotoneError):
        text = " ".join(str(error).split())
        return text if text.endswith((".", "!", "?")) else text + "."
    if isinstance(error, MemoryError):
        return "This needs more memory than there is: close other programs, or take a shorter song."
    return f"Something unexpected went wrong ({type(error).__name__}: {error}): please report it."


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds, with hours where there are some."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def title(name: str | os.PathLike[str]) -> str:
    """Return what to call a recording: its file's name without suffix, fit for a screen."""
    return "".join(c if c.isprintable() else "�" for c in Path(name).stem) or "song"


def unique_titles(names: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Return a title for each recording, numbered where two would be the same."""
    found: list[str] = []
    for name in names:
        wanted, number = title(name), 1
        while wanted in found:
            number += 1
            wanted = f"{title(name)} ({number})"
        found.append(wanted)
    return found


def printable(text: str | os.PathLike[str]) -> str:
    """Return text on one line, what a terminal cannot show (as in some files' names) as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in os.fspath(text))
