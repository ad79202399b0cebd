"""The analysis of a track: computed from any recording, stored and read back, unknown parts stay unknown."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import retrotone as rt
from retrotone.cli.main import run

DANCE = "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg"
SONG = "Karissa_Hobbs_-_Lets_Go_Fishin.ogg"
RATE = 16_000


def noise(seconds: float, rate: int = RATE) -> rt.Audio:
    samples = np.random.default_rng(4).normal(0, 0.1, round(seconds * rate))
    return rt.Audio(samples.astype(np.float32), rate)


@pytest.fixture(scope="module")
def analysis(shared_music: Path) -> rt.Analysis:
    return rt.analyse(shared_music / SONG)


def test_three_excerpts_of_a_long_song_agree_with_the_whole(analysis: rt.Analysis, shared_music: Path) -> None:
    assert [clip.shape for clip in analysis.excerpts] == [(6, 50)] * 3
    assert analysis.times is not None
    assert analysis.taggram is not None
    assert analysis.duration == pytest.approx(rt.load(shared_music / SONG).duration, abs=0.01)
    # each in the middle of its third
    for index, first in enumerate(analysis.times[::6]):
        assert first + 15 == pytest.approx((index + 0.5) * analysis.duration / 3, abs=0.1)
    whole = rt.musicnn.taggram(shared_music / SONG).mean(axis=0)
    assert np.corrcoef(analysis.taggram.mean(axis=0), whole)[0, 1] > 0.98


def test_a_file_and_the_same_samples_in_memory_are_the_same(analysis: rt.Analysis, shared_music: Path) -> None:
    in_memory = rt.analyse(rt.load(shared_music / SONG))
    np.testing.assert_allclose(in_memory.taggram, analysis.taggram, atol=1e-3)
    np.testing.assert_allclose(in_memory.embedding, analysis.embedding, atol=1e-2)
    assert in_memory.loudness == pytest.approx(analysis.loudness, abs=0.1)


def test_stored_and_read_back_it_is_the_same(analysis: rt.Analysis) -> None:
    data = analysis.to_bytes()
    again = rt.Analysis.from_bytes(data)
    for part in dataclasses.fields(analysis):
        assert np.array_equal(getattr(again, part.name), getattr(analysis, part.name)), part.name
    assert rt.Analysis.from_bytes(rt.Analysis.from_arrays(columns=np.ones(57)).to_bytes()).taggram is None
    for damaged in (b"", b"\x80\x04N.", data[:-1], data[:40]):
        with pytest.raises(rt.AnalysisError, match="run analyse again"):
            rt.Analysis.from_bytes(damaged)


def test_what_is_not_given_stays_unknown() -> None:
    known = rt.Analysis.from_arrays(taggram=np.full((28, 50), 0.1))
    assert known.embedding is known.columns is known.loudness is known.duration is None
    assert [len(clip) for clip in known.excerpts] == [28]
    mean = rt.Analysis.from_arrays(embedding=np.stack([np.zeros(200), np.ones(200)])).embedding
    assert np.array_equal(mean, np.full(200, 0.5))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({}, "nothing is known"),
        ({"taggram": np.zeros(50)}, r"needs \(patches, 50\)"),
        ({"taggram": np.zeros((0, 50))}, r"needs \(patches, 50\)"),
        ({"taggram": np.zeros((28, 49))}, r"needs \(patches, 50\)"),
        ({"taggram": np.full((28, 50), -1.0)}, r"likelihoods in \[0, 1\]"),
        ({"columns": np.full(57, np.nan)}, "NaN"),
        ({"columns": np.zeros(58)}, r"needs \(57\)"),
        ({"embedding": np.full((3, 200), np.inf)}, "infinity"),
        ({"columns": ["C major"] * 57}, "no array of numbers"),
    ],
)
def test_what_cannot_be_an_analysis_is_refused(parts: dict[str, np.ndarray], reason: str) -> None:
    with pytest.raises(rt.AnalysisError, match=reason):
        rt.Analysis.from_arrays(**parts)


# shorter than a patch of 3 s, it is repeated until it fills one
@pytest.mark.parametrize(("audio", "patches"), [(noise(1.0), 1), (noise(2.9), 1), (noise(5.0, 8000), 1), (noise(8), 2)])
def test_short_and_low_rate_recordings_are_analysed(audio: rt.Audio, patches: int) -> None:
    analysis = rt.analyse(audio)
    assert analysis.taggram is not None
    assert analysis.taggram.shape == (patches, 50)
    assert np.isfinite(analysis.taggram).all()


def test_silence_and_moments_are_refused() -> None:
    dither = noise(3).gain(-76)
    current = dither.with_samples(dither.samples + np.float32(0.3))
    for quiet in (rt.Audio(np.zeros((2, 8 * 44_100)), 44_100), dither, current):
        with pytest.raises(rt.AudioError, match="audio is silent"):
            rt.analyse(quiet)
    with pytest.raises(rt.AudioError, match=r"audio is 0.5 s long: too short to tell how it sounds"):
        rt.analyse(noise(0.5))


@pytest.fixture(scope="module")
def clip(shared_music: Path) -> rt.Audio:
    """A song in the middle of both channels."""
    return rt.load(shared_music / DANCE, 32).slice(20).mono()


def late(audio: rt.Audio, samples: int) -> rt.Audio:
    wave = audio.samples[0]
    return audio.with_samples(np.stack([wave, np.pad(wave, (samples, 0))[: len(wave)]]))


def with_a_sample(audio: rt.Audio, value: float) -> rt.Audio:
    samples = audio.samples.copy()
    samples[0, audio.frames // 3] = value
    return audio.with_samples(samples)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.with_samples(a.samples * np.float32([[1], [-1]])),
        lambda a: a.with_samples(a.samples * np.float32([[1], [-0.9]])),
        lambda a: a.with_samples(a.samples * np.float32([[1], [0]])),
        lambda a: late(a, 22),
        lambda a: late(a, 441),
        lambda a: a.with_samples(a.samples + np.float32(0.3)),
        lambda a: a.with_samples(a.samples + 0.3 * np.sin(2 * np.pi * 8 * np.arange(a.frames) / a.sample_rate)),
        lambda a: a.with_loudness(-45).gain(-30),
        lambda a: with_a_sample(a, 3e38),
    ],
    ids=[
        "R = -L",
        "R = -0.9 L",
        "left only",
        "0.5 ms late",
        "10 ms late",
        "direct current",
        "8 Hz",
        "-75 LUFS",
        "3e38",
    ],
)
def test_the_same_song_however_it_was_stored_is_heard_as_the_same(
    clip: rt.Audio, change: Callable[[rt.Audio], rt.Audio]
) -> None:
    other = rt.analyse(change(clip))
    assert rt.Library.embed(other) @ rt.Library.embed(rt.analyse(clip)) > 0.97
    classifier = rt.GenreClassifier.from_pretrained()
    before, after = classifier.answer(clip), classifier.answer(other)
    assert after.genre == before.genre
    assert after.confidence == pytest.approx(before.confidence, abs=0.1)


def test_a_hop_of_nothing_is_refused() -> None:
    with pytest.raises(rt.AnalysisError, match="hop of 0"):
        rt.musicnn.taggram(noise(4), hop=0)


def test_a_genre_does_not_wait_for_torch(tmp_path: Path) -> None:
    song = noise(4).save(tmp_path / "song.wav")
    ask = (
        "import sys, retrotone as rt; from retrotone.cli.main import run; run(['genre', 'predict', sys.argv[1]]); "
        "rt.Library.embed(rt.analyse(sys.argv[1])); print('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", ask, song], check=True, capture_output=True, text=True)
    assert answer.stdout.splitlines()[1:] == ["False"]


def test_an_analysis_can_be_cancelled() -> None:
    def stop(fraction: float, message: str) -> None:
        raise rt.Cancelled("enough")

    with pytest.raises(rt.Cancelled):
        rt.analyse(noise(4), progress=stop)


def test_tags_prints_a_line_or_an_object_a_song(
    shared_music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    song = str(rt.load(shared_music / SONG, seconds=6).save(tmp_path / "song.wav"))
    assert run(["tags", "--json", song]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["file"] == song
    assert set(printed["tags"]) == set(rt.musicnn.LABELS)
    best = max(printed["tags"], key=printed["tags"].get)
    silence = rt.Audio(np.zeros(3 * RATE), RATE).save(tmp_path / "silence.wav")
    for command in (["tags"], ["genre", "predict"]):
        assert run([*command, str(silence)]) == 2
        assert capsys.readouterr().err == f"retrotone: {silence} is silent: there is nothing to analyse\n"
    (tmp_path / "not.wav").write_text("text")
    assert run(["tags", str(tmp_path / "not.wav"), song]) == 1
    output = capsys.readouterr()
    assert output.out.startswith(f"{song}: {best} ")
    assert "not.wav is not a sound file" in output.err
