"""Cases whose right answer is known: a song, a record, and the song as the record's own machine would have kept it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import numpy as np

import retrotone as rt
from benchmarks.chains import CHAINS, Chain
from benchmarks.pairs import MUSIC
from benchmarks.stages import Samples
from retrotone.utils.assets import bundled_song

RATE = 44_100
SONG_SECONDS, RECORD_SECONDS = 20.0, 25.0
# The record, the ideal and its second copy are of one machine at three times.
RECORD_SEED, IDEAL_SEED, COPY_SEED = 0, 1, 2
# Chains for each pair: with a stride that has no divisor in common with their number, all come equally often.
CHAINS_A_PAIR, FEWER, STRIDE = 4, 2, 2
# Two machines that others wrote with ffmpeg; neither is part of this repository.
OUTSIDE = MUSIC.parent / "tools" / "groundtruth"
OUTSIDE_PREFIX = "others' "

# Song, where it begins (s), record, where it begins (s).
PAIRS = (
    ("Lets_Go_Fishin", 25, "Hungarian_Dance", 8),
    ("Hungarian_Dance", 5, "ragtime", 10),
    ("Vibe_Ace", 5, "sweet-waltz", 2),
    ("Sugar_Plum", 10, "Lets_Go_Fishin", 70),
    ("ragtime", 35, "Vibe_Ace", 30),
    ("sweet-waltz", 20, "Sugar_Plum", 40),
)


@dataclass(frozen=True)
class Case:
    """A song and a record, and what the song ought to become.

    Parameters
    ----------
    pair, chain : str
        Which music, and which machine.
    era : str
        The era of retrotone that comes nearest.
    song, record : Audio
        Stereo at 44.1 kHz.
    ideal, copy : Audio
        The song by the record's machine, twice.
    truth : Chain, optional
        The machine, where its parameters are known.
    """

    pair: str
    chain: str
    era: str
    song: rt.Audio
    record: rt.Audio
    ideal: rt.Audio
    copy: rt.Audio
    truth: Chain | None = None


def cases(long: bool) -> Iterator[Case]:
    """Yield the cases: without the developers' recordings only those of the bundled song."""
    stride = CHAINS_A_PAIR if long else FEWER
    for number, (pair, song, record) in enumerate(_pairs()):
        chosen = [CHAINS[(STRIDE * (number * stride + place)) % len(CHAINS)] for place in range(stride)]
        for chain in chosen:
            yield _case(pair, chain.name, chain.era, song, record, chain.age, chain)
        for name, era, age in _outside() if number % 2 == 1 or long else ():
            yield _case(pair, OUTSIDE_PREFIX + name, era, song, record, age, None)


def without_outside() -> str | None:
    """Return why the machines that others wrote are left out, or None."""
    if not OUTSIDE.is_dir():
        return f"they would be in {OUTSIDE}"
    if not which("ffmpeg"):
        return "they need ffmpeg"
    return None if find_spec("pyloudnorm") else "they need pyloudnorm"


def _case(
    pair: str,
    chain: str,
    era: str,
    song: rt.Audio,
    record: rt.Audio,
    age: Callable[[Samples, int, int], Samples],
    truth: Chain | None,
) -> Case:
    def aged(music: rt.Audio, seed: int) -> rt.Audio:
        return music.with_samples(age(music.samples, RATE, seed))

    ideal, copy = aged(song, IDEAL_SEED), aged(song, COPY_SEED)
    return Case(pair, chain, era, song, aged(record, RECORD_SEED), ideal, copy, truth)


def _pairs() -> Iterator[tuple[str, rt.Audio, rt.Audio]]:
    """Yield the name of each pair, its song, and its record before a machine ages that."""
    song = rt.load(bundled_song())
    half = song.duration / 2
    yield "demo song, its other half", stereo(song.slice(0, half)), stereo(song.slice(half))
    for song_name, song_at, record_name, record_at in PAIRS if MUSIC.is_dir() else ():
        pair = f"{song_name}, {record_name}".replace("_", " ")
        yield pair, _excerpt(song_name, song_at, SONG_SECONDS), _excerpt(record_name, record_at, RECORD_SECONDS)


def _excerpt(name: str, begin: float, seconds: float) -> rt.Audio:
    (path,) = (path for path in MUSIC.glob("*.ogg") if name in path.name)
    return stereo(rt.load(path).slice(begin, begin + seconds))


def stereo(audio: rt.Audio) -> rt.Audio:
    """Return a recording with two channels at the rate of all cases."""
    audio = audio.resample(RATE)
    return audio if audio.channels == 2 else audio.with_samples(np.repeat(audio.samples, 2, axis=0))


def _outside() -> Iterator[tuple[str, str, Callable[[Samples, int, int], Samples]]]:
    """Yield the machines that others wrote: name, nearest era, and how they age."""
    if without_outside():
        return
    before, path = sys.modules.pop("chains", None), str(Path(OUTSIDE))
    sys.path.insert(0, path)
    try:
        theirs = import_module("chains")
    finally:
        sys.path.remove(path)
        sys.modules.pop("chains", None)
        if before is not None:
            sys.modules["chains"] = before
    for name in theirs.CHAINS:

        def age(samples: Samples, sample_rate: int, seed: int, name: str = name) -> Samples:
            return np.asarray(theirs.age(samples, sample_rate, name, seed), np.float32)

        yield name, theirs.NEAREST_ERA[name], age
