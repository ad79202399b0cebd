"""The beets plugin, in a real library of beets that imports real files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from retrotone.library.records import Track

UserError = pytest.importorskip("beets.exceptions", reason="needs beets: pip install 'retrotone[beets]'").UserError

CONFIG = """
directory: {folder}/music
library: {folder}/beets.db
plugins: [retrotone]
retrotone:
    library: {folder}/retrotone.db
import: {{copy: yes, quiet: yes, autotag: no, quiet_fallback: asis}}
"""


@pytest.fixture(scope="module")
def beet(
    tmp_path_factory: pytest.TempPathFactory, made_music: Path, analysing_here: None
) -> Iterator[Callable[..., None]]:
    """Run beet on a library into which the clips of one folder were imported."""
    folder = tmp_path_factory.mktemp("beets")
    (folder / "config.yaml").write_text(CONFIG.format(folder=folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEETSDIR", str(folder))
        from beets.ui import _raw_main

        def beet(*args: str) -> None:
            _raw_main(list(args))

        beet("import", str(made_music / "organ"))
        yield beet


Listed = Callable[..., list[str]]


@pytest.fixture
def listed(beet: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> Listed:
    """Return the lines that beet prints."""

    def listed(*args: str) -> list[str]:
        capsys.readouterr()
        beet(*args)
        return capsys.readouterr().out.splitlines()

    return listed


def test_an_import_sets_what_the_sound_tells(listed: Listed) -> None:
    lines = listed("list", "-f", "$title|$bpm|$initial_key|$genres")
    songs = {title: rest for title, *rest in (line.split("|") for line in lines)}
    assert len(songs) == 3
    assert all(int(bpm) > 0 for bpm, _, _ in songs.values())
    # the tag goes first
    assert songs["organ in 0"][2] == "organ"
    assert all(re.fullmatch("[A-G]#?m?", songs[f"organ in {step}"][1]) for step in range(3))
    assert set(listed("list", "-f", "$title", "bpm:1..")) == set(songs)


def test_similar_songs_and_playlists_are_songs_of_beets(listed: Listed, tmp_path: Path) -> None:
    similar = listed("similar", "-k", "2", "-f", "$title", "title:organ in 0")
    assert set(similar) == {"organ in 1", "organ in 2"}
    paths = listed("similar", "-k", "2", "-p", "title:organ in 0")
    assert all(Path(path).is_file() for path in paths)
    songs = listed("playlist", "-m", "0.2", "-f", "$title", "-o", str(tmp_path / "mix.m3u8"), "title:organ in 1")
    assert songs[0] == "organ in 1"
    assert len(songs) == 3
    assert (tmp_path / "mix.m3u8").read_text("utf-8").count("#EXTINF") == 3
    with pytest.raises(UserError, match="there already"):
        listed("playlist", "-o", str(tmp_path / "mix.m3u8"), "title:organ in 1")


def test_songs_are_analysed_on_request_and_what_the_owner_set_stays(listed: Listed) -> None:
    fields = ("list", "-f", "$bpm $initial_key", "title:organ in 1")
    heard = listed(*fields)
    listed("modify", "-y", "-W", "title:organ in 1", "bpm=7", "initial_key=")
    listed("retrotone", "title:organ in 1")
    assert listed(*fields) == [f"7 {heard[0].split()[1]}"]
    listed("retrotone", "--force", "title:organ in 1")
    assert listed(*fields) == heard


def test_a_query_without_songs_is_a_line(listed: Listed) -> None:
    for command in ("similar", "playlist", "retrotone"):
        with pytest.raises(UserError, match="no song matches"):
            listed(command, "title:nothing")


def test_fields_are_those_that_beets_knows() -> None:
    from beetsplug.retrotone import _fields

    tags = {"60s": 0.4, "Mellow": 0.3, "rock": 0.2, "sad": 0.1}
    track = Track(1, "/a", 9.0, "", "", "", "", "", "jazz", 0.8, True, tags, {}, 119.7, "F# minor", -9.0)
    expected = {"bpm": 120, "initial_key": "F#m", "genres": ["jazz"], "mood": "mellow, sad", "era": "60s"}
    assert _fields(track) == expected
    silent = replace(track, tags={}, tempo=None, key=None, sure=False)
    assert _fields(silent) == {}
