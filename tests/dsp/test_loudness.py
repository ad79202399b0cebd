"""The meters against the standard's own test signals and against pyloudnorm."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray
from scipy.signal import resample_poly, sosfreqz

from retrotone.audio.audio import Audio, load
from retrotone.dsp.loudness import LoudnessMeter, PeakMeter, k_weighting

RATES = [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000]


def tones(levels: list[tuple[float, float]], sample_rate: int = 48_000, hertz: float = 997.0) -> NDArray[np.float32]:
    """Stereo sine, in stretches of (dBFS, seconds)."""
    gain = np.concatenate([np.full(round(s * sample_rate), 10 ** (db / 20)) for db, s in levels])
    sine = gain * np.sin(2 * np.pi * hertz / sample_rate * np.arange(len(gain)))
    return np.stack([sine, sine]).astype(np.float32)


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_ebu_3341_cases_1_and_2_a_stereo_sine_reads_its_level(sample_rate: int, level: float) -> None:
    assert Audio(tones([(level, 5)], sample_rate), sample_rate).loudness == pytest.approx(level, abs=0.1)


def test_one_channel_reads_three_lu_less() -> None:
    stereo = Audio(tones([(-23, 5)]), 48_000)
    assert stereo.mono().loudness == pytest.approx(-23 - 10 * np.log10(2), abs=0.1)


@pytest.mark.parametrize(
    "levels",
    [
        [(-36, 10), (-23, 60), (-36, 10)],
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        [(-26, 20), (-20, 20.1), (-26, 20)],
    ],
    ids=["case 3", "case 4", "case 5"],
)
def test_ebu_3341_gating(levels: list[tuple[float, float]]) -> None:
    assert Audio(tones(levels), 48_000).loudness == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_k_weighting_at_the_frequencies_of_the_standard(sample_rate: int) -> None:
    hertz, decibels = np.array([(38, -5.9), (100, -1.15), (997, 0.69), (2000, 2.9), (10_000, 4.0)]).T
    _, response = sosfreqz(k_weighting(sample_rate), hertz, fs=sample_rate)
    np.testing.assert_allclose(20 * np.log10(np.abs(response)), decibels, atol=0.25)


def test_agrees_with_the_coefficients_in_bs_1770_table_1_and_2() -> None:
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585]
    highpass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48_000), [shelf, highpass], atol=1e-6)


def test_agrees_with_pyloudnorm_on_real_music(shared_music: Path) -> None:
    paths = sorted(shared_music.glob("*.ogg"))
    assert len(paths) > 5
    for path in paths:
        song = load(path, 20)
        meter = pyloudnorm.Meter(song.sample_rate, filter_class="DeMan")
        expected = meter.integrated_loudness(song.samples.T.astype(np.float64))
        assert song.loudness == pytest.approx(expected, abs=0.1), path.name
        expected = pyloudnorm.Meter(song.sample_rate).integrated_loudness(song.mono().samples.T.astype(np.float64))
        assert song.mono().loudness == pytest.approx(expected, abs=0.1), path.name


def test_block_sizes_do_not_matter(shared_music: Path) -> None:
    song = load(shared_music / "pibble.ogg", 10)
    # empty blocks too
    cuts = [0, 0, 1, 2, 500, 500, 44_000, 130_001, song.frames]
    meter, peaks = LoudnessMeter(song.channels, song.sample_rate), PeakMeter(song.channels)
    for start, stop in pairwise(cuts):
        meter.add(song.samples[:, start:stop])
        peaks.add(song.samples[:, start:stop])
    assert meter.integrated == pytest.approx(song.loudness, abs=1e-6)
    assert peaks.finish() == pytest.approx(song.true_peak, rel=1e-5)


def test_silence_and_what_is_too_short_to_gate() -> None:
    assert LoudnessMeter(2, 48_000).integrated == -np.inf
    assert Audio(np.zeros((2, 48_000)), 48_000).loudness == -np.inf
    # below the absolute gate
    assert Audio(tones([(-80, 2)]), 48_000).loudness == -np.inf
    assert Audio(tones([(-23, 0.3)]), 48_000).loudness == pytest.approx(-23, abs=0.3)


@pytest.mark.parametrize("sample_rate", [8_000, 44_100, 48_000, 192_000])
def test_true_peak_of_a_sine_whose_samples_all_miss_it(sample_rate: int) -> None:
    sine = np.sin(np.pi / 2 * np.arange(sample_rate) + np.pi / 4)
    # a sudden start has higher peaks of its own
    audio = Audio(sine, sample_rate).fade(0.05, 0.05)
    assert 20 * np.log10(audio.peak) == pytest.approx(-3.01, abs=0.01)
    assert 20 * np.log10(audio.true_peak) == pytest.approx(0, abs=0.3)


def test_true_peak_hears_treble() -> None:
    # 18 kHz: all samples miss the peak by 0.7 dB
    sine = np.sin(2 * np.pi * 3 / 8 * np.arange(48_000) + np.pi / 8)
    audio = Audio(sine, 48_000).fade(0.1, 0.1)
    assert 20 * np.log10(audio.peak) == pytest.approx(-0.69, abs=0.01)
    assert 20 * np.log10(audio.true_peak) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.2, 0.3, 0.4, 0.45])
def test_true_peak_is_flat_over_the_band(share: float) -> None:
    sine = np.sin(2 * np.pi * share * np.arange(48_000) + 0.3)
    level = 20 * np.log10(Audio(sine, 48_000).fade(0.1, 0.1).true_peak)
    # four times oversampled, a peak is missed by 0.55 dB at most (BS.1770 Annex 2)
    assert -0.6 < level < 0.2


def test_true_peak_agrees_with_eightfold_oversampling_on_music(shared_music: Path) -> None:
    for name in ("Karissa_Hobbs_-_Lets_Go_Fishin.ogg", "Kevin_MacLeod_-_Vibe_Ace.ogg"):
        song = load(shared_music / name, 30).slice(20)
        expected = np.abs(resample_poly(song.samples.astype(np.float64), 8, 1, axis=1)).max()
        assert 20 * np.log10(song.true_peak / expected) == pytest.approx(0, abs=0.05)


def test_true_peak_is_never_below_the_sample_peak() -> None:
    click = np.zeros(1000)
    click[-1] = 0.7
    assert Audio(click, 8000).true_peak >= np.float32(0.7)
    assert Audio([-0.5], 8000).true_peak >= 0.5
