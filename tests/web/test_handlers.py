"""The page's handlers without a server: how often an upload is opened, and which styles a visitor can choose."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

import retrotone as rt
from retrotone.audio.files import AudioFile
from retrotone.library.library import Library
from retrotone.style.amounts import with_amounts
from retrotone.style.choices import find_style
from retrotone.style.eras import ERAS
from retrotone.utils import assets
from retrotone.utils.text import sentence
from retrotone.web.renders import COOKIE
from retrotone.web.server import import_gradio
from retrotone.web.uploads import Uploads

if TYPE_CHECKING:
    from retrotone.web.handlers import Handlers

# the last of the styles: a file of the visitor
RECORD = "record"
VISITOR: Any = SimpleNamespace(session_hash="a page", cookies={})


def bar(fraction: float, desc: str) -> None:
    """Show nothing."""


@pytest.fixture
def uploads() -> Iterator[Uploads]:
    uploads = Uploads(limit=1 << 30)
    yield uploads
    uploads.remove()


@pytest.fixture(scope="module")
def gradio() -> Any:
    """Imported only where these tests run, as it takes seconds."""
    try:
        import_gradio()
    except rt.MissingExtraError as error:
        pytest.skip(str(error))
    return sys.modules["gradio"]


@pytest.fixture
def stopped(gradio: Any) -> Any:
    """What a handler returns whose work is no longer wanted."""
    from retrotone.web.jobs import STOPPED

    return STOPPED


@pytest.fixture
def handlers(gradio: Any, uploads: Uploads, tmp_path: Path) -> Handlers:
    from retrotone.web.handlers import Handlers

    return Handlers(uploads, tmp_path / "library.db")


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


def linked(html: str) -> Path:
    """Return the last file that some HTML plays or offers."""
    return Path(unquote(re.findall(r'gradio_api/file=([^"]+)"', html)[-1]))


def test_song_and_record_are_opened_once_each_and_the_figure_is_there_in_dark(
    handlers: Handlers, uploads: Uploads, song: str, openings: Counter[str]
) -> None:
    record = str(uploads.keep(assets.bundled_record()))
    words, result, shown, *_ = handlers.restyle(VISITOR, song, RECORD, record=record, bar=bar)
    assert (openings[song], openings[record]) == (1, 1)
    # as it is: without escapes for Markdown
    assert "in the sound of demo_style" in words
    assert Path(result).name == "a song-demo_style.wav"
    picture = Path(shown)
    light, dark = (
        np.asarray(Image.open(file).convert("L")) for file in (picture, picture.with_name(f"{picture.stem}-dark.png"))
    )
    assert light.shape == dark.shape
    # the corner is paper
    assert light[0, 0] > 240
    assert dark[0, 0] < 40


def test_an_upload_is_opened_once_to_classify_its_genre(handlers: Handlers, song: str, openings: Counter[str]) -> None:
    handlers.genre(VISITOR, song, bar=bar)
    assert openings[song] == 1


@pytest.mark.usefixtures("analysing_here")
def test_similar_tracks_are_of_the_library_as_it_is_now(
    handlers: Handlers, gradio: Any, stopped: Any, song: str, tmp_path: Path
) -> None:
    """Nobody is told where it lies."""
    (music := tmp_path / "music").mkdir()
    path = tmp_path / "library.db"
    with pytest.raises(gradio.Error, match="This page has no library yet"):
        handlers.similar(VISITOR, song, bar=bar)
    with Library(path) as library:
        record = rt.load(assets.bundled_record())
        record.slice(0, 3).save(music / "first.wav")
        library.scan([music], workers=1)
        words, *_, found = handlers.describe(VISITOR, song, bar=bar)
        # as on a page that is loaded again
        assert handlers.describe_again(VISITOR, song, "", "", "", "")[0] == words
        assert handlers.describe_again(VISITOR, "another", "", "", "", "") is stopped
        assert [track.cells[0] for track in found] == ["first"]
        # a name that is not UTF-8, which no browser could be sent
        record.slice(3, 6).save(music / os.fsdecode(b"second \xe9.wav"))
        library.scan([music], workers=1)
    # the tab is opened
    *_, found = handlers.similar_now(song, "", "", "", "", found)
    assert sorted(track.cells[0] for track in found) == ["first", "second \ufffd"]
    assert handlers.similar_now(song, "", "", "", "", found) is stopped
    path.write_bytes(b"no database")
    with pytest.raises(gradio.Error, match="This page's library cannot be read") as caught:
        handlers.similar(VISITOR, song, bar=bar)
    assert "library.db" not in caught.value.message


def test_versions_are_opened_once_each(handlers: Handlers, uploads: Uploads, song: str, openings: Counter[str]) -> None:
    softer = str(rt.load(song).gain(-6).save(uploads.new_folder() / "softer.wav"))
    openings.clear()
    handlers.compare(VISITOR, [song, softer], bar=bar)
    assert openings == {song: 1, softer: 1}


def test_an_excerpt_is_what_the_chosen_medium_makes_of_the_song_from_there_on(handlers: Handlers, song: str) -> None:
    heard, open_band = (
        rt.load(linked(handlers.excerpt(VISITOR, song, "1910s", 1.0, None, dials, 1.0)[0]))
        for dials in ("", "band:0,noise:0")
    )
    # the song ends before the excerpt would
    assert heard.duration == pytest.approx(3.0, abs=0.01)
    assert abs(heard.loudness - rt.load(song).loudness) < 1
    # its treble is what the horn lets through, unless the dial of the band is at nothing
    treble = [np.abs(np.fft.rfft(each.samples[0]))[3 * 8000 :].sum() for each in (heard, open_band)]
    assert treble[1] > 3 * treble[0]


def test_a_pause_of_a_song_is_heard_as_it_is(handlers: Handlers, uploads: Uploads, song: str) -> None:
    sounding = rt.load(song)
    pause = np.zeros((sounding.channels, 12 * sounding.sample_rate), np.float32)
    paused = rt.Audio(np.hstack([pause, sounding.samples]), sounding.sample_rate).save(uploads.new_folder() / "p.wav")
    shown, _, wanted = handlers.excerpt(VISITOR, str(paused), "1910s", 1.0, None, "", 0.0)
    assert rt.load(linked(shown)).is_silent
    assert not rt.load(linked(handlers.whole(VISITOR, wanted))).is_silent


def test_the_whole_song_follows_an_excerpt_unless_another_sound_is_wanted(
    handlers: Handlers, stopped: Any, song: str
) -> None:
    *_, wanted = handlers.excerpt(VISITOR, song, "1930s", 0.5, None, "noise:0", 0.0)
    whole = linked(handlers.whole(VISITOR, wanted))
    assert linked(handlers.list_renders(VISITOR)[0]) == whole
    assert whole.name == "a song-1930s, noise 0%-strength50%.wav"
    assert rt.load(whole).duration == pytest.approx(rt.load(song).duration, abs=0.01)
    # once
    assert handlers.whole(VISITOR, wanted) is stopped
    # the same once more, with a record that an era does not use, takes its place in the list
    *_, wanted = handlers.excerpt(VISITOR, song, "1930s", 0.5, song, "noise:0", 0.0)
    again = linked(handlers.whole(VISITOR, wanted))
    assert again != whole
    assert linked(handlers.list_renders(VISITOR)[0]) == again
    assert handlers.list_renders(VISITOR)[0].count("<li>") == 1
    handlers.excerpt(VISITOR, song, "1940s", 0.5, None, "", 0.0)
    assert handlers.whole(VISITOR, wanted) is stopped


def test_an_excerpt_of_a_song_is_given_up_for_the_next_song(
    handlers: Handlers, stopped: Any, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = handlers._opened

    def open_while_another_is_taken(path: str) -> Any:
        handlers.forget(VISITOR, "the next")
        return opened(path)

    monkeypatch.setattr(handlers, "_opened", open_while_another_is_taken)
    for given in (song, "a file that is gone"):
        assert handlers.excerpt(VISITOR, given, "1910s", 1.0, None, "", 0.0) == (stopped, stopped, None)


def test_only_players_of_the_same_sound_take_the_place_of_those_heard(handlers: Handlers, song: str) -> None:
    def key(players: str) -> str:
        return re.findall('data-sound="(.+?)"', players)[0]

    sounds = [(song, style, strength, None, "") for style, strength in (("1930s", 1.0), ("1930s", 0.5), ("1940s", 0.5))]
    keys = set()
    for sound in sounds:
        players, _, wanted = handlers.excerpt(VISITOR, *sound, 0.0)
        keys.add(key(players))
        assert key(handlers.whole(VISITOR, wanted)) == key(players)
    *_, restyled = handlers.restyle(VISITOR, *sounds[-1], bar=bar)
    assert restyled
    assert restyled.key == key(players)
    assert len(keys) == 3


def test_a_render_goes_on_without_its_page_until_its_visitor_stops_it(
    handlers: Handlers, gradio: Any, stopped: Any, uploads: Uploads, song: str
) -> None:
    requests: list[Any] = [
        SimpleNamespace(session_hash=name, cookies={COOKIE: visitor})
        for name, visitor in (("page", "me"), ("page loaded again", "me"), ("another page", "you"))
    ]
    page, loaded_again, stranger = requests
    # what tells that a page has gone began before its visitor had a cookie
    gone: Any = SimpleNamespace(session_hash="page", cookies={})

    def leave(fraction: float, desc: str) -> None:
        handlers.leave(gone)
        handlers.stop(stranger)
        assert not handlers.list_renders(stranger)[0]

    def leave_and_lose(fraction: float, desc: str) -> None:
        handlers.leave(gone)
        Path(song).unlink(missing_ok=True)

    def leave_and_stop(fraction: float, desc: str) -> None:
        handlers.leave(gone)
        assert "a song – 1940s, noise 50%, strength 60%: " in handlers.list_renders(loaded_again)[0]
        handlers.stop(loaded_again)

    _, result, *_ = handlers.restyle(page, song, "1910s", bar=leave)
    assert handlers.restyle(page, song, "1940s", 0.6, None, "noise:0.5", bar=leave_and_stop)[0] is stopped
    # nobody would see it any more
    assert handlers.genre(page, song, bar=leave) is stopped
    listed, *_ = handlers.list_renders(loaded_again)
    assert linked(listed) == Path(result)
    assert "1940s" not in listed
    assert not handlers.list_renders(stranger)[0]
    with pytest.raises(gradio.Error):
        handlers.restyle(page, song, "1930s", bar=leave_and_lose)
    uploads.forget(age=-1)
    assert not handlers.list_renders(stranger)[0]
    # it is told why one failed, until the page that tells it is left
    for _ in range(2):
        listed, *_ = handlers.list_renders(loaded_again)
        assert "a song – 1930s failed: a song.wav does not exist: check the path." in listed
    handlers.leave(SimpleNamespace(session_hash="page loaded again", cookies={}))
    assert not handlers.list_renders(loaded_again)[0]


def test_big_jobs_wait_for_their_turn_and_stop_while_they_wait(handlers: Handlers, stopped: Any, song: str) -> None:
    said: list[str] = []
    first, second = (SimpleNamespace(session_hash=name, cookies={}) for name in ("first", "second"))

    def stop(fraction: float, desc: str) -> None:
        said.append(desc)
        handlers.stop(second)

    def come_second(fraction: float, desc: str) -> None:
        if not said:
            assert handlers.genre(second, song, bar=stop) is stopped

    handlers.restyle(first, song, "1910s", bar=come_second)
    assert said == ["waiting for 1 other job"]


def test_a_visitor_who_goes_without_a_word_is_forgotten_when_others_come(
    handlers: Handlers, stopped: Any, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrotone.web.live.VISITORS_KEPT", 2)
    wanted = (song, "1990s", 0.0, None, "")
    visitors: list[Any] = [SimpleNamespace(session_hash=name, cookies={}) for name in ("gone", "first", "second")]
    for visitor in visitors:
        handlers.excerpt(visitor, *wanted, 0.0)
    assert [handlers.whole(visitor, wanted) is stopped for visitor in visitors] == [True, False, False]


def test_the_description_of_a_song_is_given_up_for_the_next_one(handlers: Handlers, stopped: Any, song: str) -> None:
    for taken in (song, None, "the next"):
        handlers.forget(VISITOR, taken)
    assert handlers.describe(VISITOR, song, bar=bar) is stopped


def test_dials_are_saved_as_a_preset_that_is_taken_in_place_of_a_record(handlers: Handlers, song: str) -> None:
    preset = linked(handlers.excerpt(VISITOR, song, "1930s", 1.0, None, "noise:0.5,crackle:0", 0.0)[1])
    assert preset.name == "1930s, noise 50%, crackle 0%.toml"
    assert "SONG --style '1930s, noise 50%, crackle 0%.toml'\n" in preset.read_text("utf-8")
    assert rt.Medium.load(preset) == with_amounts(ERAS["1930s"], {"noise": 0.5, "crackle": 0})
    parts = handlers.parts(VISITOR, RECORD, str(preset), bar=bar)
    assert parts["noise"] == "−50 dB"
    assert "crackle" not in parts
    assert "1930s, noise 50%" in handlers.excerpt(VISITOR, song, RECORD, 1.0, str(preset), "", 0.0)[0]
    preset.write_text("noise = 3")
    said, *_ = handlers.excerpt(VISITOR, song, RECORD, 1.0, str(preset), "", 0.0)
    assert re.search(r"1930s, noise 50%, crackle 0%\.toml: .*noise", said)


def test_a_record_is_shown_with_how_sure_its_reading_is(handlers: Handlers, uploads: Uploads) -> None:
    parts = handlers.parts(VISITOR, RECORD, str(uploads.keep(assets.bundled_record())), bar=bar)
    assert re.fullmatch(r"mono \((sure|fairly sure), \d+%\)", parts["width"])


def test_a_visitor_cannot_name_a_file_as_style_or_model(handlers: Handlers, gradio: Any, song: str) -> None:
    for name in (song, "/etc/passwd", f"rave:{song}", "nowhere/at.all"):
        with pytest.raises(gradio.Error, match="There is no style"):
            handlers.restyle(VISITOR, song, name, bar=bar)
        with pytest.raises(gradio.Error, match="There is no style"):
            handlers.generate(VISITOR, name, bar=bar)


def test_the_page_refuses_an_unknown_word_as_the_api_does(handlers: Handlers, gradio: Any, song: str) -> None:
    with pytest.raises(rt.StyleError) as wanted:
        find_style("1850s")
    with pytest.raises(gradio.Error) as caught:
        handlers.restyle(VISITOR, song, "1850s", bar=bar)
    assert caught.value.message == sentence(wanted.value)


def test_a_record_that_is_named_like_a_model_is_read_as_a_recording(
    handlers: Handlers, gradio: Any, uploads: Uploads, song: str, tmp_path: Path
) -> None:
    model = uploads.new_folder() / "model.ts"
    model.write_bytes(b"PK not a recording")
    with pytest.raises(gradio.Error, match="not a sound file"):
        handlers.restyle(VISITOR, song, RECORD, record=str(model), bar=bar)
