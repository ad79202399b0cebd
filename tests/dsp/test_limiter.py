"""The limiter: peaks below the ceiling, everything else unchanged, wherever the stream is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfilt

from retrotone.audio.audio import PEAK_CEILING, load
from retrotone.dsp.limiter import ATTACK_SECONDS, limited
from retrotone.dsp.loudness import PeakMeter

RATES = [8_000, 11_025, 44_100, 96_000]
KINDS = ["sines", "bursts", "noise"]


def signal(kind: str, sample_rate: int, channels: int = 2) -> NDArray[np.float32]:
    """Two seconds that rise well over full scale now and then."""
    rng = np.random.default_rng(7)
    frames = 2 * sample_rate
    t = np.arange(frames) / sample_rate
    swell = np.sin(7 * t) ** 2
    # the peaks lie between the samples
    if kind == "sines":
        samples = 1.5 * swell * np.sin(2 * np.pi * np.array([[0.241], [0.3717]])[:channels] * sample_rate * t + 0.3)
    else:
        samples = 0.1 * rng.standard_normal((channels, frames))
        if kind == "bursts":
            samples[:, :: sample_rate // 11] += 12.0
        else:
            samples *= 1 + 5 * swell
        # music has even less treble
        samples = sosfilt(butter(8, 0.5, output="sos"), samples, axis=1)
    return samples.astype(np.float32)


def together(samples: NDArray[np.float32], sample_rate: int, *cuts: int) -> NDArray[np.float32]:
    return np.concatenate(list(limited(np.split(samples, sorted(cuts), axis=1), sample_rate, PEAK_CEILING)), axis=1)


def decibels(value: float) -> float:
    return float(20 * np.log10(value))


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_peak_between_the_samples_passes_the_ceiling(kind: str, sample_rate: int) -> None:
    samples = signal(kind, sample_rate)
    result = together(samples, sample_rate)
    assert result.shape == samples.shape
    finer = resample_poly(result.astype(float), 8, 1, axis=1)
    assert decibels(np.abs(finer).max()) <= decibels(PEAK_CEILING) + 0.15
    # by the standard's own meter the tolerance is smaller
    meter = PeakMeter(2)
    meter.add(result)
    assert decibels(meter.finish()) <= decibels(PEAK_CEILING) + 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_peaks_are_not_held_lower_than_they_must(kind: str) -> None:
    result = together(signal(kind, 44_100), 44_100)
    assert decibels(np.abs(resample_poly(result.astype(float), 8, 1, axis=1)).max()) > decibels(PEAK_CEILING) - 0.5


def test_what_stays_below_the_ceiling_is_not_touched() -> None:
    samples = signal("noise", 44_100)
    samples *= np.float32(0.8 * PEAK_CEILING / np.abs(samples).max())
    np.testing.assert_array_equal(together(samples, 44_100, 3_000, 50_000), samples)


def test_only_the_neighbourhood_of_a_peak_is_turned_down() -> None:
    samples = (0.2 * np.sin(np.arange(88_200) * 0.05)).astype(np.float32)[None]
    samples[0, 40_000:40_040] *= 8
    result = together(samples, 44_100)
    changed = np.flatnonzero(result != samples)
    reach = round(2.2 * ATTACK_SECONDS * 44_100)
    assert 40_000 - reach <= changed[0] < changed[-1] <= 40_040 + reach


def test_the_gain_moves_without_a_jump() -> None:
    samples = np.full((1, 44_100), 0.3, np.float32)
    samples[0, 20_000:20_002] = 3.0
    gain = together(samples, 44_100) / samples
    assert gain.min() < 0.35
    steps = np.abs(np.diff(np.delete(gain[0], slice(19_995, 20_007))))
    assert steps.max() < 0.05


@pytest.mark.parametrize("sample_rate", [8_000, 44_100])
@pytest.mark.parametrize("kind", KINDS)
def test_the_result_does_not_tell_how_the_stream_was_cut(kind: str, sample_rate: int) -> None:
    samples = signal(kind, sample_rate)
    whole = together(samples, sample_rate)
    rng = np.random.default_rng(3)
    anywhere = rng.integers(0, samples.shape[1], 40)
    singles = np.arange(1, samples.shape[1], 97)
    for cuts in ([sample_rate], anywhere, singles, [1, 2, 3, samples.shape[1] - 1]):
        np.testing.assert_allclose(together(samples, sample_rate, *cuts), whole, atol=1e-5)


def test_both_channels_get_one_gain() -> None:
    samples = signal("noise", 44_100, channels=1)
    stereo = np.concatenate([samples, 0.25 * samples])
    left, right = together(stereo, 44_100)
    # it did limit
    assert np.abs(left).max() < 0.95 * np.abs(samples).max()
    np.testing.assert_allclose(right, 0.25 * left, atol=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 5, 100, 600])
@pytest.mark.parametrize("channels", [1, 2])
def test_streams_shorter_than_the_look_ahead_keep_their_length(frames: int, channels: int) -> None:
    samples = np.full((channels, frames), 1.7, np.float32)
    result = together(samples, 44_100)
    assert result.shape == samples.shape
    assert np.abs(result).max() <= PEAK_CEILING * 1.001


def test_a_stream_without_blocks_gives_none() -> None:
    assert list(limited([], 44_100, PEAK_CEILING)) == []


def test_a_song_driven_six_decibels_too_hot_stays_the_song(shared_music: Path) -> None:
    song = load(shared_music / "Karissa_Hobbs_-_Lets_Go_Fishin.ogg", 48).slice(40)
    hot = song.gain(6 - decibels(song.true_peak) + decibels(PEAK_CEILING))
    result = hot.with_samples(together(hot.samples, hot.sample_rate, 100_000))
    assert decibels(result.true_peak) <= decibels(PEAK_CEILING) + 0.05
    assert np.corrcoef(result.samples[0], hot.samples[0])[0, 1] > 0.98
    untouched = np.abs(result.samples - hot.samples).max(axis=0) < 1e-6
    assert untouched.mean() > 0.5
