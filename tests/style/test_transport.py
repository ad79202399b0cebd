"""The maps that make up a transport: each reaches what it is for, on the spectra of real music."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from retrotone.audio.audio import Audio, load
from retrotone.dsp.filterbanks import extended_mel
from retrotone.dsp.stft import STUDY_SCALE, istft, stft
from retrotone.metrics import Profile, envelope_gain
from retrotone.style.locks import HarmonyLock, RhythmLock, band_levels, flux
from retrotone.style.magnitudes import Pair, audible, between, log1p
from retrotone.style.transport import (
    BAND_COUNT,
    BAND_HIGH_HZ,
    BAND_LOW_HZ,
    BandTransport,
    BinTransport,
    Equaliser,
    TransportMap,
    interpolation,
    monge,
)

RATE, N_FFT = 22_050, 2048
FREQUENCIES = np.arange(N_FFT // 2 + 1) * (RATE / N_FFT)


@dataclass(frozen=True)
class Clip:
    audio: Audio
    # (1, frames, bins)
    spectrum: NDArray[np.complex64]
    # (frames, bins), scaled as the maps expect
    magnitude: NDArray[np.float32]

    def rendered(self, magnitude: NDArray[np.float32]) -> Audio:
        """Audio of other magnitudes with this clip's phase."""
        spectrum = self.spectrum * (magnitude / np.maximum(self.magnitude, 1e-5))
        return self.audio.with_samples(np.concatenate(list(istft([spectrum], N_FFT, self.audio.frames)), axis=1))


def clip(path: Path, start: float, seconds: float) -> Clip:
    audio = load(path, start + seconds).slice(start).mono().resample(RATE)
    audio = audio.with_samples(audio.samples * (0.1 / np.sqrt(np.mean(np.square(audio.samples)))))
    spectrum = np.concatenate(list(stft(audio.blocks(), N_FFT)), axis=1)
    return Clip(audio, spectrum, np.abs(spectrum[0]) * np.float32(STUDY_SCALE))


@pytest.fixture(scope="module")
def strings(shared_music: Path) -> Clip:
    return clip(next(shared_music.glob("Hungarian_Dance*.ogg")), 10, 10)


@pytest.fixture(scope="module")
def ragtime(shared_music: Path) -> Clip:
    return clip(next(shared_music.glob("*ragtime.ogg")), 10, 12)


@pytest.fixture(scope="module")
def pair(strings: Clip, ragtime: Clip) -> Pair:
    return Pair(strings.magnitude, ragtime.magnitude, FREQUENCIES)


@pytest.fixture(scope="module")
def chain(strings: Clip, ragtime: Clip) -> tuple[TransportMap, NDArray[np.float32]]:
    return TransportMap.fit(strings.magnitude, ragtime.magnitude, FREQUENCIES)


def covariance(dimension: int, seed: int) -> NDArray[np.float64]:
    root = np.random.default_rng(seed).standard_normal((dimension, 2 * dimension))
    return root @ root.T / dimension


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def envelope_bands(frequencies: NDArray[np.float64]) -> NDArray[np.float32]:
    return extended_mel(frequencies, n_mels=BAND_COUNT, fmin=BAND_LOW_HZ, fmax=BAND_HIGH_HZ)


def flux_of(magnitude: NDArray[np.float32]) -> NDArray[np.float32]:
    levels = band_levels(magnitude, extended_mel(FREQUENCIES, n_mels=96, fmin=0.0, fmax=RATE / 2))
    return flux(levels, float(levels.max()) - 80)


@pytest.mark.parametrize("dimension", [1, 7, 40])
def test_monge_maps_one_covariance_to_the_other(dimension: int) -> None:
    content, style = covariance(dimension, 1), covariance(dimension, 2)
    matrix = monge(content, style, ridge=1e-9)
    np.testing.assert_allclose(matrix @ content @ matrix.T, style, atol=1e-5 * np.trace(style))
    np.testing.assert_allclose(
        matrix,
        matrix.T,
        atol=1e-8,
        # of all that do, the symmetric one moves the least
    )
    assert np.linalg.eigvalsh(matrix).min() > 0


def test_monge_of_equals_is_the_identity_and_the_ridge_keeps_it_tame() -> None:
    content = covariance(12, 3)
    np.testing.assert_allclose(monge(content, content), np.eye(12), atol=1e-6)
    # a band that never moves gives no reason to stretch it by millions
    flat = np.diag([1.0, 1.0, 1e-14])
    assert np.abs(monge(flat, np.eye(3))).max() < 200


@pytest.mark.parametrize(("sample_rate", "n_fft"), [(8_000, 1024), (44_100, 4096), (192_000, 16_384)])
def test_bands_are_the_same_at_every_rate_and_go_on_above(sample_rate: int, n_fft: int) -> None:
    frequencies = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    ours = envelope_bands(frequencies)
    study = envelope_bands(FREQUENCIES)
    shared = min(len(ours), len(study))
    centres, theirs = (b @ f / b.sum(axis=1) for b, f in ((ours, frequencies), (study, FREQUENCIES)))
    np.testing.assert_allclose(centres[:shared], theirs[:shared], rtol=0.05)
    assert (len(ours) > BAND_COUNT) == (sample_rate > RATE)
    assert (ours.max(axis=1) > 0).all()
    assert centres[-1] > 0.8 * sample_rate / 2


def test_a_gain_that_is_equal_in_all_bands_is_equal_in_all_bins() -> None:
    spread = interpolation(envelope_bands(FREQUENCIES))
    np.testing.assert_allclose(np.full(BAND_COUNT, 0.7, np.float32) @ spread, 0.7, atol=1e-5)


def test_band_transport_reaches_the_styles_band_means_and_covariance(strings: Clip, ragtime: Clip, pair: Pair) -> None:
    step = BandTransport.fit(strings.magnitude, pair, 1.0)
    wanted = step.energies(ragtime.magnitude, step.bands)
    before = step.energies(strings.magnitude, step.bands)
    after = step.energies(step.apply(strings.magnitude, strings.magnitude), step.bands)
    gap_before, gap_after = (np.abs(each.mean(axis=0) - wanted.mean(axis=0)) for each in (before, after))
    assert gap_after.mean() < 0.1 * gap_before.mean()
    # nepers of power: 2.6 dB in the worst band
    assert gap_after.max() < 0.6
    spread = [np.linalg.norm(np.cov(each.T) - np.cov(wanted.T)) for each in (before, after)]
    assert spread[1] < 0.5 * spread[0]


def test_a_moment_unlike_all_others_is_not_blown_up(strings: Clip, ragtime: Clip, pair: Pair) -> None:
    step = BandTransport.fit(strings.magnitude, pair, 1.3)
    crash = strings.magnitude.copy()
    # the song, as fitted, has next to nothing up there
    crash[200:220, 400:] = strings.magnitude.max() / 10
    result = step.apply(crash, crash)
    loudest = step.energies(ragtime.magnitude, step.bands).max(axis=0)
    excess = step.energies(result, step.bands)[206:214].max(axis=0) - loudest
    # nepers of power: 10 dB
    assert excess.max() < np.log(10)


def test_bin_transport_reaches_every_bins_mean_and_deviation(strings: Clip, ragtime: Clip, pair: Pair) -> None:
    step = BinTransport.fit(strings.magnitude, pair, 1.0)
    wanted = log1p(ragtime.magnitude)
    before, after = log1p(strings.magnitude), log1p(step.apply(strings.magnitude, strings.magnitude))
    for moment in (np.mean, np.std):
        gaps = [np.abs(moment(each, axis=0) - moment(wanted, axis=0)).mean() for each in (before, after)]
        assert gaps[1] < 0.25 * gaps[0]
    assert np.all(after >= 0)


def test_the_equaliser_reaches_the_styles_mean_with_one_curve(strings: Clip, ragtime: Clip, pair: Pair) -> None:
    step = Equaliser.fit(strings.magnitude, pair, 1.0)
    after = step.apply(strings.magnitude, strings.magnitude)
    wanted = log1p(ragtime.magnitude).mean(axis=0)
    gap = np.abs(log1p(after).mean(axis=0) - wanted)
    assert gap.mean() < 0.05 * np.abs(log1p(strings.magnitude).mean(axis=0) - wanted).mean()
    ratio = after[:, 5:500] / np.maximum(strings.magnitude[:, 5:500], 1e-3)
    loud = strings.magnitude[:, 5:500] > 0.01
    assert np.ptp(np.where(loud, np.log(ratio / step.gain[5:500]), 0)) < 1e-3


def test_harmony_lock_brings_the_pitch_classes_of_every_frame_back(strings: Clip, ragtime: Clip, pair: Pair) -> None:
    lock = HarmonyLock.fit(strings.magnitude, pair, 1.0)
    content = lock.profile(strings.magnitude)
    # as bad as it gets: another piece's notes
    other = ragtime.magnitude[: len(strings.magnitude)]
    before = np.abs(lock.profile(other) - content).sum(axis=1)
    after = np.abs(lock.profile(lock.apply(other, strings.magnitude)) - content).sum(axis=1)
    assert after.mean() < 0.6 * before.mean()
    assert (after < before).mean() > 0.95
    above = FREQUENCIES > 4_300
    np.testing.assert_array_equal(lock.apply(other, strings.magnitude)[:, above], other[:, above])


def test_harmony_lock_leaves_what_is_in_harmony_alone(strings: Clip, pair: Pair) -> None:
    lock = HarmonyLock.fit(strings.magnitude, pair, 1.3)
    np.testing.assert_allclose(
        lock.apply(strings.magnitude, strings.magnitude), strings.magnitude, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("hz", [110.0, 440.0, 1760.0])
def test_harmony_lock_reads_the_pitch_that_sounds(hz: float) -> None:
    magnitude = np.exp(-0.5 * ((FREQUENCIES - hz) / 8) ** 2)[None].astype(np.float32)
    # A, counted from C
    lock = HarmonyLock.fit(magnitude, Pair(magnitude, magnitude, FREQUENCIES), 1.0)
    assert lock.profile(magnitude).argmax() == 9


def test_rhythm_lock_makes_the_flux_follow_the_content(strings: Clip, pair: Pair) -> None:
    smeared = np.apply_along_axis(np.convolve, 0, strings.magnitude, np.ones(12) / 12, "same").astype(np.float32)
    lock = RhythmLock.fit(smeared, pair, 1.0)
    result = lock.apply(smeared, strings.magnitude)
    wanted = flux_of(strings.magnitude)
    assert correlation(flux_of(result), wanted) > correlation(flux_of(smeared), wanted) + 0.1
    change = 20 * np.log10((result.sum(axis=1) + 1e-6) / (smeared.sum(axis=1) + 1e-6))
    assert np.abs(change).max() <= RhythmLock.MAX_DB + 0.01
    # attacks move, the level stays
    assert abs(change.mean()) < 1.5


def test_rhythm_lock_leaves_the_content_itself_nearly_alone(strings: Clip, pair: Pair) -> None:
    lock = RhythmLock.fit(strings.magnitude, pair, 1.0)
    np.testing.assert_allclose(
        lock.apply(strings.magnitude, strings.magnitude), strings.magnitude, rtol=1e-3, atol=1e-4
    )


def test_silence_is_not_audible() -> None:
    magnitude = np.array([[0, 0], [1, 0], [1e-2, 0], [1e-4, 0]], np.float32)
    np.testing.assert_array_equal(audible(magnitude), [False, True, True, False])
    # nothing but silence: there is nothing to prefer
    assert audible(np.zeros((3, 2), np.float32)).all()


def test_a_silent_lead_in_changes_nothing_in_the_style(strings: Clip, ragtime: Clip) -> None:
    padded = np.concatenate([np.zeros_like(ragtime.magnitude), ragtime.magnitude])
    plain, _ = TransportMap.fit(strings.magnitude, ragtime.magnitude, FREQUENCIES)
    other, _ = TransportMap.fit(strings.magnitude, padded, FREQUENCIES)
    np.testing.assert_array_equal(plain.apply(strings.magnitude), other.apply(strings.magnitude))


def test_the_fitted_chain_gives_the_sample_that_it_was_fitted_to(
    strings: Clip, chain: tuple[TransportMap, NDArray[np.float32]]
) -> None:
    fitted, sample = chain
    np.testing.assert_allclose(fitted.apply(strings.magnitude), sample, rtol=1e-4, atol=1e-5)
    assert np.isfinite(sample).all()
    assert (sample >= 0).all()


def test_the_chain_beats_a_plain_equaliser_in_envelope_gain(
    strings: Clip, ragtime: Clip, chain: tuple[TransportMap, NDArray[np.float32]], pair: Pair
) -> None:
    equalised = Equaliser.fit(strings.magnitude, pair, 1.0).apply(strings.magnitude, strings.magnitude)
    content, style = Profile(strings.audio), Profile(ragtime.audio)
    plain = envelope_gain(content, style, strings.rendered(equalised))
    ours = envelope_gain(content, style, strings.rendered(chain[1]))
    # measured: 0.98, where one static curve gets to 0.88
    assert ours > 0.95
    assert 1 - ours < 0.5 * (1 - plain)


def test_between_goes_along_the_logarithm(strings: Clip, chain: tuple[TransportMap, NDArray[np.float32]]) -> None:
    content, mapped = strings.magnitude, chain[1]
    ends = content.copy(), mapped.copy()
    np.testing.assert_allclose(between(content, mapped, 0.0), content, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(between(content, mapped, 1.0), mapped)
    halfway = between(content, mapped, 0.5)
    np.testing.assert_allclose(2 * log1p(halfway), log1p(content) + log1p(mapped), atol=1e-4)
    # and leaves its arguments alone
    np.testing.assert_array_equal(content, ends[0])
    np.testing.assert_array_equal(mapped, ends[1])
