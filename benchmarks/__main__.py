"""`make bench`: print the ratios, and write out/bench/bench.md with a picture of content against style."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.genre import GenreSpeed, measure_genre
from benchmarks.library import SYNTHETIC, WORKERS, LibraryScore, measure_library
from benchmarks.pairs import bundled, real
from benchmarks.quality import MEASURES, Score, score
from benchmarks.rave import ERA, RaveScore, measure_rave
from benchmarks.speed import PLATEAU_STEPS, STUDY_STEPS, Speed, measure_speed

OUT = Path("out/bench")
BAR = {"style_gain": 0.90, "envelope_gain": 0.95, "chroma_cosine": 0.90, "onset_f1": 0.93}


def speed_page(speed: Speed) -> str:
    """Return the speed section."""
    plateau = f"{speed.study_loss:.2e} (best of {PLATEAU_STEPS} steps)"
    return f"""## Speed

One 30 s clip, file to file, loading and saving included; the study's loop (random CNN, clamp, Adam 0.03, autograd)
timed in the same run.

| | time | style loss (weight 2500) |
|---|---|---|
| the content itself | | {speed.start_loss:.2e} |
| the study's loop, {STUDY_STEPS} steps | {speed.study_total:.0f} s ({speed.study_step:.2f} s a step) | {plateau} |
| transport, mono 22.05 kHz | {speed.mono[0]:.2f} s | {speed.our_loss:.2e} (of the written file) |

- transport reaches its loss **{speed.times_sooner:,.0f} times sooner** than the study's {STUDY_STEPS} steps
- mono 22.05 kHz: **{speed.mono[1]:.0f} times real time**
- stereo 44.1 kHz: **{speed.stereo[1]:.0f} times real time** ({speed.stereo[0]:.2f} s)
"""


def quality_page(scores: list[Score]) -> str:
    """Return the quality section: means over all pairs, then transport pair by pair."""
    by_method: dict[str, list[Score]] = defaultdict(list)
    for each in scores:
        by_method[each.method].append(each)
    head = "style gain | envelope gain | chroma cosine | onset F1 | seconds |\n|---|---|---|---|---|---|\n"
    pairs = len({each.pair for each in scores})
    lines = [f"## Quality\n\nMeans over {pairs} pairs of 30 s.\n\n| method | {head}"]
    for method, rows in by_method.items():
        values = np.mean([row.values for row in rows], axis=0)
        lines.append(
            f"| {method} | {' | '.join(f'{v:.3f}' for v in values)} | {np.mean([r.seconds for r in rows]):.2f} |\n"
        )
    lines.append(f"| *bar* | {' | '.join(f'{BAR[key]:.2f}' for key in MEASURES)} | |\n")
    lines.append(f"\n| transport, strength 1: pair | {head}")
    for row in by_method["transport, strength 1"]:
        lines.append(f"| {row.pair} | {' | '.join(f'{v:.3f}' for v in row.values)} | {row.seconds:.2f} |\n")
    return "".join(lines)


def rave_page(score: RaveScore) -> str:
    """Return the section on the bundled RAVE model."""
    untouched = np.mean([answer.untouched for answer in score.answers])
    answered = np.mean([answer.answered for answer in score.answers])
    lines = [
        f"""## RAVE: parlour

Log-spectral distance to the song aged as the {ERA}, with noise, crackle and wow of a seed that training has not
seen, over {len(score.answers)} songs of up to 30 s: **{1 - answered / untouched:.0%} lower** once parlour has played
the song ({untouched:.2f} dB to {answered:.2f} dB). Fréchet distance of musicnn embeddings ({score.patches} patches a
set) to the aged songs: {score.frechet_songs:.2f} of the songs as they were, **{score.frechet_answers:.2f}** of what
parlour played.

| song | untouched, dB | played by parlour, dB | times real time |
|---|---|---|---|
"""
    ]
    for each in score.answers:
        row = f"{each.song[:40]} | {each.untouched:.2f} | {each.answered:.2f} | {each.realtime:.0f}"
        lines.append(f"| {row} |\n")
    lines.append("""
What it makes up, 30 s a clip. Flux is the mean change of the mel spectrum from frame to frame, over that of a held
chord; the distance is to the first clip.

| path | seed | peak | flux | distance, dB | times real time |
|---|---|---|---|---|---|
""")
    for made in score.made:
        row = f"{made.path} | {made.seed} | {made.peak:.2f} | {made.flux:.1f} | {made.distance:.2f}"
        lines.append(f"| {row} | {made.realtime:.0f} |\n")
    return "".join(lines)


def genre_page(speed: GenreSpeed) -> str:
    """Return the section on what a genre costs."""
    return f"""## Genre

Processor seconds once everything is loaded, one thread, files read included; librosa on the same files in the same run.

| | seconds |
|---|---|
| 30 s clip: its genre | {speed.clip:.2f} |
| librosa: the clip's 57 columns alone | {speed.librosa_columns:.2f} |
| MP3 of 4 minutes: its genre | {speed.song:.2f} |
| `librosa.load` of that MP3 alone | {speed.librosa_load:.2f} |

- a genre, columns included, comes **{speed.librosa_columns / speed.clip:.1f} times sooner** than librosa's columns
- of a long song, in {speed.song / speed.librosa_load:.1f} times what librosa needs to read it
"""


def library_page(score: LibraryScore) -> str:
    """Return the section on the library, beside bliss."""
    lines = [
        f"""## Library

Hearing a collection, {WORKERS} processes each, one after the other. Times real time are by the clock, starting up
included; processor time is that of all processes, and changes less with what else the machine does.

| collection | | seconds | of them until the first | times real time | processor, s a track |
|---|---|---|---|---|---|
"""
    ]
    for race in score.races:
        for name, pace in (("`library scan`", race.ours), ("bliss", race.bliss)):
            lines.append(
                f"| {race.tracks} {race.name} | {name} | {pace.seconds:.1f} | {pace.first:.1f} "
                f"| {race.music / pace.seconds:.0f} | {pace.processor / race.tracks:.2f} |\n"
            )
    for race in score.races:
        rest = (race.bliss.seconds - race.bliss.first) / (race.ours.seconds - race.ours.first)
        lines.append(
            f"\n- {race.name}: **{race.bliss.seconds / race.ours.seconds:.2f} times** as fast as bliss, "
            f"{rest:.2f} times once started, {race.bliss.processor / race.ours.processor:.2f} by processor time"
        )
    if score.precision:
        lines.append("""

Genre precision@5 of GTZAN's validation clips, neighbours by other artists, of as many of their genre as there can be.

| | among all clips | among validation clips alone |
|---|---|---|
""")
        for name, (among_all, unheard) in score.precision.items():
            lines.append(f"| {name} | {among_all:.3f} | {unheard:.3f} |\n")
    lines.append(
        f"\n{SYNTHETIC:,} tracks that were made up: the first `similar` after {score.loaded:.1f} s, then "
        f"**{1000 * score.similar:.0f} ms** each, {score.memory:.0f} MB.\n"
    )
    return "".join(lines)


def picture(scores: list[Score]) -> Figure:
    """Draw song kept (mean of chroma and onset) against style arrived (mean of both gains)."""
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.subplots()
    means: dict[str, list[float]] = {}
    for method in dict.fromkeys(each.method for each in scores):
        values = np.mean([each.values for each in scores if each.method == method], axis=0)
        means[method] = [values[:2].mean(), values[2:].mean()]
    path = np.array([[0.0, 1.0]] + [xy for name, xy in means.items() if name.startswith("transport")])
    axes.plot(*path.T, "o-", color="#b5482e", label="transport, strength 0 to 1")
    for (name, (x, y)), colour in zip(
        ((n, xy) for n, xy in means.items() if not n.startswith("transport")),
        ("#3d6b8c", "#6b6b6b"),
        strict=False,
    ):
        axes.plot(x, y, "s", color=colour, label=name)
    axes.set(
        xlabel="style arrived (mean of style and envelope gain)",
        ylabel="song kept (mean of chroma and onset)",
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def main() -> None:
    """Measure everything and write the page."""
    OUT.mkdir(parents=True, exist_ok=True)
    speed = speed_page(measure_speed(bundled()))
    print(speed)
    scores = [row for pair in [bundled(), *real()] for row in score(pair)]
    quality = quality_page(scores)
    print(quality)
    rave = rave_page(measure_rave())
    print(rave)
    genre = genre_page(measure_genre(bundled().content))
    print(genre)
    library = library_page(measure_library())
    print(library)
    picture(scores).savefig(OUT / "pareto.png", dpi=150)
    (OUT / "bench.md").write_text(
        f"# Benchmarks\n\n{speed}\n{quality}\n![song against style](pareto.png)\n\n{rave}\n{genre}\n{library}"
    )
    print(f"wrote {OUT / 'bench.md'} and {OUT / 'pareto.png'}")


if __name__ == "__main__":
    main()
