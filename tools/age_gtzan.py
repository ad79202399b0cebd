"""Analyse GTZAN's train and validation clips and aged copies of them, for ``train_genre.py``.

::

    retrotone models download audioset
    .venv/bin/python tools/age_gtzan.py ../shared/gtzan HEARD

Each clip in ``audio`` gets two copies, each through an era drawn at random, at a strength drawn at random; the draws
follow from the clip's name alone. Those in ``clips`` are too short for that. HEARD receives the analyses, of clips and
copies, by both ears. Those that are there already are kept, so that a run that was stopped goes on where it was. Ten
minutes on one core.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import retrotone as rt
from retrotone.features import audioset
from retrotone.genre.datasets import LabelledTrack, gtzan_split
from retrotone.utils.files import write_whole

COPIES = 2
# clips in "audio" last 30 s, those in "clips" 3 s at most
WHOLE_SECONDS = 25.0
# of the whole era
LEAST_STRENGTH = 0.5


def clips(folder: Path) -> Iterator[tuple[LabelledTrack, Path]]:
    """Yield the train and validation tracks of which there is audio, whole or a short clip, and its path."""
    for track in gtzan_split("train") + gtzan_split("valid"):
        for kind in ("audio", "clips"):
            path = folder / kind / track.genre / f"{track.name}.ogg"
            if path.is_file():
                yield track, path


def analysis_path(heard: Path, track: LabelledTrack, copy: int | None = None) -> Path:
    """Return where the analysis of a clip, or of a copy of it, is stored."""
    return heard / f"{track.name}{'' if copy is None else f'.{copy}'}.safetensors"


def main() -> None:
    """Analyse all clips and their copies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("heard", type=Path)
    given = parser.parse_args()
    if audioset.path() is None:
        parser.error("the second ear is not here: run retrotone models download audioset")
    given.heard.mkdir(parents=True, exist_ok=True)
    eras = list(rt.ERAS)
    for track, path in clips(given.folder):
        draws = np.random.default_rng(zlib.crc32(track.name.encode()))
        song = rt.load(path)
        for copy in (None, *range(COPIES if song.duration > WHOLE_SECONDS else 0)):
            era, strength = eras[draws.integers(len(eras))], draws.uniform(LEAST_STRENGTH, 1.0)
            seed, stored = int(draws.integers(2**31)), analysis_path(given.heard, track, copy)
            if not stored.is_file():
                heard = song if copy is None else rt.age(song, era, strength, seed)
                write_whole(stored, rt.analyse(heard).to_bytes())
        print(track.name, flush=True)


if __name__ == "__main__":
    main()
