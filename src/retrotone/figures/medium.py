"""The picture of a record being read: what its machine did, as seen in its sound, and the dials that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrotone.figures.base import COLOURS, INK, PAPER, STYLE, new_figure, one_line, settle
from retrotone.figures.dials import SOFT, decibels, dials, draw_dials, hertz, other_parts
from retrotone.figures.recordings import frequency_ticks
from retrotone.style.medium import Medium
from retrotone.style.reading.band import VISIBLE_DB, Edge
from retrotone.style.reading.clicks import Clicks
from retrotone.style.reading.reading import Reading
from retrotone.style.reading.spectrum import HZ, average_music
from retrotone.style.reading.speed import BANDS_HZ, Speed
from retrotone.utils.text import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec

MUSIC, NOISE, EDGE, HUM, CLICK, WOW = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[4], COLOURS[1], COLOURS[5]
# dB shown below the loudest band.
SHOWN_DB = 85.0
# Seconds over which the line of the speed is averaged.
SMOOTH_SECONDS = 0.12
# Share of the speed's curve that its axis must hold: where few notes sound it jumps.
HELD = 0.98
# Characters that fit above the figure.
TITLE_LENGTH = 100
SMALL: Any = {"fontsize": 8, "fontweight": "normal", "color": SOFT}


def reading_figure(reading: Reading, medium: Medium) -> Figure:
    """Draw what a record shows of its medium.

    Above, the long-term spectrum with its noise and the ends of its music. Below, the clicks and the speed over time.
    At the bottom, the medium as dials.

    Parameters
    ----------
    reading : Reading
    medium : Medium
        What was read from this record, or from several like it.

    Returns
    -------
    Figure
        About 1200 pixels wide.
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        # two sentences need less room than two curves
        middle = 0.7 if reading.clicks is None and reading.speed is None else 2.2
        figure = new_figure(11, 8.6 + middle)
        grid = figure.add_gridspec(3, 12, height_ratios=(3.4, middle, 2.6), hspace=0.06)
        _draw_spectrum(figure.add_subplot(grid[0, :]), reading)
        _draw_clicks(figure.add_subplot(grid[1, :5]), reading.clicks)
        _draw_wow(figure, grid, reading.speed)
        bottom = figure.add_subplot(grid[2, :])
        draw_dials(bottom, dials(medium, [reading]))
        others = other_parts(medium)
        more = f"  (and {', '.join(others)})" if others else ""
        bottom.set_title(f"The medium{more}", fontsize=10)
        figure.suptitle(one_line(title(reading.name), TITLE_LENGTH), x=0.02, ha="left", fontsize=12, fontweight="bold")
        settle(figure)
    return figure


def _draw_spectrum(axes: Axes, reading: Reading) -> None:
    """Draw the long-term spectrum, much music at its level, the noise, the ends of the music, and hum."""
    spectrum, floor = reading.spectrum_db, reading.floor
    present = np.isfinite(spectrum)
    top = float(spectrum[present].max())
    usual = average_music() + _level_db(reading)
    axes.plot(HZ, usual, color=SOFT, alpha=0.45, linewidth=1.2, label="average of much music")
    axes.plot(HZ[present], spectrum[present], color=MUSIC, linewidth=2.2, label="the record")
    if floor.sure.any():
        sure = np.where(floor.sure, floor.level_db, np.nan)
        axes.plot(HZ, floor.level_db, color=NOISE, linewidth=1.2, linestyle=(0, (3, 2)), label="noise, filled in")
        axes.plot(HZ, sure, color=NOISE, linewidth=2.2, label="noise, seen")
    else:
        axes.plot([], [], color=NOISE, linewidth=1.2, linestyle=(0, (3, 2)), label="noise: none seen")
    for edge, words, align in ((reading.low, "begins", "left"), (reading.high, "ends", "right")):
        if edge is not None:
            _draw_edge(axes, edge, words, align)
    bottom = top - SHOWN_DB
    if reading.hum:
        tones = [tone.hz for tone in reading.hum]
        axes.plot(tones, [top + 3.5] * len(tones), "|", color=HUM, markersize=12, markeredgewidth=2, label="hum")
    axes.set_xscale("log")
    axes.set_xlim(HZ[0], HZ[-1])
    axes.set_ylim(bottom, top + 6)
    axes.set_xlabel("frequency (Hz)")
    axes.set_ylabel("power density (dB per Hz)")
    axes.grid(axis="both")
    frequency_ticks(axes.xaxis)
    axes.set_title("Its spectrum", fontsize=10, pad=18)
    axes.legend(loc="lower left", frameon=True, facecolor=PAPER, edgecolor="none", framealpha=0.85, ncols=2)


def _level_db(reading: Reading) -> float:
    """Return by how much the average of much music is shifted to lie at the record's level within its band."""
    clear = reading.spectrum_db - reading.floor.level_db > VISIBLE_DB
    low = 0.0 if reading.low is None else reading.low.hz
    high = np.inf if reading.high is None else reading.high.hz
    inside = clear & (low < HZ) & (high > HZ)
    return float(np.median((reading.spectrum_db - average_music())[inside])) if inside.any() else 0.0


def _draw_edge(axes: Axes, edge: Edge, words: str, align: str) -> None:
    """Draw where the music begins or ends: a line, its uncertainty as a band, and both in words above the axes."""
    spread = 2**edge.octaves
    axes.axvspan(edge.hz / spread, edge.hz * spread, color=EDGE, alpha=0.14, linewidth=0)
    axes.axvline(edge.hz, color=EDGE, linewidth=1.8)
    text = f"{words} at {hertz(edge.hz)} ({hertz(edge.hz / spread)} to {hertz(edge.hz * spread)})"
    axes.text(edge.hz, 1.015, text, transform=axes.get_xaxis_transform(), ha=align, va="bottom", fontsize=8, color=EDGE)


def _draw_clicks(axes: Axes, clicks: Clicks | None) -> None:
    """Draw each click at its time and size, and their rate."""
    if clicks is None:
        _say(axes, "Clicks", "no crackle found")
        return
    axes.vlines(clicks.times_s, clicks.peaks_db.min() - 3, clicks.peaks_db, color=CLICK, linewidth=0.7, alpha=0.5)
    axes.plot(clicks.times_s, clicks.peaks_db, ".", color=CLICK, markersize=4)
    axes.axhline(clicks.median_db, color=INK, linewidth=0.8, linestyle=(0, (3, 2)))
    axes.set_xlim(0, max(float(clicks.times_s.max()), 1.0))
    axes.set_ylim(clicks.peaks_db.min() - 3, clicks.peaks_db.max() + 2)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("peak (dB)")
    axes.set_title(f"Clicks: {clicks.per_second:.2g} a second", fontsize=10)
    # the rate counts those too small to see, and so does their median
    axes.set_title(f"half of them above {decibels(clicks.median_db)} (dashed)", loc="right", **SMALL)


def _draw_wow(figure: Figure, grid: GridSpec, speed: Speed | None) -> None:
    """Draw the speed over time, and how much of it wavers at which rate."""
    if speed is None:
        _say(figure.add_subplot(grid[1, 5:]), "Speed", "no wow found")
        return
    axes, bars = figure.add_subplot(grid[1, 5:9]), figure.add_subplot(grid[1, 9:])
    percent = 100 * _smooth(speed.curve, round(SMOOTH_SECONDS * speed.frame_rate))
    axes.plot(np.arange(len(percent)) / speed.frame_rate, percent, color=WOW, linewidth=0.9)
    reach = max(float(np.quantile(np.abs(percent), HELD)) * 1.3, 0.05)
    axes.set_ylim(-reach, reach)
    axes.set_xlim(0, len(percent) / speed.frame_rate)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("speed (%)")
    axes.set_title(f"Speed: wavers by {100 * speed.depth:.2g}%", fontsize=10)
    axes.grid(axis="y")
    depths = 100 * speed.depths
    names = [f"{low:g}–{high:g}" for low, high in BANDS_HZ]
    bars.bar(names, depths, color=WOW, width=0.7)
    for place, depth in enumerate(depths):
        text = f"{depth:.2g}%" if depth else "none"
        bars.text(place, depth, text, ha="center", va="bottom", fontsize=7, color=INK if depth else SOFT)
    bars.set_ylim(0, 1.2 * float(depths.max()))
    bars.set_yticks([])
    bars.spines["left"].set_visible(False)
    bars.set_xlabel("times a second")
    bars.set_title("by rate", fontsize=10)


def _smooth(curve: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    window = np.hanning(frames + 2)[1:-1]
    return np.convolve(curve, window / window.sum(), mode="same")


def _say(axes: Axes, heading: str, sentence: str) -> None:
    """Fill axes with a sentence instead of a picture."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(heading, fontsize=10)
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", fontsize=11, color=SOFT)
