"""The sound of a record, where the right answer is known: machines that retrotone did not write age song and record."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

import retrotone as rt
from benchmarks.blind import Estimate, blind_summary, blind_table
from benchmarks.cases import OUTSIDE_PREFIX, RATE, RECORD_SEED, Case, stereo, without_outside
from benchmarks.chains import CHAINS, Chain
from benchmarks.made import made_table
from benchmarks.nearness import ERA, MEDIUM, METHODS, RECIPE, Judge, Nearness
from benchmarks.page import Page, table
from benchmarks.pairs import MUSIC
from benchmarks.perception import SECONDS, without_perception
from benchmarks.statistics import bootstrap
from retrotone.utils.assets import bundled_song

UNTOUCHED, COPY = "*the song untouched*", "*a second copy of the ideal*"
HEADS = ("mel, dB", "floor, dB", "envelope", "width, dB", "like the record", "like the song", "pauses, dB",
         "Zimtohrli, thousandths", "ViSQOL")  # fmt: skip
SPEED_SECONDS, SPEED_RUNS = 30.0, 3
# Of the page: the machines whose record the made signals and the clock are given.
MADE_MACHINE, SPEED_MACHINE = "cassette", "mono LP"
WORST = 5


@dataclass(frozen=True)
class Score:
    """One rendering of one case."""

    pair: str
    chain: str
    method: str
    nearness: Nearness

    @property
    def case(self) -> tuple[str, str]:
        """Music and machine."""
        return self.pair, self.chain


@dataclass(frozen=True)
class Truth:
    """What `measure_truth` found."""

    scores: list[Score] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    made: str = ""
    realtime: float | None = None


def measure_truth(cases: Iterable[Case], methods: Mapping[str, Callable[[Case], rt.Audio]] = METHODS) -> Truth:
    """Render every case by every method, and measure how near each comes to the ideal."""
    found = Truth()
    for case in cases:
        judge = Judge(case)
        outputs = {UNTOUCHED: case.song, COPY: case.copy}
        for name, method in methods.items():
            if name == MEDIUM:
                medium = rt.Medium.from_recording(case.record)
                outputs[name] = medium.apply(case.song)
                estimate = Estimate.of(case, medium)
                found.estimates.extend([estimate] if estimate else [])
            else:
                outputs[name] = method(case)
        found.scores.extend(
            Score(case.pair, case.chain, name, judge.measure(output)) for name, output in outputs.items()
        )
    return found


def made_signals() -> str:
    """Return the table of made signals, on the bundled song's second half as the record."""
    song = rt.load(bundled_song())
    return made_table(stereo(song.slice(song.duration / 2)), _machine(MADE_MACHINE))


def realtime_factor() -> float:
    """Return how many times faster than real time a song gets the sound of a record, reading it included."""
    song = stereo(rt.load(bundled_song(), SPEED_SECONDS))
    record = song.with_samples(_machine(SPEED_MACHINE).age(song.samples, RATE, RECORD_SEED))
    times = []
    for _ in range(SPEED_RUNS):
        began = time.perf_counter()
        rt.Medium.from_recording(record).apply(song)
        times.append(time.perf_counter() - began)
    return song.duration / statistics.median(times)


def page(truth: Truth) -> Page:
    """Return the section: means, by machine, the worst cases, blind estimates, made signals, speed."""
    scores = truth.scores
    cases = _by_case(scores)
    parts = [
        f"""## Truth

{len(cases)} cases. A machine that retrotone did not write (`benchmarks/chains.py`: filters, a compressor, a soft clip,
a wobbling speed, noise and clicks of SciPy's) ages a song; it also ages another piece, which is the record. The song
in the sound of that record should be the aged song, the ideal. Mean and 95 % interval (bootstrap over the cases).

Lower is nearer: mean difference in 80 mel bands, in the floor of each (5 % quantile), and in the width (side to
middle). Envelope is the correlation of what moves when with the ideal; higher is nearer. "Like the record" and "like
the song" are the correlation of the notes in the long-term spectrum (100 to 1500 Hz, without its smooth part) with
theirs: what lies above the ideal's copy in the first took notes from the record, what lies below it in the second
lost the song's. Pauses: how much louder than the ideal's the quietest moments are. Zimtohrli (a distance; lower is
nearer) and ViSQOL (quality from 1 to 5; higher is nearer) are published models of hearing, given {SECONDS:g} s of the
mono fold.
"""
    ]
    if not MUSIC.is_dir():
        parts.append(f"\nThe other songs are left out: they would be in {MUSIC}.\n")
    if missing := without_outside():
        parts.append(f"\nTwo machines that others wrote are left out: {missing}.\n")
    if missing := without_perception():
        parts.append(f"\nZimtohrli and ViSQOL are left out: {missing}.\n")
    parts.append(f"\n{_means(scores)}\n{_by_machine(scores)}\n{_reading(cases)}\n{_worst(cases)}")
    if truth.estimates:
        parts.append(f"\n{_blind(truth.estimates)}")
    if truth.made:
        parts.append(f"\n{_made(truth.made)}")
    if truth.realtime:
        parts.append(
            f"\n- medium: **{truth.realtime:.0f} times real time** ({SPEED_SECONDS:g} s stereo at 44.1 kHz, reading a "
            f"record of {SPEED_SECONDS:g} s included)\n"
        )
    return Page("".join(parts))


Cases = dict[tuple[str, str], dict[str, Nearness]]


def _by_case(scores: Iterable[Score]) -> Cases:
    cases: Cases = {}
    for score in scores:
        cases.setdefault(score.case, {})[score.method] = score.nearness
    return cases


def _methods(scores: Iterable[Score]) -> list[str]:
    return list(dict.fromkeys(score.method for score in scores))


def _means(scores: list[Score]) -> str:
    cases, rows = _by_case(scores), []
    # the last two measures may be missing
    heads = HEADS[:-2] if without_perception() else HEADS
    for method in _methods(scores):
        columns = list(zip(*(own[method] for own in cases.values()), strict=True))[: len(heads)]
        against = [
            f"{sum(own[method].mel < own[rival].mel for own in cases.values())}"
            if rival in _methods(scores) and rival != method
            else ""
            for rival in (RECIPE, UNTOUCHED)
        ]
        rows.append([method, *(str(bootstrap(column)) for column in columns), *against])
    return table(["method", *heads, f"nearer than the recipe (of {len(cases)})", "than the song"], rows)


def _by_machine(scores: list[Score]) -> str:
    cases, methods = _by_case(scores), _methods(scores)
    rows = []
    for chain in dict.fromkeys(score.chain for score in scores):
        own = [found for (_, name), found in cases.items() if name == chain]
        means = [f"{np.mean([found[method].mel for found in own]):.2f}" for method in methods]
        rows.append([f"{chain} ({len(own)})", *means])
    return table(["mel, dB, by machine (cases)", *methods], rows)


def _reading(cases: Cases) -> str:
    """Say in words what the tables show, by their own figures."""
    lines = []
    for method, rival in ((MEDIUM, RECIPE), (MEDIUM, ERA), (MEDIUM, UNTOUCHED)):
        both = [own for own in cases.values() if method in own and rival in own]
        if both:
            difference = bootstrap([own[method].mel - own[rival].mel for own in both])
            interval = (
                f" ({difference.low:+.2f} to {difference.high:+.2f})" if difference.low <= difference.high else ""
            )
            lines.append(f"- {method} minus {rival}, mel: **{difference.mean:+.2f} dB**{interval}")
    outside = [own for (_, chain), own in cases.items() if chain.startswith(OUTSIDE_PREFIX) and MEDIUM in own]
    if outside:
        mean, song = (np.mean([own[name].mel for own in outside]) for name in (MEDIUM, UNTOUCHED))
        lines.append(f"- on machines that others wrote: {MEDIUM} {mean:.2f} dB, the song untouched {song:.2f} dB")
    return "\n".join(lines) + "\n"


def _worst(cases: Cases) -> str:
    """List the cases in which the medium is farthest from the ideal for what a second copy differs by."""
    own = [(found[MEDIUM].mel - found[COPY].mel, case, found) for case, found in cases.items() if MEDIUM in found]
    rows = [
        [f"{pair}, {chain}", *(f"{found[name].mel:.2f}" for name in (MEDIUM, COPY, UNTOUCHED)),
         f"{found[MEDIUM].floor:.2f}", f"{found[MEDIUM].width:.2f}"]
        for _, (pair, chain), found in sorted(own, key=lambda each: -each[0])[:WORST]
    ]  # fmt: skip
    head = [f"where {MEDIUM} is worst", "mel, dB", "copy's", "song's", "floor, dB", "width, dB"]
    return table(head, rows) if rows else ""


def _blind(estimates: list[Estimate]) -> str:
    return f"""### Blind estimates

What a medium that was read from one record says of the machine, record by record. Edge: where the music is 3 dB
below its middle. Floor: by how much the noise as a whole is too loud (A-weighted), and in brackets the mean
|difference| of the thirds of an octave that are heard. Clicks, wow: what was read over what is true; "false" where
there is nothing to be read. Side: what is left of the music's.

{blind_table(estimates)}
{blind_summary(estimates)}"""


def _made(made: str) -> str:
    return f"""### Made signals

Played on a record of the machine "{MADE_MACHINE}", which has no clicks: every burst is the method's. The first column
is what the machine does to them.

{made}"""


def _machine(name: str) -> Chain:
    (machine,) = (chain for chain in CHAINS if chain.name == name)
    return machine
