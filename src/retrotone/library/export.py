"""Export tracks: a playlist that players open (M3U8), a table (CSV), or all fields (JSON)."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from retrotone.errors import LibraryError
from retrotone.library.records import Track
from retrotone.utils.files import write_whole

SUFFIXES = (".m3u8", ".csv", ".json")
# characters that a spreadsheet's formula begins with
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
COLUMNS = (
    "path", "artist", "title", "album", "year", "genre", "heard_genre", "confidence", "sure", "duration", "tempo",
    "key", "loudness", "tags", "number", "start", "end", "damage", "size",
)  # fmt: skip


def export(tracks: Sequence[Track], path: str | os.PathLike[str], absolute: bool = False) -> Path:
    """Write tracks to a file and return its path.

    Parameters
    ----------
    tracks : sequence of Track
    path : path-like
        The suffix chooses: .m3u8, .csv or .json.
    absolute : bool
        Whether a playlist holds absolute paths; else they are relative to its folder, so that both can be moved.

    Raises
    ------
    LibraryError
        Another suffix.
    OutputError
        Missing folder, no permission, full disk.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".m3u8":
        text = _m3u8(tracks, None if absolute else os.path.realpath(path.parent))
    elif suffix == ".csv":
        text = _csv(tracks)
    elif suffix == ".json":
        text = json.dumps([described(track) for track in tracks], indent=1) + "\n"
    else:
        raise LibraryError(f"{path}: cannot export '{suffix}' files: use one of {' '.join(SUFFIXES)}")
    write_whole(path, text.encode("utf-8", "backslashreplace"))
    return path


def described(track: Track) -> dict[str, Any]:
    """Return the fields of a track for JSON, which has no infinity: silence has no loudness."""
    facts = asdict(track)
    loudness = facts["loudness"]
    facts["loudness"] = loudness if loudness is not None and abs(loudness) != float("inf") else None
    return facts


def _m3u8(tracks: Sequence[Track], folder: str | None) -> str:
    lines = ["#EXTM3U"]
    for track in tracks:
        lines.append(f"#EXTINF:{round(track.duration or -1)},{' '.join(track.name.split())}")
        # understood by VLC and players that follow it; for others a comment
        for option, seconds in (("start-time", track.start), ("stop-time", track.end)):
            if seconds is not None:
                lines.append(f"#EXTVLCOPT:{option}={seconds:.3f}")
        lines.append(_location(track.path, folder))
    return "\n".join(lines) + "\n"


def _location(path: str, folder: str | None) -> str:
    """Return a playlist's line for a file: its path where a line can hold it, else a URI."""
    # it contains a line break, or bytes that are not text
    if not path.isprintable():
        return "file://" + quote(os.fsencode(path))
    if folder is None:
        return path
    parent, name = os.path.split(path)
    # resolved first: ".." in a folder reached by a link is not the folder that holds the link
    try:
        relative = os.path.relpath(os.path.join(os.path.realpath(parent), name), folder)
    # on another drive of Windows
    except ValueError:
        return path
    # A comment begins with "#", players remove leading spaces, and a colon in the first part makes an address.
    strange = relative.startswith(("#", " ")) or ":" in relative.split(os.sep)[0]
    return os.path.join(".", relative) if strange else relative


def _csv(tracks: Sequence[Track]) -> str:
    text = io.StringIO()
    # Lines end as in RFC 4180. With "\n" alone, a "\r" in a name would not be quoted.
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for track in tracks:
        facts = described(track)
        facts["tags"] = "; ".join(track.tags)
        writer.writerow([_inert(facts[column]) for column in COLUMNS])
    return text.getvalue()


def _inert(cell: Any) -> Any:
    """Return a cell that a spreadsheet does not run as a formula; tags are untrusted (OWASP, CSV injection)."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
