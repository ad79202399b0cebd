"""A medium as a row of dials: what each of its parts is set to, how sure that is, and the same in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, log10, sqrt
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from retrotone.figures.base import COLOURS, FAINT, INK
from retrotone.style.media.filters import Highpass, Lowpass
from retrotone.style.media.media import REFERENCE_LUFS
from retrotone.style.media.noise import Noise
from retrotone.style.media.spectrum import NoiseSpectrum
from retrotone.style.medium import Medium

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from retrotone.style.reading.reading import Reading

# How sure a reading is, in words, from the least share in [0, 1] on.
SURE = ((0.75, "sure"), (0.5, "fairly sure"), (0.3, "not very sure"), (0.0, "a guess"))
SOFT = "#6d665c"
# What a dial says, other than none, of a part that the medium lacks.
ABSENT = {"width": "as the song"}
# Octaves between the levels of a spectrum that are added up.
THIRD = 1 / 3


@dataclass(frozen=True)
class Dial:
    """One part of a medium.

    Attributes
    ----------
    part : str
        The word of `retrotone.style.medium.PARTS` that keeps it or leaves it out.
    name : str
        Of the dial: an edge of the band has one of its own.
    value, detail : str
        What it is set to, with its unit, and what else is known of it; both empty where the medium lacks the part.
    share : float
        Where the dial stands, in [0, 1].
    low, high : str
        Both ends of its scale.
    sure : float or None
        In [0, 1]; None where nothing was read.
    sentence : str
        The same in plain words, also where the part is not there.
    """

    part: str
    name: str
    value: str
    detail: str
    share: float
    low: str
    high: str
    sure: float | None
    sentence: str

    @property
    def short(self) -> str:
        """Its value, or that there is none."""
        return self.value or ABSENT.get(self.name, "none")

    @property
    def text(self) -> str:
        """The same with its detail."""
        return f"{self.short}, {self.detail}" if self.detail else self.short

    @property
    def sure_words(self) -> str:
        """How sure it is in words and percent; empty where nothing was read."""
        if self.sure is None:
            return ""
        return f"{next(words for least, words in SURE if self.sure >= least)}, {self.sure:.0%}"


@dataclass(frozen=True)
class _Scale:
    """The ends of a dial; frequencies, rates, depths and times are read by their logarithm."""

    low: float
    high: float
    text: Callable[[float], str]
    is_log: bool = True

    def share(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.is_log:
            low, high, at = log(low), log(high), log(max(at, 1e-12))
        return min(max((at - low) / (high - low), 0.0), 1.0)


def hertz(value: float) -> str:
    """Return a frequency for people.

    >>> hertz(52.1), hertz(6163.0)
    ('52 Hz', '6.2 kHz')
    """
    return f"{_plain(value, 2)} Hz" if value < 995 else f"{_plain(value / 1000, 2 if value < 9950 else 3)} kHz"


def decibels(value: float) -> str:
    """Return a level for people, with a true minus sign."""
    return f"{value:.0f} dB".replace("-", "−")


def _percent(value: float) -> str:
    return f"{_plain(value, 2)}%"


def _rate(value: float) -> str:
    return f"{_plain(value, 2)} a second"


def _time(seconds: float) -> str:
    return f"{_plain(1e6 * seconds, 2)} µs" if seconds < 0.9995e-3 else f"{_plain(1e3 * seconds, 2)} ms"


def _plain(value: float, digits: int) -> str:
    """Return a number of so many digits, never with an exponent."""
    return f"{float(f'{value:.{digits}g}'):g}"


SCALES = {
    "upper edge": _Scale(1_000.0, 20_000.0, hertz),
    "lower edge": _Scale(20.0, 1_000.0, hertz),
    "noise": _Scale(-80.0, -20.0, decibels, is_log=False),
    "crackle": _Scale(0.1, 100.0, _rate),
    "wow": _Scale(0.01, 3.0, _percent),
    "hum": _Scale(-90.0, -30.0, decibels, is_log=False),
    "width": _Scale(0.0, 60.0, decibels, is_log=False),
    "delay": _Scale(1e-6, 1e-2, _time),
}
PART_OF = {"upper edge": "band", "lower edge": "band"}


def dials(medium: Medium, readings: Sequence[Reading] = ()) -> list[Dial]:
    """Return a medium as dials, always the same ones, in the order of `SCALES`.

    Parameters
    ----------
    medium : Medium
    readings : sequence of Reading
        What it was read from: each edge is then as sure as its own reading, and what was left out is explained.

    Returns
    -------
    list of Dial
    """
    found: list[Dial] = []
    makers = (_upper_edge, _lower_edge, _noise, _crackle, _wow, _hum, _width, _delay)
    for (name, scale), make in zip(SCALES.items(), makers, strict=True):
        part = PART_OF.get(name, name)
        value, detail, at, sentence = make(medium)
        if at is None:
            share, sure, value, detail = 0.0, None, "", ""
            sentence = _missing(name, readings) if readings else f"No {name} of its own."
        else:
            share, sure = scale.share(at), medium.confidence.get(part)
            if name in PART_OF and sure is not None:
                edges = [each.high if name == "upper edge" else each.low for each in readings]
                sure = median([edge.confidence for edge in edges if edge] or [sure])
        low, high = scale.text(scale.low), scale.text(scale.high)
        if name == "width":
            low, high = "mono", "wide"
        found.append(Dial(part, name, value, detail, share, low, high, sure, sentence))
    return found


def other_parts(medium: Medium) -> list[str]:
    """Return the words of the parts of a medium that have no dial."""
    shown = {PART_OF.get(name, name) for name in SCALES}
    return [word for word in medium.parts if word not in shown]


def part_texts(medium: Medium) -> dict[str, str]:
    """Return what each part of a medium is set to and how sure that is, as text beside a slider.

    Parameters
    ----------
    medium : Medium

    Returns
    -------
    dict of str to str
        By the words of `retrotone.style.medium.PARTS`; empty text for a part that has no dial.
    """
    found: dict[str, list[str]] = {part: [] for part in medium.parts}
    sure = {}
    for dial in dials(medium):
        if dial.value:
            # the upper edge of a band comes first there
            found[dial.part].insert(0, dial.short)
            sure[dial.part] = f" ({dial.sure_words})" if dial.sure_words else ""
    return {part: " to ".join(texts) + sure.get(part, "") for part, texts in found.items()}


def draw_dials(axes: Axes, shown: Sequence[Dial]) -> None:
    """Draw large dials in two columns, the left one first: name, gauge with its scale, value and how sure it is.

    Parameters
    ----------
    axes : Axes
        Its whole area is used, without an axis.
    shown : sequence of Dial
    """
    rows = -(-len(shown) // 2)
    _empty(axes, 2, rows)
    for number, dial in enumerate(shown):
        column, row = divmod(number, rows)
        left, y = column + 0.18, rows - row - 0.4
        axes.text(column, y, dial.name, va="center", fontsize=9, fontweight="bold", color=_ink(dial))
        _gauge(axes, dial, left, y, 0.34, 0.2)
        axes.text(left, y - 0.2, dial.low, va="top", fontsize=7, color=SOFT)
        axes.text(left + 0.34, y - 0.2, dial.high, va="top", ha="right", fontsize=7, color=SOFT)
        axes.text(left + 0.365, y, dial.text, va="center", fontsize=9, color=_ink(dial))
        axes.text(left + 0.365, y - 0.2, dial.sure_words, va="top", fontsize=7, color=SOFT)


def draw_dial_row(axes: Axes, shown: Sequence[Dial]) -> None:
    """Draw small dials in one row: name, gauge, value."""
    _empty(axes, len(shown), 1)
    for column, dial in enumerate(shown):
        axes.text(column, 0.8, dial.name, va="center", fontsize=8, color=SOFT)
        _gauge(axes, dial, column, 0.5, 0.86, 0.14)
        axes.text(column, 0.18, dial.short, va="center", fontsize=8, color=_ink(dial))


def _empty(axes: Axes, columns: int, rows: int) -> None:
    axes.set_xlim(0, columns)
    axes.set_ylim(0, rows)
    axes.axis("off")


def _gauge(axes: Axes, dial: Dial, left: float, y: float, width: float, height: float) -> None:
    """Draw a track that is filled up to the dial's share; what is not there has an empty one."""
    from matplotlib.patches import Rectangle

    bottom = y - height / 2
    axes.add_patch(Rectangle((left, bottom), width, height, facecolor=FAINT, alpha=0.6))
    if dial.value:
        axes.add_patch(Rectangle((left, bottom), width * dial.share, height, facecolor=COLOURS[0], alpha=0.55))
        at = left + width * dial.share
        axes.plot([at, at], [bottom - height / 4, bottom + 1.25 * height], color=COLOURS[0], linewidth=2.5)


def _ink(dial: Dial) -> str:
    return INK if dial.value else SOFT


# Each returns value, detail, the number that the dial stands at (None: the medium lacks the part), and a sentence.
_Made = tuple[str, str, float | None, str]
_NOTHING: _Made = ("", "", None, "")


def _upper_edge(medium: Medium) -> _Made:
    filters = [each for each in medium.recording + medium.playback if isinstance(each, Lowpass)]
    if not filters:
        return _NOTHING
    edge = min(filters, key=lambda each: each.hz)
    slope = f"{6 * edge.order} dB per octave"
    return hertz(edge.hz), slope, edge.hz, f"The music ends at {hertz(edge.hz)}, {slope}."


def _lower_edge(medium: Medium) -> _Made:
    filters = [each for each in medium.recording + medium.playback if isinstance(each, Highpass)]
    if not filters:
        return _NOTHING
    edge = max(filters, key=lambda each: each.hz)
    slope = f"{6 * edge.order} dB per octave"
    return hertz(edge.hz), slope, edge.hz, f"The music begins at {hertz(edge.hz)}, {slope} below."


def _noise(medium: Medium) -> _Made:
    if not medium.noises:
        return _NOTHING
    level_db = 10 * log10(sum(10 ** (_noise_db(noise) / 10) for noise in medium.noises))
    below = REFERENCE_LUFS - level_db
    relation = f"{abs(below):.0f} dB {'below' if below >= 0 else 'above'} the music"
    return decibels(level_db), relation, level_db, f"Steady noise lies about {relation}."


def _noise_db(noise: Noise | NoiseSpectrum) -> float:
    """Return the level of a noise as a whole, in dB."""
    if isinstance(noise, Noise):
        return noise.level_db
    octaves = np.log2(noise.hz)
    # its levels are those of thirds of an octave, which need not be neighbours
    thirds = np.arange(octaves[0], octaves[-1] + THIRD / 2, THIRD)
    levels = np.interp(thirds, octaves, noise.level_db)
    return float(10 * np.log10(np.sum(10 ** (levels / 10))))


def _crackle(medium: Medium) -> _Made:
    if medium.crackle is None:
        return _NOTHING
    from retrotone.style.reading.parts import MEDIAN_CLICK_DB

    rate, median_db = medium.crackle.per_second, medium.crackle.level_db + MEDIAN_CLICK_DB
    sentence = f"It crackles: {_rate(rate).replace('a second', 'clicks a second')}, half of them above"
    return _rate(rate), f"half above {decibels(median_db)}", rate, f"{sentence} {decibels(median_db)}."


def _wow(medium: Medium) -> _Made:
    if not medium.wobbles:
        return _NOTHING
    # a depth is the peak of a sine
    percent = 100 * sqrt(sum(each.depth**2 for each in medium.wobbles) / 2)
    if percent == 0:
        return _NOTHING
    most = max(medium.wobbles, key=lambda each: each.depth).hz
    sentence = f"The speed wavers by {_percent(percent)} (RMS), mostly about {_plain(most, 2)} times a second."
    return _percent(percent), f"mostly at {_plain(most, 2)} Hz", percent, sentence


def _hum(medium: Medium) -> _Made:
    if not medium.hums:
        return _NOTHING
    level_db = 10 * log10(sum(10 ** (hum.level_db / 10) for hum in medium.hums))
    lowest, more = min(hum.hz for hum in medium.hums), len(medium.hums) - 1
    tones = f"{lowest:.0f} Hz" + (f" and {more} more" if more else "")
    return decibels(level_db), tones, level_db, f"It hums at {tones}, at {decibels(level_db)} in all."


def _width(medium: Medium) -> _Made:
    apart = medium.separation_db
    if apart is None:
        return _NOTHING
    if apart == 0:
        return "mono", "", 0.0, "It is mono: all channels carry the same."
    return decibels(apart), "apart", apart, f"Each channel is heard in the other, {decibels(apart)} softer."


def _delay(medium: Medium) -> _Made:
    if medium.delay_s == 0:
        return _NOTHING
    late = "right" if medium.delay_s > 0 else "left"
    text = _time(abs(medium.delay_s))
    return text, f"{late} late", abs(medium.delay_s), f"The {late} channel is late by {text}."


def _missing(name: str, readings: Sequence[Reading]) -> str:
    """Return why a part is not there, as far as the readings tell."""
    if name == "upper edge" and any(each.high for each in readings):
        end = hertz(median(each.high.hz for each in readings if each.high))
        return f"The music stops at {end}, but as a codec cuts it or on too few of the records: that is left out."
    if name == "crackle" and any(each.clicks for each in readings):
        return "Clicks were found, but too faint to be heard or on too few of the records: they are left out."
    return {
        "upper edge": "No upper end: the music goes on to the top, or is too dark to show where it was cut.",
        "lower edge": "No lower end: the music goes on to the bottom, or has too little bass to show where it was cut.",
        "noise": "No noise: there is none, or the music never pauses enough to show it.",
        "crackle": "No crackle.",
        "wow": "No wow: the speed is steady, or too few long notes are heard to tell.",
        "hum": "No hum.",
        "width": "No width of its own: the channels differ, so the song keeps its own.",
        "delay": "No delay: neither channel is late.",
    }[name]
