"""The benchmark's judge is fair: its machines keep time and loudness, and its measures know the right answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import butter, correlate, sosfilt

import retrotone as rt
from retrotone.style.reading.spectrum import HZ, average_music
from retrotone.utils.assets import bundled_song

pytest.importorskip("benchmarks", reason="needs the repository: run from its root")

from benchmarks import truth
from benchmarks.cases import RATE, Case, stereo
from benchmarks.chains import CHAINS, Chain
from benchmarks.made import made_table
from benchmarks.music_spectrum import music_spectrum, track_spectrum
from benchmarks.nearness import MEDIUM, METHODS, RECIPE
from benchmarks.perception import excerpt, visqol, without_perception, zimtohrli

SECONDS = 3.0


@pytest.fixture(scope="module")
def song() -> rt.Audio:
    return stereo(rt.load(bundled_song(), SECONDS))


def lag(aged: np.ndarray, music: np.ndarray) -> int:
    """Return by how many samples the envelope of the aged music is late."""
    band, slow = butter(2, [300, 2500], "bandpass", fs=RATE, output="sos"), butter(2, 300, fs=RATE, output="sos")
    late, early = (sosfilt(slow, np.square(sosfilt(band, each.mean(axis=0)))) for each in (aged, music))
    early = early[500:-500] - early.mean()
    return int(np.argmax(correlate(late, early, "valid", "fft"))) - 500


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_a_machine_keeps_length_time_and_loudness(chain: Chain, song: rt.Audio) -> None:
    aged = chain.age(song.samples, RATE, seed=1)
    assert aged.shape == song.samples.shape
    assert aged.dtype == np.float32
    assert rt.Audio(aged, RATE).loudness == pytest.approx(song.loudness, abs=0.05)
    assert_allclose(aged, chain.age(song.samples, RATE, seed=1))


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_a_machine_keeps_time(chain: Chain) -> None:
    # strokes of noise: unlike chords, they have no period that could be taken for a delay
    strokes = np.exp(-((np.arange(int(SECONDS * RATE)) / RATE) % 0.37) / 0.02)
    noise = 0.3 * strokes * np.random.default_rng(0).standard_normal(len(strokes))
    music = np.stack([noise, noise]).astype(np.float32)
    # wow moves the music to and fro, filters delay the ends of the band
    assert abs(lag(chain.age(music, RATE, seed=1), music)) <= (0.0015 if chain.wavers else 0.0005) * RATE


@pytest.mark.parametrize("chain", [chain for chain in CHAINS if not chain.wavers], ids=lambda chain: chain.name)
def test_another_seed_moves_the_noise_alone(chain: Chain, song: rt.Audio) -> None:
    first, second = (chain.age(song.samples, RATE, seed) for seed in (1, 2))
    difference = np.sqrt(np.mean(np.square(first - second)))
    noise = np.sqrt(np.mean(np.square(chain.heard_noise(SECONDS, RATE)))) * 10 ** ((song.loudness + 20) / 20)
    # two independent noises
    assert difference == pytest.approx(np.sqrt(2) * noise, rel=0.35)


def test_a_machine_has_the_edge_and_the_wow_that_it_states() -> None:
    (wire,) = (chain for chain in CHAINS if chain.name == "wire recorder")
    time = np.arange(int(20 * RATE)) / RATE
    tone = np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    played = wire.age(np.stack([tone, tone]) * 0.1, RATE, seed=3)[0]
    turn = np.exp(-2j * np.pi * 1000 * time)
    smooth = np.convolve(played * turn, np.hanning(441) / 220, "same")[RATE:-RATE]
    speed = np.diff(np.unwrap(np.angle(smooth[::220]))) * RATE / 220 / (2 * np.pi * 1000)
    assert np.std(speed) == pytest.approx(wire.wow_depth, rel=0.3)
    noise = np.random.default_rng(0).standard_normal((2, 20 * RATE)).astype(np.float32) * 0.01
    levels = [track_spectrum(rt.Audio(each, RATE)) for each in (noise, wire.age(noise, RATE, seed=0))]
    gain = np.diff(np.array(levels, float), axis=0)[0]
    assert np.interp(wire.upper_hz, HZ, gain) - np.mean(gain[(HZ > 500) & (HZ < 1500)]) == pytest.approx(-3, abs=1)


def test_a_second_copy_of_the_ideal_is_nearer_than_the_song(song: rt.Audio) -> None:
    (radio,) = (chain for chain in CHAINS if chain.name == "AM radio")
    record, ideal, copy = (song.with_samples(radio.age(song.samples, RATE, seed)) for seed in range(3))
    case = Case("itself", radio.name, radio.era, song, record, ideal, copy, radio)
    methods = {name: METHODS[name] for name in (RECIPE, MEDIUM)}
    found = truth.measure_truth([case], methods)
    by_method = {score.method: score.nearness for score in found.scores}
    untouched, again = by_method[truth.UNTOUCHED], by_method[truth.COPY]
    assert again.mel < 0.3 * untouched.mel
    assert again.floor < 0.3 * untouched.floor
    assert again.width < 0.1 < untouched.width
    assert again.envelope > untouched.envelope
    assert by_method[MEDIUM].mel < untouched.mel

    text = truth.page(found).text
    assert f"| {truth.COPY} | {again.mel:.3f} |" in text
    assert f"| AM radio (1) | {untouched.mel:.2f} | {again.mel:.2f} |" in text
    assert ("Zimtohrli and ViSQOL are left out" in text) == bool(without_perception())
    (estimate,) = found.estimates
    assert abs(estimate.octaves) < 1
    assert f"| AM radio | {radio.upper_hz:.0f} | {estimate.octaves:+.2f} |" in text


@pytest.mark.skipif(bool(without_perception()), reason=f"models of hearing are {without_perception()}")
def test_models_of_hearing_know_more_noise_from_less(song: rt.Audio) -> None:
    noise = np.random.default_rng(0).standard_normal(song.samples.shape).astype(np.float32)
    same, little, much = (excerpt(song.with_samples(song.samples + level * noise)) for level in (0, 1e-3, 1e-2))
    assert zimtohrli(same, same) < zimtohrli(same, little) < zimtohrli(same, much)
    assert visqol(same, same) > visqol(same, little) > visqol(same, much)


def test_made_signals_are_clean_where_nothing_is_done(song: rt.Audio, monkeypatch: pytest.MonkeyPatch) -> None:
    (cassette,) = (chain for chain in CHAINS if chain.name == "cassette")
    monkeypatch.setattr("benchmarks.made.renders", lambda machine: {"nothing": lambda song, record: song})
    cells = [line.split("|")[2].strip() for line in made_table(song, cassette).splitlines()[2:]]
    level, pitch, balance, burst, rise = (float(cell) for cell in cells[2:])
    assert_allclose([level, pitch, balance, burst], [0.0, 0.0, 6.0, 0.0], atol=0.05)
    # 6 dB a second, but for the noise's own fluctuation
    assert rise < -1


def test_the_average_of_much_music_is_made_anew(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for genre in ("loud", "soft"):
        (tmp_path / genre).mkdir()
        for track in range(2):
            noise = 0.05 * rng.standard_normal((1 if genre == "soft" else 2, 2 * RATE))
            rt.Audio(noise, RATE).save(tmp_path / genre / f"{genre}.{track:05}.wav")
    level_db, count = music_spectrum(tmp_path, {"loud.00000", "soft.00001"})
    assert count == 2
    known = (HZ > 100) & (HZ < 8000)
    # white, whatever its level and channels: one level for both
    assert np.ptp(level_db[known]) < 1.5
    assert_allclose(np.diff(level_db[HZ > 9500])[:-1], -10 / 6, atol=0.01)
    assert level_db.shape == average_music().shape
