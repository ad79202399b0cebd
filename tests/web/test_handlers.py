"""The page's handlers without a server: how often an upload is opened, and which styles a visitor can choose."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import retrotone as rt
from retrotone.audio.files import AudioFile
from retrotone.style.choices import find_style
from retrotone.utils import assets
from retrotone.utils.text import sentence
from retrotone.web.uploads import Uploads

gradio = pytest.importorskip("gradio", reason="needs the extra web")

from retrotone.web.handlers import RECORD, Handlers  # noqa: E402

VISITOR: Any = SimpleNamespace(session_hash="a visitor")


def bar(fraction: float, desc: str) -> None:
    """Show nothing."""


@pytest.fixture
def uploads() -> Iterator[Uploads]:
    uploads = Uploads(limit=1 << 30)
    yield uploads
    uploads.remove()


@pytest.fixture
def song(uploads: Uploads) -> str:
    return str(rt.load(assets.bundled_song()).slice(4, 7).save(uploads.new_folder() / "a song.wav"))


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was opened."""
    counted, opened = Counter[str](), AudioFile.__init__

    def counting(self: AudioFile, path: str | os.PathLike[str]) -> None:
        counted[os.fspath(path)] += 1
        opened(self, path)

    monkeypatch.setattr(AudioFile, "__init__", counting)
    return counted


def test_an_upload_is_opened_once_to_be_restyled(uploads: Uploads, song: str, openings: Counter[str]) -> None:
    Handlers(uploads).restyle(VISITOR, song, "1930s", bar=bar)
    assert openings[song] == 1


def test_a_record_is_opened_once_too(uploads: Uploads, song: str, openings: Counter[str]) -> None:
    record = str(uploads.keep(assets.bundled_record()))
    words, result, *_ = Handlers(uploads).restyle(VISITOR, song, RECORD, record=record, bar=bar)
    assert (openings[song], openings[record]) == (1, 1)
    assert "in the sound of demo_style" in words
    assert Path(result).name == "a song-demo_style.wav"


def test_an_upload_is_opened_once_to_classify_its_genre(uploads: Uploads, song: str, openings: Counter[str]) -> None:
    Handlers(uploads).genre(VISITOR, song, bar=bar)
    assert openings[song] == 1


def test_versions_are_opened_once_each(uploads: Uploads, song: str, openings: Counter[str]) -> None:
    softer = str(rt.load(song).gain(-6).save(uploads.new_folder() / "softer.wav"))
    openings.clear()
    Handlers(uploads).compare(VISITOR, [song, softer], bar=bar)
    assert openings == {song: 1, softer: 1}


def test_a_preview_is_what_the_chosen_medium_makes_of_the_song_from_there_on(uploads: Uploads, song: str) -> None:
    handlers = Handlers(uploads)
    heard, open_band = (
        rt.load(handlers.preview(VISITOR, song, "1910s", 1.0, None, dials, 1.0, bar=bar)["value"])
        for dials in ("", "band:0,noise:0")
    )
    # the song ends before nine seconds
    assert heard.duration == pytest.approx(3.0, abs=0.01)
    assert abs(heard.loudness - rt.load(song).loudness) < 1
    # its treble is what the horn lets through, unless the dial of the band is at nothing
    treble = [np.abs(np.fft.rfft(each.samples[0]))[3 * 8000 :].sum() for each in (heard, open_band)]
    assert treble[1] > 3 * treble[0]


def test_a_visitor_cannot_name_a_file_as_style_or_model(uploads: Uploads, song: str) -> None:
    handlers = Handlers(uploads)
    for name in (song, "/etc/passwd", f"rave:{song}", "nowhere/at.all"):
        with pytest.raises(gradio.Error, match="there is no style"):
            handlers.restyle(VISITOR, song, name, bar=bar)
        with pytest.raises(gradio.Error, match="there is no style"):
            handlers.generate(VISITOR, name, bar=bar)


def test_the_page_refuses_an_unknown_word_as_the_api_does(uploads: Uploads, song: str) -> None:
    with pytest.raises(rt.StyleError) as wanted:
        find_style("1850s")
    with pytest.raises(gradio.Error) as caught:
        Handlers(uploads).restyle(VISITOR, song, "1850s", bar=bar)
    assert caught.value.message == sentence(wanted.value)


def test_a_record_that_is_named_like_a_model_is_read_as_a_recording(
    uploads: Uploads, song: str, tmp_path: Path
) -> None:
    model = uploads.new_folder() / "model.ts"
    model.write_bytes(b"PK not a recording")
    with pytest.raises(gradio.Error, match="not a sound file"):
        Handlers(uploads).restyle(VISITOR, song, RECORD, record=str(model), bar=bar)
