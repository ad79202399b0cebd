"""What is heard of a recording: all that its channels hold, and nothing below the lowest notes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from retrotone.audio.audio import Audio
from retrotone.audio.files import AudioFile
from retrotone.audio.listening import heard, listen_to, mono_blocks
from retrotone.dsp.filterbanks import mel

RATE = 22_050


def music(seconds: float = 8.0, seed: int = 0) -> Audio:
    """Decaying chords over pink noise, 40 Hz to the top: every band sounds."""
    rng, time = np.random.default_rng(seed), np.arange(round(seconds * RATE)) / RATE
    spectrum = np.fft.rfft(rng.standard_normal(len(time)))
    hertz = np.fft.rfftfreq(len(time), 1 / RATE)
    noise = np.fft.irfft(spectrum * (hertz > 40) / np.sqrt(np.maximum(hertz, 40)), len(time))
    notes = sum(np.sin(2 * np.pi * f * time) for f in (110, 277, 330, 880)) * np.exp(-3 * (time % 0.5))
    return Audio(0.05 * notes + 0.3 * noise / np.abs(noise).max(), RATE)


def stereo(left: NDArray[np.float32], right: NDArray[np.float32]) -> Audio:
    return Audio(np.stack([left, right]), RATE)


def bands_db(audio: Audio) -> NDArray[np.float64]:
    """Mean power in 30 mel bands in dB, shape (30,)."""
    frames = np.lib.stride_tricks.sliding_window_view(audio.samples[0], 1024)[::512] * np.hanning(1024)
    power = np.square(np.abs(np.fft.rfft(frames))).mean(axis=0)
    return np.asarray(10 * np.log10(mel(sample_rate=RATE, n_fft=1024, n_mels=30) @ power))


def in_band(samples: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    return np.asarray(sosfiltfilt(butter(4, [low, high], "bandpass", fs=RATE, output="sos"), samples), np.float32)


def test_of_ordinary_music_the_mean_of_the_channels_is_heard() -> None:
    one, two, three = (music(seed=seed).samples[0] for seed in range(3))
    for audio in (stereo(one, one), stereo(one + two, one + three), stereo(one, two), stereo(one, 0.1 * two), music()):
        np.testing.assert_array_equal(listen_to(audio).samples, audio.mono().samples)


@pytest.mark.parametrize("late", [3, 11, 110, 441])
def test_a_late_channel_makes_no_notches(late: int) -> None:
    wave = music().samples[0]
    audio = stereo(wave[late:], wave[:-late])
    assert np.abs(bands_db(audio.mono()) - bands_db(music())).max() > 2
    assert np.abs(bands_db(listen_to(audio)) - bands_db(music())).max() < 1


@pytest.mark.parametrize("share", [1.0, 0.9, 0.5])
def test_opposed_channels_are_heard(share: float) -> None:
    wave = music().samples[0]
    loud = listen_to(stereo(wave, -share * wave))
    np.testing.assert_allclose(loud.samples[0], (1 + share) / 2 * wave, atol=2e-3)
    np.testing.assert_allclose(listen_to(stereo(-share * wave, wave)).samples[0] / loud.samples[0], -1, atol=0.05)


def test_channels_that_are_opposed_in_some_bands_or_for_some_time_are_heard() -> None:
    wave = music(24).samples[0]
    in_bands = stereo(wave, wave - 2 * in_band(wave, 300, 3000))
    assert np.abs(bands_db(in_bands.mono()) - bands_db(music(24))).max() > 10
    assert np.abs(bands_db(listen_to(in_bands)) - bands_db(music(24))).max() < 5
    sometimes = stereo(wave, np.where(np.arange(len(wave)) < 12 * RATE, -wave, wave))
    first = listen_to(sometimes).slice(2, 10)
    assert first.loudness == pytest.approx(music(24).slice(2, 10).loudness, abs=1)


def test_a_channel_alone_is_heard_at_its_level() -> None:
    wave, noise = music().samples[0], np.random.default_rng(0).normal(0, 1e-5, 8 * RATE).astype(np.float32)
    for audio in (stereo(wave, noise), stereo(noise, wave)):
        np.testing.assert_array_equal(listen_to(audio).samples[0], wave)


@pytest.mark.parametrize("hertz", [0, 4, 8, 12])
def test_rumble_is_removed_and_nothing_else(hertz: float) -> None:
    rumble = 0.3 * np.cos(2 * np.pi * hertz * np.arange(8 * RATE) / RATE)
    for channels in (1, 2):
        audio = Audio(np.repeat(music().samples, channels, axis=0) + rumble, RATE)
        error = listen_to(audio).samples - music().samples
        assert np.sqrt(np.square(error).mean()) < 0.05 * np.sqrt(np.square(music().samples).mean())


def test_a_sample_that_no_sound_can_have_changes_nothing_else() -> None:
    samples = np.repeat(music().samples, 2, axis=0)
    samples[1, 1000] = 3e38
    loud = listen_to(Audio(samples, RATE)).samples[0]
    assert np.abs(loud - music().samples[0]).max() < 1
    np.testing.assert_array_equal(np.delete(loud, 1000), np.delete(music().samples[0], 1000))
    # numbers of another full scale are no errors
    np.testing.assert_array_equal(listen_to(music().gain(90)).samples, music().gain(90).samples)


def test_a_long_file_is_heard_as_it_is_in_memory(tmp_path: Path) -> None:
    wave = music(30).samples[0]
    audio = stereo(wave, -wave)
    file = AudioFile(audio.save(tmp_path / "opposed.flac"))
    blocks = list(heard(file))
    assert max(block.shape[1] for block in blocks) < file.frames / 2
    np.testing.assert_allclose(np.concatenate(blocks, axis=1), listen_to(audio).samples, atol=1e-4)
    assert sum(map(len, mono_blocks(file, 16_000))) == pytest.approx(30 * 16_000, abs=1)


@pytest.mark.parametrize("frames", [1, 100, 5000])
def test_moments_and_silence_are_heard(frames: int) -> None:
    for samples in (np.zeros((2, frames)), np.array([[0.5], [-0.5]]) * np.ones(frames), np.ones((1, frames))):
        found = listen_to(Audio(samples, RATE)).samples
        assert found.shape == (1, frames)
        assert np.isfinite(found).all()
