"""The bundled RAVE: how far its result is from the era's, its speed, and how much its generated clips vary."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import librosa
import numpy as np
from numpy.typing import NDArray

import retrotone as rt
from benchmarks.methods import AGE_SEED
from benchmarks.page import Page
from benchmarks.pairs import MUSIC, bundled
from retrotone.features.gtzan import HOP
from retrotone.metrics import N_FFT, Profile, frechet_distance, log_spectral_distance

ERA = "1930s"  # what the model was trained to answer with, without wow and flutter
SECONDS = 30.0
PATHS, SEEDS = ("slerp", "walk", "prior"), range(2)
GRIFFIN_LIM = 32  # steps, as in the study
HELD_NOTE = (220.0, 440.0, 660.0)  # Hz: a steady chord, the least varied sound that is not silent


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

    path: str
    seed: int
    peak: float
    flux: float
    distance: float
    realtime: float


@dataclass(frozen=True)
class RaveScore:
    """What `measure_rave` found; Fréchet distances to the aged songs, of the songs and of the answers.

    `griffin_lim` is in times real time, of a clip as long as those that were made.
    """

    answers: list[Answer]
    frechet_songs: float
    frechet_answers: float
    patches: int
    made: list[Made]
    griffin_lim: float


def measure_rave() -> RaveScore:
    """Measure on the demo's song and on the developers' recordings where they are."""
    rave = rt.RaveModel.from_pretrained()
    rave.restyle(bundled().content.slice(0, 3))  # the first call loads what the others need
    answers: list[Answer] = []
    embeddings: dict[str, list[NDArray[np.float32]]] = {"song": [], "aged": [], "answer": []}
    for name, song in songs():
        aged = rt.age(song, ERA, seed=AGE_SEED)
        begin = time.perf_counter()
        answer = rave.restyle(song)
        seconds = time.perf_counter() - begin
        reference = Profile(aged)
        distances = [log_spectral_distance(reference, each) for each in (song, answer)]
        answers.append(Answer(name, *distances, song.duration / seconds))
        for kind, sound in (("song", song), ("aged", aged), ("answer", answer)):
            embeddings[kind].append(rt.musicnn.embedding(sound, hop=62))
    sets = {kind: np.concatenate(found) for kind, found in embeddings.items()}
    made = list(_made(rave))
    return RaveScore(
        answers,
        frechet_distance(sets["song"], sets["aged"]),
        frechet_distance(sets["answer"], sets["aged"]),
        len(sets["aged"]),
        made,
        _griffin_lim(rave.generate(SECONDS)),
    )


def page(score: RaveScore) -> Page:
    """Return the section."""
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
    lines.append(f"""
What it makes up, 30 s a clip. Flux is the mean change of the mel spectrum from frame to frame, over that of a held
chord; the distance is to the first clip. Griffin-Lim, which the study's transfer ended with (librosa's, from a random
phase, {GRIFFIN_LIM} steps), does no more than play given magnitudes, at {score.griffin_lim:.0f} times real time.

| path | seed | peak | flux | distance, dB | times real time |
|---|---|---|---|---|---|
""")
    for made in score.made:
        row = f"{made.path} | {made.seed} | {made.peak:.2f} | {made.flux:.1f} | {made.distance:.2f}"
        lines.append(f"| {row} | {made.realtime:.0f} |\n")
    return Page("".join(lines))


def flux(audio: rt.Audio) -> float:
    """Return the mean change of the mel spectrum from frame to frame, in dB."""
    bands = 10 * np.log10(np.maximum(Profile(audio).band_power, 1e-7))
    return float(np.abs(np.diff(bands, axis=1)).mean())


def held_note(seconds: float, sample_rate: int) -> rt.Audio:
    """Return a steady chord."""
    moments = np.arange(round(seconds * sample_rate)) / sample_rate
    chord = np.sum([np.sin(2 * np.pi * hertz * moments) for hertz in HELD_NOTE], axis=0)
    return rt.Audio(0.1 * chord[None].astype(np.float32), sample_rate, "held note")


def songs() -> Iterator[tuple[str, rt.Audio]]:
    yield "demo song", bundled().content
    if MUSIC.is_dir():
        for path in sorted(MUSIC.glob("*.ogg")):
            song = rt.load(path)
            if song.duration > SECONDS / 2 and "pibble" not in path.name:
                middle = max(song.duration - SECONDS, 0) / 2
                yield path.stem, song.slice(middle, middle + SECONDS)


def _made(rave: rt.RaveModel) -> Iterator[Made]:
    steady = flux(held_note(SECONDS, rave.info.sample_rate))
    first: Profile | None = None
    for path, seed in product(PATHS, SEEDS):
        begin = time.perf_counter()
        clip = rave.generate(SECONDS, path=path, seed=seed)
        seconds = time.perf_counter() - begin
        profile = Profile(clip)
        distance = log_spectral_distance(first, profile) if first else 0.0
        first = first or profile
        yield Made(path, seed, clip.peak, flux(clip) / steady, distance, SECONDS / seconds)


def _griffin_lim(clip: rt.Audio) -> float:
    """Return how many times faster than it plays librosa plays a clip from its magnitudes, study's transform."""
    magnitude = np.abs(librosa.stft(clip.mono().samples[0], n_fft=N_FFT, hop_length=HOP))
    begin = time.perf_counter()
    librosa.griffinlim(magnitude, n_iter=GRIFFIN_LIM, hop_length=HOP, n_fft=N_FFT, random_state=0)
    return clip.duration / (time.perf_counter() - begin)
