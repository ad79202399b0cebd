"""A section of the page: text with tables, and figures, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrotone.figures.base import STYLE, new_figure, settle

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Page:
    """A section: Markdown that begins with its heading, and its figures by file name without suffix."""

    text: str
    figures: Mapping[str, Figure] = field(default_factory=dict)


class MissingDataError(Exception):
    """Data of a section is not on this machine; the message says what is missing and where it belongs."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """Give an empty figure in the manual's style, and lay it out when all is drawn."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = new_figure(width, height)
        yield figure
        settle(figure)
