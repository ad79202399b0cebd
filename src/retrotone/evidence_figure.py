"""The picture of an answer of the genre classifier: what each stretch of the song speaks for, and what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrotone.figures import COLOURS, FAINT, PAPER, STYLE, fitting_title, new_figure, settle, time_axis
from retrotone.genre.answer import Answer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATCH_SECONDS = 3.0


def evidence_figure(answer: Answer, title: str, duration: float) -> Figure:
    """Draw the probability of each genre over time, and of the whole as bars beside it.

    Parameters
    ----------
    answer : Answer
        With a timeline: of an analysis that tells the times of its patches, as `analyse` gives.
    title : str
        What to call the song.
    duration : float
        Of the song, in seconds. What was not heard stays empty.
    """
    import matplotlib
    from matplotlib.colors import LinearSegmentedColormap

    assert answer.timeline is not None
    assert answer.times is not None
    genres = list(answer.probabilities)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(10, 0.3 * len(genres) + 1.4)
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
        grid, start, stop = _over_time(answer.timeline, answer.times)
        left.imshow(
            grid.T,
            aspect="auto",
            cmap=LinearSegmentedColormap.from_list("ink", [PAPER, COLOURS[0]]),
            vmin=0,
            vmax=1,
            extent=(start, stop, len(genres) - 0.5, -0.5),
            interpolation="nearest",
        )
        left.set_yticks(range(len(genres)), [genre.replace("$", r"\$") for genre in genres])
        left.set_title(fitting_title(title))
        left.set_title(answer.doubt, loc="right", fontsize=9, fontweight="normal")
        time_axis(left, max(duration, stop))
        colours = [COLOURS[1] if genre == answer.genre else FAINT for genre in genres]
        right.barh(genres, list(answer.probabilities.values()), 0.7, color=colours)
        right.set_xlim(0, 1)
        right.set_xlabel("probability")
        verdict = f"{answer.genre} {answer.confidence:.0%}" if answer.sure else "not sure"
        right.set_title(verdict.replace("$", r"\$"))
        settle(figure)
    return figure


def _over_time(
    timeline: NDArray[np.float64], times: NDArray[np.float32]
) -> tuple[NDArray[np.float64], float, float]:
    """Return the timeline on an even grid, shape (steps, genres), where it starts and where it stops, in seconds.

    Steps that were not heard are NaN. A patch stands for the step in its middle.
    """
    step = float(np.median(np.diff(times))) if len(times) > 1 else PATCH_SECONDS
    places = np.round((times - times[0]) / step).astype(int)
    grid = np.full((places[-1] + 1, timeline.shape[1]), np.nan)
    grid[places] = timeline
    start = float(times[0]) + (PATCH_SECONDS - step) / 2
    return grid, start, start + len(grid) * step
