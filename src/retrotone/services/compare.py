"""Compare versions of a song, and how a table shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from retrotone.audio.audio import Audio
from retrotone.errors import RetrotoneError, StyleError
from retrotone.measures import MEANINGS, MEASURES
from retrotone.metrics import SECONDS
from retrotone.progress import Progress, part, silent
from retrotone.style.choices import find_style
from retrotone.utils.text import clock

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from retrotone.report import ComparisonRow


def whole_comparison(versions: Mapping[str, Audio], progress: Progress = silent) -> tuple[list[ComparisonRow], Figure]:
    """Measure the first minute of versions of a song, and draw them from beginning to end.

    Parameters
    ----------
    versions : mapping of str to Audio
        By name, the original first.
    progress : Progress

    Returns
    -------
    list of ComparisonRow
    Figure
        See `retrotone.figures.recordings.comparison_figure`.
    """
    from retrotone.figures.recordings import comparison_figure
    from retrotone.report import comparison_table

    table = comparison_table(versions, progress=part(progress, 0.0, 0.3))
    return table, comparison_figure(versions, progress=part(progress, 0.3, 0.9))


def measured_part(seconds: float) -> str:
    """Return what a table of recordings of so many seconds, the longest, is measured from; empty if from all."""
    return f"The numbers are of the first {SECONDS:.0f} s." if seconds > SECONDS else ""


def comparison_cells(table: Sequence[ComparisonRow]) -> tuple[list[str], list[list[str]]]:
    """Return the titles and cells of a comparison's table, without the columns in which nothing was measured."""
    from retrotone.report import measures_in

    measures = measures_in(table)
    lines = []
    for row in table:
        values = (getattr(row, name) for name in measures)
        numbers = ["" if value is None else f"{value:z.2f}" for value in values]
        lines.append([row.version, clock(row.seconds), f"{row.loudness_lufs:.1f}", *numbers])
    return ["version", "length", "LUFS", *measures.values()], lines


def meanings(titles: Sequence[str]) -> list[str]:
    """Return a line for each of the measures among a table's titles: what it tells."""
    return [f"{label}: {MEANINGS[name]}" for name, label in MEASURES.items() if label in titles]


def check_recording(style: str) -> None:
    """Raise StyleError if a text names an era, a preset or a model where a recording is wanted."""
    try:
        choice = find_style(style)
    except RetrotoneError:
        # no style at all: who opens the file says so
        return
    if choice.kind != "record":
        raise StyleError(
            f"{style} is no recording: versions are compared with a record that they should sound like; name one, or "
            "leave out the style"
        )
