"""Pictures of how genre networks learn and of how good they are. `training_curves` is the study's Figure 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from retrotone.figures.recordings import COLOURS, FAINT, INK, PAPER, STYLE, new_figure, settle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from retrotone.genre.training import Point

BINS = 10  # of confidence: few tracks leave finer ones empty
COLUMNS = 3  # runs side by side


def training_curves(runs: Mapping[str, Sequence[Point]], chance: float | None = None) -> Figure:
    """Draw training and validation loss by epoch, a panel a run; a ring marks the epoch whose weights are kept.

    Parameters
    ----------
    runs : mapping of str to sequence of Point
        Histories by title, in the order to draw.
    chance : float, optional
        The loss of one who knows nothing but the number of genres: its logarithm.
    """
    import matplotlib
    from matplotlib.ticker import MaxNLocator

    columns = min(len(runs), COLUMNS)
    rows = -(-len(runs) // columns)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(max(4 * columns, 6), 3.4 * rows)
        panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
        for axes, (title, history) in zip(panels, runs.items(), strict=False):
            epochs = [point.epoch for point in history]
            for colour, label, values in (
                (COLOURS[0], "training", [point.train_loss for point in history]),
                (COLOURS[1], "validation", [point.valid_loss for point in history]),
            ):
                axes.plot(epochs, values, color=colour, marker="." if len(epochs) < 3 else "", label=label)
            best = min(history, key=lambda point: point.valid_loss)
            axes.plot(
                best.epoch,
                best.valid_loss,
                "o",
                color=COLOURS[1],
                markerfacecolor="none",
                label="weights kept",
            )
            if chance is not None:
                axes.axhline(chance, color=INK, linewidth=0.6, linestyle=":", label="chance")
            axes.set_title(title.replace("$", r"\$"), fontsize=10)
            axes.set_ylim(bottom=0)
            axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
            axes.grid(axis="y")
        for axes in panels[len(runs) :]:
            axes.remove()
        for axes in panels[len(runs) - columns : len(runs)]:  # the lowest of each column
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("epoch")
        for axes in panels[: len(runs) : columns]:
            axes.set_ylabel("cross-entropy (nats a segment)")
        panels[0].legend(fontsize=8)
        settle(figure)
    return figure


def confusion_figure(genres: Sequence[str], confusion: ArrayLike, title: str = "Confusion") -> Figure:
    """Draw tracks by true genre (rows) and answer (columns); shades are shares of the row.

    Parameters
    ----------
    genres : sequence of str
    confusion : array_like, shape (genres, genres)
        Numbers of tracks.
    title : str
    """
    import matplotlib
    from matplotlib.colors import LinearSegmentedColormap

    counts = np.asarray(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 0.55 * len(genres) + 2
    names = [genre.replace("$", r"\$") for genre in genres]
    with matplotlib.rc_context(STYLE):
        figure = new_figure(size, size)
        axes = figure.subplots()
        axes.imshow(
            shares, cmap=LinearSegmentedColormap.from_list("ink", [PAPER, COLOURS[0]]), vmin=0, vmax=1
        )
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = PAPER if shares[row, column] > 0.5 else INK
                axes.text(column, row, f"{count:g}", color=colour, ha="center", va="center")
        axes.set_xticks(range(len(genres)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(genres)), names)
        axes.set_xlabel("answer")
        axes.set_ylabel("true genre")
        axes.set_title(title)
        axes.tick_params(length=0)
        settle(figure)
    return figure


def reliability_figure(confidence: ArrayLike, right: ArrayLike, title: str = "Reliability") -> Figure:
    """Draw how often answers of some confidence are right (Guo et al. 2017, figure 1), and how many there are.

    Parameters
    ----------
    confidence : array_like, shape (tracks,)
        In [0, 1]: the probability of the answer given.
    right : array_like, shape (tracks,), bool
        Whether it was right.
    title : str
    """
    import matplotlib

    sure, hits = np.asarray(confidence, float), np.asarray(right, float)
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    there = np.flatnonzero(counts)
    accuracy = np.bincount(place, hits, BINS)[there] / counts[there]
    mean = np.bincount(place, sure, BINS)[there] / counts[there]
    centres = (np.arange(BINS) + 0.5) / BINS
    with matplotlib.rc_context(STYLE):
        figure = new_figure(5, 5.6)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        above.plot([0, 1], [0, 1], color=INK, linewidth=0.6, linestyle=":")
        above.bar(centres[there], accuracy, 0.9 / BINS, color=COLOURS[0])
        above.plot(mean, mean, "_", color=COLOURS[1], markersize=16, markeredgewidth=2, label="confidence")
        above.set_ylim(0, 1)
        above.set_ylabel("share that is right")
        above.set_title(title)
        above.legend(loc="upper left")
        below.bar(centres, counts, 0.9 / BINS, color=FAINT)
        below.set_xlim(0, 1)
        below.set_xlabel("confidence")
        below.set_ylabel("tracks")
        settle(figure)
    return figure
