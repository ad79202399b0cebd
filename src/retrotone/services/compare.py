"""Compare versions of a song, and how a table shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from retrotone.audio.audio import Audio
from retrotone.metrics import SECONDS
from retrotone.progress import Progress, silent
from retrotone.utils.text import clock

if TYPE_CHECKING:
    from retrotone.report import Comparison

# only the start of each version is compared
SECONDS_COMPARED = SECONDS


def comparison(versions: Mapping[str, Audio], progress: Progress = silent) -> Comparison:
    """Measure and draw versions of a song, the original first; see `retrotone.report.compare`."""
    from retrotone.report import compare

    return compare(versions, progress=progress)


def comparison_cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return the titles and rows of a comparison's table, without the columns in which nothing was measured."""
    from retrotone.report import MEASURES

    titles = ["version", "length", "LUFS", *MEASURES.values()]
    lines = []
    for row in comparison.table:
        values = (getattr(row, name) for name in MEASURES)
        numbers = ["" if value is None else f"{value:z.2f}" for value in values]
        lines.append([row.version, clock(row.seconds), f"{row.loudness_lufs:.1f}", *numbers])
    kept = [k for k in range(len(titles)) if any(line[k] for line in lines)]
    return [titles[k] for k in kept], [[line[k] for k in kept] for line in lines]
