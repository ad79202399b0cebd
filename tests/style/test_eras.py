"""Eras: what each medium does to a recording, measured on its output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import hilbert, welch
from scipy.stats import kurtosis

from retrotone.audio.audio import Audio, load
from retrotone.errors import StyleError
from retrotone.style.ageing import age, age_blocks
from retrotone.style.eras import ERAS, find_era
from retrotone.utils.assets import bundled_song

RATE = 44_100
MONO = [name for name, era in ERAS.items() if era.separation_db == 0]
STEREO = [name for name in ERAS if name not in MONO]


def noise(seconds: float, channels: int = 2, sample_rate: int = RATE) -> Audio:
    rng = np.random.default_rng(1)
    return Audio(0.08 * rng.standard_normal((channels, round(seconds * sample_rate))), sample_rate)


def sine(hz: float, seconds: float, amplitude: float = 0.1) -> Audio:
    return Audio(amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE), RATE)


def pause(era: str, strength: float = 1.0, seconds: float = 6.0, seed: int = 0) -> NDArray[np.float32]:
    """What the medium adds to silence, first channel, for a programme at -20 LUFS."""
    silence = Audio(np.zeros((2, round(seconds * RATE))), RATE)
    return np.concatenate(list(age_blocks(silence.blocks(), 2, RATE, era, strength, seed)), axis=1)[0]


def rms_db(samples: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


def tone_gain_db(era: str, hz: float) -> float:
    """Gain of a tone, its wow sidebands included."""
    tone = sine(hz, 2.0)
    aged = np.concatenate(list(age_blocks(tone.blocks(), 1, RATE, era)), axis=1)[0]
    f, power = welch(np.stack([tone.samples[0], aged]), RATE, nperseg=32_768)
    before, after = power[:, np.abs(f - hz) < max(0.03 * hz, 5)].sum(axis=1)
    return float(10 * np.log10(after / before))


@pytest.mark.parametrize("era", ERAS)
def test_strength_0_gives_the_recording_back(era: str) -> None:
    audio = noise(0.5)
    np.testing.assert_array_equal(age(audio, era, strength=0).samples, audio.samples)


@pytest.fixture(scope="module")
def song(shared_music: Path) -> Audio:
    """Two seconds of real music."""
    return load(shared_music / "Karissa_Hobbs_-_Lets_Go_Fishin.ogg", 22).slice(20)


@pytest.mark.parametrize("era", ERAS)
def test_a_little_strength_changes_little_and_more_changes_more(era: str, song: Audio) -> None:
    spectra = []
    for strength in (0, 0.05, 0.5, 1):
        _, power = welch(age(song, era, strength).samples.mean(axis=0), song.sample_rate, nperseg=4096)
        spectra.append(10 * np.log10(power + 1e-10))
    small, half, full = (np.abs(spectrum - spectra[0]).mean() for spectrum in spectra[1:])
    assert small < 0.5 * min(half, full)
    assert small < 1.0


def test_the_seed_decides_every_byte() -> None:
    audio = noise(1.5)
    first, again, other = (age(audio, "1930s", seed=seed).samples for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.parametrize("era", ERAS)
def test_bytes_do_not_depend_on_block_sizes(era: str) -> None:
    audio = noise(1.9)

    def pieces() -> Iterator[NDArray[np.float32]]:
        sizes, start = [1, 0, 70_001, 32_768, 7], 0
        while start < audio.frames:
            sizes.append(sizes.pop(0))
            yield audio.samples[:, start : start + sizes[-1]]
            start += sizes[-1]

    whole = list(age_blocks([audio.samples], 2, RATE, era, 0.7))
    parts = list(age_blocks(pieces(), 2, RATE, era, 0.7))
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), np.concatenate(whole, axis=1))
    # it streams
    assert max(block.shape[1] for block in parts) < audio.frames


@settings(max_examples=25)
@given(
    era=st.sampled_from(list(ERAS)),
    sample_rate=st.sampled_from([8_000, 11_025, 22_050, 44_100, 96_000, 192_000]),
    channels=st.integers(1, 2),
    frames=st.integers(1, 70_000),
    strength=st.floats(0, 1),
)
def test_shape_and_rate_survive(era: str, sample_rate: int, channels: int, frames: int, strength: float) -> None:
    audio = Audio(np.linspace(-0.9, 0.9, channels * frames).reshape(channels, frames), sample_rate)
    aged = age(audio, era, strength)
    assert aged.samples.shape == audio.samples.shape
    assert aged.sample_rate == sample_rate
    assert np.isfinite(aged.samples).all()


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_it_stays_in_time(era: str, strength: float) -> None:
    """The cross-correlation of envelope-free noise peaks within 1 ms of no delay at all."""
    audio = noise(1.0, channels=1)
    spectra = np.fft.rfft(np.stack([audio.samples[0], age(audio, era, strength).samples[0]]), 2 * audio.frames)
    correlation = np.fft.irfft(spectra[0].conj() * spectra[1])
    lag = int(np.argmax(np.abs(correlation)))
    assert abs((lag + audio.frames) % (2 * audio.frames) - audio.frames) < 0.001 * RATE


@pytest.mark.parametrize("era", MONO)
def test_a_mono_medium_gives_equal_channels(era: str) -> None:
    left, right = age(noise(1.0), era).samples
    np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("era", STEREO)
def test_a_stereo_medium_separates_its_channels_only_so_far(era: str) -> None:
    tone = sine(1000, 2.0).samples
    aged = age(Audio(np.concatenate([tone, 0 * tone]), RATE), era).samples
    levels = [np.abs(np.fft.rfft(channel * np.hanning(len(channel)))).max() for channel in aged]
    separation = 20 * np.log10(levels[0] / levels[1])
    assert separation == pytest.approx(ERAS[era].separation_db, abs=2)


@pytest.mark.parametrize(
    ("era", "low_hz", "high_hz"),
    [("1900s", 250, 2600), ("1910s", 170, 3200), ("1920s", 200, 3700), ("1930s", 70, 6000), ("1940s", 100, 4500)],
)
def test_a_narrow_medium_cuts_both_ends(era: str, low_hz: float, high_hz: float) -> None:
    middle = tone_gain_db(era, 1000)
    assert tone_gain_db(era, 0.35 * low_hz) < middle - 12
    assert tone_gain_db(era, 2 * high_hz) < middle - 20


@pytest.mark.parametrize(("era", "high_hz"), [("1950s", 9_000), ("1970s", 12_000), ("1980s", 10_000)])
def test_a_wide_medium_keeps_bass_and_treble(era: str, high_hz: float) -> None:
    middle = tone_gain_db(era, 1000)
    assert abs(tone_gain_db(era, 80) - middle) < 3
    assert abs(tone_gain_db(era, high_hz) - middle) < 3
    assert tone_gain_db(era, 19_000) < middle - 6


@pytest.mark.parametrize("era", [name for name, era in ERAS.items() if era.noises])
def test_noise_in_a_pause_rises_with_strength(era: str) -> None:
    low, middle, high = (rms_db(pause(era, strength, seconds=3)) for strength in (0.2, 0.6, 1.0))
    assert low < middle - 3
    assert middle < high - 1
    # the music, at -20 LUFS, stays above it
    assert high < -30


def test_noise_falls_from_the_cylinder_to_the_lp() -> None:
    levels = [rms_db(pause(era, seconds=4)) for era in ("1900s", "1910s", "1930s", "1950s", "1970s")]
    assert levels == sorted(levels, reverse=True)


def test_noise_density_is_the_same_at_any_rate() -> None:
    levels = []
    for sample_rate in (22_050, 96_000):
        silence = np.zeros((1, 6 * sample_rate), np.float32)
        hiss = np.concatenate(list(age_blocks([silence], 1, sample_rate, "1980s")), axis=1)[0]
        f, power = welch(hiss, sample_rate, nperseg=4096)
        levels.append(10 * np.log10(power[(f > 1000) & (f < 6000)].mean()))
    assert levels[0] == pytest.approx(levels[1], abs=0.5)


def test_noise_follows_the_programme() -> None:
    """A recording 20 dB softer is the same result 20 dB softer."""
    audio = noise(2.0)
    loud, soft = age(audio, "1930s"), age(audio.gain(-20), "1930s")
    np.testing.assert_allclose(soft.gain(20).samples, loud.samples, atol=2e-3)


def test_the_1930s_floor_lies_among_real_sides() -> None:
    """Levels by band of the quietest 3 % of seven transfers of the 1930s-40s, at -20 LUFS."""
    f, power = welch(pause("1930s", seconds=8), RATE, nperseg=4096)
    step = f[1]
    real = [(1000, 2000, -62, -44), (5000, 6000, -86, -56), (9000, 10_000, -101, -78)]
    for low, high, floor, ceiling in real:
        level = 10 * np.log10(power[(f >= low) & (f < high)].sum() * step)
        assert floor <= level <= ceiling


@pytest.mark.parametrize("era", ["1900s", "1910s", "1930s"])
def test_discs_click(era: str) -> None:
    """Peaks far above what a Gaussian of the same spread would reach; tape has none."""

    def peakiness(name: str) -> float:
        samples = np.diff(pause(name, seconds=8))
        spread = np.median(np.abs(samples)) / 0.6745
        return float(np.abs(samples).max() / spread)

    assert peakiness(era) > 9
    assert peakiness("1980s") < 7


def test_the_scratch_of_a_78_comes_back_every_turn() -> None:
    """Clicks folded at 78.26 rpm pile up at one angle; folded at another speed they do not."""
    slope = np.abs(np.diff(pause("1930s", seconds=40)))
    loud = np.flatnonzero(slope > 10 * np.median(slope))
    clicks = loud[np.diff(loud, prepend=-RATE) > 0.002 * RATE]

    def pile_up(turns_hz: float) -> float:
        angle = (clicks * turns_hz / RATE) % 1
        folded = np.bincount((angle * 400).astype(int), minlength=400)
        return float(folded.max() / folded.sum())

    assert pile_up(78.26 / 60) > 3 * max(pile_up(71.3 / 60), pile_up(85.7 / 60))


@pytest.mark.parametrize(("era", "turns_hz"), [("1900s", 160 / 60), ("1930s", 78.26 / 60), ("1970s", 100 / 180)])
def test_pitch_wavers_once_a_turn(era: str, turns_hz: float) -> None:
    """Instantaneous frequency of a 1 kHz tone: a line at one turn, as deep as the era says; no drift."""
    aged = age(sine(1000, 20, amplitude=0.3), era, seed=2).samples[0]
    spectrum = np.fft.fft(aged * np.exp(-2j * np.pi * 1000 * np.arange(len(aged)) / RATE))
    f = np.fft.fftfreq(len(aged), 1 / RATE)
    carrier = np.fft.ifft(np.where(np.abs(f) < 60, spectrum, 0))
    deviation = np.diff(np.unwrap(np.angle(carrier))) * RATE / (2 * np.pi * 1000)
    deviation = deviation[RATE // 2 : -RATE // 2]
    at = np.arange(len(deviation)) / RATE
    depth = 2 * np.abs(np.mean(deviation * np.hanning(len(at)) * 2 * np.exp(-2j * np.pi * turns_hz * at)))
    stated = next(w.depth for w in ERAS[era].wobbles if not w.random)
    assert depth == pytest.approx(stated, rel=0.35)
    assert abs(deviation.mean()) < 2e-4


def test_radio_and_sampler_hold_their_pitch() -> None:
    for era in ("1940s", "1990s"):
        aged = age(sine(1000, 4), era).samples[0]
        phase = np.unwrap(np.angle(hilbert(aged)))[RATE:-RATE]
        drift = phase - np.polyval(np.polyfit(np.arange(len(phase)), phase, 1), np.arange(len(phase)))
        assert np.abs(drift).mean() < 0.05


def test_the_sampler_mirrors_treble() -> None:
    """A 9 kHz tone gets an image at 26.04 - 9 kHz, and one at 15 kHz folds down to 11.04 kHz."""
    for hz, ghost in ((9_000, 17_040), (15_000, 11_040)):
        aged = age(sine(hz, 2.0), "1990s").samples[0]
        f, power = welch(aged, RATE, nperseg=8192)
        line = power[np.abs(f - ghost) < 20].max()
        nearby = np.median(power[np.abs(f - ghost) < 300])
        assert line > 30 * nearby


def test_saturation_adds_harmonics_when_it_is_loud() -> None:
    def third(amplitude: float) -> float:
        tone = sine(440, 2.0, amplitude)
        radio = ERAS["1940s"].without("noise", "hum", "crackle")
        aged = np.concatenate(list(age_blocks(tone.blocks(), 1, RATE, radio)), axis=1)[0]
        spectrum = np.abs(np.fft.rfft(aged * np.hanning(len(aged))))
        return float(20 * np.log10(spectrum[2635:2645].max() / spectrum[875:885].max()))

    assert third(0.5) > third(0.05) + 10


@pytest.mark.parametrize("era", ERAS)
def test_loudness_stays(era: str, shared_music) -> None:
    song = load(shared_music / "Kevin_MacLeod_-_Vibe_Ace.ogg", 4)
    assert age(song, era).loudness == pytest.approx(song.loudness, abs=0.2)


def test_no_two_eras_share_a_name() -> None:
    names = [name for era in ERAS.values() for name in {era.name, era.carrier.lower(), *era.aliases}]
    assert len(names) == len(set(names))


def test_the_radio_distorts_as_little_as_a_broadcast_chain() -> None:
    """Harmonics of a 1 kHz sine at the programme's level, RMS 0.1, in both channels."""
    tone = np.repeat(sine(1000, 3.0, 0.1 * 2**0.5).samples, 2, axis=0)
    steady = ERAS["1940s"].without("noise", "hum", "crackle")
    aged = np.concatenate(list(age_blocks([tone], 2, RATE, steady)), axis=1)[0, RATE : 3 * RATE]
    spectrum = np.square(np.abs(np.fft.rfft(aged * np.hanning(len(aged)))))
    power = [spectrum[2000 * k - 4 : 2000 * k + 5].sum() for k in range(1, 10)]
    assert 100 * np.sqrt(sum(power[1:]) / power[0]) == pytest.approx(0.5, abs=0.05)


# Weighting of wow and flutter, IEC 60386 and AES6-2008: Hz, dB.
WEIGHTING = np.array(
    [
        (0.2, -30.6), (0.315, -19.7), (0.4, -15), (0.63, -8.4), (0.8, -6), (1, -4.2), (1.6, -1.8), (2, -0.9),
        (4, 0), (6.3, -0.9), (10, -2.1), (20, -5.9), (40, -10.4), (63, -14.2), (100, -17.3), (200, -23),
    ]
)  # fmt: skip


@pytest.mark.parametrize("era", ["1950s", "1970s", "1980s"])
@pytest.mark.parametrize("seed", [0, 1])
def test_flutter_is_within_the_limit_of_hi_fi(era: str, seed: int) -> None:
    """At most 0.2 % (DIN 45500): the weighted deviation of 3150 Hz that is exceeded 5 % of the time (AES6)."""
    hz, seconds = 3150, 30
    tone = sine(hz, seconds).samples
    aged = np.concatenate(list(age_blocks([tone], 1, RATE, ERAS[era].only("wow"), 1.0, seed)), axis=1)[0]
    spectrum = np.fft.fft(aged * np.exp(-2j * np.pi * hz * np.arange(len(aged)) / RATE))
    # 1000 Hz to both sides of the tone, at the least rate that holds them
    rate = 2000
    carrier = np.fft.ifft(np.concatenate([spectrum[: seconds * 1000], spectrum[-seconds * 1000 :]]))
    deviation = np.diff(np.unwrap(np.angle(carrier)))[rate:-rate] * rate / (2 * np.pi * hz)
    f = np.fft.rfftfreq(len(deviation), 1 / rate)
    # -60 dB: outside the table nothing counts
    weight = np.interp(np.log(np.maximum(f, 1e-3)), np.log(WEIGHTING[:, 0]), WEIGHTING[:, 1], left=-60, right=-60)
    weighted = np.fft.irfft(np.fft.rfft(deviation) * 10 ** (weight / 20))
    assert np.quantile(np.abs(weighted), 0.95) < 0.002


def test_the_acoustic_replay_has_two_edges() -> None:
    """The music ends near 3.7 kHz; the surface noise goes on to 15 kHz."""
    assert tone_gain_db("1920s", 3000) > tone_gain_db("1920s", 1000) - 3
    assert tone_gain_db("1920s", 5200) < tone_gain_db("1920s", 1000) - 20
    f, power = welch(pause("1920s"), RATE, nperseg=4096)

    def floor_db(low: float, high: float) -> float:
        return float(10 * np.log10(power[(f > low) & (f < high)].mean()))

    assert floor_db(11_000, 13_000) > floor_db(2000, 3500) - 15
    assert floor_db(19_000, 21_000) < floor_db(11_000, 13_000) - 12
    assert floor_db(20, 80) < floor_db(2000, 3500) - 15


def test_the_floor_of_the_acoustic_replay_is_that_of_real_sides() -> None:
    """Of eight sides: the music 16 to 22 dB above the floor, whose kurtosis is 4.4 to 7.9 (3 without clicks)."""
    song = load(bundled_song())
    era = ERAS["1920s"].without("noise", "crackle")
    blocks = age_blocks(song.blocks(), song.channels, song.sample_rate, era, programme_lufs=song.loudness)
    # in a recording at -20 LUFS, as the pause is given
    music = rms_db(np.concatenate(list(blocks), axis=1)) - 20 - song.loudness
    for seed in range(4):
        floor = pause("1920s", seconds=10, seed=seed)
        assert 16 < music - rms_db(floor) < 22
        assert 4.4 < kurtosis(floor, fisher=False) < 7.9


def test_silence_stays_quiet_and_opposed_channels_are_not_blown_up() -> None:
    silence = Audio(np.zeros((2, RATE)), RATE)
    assert age(silence, "1930s").peak < 0.2
    hidden = noise(2.0, channels=1).samples
    # nothing is left of it in mono
    opposed = Audio(np.concatenate([hidden, -hidden]), RATE)
    assert age(opposed, "1930s").loudness < opposed.loudness - 5


@pytest.mark.parametrize(
    ("name", "decade"),
    [
        ("1930s", "1930s"),
        ("1938", "1930s"),
        ("1915", "1910s"),
        ("1920s", "1920s"),
        ("1926", "1920s"),
        ("mechanical gramophone", "1920s"),
        ("gramophone", "1910s"),
        ("78", "1930s"),
        ("1960s", "1970s"),
        ("Shellac", "1930s"),
        (" Compact  Cassette ", "1980s"),
        ("CYLINDER", "1900s"),
        ("radio", "1940s"),
        ("tape", "1950s"),
        ("vinyl", "1970s"),
        ("LP", "1970s"),
        ("sampler", "1990s"),
        ("acoustic 78", "1910s"),
    ],
)
def test_an_era_goes_by_many_names(name: str, decade: str) -> None:
    assert find_era(name) is ERAS[decade]


@pytest.mark.parametrize("name", ["2050s", "", "drums", "1030"])
def test_an_unknown_era_lists_the_known(name: str) -> None:
    with pytest.raises(StyleError, match=r"1900s.*1930s \(electrical 78\).*1990s"):
        find_era(name)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strength_out_of_range_is_refused(strength: float) -> None:
    with pytest.raises(StyleError, match="from 0 "):
        age(noise(0.1), "1930s", strength)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(StyleError, match="seed"):
        age(noise(0.1), "1930s", seed=-1)
