"""Figures of genre classifiers: one answer over time, a confusion matrix, a reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from retrotone.figures.base import COLOURS, FAINT, INK, PAPER, STYLE, fitting_title, new_figure, settle, time_axis
from retrotone.genre.base import Answer, stretches

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def evidence_figure(answer: Answer, title: str, duration: float) -> Figure:
    """Draw the probability of each genre over time, and of the whole track as bars.

    Parameters
    ----------
    answer : Answer
        With a timeline: of an analysis that has the times of its patches, as `analyse` gives.
    title : str
        What to call the song.
    duration : float
        Of the song, in seconds. What was not analysed is shaded.
    """
    import matplotlib
    from matplotlib.colors import to_rgba
    from matplotlib.ticker import PercentFormatter

    assert answer.timeline is not None
    assert answer.times is not None
    genres = list(answer.probabilities)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(10, 0.3 * len(genres) + 1.4)
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
        analysed = [(start, stop - start) for start, stop in stretches(answer.times, duration)]
        # a patch is longer than its stretch: by less than a second where a song begins and ends
        ends = [0.0, *(end for start, length in analysed for end in (start, start + length)), duration]
        for low, high in zip(ends[::2], ends[1::2], strict=True):
            if high - low > 1:
                left.axvspan(low, high, color=FAINT, alpha=0.5, linewidth=0)
        for row, shares in enumerate(answer.timeline.T):
            # the paper shows through what is unlikely, also where it is dark
            inks = [to_rgba(COLOURS[0], share) for share in shares.clip(0, 1)]
            left.broken_barh(analysed, (row - 0.5, 1), facecolors=inks, antialiased=False)
        left.set_ylim(len(genres) - 0.5, -0.5)
        left.set_yticks(range(len(genres)), [genre.replace("$", r"\$") for genre in genres])
        left.set_title(fitting_title(title))
        left.set_title(answer.doubt, loc="right", fontsize=9, fontweight="normal")
        time_axis(left, duration)
        colours = [COLOURS[1] if genre == answer.genre else FAINT for genre in genres]
        right.barh(genres, list(answer.probabilities.values()), 0.7, color=colours)
        right.set_xlim(0, 1)
        right.xaxis.set_major_formatter(PercentFormatter(1))
        right.set_xlabel("probability")
        verdict = f"{answer.genre} {answer.confidence:.0%}" if answer.sure else "not sure"
        right.set_title(verdict.replace("$", r"\$"))
        settle(figure)
    return figure


# Of confidence: few tracks leave finer ones empty.
BINS = 10


def confusion_figure(genres: Sequence[str], confusion: ArrayLike) -> Figure:
    """Draw tracks by true genre (rows) and answer (columns); shades are shares of the row.

    Parameters
    ----------
    genres : sequence of str
    confusion : array_like, shape (genres, genres)
        Numbers of tracks.
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
        axes.imshow(shares, cmap=LinearSegmentedColormap.from_list("ink", [PAPER, COLOURS[0]]), vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = PAPER if shares[row, column] > 0.5 else INK
                axes.text(column, row, f"{count:g}", color=colour, ha="center", va="center")
        axes.set_xticks(range(len(genres)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(genres)), names)
        axes.set_xlabel("answer")
        axes.set_ylabel("true genre")
        axes.set_title("Confusion")
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
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    there = np.flatnonzero(counts)
    accuracy = np.bincount(bins, hits, BINS)[there] / counts[there]
    mean = np.bincount(bins, sure, BINS)[there] / counts[there]
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
