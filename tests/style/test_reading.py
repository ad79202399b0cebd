"""The medium of a record, read blindly: what was put in is found, and what was not is left out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

import retrotone as rt
from retrotone.style.media.filters import Highpass, Lowpass
from retrotone.style.media.noise import Crackle, Hum
from retrotone.style.media.spectrum import NoiseSpectrum
from retrotone.style.media.wow import Wobble
from retrotone.style.medium import Medium
from retrotone.style.reading.channels import align, read_channels
from retrotone.style.reading.click_sizes import clicks_in_all
from retrotone.style.reading.clicks import read_clicks
from retrotone.style.reading.parts import MEDIAN_CLICK_DB
from retrotone.style.reading.reading import Reading, read
from retrotone.style.reading.records import read_records
from retrotone.style.reading.speed import read_speed
from retrotone.utils.assets import bundled_song

HISS = NoiseSpectrum(tuple(1000 * 2.0 ** (np.arange(-14, 13) / 3)), tuple(-62.0 + np.arange(27) * 0.3))
DISC = Medium(
    name="disc",
    separation_db=0.0,
    recording=(Highpass(120.0, 3), Lowpass(5000.0, 8)),
    wobbles=(Wobble(1.3, 0.004), Wobble(0.6, 0.002, random=True)),
    recording_lufs=-20.0,
    noises=(replace(HISS, mono=True),),
    crackle=Crackle(12.0, -36.0, 3000.0, 0.0002),
)


@pytest.fixture(scope="module")
def strings(shared_music: Path) -> rt.Audio:
    return rt.load(next(shared_music.glob("Hungarian*.ogg")), 30).slice(5)


@pytest.fixture(scope="module")
def drums(shared_music: Path) -> rt.Audio:
    return rt.load(next(shared_music.glob("*Drum-bass.ogg")))


@pytest.fixture(scope="module")
def disc(strings: rt.Audio) -> Reading:
    return read(DISC.apply(strings))


def upper_hz(medium: Medium) -> float:
    return next(part.hz for part in medium.recording if isinstance(part, Lowpass))


def test_the_upper_edge_is_found_within_a_third_of_an_octave(disc: Reading) -> None:
    assert disc.high is not None
    assert abs(np.log2(disc.high.hz / 5000)) < 1 / 3


def test_the_noise_is_found_within_3_db(disc: Reading, strings: rt.Audio) -> None:
    silence = rt.Audio(np.zeros_like(strings.samples), strings.sample_rate)
    alone = DISC.only("noise", "width").apply(silence, programme_lufs=-20.0)
    level_db = 10 * np.log10(np.mean(np.square(alone.samples, dtype=np.float64)))
    assert abs(disc.floor.rms_db - level_db) < 3


def test_a_mono_record_is_mono(disc: Reading) -> None:
    assert disc.channels.is_mono(5000)


def test_wow_is_found_within_40_percent(shared_music: Path) -> None:
    song = rt.load(next(shared_music.glob("*waltz*.ogg")), 30).slice(2)
    moved = read_speed([DISC.only("wow").apply(song).samples], song.sample_rate)
    assert read_speed([song.samples], song.sample_rate) is None
    assert moved is not None
    # a sine of .4 % peak and a band of .2 %
    assert moved.depth == pytest.approx(np.hypot(0.004, 0.002) / 2**0.5, rel=0.4)
    assert moved.turns_hz == pytest.approx(1.3, rel=0.01)


@pytest.mark.parametrize("turns_hz", [78 / 60, 100 / 180])
def test_a_seventh_of_a_percent_once_a_turn_is_found(shared_music: Path, turns_hz: float) -> None:
    song = rt.load(next(shared_music.glob("*ragtime.ogg")), 65).slice(40)
    # .15 % root mean square
    moved = Medium(name="off centre", wobbles=(Wobble(turns_hz, 0.0021),)).apply(song)
    found = read_speed([moved.samples], song.sample_rate)
    assert found is not None
    assert found.turns_hz == pytest.approx(turns_hz, rel=0.01)
    assert found.depth == pytest.approx(0.0015, rel=0.4)


def test_wow_that_does_not_turn_is_found(shared_music: Path) -> None:
    song = rt.load(next(shared_music.glob("*Fishin.ogg")), 30).slice(5)
    moved = Medium(name="tape", wobbles=(Wobble(1.2, 0.0028, random=True),)).apply(song)
    found = read_speed([moved.samples], song.sample_rate)
    assert found is not None
    assert found.depth == pytest.approx(0.002, rel=0.4)


def test_fast_and_shallow_wow_is_found() -> None:
    rng, time = np.random.default_rng(1), np.arange(11_025) / 22_050
    chords = []
    for _ in range(32):
        tones = np.outer(110 * 2 ** (rng.choice(36, 4, replace=False) / 12), np.arange(1, 9)).reshape(-1, 1)
        waves = np.sin(2 * np.pi * tones * time + rng.uniform(0, 6, tones.shape)) / tones
        chords.append(waves.sum(axis=0) * np.minimum(1, time / 0.01) * np.exp(-3 * time))
    song = rt.Audio(3 * np.concatenate(chords)[None], 22_050)
    found = read_speed([Medium(name="wire", wobbles=(Wobble(3.0, 0.0014, random=True),)).apply(song).samples], 22_050)
    assert read_speed([song.samples], 22_050) is None
    assert found is not None
    assert found.depth == pytest.approx(0.001, rel=0.4)


@pytest.mark.parametrize("begin", [5, 40, 70])
def test_a_singer_above_guitars_is_no_wow(shared_music: Path, begin: float) -> None:
    song = rt.load(next(shared_music.glob("*Fishin.ogg")), begin + 25).slice(begin)
    assert read_speed([song.samples], song.sample_rate) is None


def test_drums_and_strings_are_no_clicks(drums: rt.Audio, strings: rt.Audio) -> None:
    assert read_clicks([drums.samples], drums.sample_rate) is None
    assert read_clicks([strings.samples], strings.sample_rate) is None
    # nor are the borders between excerpts, of which many lie in the middle of notes
    excerpts = np.split(strings.samples[:, : 24 * strings.sample_rate], 48, axis=1)
    assert read_clicks(excerpts[::-1], strings.sample_rate) is None


@pytest.mark.parametrize("per_second", [6.0, 14.0])
def test_clicks_are_counted_and_measured(strings: rt.Audio, per_second: float) -> None:
    crackle = replace(DISC.crackle, per_second=per_second, level_db=-22.0)
    disc = replace(DISC, crackle=crackle, wobbles=()).apply(strings).with_loudness(-20)
    found = read_clicks([disc.samples[:1]], disc.sample_rate)
    assert found is not None
    assert found.per_second == pytest.approx(per_second, rel=1 / 3)
    # most are smaller than the music around them, and hardly seen below its upper edge
    assert found.median_db == pytest.approx(crackle.level_db + MEDIAN_CLICK_DB, abs=4)
    assert abs(np.log2(found.ring_hz / crackle.ring_hz)) < 0.5


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
def test_crackle_outlives_a_codec(shared_music: Path, tmp_path: Path, suffix: str) -> None:
    """Codecs blur clicks and lose the small ones."""
    song = rt.load(next(shared_music.glob("*ragtime.ogg")), 35).slice(5)
    crackle = rt.ERAS["1930s"].crackle
    assert crackle is not None
    copy = rt.ERAS["1930s"].apply(song).save(tmp_path / f"disc.{suffix}")
    found = read(rt.load(copy)).clicks
    assert found is not None
    assert crackle.per_second / 4 < found.per_second < 1.5 * crackle.per_second


@pytest.mark.parametrize("noisy", [False, True])
def test_a_record_without_noise_must_show_more_to_have_crackle(strings: rt.Audio, noisy: bool) -> None:
    crackle = replace(DISC.crackle, per_second=6.0, level_db=-30.0)
    noises = DISC.noises if noisy else ()
    found = read(Medium(name="disc", noises=noises, crackle=crackle, recording_lufs=-20.0).apply(strings)).clicks
    assert (found is not None) == noisy


@pytest.mark.parametrize("seen", [0.95, 0.8])
@pytest.mark.parametrize("law", ["log-normal", "Weibull", "Pareto"])
def test_clicks_too_small_to_be_found_are_counted(law: str, seen: float) -> None:
    rng = np.random.default_rng(4)
    sizes = {
        "log-normal": lambda: np.exp(rng.normal(0.0, 1.0, 400)),
        "Weibull": lambda: rng.weibull(0.8, 400),
        "Pareto": lambda: 1 + rng.pareto(1.6, 400),
    }[law]()
    threshold = np.quantile(sizes, 1 - seen)
    # music moves the threshold up and down
    thresholds = threshold * np.exp(rng.normal(0.0, 0.3, 400))
    found = sizes > thresholds
    count, median_size, _ = clicks_in_all(sizes[found], sizes[found] / thresholds[found], thresholds)
    assert count == pytest.approx(400, rel=1 / 3)
    assert abs(20 * np.log10(median_size / np.median(sizes))) < 6


def test_music_that_hardly_stands_out_is_not_the_top_of_many_clicks() -> None:
    rng = np.random.default_rng(5)
    thresholds = np.exp(rng.normal(0.0, 0.5, 400))
    at = rng.choice(thresholds, 160)
    # music exceeds the threshold by little, wherever that lies; clicks are as large as they are
    music, clicks = at[:60] * np.exp(rng.exponential(0.15, 60)), 8 * np.exp(rng.normal(0.0, 1.0, 100))
    sizes = np.concatenate([music, clicks])
    found = sizes > at
    count, _, music_share = clicks_in_all(sizes[found], (sizes / at)[found], thresholds)
    assert music_share == pytest.approx(60 / found.sum(), abs=0.15)
    assert count == pytest.approx(100, rel=1 / 3)


def test_a_late_channel_is_found_to_a_few_microseconds(strings: rt.Audio) -> None:
    late = Medium(name="azimuth", delay_s=22e-6).apply(strings)
    found = read(late).channels
    assert found.delay_s == pytest.approx(22e-6, abs=5e-6)
    assert read(strings).channels.delay_s == 0


def test_a_late_channel_is_not_width(strings: rt.Audio) -> None:
    mono = rt.Audio(np.repeat(strings.samples.mean(axis=0, keepdims=True), 2, axis=0), strings.sample_rate)
    late = Medium(name="half a millisecond", delay_s=0.0005).apply(mono)
    stereo = align([late.samples], late.sample_rate)
    assert read_channels(stereo, late.sample_rate, read(late).floor).side_db < -25


def test_hum_is_found_and_is_no_noise(strings: rt.Audio) -> None:
    hums = (Hum(100.0, -40.0), Hum(200.0, -46.0), Hum(300.0, -50.0))
    medium = Medium(name="hum", recording=(Highpass(250.0, 4),), hums=hums, recording_lufs=-20.0)
    found = read(medium.apply(strings)).hum
    assert [round(tone.hz) for tone in found] == [100, 200, 300]
    assert [tone.level_db for tone in found] == pytest.approx([-40, -46, -50], abs=2)


@pytest.mark.parametrize("name", ["*Vibe_Ace.ogg", "*ragtime.ogg", "*Sugar_Plum*.ogg", "*Drum-bass.ogg"])
def test_a_clean_record_has_no_medium_to_give(shared_music: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "retrotone"):
        medium = Medium.from_recording(next(shared_music.glob(name)))
    assert medium.parts == ()
    assert "medium of its own to give" in caplog.text
    assert "method transport" in caplog.text


def test_a_drone_is_no_noise(strings: rt.Audio) -> None:
    """It holds its level as noise does, but the top of the spectrum shows none."""
    band = butter(4, (200, 900), "bandpass", fs=strings.sample_rate, output="sos")
    drone = sosfilt(band, np.random.default_rng(0).standard_normal(strings.samples.shape))
    drone *= 0.5 * strings.samples.std() / drone.std()
    song = rt.Audio(strings.samples + drone.astype(np.float32), strings.sample_rate)
    assert Medium.from_recording(song).parts == ()


def test_hum_below_the_band_leaves_its_lower_edge_where_it_is(strings: rt.Audio) -> None:
    band = (Highpass(180.0, 4), Lowpass(4000.0, 4))
    hums = tuple(Hum(hz, -42.0) for hz in (50.0, 100.0, 150.0))
    telephone = Medium(name="telephone", separation_db=0.0, recording=band, hums=hums, recording_lufs=-20.0)
    clean, humming = (read(each.apply(strings)).low for each in (telephone.without("hum"), telephone))
    assert clean is not None
    assert humming is not None
    assert abs(np.log2(humming.hz / clean.hz)) < 1 / 3


def test_the_same_record_gives_the_same_medium(strings: rt.Audio) -> None:
    aged = DISC.apply(strings)
    assert Medium.from_recording(aged) == Medium.from_recording(aged)


def test_several_records_make_one_medium_by_medians(shared_music: Path) -> None:
    songs = [
        rt.load(next(shared_music.glob(name)), 25).slice(5) for name in ("Hungarian*", "*Vibe_Ace*", "*waltz*.ogg")
    ]
    readings = read_records([DISC.apply(song) for song in songs])
    each = [Medium.from_readings([reading]) for reading in readings]
    together = Medium.from_readings(readings)
    edges = sorted(next(part.hz for part in medium.recording if isinstance(part, Lowpass)) for medium in each)
    assert next(part.hz for part in together.recording if isinstance(part, Lowpass)) == pytest.approx(
        edges[1], rel=0.01
    )
    assert together.separation_db == 0
    with pytest.raises(rt.StyleError, match="name at least one"):
        Medium.from_recording([])


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 22_050, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_is_read(strings: rt.Audio, sample_rate: int, channels: int) -> None:
    song = strings.slice(0, 6)
    song = rt.Audio(song.samples[:channels], song.sample_rate).resample(sample_rate)
    medium = Medium.from_recording(DISC.apply(song))
    # music covers the noise up to the end of a file of a low rate
    assert "noise" in medium.parts or sample_rate < 16_000
    aged = medium.apply(song)
    assert aged.samples.shape == song.samples.shape
    assert np.isfinite(aged.samples).all()


@pytest.mark.parametrize("seconds", [0.5, 1.2])
def test_a_short_record_is_read_as_far_as_it_goes(seconds: float) -> None:
    noise = rt.Audio(0.1 * np.random.default_rng(0).standard_normal((2, round(seconds * 44_100))), 44_100)
    medium = Medium.from_recording(noise)
    assert medium.apply(noise).samples.shape == noise.samples.shape


def test_a_record_with_no_click_is_read(shared_music: Path) -> None:
    record = rt.load(next(shared_music.glob("Karissa*.ogg")), 50).slice(20)
    assert read(record).clicks is None


ODD: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "clicks on digital silence": lambda time, rng: (
        0.3 * rng.standard_normal(len(time)) * (rng.random(len(time)) < 1e-4)
    ),
    "a steady tone": lambda time, rng: 0.3 * np.sin(2 * np.pi * 440 * time),
    "noise below -70 LUFS": lambda time, rng: 1e-5 * rng.standard_normal(len(time)),
    "noise after silence": lambda time, rng: 0.1 * rng.standard_normal(len(time)) * (time > time[-1] / 2),
}


@pytest.mark.parametrize("seconds", [0.5, 3.0])
@pytest.mark.parametrize("gains", [(1.0,), (1.0, 0.0), (1.0, -1.0)], ids=["mono", "one silent channel", "opposed"])
@pytest.mark.parametrize("kind", ODD)
def test_odd_records_are_read_without_a_warning(kind: str, gains: tuple[float, ...], seconds: float) -> None:
    time = np.arange(round(seconds * 44_100)) / 44_100
    record = rt.Audio(np.outer(gains, ODD[kind](time, np.random.default_rng(0))), 44_100)
    # a RuntimeWarning is an error here, see pyproject.toml
    assert np.isfinite(Medium.from_recording(record).apply(record).samples).all()


def test_a_record_of_a_moment_is_refused() -> None:
    with pytest.raises(rt.StyleError, match="choose a longer"):
        Medium.from_recording(rt.Audio(np.ones((1, 4000)), 44_100))


def test_the_song_keeps_its_own_pitches(strings: rt.Audio, shared_music: Path) -> None:
    """The fine structure of the long-term spectrum stays the song's: nothing of the record's music comes along."""
    song, other = rt.load(next(shared_music.glob("*Vibe_Ace.ogg")), 25).slice(5), DISC.apply(strings)

    def fine(audio: rt.Audio) -> np.ndarray:
        spectrum = np.abs(
            np.fft.rfft(np.lib.stride_tricks.sliding_window_view(audio.samples.mean(axis=0), 16_384)[::8192])
        )
        hertz = np.fft.rfftfreq(16_384, 1 / audio.sample_rate)
        level = 10 * np.log10(np.square(spectrum).mean(axis=0))[(hertz > 100) & (hertz < 1500)]
        return level - np.convolve(np.pad(level, 20, mode="edge"), np.ones(41) / 41, "valid")

    result = rt.StyleTransfer().stylize(song, other)
    assert np.corrcoef(fine(result), fine(song))[0, 1] > 0.93
    assert np.corrcoef(fine(result), fine(other))[0, 1] < 0.4


@pytest.mark.parametrize("rate", [8000, 22_050])
def test_a_record_of_a_low_rate_ends_the_song_where_it_ends(rate: int) -> None:
    record = rt.load(bundled_song(), 8).resample(rate)
    medium = rt.Medium.from_recording(record)
    aged = medium.apply(rt.load(bundled_song(), 4))
    power = np.abs(np.fft.rfft(aged.samples[0])) ** 2
    hertz = np.fft.rfftfreq(aged.frames, 1 / aged.sample_rate)
    above, below = power[hertz > 0.6 * rate].sum(), power[hertz < 0.4 * rate].sum()
    assert above < 1e-4 * below
