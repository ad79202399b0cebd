"""Export tracks: a playlist that players open (M3U8, M3U, XSPF), a table (CSV), or all fields (JSON)."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrotone.errors import LibraryError
from retrotone.library.playlist_files import m3u8, xspf
from retrotone.library.records import Track
from retrotone.utils.files import write_whole

SUFFIXES = (".m3u8", ".m3u", ".xspf", ".csv", ".json")
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
        The suffix chooses: .m3u8, .m3u (for MPD), .xspf, .csv or .json.
    absolute : bool
        Whether an M3U8 or M3U holds absolute paths; else they are relative to its folder, so that both can be moved. An
        XSPF holds absolute URIs.

    Raises
    ------
    LibraryError
        Another suffix.
    OutputError
        Missing folder, no permission, full disk.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in (".m3u8", ".m3u"):
        data = m3u8(tracks, None if absolute else os.path.realpath(path.parent), for_mpd=suffix == ".m3u")
    elif suffix == ".xspf":
        data = xspf(tracks)
    elif suffix == ".csv":
        data = _csv(tracks).encode("utf-8", "backslashreplace")
    elif suffix == ".json":
        data = json.dumps([described(track) for track in tracks], indent=1).encode() + b"\n"
    else:
        raise LibraryError(f"{path}: cannot export '{suffix}' files: use one of {' '.join(SUFFIXES)}")
    write_whole(path, data)
    return path


def described(track: Track) -> dict[str, Any]:
    """Return the fields of a track for JSON, which has no infinity: silence has no loudness."""
    facts = asdict(track)
    loudness = facts["loudness"]
    facts["loudness"] = loudness if loudness is not None and abs(loudness) != float("inf") else None
    return facts


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
