"""The analysis of a track: computed from any recording, stored and read back, unknown parts stay unknown."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import retrotone as rt
from retrotone.cli.main import run

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


def test_the_fingerprint_is_stored_by_the_name_that_existing_libraries_hold() -> None:
    course = np.arange(48, dtype=np.float16).reshape(2, 24)
    data = safetensors.numpy.save({"version": np.asarray(2), "course": course})
    old = rt.Analysis.from_bytes(data)
    assert old.fingerprint is not None
    assert np.array_equal(old.fingerprint, course)
    assert old.to_bytes() == data


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


def test_short_silent_and_low_rate_recordings_are_analysed() -> None:
    for audio, patches in (
        # repeated until it fills a patch
        (noise(0.02), 1),
        (noise(2.9), 1),
        (noise(5.0, 8000), 1),
        (rt.Audio(np.zeros((2, 8 * 44_100)), 44_100), 2),
    ):
        analysis = rt.analyse(audio)
        assert analysis.taggram is not None
        assert analysis.taggram.shape == (patches, 50)
        assert np.isfinite(analysis.taggram).all()
        assert (analysis.loudness == -np.inf) == audio.is_silent


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
    (tmp_path / "not.wav").write_text("text")
    assert run(["tags", str(tmp_path / "not.wav"), song]) == 1
    output = capsys.readouterr()
    assert output.out.startswith(f"{song}: {best} ")
    assert "not.wav is not a sound file" in output.err
