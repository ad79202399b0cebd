"""Costs of a scan, for planning; see docs/scaling.md: ``python -m benchmarks.scan FOLDER [postgresql://…]``.

The folder holds real music; the database, if one is named, must be empty. Times are processor seconds but where it
says otherwise, so that they hold on a busy machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import retrotone as rt
from benchmarks.memory import peak
from retrotone.features.analysis import VERSION
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.files import FoundFile, content_hash
from retrotone.library.records import NewTrack
from retrotone.library.scanning.scan import scan
from retrotone.library.scanning.track import Analysed, analyse_file
from retrotone.library.scanning.workers import distribute, prepare

ROWS = 5_000
ANSWERS = 3_000
FILES = 50_000


def listening(folder: Path) -> Analysed:
    """Print the processor time of a track, and the size of what is stored."""
    prepare()
    began, analysed = time.process_time(), []
    for path in sorted(each for each in folder.rglob("*") if each.suffix in (".ogg", ".flac", ".mp3", ".wav")):
        outcome = analyse_file(FoundFile.at(str(path)))
        if isinstance(outcome, Analysed):
            analysed.append(outcome)
    spent = time.process_time() - began
    count, minutes = len(analysed), sum(each.analysis.duration or 0 for each in analysed) / 60 / len(analysed)
    print(f"analysis: {spent / count:.2f} s a track of {minutes:.1f} min ({count} tracks), {peak():.0f} MB")
    return max(analysed, key=lambda each: each.analysis.duration or 0)


def writing(song: Analysed, place: str) -> None:
    """Print how many rows a writer stores a second, and their size on disk."""
    with Catalogue(place, create=True) as catalogue:
        began = time.perf_counter()
        spent = _cost(
            lambda: [
                catalogue.add_track(
                    NewTrack(
                        FoundFile(f"/music/artist {row % 97}/album/{row:07} some title.flac", 30 << 20, row),
                        row.to_bytes(16, "big"),
                        song.tags,
                        song.analysis.duration,
                        song.description,
                        song.analysis,
                    )
                )
                for row in range(ROWS)
            ]
        )
        clock = time.perf_counter() - began
        name = catalogue.name
    size = f", {Path(place).stat().st_size / ROWS / 1024:.1f} kB a row" if Path(place).is_file() else ""
    print(f"writing to {name}: {1e3 * spent / ROWS:.2f} ms a row, {1e3 * clock / ROWS:.2f} by the clock{size}")


def sharing_out(song: Analysed) -> None:
    """Print the driver's time for a result of a Ray cluster, here of actors that analyse nothing."""
    from retrotone.library.scanning import ray_cluster

    for name, value in ray_cluster.SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    class Parrot(ray_cluster.RayActor):
        def prepare(self, versions: Any) -> None:
            return None

        def analyse_file(self, file: FoundFile) -> Analysed:
            return song

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, object_store_memory=80 << 20)
    try:
        remote = ray.remote(num_cpus=1)(Parrot)
        files = (FoundFile(f"/music/{number}", 1, 1) for number in range(ANSWERS))
        outcomes = distribute(files, 4, lambda: ray_cluster._RayWorker(remote), ray_cluster._wait)
        with closing(outcomes):
            next(outcomes)
            spent = _cost(lambda: list(outcomes))
    finally:
        ray.shutdown()
    print(f"sharing out: {1e3 * spent / ANSWERS:.2f} ms an answer")


def looking(folder: Path) -> None:
    """Print what a file costs before it is analysed, and what a known file costs, in time and memory."""
    music = folder / "music"
    for number in range(FILES):
        if number % 1000 == 0:
            album = music / f"album {number // 1000}"
            album.mkdir(parents=True)
        (album / f"{number:07} some title.flac").write_bytes(number.to_bytes(4, "big"))
    one = folder / "song.bin"
    one.write_bytes(os.urandom(30 << 20))
    found = FoundFile.at(str(one))
    print(f"content hash: {_cost(lambda: [content_hash(found) for _ in range(1000)]):.2f} ms, in the file cache")
    with Catalogue(folder / "files.db", create=True) as catalogue:

        def refuse(files: Iterator[FoundFile], workers: int) -> Iterator[Any]:
            yield from ()

        def look() -> None:
            scan(catalogue, [music], analyse_all=refuse)

        print(f"new files: {1e3 * _cost(look) / FILES:.2f} ms a file, {_peak(look) / 1e6:.0f} MB for {FILES}")
        for path in music.rglob("*.flac"):
            found = FoundFile.at(str(path))
            catalogue.database.query(
                "INSERT INTO tracks (path, size, mtime_ns, fingerprint, present) VALUES (?, ?, ?, ?, TRUE)",
                (os.fsencode(path), found.size, found.mtime_ns, bytes(16)),
            )
        catalogue.database.query(f"INSERT INTO analyses SELECT id, {VERSION}, x'' FROM tracks")
        print(f"known files: {1e3 * _cost(look) / FILES:.3f} ms a file, {_peak(look) / FILES:.0f} bytes each")


def _cost(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _peak(work: Callable[[], object]) -> int:
    """Return the bytes that a piece of work needs at its peak."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main() -> None:
    """Print all of it."""
    with tempfile.TemporaryDirectory() as folder:
        looking(Path(folder))
        song = listening(Path(sys.argv[1]))
        for place in (str(Path(folder) / "rows.db"), *sys.argv[2:]):
            writing(song, place)
    sharing_out(song)


if __name__ == "__main__":
    print(f"retrotone {rt.__version__}")
    main()
