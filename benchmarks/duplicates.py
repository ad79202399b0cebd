"""`python -m benchmarks.duplicates --tracks N`: what `Library.duplicates` takes where all tracks have one length.

The fingerprints are noise, which has no two alike; one track in fifty is a copy of another, late and with noise of its
own. Part of no shorter run: 100,000 tracks take some minutes and 1 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import peak
from benchmarks.scale import BLOCK, DESCRIPTION, TRACK, made
from retrotone.features.analysis import Analysis
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.description import RECIPE
from retrotone.library.library import Library

STEPS, BANDS = 57, 24
# dB; how fingerprints move
SPREAD = 5.0
# One in so many tracks is a copy of the one before, late by up to so many steps.
COPIES, LATE = 50, 8
# Correlations of the copies' fingerprints, those of bad MP3s at the lower end.
AGREEMENTS = 0.78, 0.98


def fingerprints(count: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return fingerprints, shape (count, STEPS, BANDS), and chromas, shape (count, 12), of tracks with their copies."""
    # Half of each step is that of the one before, as in those of music.
    noise = rng.standard_normal((count, STEPS + 1, BANDS), np.float32)
    found = SPREAD / np.sqrt(2) * (noise[:, 1:] + noise[:, :-1])
    chroma = rng.random((count, 12), np.float32)
    for copy in range(COPIES - 1, count, COPIES):
        agreement, late = rng.uniform(*AGREEMENTS), rng.integers(-LATE, LATE + 1)
        of = np.roll(found[copy - 1], late, axis=0)
        found[copy] = agreement * of + np.sqrt(1 - agreement**2) * found[copy]
        chroma[copy] = chroma[copy - 1] + 0.1 * chroma[copy]
    return found, chroma


def fill(path: str, tracks: int) -> None:
    """Make the library."""
    with Catalogue(path, create=True) as catalogue:
        database = catalogue.database
        for block in range(tracks // BLOCK):
            numbers = range(block * BLOCK + 1, (block + 1) * BLOCK + 1)
            found = zip(*fingerprints(BLOCK, np.random.default_rng(block)), strict=True)
            analyses = [Analysis(fingerprint=fingerprint, chroma=chroma) for fingerprint, chroma in found]
            with database.transaction():
                database.execute_many(
                    TRACK, ((b"/music/%09d.ogg" % n, b"%016d" % n, 90.0, f"title {n}", "", "rock") for n in numbers)
                )
                database.execute_many(
                    "INSERT INTO analyses (track, version, data) VALUES (?, ?, ?)",
                    ((n, each.version, each.to_bytes()) for n, each in zip(numbers, analyses, strict=True)),
                )
                database.execute_many(
                    DESCRIPTION,
                    ((n, RECIPE, database.pack(vector)) for n, vector in zip(numbers, made(block), strict=True)),
                )


def measure(path: str, tracks: int) -> dict[str, Any]:
    """Return how long the search takes, and how many of the copies it finds."""
    fill(path, tracks)
    with Library(path) as library:
        began, work = time.monotonic(), time.process_time()
        groups = library.duplicates()
        seconds, work = time.monotonic() - began, time.process_time() - work
    pairs = {tuple(sorted(track.id for track in group)) for group in groups}
    made_pairs = {(copy - 1, copy) for copy in range(COPIES, tracks + 1, COPIES)}
    return {
        "tracks": tracks,
        "seconds": round(seconds, 1),
        "processor_seconds": round(work, 1),
        "found": len(pairs & made_pairs),
        "copies": len(made_pairs),
        "wrong": len(pairs - made_pairs),
        "megabytes": round(peak()),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=100_000, help=f"a multiple of {BLOCK}")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(str(Path(folder) / "library.db"), parser.parse_args().tracks)))
