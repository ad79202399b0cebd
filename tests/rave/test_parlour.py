"""The bundled RAVE: it answers as an old disc, and what it makes up is alive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import retrotone as rt
from retrotone.metrics import Profile, chroma_cosine, frechet_distance, log_spectral_distance
from retrotone.rave.generation import own_bank
from retrotone.utils.assets import bundled_song

pytest.importorskip("benchmarks", reason="needs the repository: run from its root")

from benchmarks.generation import agreement

ERA, AGE_SEED = "1930s", 1000


@pytest.fixture(scope="module")
def parlour() -> rt.RaveModel:
    return rt.RaveModel.from_pretrained()


def bands(audio: rt.Audio) -> np.ndarray:
    return 10 * np.log10(np.maximum(Profile(audio).band_power, 1e-7))


def flux(audio: rt.Audio) -> float:
    return float(np.abs(np.diff(bands(audio), axis=1)).mean())


def test_it_answers_as_an_old_disc(parlour: rt.RaveModel) -> None:
    song = rt.load(bundled_song()).slice(5, 20)
    aged, answer = rt.age(song, ERA, seed=AGE_SEED), parlour.restyle(song)
    assert answer.samples.shape == song.samples.shape
    assert log_spectral_distance(aged, answer) < 0.7 * log_spectral_distance(aged, song)
    assert chroma_cosine(song, answer) > 0.9


def test_the_latents_that_can_be_edited_keep_the_harmony(parlour: rt.RaveModel) -> None:
    song = rt.load(bundled_song()).slice(5, 9)
    aged = rt.age(song, ERA, seed=AGE_SEED)
    # any edit leaves out the other latents of detail
    edited = parlour.restyle(song, scale=[1.0001])
    assert chroma_cosine(song, edited) > 0.9
    assert log_spectral_distance(aged, edited) < 0.85 * log_spectral_distance(aged, song)


def test_real_music_comes_nearer_to_its_aged_self(parlour: rt.RaveModel, shared_music: Path) -> None:
    distances, sets = [], {"song": [], "aged": [], "answer": []}
    for name in ("Hungarian", "Sugar_Plum", "Vibe_Ace", "ragtime"):
        (path,) = shared_music.glob(f"*{name}*.ogg")
        song = rt.load(path).slice(10, 18)
        aged, answer = rt.age(song, ERA, seed=AGE_SEED), parlour.restyle(song)
        distances.append([log_spectral_distance(aged, each) for each in (song, answer)])
        for kind, sound in (("song", song), ("aged", aged), ("answer", answer)):
            sets[kind].append(bands(sound).T)
    untouched, answered = np.mean(distances, axis=0)
    assert answered < 0.7 * untouched
    song_set, aged_set, answer_set = (np.concatenate(sets[kind]) for kind in ("song", "aged", "answer"))
    assert frechet_distance(answer_set, aged_set) < 0.5 * frechet_distance(song_set, aged_set)


def test_what_it_generates_is_music_and_no_copy_of_a_record(parlour: rt.RaveModel) -> None:
    clips = [parlour.generate(10, seed=seed) for seed in (0, 1)]
    tags = np.concatenate([rt.musicnn.listen(clip).tags for clip in clips]).mean(axis=0)
    likeliest = {rt.musicnn.LABELS[i] for i in np.argsort(-tags)[:2]}
    assert not likeliest & {"ambient", "electronic", "experimental"}
    bank = own_bank(parlour.info)
    assert bank is not None
    assert sum(record.latent.shape[1] for record in bank.records) * 512 / 22_050 > 180
    for record in bank.records[::4]:
        assert agreement(clips[0], parlour.decode(record.latent)) < 0.8
    assert agreement(parlour.decode(bank.records[0].latent[:, 200:500]), parlour.decode(bank.records[0].latent)) > 0.8


@pytest.mark.parametrize("path", ["records", "slerp", "prior"])
def test_two_seeds_share_no_waveform(parlour: rt.RaveModel, path: str) -> None:
    first, second = (parlour.generate(5, path=path, seed=seed).samples[0] for seed in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2


@pytest.mark.parametrize("path", ["slerp", "walk"])
def test_what_it_makes_up_is_alive(parlour: rt.RaveModel, path: str) -> None:
    clips = [parlour.generate(8, path=path, seed=seed) for seed in (1, 2)]
    moments = np.arange(clips[0].frames) / clips[0].sample_rate
    held = rt.Audio(
        0.1 * np.sum([np.sin(2 * np.pi * hertz * moments) for hertz in (220, 440, 660)], axis=0)[None],
        clips[0].sample_rate,
    )
    for clip in clips:
        assert clip.duration == 8.0
        assert clip.loudness == pytest.approx(-16.0, abs=1.0)
        assert clip.peak < 1.0
        assert flux(clip) > flux(held)
        quietest = np.sqrt(np.square(clip.samples[0][: 8 * 22_050].reshape(16, -1)).mean(axis=1)).min()
        assert quietest > 10 ** (-50 / 20)
    # dB: another seed, another clip
    assert log_spectral_distance(*clips) > 3.0
    assert np.array_equal(clips[0].samples, parlour.generate(8, path=path, seed=1).samples)
