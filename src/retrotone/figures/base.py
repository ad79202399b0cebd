"""What every figure shares: colours, size, time axes, and figures as PNG bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from retrotone.utils.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import LayoutEngine

PAPER, INK, FAINT = "#fbf8f1", "#2d2a26", "#d9d2c4"
# One a version, in order.
COLOURS = ("#2f5d73", "#b5532f", "#6f7f3f", "#c2912e", "#7a4f74", "#4f8a83")
# What stands for the colours of a light figure in a dark one. Those of the study's loss figure, black on white with a
# dark blue, come first, as the way back to light leads to the last of several colours.
DARK = {"#ffffff": "#1c1c1c", "#000000": "#e8e4dc", "#0b3c68": "#d3e9f5"}
DARK |= {PAPER: "#1c1c1c", INK: "#e8e4dc", FAINT: "#484540"}
DARK |= dict(zip(COLOURS, ("#7fb8d6", "#e8895f", "#a9bd6b", "#e3b85a", "#c594bd", "#7cc4bb"), strict=True))
# Characters that fit above a column.
NAME_LENGTH = 32
DPI = 110
# Between ticks, in seconds.
TIME_STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
# Any, because matplotlib types the keys as literals.
STYLE: Any = {
    # ships with matplotlib: the same picture on every machine
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.facecolor": PAPER,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}


def fit(figure: Figure, width: float, height: float) -> None:
    """Change the size of a figure whose layout was settled, and lay it out anew.

    Parameters
    ----------
    figure : Figure
    width, height : float
        In inches.
    """
    figure.set_size_inches(width, height)
    figure.set_layout_engine(_layout())
    settle(figure)


def paint(figure: Figure, dark: bool) -> None:
    """Give a figure the colours of a dark one, or those of a light one back; spectrograms stay as they are.

    Parameters
    ----------
    figure : Figure
    dark : bool
    """
    from matplotlib.collections import Collection
    from matplotlib.colors import to_hex, to_rgba
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.text import Text

    colours = DARK if dark else {bright: colour for colour, bright in DARK.items()}

    def painted(colour: Any) -> Any:
        if isinstance(colour, str) and colour in ("none", "auto"):
            return colour
        return to_rgba(colours.get(to_hex(colour), colour), to_rgba(colour)[3])

    for artist in figure.findobj():
        if isinstance(artist, Text):
            artist.set_color(painted(artist.get_color()))
        elif isinstance(artist, Line2D):
            artist.set_markeredgecolor(painted(artist.get_markeredgecolor()))
            artist.set_markerfacecolor(painted(artist.get_markerfacecolor()))
            artist.set_color(painted(artist.get_color()))
        elif isinstance(artist, Patch):
            edge = painted(artist.get_edgecolor())
            artist.set_facecolor(painted(artist.get_facecolor()))
            artist.set_edgecolor(edge)
        # the others are coloured by their values
        elif isinstance(artist, Collection) and artist.get_array() is None:
            edges = [painted(colour) for colour in artist.get_edgecolor()]
            artist.set_facecolor([painted(colour) for colour in artist.get_facecolor()])
            artist.set_edgecolor(edges)
    # also of ticks that a zoom will add
    ink, faint = (DARK[colour] if dark else colour for colour in (INK, FAINT))
    for axes in figure.axes:
        axes.tick_params(which="both", colors=ink, grid_color=faint)


def zoom(figure: Figure, start: float, stop: float) -> list[tuple[float, float]]:
    """Show only a stretch of a `feature_figure` or `comparison_figure`.

    Parameters
    ----------
    figure : Figure
    start, stop : float
        In seconds.

    Returns
    -------
    list of (float, float)
        Where each column's time axis begins and ends, as shares of the figure's width.
    """
    first = figure.axes[0]
    for axes in first.get_shared_x_axes().get_siblings(first):
        label = axes.get_xlabel()
        time_axis(axes, stop, start)
        axes.set_xlabel(label)
    return sorted({(left, right) for left, right, _, _ in time_boxes(figure)})


def time_boxes(figure: Figure) -> list[tuple[float, float, float, float]]:
    """Return where the axes over time of a `feature_figure` or `comparison_figure` lie.

    Returns
    -------
    list of (float, float, float, float)
        Left, right, top and bottom of each, as shares of the figure's width and height, from its upper left corner.
    """
    first = figure.axes[0]
    boxes = [axes.get_position() for axes in first.get_shared_x_axes().get_siblings(first)]
    return [(round(box.x0, 4), round(box.x1, 4), round(1 - box.y1, 4), round(1 - box.y0, 4)) for box in boxes]


def png(figure: Figure) -> bytes:
    """Return a figure as PNG; the same figure gives the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    data = io.BytesIO()
    with _any_script():
        # `Figure.savefig` would draw twice; a tenth larger than by default, in a fraction of the time
        canvas: Any = FigureCanvasAgg(figure)
        canvas.print_png(data, metadata={"Software": None}, pil_kwargs={"compress_level": 1})
    return data.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure with an automatic layout; width and height are in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER, layout=_layout())


def settle(figure: Figure) -> None:
    """Lay the figure out, and keep the layout: a second one would shift it by a fraction of a pixel."""
    engine = figure.get_layout_engine()
    assert engine is not None
    with _any_script():
        engine.execute(figure)
        for axes in figure.axes:
            _cut_title(axes)
    figure.set_layout_engine("none")


def _cut_title(axes: Axes) -> None:
    """Cut a title that would reach into the one beside it; in a larger figure more of it is shown again."""
    from matplotlib.text import Text

    shown, width = axes.get_title("left"), axes.get_window_extent().width
    for title in (each for each in axes.findobj(Text) if shown and each.get_text() == shown):
        # the label, which matplotlib does not draw, keeps the whole title
        whole = str(title.get_label() or shown.replace(r"\$", "$"))
        title.set_label(whole)
        for length in range(len(whole), 1, -1):
            title.set_text(one_line(whole, length))
            if title.get_window_extent().width <= width:
                break


def _layout() -> LayoutEngine:
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    margin = 0.01
    return ConstrainedLayoutEngine(rect=(margin, margin, 1 - 2 * margin, 1 - 2 * margin))


@contextmanager
def _any_script() -> Iterator[None]:
    """Draw letters that the font lacks as boxes, without a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def time_axis(axes: Axes, stop: float, start: float = 0.0) -> None:
    """Set the limits of the horizontal axis, and label it in minutes and seconds.

    Parameters
    ----------
    axes : Axes
    stop, start : float
        In seconds.
    """
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    step = next((step for step in TIME_STEPS if step >= (stop - start) / 7), TIME_STEPS[-1])
    axes.set_xlim(start, stop)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: _clock(seconds, step)))
    axes.set_xlabel("time (mm:ss)")


def _clock(seconds: float, step: float) -> str:
    minutes, rest = divmod(round(seconds, 2), 60)
    return f"{minutes:.0f}:{rest:02.0f}" if step >= 1 else f"{minutes:.0f}:{rest:05.2f}"


def fitting_title(text: str) -> str:
    """Return text on one line, short enough for a column, that matplotlib does not read as mathematics."""
    return one_line(text, NAME_LENGTH)


def one_line(text: str, length: int) -> str:
    """Return text on one line of so many characters at most, that matplotlib does not read as mathematics."""
    line = " ".join(text.split())
    return shortened(line, length).replace("$", r"\$")
