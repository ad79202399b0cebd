"""How retrotone speaks to people: errors in a sentence, times, names of recordings. Nothing heavy is imported."""

from __future__ import annotations

import os
from pathlib import Path

from retrotone.errors import RetrotoneError


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
