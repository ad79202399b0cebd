"""Time and memory against length.

Each length is measured in a process of its own, `python -m benchmarks.length JOB SONG RECORD OUTPUT`.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

import retrotone as rt
from benchmarks.memory import available, peak
from benchmarks.page import Page, drawing, table
from benchmarks.pairs import Pair
from benchmarks.statistics import growth
from retrotone.dsp.stft import STUDY_RATE
from retrotone.figures.base import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHORT, LONG = (10, 30, 120), (10, 30, 120, 600, 3600)  # seconds
FITTED_FROM = 30  # s: below, fixed costs dominate
RATE = 44_100
WARM_UP = 5.0  # seconds of music that each job processes before it is timed
ROOT = Path(__file__).parents[1]
ROOM = 0.7  # share of the free memory that a job may be expected to take


@dataclass(frozen=True)
class Cost:
    """What one job cost on one length: seconds by the clock, of the processor, and its process's peak in MB."""

    length: int
    seconds: float
    processor: float
    peak: float


@dataclass(frozen=True)
class Job:
    """A piece of work, the rival it is compared with, and what it cost; `left_out` says why lengths are missing."""

    name: str
    rival: str | None
    costs: list[Cost]
    left_out: str = ""

    def growth(self, of: Callable[[Cost], float]) -> float | None:
        """Return the exponent of a cost from 30 s on, where there are two lengths or more."""
        long = [cost for cost in self.costs if cost.length >= FITTED_FROM]
        return growth([cost.length for cost in long], [of(cost) for cost in long]) if len(long) > 1 else None


def medium(song: Path, record: Path, output: Path) -> None:
    """Ours by default: the record is read, and the song gets its medium, file to file."""
    rt.StyleTransfer().stylize_file(song, record, output, overwrite=True)


def transport(song: Path, record: Path, output: Path) -> None:
    """Ours, file to file."""
    rt.StyleTransfer("transport").stylize_file(song, record, output, overwrite=True)


def matchering(song: Path, record: Path, output: Path) -> None:
    """Matchering 2, file to file, without its limit of 15 minutes."""
    import matchering as mg

    logging.disable(logging.WARNING)
    mg.process(str(song), str(record), [mg.pcm24(str(output))], config=mg.Config(max_length=2 * max(LONG)))


def genre(song: Path, record: Path, output: Path) -> None:
    """Ours: a genre, with the classifier loaded anew."""
    rt.GenreClassifier.from_pretrained().answer(song)


def load(song: Path, record: Path, output: Path) -> None:
    """Load a file with librosa, the first step of any program that uses it."""
    import librosa

    librosa.load(song, sr=STUDY_RATE)


JOBS = {
    "medium": medium,
    "transport": transport,
    "Matchering 2": matchering,
    "genre predict": genre,
    "librosa.load": load,
}
RIVALS = {"medium": "Matchering 2", "transport": "Matchering 2", "genre predict": "librosa.load"}


def measure_length(pair: Pair, lengths: Sequence[int] = SHORT, names: Sequence[str] = tuple(JOBS)) -> list[Job]:
    """Run every job on the pair's song, played over and over in stereo at 44.1 kHz, with its record as the style."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        record = pair.style.save(folder / "record.wav")
        song = folder / "song.wav"
        jobs = {name: Job(name, RIVALS.get(name), []) for name in names}
        for length in lengths:
            _write(pair.content, length, song)
            for name, job in jobs.items():
                if job.left_out:
                    continue
                reason = _too_large(job, length)
                if not reason:
                    answer = subprocess.run(
                        [sys.executable, "-m", __name__, name, song, record, folder / "output.wav"],
                        capture_output=True,
                        text=True,
                        cwd=ROOT,
                    )
                    if answer.returncode == 0:
                        job.costs.append(Cost(length, *json.loads(answer.stdout.splitlines()[-1])))
                        continue
                    reason = f"{_clock(length)} failed: {(answer.stderr.splitlines() or ['killed'])[-1]}"
                jobs[name] = Job(name, job.rival, job.costs, reason)
        return list(jobs.values())


def page(jobs: list[Job]) -> Page:
    """Return the section: a table, how costs grow, and each job beside its rival."""
    parts = [
        f"""## Length

A song of so long, stereo at {RATE / 1000:g} kHz (the demo's, over and over), each in a fresh process that has done the
same to {WARM_UP:g} s before the clock starts; the peak is that of the process, libraries included (VmHWM). librosa.load
only reads the file.

"""
    ]
    rows = [
        [job.name, _clock(c.length), f"{c.seconds:.2f}", f"{c.processor:.2f}", f"{c.peak:.0f}"]
        for job in jobs
        for c in job.costs
    ]
    parts.append(table(["", "length", "seconds", "processor, s", "peak, MB"], rows))
    parts.append("\n")
    for job in jobs:
        time_grows, memory_grows = (job.growth(lambda cost: cost.processor), job.growth(lambda cost: cost.peak))
        if time_grows is not None and memory_grows is not None:
            count = sum(cost.length >= FITTED_FROM for cost in job.costs)
            parts.append(
                f"- {job.name}: processor time grows as length^{time_grows:.2f} and memory as "
                f"length^{memory_grows:.2f} (from {FITTED_FROM} s on, {count} lengths)\n"
            )
    parts += [claim for job in jobs for claim in _beside(job, jobs)]
    parts += [f"- {job.name}: {job.left_out}\n" for job in jobs if job.left_out]
    parts.append("\n![time and memory against length](length.png)\n")
    return Page("".join(parts), {"length": picture(jobs)})


def picture(jobs: list[Job]) -> Figure:
    """Draw processor seconds and peak memory against length, on logarithmic axes."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    with drawing(9, 4) as figure:
        for axes, title, of in (
            (figure.add_subplot(1, 2, 1), "processor (s)", lambda cost: cost.processor),
            (figure.add_subplot(1, 2, 2), "peak memory (MB)", lambda cost: cost.peak),
        ):
            for job, colour in zip(jobs, COLOURS, strict=False):
                lengths = [cost.length for cost in job.costs]
                axes.loglog(lengths, [of(cost) for cost in job.costs], "o-", color=colour, label=job.name)
            lengths = sorted({cost.length for job in jobs for cost in job.costs})
            axes.set_xticks(lengths, [_clock(length) for length in lengths])
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.minorticks_off()
            axes.set_xlabel("length")
            axes.set_title(title, fontsize=10)
            axes.grid()
        axes.legend()
    return figure


def _beside(job: Job, jobs: list[Job]) -> list[str]:
    """Compare a job with its rival on the longest song that both have done."""
    rivals = {cost.length: cost for other in jobs if other.name == job.rival for cost in other.costs}
    both = [cost for cost in job.costs if cost.length in rivals]
    if not both:
        return []
    ours, rival = both[-1], rivals[both[-1].length]
    return [
        f"- {job.name} on {_clock(ours.length)}: **{ours.processor / rival.processor:.2f} times** the processor time "
        f"of {job.rival}, {ours.seconds / rival.seconds:.2f} times by the clock, "
        f"**{ours.peak / rival.peak:.2f} times** its memory\n"
    ]


def _too_large(job: Job, length: int) -> str:
    """Say so if a job is going to need more memory than there is, should it grow as it did."""
    if len(job.costs) < 2:
        return ""
    (before, last), free = job.costs[-2:], available()
    slope = (last.peak - before.peak) / (last.length - before.length)
    wanted = last.peak + slope * (length - last.length)
    if wanted <= ROOM * free:
        return ""
    return f"{_clock(length)} left out, as it would take about {wanted / 1000:.0f} GB of {free / 1000:.0f} GB free"


def _write(audio: rt.Audio, length: int, path: Path) -> None:
    """Write a song over and over as 16-bit WAV, stereo at 44.1 kHz, without holding it in memory."""
    samples = audio.resample(RATE).samples
    block = np.ascontiguousarray(np.broadcast_to(samples, (2, samples.shape[1])).T)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        missing = length * RATE
        while missing:
            file.write(block[:missing])
            missing -= min(missing, len(block))


def _clock(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min" if seconds < 3600 else "1 h"


def main(name: str, *paths: str) -> None:
    """Do a job, on a little music first, and print what it cost as JSON."""
    song, record, output = map(Path, paths)
    JOBS[name](_beginning(song), _beginning(record), output)
    began, used = time.perf_counter(), time.process_time()
    JOBS[name](song, record, output)
    cost = time.perf_counter() - began, time.process_time() - used, peak()
    print(json.dumps(cost))


def _beginning(path: Path) -> Path:
    """Write the first seconds of a WAV beside it, without reading the rest."""
    samples, rate = soundfile.read(path, frames=round(WARM_UP * RATE))
    short = path.with_name(f"short-{path.name}")
    soundfile.write(short, samples, rate)
    return short


if __name__ == "__main__":
    main(*sys.argv[1:])
