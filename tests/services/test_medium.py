"""The page about a record's medium: one file without links that says what is there and what is not."""

from __future__ import annotations

import base64
import html
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from retrotone.audio.audio import Audio, load
from retrotone.errors import OutputError, StyleError
from retrotone.services.medium import HEARD_SECONDS, read_medium, write_medium_report
from retrotone.style.medium import Medium
from retrotone.utils.assets import bundled_record

NASTY = "<b>&.ogg"


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copy(bundled_record(), tmp_path_factory.mktemp("records") / NASTY))


@pytest.fixture(scope="module")
def written(record: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    medium, readings = read_medium(record)
    return write_medium_report(record, medium, readings, tmp_path_factory.mktemp("page") / "my disc.html")


@pytest.fixture(scope="module")
def page(written: list[Path]) -> str:
    return written[0].read_text("utf-8")


def words(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page[page.index("<body>") :])))


def test_page_asks_the_network_for_nothing(page: str) -> None:
    sources = re.findall(r"""(?:src|href|srcset|action|poster)\s*=\s*["']?([^"'\s>]*)|url\(([^)]*)\)""", page)
    assert len(sources) == 3
    assert all((attribute or url).startswith("data:") for attribute, url in sources)
    assert "@import" not in page
    assert not re.search(r"https?://", page)


def test_page_plays_the_start_of_the_record(page: str) -> None:
    (data,) = re.findall(r'src="data:audio/mpeg;base64,([^"]+)"', page)
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    heard = load(bundled_record(), HEARD_SECONDS)
    assert len(samples) / rate == pytest.approx(heard.duration, abs=0.05)


def test_page_says_each_part_in_words_and_how_to_use_it(page: str) -> None:
    text = words(page)
    assert re.search(r"The music ends at \d\.?\d* kHz, \d+ dB per octave\.", text)
    assert "It is mono" in text
    assert re.search(r"sure, \d+%", text)
    assert "No hum." in text
    assert "neither channel is late" in text
    assert "retrotone style SONG --style 'my disc.toml'" in text


def test_names_are_text_and_not_markup(page: str) -> None:
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page


def test_a_picture_lies_beside_the_page(written: list[Path]) -> None:
    assert [path.name for path in written] == ["my disc.html", "my disc.png"]
    assert written[1].read_bytes().startswith(b"\x89PNG")


def test_nothing_is_written_over_unasked(record: Path, tmp_path: Path) -> None:
    medium, readings = read_medium(record)
    (tmp_path / "disc.png").write_text("mine")
    with pytest.raises(OutputError, match=r"disc\.png is there already"):
        write_medium_report(record, medium, readings, tmp_path / "disc.html")
    assert [path.name for path in tmp_path.iterdir()] == ["disc.png"]
    assert (tmp_path / "disc.png").read_text() == "mine"
    write_medium_report(record, medium, readings, tmp_path / "disc.html", overwrite=True)
    assert (tmp_path / "disc.png").stat().st_size > 50_000
    with pytest.raises(OutputError, match=r"as \.html, not '\.pdf'"):
        write_medium_report(record, medium, readings, tmp_path / "disc.pdf")


def test_a_recording_without_a_medium_gets_a_page_that_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    beats = np.repeat(rng.random(20) > 0.3, 11_025) * rng.standard_normal((2, 220_500)) * 0.1
    clean = Audio(beats, 44_100, name="clean.wav")
    _, readings = read_medium(clean)
    page = write_medium_report(clean, Medium(name="clean"), readings, tmp_path / "clean.html")[0].read_text("utf-8")
    text = words(page)
    assert "No medium was found" in text
    assert "--method transport" in text
    assert "--style clean.toml" not in text


def test_reading_is_what_from_recording_does(record: Path) -> None:
    medium, readings = read_medium([record, load(bundled_record())], name="two")
    assert len(readings) == 2
    assert medium == Medium.from_recording([record, load(bundled_record())], name="two")
    with pytest.raises(StyleError, match="no records"):
        read_medium([])
