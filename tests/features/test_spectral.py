"""Spectral features of sounds whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from retrotone.audio.audio import Audio
from retrotone.features.spectral import chromagram, mel_spectrogram, spectral_centroid


def tone(hertz: float, seconds: float = 2.0, sample_rate: int = 22_050, channels: int = 1) -> Audio:
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return Audio(np.tile(0.5 * np.sin(2 * np.pi * hertz * time), (channels, 1)), sample_rate)


@pytest.mark.parametrize("sample_rate", [8_000, 22_050, 44_100, 96_000])
def test_centroid_of_a_tone_is_its_frequency_at_every_rate(sample_rate: int) -> None:
    centroid = spectral_centroid(tone(1000, sample_rate=sample_rate, channels=2))
    assert np.median(centroid) == pytest.approx(1000, rel=0.01)


def test_centroid_of_white_noise_is_half_of_nyquist() -> None:
    noise = Audio(np.random.default_rng(0).standard_normal(44_100) * 0.1, 22_050)
    assert spectral_centroid(noise).mean() == pytest.approx(22_050 / 4, rel=0.03)


@pytest.mark.parametrize(("hertz", "pitch_class"), [(440.0, 9), (261.63, 0), (1479.98, 6)])
def test_chroma_of_a_note_peaks_at_its_pitch_class(hertz: float, pitch_class: int) -> None:
    chroma = chromagram(tone(hertz, sample_rate=44_100))
    assert chroma.shape == (12, 1 + 2 * 22_050 // 512)
    assert (chroma.argmax(axis=0) == pitch_class).all()


def test_chroma_of_a_very_short_sound_needs_no_more_than_it_has() -> None:
    chroma = chromagram(tone(440, seconds=0.15))
    assert chroma.shape == (12, 1 + round(0.15 * 22_050) // 512)
    assert chroma[:, 2].argmax() == 9


def test_mel_follows_the_level_and_finds_the_band() -> None:
    soft, loud = mel_spectrogram(tone(500).gain(-20)), mel_spectrogram(tone(500))
    assert loud.shape == (128, 1 + 2 * 22_050 // 512)
    middle = slice(5, -5)
    np.testing.assert_allclose(loud.max(axis=0)[middle] - soft.max(axis=0)[middle], 20, atol=0.1)
    low, high = (mel_spectrogram(tone(hertz)).mean(axis=1).argmax() for hertz in (500, 5000))
    assert low < loud.shape[0] // 3 < high


def test_silence_is_dark_and_finite() -> None:
    silence = Audio(np.zeros(22_050), 22_050)
    assert mel_spectrogram(silence).max() == pytest.approx(-100)
    assert (chromagram(silence) == 0).all()
    assert (spectral_centroid(silence) == 0).all()
