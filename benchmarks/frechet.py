"""Fréchet distance of musicnn embeddings between results of methods and old music, for sets of equal size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import retrotone as rt
from benchmarks.pairs import GTZAN, SECONDS
from retrotone.genre.datasets import gtzan_index
from retrotone.metrics import frechet_distance

OLD, ALSO_OLD, NEW = "Coleman Hawkins", "John Lee Hooker", "James Carter"
CLIP_HOP = 62  # frames of 16 ms from patch to patch: a clip of 30 s gives 28

Patches = NDArray[np.float32]


@dataclass(frozen=True)
class Frechet:
    """Distances, and how many patches each set has.

    Attributes
    ----------
    patches : int
    to_records : dict of str to float
        By method, from its results to the aged records that it used as style.
    to_old : dict of str to float
        The same to clips by Coleman Hawkins, and of other artists' to these; empty without GTZAN's audio.
    """

    patches: int
    to_records: dict[str, float]
    to_old: dict[str, float]


def embedded(audio: rt.Audio, seconds: float) -> Patches:
    """Return the embeddings of about 28 patches, of 3 s each, of an excerpt so long: shape (patches, 200)."""
    return rt.musicnn.embedding(audio, hop=CLIP_HOP if seconds >= SECONDS else CLIP_HOP // 4)


def distances(records: Patches, sets: Mapping[str, Patches], seconds: float) -> Frechet:
    """Return the distances of each set to the records and to old music.

    The distance depends on the number of patches: each set is thinned to the size of the smallest.
    """
    artists = {artist: _clips(artist, seconds) for artist in (OLD, ALSO_OLD, NEW)}
    others = {f"*{artist}*": found for artist, found in artists.items() if len(found)}
    size = min(len(patches) for patches in (records, *sets.values(), *others.values()))
    thin = {name: _thinned(patches, size) for name, patches in {**sets, **others}.items()}
    old = thin.get(f"*{OLD}*")
    return Frechet(
        size,
        {name: frechet_distance(thin[name], _thinned(records, size)) for name in sets},
        {name: frechet_distance(found, old) for name, found in thin.items() if found is not old}
        if old is not None
        else {},
    )


def _thinned(patches: Patches, size: int) -> Patches:
    return patches[np.linspace(0, len(patches) - 1, size).round().astype(int)]


def _clips(artist: str, seconds: float) -> Patches:
    """Return the embeddings of an artist's clips; none of the test split."""
    paths = [
        GTZAN / entry.track.genre / f"{name}.ogg"
        for name, entry in gtzan_index().items()
        if entry.track.artist == artist and entry.split in ("train", "valid")
    ]
    found = [embedded(rt.load(path, seconds), seconds) for path in paths if path.is_file()]
    return np.concatenate(found) if found else np.zeros((0, rt.musicnn.EMBEDDING), np.float32)
