"""Figures of training histories. `genre_training_figure` is the study's Figure 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from retrotone.figures.base import COLOURS, INK, STYLE, new_figure, settle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from retrotone.genre.training import Point
    from retrotone.rave.training import Point as RavePoint

# Runs side by side.
COLUMNS = 3


def genre_training_figure(runs: Mapping[str, Sequence[Point]], chance: float | None = None) -> Figure:
    """Draw training and validation loss by epoch, a panel a run; a ring marks the epoch whose weights are kept.

    Parameters
    ----------
    runs : mapping of str to sequence of Point
        Histories by title, in the order to draw.
    chance : float, optional
        The loss of a uniform guess: the logarithm of the number of genres.
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
            axes.plot(best.epoch, best.valid_loss, "o", color=COLOURS[1], markerfacecolor="none", label="weights kept")
            if chance is not None:
                axes.axhline(chance, color=INK, linewidth=0.6, linestyle=":", label="chance")
            axes.set_title(title.replace("$", r"\$"), fontsize=10)
            axes.set_ylim(bottom=0)
            axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
            axes.grid(axis="y")
        for axes in panels[len(runs) :]:
            axes.remove()
        # the lowest of each column
        for axes in panels[len(runs) - columns : len(runs)]:
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("epoch")
        for axes in panels[: len(runs) : columns]:
            axes.set_ylabel("cross-entropy (nats a segment)")
        panels[0].legend(fontsize=8)
        settle(figure)
    return figure


def rave_training_figure(history: Sequence[RavePoint]) -> Figure:
    """Draw the training of a RAVE by step: its distances above, the divergence of its latents below.

    Parameters
    ----------
    history : sequence of Point
        See `retrotone.rave.training`.
    """
    import matplotlib

    steps = [point.step for point in history]
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8, 6)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        for index, (name, values) in enumerate(
            {
                "spectral distance": [point.spectral for point in history],
                "… on recordings held out": [point.held_out for point in history],
                "error of the waveform": [point.wave for point in history],
            }.items()
        ):
            above.plot(steps, values, color=COLOURS[index], marker="." if len(steps) < 3 else "", label=name)
        above.set_yscale("log")
        above.set_ylabel("distance")
        above.set_title("Training")
        above.legend()
        below.plot(steps, [point.divergence for point in history], color=COLOURS[3])
        below.set_ylabel("latents (nats a frame)")
        below.set_xlabel("step")
        settle(figure)
    return figure
