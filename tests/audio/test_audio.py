"""Audio: the verbs that change it, and saving that never clips."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from retrotone.audio.audio import PEAK_CEILING, Audio, load, resampled
from retrotone.errors import AudioError


@pytest.fixture(scope="module")
def song(shared_music: Path) -> Audio:
    """Five seconds of real stereo music."""
    return load(shared_music / "admiralbob77_-_Choice_-_Drum-bass.ogg", 25).slice(20)


def tone(hertz: float, sample_rate: int, seconds: float = 1.0, amplitude: float = 0.5) -> Audio:
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return Audio(amplitude * np.sin(2 * np.pi * hertz * time), sample_rate, name="tone")


def true_peak_db(samples: NDArray[np.float32]) -> float:
    """Eight times oversampled by another library than ours."""
    return float(20 * np.log10(np.abs(resample_poly(samples.astype(np.float64), 8, 1, axis=1)).max()))


def test_samples_are_channels_by_frames_in_float32_and_shared() -> None:
    samples = np.zeros((2, 5), np.float32)
    audio = Audio(samples, 8000)
    assert audio.samples is samples or np.shares_memory(audio.samples, samples)
    mono = Audio([0.5, -0.25], 8000)
    assert (mono.samples.shape, mono.samples.dtype, mono.channels, mono.frames) == ((1, 2), np.float32, 1, 2)
    assert mono.peak == 0.5
    assert mono.duration == 2 / 8000


@pytest.mark.parametrize(
    ("samples", "sample_rate", "message"),
    [
        (np.zeros((3, 100)), 8000, "mine has 3 channels: mix it down"),
        (np.zeros((100, 2)), 8000, r"shape \(100, 2\): transpose them to \(channels, frames\)"),
        (np.zeros((2, 2, 100)), 8000, r"shape \(2, 2, 100\)"),
        (np.zeros((2, 0)), 8000, "mine holds no samples"),
        ([0.0, np.nan], 8000, "mine contains NaN or infinite samples"),
        ([0.0, np.inf], 8000, "mine contains NaN or infinite samples"),
        ([0.0, 0.1], 7999, "mine has a rate of 7999 Hz: resample it to 8,000-192,000 Hz first"),
        ([0.0, 0.1], 192_001, "mine has a rate of 192001 Hz"),
        (np.array([0, 12_000], np.int16), 8000, "divide them by full scale, 32768 for 16 bits"),
    ],
)
def test_what_is_no_audio_is_refused_by_name(samples: NDArray[np.float32], sample_rate: int, message: str) -> None:
    with pytest.raises(AudioError, match=message) as caught:
        Audio(samples, sample_rate, name="mine")
    assert "mine" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_verb_changes_its_subject(song: Audio) -> None:
    before = song.samples.copy()
    for changed in (
        song.gain(-3),
        song.fade(1, 1),
        song.trim(),
        song.slice(1, 2),
        song.mono(),
        song.resample(22_050),
        song.with_loudness(-30),
    ):
        assert changed.name == song.name
        changed.samples.sum()
    np.testing.assert_array_equal(song.samples, before)


def test_mono_is_the_mean_and_keeps_mono(song: Audio) -> None:
    np.testing.assert_allclose(song.mono().samples[0], (song.samples[0] + song.samples[1]) / 2, atol=1e-7)
    assert song.mono().mono().samples.shape == (1, song.frames)


def test_slice_counts_in_seconds_and_stops_at_the_end() -> None:
    audio = Audio(np.arange(8000) / 8000, 8000, name="ramp")
    np.testing.assert_array_equal(audio.slice(0.25, 0.5).samples, audio.samples[:, 2000:4000])
    np.testing.assert_array_equal(audio.slice(0.9, 5).samples, audio.samples[:, 7200:])
    np.testing.assert_array_equal(audio.slice(-1, 0.1).samples, audio.samples[:, :800])
    np.testing.assert_array_equal(audio.slice().samples, audio.samples)


@pytest.mark.parametrize("ends", [(2.0, None), (0.5, 0.5), (0.6, 0.5), (1.5, 3.0), (0, -1.0)])
def test_an_empty_slice_says_how_long_the_recording_is(ends: tuple[float, float | None]) -> None:
    with pytest.raises(AudioError, match="tone lasts 1 s: nothing lies between"):
        tone(440, 8000).slice(*ends)


def test_trim_takes_silence_from_the_ends_only() -> None:
    sound = np.array([0, 0, 0.0005, 0.5, 0, 0, -0.4, 0.01, 0, 0])
    left_later = np.stack([np.roll(sound, 1), sound])
    np.testing.assert_allclose(Audio(sound, 8000).trim().samples[0], sound[3:8], atol=1e-7)
    assert Audio(sound, 8000).trim(-20).frames == 4
    # what sounds in either channel stays
    assert Audio(left_later, 8000).trim().frames == 6
    assert Audio(np.zeros(50), 8000).trim().frames == 50


def test_fade_rises_from_nothing_and_leaves_the_middle_alone() -> None:
    faded = Audio(np.ones((2, 8000)), 8000).fade(0.1, 0.25).samples
    assert faded[:, 0] == pytest.approx(0, abs=1e-3)
    assert faded[:, -1] == pytest.approx(0, abs=1e-3)
    assert np.all(np.diff(faded[0, :800]) > 0)
    assert np.all(np.diff(faded[0, -2000:]) < 0)
    np.testing.assert_array_equal(faded[:, 800:-2000], 1)
    # crossfades add up
    np.testing.assert_allclose(faded[0, :800] + faded[0, 799::-1], 1, atol=1e-6)


def test_fades_longer_than_the_sound_and_none_at_all() -> None:
    audio = Audio(np.ones(100), 8000)
    both = audio.fade(10, 10).samples[0]
    np.testing.assert_allclose(both, both[::-1], atol=1e-6)
    assert both.max() < 0.3
    np.testing.assert_array_equal(audio.fade(0, 0).samples, audio.samples)


def test_gain_is_in_decibels(song: Audio) -> None:
    np.testing.assert_allclose(song.gain(20).samples, 10 * song.samples, rtol=1e-5)
    assert song.gain(-6).loudness == pytest.approx(song.loudness - 6, abs=0.01)


@pytest.mark.parametrize("lufs", [-40.0, -23.0, -14.0])
def test_with_loudness_reaches_it(song: Audio, lufs: float) -> None:
    assert song.with_loudness(lufs).loudness == pytest.approx(lufs, abs=0.05)


def test_silence_stays_silence() -> None:
    silence = Audio(np.zeros((2, 8000)), 8000)
    assert silence.is_silent
    assert silence.loudness == -np.inf
    assert silence.with_loudness(-14).peak == 0
    assert not tone(440, 8000, amplitude=1e-4).is_silent


@pytest.mark.parametrize("rate_in", [8_000, 11_025, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("rate_out", [8_000, 22_050, 44_100, 96_000, 192_000])
def test_resampling_keeps_a_tones_frequency_level_and_length(rate_in: int, rate_out: int) -> None:
    hertz = 1000.0
    result = tone(hertz, rate_in, seconds=1.0).resample(rate_out)
    assert (result.sample_rate, result.frames) == (rate_out, rate_out)
    spectrum = np.abs(np.fft.rfft(result.samples[0] * np.hanning(rate_out)))
    assert spectrum.argmax() == hertz
    middle = result.samples[0, rate_out // 4 : -rate_out // 4].astype(np.float64)
    assert 20 * np.log10(np.sqrt(2 * np.mean(middle**2)) / 0.5) == pytest.approx(0, abs=0.01)
    spectrum[int(hertz) - 5 : int(hertz) + 6] = 0
    # aliases and images below -80 dB
    assert spectrum[100:-100].max() < 1e-4 * rate_out / 8


def test_resampling_removes_what_the_new_rate_cannot_hold() -> None:
    assert tone(9_000, 44_100).resample(16_000).slice(0.2, 0.8).peak < 0.5 * 10 ** (-80 / 20)


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 50, 1001])
@pytest.mark.parametrize(
    ("rate_in", "rate_out"), [(192_000, 8_000), (44_100, 8_000), (8_000, 192_000), (48_000, 44_100)]
)
def test_resampling_very_short_sounds(frames: int, rate_in: int, rate_out: int) -> None:
    result = Audio(0.1 * np.ones((2, frames)), rate_in).resample(rate_out)
    assert result.channels == 2
    assert abs(result.frames - max(frames * rate_out / rate_in, 1)) <= 0.5


def test_resampling_in_blocks_equals_resampling_at_once(song: Audio) -> None:
    whole = song.resample(48_000).samples
    pieces = [song.samples[:, start : start + 777] for start in range(0, song.frames, 777)]
    blocks = list(resampled(pieces, 2, song.sample_rate, 48_000))
    assert all(block.shape[1] for block in blocks)
    np.testing.assert_allclose(np.concatenate(blocks, axis=1), whole, atol=1e-6)


# -- saving never clips


@pytest.mark.parametrize(("name", "bit_depth"), [("a.wav", 16), ("a.wav", 24), ("a.wav", 32), ("a.flac", 24)])
@pytest.mark.parametrize("dbtp", [-0.8, 3.0, 40.0])
def test_loud_music_is_turned_down_to_minus_one_dbtp_with_one_line(
    song: Audio, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, bit_depth: int, dbtp: float
) -> None:
    loud = song.gain(dbtp - 20 * np.log10(song.true_peak))
    path = loud.save(tmp_path / name, bit_depth)
    result, _ = soundfile.read(path, always_2d=True)
    # two oversampling filters differ by that much
    assert -1.1 < true_peak_db(result.T) <= -1 + 0.03
    np.testing.assert_allclose(result.T, song.samples * (result.max() / song.samples.max()), atol=1e-4)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"{path}: turned down by " in record.getMessage()
    assert "dBTP" in record.getMessage()


def test_music_is_turned_down_without_a_word_by_what_nobody_hears(
    song: Audio, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loud = song.gain(-0.97 - 20 * np.log10(song.true_peak))
    result, _ = soundfile.read(loud.save(tmp_path / "song.wav", 24), always_2d=True)
    assert true_peak_db(result.T) < true_peak_db(loud.samples) - 0.01
    assert caplog.records == []


def test_peaks_between_samples_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    time = np.arange(44_100)
    # every sample at 0.85
    audio = Audio(1.2 * np.sin(np.pi / 2 * time + np.pi / 4), 44_100).fade(0.1, 0.1)
    assert audio.peak < PEAK_CEILING
    result, _ = soundfile.read(audio.save(tmp_path / "a.wav"), always_2d=True)
    assert -1.1 < true_peak_db(result.T) <= -0.97
    assert len(caplog.records) == 1


def test_what_fits_is_saved_as_it_is_without_a_word(
    song: Audio, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    quiet = song.gain(-20 * np.log10(song.true_peak) - 1.05)
    result = load(quiet.save(tmp_path / "a.wav", 32))
    np.testing.assert_array_equal(result.samples, quiet.samples)
    assert caplog.records == []


@pytest.mark.parametrize("suffix", [".ogg", ".mp3", ".opus"])
def test_lossy_codecs_stay_below_full_scale(song: Audio, tmp_path: Path, suffix: str) -> None:
    result = load(song.resample(48_000).gain(30).save(tmp_path / f"a{suffix}"))
    assert result.peak < 1
    assert true_peak_db(result.samples) < 0


def test_saving_returns_the_path_and_takes_strings(tmp_path: Path) -> None:
    assert tone(440, 8000).save(str(tmp_path / "a.flac")) == tmp_path / "a.flac"
    assert load(str(tmp_path / "a.flac")).name == str(tmp_path / "a.flac")
