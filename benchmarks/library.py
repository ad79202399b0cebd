"""The library beside bliss: speed of analysis, how often neighbours share a genre; and 100,000 tracks."""

from __future__ import annotations

import json
import multiprocessing
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

import retrotone as rt
from benchmarks.page import Page
from benchmarks.pairs import GTZAN
from retrotone.genre.datasets import gtzan_index
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.description import Description
from retrotone.library.files import FoundFile
from retrotone.library.records import NewTrack

CLIPS, WORKERS, K = 40, 2, 5
BALANCED, DRAWS = 6, 200  # clips of each genre: of the rarest there are no more
SONGS, SONG_CLIPS = 8, 8
SYNTHETIC, DIMENSIONS, QUERIES = 100_000, 128, 30
PATH = "/music/{}.flac"
ASK = f"""
import json, sys, time
import retrotone as rt
from benchmarks.memory import peak
library, times = rt.Library(sys.argv[1]), []
for number in range(0, {SYNTHETIC}, {SYNTHETIC // QUERIES}):
    begin = time.perf_counter()
    assert len(library.similar("{PATH}".format(number), k={K})) == {K}
    times.append(time.perf_counter() - begin)
print(json.dumps([times[0], sorted(times)[len(times) // 2], peak()]))
"""


@dataclass(frozen=True)
class Pace:
    """How long the analysis of a collection took.

    Attributes
    ----------
    seconds, first : float
        Until all were analysed, and until the first was.
    processor : float
        Seconds of all processes together: what other programs do meanwhile changes it less.
    """

    seconds: float
    first: float
    processor: float


@dataclass(frozen=True)
class Race:
    """One collection analysed by both, and how long it plays, in seconds."""

    name: str
    tracks: int
    music: float
    ours: Pace
    bliss: Pace


@dataclass(frozen=True)
class LibraryScore:
    """What `measure_library` found.

    Attributes
    ----------
    races : list of Race
    precision : dict of str to (float, float, float)
        Genre precision@5 of GTZAN's validation clips by each method: neighbours among all other artists' clips,
        among those of the validation clips alone, which nothing was learned from, and where all genres count the same.
    loaded, similar, memory : float
        Of 100,000 tracks: seconds of the first `similar`, which loads them, and of the others; MB of the process.
    """

    races: list[Race]
    precision: dict[str, tuple[float, float, float]]
    loaded: float
    similar: float
    memory: float


def measure_library() -> LibraryScore:
    """Measure on GTZAN's clips where they are; none of its test split."""
    races, precision = [], {}
    clips = [path for path in sorted(GTZAN.rglob("*.ogg")) if gtzan_index()[path.stem].split != "test"]
    if clips:
        with tempfile.TemporaryDirectory() as folder:
            races.append(_race("clips of 30 s", _copied(clips[:: len(clips) // CLIPS][:CLIPS], Path(folder))))
        with tempfile.TemporaryDirectory() as folder:
            races.append(_race("songs of 4 min, stereo", _joined(clips, Path(folder))))
        precision = _precision([path for path in clips if gtzan_index()[path.stem].split])
    return LibraryScore(races, precision, *_synthetic())


def page(score: LibraryScore) -> Page:
    """Return the section."""
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
        lines.append(f"""

Genre precision@5 of GTZAN's validation clips, neighbours by other artists, of as many of their genre as there can be.
Our genres have learned from these clips.
Most clips are classical, jazz or rock, which makes it easy for both: in the last column {BALANCED} clips of
each genre can be found, and each genre counts the same.

| | among all clips | among validation clips alone | genres balanced |
|---|---|---|---|
""")
        for name, values in score.precision.items():
            lines.append(f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |\n")
    lines.append(
        f"\n{SYNTHETIC:,} tracks that were made up: the first `similar` after {score.loaded:.1f} s, then "
        f"**{1000 * score.similar:.0f} ms** each, {score.memory:.0f} MB.\n"
    )
    return Page("".join(lines))


def _copied(paths: list[Path], folder: Path) -> Path:
    for path in paths:
        shutil.copy(path, folder)
    return folder


def _joined(clips: list[Path], folder: Path) -> Path:
    """Write songs of usual length, each joined from neighbouring clips."""
    for song in range(SONGS):
        parts = [rt.load(path) for path in clips[song * SONG_CLIPS : (song + 1) * SONG_CLIPS]]
        mono = parts[0].with_samples(np.concatenate([part.samples for part in parts], axis=1)).resample(44_100)
        rt.Audio(np.repeat(mono.samples, 2, axis=0), 44_100).save(folder / f"{song}.ogg")
    return folder


def _race(name: str, folder: Path) -> Race:
    """Analyse a folder with both, bliss first, with equally many processes."""
    files = sorted(folder.glob("*.ogg"))
    marks: list[float] = []
    used, begin = _processor(), time.perf_counter()
    # forked, as bliss alone would start at once: anew, its processes would load all that this one has
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        for _ in pool.imap_unordered(_bliss, files):
            marks.append(time.perf_counter() - begin)
        pool.close()
        pool.join()
    bliss = Pace(marks[-1], marks[0], _processor() - used)
    marks = []

    def mark(share: float, message: str) -> None:
        if "/" in message and "analysed" in message and not message.startswith("0/"):
            marks.append(time.perf_counter() - begin)

    with tempfile.TemporaryDirectory() as other, rt.Library(Path(other) / "music.db") as library:
        used, begin = _processor(), time.perf_counter()
        report = library.scan([folder], workers=WORKERS, progress=mark)
        ours = Pace(time.perf_counter() - begin, marks[0], _processor() - used)
    assert report.analysed == len(files) == len(marks)
    return Race(name, len(files), sum(soundfile.info(file).duration for file in files), ours, bliss)


def _bliss(path: Path) -> list[float]:
    from bliss_audio import Song

    return list(Song(str(path)).analysis)


def _processor() -> float:
    """Return the seconds of processor time that this process and those it has ended took."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def _precision(clips: list[Path]) -> dict[str, tuple[float, float, float]]:
    """Return genre precision@5 of validation clips, of as many neighbours of their genre as there can be."""
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        bliss = np.array(pool.map(_bliss, clips))
        ours, taggrams, columns = (np.array(vectors) for vectors in zip(*pool.map(_vectors, clips), strict=True))
    entries = [gtzan_index()[path.stem] for path in clips]
    genres = np.array([entry.track.genre for entry in entries])
    artists = np.array([entry.track.artist or path.stem for entry, path in zip(entries, clips, strict=True)])
    unheard = np.array([entry.split == "valid" for entry in entries])
    distances = {
        "ours": -ours @ ours.T,
        "mean taggram, standardised, cosine": _cosine_distance(taggrams),
        "the study's columns, cosine": _cosine_distance(columns),
        "bliss": np.linalg.norm(bliss[:, None] - bliss, axis=2),  # as its manual has it
    }

    def precision(distance: NDArray[np.float64], among: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return it of each validation clip; NaN where no neighbour could be of its genre."""
        others = among & (artists[unheard, None] != artists)
        alike = others & (genres[unheard, None] == genres)
        nearest = np.argsort(np.where(others, distance[unheard], np.inf), axis=1)[:, :K]
        possible = np.minimum(alike.sum(axis=1), K)
        hits = np.take_along_axis(alike, nearest, 1).sum(axis=1)
        return np.divide(hits, possible, out=np.full(len(hits), np.nan), where=possible > 0)

    def balanced(distance: NDArray[np.float64]) -> float:
        """Return the mean over genres, among draws of as many clips of each."""
        rng, means = np.random.default_rng(0), []
        for _ in range(DRAWS):
            drawn = [rng.permutation(np.flatnonzero(genres == genre))[:BALANCED] for genre in np.unique(genres)]
            found = precision(distance, np.isin(np.arange(len(clips)), np.concatenate(drawn)))
            counted = np.isfinite(found)
            asked = genres[unheard][counted]
            means += [found[counted][asked == genre].mean() for genre in np.unique(asked)]
        return float(np.mean(means))

    return {
        name: (
            float(np.nanmean(precision(distance, np.ones(len(clips), bool)))),
            float(np.nanmean(precision(distance, unheard))),
            balanced(distance),
        )
        for name, distance in distances.items()
    }


def _vectors(path: Path) -> tuple[NDArray[np.floating], ...]:
    """Return our vector, the mean taggram and GTZAN's columns."""
    analysis = rt.analyse(path)
    assert analysis.taggram is not None
    assert analysis.columns is not None
    return rt.Library.embed(analysis), analysis.taggram.mean(axis=0), analysis.columns


def _cosine_distance(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return it of standardised features, as the study took it."""
    scaled = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    unit = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    return -unit @ unit.T


def _synthetic() -> tuple[float, float, float]:
    """Query a library of synthetic tracks, in a separate process."""
    rng = np.random.default_rng(0)
    analysis = rt.Analysis.from_arrays(taggram=np.full((1, 50), 0.1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "music.db"
        with Catalogue(path, create=True) as catalogue:
            for number in range(SYNTHETIC):
                vector = rng.standard_normal(DIMENSIONS)
                tags = {"title": f"Title {number}", "artist": f"Artist {number // 10}"}
                description = Description(
                    (vector / np.linalg.norm(vector)).astype(np.float32), "jazz", 0.9, True, {"jazz": 0.9},
                    {"jazz": 0.9}, {"60s": 0.1}, 120.0, "C major", -14.0,
                )  # fmt: skip
                found = FoundFile(PATH.format(number), 1, 1)
                track = NewTrack(found, number.to_bytes(16), tags, analysis.duration, description, analysis)
                catalogue.add_track(track)
        answer = subprocess.run([sys.executable, "-c", ASK, path], check=True, capture_output=True, text=True)
    loaded, similar, memory = json.loads(answer.stdout)
    return loaded, similar, memory
