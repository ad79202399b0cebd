"""The picture of an answer of the genre classifier: what each stretch of the song speaks for, and what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrotone.figures.recordings import (
    COLOURS,
    FAINT,
    PAPER,
    STYLE,
    fitting_title,
    new_figure,
    settle,
    time_axis,
)
from retrotone.genre.base import Answer, stretches

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
        shade = LinearSegmentedColormap.from_list("ink", [PAPER, COLOURS[0]])
        heard = [(start, stop - start) for start, stop in stretches(answer.times, duration)]
        for row, shares in enumerate(answer.timeline.T):
            left.broken_barh(heard, (row - 0.5, 1), facecolors=shade(shares), antialiased=False)
        left.set_ylim(len(genres) - 0.5, -0.5)
        left.set_yticks(range(len(genres)), [genre.replace("$", r"\$") for genre in genres])
        left.set_title(fitting_title(title))
        left.set_title(answer.doubt, loc="right", fontsize=9, fontweight="normal")
        time_axis(left, duration)
        colours = [COLOURS[1] if genre == answer.genre else FAINT for genre in genres]
        right.barh(genres, list(answer.probabilities.values()), 0.7, color=colours)
        right.set_xlim(0, 1)
        right.set_xlabel("probability")
        verdict = f"{answer.genre} {answer.confidence:.0%}" if answer.sure else "not sure"
        right.set_title(verdict.replace("$", r"\$"))
        settle(figure)
    return figure
