"""The 57 columns agree with the published table, at any rate and with one or two channels."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from retrotone.audio.audio import Audio
from retrotone.dsp.hpss import running_median
from retrotone.features.gtzan import COLUMNS, LEVEL_POWERS, SECONDS, at_level, gtzan_columns, timbre

RATE = 22_050


@pytest.fixture(scope="module")
def table(shared_music: Path) -> dict[str, NDArray[np.float64]]:
    """Kaggle's table by track."""
    with (shared_music.parent / "gtzan" / "features_30_sec.csv").open(newline="") as file:
        rows = csv.DictReader(file)
        assert rows.fieldnames
        assert tuple(rows.fieldnames[2:-1]) == COLUMNS
        return {row["filename"][:-4]: np.array([float(row[name]) for name in COLUMNS]) for row in rows}


def band(seconds: float, sample_rate: int = RATE) -> Audio:
    """Chords with a beat at 120 a minute, and some hiss."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    notes = sum(np.sin(2 * np.pi * hertz * time) for hertz in (220.0, 277.18, 329.63, 880.0))
    strokes = np.exp(-(time % 0.5) * 60) * np.random.default_rng(0).standard_normal(len(time))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 0.2 * time)
    return Audio(swell * (0.05 * notes + 0.2 * strokes), sample_rate)


@pytest.mark.parametrize("track", ["blues.00004", "classical.00051", "rock.00003"])
def test_columns_agree_with_the_published_table(
    track: str, shared_music: Path, table: dict[str, NDArray[np.float64]]
) -> None:
    path = shared_music.parent / "gtzan" / "audio" / track.split(".")[0] / f"{track}.ogg"
    if not path.exists():
        pytest.skip(f"needs {path}")
    spread = np.std(list(table.values()), axis=0)
    error = np.abs(gtzan_columns(path) - table[track]) / spread
    # the audio here has been through a lossy codec, the table's had not
    assert np.median(error) < 0.03
    assert np.quantile(error, 0.9) < 0.2


def test_level_moves_only_the_columns_that_measure_it() -> None:
    loud, soft = gtzan_columns(band(6.0)), gtzan_columns(band(6.0).gain(-12))
    moved = {name for name, a, b in zip(COLUMNS, loud, soft, strict=True) if abs(a - b) > 1e-3 * abs(a)}
    assert moved == {*LEVEL_POWERS, "mfcc1_mean"}
    both = at_level(np.stack([loud, soft]), rms=0.05)
    np.testing.assert_allclose(both[0], both[1], rtol=1e-3, atol=1e-6)
    assert both[0, COLUMNS.index("rms_mean")] == pytest.approx(0.05)
    silence = gtzan_columns(Audio(np.zeros(RATE), RATE))
    np.testing.assert_array_equal(at_level(silence), silence)


def test_rate_and_channels_do_not_matter() -> None:
    # nothing above 8 kHz, where the filters of resamplers differ
    source = band(6.0, 16_000)
    stereo = source.resample(44_100)
    stereo = stereo.with_samples(np.repeat(stereo.samples, 2, axis=0))
    one, other = (dict(zip(COLUMNS, gtzan_columns(a), strict=True)) for a in (source.resample(RATE), stereo))
    for name in COLUMNS:
        # 0 but for rounding
        if name not in ("harmony_mean", "perceptr_mean"):
            tolerance = 0.1 if name.startswith("mfcc") else 0.0
            assert other[name] == pytest.approx(one[name], rel=0.05, abs=tolerance), name


def test_a_long_song_is_judged_by_its_middle() -> None:
    song = band(50.0, 8_000)
    start = (50.0 - SECONDS) / 2
    np.testing.assert_array_equal(gtzan_columns(song), gtzan_columns(song.slice(start, start + SECONDS)))


@pytest.mark.parametrize("pause", [False, True])
def test_a_few_seconds_tell_how_much_is_harmonic_and_percussive(pause: bool) -> None:
    samples = band(30.0).samples[0] * np.linspace(0.2, 1, 30 * RATE)
    # in the middle, where the few seconds are taken
    if pause:
        samples[12 * RATE : 18 * RATE] = 0
    whole, few = (timbre(Audio(samples, RATE), seconds).columns for seconds in (30.0, 5.0))
    parts = [COLUMNS.index(name) for name in ("harmony_var", "perceptr_var")]
    np.testing.assert_allclose(few[parts], whole[parts], rtol=0.1)
    rest = [index for index, name in enumerate(COLUMNS) if not name.startswith(("harmony", "perceptr"))]
    np.testing.assert_array_equal(few[rest], whole[rest])


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.ones(1), np.full(5_000, 0.3), 1e-7 * np.arange(5_000)])
def test_silence_and_very_short_sounds_give_numbers(samples: NDArray[np.float64]) -> None:
    assert np.isfinite(gtzan_columns(Audio(samples, RATE))).all()


@pytest.mark.parametrize("shape", [(1, 3), (5, 2), (16, 40), (31, 1), (333, 65)])
def test_the_running_median_is_that_of_scipy(shape: tuple[int, int]) -> None:
    # with ties
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32).round(1)
    np.testing.assert_array_equal(running_median(values), median_filter(values, (31, 1), mode="reflect"))
