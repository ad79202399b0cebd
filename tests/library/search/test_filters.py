"""Finding tracks by name, by what they are, and each song once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from places import groups, synthetic_description

import retrotone as rt
from retrotone.cli.main import run
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.description import RECIPE
from retrotone.library.files import FoundFile
from retrotone.library.library import Filter, Library, Track
from retrotone.library.records import NewTrack

Capture = pytest.CaptureFixture[str]
# file, tags, and what was heard
SONGS: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    ("vibe.ogg", {"title": "Vibe Ace", "artist": "Kevin MacLeod", "genre": "Jazz", "year": "2010"}, {"tempo": 100.0}),
    ("live/vibe.ogg", {"title": "Vibe Ace (Live in Paris)", "artist": "kevin macleod"}, {"tempo": 110.4}),
    ("best of/01.ogg", {"title": "VIBE ACE - Remastered 2019", "artist": "Kevin MacLeod"}, {"key": "A minor"}),
    ("joga.ogg", {"title": "Jóga", "artist": "Björk", "year": "1997", "album": "Homogenic"}, {"key": "Bb minor"}),
    ("bachelorette.ogg", {"title": "Bachelorette", "artist": "Björk", "year": "1997", "album": "Homogenic"}, {}),
    ("hunter.ogg", {"title": "Hunter", "artist": "Björk", "year": "1997", "album": "Homogenic"}, {"tags": {"sad": 1}}),
    ("old.ogg", {"title": "Blue Vibe", "artist": "Ma Rainey", "genre": "Blues", "year": "1924"}, {"tempo": 89.0}),
    ("No Title.ogg", {}, {"tempo": 60.0, "key": "C major", "tags": {"Mellow": 0.3, "sad": 0.2}}),
]  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    file = tmp_path_factory.mktemp("songs") / "songs.db"
    with Catalogue(file, create=True) as catalogue:
        for number, (path, tags, heard) in enumerate(SONGS):
            description = replace(synthetic_description(groups(len(SONGS))[number]), recipe=RECIPE, **heard)
            catalogue.add_track(
                NewTrack(FoundFile(f"/music/{path}", 1, 1), b"%d" % number, tags, 100.0 + 10 * number, description)
            )
    with Library(file) as library:
        yield library


def names(tracks: list[Track]) -> list[str]:
    return [Path(track.path).stem for track in tracks]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("joga", ["joga"]),
        ("BJÖRK jóga", ["joga"]),
        ("Bjork", ["bachelorette", "hunter", "joga"]),
        ("vibe ace", ["vibe", "01", "vibe"]),
        ("rainey blue", ["old"]),
        ("no tit", ["No Title"]),
        ("homogenic hunt", ["hunter"]),
        ("polka", []),
        ("joga " + "bjork " * 2000 + "x" * 100_000, []),
    ],
)
def test_a_track_is_found_by_words_of_its_title_and_artist(library: Library, words: str, found: list[str]) -> None:
    assert names(library.search(words)) == found


def test_a_name_starts_a_search_and_several_songs_of_a_name_are_listed(library: Library) -> None:
    similar = library.similar("jóga", k=20)
    assert similar == library.similar("/music/joga.ogg", k=20)
    assert library.playlist("no title")[0].path == "/music/No Title.ogg"
    assert names(library.path("hunter", "blue vibe", length=4))[::3] == ["hunter", "old"]
    # three versions are one song
    assert library.similar("vibe ace", k=1) == library.similar("/music/vibe.ogg", k=1)
    with pytest.raises(rt.LibraryError, match=r"'bjork' may be .*'Björk – Jóga'.*: add words of the artist or title"):
        library.similar("bjork")
    with pytest.raises(rt.LibraryError, match="'polka' is no file, and no track is called so"):
        library.similar("polka")


def test_a_file_goes_before_a_name(library: Library, made_music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made_music / "organ")
    Path("hunter").symlink_to("Ada.flac")
    with Library(library.file) as same:
        assert "Hunter" in [match.track.title for match in same.similar("hunter", k=20)]
    Path("hunter").unlink()


def test_versions_of_a_song_count_as_one_and_an_album_has_its_limit(library: Library) -> None:
    for found in (
        [match.track for match in library.similar("no title", k=20)],
        library.playlist("no title", minutes=100, per_artist=9),
        library.path("no title", "hunter", length=20),
    ):
        titles = [track.title.casefold() for track in found]
        assert sum(title.startswith("vibe ace") for title in titles) == 1
        assert titles.count("blue vibe") == 1
    assert not any("Vibe Ace" in match.track.title for match in library.similar("vibe ace", k=20))
    for limited in (
        [match.track for match in library.similar("no title", k=20, per_album=2)],
        library.playlist("no title", minutes=100, per_artist=9, per_album=2),
    ):
        assert Counter(track.album for track in limited)["Homogenic"] == 2


@pytest.mark.parametrize(
    ("only", "found"),
    [
        (Filter(bpm=(90, 110)), ["vibe", "vibe"]),
        (Filter(key="a min"), ["01"]),
        (Filter(key=["A#m", "C"]), ["No Title", "joga"]),
        (Filter(year=(1920, 1997)), ["bachelorette", "hunter", "joga", "old"]),
        (Filter(year=(1920, 1997), not_genre="blues"), ["bachelorette", "hunter", "joga"]),
        (Filter(genre=["blue", "JAZZ"]), ["old", "vibe"]),
        (Filter(mood=["mellow", "happy"]), ["No Title"]),
        (Filter(mood="sad", exclude=["hunter.ogg"]), ["No Title"]),
    ],
)
def test_filters_leave_the_tracks_that_meet_all_conditions(library: Library, only: Filter, found: list[str]) -> None:
    assert sorted(names(library.tracks(only))) == sorted(found)
    for match in library.similar("no title", k=20, only=only):
        assert only.accepts(match.track)


def test_where_nothing_fits_a_line_tells_what_there_is(library: Library, capsys: Capture, tmp_path: Path) -> None:
    where = ["--library", str(library.file)]
    for arguments, reason in (
        (["search", "--genre", "tango"], "no track has such a genre: the library has Blues (1), Jazz (1)"),
        (["similar", "joga", "--bpm", "200-210"], "no track has such a tempo: the library has 60-110"),
        (["playlist", "--from", "joga", "--mood", "party"], "no track has such a mood: the library has sad (2)"),
        (["export", str(tmp_path / "a.csv"), "--key", "D"], "no track has such a key: the library has C major (1), "),
        (["search", "--year", "1997", "--key", "C"], "alone they leave 1 by key, 3 by year of 8 tracks"),
        (["search", "--key", "H"], "there is no key 'H': use one of C, Db"),
        (["search", "--bpm", "fast"], "tempo 'fast' is no range: write two whole numbers"),
        (["search", "--bpm", "110-90"], "tempo 110-90 ends before it begins"),
        (["search", "polka"], "no track is called 'polka'"),
    ):  # fmt: skip
        assert run(["library", *arguments, *where]) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
        assert reason in err
    for limits in ("90-110", 100, (90,)):
        with pytest.raises(rt.LibraryError, match="give two numbers, the lowest and the highest"):
            Filter(bpm=limits)  # type: ignore[arg-type]
    assert run(["library", "search", "--bpm", "90-110", "--json", *where]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["title"] for each in found] == ["Vibe Ace (Live in Paris)", "Vibe Ace"]
