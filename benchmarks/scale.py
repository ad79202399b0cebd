"""`python -m benchmarks.scale --tracks N`: a library of synthetic tracks: cost and recall of its index.

Part of no shorter run: a million tracks take most of an hour on two cores, and 2 GB of disk. On PostgreSQL they are
loaded without the index, which is made afterwards, as a dump is restored.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import peak
from retrotone.features.analysis import VERSION
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.catalogue.database import is_address
from retrotone.library.description import RECIPE, Description
from retrotone.library.files import FoundFile
from retrotone.library.library import Filter, Library
from retrotone.library.records import NewTrack
from retrotone.web.subsonic import Subsonic

DIMENSIONS = 128
CENTRES = 2000  # kinds of music
SPREAD = 0.7  # length of a track's difference from its centre, which is of length 1
QUERIES, K = 200, 5
BLOCK = 10_000
# for PostgreSQL to make an index in: the graph of a million tracks fits
INDEX_MEMORY = "2GB"
TRACK = (
    "INSERT INTO tracks (path, size, mtime_ns, fingerprint, present, duration, title, artist, album, genre, year) "
    "VALUES (?, 1, 1, ?, TRUE, ?, ?, ?, '', ?, '')"
)
DESCRIPTION = (
    "INSERT INTO descriptions (track, recipe, vector, genre, confidence, sure, genres, tags, eras) "
    "VALUES (?, ?, ?, 'rock', 0.5, FALSE, '{}', '{}', '{}')"
)


def made(block: int) -> NDArray[np.float32]:
    """Return the unit vectors of a block of tracks, shape (BLOCK, d)."""
    centres = np.random.default_rng(0).standard_normal((CENTRES, DIMENSIONS))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rng = np.random.default_rng(block + 1)
    vectors = centres[rng.integers(CENTRES, size=BLOCK)]
    vectors += SPREAD / np.sqrt(DIMENSIONS) * rng.standard_normal(vectors.shape)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def fill(path: str, tracks: int) -> dict[str, float]:
    """Make the library."""
    began = time.monotonic()
    catalogue = Catalogue(path, create=True)
    database = catalogue.database
    definition = ""
    if is_address(path):
        [(definition,)] = database.query("SELECT pg_get_indexdef('descriptions_by_vector'::regclass)")
        database.query("DROP INDEX descriptions_by_vector")
    for block in range(tracks // BLOCK):
        numbers = range(block * BLOCK + 1, (block + 1) * BLOCK + 1)
        with database.transaction():
            database.execute_many(
                TRACK,
                (
                    (
                        b"/music/%09d.ogg" % n,
                        b"%016d" % n,
                        90.0 + n * 7919 % 300,
                        f"title {n}",
                        f"artist {n // 20}",
                        f"genre {n % 50}",
                    )
                    for n in numbers
                ),
            )
            database.execute_many(
                "INSERT INTO analyses (track, version, data) VALUES (?, ?, ?)", ((n, VERSION, b"-") for n in numbers)
            )
            vectors = made(block)
            database.execute_many(
                DESCRIPTION, ((n, RECIPE, database.pack(vector)) for n, vector in zip(numbers, vectors, strict=True))
            )
    loaded = time.monotonic()
    if definition:
        database.query(f"SET maintenance_work_mem = '{INDEX_MEMORY}'")
        database.query(definition)
        database.query("ANALYZE")
    return {"load": loaded - began, "index": time.monotonic() - loaded}


def store(path: str, tracks: int) -> float:
    """Return the time that a scan takes to store one more track, in ms."""
    vectors = made(tracks // BLOCK)[:QUERIES]
    with Catalogue(path) as catalogue:
        began = time.monotonic()
        for number, vector in enumerate(vectors, start=tracks + 1):
            file = FoundFile(f"/music/{number:09}.ogg", 1, 1)
            tags = {"title": f"title {number}", "artist": f"artist {number // 20}"}
            description = Description(vector, "rock", 0.5, False, {}, {}, {}, None, None, None)
            catalogue.add_track(NewTrack(file, b"%016d" % number, tags, 90.0, description))
        return 1e3 * (time.monotonic() - began) / len(vectors)


def by_name(path: str, seeds: list[int]) -> float:
    """Return the time in which a track is found by title and artist, in seconds."""
    with Library(path) as library:
        began = time.monotonic()
        for seed in seeds:
            track, *_ = library.search(f"artist {seed // 20} title {seed}")
            assert track.id == seed
        return (time.monotonic() - began) / len(seeds)


def ask(path: str, seeds: list[int], genre: str | None = None) -> dict[str, Any]:
    """Open the library, build its index where it is missing, and search for tracks similar to some."""
    began = time.monotonic()
    with Library(path) as library:
        catalogue = library._catalogue()
        tracks = catalogue.tracks(seeds)
        library.similar(tracks[0])
        load, work = time.monotonic() - began, time.process_time()
        seconds, found = [], []
        for track in tracks:
            began = time.monotonic()
            matches = library.similar(track, k=K, only=Filter(genre=genre or ()))
            seconds.append(time.monotonic() - began)
            found.append([match.track.id for match in matches])
    return {
        "load": load,
        "work": work,
        "ms": (1e3 * np.percentile(seconds, [50, 95, 100])).round(2).tolist(),
        "found": found,
    }


def serve(path: str, seeds: list[int]) -> float:
    """Return the processor time of an answer of `library serve`, in ms."""
    app = Subsonic(path)
    app.refresh()
    began = time.process_time()
    for seed in seeds:
        app.respond("/rest/getSimilarSongs2", {"id": str(seed), "f": "json"})
    return 1e3 * (time.process_time() - began) / len(seeds)


def exact(tracks: int, seeds: list[int]) -> list[set[int]]:
    """Return the numbers of the K tracks most like each seed, by comparing with all."""
    queries = np.array([made((seed - 1) // BLOCK)[(seed - 1) % BLOCK] for seed in seeds])
    best = np.zeros((len(seeds), 0))
    numbers = np.zeros((len(seeds), 0), int)
    for block in range(tracks // BLOCK):
        best = np.hstack([best, queries @ made(block).T])
        here = np.broadcast_to(np.arange(BLOCK) + block * BLOCK + 1, (len(seeds), BLOCK))
        numbers = np.hstack([numbers, here])
        order = np.argsort(-best, axis=1)[:, : K + 1]
        best, numbers = np.take_along_axis(best, order, 1), np.take_along_axis(numbers, order, 1)
    return [set(row.tolist()) - {seed} for row, seed in zip(numbers, seeds, strict=True)]


def apart(work: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Do something in a process of its own; return what it gives and the most memory it took, in MB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        result = pool.apply(work, arguments)
        return result, pool.apply(peak)


def measure(path: str, tracks: int) -> dict[str, Any]:
    """Fill a library, ask it for the first time and then as one that is there already."""
    seeds = np.random.default_rng(7).choice(tracks, QUERIES, replace=False) + 1
    numbers = [int(seed) for seed in seeds]
    filled, _ = apart(fill, path, tracks)
    first, most = apart(ask, path, numbers[:1])
    later, usual = apart(ask, path, numbers)
    filtered, _ = apart(ask, path, numbers[:20], "genre 7")
    served, _ = apart(serve, path, numbers)
    named, _ = apart(by_name, path, numbers[:3])
    stored, _ = apart(store, path, tracks)
    truth = exact(tracks, numbers)
    hits = [len(true & set(found)) / K for true, found in zip(truth, later["found"], strict=True)]
    return {
        "tracks": tracks,
        "fill, s": round(filled["load"], 1),
        "index on PostgreSQL, s": round(filled["index"], 1),
        "first opening (index made), s": round(first["load"], 1),
        "processor time of it, s": round(first["work"], 1),
        "peak memory of it, MB": round(most),
        "opening, s": round(later["load"], 2),
        "similar, ms (median, 95 %, most)": later["ms"],
        "similar in one of 50 genres, ms": filtered["ms"],
        "getSimilarSongs2, processor ms": round(served, 1),
        "found by name in, s": round(named, 2),
        "storing one more, ms": round(stored, 1),
        "filtered answers": min(len(found) for found in filtered["found"]),
        "peak memory, MB": round(usual),
        f"recall@{K}": float(np.mean(hits)),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="a library of made-up tracks: what its index costs and finds")
    parser.add_argument("--tracks", type=int, default=1_000_000, help=f"a multiple of {BLOCK}")
    parser.add_argument("--library", help="an empty PostgreSQL database; by default a file that is removed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.library or str(Path(folder) / "music.db")
        print(json.dumps(measure(path, arguments.tracks), indent=2))


if __name__ == "__main__":
    main()
