"""A comparison: its table is right, its figure shows the recordings, its page is one file without links."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from retrotone.audio.audio import Audio
from retrotone.errors import AudioError, Cancelled, OutputError
from retrotone.figures.base import COLOURS, PAPER, png
from retrotone.figures.recordings import comparison_figure, feature_figure
from retrotone.report import Comparison, compare
from retrotone.style.media.filters import Lowpass
from retrotone.style.medium import Medium

NASTY = "<script>alert('x')</script> & $\\frac"


def chords(seconds: float, sample_rate: int, channels: int = 1) -> Audio:
    """A struck chord every half second."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    strike = np.exp(-6 * (time % 0.5))
    root = 220 * 2 ** (np.floor(time / 0.5) % 5 / 12)
    phase = 2 * np.pi * np.cumsum(root) / sample_rate
    sound = strike * sum(np.sin(k * phase) / k for k in (1, 2, 3, 4, 6, 8))
    return Audio(np.tile(0.2 * sound, (channels, 1)), sample_rate)


@pytest.fixture(scope="module")
def versions() -> dict[str, Audio]:
    return {"original": chords(3, 44_100, channels=2), NASTY: chords(2, 11_025).gain(-8), "48 kHz": chords(3, 48_000)}


@pytest.fixture(scope="module")
def comparison(versions: dict[str, Audio]) -> Comparison:
    return compare(versions, style=versions[NASTY])


@pytest.fixture(scope="module")
def page(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> str:
    return comparison.save(tmp_path_factory.mktemp("report") / "report.html").read_text("utf-8")


def players(page: str) -> list[bytes]:
    return [base64.b64decode(data) for data in re.findall(r'<audio[^>]* src="data:audio/mpeg;base64,([^"]+)"', page)]


def test_table_measures_every_version_against_the_first(comparison: Comparison) -> None:
    first, aged, same = comparison.table
    assert [row.version for row in comparison.table] == ["original", NASTY, "48 kHz"]
    assert first.chroma_cosine is None
    assert first.style_gain is None
    assert [row.seconds for row in comparison.table] == [3, 2, 3]
    assert aged.loudness_change_lu == pytest.approx(aged.loudness_lufs - first.loudness_lufs)
    assert aged.style_gain == pytest.approx(1, abs=1e-4)
    assert aged.envelope_gain == pytest.approx(1, abs=1e-4)
    assert same.chroma_cosine == pytest.approx(1, abs=0.01)
    assert same.onset_f1 == 1
    assert same.log_spectral_distance is not None
    assert aged.log_spectral_distance is not None
    assert same.log_spectral_distance < aged.log_spectral_distance


def test_page_asks_the_network_for_nothing(page: str) -> None:
    sources = re.findall(r"""(?:src|href|srcset|action|poster)\s*=\s*["']?([^"'\s>]*)|url\(([^)]*)\)""", page)
    assert len(sources) >= 5
    assert all((attribute or url).startswith("data:") for attribute, url in sources)
    assert "@import" not in page
    assert not re.search(r"https?://", page)


def test_every_version_has_a_player_that_holds_it(page: str, versions: dict[str, Audio]) -> None:
    encoded = players(page)
    assert len(encoded) == len(versions)
    for data, audio in zip(encoded, versions.values(), strict=True):
        samples, rate = soundfile.read(io.BytesIO(data), always_2d=True)
        assert len(samples) / rate == pytest.approx(audio.duration, abs=0.05)
        # two equal channels are encoded as one, which a browser plays on both sides
        assert samples.shape[1] == 1
        decoded = Audio(np.tile(samples.T, (audio.channels, 1)), rate)
        assert decoded.loudness == pytest.approx(audio.loudness, abs=0.5)


def test_names_are_text_and_not_markup(page: str) -> None:
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; $\\frac" in page


def test_a_name_is_cut_where_it_is_too_long_and_whole_in_its_label(page: str) -> None:
    heading = page[page.index("<h1") : page.index("</h1>")]
    assert 'aria-label="original · &lt;script&gt;' in heading
    assert heading.count('class="cut"') == 3
    assert 'title="48 kHz"' in heading


def test_page_shows_the_figures_of_the_table(page: str, comparison: Comparison) -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page[page.index("<tbody>") : page.index("</tbody>")]))
    row = text[text.index("48 kHz") :]
    same = comparison.table[2]
    for value in (same.style_gain, same.envelope_gain, same.chroma_cosine, same.onset_f1):
        assert f"{value + 0:.2f}".replace("-", "−") in row


def test_without_a_style_there_is_no_gain_column(versions: dict[str, Audio], tmp_path: Path) -> None:
    # a path is loaded
    plain = compare({"only": versions[NASTY].save(tmp_path / "only.wav")})
    assert plain.table[0].style_gain is None
    assert "style gain" not in plain.save(tmp_path / "plain.html").read_text("utf-8")


def test_loud_versions_do_not_clip_in_the_players(tmp_path: Path) -> None:
    sound = chords(2, 22_050).gain(20).samples
    loud = Audio(np.concatenate([sound, sound / 2]), 22_050)
    soft = loud.gain(-12)
    page = compare({"loud": loud, "soft": soft}).save(tmp_path / "loud.html").read_text("utf-8")
    heard = [Audio(soundfile.read(io.BytesIO(data))[0].T, 22_050) for data in players(page)]
    assert heard[0].peak < 1
    left, right = np.sqrt(np.square(heard[0].samples).mean(axis=1))
    assert left / right == pytest.approx(2, rel=0.05)
    assert heard[0].loudness - heard[1].loudness == pytest.approx(12, abs=0.5)


def test_the_same_comparison_gives_the_same_bytes(
    versions: dict[str, Audio], comparison: Comparison, tmp_path: Path
) -> None:
    again = compare(versions, style=versions[NASTY])
    for suffix in ("png", "html"):
        first, second = (
            result.save(tmp_path / f"{i}.{suffix}").read_bytes() for i, result in enumerate((comparison, again))
        )
        assert first == second
        assert len(first) > 50_000


def test_picture_holds_every_version_in_its_colour(comparison: Comparison, tmp_path: Path) -> None:
    picture = imread(comparison.save(tmp_path / "figure.png"))[:, :, :3]
    assert min(picture.shape[:2]) > 800
    for colour in COLOURS[:3]:
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        assert (np.abs(picture - rgb).max(axis=2) < 0.02).sum() > 1000


def test_comparison_shares_axes_and_colour_limits(versions: dict[str, Audio]) -> None:
    figure = comparison_figure(versions)
    images = [image for axes in figure.axes for image in axes.images]
    assert len(images) == 2 * len(versions)
    spectrograms, chroma = images[::2], images[1::2]
    assert {image.get_clim() for image in spectrograms} == {(-80, 0)}
    assert {image.get_clim() for image in chroma} == {(0, 1)}
    assert len({image.axes.get_ylim() for image in spectrograms}) == 1
    assert {image.axes.get_xlim() for image in images} == {(0, 3)}
    # the 11 kHz version shows no power where it cannot have any
    narrow = np.asarray(spectrograms[1].get_array())
    assert narrow[-20:].max() < narrow[:20].max() - 40


def test_a_comparison_of_more_than_a_minute_is_drawn_to_its_end_without_a_seam() -> None:
    figure = comparison_figure({"tone": Audio(np.sin(2 * np.pi * 440 / 8_000 * np.arange(62 * 8_000)), 8_000)})
    spectrogram, chroma = (image for axes in figure.axes for image in axes.images)
    assert spectrogram.axes.get_xlim() == (0, 62)
    # the spectra of both ends hold less than a whole window
    loudest = np.asarray(spectrogram.get_array()).max(axis=0)[4:-4]
    assert len(loudest) > 61 * 8_000 / 256
    assert np.ptp(loudest) < 0.1
    # an A from beginning to end
    assert set(np.asarray(chroma.get_array()).argmax(axis=0)) == {9}


def test_feature_figure_draws_even_silence_and_odd_titles() -> None:
    for audio in (chords(1, 8_000), Audio(np.zeros(4_000), 8_000)):
        picture = imread(io.BytesIO(png(feature_figure(audio, "日本語 $x^"))))[:, :, :3]
        paper = np.array([int(PAPER[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        assert 0.2 < (np.abs(picture - paper).max(axis=2) > 0.05).mean() < 0.95


def test_drawing_leaves_matplotlib_s_settings_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    feature_figure(chords(1, 8_000), "a")
    assert dict(matplotlib.rcParams) == before


def test_progress_is_told_and_can_stop_the_work(versions: dict[str, Audio]) -> None:
    told: list[float] = []

    def stop(fraction: float, message: str) -> None:
        told.append(fraction)
        if len(told) == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        compare(versions, progress=stop)
    assert told == pytest.approx([0, 0.25])


def test_what_cannot_be_written_says_what_to_do(comparison: Comparison, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.html or \.png"):
        comparison.save(tmp_path / "report.pdf")
    with pytest.raises(OutputError, match="not a folder"):
        comparison.save(tmp_path / "missing" / "report.html")
    (tmp_path / "taken.html").mkdir()
    with pytest.raises(OutputError, match="could not be written"):
        comparison.save(tmp_path / "taken.html")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.html"]


@pytest.mark.parametrize(
    ("given", "message"),
    [({}, "nothing to compare"), ({"a": Audio(np.zeros(9_000), 8_000, name="quiet.wav")}, "quiet.wav is silent")],
)
def test_what_cannot_be_compared_says_why(given: dict[str, Audio], message: str) -> None:
    with pytest.raises(AudioError, match=message):
        compare(given)


def test_the_medium_of_the_style_is_shown_as_dials(versions: dict[str, Audio], tmp_path: Path) -> None:
    medium = Medium(name="<script>", recording=(Lowpass(3700.0, 6),), separation_db=0.0)
    with_dials = compare({"only": versions["original"]}, medium=medium)
    page = with_dials.save(tmp_path / "dials.html").read_text("utf-8")
    assert page.count('class="gauge"') == 8
    assert "The medium: &lt;script&gt;" in page
    assert "3.7 kHz" in page
    said = [text.get_text() for axes in with_dials.figure.axes for text in axes.texts]
    assert {"upper edge", "3.7 kHz", "width", "mono", "crackle", "none"} <= set(said)
    without = compare({"only": versions["original"]}).save(tmp_path / "plain.html").read_text("utf-8")
    assert 'class="gauge"' not in without
