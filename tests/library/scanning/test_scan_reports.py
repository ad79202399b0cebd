"""What a scan tells and stores: files passed over, damage, tags as people write them, and long paths."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from places import Places

import retrotone as rt
from retrotone.cli.main import run
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.files import FoundFile
from retrotone.library.library import Library

pytestmark = pytest.mark.usefixtures("analysing_here")
COLUMNS = ("damage", "start_seconds", "end_seconds")
Ask = Callable[..., tuple[str, str]]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command on a library and returns what it writes to standard output and error."""

    def ask(*arguments: str, code: int = 0) -> tuple[str, str]:
        assert run(["library", *arguments, "--library", str(tmp_path / "music.db")]) == code
        return tuple(capsys.readouterr())

    return ask


def test_files_that_are_not_heard_are_counted_in_a_line(made_music: Path, tmp_path: Path, ask: Ask) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for name in ("a.mid", "b.MID", "film.avi", "cover.jpg", "notes.txt", ".hidden.mid"):
        (music / name).write_bytes(b"anything")
    line = "retrotone: passed over: 1 .avi, 2 .mid (formats that retrotone does not read)\n"
    out, err = ask("scan", str(music))
    assert out.startswith("no music found")
    assert err == line
    shutil.copy(made_music / "organ/Ada.flac", music)
    (music / "nowhere.flac").symlink_to("missing")
    out, err = ask("scan", str(music))
    assert out.startswith("1 analysed")
    assert err.endswith(line.replace(")\n", "); 1 that could not be read\n"))
    report = json.loads(ask("scan", str(music), "--json")[0])
    assert report["passed_over"] == {".avi": 1, ".mid": 2}


def test_damage_is_told_stored_and_refused_where_asked(made_music: Path, tmp_path: Path, ask: Ask) -> None:
    music = tmp_path / "music"
    music.mkdir()
    shutil.copy(made_music / "organ/Bix.flac", music / "whole.flac")
    cut = rt.load(made_music / "organ/Ada.flac").save(music / "cut.wav", 16)
    os.truncate(cut, cut.stat().st_size // 2)
    out, err = ask("scan", str(music))
    assert out.startswith("2 analysed, 1 damaged")
    damage = "is damaged: 2.0 s of the 4.0 s that its header promises can be read"
    assert f"retrotone: {cut} {damage}" in err.splitlines()
    out, err = ask("scan", str(music))
    assert out.startswith("2 unchanged, 1 damaged")
    assert f"retrotone: {cut} {damage}" in err.splitlines()
    for command in (["scan", str(music), "--json"], ["check", "--json"]):
        assert json.loads(ask(*command)[0])["damaged"] == [[str(cut), damage]]
    assert f"{cut} {damage}" in ask("check")[1]
    ask("export", str(tmp_path / "all.json"))
    assert [track["damage"] for track in json.loads((tmp_path / "all.json").read_text())] == [damage, None]
    # a copy of a damaged file is damaged too
    shutil.copy(cut, music / "copy.wav")
    assert ask("scan", str(music))[0].startswith("2 unchanged, 1 known from a copy, 2 damaged")
    (music / "copy.wav").unlink()
    # with --strict it is no track, without it becomes one again
    out, err = ask("scan", str(music), "--strict", code=1)
    assert out.startswith("1 unchanged, 1 gone, 1 could not be analysed")
    assert f"retrotone: {cut} {damage}" in err.splitlines()
    with Library(tmp_path / "music.db") as library:
        assert [Path(track.path).name for track in library.tracks()] == ["whole.flac"]
        assert (library.broken(), library.damaged()) == ([(str(cut), f"{cut} {damage}")], [])
    assert ask("scan", str(music), "--strict", "--json", code=1)[0]
    assert ask("scan", str(music))[0].startswith("1 unchanged, 1 moved, 1 damaged")


def test_a_path_of_more_than_1024_bytes_is_like_any_other(made_music: Path, tmp_path: Path) -> None:
    music = tmp_path / "music"
    song = music.joinpath(*["deep" * 30] * 9, "song.flac")
    song.parent.mkdir(parents=True)
    assert len(os.fsencode(song)) > 1024
    shutil.copy(made_music / "organ/Ada.flac", song)
    shutil.copy(made_music / "organ/Bix.flac", music)
    with Library(tmp_path / "music.db") as library:
        assert library.scan([music], workers=1).analysed == 2
        assert library.similar(song, k=1)[0].track.path == str(music / "Bix.flac")
        lines = library.export(tmp_path / "all.m3u8").read_text("utf-8").splitlines()
    assert song in [tmp_path / line for line in lines]


def test_five_spellings_are_one_artist(made_music: Path, tmp_path: Path) -> None:
    names = ["The Artist", "the artist ", "The Artist feat. Guest", "Artist, The", "Other Band"]
    names += ["Various Artists", "Various Artists"]
    clips = sorted(made_music.glob("*/*.flac"))
    for number, name in enumerate(names):
        samples, rate = soundfile.read(clips[number], dtype="float32")
        with soundfile.SoundFile(tmp_path / f"{number}.flac", "w", rate, 1, "PCM_16") as file:
            file.artist, file.title, file.genre = name, f"Song {number}", "Other"
            file.write(samples)
    with Library(tmp_path / "music.db") as library:
        library.scan([tmp_path], workers=1)
        tracks = library.tracks()
        # shown as they are written, but for blanks
        assert [track.artist for track in tracks] == [name.strip() for name in names]
        for found in (
            library.playlist(clips[7], minutes=9, per_artist=1),
            [match.track for match in library.similar(clips[7], k=9, per_artist=1)],
        ):
            assert sorted(track.artist_key for track in found) == ["", "", "artist", "otherband"]
        # a genre of Other is none
        assert {each.track.path for each in library.genres()} == {track.path for track in tracks}


def test_tags_of_old_programs_are_read_as_they_were_meant(made_music: Path, tmp_path: Path) -> None:
    song = rt.load(made_music / "organ/Ada.flac", seconds=2)
    for name in ("padded", "remaster", "zero"):
        song.save(tmp_path / f"{name}.mp3")
    fields = (b"Song".ljust(30), b"The Artist".ljust(30), b"Album".ljust(30), b"1980", b"".ljust(30), bytes([12]))
    with (tmp_path / "padded.mp3").open("ab") as file:
        file.write(b"TAG" + b"".join(fields))
    for name, dates in (
        ("remaster", {b"TDRC": b"2011-09-26", b"TDOR": b"1973-03-01"}),
        ("zero", {b"TDRC": b"0000-00-00"}),
    ):
        frames = b"".join(key + (len(date) + 1).to_bytes(4, "big") + b"\0\0\3" + date for key, date in dates.items())
        path = tmp_path / f"{name}.mp3"
        path.write_bytes(b"ID3\4\0\0" + bytes([0, 0, 0, len(frames)]) + frames + path.read_bytes())
    with Library(tmp_path / "music.db") as library:
        library.scan([tmp_path], workers=1)
        padded, remaster, zero = library.tracks()
    assert (padded.artist, padded.name, padded.year) == ("The Artist", "The Artist – Song", "1980")
    assert padded.genre == ""
    assert (remaster.year, zero.year) == ("1973", "")


def test_a_library_of_before_keeps_all_rows_and_tries_again_what_was_broken(
    scanned: str, places: Places, made_music: Path, tmp_path: Path
) -> None:
    location = places.copy(scanned)
    song = FoundFile.at(shutil.copy(made_music / "organ/Ada.flac", tmp_path))
    with Library(location) as library:
        tracks = library.tracks()
    with Catalogue(location) as catalogue:
        catalogue.add_broken(song, b"", "it could not be read")
        for column in COLUMNS:
            catalogue.database.query(f"ALTER TABLE tracks DROP COLUMN {column}")
        is_file = location.endswith(".db")
        catalogue.database.query("PRAGMA user_version = 2" if is_file else "UPDATE library SET version = 1")
    with Library(location) as library:
        assert library.tracks() == tracks
        assert (library.damaged(), library.check()) == ([], [])
        assert library.broken() == [(song.path, "it could not be read")]
        report = library.scan([tmp_path], workers=1)
        assert (report.broken, len(library)) == ([], 13)
