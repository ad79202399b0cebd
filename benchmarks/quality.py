"""How far the style arrives and how much of the song stays, over pairs: ours, the study's loop and competitors."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.frechet import ALSO_OLD, NEW, OLD, Frechet, Patches, distances, embedded
from benchmarks.methods import ERAS, MATCHERING, PLATEAU_STEPS, RAVE, TRANSPORT, Method
from benchmarks.page import Page, drawing, table
from benchmarks.pairs import MUSIC, Pair
from benchmarks.statistics import Estimate, bootstrap
from retrotone.figures.base import COLOURS, INK
from retrotone.metrics import Profile, chroma_cosine, envelope_gain, onset_f1, style_gain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEASURES = ("style gain", "envelope gain", "chroma cosine", "onset F1")
BAR = (0.90, 0.95, 0.90, 0.93)  # what transport is to reach
AXES = ("style arrived", "song kept")  # means of the first two measures and of the last two
UNTOUCHED, RECORD, BEFORE = "the songs as they were", "the records", "*the records before*"
LEFT_EDGE = -0.5  # of the figure: a result that is further from the style than this is drawn there


@dataclass(frozen=True)
class Score:
    """One method on one pair; `aged` is True if an era aged the record."""

    method: str
    pair: str
    aged: bool
    values: tuple[float, ...]
    seconds: float

    @property
    def axes(self) -> tuple[float, float]:
        """Style arrived and song kept."""
        return sum(self.values[:2]) / 2, sum(self.values[2:]) / 2


@dataclass(frozen=True)
class Quality:
    """What `measure_quality` found: no Fréchet distances where no pair's record was aged."""

    seconds: float
    scores: list[Score]
    frechet: Frechet | None


def measure_quality(pairs: Iterable[Pair], methods: dict[str, Method], seconds: float) -> Quality:
    """Run every method on every pair and measure what came out; `seconds` is how long the pairs' songs are."""
    scores: list[Score] = []
    embeddings: dict[str, list[Patches]] = {}
    for pair in pairs:
        content, style = Profile(pair.content), Profile(pair.style)
        outputs = {UNTOUCHED: pair.content, RECORD: pair.style}
        for name, method in methods.items():
            if name == ERAS and not pair.era:
                continue
            began = time.perf_counter()
            output = outputs[name] = method(pair)
            took = time.perf_counter() - began
            profile = Profile(output)
            values = (
                style_gain(content, style, profile),
                envelope_gain(content, style, profile),
                chroma_cosine(content, profile),
                onset_f1(content, profile),
            )
            scores.append(Score(name, pair.name, bool(pair.era), values, took))
        if pair.era and pair.before:
            outputs[BEFORE] = pair.before
            for name, audio in outputs.items():
                embeddings.setdefault(name, []).append(embedded(audio, seconds))
    sets = {name: np.concatenate(found) for name, found in embeddings.items()}
    frechet = distances(sets.pop(RECORD), sets, seconds) if sets else None
    return Quality(seconds, scores, frechet)


def page(quality: Quality) -> Page:
    """Return the section: means over all pairs, over those of aged records, pair by pair, and Fréchet distances."""
    scores = quality.scores
    pairs = len({each.pair for each in scores})
    aged = [each for each in scores if each.aged]
    parts = [
        f"""## Quality

{pairs} pairs, {quality.seconds:g} s of each: mean and 95 % interval (bootstrap over the pairs). Style and envelope
gain are 0 where the song was and 1 where the record is; chroma cosine and onset F1 are 1 where the song is kept. The
study's loop makes {PLATEAU_STEPS} steps of Adam, enough to go through all that the clamp leaves; like gram, it hears
mono at 22.05 kHz. parlour does not see the record: it always answers with the 1930s.
"""
    ]
    if not MUSIC.is_dir():
        parts.append(f"\nThe other pairs are left out: their recordings would be in {MUSIC}.\n")
    parts.append(f"\n{_means([each for each in scores if each.method != ERAS])}\n{_claims(scores)}")
    if aged:
        number = len({each.pair for each in aged})
        parts.append(f"""
The {number} of these pairs whose record is a recording that an era aged. "eras" is that era's physics on the song,
with noise of another seed: it does not hear the record, and moves nothing that the medium did not do.

{_means(aged)}""")
    parts.append(f"\n{_pair_by_pair(scores)}\n![song against style](pareto.png)\n")
    if quality.frechet:
        parts.append(_frechet(quality.frechet))
    return Page("".join(parts), {"pareto": picture(scores)})


def picture(scores: list[Score]) -> Figure:
    """Draw song kept against style arrived, with the intervals of both, of every method."""
    paths = iter(COLOURS[1:])
    with drawing(8, 5.2) as figure:
        axes = figure.subplots()
        path = [(0.0, 1.0)]
        for name, rows in _by_method(scores).items():
            across, up = _estimates(rows)
            ours = name.startswith("transport")
            path += [(across.mean, up.mean)] if ours else []
            left = max(across.mean, LEFT_EDGE)
            beyond = across.mean < LEFT_EDGE
            axes.errorbar(
                left,
                up.mean,
                xerr=None if beyond else _arms(across),
                yerr=_arms(up),
                fmt="<" if beyond else "o" if ours else "s",
                color=COLOURS[0] if ours else next(paths, INK),
                elinewidth=0.8,
                label=None if ours else f"{name} ({len(rows)})" + (f": {across.mean:.1f}" if beyond else ""),
            )
        axes.plot(*np.transpose(path), color=COLOURS[0], label=f"transport, 0 to 1 ({_pairs(scores)})")
        axes.set_xlim(LEFT_EDGE - 0.05, 1.05)
        axes.set_xlabel(f"{AXES[0]} (mean of style and envelope gain)")
        axes.set_ylabel(f"{AXES[1]} (mean of chroma cosine and onset F1)")
        axes.set_title("Song against style (number of pairs)")
        axes.grid()
        axes.legend(loc="lower right")
    return figure


def _arms(estimate: Estimate) -> NDArray[np.float64]:
    return np.array([[estimate.mean - estimate.low], [estimate.high - estimate.mean]])


def _pairs(scores: list[Score]) -> int:
    return len({each.pair for each in scores})


def _by_method(scores: list[Score]) -> dict[str, list[Score]]:
    methods = dict.fromkeys(each.method for each in scores)
    return {name: [each for each in scores if each.method == name] for name in methods}


def _estimates(rows: list[Score]) -> tuple[Estimate, Estimate]:
    across, up = (bootstrap([row.axes[axis] for row in rows]) for axis in (0, 1))
    return across, up


def _means(scores: list[Score]) -> str:
    rows = []
    for name, own in _by_method(scores).items():
        estimates = [bootstrap([row.values[column] for row in own]) for column in range(len(MEASURES))]
        rows.append([name, *map(str, estimates), f"{np.median([row.seconds for row in own]):.2f}"])
    rows.append(["*bar*", *(f"{bar:.2f}" for bar in BAR), ""])
    return table(["method", *MEASURES, "seconds (median)"], rows)


def _claims(scores: list[Score]) -> str:
    """Return transport's differences to each rival on the same pairs, as pairs differ far more than methods do."""
    methods = _by_method(scores)
    rows = []
    for rival in (MATCHERING, "spectral EQ", "gram", RAVE, ERAS):
        if theirs := methods.get(rival):
            across, up = _differences(methods[TRANSPORT], theirs)
            ahead = [
                name.split()[-1]
                for name, ours in methods.items()
                if name.startswith("transport") and all(d.low > 0 for d in _differences(ours, theirs))
            ]
            rows.append([f"{rival} ({len(theirs)})", _signed(across), _signed(up), ", ".join(ahead) or "none"])
    head = [f"{TRANSPORT}, minus (pairs)", *AXES, "ahead in both at strength"]
    return (
        "Differences on the same pairs; an interval without 0 (bold) is hardly chance. Ahead is what has both "
        f"intervals above 0.\n\n{table(head, rows)}"
    )


def _differences(ours: list[Score], theirs: list[Score]) -> tuple[Estimate, Estimate]:
    own = {row.pair: row.axes for row in ours}
    across, up = (bootstrap([own[row.pair][axis] - row.axes[axis] for row in theirs]) for axis in (0, 1))
    return across, up


def _signed(estimate: Estimate) -> str:
    sure = estimate.low > 0 or estimate.high < 0
    text = f"{estimate.mean:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"
    return f"**{text}**" if sure else text


def _pair_by_pair(scores: list[Score]) -> str:
    rows = [
        [row.pair, *(f"{value:.3f}" for value in row.values), f"{row.seconds:.2f}"]
        for row in scores
        if row.method == TRANSPORT
    ]
    return table([f"{TRANSPORT}: pair", *MEASURES, "seconds"], rows)


def _frechet(frechet: Frechet) -> str:
    head, columns = ["", "to the aged records"], [frechet.to_records]
    about = ""
    if frechet.to_old:
        head, columns = [*head, f"to {OLD}"], [*columns, frechet.to_old]
        about = f"""
{OLD}, who died in 1969, stands for music that is really old: his clips of GTZAN's train and validation part, all
narrow and with hiss. How far {ALSO_OLD} (old, too, but blues) and {NEW} (jazz, too, but of the
1990s) are from him says what a distance means: much of it is the music and not its age.
"""
    else:
        about = "\nOf really old music there is none here: GTZAN's audio is left out.\n"
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [[name, *(f"{column[name]:.2f}" if name in column else "" for column in columns)] for name in names]
    return f"""
### Fréchet distance to old music

Of musicnn embeddings, {frechet.patches} patches of 3 s a set: comparable within a column, not with other pages. The
songs of the pairs above, by method, to the records that an era aged, which are other songs; the records before they
were aged tell how much of that can be age. Our own eras aged them, which favours eras, and parlour, that learned from
one of them.
{about}
{table(head, rows)}"""
