"""Ratings and play counts, from tags and tables, as weights of playlists."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tagged_songs import id3v2, write_song

import retrotone as rt
from retrotone.audio.tag_editing import edit_tags
from retrotone.cli.main import run
from retrotone.library.library import Library, Track
from retrotone.library.search.weights import load_weights

pytestmark = pytest.mark.parametrize("places", ["sqlite"], indirect=True)


@pytest.fixture
def track(scanned: str) -> Track:
    with Library(scanned) as library:
        return library.tracks()[0]


def popm(rating: int, plays: bytes) -> bytes:
    return id3v2(4, {"TIT2": b"\3Song", "POPM": b"no@email\0" + bytes([rating]) + plays})


def test_ratings_and_play_counts_of_tags_are_weights(track: Track, tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.flac")
    mp3 = write_song(tmp_path / "song.mp3")
    sound = mp3.read_bytes()
    rating, plays = load_weights("rating"), load_weights("plays")
    cases: list[tuple[Callable[[], object], Path, float, float]] = [
        (lambda: None, song, 0.5, 0.0),
        (lambda: edit_tags(song, {"fmps_rating": ["0.9"], "playcount": ["100"]}), song, 0.9, 1.0),
        (lambda: edit_tags(song, {"fmps_rating": [], "rating": ["80"], "playcount": ["1000"]}), song, 0.8, 1.0),
        (lambda: edit_tags(song, {"rating": ["2"], "playcount": ["many"]}), song, 0.4, 0.0),
        (lambda: edit_tags(song, {"rating": ["0"], "playcount": ["10"]}), song, 0.5, 0.52),
        (lambda: mp3.write_bytes(popm(255, b"\0\0\0\x64") + sound), mp3, 1.0, 1.0),
        (lambda: mp3.write_bytes(popm(0, b"") + sound), mp3, 0.5, 0.0),
    ]
    for number, (change, path, by_rating, by_plays) in enumerate(cases):
        change()
        # each under a name of its own, as what was read of a file is kept
        file = shutil.copy(path, tmp_path / f"{number}{path.suffix}")
        found = replace(track, path=str(file))
        assert (rating(found), plays(found)) == pytest.approx((by_rating, by_plays), abs=0.01)


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("path,rating\nsong.flac,4\nother.flac,5\n", 0.8),
        ("\ufeffFile,Stars,Comment\nsong.flac,60,\nother.flac,100,x\n", 0.6),
        ("artist,title,plays\nADA,Buzz in 0,100\n", 1.0),
        ("path,weight\nsong.flac,0.3\n", 0.3),
        ("path,weight\nother.flac,0.3\n", 0.5),
        ("path,rating\nsong.flac,0\n", 0.5),
        ("path,rating\nsong.flac\n", 0.5),
    ],
)
def test_a_table_gives_weights(track: Track, tmp_path: Path, text: str, weight: float) -> None:
    table = tmp_path / "table.csv"
    table.write_text(text, "utf-8")
    assert load_weights(table)(replace(track, path=str(tmp_path / "song.flac"))) == pytest.approx(weight)


def test_favourites_come_first_in_playlists_and_paths(
    scanned: str, made_music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, seed = tmp_path / "favourites.csv", made_music / "organ/Ada.flac"
    with Library(scanned) as library:
        found = library.similar(seed, k=11)
        place = next(n for n in range(10) if found[n].similarity - found[n + 1].similarity < 0.1)
        better, favourite = (match.track for match in found[place : place + 2])
        table.write_text(
            f"artist,title,rating\n{favourite.artist.upper()},{favourite.title},5\n{better.artist},{better.title},1"
        )
        weight, minutes = load_weights(table), (place + 2) * 4 / 60
        plain = library.playlist(seed, minutes, per_artist=9)
        liked = library.playlist(seed, minutes, per_artist=9, weight=weight)
        assert better in plain
        assert favourite not in plain
        assert favourite in liked
        assert better not in liked
        assert favourite in library.path(seed, favourite, 3, weight=weight)
    arguments = ["library", "playlist", "--from", str(seed), "--library", scanned, "--weights"]
    assert run([*arguments, str(table), "--json"]) == 0
    assert capsys.readouterr().out.count("\n") == 9
    table.write_text("title,rating\nSong,5\n")
    for source in (str(table), str(tmp_path / "missing.csv")):
        assert run([*arguments, source]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    with pytest.raises(rt.LibraryError, match="it needs path, or artist and title"):
        load_weights(table)
