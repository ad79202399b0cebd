"""The parts of a medium, each measured on its output."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import welch

from retrotone.audio.audio import Audio
from retrotone.errors import StyleError
from retrotone.style.media.chain import makeup_db, medium_blocks
from retrotone.style.media.dynamics import Compression, Limiter
from retrotone.style.media.filters import Highpass, Lowpass
from retrotone.style.media.noise import Noise
from retrotone.style.media.spectrum import NoiseSpectrum
from retrotone.style.media.wow import Wobble
from retrotone.style.medium import Medium

RATE = 44_100
THIRDS = 1000 * 2 ** (np.arange(-15, 13) / 3)
# rumble, a hollow and a steep end, as in the pauses of a shellac disc
DISC = NoiseSpectrum(
    hz=(30, 60, 120, 250, 500, 1000, 2000, 4000, 8000, 12_000, 16_000),
    level_db=(-50, -46, -58, -66, -64, -60, -57, -55, -56, -64, -80),
)


def through(
    medium: Medium, samples: NDArray[np.float32], sample_rate: int = RATE, **settings: float
) -> NDArray[np.float32]:
    """A recording through a medium, at the level for which media are described, shape (channels, n)."""
    blocks = medium_blocks([samples], len(samples), sample_rate, medium, **settings)  # type: ignore[arg-type]
    return np.concatenate(list(blocks), axis=1)


def thirds_db(samples: NDArray[np.float32], centres: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    f, power = welch(samples.astype(np.float64), sample_rate, nperseg=32_768)
    below, edges = np.concatenate([[0], np.cumsum(power) * f[1]]), np.concatenate([[0], f + f[1] / 2])
    edge = 2 ** (1 / 6)
    return 10 * np.log10(np.interp(centres * edge, edges, below) - np.interp(centres / edge, edges, below))


@pytest.mark.parametrize("sample_rate", [22_050, 44_100, 96_000])
def test_a_spectrum_has_its_levels_at_any_rate(sample_rate: int) -> None:
    silence = np.zeros((2, 60 * sample_rate), np.float32)
    floor = through(Medium(name="floor", noises=(DISC,)), silence, sample_rate)
    centres, wanted = np.array(DISC.hz), np.array(DISC.level_db)
    inside = centres * 2 ** (1 / 6) < sample_rate / 2
    for channel in floor:
        levels = thirds_db(channel, centres[inside], sample_rate)
        np.testing.assert_allclose(levels, wanted[inside], atol=0.7)
    assert abs(np.corrcoef(floor)[0, 1]) < 0.05


def test_a_spectrum_is_a_straight_line_between_its_points_and_falls_outside() -> None:
    slope = NoiseSpectrum(hz=(250, 4000), level_db=(-40, -60))
    silence = np.zeros((1, 60 * RATE), np.float32)
    floor = through(Medium(name="floor", noises=(slope,)), silence)[0]
    # one channel is 3 dB louder than each of two at the same loudness
    levels = thirds_db(floor, np.array([62.5, 125, 500, 1000, 2000, 8000, 16_000]), RATE) - 3.01
    np.testing.assert_allclose(levels[2:5], [-45, -50, -55], atol=0.7)
    assert levels[1] - levels[0] == pytest.approx(24, abs=3)
    assert levels[5] - levels[6] == pytest.approx(24, abs=3)


def test_a_spectrum_can_be_one_noise_for_all_channels_and_scales_with_strength() -> None:
    silence = np.zeros((2, 10 * RATE), np.float32)
    medium = Medium(name="floor", noises=(NoiseSpectrum(hz=DISC.hz, level_db=DISC.level_db, mono=True),))
    whole, half = through(medium, silence), through(medium, silence, strength=0.5)
    np.testing.assert_array_equal(whole[0], whole[1])
    np.testing.assert_allclose(half, 0.5 * whole, atol=1e-7)


def test_noise_is_there_from_the_first_sample() -> None:
    floor = through(Medium(name="floor", noises=(DISC,)), np.zeros((2, RATE), np.float32))
    assert floor[:, :2000].std() > 0.5 * floor.std()


@pytest.mark.parametrize(
    ("hz", "level_db", "said"),
    [
        ((), (), "one level for each"),
        ((100.0,), (1.0, 2.0), "one level for each"),
        ((200.0, 100.0), (0.0, 0.0), "ascending"),
    ],
)
def test_a_spectrum_that_makes_no_sense_is_refused(
    hz: tuple[float, ...], level_db: tuple[float, ...], said: str
) -> None:
    with pytest.raises(StyleError, match=said):
        NoiseSpectrum(hz=hz, level_db=level_db)


def lag(samples: NDArray[np.float32], sample_rate: int) -> float:
    """How late the second channel is, in seconds, from the slope of the phase between the two."""
    left, right = np.fft.rfft(samples, axis=1)
    f = np.fft.rfftfreq(samples.shape[1], 1 / sample_rate)
    cross = left * right.conj()
    band = (f > 100) & (f < 8000)
    return float(np.sum(np.unwrap(np.angle(cross[band])) * f[band]) / np.sum(2 * np.pi * f[band] ** 2))


@pytest.mark.parametrize("delay_s", [7.3e-6, -31e-6, 120e-6, -400e-6])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_channel_is_late_by_a_fraction_of_a_sample(delay_s: float, strength: float) -> None:
    # a burst in the middle, so that nothing leaves at the ends
    burst = np.zeros((2, RATE), np.float32)
    burst[:, RATE // 2 : RATE // 2 + 4096] = np.random.default_rng(1).standard_normal(4096) * np.hanning(4096)
    late = through(Medium(name="azimuth", delay_s=delay_s), burst, strength=strength)
    assert lag(late, RATE) == pytest.approx(strength * delay_s, abs=0.01 / RATE)
    # the other channel stays where it was
    on_time = 0 if delay_s > 0 else 1
    np.testing.assert_allclose(late[on_time], burst[on_time], atol=2e-6)


def test_compression_turns_down_what_is_above_the_threshold() -> None:
    """A tone 12 dB above it comes out 3 dB above it at 4:1, 7.5 dB at half the strength; below it nothing changes."""
    medium = Medium(name="studio", compression=Compression(threshold_db=-30, ratio=4, attack_s=0.005, release_s=0.1))
    tone = np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE).astype(np.float32)

    def level_db(db: float, strength: float) -> float:
        # RMS of a sine of that amplitude
        amplitude = np.float32(10 ** (db / 20) * np.sqrt(2))
        out = through(medium, np.stack([amplitude * tone] * 2), strength=strength)
        return float(20 * np.log10(out[0, RATE:].std()))

    assert level_db(-18, 1.0) == pytest.approx(-27, abs=0.1)
    assert level_db(-18, 0.5) == pytest.approx(-22.5, abs=0.1)
    assert level_db(-40, 1.0) == pytest.approx(-40, abs=0.1)


def test_compression_takes_its_time_and_moves_both_channels_alike() -> None:
    medium = Medium(name="studio", compression=Compression(threshold_db=-30, ratio=10, attack_s=0.01, release_s=0.2))
    tone = 0.02 * np.sin(2 * np.pi * 1000 * np.arange(3 * RATE) / RATE)
    tone[RATE : 2 * RATE] *= 10
    both = np.stack([tone, 0.3 * tone]).astype(np.float32)
    out = through(medium, both)
    np.testing.assert_allclose(out[1], 0.3 * out[0], atol=1e-6)
    gain = np.abs(out[0]).reshape(-1, 441).max(axis=1) / np.abs(both[0]).reshape(-1, 441).max(axis=1)
    reduction = -20 * np.log10(gain)
    settled = reduction[190]
    # some 10 ms after the rise half of it has come, 200 ms after the fall a third is left
    assert reduction[101] == pytest.approx(0.5 * settled, abs=2)
    assert reduction[106] > 0.8 * settled
    assert reduction[220] == pytest.approx(np.exp(-1) * settled, abs=1)


def test_a_limiter_holds_the_peaks_and_stays_in_time() -> None:
    rng = np.random.default_rng(1)
    loud = (0.1 * rng.standard_normal((2, 2 * RATE))).astype(np.float32)
    loud[:, 30_000:30_500] *= 6
    limited = through(Medium(name="transfer", limiter=Limiter(ceiling_db=-6)), loud)
    assert Audio(limited, RATE).true_peak < 10 ** (-6 / 20) * 1.01
    # what is not loud comes out as it was, in time
    np.testing.assert_allclose(limited[:, 60_000:], loud[:, 60_000:], atol=1e-6)
    half = through(Medium(name="transfer", limiter=Limiter(ceiling_db=-6)), loud, strength=0.5)
    assert np.abs(limited).max() < np.abs(half).max() < np.abs(loud).max() + 1e-6


def test_bytes_do_not_depend_on_block_sizes() -> None:
    medium = Medium(
        name="everything new",
        delay_s=55e-6,
        compression=Compression(threshold_db=-25, ratio=3, attack_s=0.01, release_s=0.1),
        noises=(DISC,),
        limiter=Limiter(ceiling_db=-12),
    )
    rng = np.random.default_rng(1)
    samples = (0.1 * rng.standard_normal((2, 100_000))).astype(np.float32)
    whole = through(medium, samples)
    assert whole.shape == samples.shape
    for size in (1_000, 33_333):
        pieces = [samples[:, start : start + size] for start in range(0, 100_000, size)]
        parts = np.concatenate(list(medium_blocks(pieces, 2, RATE, medium)), axis=1)
        np.testing.assert_array_equal(parts, whole)
    assert (through(medium, samples, seed=1) != whole).any()


def programme(channels: int = 2) -> Audio:
    rng = np.random.default_rng(1)
    return Audio(0.03 * rng.standard_normal((channels, 8 * RATE)), RATE)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("separation_db", [None, 0.0])
def test_the_noise_lies_as_far_below_the_programme_as_stated(channels: int, separation_db: float | None) -> None:
    """Filters take most of a noise's power away, but what meets the floor is as loud as the medium says."""
    narrow = (Highpass(200, 4), Lowpass(5000, 4))
    medium = Medium(
        name="narrow",
        separation_db=separation_db,
        recording=narrow,
        recording_lufs=-20.0,
        noises=(NoiseSpectrum(hz=(8000, 10_000, 12_500), level_db=(-40, -40, -40), mono=True),),
    )
    audio = programme(channels)
    aged = medium.apply(audio)
    assert aged.loudness == pytest.approx(audio.loudness, abs=0.3)
    # both at -20 LUFS; the noise is 3 dB lower for two channels, as one channel counts once
    level = thirds_db(aged.with_loudness(-20).samples[0], np.array([10_000.0]), RATE)
    expected = -40 if channels == 2 else -40 + 3.01
    assert level[0] == pytest.approx(expected, abs=0.7)


def test_without_a_stated_loudness_the_filters_leave_it() -> None:
    medium = Medium(name="narrow", recording=(Lowpass(500, 4),), noises=(Noise(-50, 100, 1000),))
    audio = programme()
    assert makeup_db(medium, [audio.samples], 2, RATE, 1.0, audio.loudness) == 0.0


def test_the_gain_before_the_noise_scales_with_strength_and_is_nothing_for_silence() -> None:
    medium = Medium(name="gain", recording_lufs=-26.0)
    audio = programme()
    gains = [makeup_db(medium, [audio.samples], 2, RATE, strength, audio.loudness) for strength in (0.0, 0.5, 1.0)]
    assert gains == pytest.approx([0.0, -3.0, -6.0], abs=0.05)
    assert makeup_db(medium, [0 * audio.samples], 2, RATE) == 0.0


def test_a_wobble_of_no_depth_does_nothing() -> None:
    audio = programme()
    np.testing.assert_array_equal(through(Medium(name="a", wobbles=(Wobble(1.0, 0.0),)), audio.samples), audio.samples)


@pytest.mark.parametrize("sample_rate", [8_000, 192_000])
@pytest.mark.parametrize("frames", [1, 50_000])
def test_any_rate_and_length(sample_rate: int, frames: int) -> None:
    medium = Medium(
        name="wide",
        delay_s=-1e-3,
        recording=(Highpass(9000),),
        compression=Compression(threshold_db=-40, ratio=2, attack_s=0.001, release_s=1),
        noises=(DISC, Noise(-60, 10_000, 15_000)),
        limiter=Limiter(ceiling_db=-20),
        recording_lufs=-20.0,
    )
    audio = Audio(np.linspace(-0.5, 0.5, 2 * frames).reshape(2, frames), sample_rate)
    aged = medium.apply(audio, 0.9)
    assert aged.samples.shape == audio.samples.shape
    assert np.isfinite(aged.samples).all()
