"""Text for people: errors as sentences, times, and names of recordings. Imports nothing heavy."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from retrotone.errors import RetrotoneError

# Characters of a name in a sentence.
LONGEST_NAME = 40


def sentence(error: BaseException) -> str:
    """Return one sentence for people that says what went wrong.

    >>> sentence(RetrotoneError("song.wav does not exist: check the path"))
    'song.wav does not exist: check the path.'
    >>> sentence(RetrotoneError("there is no song yet: upload one"))
    'There is no song yet: upload one.'
    """
    if isinstance(error, RetrotoneError):
        text = " ".join(str(error).split())
        # a path keeps its first letter
        if text.partition(" ")[0].isalpha():
            text = text[:1].upper() + text[1:]
        return text if text.endswith((".", "!", "?")) else text + "."
    if isinstance(error, MemoryError):
        return "This needs more memory than there is: close other programs, or take a shorter song."
    return f"Something unexpected went wrong ({type(error).__name__}: {error}): please report it."


def clock(seconds: float) -> str:
    """Return a duration as minutes and seconds, with hours if there are any, and tenths below one second.

    >>> clock(61.4), clock(3725), clock(0.3)
    ('1:01', '1:02:05', '0:00.3')
    """
    if 0.05 <= seconds < 0.95:
        return f"0:0{seconds:.1f}"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def title(name: str | os.PathLike[str]) -> str:
    """Return the title of a recording: its file's name without folder and suffix, safe to show on a screen.

    >>> title("music/Blue Moon.flac")
    'Blue Moon'
    """
    return "".join(c if c.isprintable() else "�" for c in Path(name).stem) or "song"


def counted(count: int, noun: str) -> str:
    """Return a number of things, as a sentence has it.

    >>> counted(1, "track"), counted(20, "track")
    ('1 track', '20 tracks')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def unique_titles(titles: Sequence[str]) -> list[str]:
    """Return titles, numbered where two would be equal.

    >>> unique_titles(["song", "song"])
    ['song', 'song (2)']
    """
    found: list[str] = []
    for each in titles:
        wanted, number = each, 1
        while wanted in found:
            number += 1
            wanted = f"{each} ({number})"
        found.append(wanted)
    return found


def shortened(text: str, length: int = LONGEST_NAME) -> str:
    """Return a text of so many characters at most, cut in its middle: names of results differ at their end.

    >>> shortened("My song as a disc of the 1930s, seed 7", 20)
    'My song as…s, seed 7'
    """
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def url_in(path: str | os.PathLike[str]) -> str | None:
    """Return the URL that was given as a path, also where that was made absolute or lost a slash; None if it is none.

    >>> url_in("/home/me/https:/example.com/song.mp3"), url_in("/home/me/song.mp3")
    ('https://example.com/song.mp3', None)
    """
    found = re.search(r"(?:^|/)(https?|ftp|file):/+(.*)", os.fspath(path), re.IGNORECASE)
    return f"{found[1]}://{found[2]}" if found else None


def printable(text: str | os.PathLike[str]) -> str:
    r"""Return text on one line, with escapes for characters that a terminal cannot show.

    >>> print(printable("two\nlines.wav"))
    two\nlines.wav
    >>> print(printable("caf\udce9.wav"))
    caf\xe9.wav
    """
    return "".join(c if c.isprintable() else _escaped(c) for c in os.fspath(text))


def _escaped(character: str) -> str:
    # Python's stand-ins for bytes of a file's name that are no UTF-8
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
