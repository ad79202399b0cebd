"""The measures are 0 and 1 where they must be, and in the right order in between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

import retrotone.metrics as metrics
from retrotone.audio.audio import Audio, load
from retrotone.errors import AudioError
from retrotone.style.random_network import gram_matrix, patch_moments, random_network


def telephone(audio: Audio) -> Audio:
    """A 100-4000 Hz line with some noise: same notes, other sound."""
    line = butter(4, [100, 4000], "bandpass", fs=audio.sample_rate, output="sos")
    noise = np.random.default_rng(0).standard_normal(audio.samples.shape) * 0.003
    return audio.with_samples(sosfilt(line, audio.samples, axis=1) + noise)


@pytest.fixture(scope="module")
def song(shared_music: Path) -> metrics.Profile:
    return metrics.Profile(load(shared_music / "Kevin_MacLeod_-_Vibe_Ace.ogg", 26).slice(20))


@pytest.fixture(scope="module")
def style(shared_music: Path) -> metrics.Profile:
    name = "442789__lena-orsa__happy-music-pistachio-ice-cream-ragtime.ogg"
    return metrics.Profile(telephone(load(shared_music / name, 10).slice(5)))


def test_content_given_back_keeps_everything_and_gains_nothing(song: metrics.Profile, style: metrics.Profile) -> None:
    result = metrics.measure(song, style, song.audio)
    assert result.chroma_cosine == pytest.approx(1, abs=1e-6)
    assert result.onset_f1 == 1
    assert result.log_spectral_distance == 0
    assert result.loudness_change_lu == 0
    assert result.style_gain == pytest.approx(0, abs=1e-5)
    assert result.envelope_gain == pytest.approx(0, abs=1e-9)


def test_opposed_channels_are_measured_as_what_each_of_them_is(song: metrics.Profile) -> None:
    one = song.audio.mono()
    content, opposed = metrics.Profile(one), metrics.Profile(one.with_samples(one.samples * np.float32([[1], [-1]])))
    assert metrics.chroma_cosine(content, opposed) == pytest.approx(1, abs=1e-3)
    assert metrics.onset_f1(content, opposed) > 0.95
    assert metrics.log_spectral_distance(content, opposed) < 0.1


def test_style_given_back_gains_everything_and_loses_the_song(song: metrics.Profile, style: metrics.Profile) -> None:
    result = metrics.measure(song, style, style.audio)
    assert result.style_gain == pytest.approx(1, abs=1e-5)
    assert result.envelope_gain == pytest.approx(1, abs=1e-5)
    assert result.chroma_cosine < 0.85
    assert result.onset_f1 < 0.7


def test_same_medium_moves_a_song_towards_the_style_and_keeps_its_notes(
    song: metrics.Profile, style: metrics.Profile
) -> None:
    output = metrics.Profile(telephone(song.audio).gain(-6))
    result = metrics.measure(song, style, output)
    assert 0.1 < result.style_gain < 0.95
    assert 0.1 < result.envelope_gain < 0.95
    assert result.chroma_cosine > 0.9
    assert result.loudness_change_lu == pytest.approx(output.loudness - song.audio.loudness)
    assert result.true_peak_db == pytest.approx(20 * np.log10(output.audio.true_peak))


def test_level_is_neither_style_nor_content(song: metrics.Profile, style: metrics.Profile) -> None:
    softer = metrics.Profile(song.audio.gain(-14))
    assert metrics.style_distance(softer, style) == pytest.approx(metrics.style_distance(song, style), rel=1e-3)
    assert metrics.log_spectral_distance(song, softer) < 0.01
    assert metrics.loudness_change(song, softer) == pytest.approx(-14, abs=0.01)


def test_log_spectral_distance_grows_with_noise(song: metrics.Profile) -> None:
    noise = np.random.default_rng(0).standard_normal(song.audio.samples.shape)
    noisy = [song.audio.with_samples(song.audio.samples + level * noise) for level in (1e-4, 1e-3, 1e-2)]
    distances = [metrics.log_spectral_distance(song, audio) for audio in noisy]
    assert distances == sorted(distances)
    assert distances[0] < distances[-1] / 2


def test_patch_moments_are_those_of_the_network_s_patches() -> None:
    spectrum = np.random.default_rng(0).random((6, 9), np.float32)
    padded = np.pad(spectrum, ((0, 0), (1, 1)))
    patches = np.concatenate([padded[:, :-2], padded[:, 1:-1], padded[:, 2:], np.ones((1, 9))])
    np.testing.assert_allclose(patch_moments(spectrum), patches @ patches.T / 9, rtol=1e-5)


def test_style_distance_is_that_of_gram_matrices_for_few_frames_and_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    random = np.random.default_rng(0)
    quiet = [metrics.Profile(Audio(random.standard_normal(22_050) * 0.1, 22_050)) for _ in range(2)]
    network = random_network(1025)
    grams = [
        [gram_matrix(network(torch.from_numpy(profile.log_spectrum(level)))) for level in (-3, 0, 3)]
        for profile in quiet
    ]
    expected = min(float(((gram - grams[1][1]) ** 2).sum() / (grams[1][1] ** 2).sum()) for gram in grams[0])
    assert metrics.style_distance(*quiet) == pytest.approx(expected, rel=1e-3)
    monkeypatch.setattr(metrics, "FEW_FRAMES", 0)
    many = (metrics.Profile(profile.audio) for profile in quiet)
    assert metrics.style_distance(*many) == pytest.approx(expected, rel=1e-3)


def test_network_depends_on_its_seed_alone() -> None:
    import torch

    torch.manual_seed(5)
    first = random_network(20, 30, seed=1)
    torch.manual_seed(6)
    again, other = random_network(20, 30, seed=1), random_network(20, 30, seed=2)
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, other.weight)
    assert not any(parameter.requires_grad for parameter in first.parameters())


def test_only_the_first_minute_counts(song: metrics.Profile) -> None:
    rate = song.audio.sample_rate
    minute = np.tile(song.audio.samples, 10)[:, : 60 * rate]
    longer = song.audio.with_samples(np.concatenate([minute, 0.5 * np.ones((2, 5 * rate))], axis=1))
    whole, excerpt = metrics.Profile(longer), metrics.Profile(song.audio.with_samples(minute))
    assert len(whole.samples) == 60 * metrics.RATE
    np.testing.assert_array_equal(whole.samples, excerpt.samples)


@pytest.mark.parametrize("sample_rate", [8_000, 48_000])
def test_rates_lengths_and_channels_may_differ(song: metrics.Profile, sample_rate: int) -> None:
    other = song.audio.mono().slice(0, 4).resample(sample_rate)
    assert metrics.chroma_cosine(song, other) > 0.95
    assert metrics.onset_f1(song, other) > 0.6


def test_no_onset_is_kept_where_there_is_none(song: metrics.Profile) -> None:
    late = Audio(np.concatenate([np.zeros(4_400), 0.5 * np.ones(10)]), 22_050)
    assert len(metrics.Profile(late).onsets) == 0
    assert metrics.onset_f1(late, late) == 1
    assert metrics.onset_f1(song, late.with_samples(np.pad(late.samples, ((0, 0), (0, 1))))) == 0


def test_shared_silence_does_not_lower_the_chroma_cosine() -> None:
    note = 0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * 22_050) / 22_050)
    late = Audio(np.concatenate([np.zeros(4 * 22_050), note]), 22_050)
    assert metrics.chroma_cosine(late, late) == pytest.approx(1, abs=1e-6)


def test_a_fifth_of_a_second_is_enough(song: metrics.Profile) -> None:
    blip = metrics.Profile(song.audio.slice(1, 1.2))
    result = metrics.measure(blip, song, blip)
    assert np.isfinite(list(vars(result).values())).all()


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (Audio(np.zeros(44_100), 44_100, name="still.wav"), "still.wav is silent"),
        (Audio(np.ones(1000), 44_100, name="tick.wav"), "tick.wav lasts only"),
    ],
)
def test_what_cannot_be_measured_says_why(audio: Audio, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        metrics.Profile(audio)
