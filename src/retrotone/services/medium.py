"""Read the medium of records, and write what was found as a page to look at."""

from __future__ import annotations

import base64
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retrotone.audio.audio import PEAK_CEILING, Audio, load, open_recording
from retrotone.audio.files import AudioFile
from retrotone.audio.player import player
from retrotone.errors import OutputError, StyleError
from retrotone.progress import Progress, silent
from retrotone.style.medium import Medium
from retrotone.style.reading.records import as_list, read_records
from retrotone.utils.files import check_outputs, write_whole
from retrotone.utils.text import shortened, title

if TYPE_CHECKING:
    from retrotone.style.reading.reading import Reading
    from retrotone.style.reading.records import Recording

# Of each record in the page.
HEARD_SECONDS = 30.0
# Records that a page shows: each is about 700 kB.
MOST_RECORDS = 8


def read_medium(
    records: Recording | Sequence[Recording], name: str | None = None, progress: Progress = silent
) -> tuple[Medium, list[Reading]]:
    """Read the medium of records of the same kind; return it with what each record showed.

    Parameters
    ----------
    records : Audio, AudioFile or path, or several
    name : str, optional
        Of the medium; by default that of the first record.
    progress : Progress

    Raises
    ------
    AudioError, StyleError
        See `retrotone.style.medium.Medium.from_recording`, which does the same.
    """
    readings = read_records(records, progress)
    return Medium.from_readings(readings, name), readings


def medium_to_give(record: AudioFile, progress: Progress = silent) -> Medium:
    """Read the medium that a song is to get from a record.

    Parameters
    ----------
    record : AudioFile
    progress : Progress

    Raises
    ------
    StyleError
        It has none: the song would stay as it is.
    AudioError
    """
    medium, _ = read_medium(record, progress=progress)
    if not medium.parts:
        name = shortened(title(record.name))
        raise StyleError(f"{name} has no medium of its own to give: choose an older record, or an era")
    return medium


def write_medium_report(
    records: Recording | Sequence[Recording],
    medium: Medium,
    readings: Sequence[Reading],
    path: str | os.PathLike[str],
    progress: Progress = silent,
    overwrite: bool = False,
) -> list[Path]:
    """Write a page about the medium of records, and its picture beside it.

    Parameters
    ----------
    records : Audio, AudioFile or path, or several
        Those that were read; the page plays the first 30 s of each, and shows at most eight.
    medium : Medium
    readings : sequence of Reading
        One a record, as `read_medium` returns them.
    path : path-like
        Of the page; the picture, of the first record, has the suffix .png. The page names the file of the same name
        with the suffix .toml as the medium's.
    progress : Progress
    overwrite : bool
        Whether files that exist are replaced.

    Returns
    -------
    list of Path
        Page and picture.

    Raises
    ------
    OutputError
        A file exists, or cannot be written.
    AudioError
        A record cannot be read any more.
    """
    # matplotlib and the page's template are slow to load
    from retrotone.figures.base import png
    from retrotone.figures.medium import reading_figure

    written = _report_paths(path, overwrite)
    shown = list(zip(as_list(records), readings, strict=True))[:MOST_RECORDS]
    pictures, players = [], []
    for number, (record, reading) in enumerate(shown):
        progress(number / len(shown), f"drawing {title(reading.name)}")
        pictures.append(png(reading_figure(reading, medium)))
        players.append(_player(record))
    page = _page(medium, readings, pictures, players, written[0].with_suffix(".toml").name)
    for file, data in zip(written, (page.encode(), pictures[0]), strict=True):
        write_whole(file, data)
    progress(1.0, "drawn")
    return written


def _report_paths(path: str | os.PathLike[str], overwrite: bool) -> list[Path]:
    """Return the paths of page and picture; OutputError for another suffix than .html, or where one may not go."""
    page = Path(path)
    if page.suffix.lower() != ".html":
        raise OutputError(f"{page}: a report of a medium is written as .html, not '{page.suffix}'")
    both = [page, page.with_suffix(".png")]
    check_outputs(both, overwrite=overwrite)
    return both


def _player(record: Recording) -> str:
    """Return the start of a record for a player, below full scale."""
    opened = open_recording(record)
    audio = opened.slice(0, HEARD_SECONDS) if isinstance(opened, Audio) else load(opened, HEARD_SECONDS)
    return player(audio, min(1.0, PEAK_CEILING / max(audio.peak, 1e-9)), HEARD_SECONDS)


def _page(
    medium: Medium, readings: Sequence[Reading], pictures: Sequence[bytes], players: Sequence[str], file: str
) -> str:
    from retrotone.figures.base import COLOURS, PAPER
    from retrotone.figures.dials import dials, other_parts
    from retrotone.utils.templates import render_page

    shown = dials(medium, readings)
    names = [title(reading.name) for reading in readings[: len(pictures)]]
    return render_page(
        "medium.html.j2",
        name=medium.name,
        file=shlex.quote(file),
        records=[
            {"name": name, "player": source, "picture": base64.b64encode(picture).decode()}
            for name, source, picture in zip(names, players, pictures, strict=True)
        ],
        number=len(readings),
        seconds=HEARD_SECONDS,
        dials=shown,
        found=[dial for dial in shown if dial.value],
        missing=[dial for dial in shown if not dial.value],
        others=other_parts(medium),
        paper=PAPER,
        dial_colour=COLOURS[0],
    )
