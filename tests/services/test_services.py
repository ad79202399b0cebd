"""What window and page share: verbs on the bundled song, and their words."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import retrotone as rt
from retrotone.errors import AudioError, Cancelled, StyleError
from retrotone.features.spectral import waveform_envelope
from retrotone.figures.base import fit, zoom
from retrotone.services import compare, listen, restyle, styles
from retrotone.study import experiments
from retrotone.study.sweep import SHORT_COLUMNS, loss_figure, short_cells
from retrotone.utils import assets, text


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workbench") / "a song.wav"
    return rt.load(assets.bundled_song()).slice(4, 10).save(path)


@pytest.fixture(scope="module")
def heard(song: Path) -> listen.Heard:
    return listen.listen(song)


def test_a_file_and_the_same_sound_in_memory_are_heard_alike(song: Path, heard: listen.Heard) -> None:
    audio = rt.load(song)
    again = listen.listen(audio)
    assert again.genres == heard.genres
    assert (heard.duration, heard.sample_rate, heard.channels) == (pytest.approx(6), 44_100, 2)
    outline = waveform_envelope(audio, listen.POINTS)
    assert heard.waveform.min() == pytest.approx(outline.min())
    assert heard.waveform.max() == pytest.approx(outline.max())


def test_the_verdict_names_the_likeliest_genre_and_doubt(heard: listen.Heard) -> None:
    (first, share), *_ = heard.genres
    assert share == max(heard.answer.probabilities.values())
    assert first in heard.verdict
    assert heard.verdict.startswith("This is" if heard.answer.sure else "Not sure")
    noise = np.random.default_rng(0).standard_normal((1, 5 * 22_050)).astype(np.float32)
    unsure = listen.listen(rt.Audio(0.1 * noise, 22_050, "noise"))
    assert unsure.verdict.startswith("Not sure: it does not sound like")


@pytest.mark.parametrize("name", ["1900s", "1990s"])
def test_an_era_renders_a_song_of_the_same_length_and_names_its_file(song: Path, name: str) -> None:
    done = restyle.render(song, styles.way("era", name))
    assert done.audio.duration == pytest.approx(6)
    assert done.file_name == f"a song-{name}.wav"
    assert name in done.sentence
    assert np.abs(done.audio.samples - rt.load(song).samples).max() > 0.05


def test_a_record_is_a_way_and_strength_0_gives_the_song_back(song: Path) -> None:
    way = styles.way("record", str(assets.bundled_record()))
    done = restyle.render(song, way, strength=0.0)
    np.testing.assert_array_equal(done.audio.samples, rt.load(song).samples)
    assert done.file_name == "a song-demo_style.wav"


def test_what_is_no_way_is_refused_with_a_sentence(song: Path, tmp_path: Path) -> None:
    with pytest.raises(StyleError, match="no era called 1850s"):
        styles.way("era", "1850s")
    with pytest.raises(AudioError) as caught:
        restyle.render(song, styles.way("record", str(tmp_path / "none.wav")))
    told = text.sentence(caught.value)
    assert "none.wav" in told
    assert told.endswith(".")


def test_a_training_shows_its_last_epoch_and_stops_when_nobody_looks() -> None:
    history = list(experiments.study_training(epochs=3))[-1]
    assert [point.epoch for point in history] == [1, 2, 3]
    assert all(math.isfinite(point.valid_loss) for point in history)
    watching = experiments.study_training(epochs=1000)
    next(watching)
    watching.close()  # returns: the training has ended


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
    versions = dict(zip(text.unique_titles([song, song]), (audio, audio.gain(-6)), strict=True))
    comparison = compare.comparison(versions)
    titles, lines = compare.comparison_cells(comparison)
    assert [line[0] for line in lines] == ["a song", "a song (2)"]
    assert {len(line) for line in lines} == {len(titles)}
    fit(comparison.figure, 12, 6)
    columns = zoom(comparison.figure, 1.0, 2.5)
    assert len(columns) == 2
    assert all(0 < left < right < 1 for left, right in columns)
    stretches = [axes.get_xlim() for axes in comparison.figure.axes]
    assert stretches.count((1.0, 2.5)) == 2 * 4
    assert comparison.figure.get_size_inches().tolist() == [12, 6]


@pytest.mark.parametrize(("seconds", "told"), [(0, "0:00"), (61.4, "1:01"), (3599.6, "1:00:00")])
def test_times_in_words(seconds: float, told: str) -> None:
    assert text.clock(seconds) == told
