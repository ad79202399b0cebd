"""What window and page share, on the bundled song."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

import retrotone as rt
from retrotone.errors import AudioError, Cancelled, StyleError
from retrotone.figures.base import fit, paint, png, zoom
from retrotone.services import compare, listen, restyle
from retrotone.study import experiments
from retrotone.study.sweep import SHORT_COLUMNS, loss_figure, short_cells
from retrotone.style.choices import StyleChoice, find_style
from retrotone.utils import assets, text


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("services") / "a song.wav"
    return rt.load(assets.bundled_song()).slice(4, 10).save(path)


@pytest.fixture(scope="module")
def summary(song: Path) -> listen.SongSummary:
    return listen.listen(song)


def test_a_file_and_the_same_sound_in_memory_have_the_same_summary(song: Path, summary: listen.SongSummary) -> None:
    audio = rt.load(song)
    again = listen.listen(audio)
    assert again.genres == summary.genres
    assert (summary.duration, summary.sample_rate, summary.channels) == (pytest.approx(6), 44_100, 2)


def test_the_verdict_names_the_likeliest_genre_and_doubt(summary: listen.SongSummary) -> None:
    (first, share), *_ = summary.genres
    assert share == max(summary.answer.probabilities.values())
    assert first in summary.verdict
    assert summary.verdict.startswith("This is" if summary.answer.sure else "Not sure")
    noise = np.random.default_rng(0).standard_normal((1, 5 * 22_050)).astype(np.float32)
    unsure = listen.listen(rt.Audio(0.1 * noise, 22_050, "noise"))
    assert unsure.verdict.startswith("Not sure: it does not sound like")


@pytest.mark.parametrize("name", ["1900s", "1990s"])
def test_an_era_renders_a_song_of_the_same_length_and_names_its_file(song: Path, name: str) -> None:
    done = restyle.restyle(song, find_style(name))
    assert done.audio.duration == pytest.approx(6)
    assert done.file_name == f"a song-{name}.wav"
    assert name in done.sentence
    assert np.abs(done.audio.samples - rt.load(song).samples).max() > 0.05


def test_a_record_is_a_style_and_strength_0_gives_the_song_back(song: Path) -> None:
    style = find_style(str(assets.bundled_record()))
    done = restyle.restyle(song, style, strength=0.0)
    np.testing.assert_array_equal(done.audio.samples, rt.load(song).samples)
    assert done.file_name == "a song-demo_style-strength0%.wav"


def test_what_is_no_style_is_refused_with_a_sentence(song: Path, tmp_path: Path) -> None:
    with pytest.raises(StyleError, match="no style '1850s'"):
        find_style("1850s")
    with pytest.raises(AudioError) as caught:
        restyle.restyle(song, StyleChoice.of_path(str(tmp_path / "none.wav")))
    sentence = text.sentence(caught.value)
    assert "none.wav" in sentence
    assert sentence.endswith(".")


def test_a_training_shows_its_last_epoch_and_stops_when_nobody_looks() -> None:
    history = list(experiments.study_training(epochs=3))[-1]
    assert [point.epoch for point in history] == [1, 2, 3]
    assert all(math.isfinite(point.valid_loss) for point in history)
    watching = experiments.study_training(epochs=1000)
    next(watching)
    # returns only when the training has ended
    watching.close()


def test_as_they_come_keeps_the_last_and_raises_what_the_work_raised() -> None:
    def work(show: Callable[[int], None]) -> None:
        for number in range(100):
            show(number)
        raise Cancelled("enough")

    seen: list[int] = []
    with pytest.raises(Cancelled, match="enough"):
        seen.extend(experiments.as_they_come(work))
    assert seen[-1] == 99
    assert seen == sorted(seen)


def test_the_loss_table_grows_row_by_row() -> None:
    song, record = rt.load(assets.bundled_song()), rt.load(assets.bundled_record())
    growing = experiments.study_loss(song, record, steps=1, seconds=0.3)
    first, second = next(growing), next(growing)
    assert (len(first), len(second)) == (1, 2)
    cells = [short_cells(row) for row in second]
    assert [len(line) for line in cells] == [len(SHORT_COLUMNS)] * 2
    assert loss_figure(second).axes[0].lines


def test_a_comparison_zooms_in_every_row_and_column_and_fits_a_screen(song: Path) -> None:
    audio = rt.load(song)
    versions = dict(zip(text.unique_titles(["a song"] * 2), (audio, audio.gain(-6)), strict=True))
    comparison = rt.compare(versions)
    titles, lines = compare.comparison_cells(comparison.table)
    assert [line[0] for line in lines] == ["a song", "a song (2)"]
    assert {len(line) for line in lines} == {len(titles)}
    fit(comparison.figure, 12, 6)
    columns = zoom(comparison.figure, 1.0, 2.5)
    assert len(columns) == 2
    assert all(0 < left < right < 1 for left, right in columns)
    stretches = [axes.get_xlim() for axes in comparison.figure.axes]
    assert stretches.count((1.0, 2.5)) == 2 * 4
    assert comparison.figure.get_size_inches().tolist() == [12, 6]
    light = png(comparison.figure)
    paint(comparison.figure, dark=True)
    dark = imread(io.BytesIO(png(comparison.figure)))[:, :, :3].max(axis=2)
    assert np.median(dark) < 0.15
    # text and axes in the left margin
    assert dark[:, :60].max() > 0.8
    paint(comparison.figure, dark=False)
    assert png(comparison.figure) == light
    # in a narrow figure no title reaches into the next, in a wide one it is whole again
    second = comparison.figure.axes[4]
    fit(comparison.figure, 3, 6)
    assert re.fullmatch(r"a.*….*\)", second.get_title("left"))
    fit(comparison.figure, 12, 6)
    assert second.get_title("left") == "a song (2)"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00"), (0.3, "0:00.3"), (0.96, "0:01"), (61.4, "1:01"), (3599.6, "1:00:00")]
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert text.clock(seconds) == words
