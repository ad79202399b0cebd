"""The bundled RAVE: how far its answer is from a real ageing, how fast it is, whether what it makes up is alive."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import retrotone as rt
from benchmarks.pairs import MUSIC, bundled
from retrotone.metrics import Profile, frechet_distance, log_spectral_distance

ERA = "1930s"  # what the model was trained to answer with, without wow and flutter
SECONDS = 30.0
AGE_SEED = 1000  # of noise and wow that the model has not heard
SEEDS = range(5)
HELD_NOTE = (220.0, 440.0, 660.0)  # Hz: a steady chord, the least lively thing that is not silent


@dataclass(frozen=True)
class Answer:
    """One song: distances to the aged song in dB, and the model's speed in times real time."""

    song: str
    untouched: float
    answered: float
    realtime: float


@dataclass(frozen=True)
class Made:
    """One generated clip: peak, flux over that of a held chord, distance to the clip of the first seed in dB."""

    seed: int
    peak: float
    flux: float
    distance: float
    realtime: float


@dataclass(frozen=True)
class RaveScore:
    """What `measure_rave` found; Fréchet distances to the aged songs, of the songs and of the answers."""

    answers: list[Answer]
    frechet_songs: float
    frechet_answers: float
    patches: int
    made: list[Made]


def measure_rave() -> RaveScore:
    """Measure on the demo's song and on the developers' recordings where they are."""
    rave = rt.RaveModel.from_pretrained()
    rave.restyle(bundled().content.slice(0, 3))  # the first calls of a TorchScript compile it
    answers: list[Answer] = []
    heard: dict[str, list[NDArray[np.float32]]] = {"song": [], "aged": [], "answer": []}
    for name, song in _songs():
        aged = rt.age(song, ERA, seed=AGE_SEED)
        begin = time.perf_counter()
        answer = rave.restyle(song)
        seconds = time.perf_counter() - begin
        reference = Profile(aged)
        distances = [log_spectral_distance(reference, each) for each in (song, answer)]
        answers.append(Answer(name, *distances, song.duration / seconds))
        for kind, sound in (("song", song), ("aged", aged), ("answer", answer)):
            heard[kind].append(rt.musicnn.embedding(sound, hop=62))
    sets = {kind: np.concatenate(found) for kind, found in heard.items()}
    return RaveScore(
        answers,
        frechet_distance(sets["song"], sets["aged"]),
        frechet_distance(sets["answer"], sets["aged"]),
        len(sets["aged"]),
        list(_made(rave)),
    )


def flux(audio: rt.Audio) -> float:
    """Return the mean change of the mel spectrum from frame to frame, in dB."""
    bands = 10 * np.log10(np.maximum(Profile(audio).band_power, 1e-7))
    return float(np.abs(np.diff(bands, axis=1)).mean())


def held_note(seconds: float, sample_rate: int) -> rt.Audio:
    """Return a chord that does nothing."""
    moments = np.arange(round(seconds * sample_rate)) / sample_rate
    chord = np.sum([np.sin(2 * np.pi * hertz * moments) for hertz in HELD_NOTE], axis=0)
    return rt.Audio(0.1 * chord[None].astype(np.float32), sample_rate, "held note")


def _songs():  # type: ignore[no-untyped-def]
    yield "demo song", bundled().content
    if MUSIC.is_dir():
        for path in sorted(MUSIC.glob("*.ogg")):
            song = rt.load(path)
            if song.duration > SECONDS / 2 and "pibble" not in path.name:
                middle = max(song.duration - SECONDS, 0) / 2
                yield path.stem, song.slice(middle, middle + SECONDS)


def _made(rave: rt.RaveModel):  # type: ignore[no-untyped-def]
    steady = flux(held_note(SECONDS, rave.info.sample_rate))
    first: Profile | None = None
    for seed in SEEDS:
        begin = time.perf_counter()
        clip = rave.generate(SECONDS, seed=seed)
        seconds = time.perf_counter() - begin
        profile = Profile(clip)
        distance = log_spectral_distance(first, profile) if first else 0.0
        first = first or profile
        yield Made(seed, clip.peak, flux(clip) / steady, distance, SECONDS / seconds)
