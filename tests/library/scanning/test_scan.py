"""Scanning folders: what is analysed, what is not analysed again, and strange files and names."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import Places

import retrotone as rt
from retrotone.library.catalogue import postgres, sqlite
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.description import describe
from retrotone.library.files import FoundFile
from retrotone.library.library import Library
from retrotone.library.scanning.scan import scan
from retrotone.library.scanning.track import Analysed, Failed, analyse_file
from retrotone.library.scanning.walk import walk

pytestmark = pytest.mark.usefixtures("analysing_here")
KINDS = ("buzz", "melody", "organ", "pulse")
# Tests of SQLite files.
ON_SQLITE = pytest.mark.parametrize("places", ["sqlite"], indirect=True)
CLIPS = [f"{kind}/{artist}.flac" for kind in KINDS for artist in ("Ada", "Bix", "Clara")]


@pytest.fixture
def music(made_music: Path, tmp_path: Path) -> Path:
    """A copy of the clips, which a test may change."""
    return Path(shutil.copytree(made_music, tmp_path / "music"))


@pytest.fixture
def library(scanned: str, music: Path, places: Places) -> Iterator[Library]:
    """A library of `music` alone, whose files are copies of analysed ones."""
    with Library(places.copy(scanned)) as library:
        for track in library.tracks():
            library._catalogue().mark([track.id], present=False)
        report = library.scan([music], workers=1)
        # Their content is known.
        assert (report.analysed, report.copied) == (0, 12)
        library._catalogue().database.query("DELETE FROM tracks WHERE NOT present")
        yield library


def paths(library: Library, folder: Path) -> list[str]:
    return [os.path.relpath(track.path, folder) for track in library.tracks()]


def refuse(files: Iterable[FoundFile], workers: int) -> Iterator[Analysed | Failed]:
    raise AssertionError(f"asked to analyse {list(files)}")


def test_what_was_scanned_is_known_by_sound_and_tags(scanned: str, places: Places, made_music: Path) -> None:
    copy = places.copy(scanned)
    tracks = Library(copy).tracks()
    assert [os.path.relpath(track.path, made_music) for track in tracks] == CLIPS
    first = tracks[0]
    assert (first.title, first.artist, first.genre, first.name) == ("buzz in 0", "Ada", "buzz", "Ada – buzz in 0")
    assert first.duration == pytest.approx(4, abs=0.01)
    assert set(first.eras) == {"60s", "70s", "80s", "90s", "00s"}
    assert first.tempo is not None
    assert first.loudness is not None
    assert rt.Library(copy).check() == []
    analysis = Catalogue(copy).analysis(first.id)
    again = rt.analyse(made_music / CLIPS[0])
    assert (rt.Library.embed(analysis) @ rt.Library.embed(again)) == pytest.approx(1, abs=1e-4)


def test_a_second_scan_analyses_nothing(library: Library, music: Path) -> None:
    report = scan(library._catalogue(), [music, music / "organ"], analyse_all=refuse)
    assert (report.unchanged, report.gone) == (12, 0)


def test_files_that_move_are_copied_or_go_away(library: Library, music: Path) -> None:
    (music / "organ").rename(music / "pipes")
    (music / "buzz/Ada.flac").rename(music / "buzz/Ada Lovelace.flac")
    shutil.copy(music / "pulse/Bix.flac", music / "pulse/Bix again.flac")
    (music / "melody/Bix.flac").unlink()
    os.utime(music / "pulse/Clara.flac", (1, 1))
    report = scan(library._catalogue(), [music], dry_run=True)
    again = scan(library._catalogue(), [music], analyse_all=refuse)
    for seen in (report, again):
        assert (seen.moved, seen.copied, seen.gone, seen.analysed, seen.unchanged) == (4, 1, 1, 0, 7)
    expected = {*CLIPS, *(f"pipes/{a}.flac" for a in ("Ada", "Bix", "Clara")), "buzz/Ada Lovelace.flac"}
    expected |= {"pulse/Bix again.flac"}
    expected -= {c for c in CLIPS if c.startswith("organ") or c in ("buzz/Ada.flac", "melody/Bix.flac")}
    assert paths(library, music) == sorted(expected, key=os.fsencode)
    assert library.check() == []
    assert scan(library._catalogue(), [music], analyse_all=refuse).unchanged == 12


def test_of_new_files_of_the_same_content_one_is_analysed(made_music: Path, places: Places, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        shutil.copytree(made_music / "organ", tmp_path / name)
    with Library(places.new()) as library:
        report = scan(
            library._catalogue(create=True),
            [tmp_path],
            analyse_all=lambda files, _: (analyse_file(file) for file in files),
        )
        assert (report.analysed, report.copied) == (3, 6)
        assert len(library) == 9
        assert len(library.duplicates()) == 3
        assert library.check() == []


def test_what_comes_back_is_not_analysed_again(library: Library, music: Path) -> None:
    away = music.parent / "away"
    music.rename(away)
    music.mkdir()
    assert scan(library._catalogue(), [music]).gone == 12
    assert library.tracks() == []
    music.rmdir()
    away.rename(music)
    assert scan(library._catalogue(), [music], analyse_all=refuse).unchanged == 12
    assert paths(library, music) == CLIPS
    music.rename(away)
    with pytest.raises(rt.LibraryError, match="disk is mounted"):
        library.scan([music])
    assert len(library) == 12


def test_a_file_that_changes_is_analysed_again(library: Library, music: Path) -> None:
    before = {track.path: track for track in library.tracks()}[str(music / "organ/Ada.flac")]
    shutil.copy(music / "pulse/Clara.flac", music / "organ/Ada.flac")
    with (music / "organ/Ada.flac").open("ab") as file:
        # So it is no copy of a known file.
        file.write(b"\0")
    report = library.scan([music], workers=1)
    assert (report.analysed, report.unchanged) == (1, 11)
    after = {track.path: track for track in library.tracks()}[before.path]
    assert (before.title, after.title) == ("organ in 0", "pulse in 2")
    assert before.tags != after.tags


def test_broken_files_are_listed_and_retried_only_when_they_change(library: Library, music: Path) -> None:
    text, empty, tick = music / "not music.wav", music / "empty.mp3", music / "tick.wav"
    text.write_text("text")
    empty.touch()
    rt.load(music / CLIPS[0], seconds=0.001).save(tick, 16)
    report = library.scan([music], workers=1)
    assert [path for path, _ in report.broken] == [str(empty), str(text), str(tick)]
    assert "0 bytes" in report.broken[0][1]
    assert "is not a sound file" in report.broken[1][1]
    assert report.broken[2][1] == f"{music / 'tick.wav'} is 0.001 s long: too short to tell how it sounds"
    again = scan(library._catalogue(), [music], analyse_all=refuse)
    assert (again.broken, library.broken()) == (report.broken, report.broken)
    rt.load(music / CLIPS[0], seconds=1.5).save(tick, 16, overwrite=True)
    assert library.scan([music], workers=1).analysed == 1
    rt.load(music / CLIPS[0], seconds=2).save(text, 16, overwrite=True)
    empty.unlink()
    assert library.scan([music], workers=1).analysed == 1
    assert library.broken() == []


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_evil_names(library: Library, music: Path) -> None:
    names = [b"two\nlines.flac", b"\xff\xfe bytes.flac", b"#1 'quoted' $(rm) ?*.flac", "Ω é.flac".encode()]
    for name in names:
        shutil.copy(os.fsencode(music / "organ/Ada.flac"), os.fsencode(music) + b"/" + name)
    broken = Path(os.fsdecode(os.fsencode(music) + b"/\xff.wav"))
    broken.write_text("text")
    report = library.scan([music], workers=1)
    assert report.copied == 4
    assert [path for path, _ in report.broken] == [path for path, _ in library.broken()] == [str(broken)]
    found = {os.fsencode(track.path) for track in library.tracks()}
    assert found >= {os.fsencode(music) + b"/" + name for name in names}
    seed = os.fsdecode(os.fsencode(music) + b"/" + names[1])
    track = library.find(seed)
    assert track
    assert os.fsencode(track.path) == os.fsencode(seed)
    # another song, as copies of this one are not listed
    assert library.similar(seed, k=1)[0].track.size != track.size


def test_a_title_of_a_million_letters_is_cut(library: Library, music: Path) -> None:
    frame = b"TIT2" + (1_000_001).to_bytes(4, "big") + bytes(3) + b"A" * 1_000_000
    size = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))
    rt.load(music / CLIPS[0], seconds=2).save(music / "song.mp3")
    (music / "song.mp3").write_bytes(b"ID3\3\0\0" + size + frame + (music / "song.mp3").read_bytes())
    assert library.scan([music], workers=1).analysed == 1
    assert {track.path: track.title for track in library.tracks()}[str(music / "song.mp3")] == "A" * 500


def test_links_do_not_loop_and_give_no_track_twice(library: Library, music: Path) -> None:
    (music / "a loop").symlink_to(music)
    (music / "organ" / "back").symlink_to("..")
    (music / "a link.flac").symlink_to(music / "organ/Ada.flac")
    outside = music.parent / "outside"
    (music / "pulse").rename(outside)
    (music / "elsewhere").symlink_to(outside)
    (music / "leads nowhere.flac").symlink_to("missing")
    report = library.scan([music, music / "organ"], workers=1)
    assert (report.moved, report.unchanged) == (3, 9)
    assert report.unreadable == [
        (str(music / "leads nowhere.flac"), "the link leads nowhere (No such file or directory)")
    ]
    assert [p for p in paths(library, music) if p.startswith("elsewhere")] == [
        f"elsewhere/{artist}.flac" for artist in ("Ada", "Bix", "Clara")
    ]


def test_folders_may_lie_deep_in_one_another(library: Library, music: Path) -> None:
    folder = os.open(music, os.O_RDONLY)
    try:
        # Deeper than calls can be nested, and longer than a path may be.
        for _ in range(2200):
            os.mkdir("d", dir_fd=folder)
            below = os.open("d", os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = below
        (music / "d/d/Ada.flac").hardlink_to(music / CLIPS[0])
        report = library.scan([music], workers=1)
    finally:
        os.close(folder)
        # shutil cannot delete folders nested so deeply.
        subprocess.run(["rm", "-rf", music / "d"], check=True)
    assert (report.unchanged, report.copied) == (12, 1)
    assert [reason for _, reason in report.unreadable] == ["File name too long"]


def test_exclude_and_dry_run(made_music: Path, places: Places) -> None:
    library = Library(places.new())
    report = library.scan([made_music], exclude=["organ", "*/Bix.*"], dry_run=True)
    assert (report.analysed, report.dry) == (6, True)
    with pytest.raises(rt.LibraryError, match="scan FOLDER makes one"):
        library.tracks()


def test_a_file_that_vanishes_during_the_scan(library: Library, music: Path) -> None:
    for name in ("vanishes", "stays"):
        rt.load(music / CLIPS[0], seconds=2 if name == "stays" else 3).save(music / f"{name}.wav", 16)

    def analyse_late(files: Iterable[FoundFile], workers: int) -> Iterator[Analysed | Failed]:
        (music / "vanishes.wav").unlink()
        yield from map(analyse_file, files)

    report = scan(library._catalogue(), [music], analyse_all=analyse_late)
    assert report.analysed == 1
    assert report.unreadable == [(str(music / "vanishes.wav"), "it went away during the scan")]
    assert report.broken == []


def test_what_another_scan_stores_meanwhile_is_not_gone(
    library: Library, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(music / CLIPS[0], music / "new.flac")

    def walk_and_let_another_scan(*arguments: Any) -> Iterator[Any]:
        yield from walk(*arguments)
        assert library.scan([music], workers=1).copied == 1

    walks = iter((walk_and_let_another_scan, walk))
    monkeypatch.setattr("retrotone.library.scanning.scan.walk", lambda *arguments: next(walks)(*arguments))
    report = library.scan([music], workers=1)
    assert (report.gone, report.unchanged) == (0, 13)
    assert len(library) == 13


def test_a_scan_can_be_stopped_and_goes_on_from_there(made_music: Path, places: Places) -> None:
    library = Library(places.new())

    def stop(fraction: float, message: str) -> None:
        assert 0 <= fraction <= 1
        if message.startswith("2/"):
            assert "a second" in message
            assert "left" in message
            raise rt.Cancelled("enough")

    with pytest.raises(rt.Cancelled):
        library.scan([made_music / "organ"], workers=1, progress=stop)
    assert len(library) == 2
    report = library.scan([made_music / "organ"], workers=1)
    assert (report.analysed, report.unchanged) == (1, 2)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read and write everywhere")
def test_a_folder_that_may_be_listed_but_not_entered(library: Library, music: Path) -> None:
    (music / "organ").chmod(0o400)
    try:
        report = library.scan([music], workers=1)
    finally:
        (music / "organ").chmod(0o700)
    assert {Path(path).parent for path, _ in report.unreadable} == {music / "organ"}
    # What cannot be read is not gone.
    assert (report.gone, len(library)) == (0, 12)


@ON_SQLITE
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read and write everywhere")
def test_what_may_not_be_read_or_written(library: Library, music: Path) -> None:
    (music / "organ").chmod(0)
    try:
        report = library.scan([music], workers=1)
        assert report.unreadable == [(str(music / "organ"), "Permission denied")]
        # What cannot be read is not gone.
        assert (report.gone, len(library)) == (0, 12)
    finally:
        (music / "organ").chmod(0o700)
    library.close()
    library.file.chmod(0o400)
    library.file.parent.chmod(0o500)
    try:
        assert len(library.similar(music / CLIPS[0])) == 5
        (music / CLIPS[0]).unlink()
        with pytest.raises(rt.LibraryError, match=r"\.db.*may not be written"):
            library.scan([music])
    finally:
        library.file.parent.chmod(0o700)


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(rt.LibraryError, match="scan FOLDER makes one"):
        Library(tmp_path / "missing.db").tracks()
    with pytest.raises(rt.LibraryError, match="is no folder"):
        Library(tmp_path / "no" / "where.db").scan([tmp_path])
    (tmp_path / "text.db").write_text("text " * 1000)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE recipes (name)")
    other.close()
    for name, reason in (("text.db", "it is no library"), ("other.db", "another program's")):
        before = (tmp_path / name).read_bytes()
        for ask in (Library.tracks, lambda library: library.scan([tmp_path])):
            with pytest.raises(rt.LibraryError, match=reason) as caught:
                ask(Library(tmp_path / name))
            assert "\n" not in str(caught.value)
        assert (tmp_path / name).read_bytes() == before


def test_older_schemas_are_brought_up_to_date_and_newer_ones_refused(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.close()
    for database in (sqlite, postgres):
        mood = ("ALTER TABLE tracks ADD COLUMN mood TEXT",)
        monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, mood))
    assert len(library.tracks()) == 12
    assert library._catalogue().database.query("SELECT DISTINCT mood FROM tracks") == [(None,)]
    library.close()
    monkeypatch.undo()
    with pytest.raises(rt.LibraryError, match="newer retrotone"):
        library.tracks()


def test_a_better_recipe_makes_new_vectors_of_old_analyses(library: Library) -> None:
    before = library.similar(library.tracks()[0])
    catalogue = library._catalogue()
    for track in library.tracks():
        description = describe(library.analysis(track))
        catalogue.describe(track.id, replace(description, recipe="old", vector=np.zeros(128, np.float32)))
    assert library.similar(library.tracks()[0]) == before


def test_check_finds_damage_and_repair_mends_it(library: Library, music: Path) -> None:
    numbers = [track.id for track in library.tracks()]
    catalogue = library._catalogue()
    ask, description = catalogue.database.query, describe(catalogue.analysis(numbers[0]))
    catalogue.describe(numbers[0], replace(description, vector=np.zeros(128, np.float32)))
    ask("UPDATE analyses SET data = ? WHERE track = ?", (bytes(9), numbers[1]))
    ask("DELETE FROM analyses WHERE track = ?", (numbers[2],))
    catalogue.describe(numbers[3], replace(description, vector=np.array([0.6, 0.8], np.float32)))
    problems = library.check()
    assert [problem.split(": ")[0] for problem in problems] == [str(music / clip) for clip in CLIPS[:4]]
    assert library.repair() == problems
    assert len(library) == 8
    assert library.scan([music], workers=1).analysed == 4
    assert library.check() == []
    assert paths(library, music) == CLIPS


@ON_SQLITE
def test_a_file_with_destroyed_pages_is_rebuilt_from_the_rest(library: Library, music: Path) -> None:
    [(page,)] = library._catalogue().database.query("PRAGMA page_size")
    [(root,)] = library._catalogue().database.query(
        "SELECT rootpage FROM sqlite_master WHERE name = 'tracks_by_fingerprint'"
    )
    library.close()
    with library.file.open("r+b") as file:
        file.seek((root - 1) * page)
        file.write(b"\xaa" * page)
        file.seek(-2 * page, os.SEEK_END)
        file.write(b"\xaa" * page)
    assert any("damaged" in problem for problem in library.check())
    assert library.repair() != []
    report = library.scan([music], workers=1)
    assert report.analysed <= 4
    assert library.check() == []
    assert paths(library, music) == CLIPS
    assert Path(f"{library.file}.damaged").exists()
    # as after a copy that broke off
    library.close()
    os.truncate(library.file, library.file.stat().st_size - page)
    assert any("damaged" in problem for problem in library.check())
    assert library.repair() != []
    assert 0 < library.scan([music], workers=1).analysed < len(CLIPS)
    assert library.check() == []
    assert paths(library, music) == CLIPS


def test_a_library_of_which_nothing_can_be_read_is_reported_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "music.db"
    Catalogue(path, create=True).close()
    data = path.read_bytes().replace(b"tableanalysesanalyses", b"table\xffnalysesanalyses")
    # the last is a file of which little more than the name was copied
    for damaged in (data.replace(b"CREATE TABLE analyses", b"CREATE TABLE \xff nalys "), data[:1000]):
        path.write_bytes(damaged)
        # the first message gives the advice that works
        for ask in (Library(path).tracks, Library(path).check, Library(path).repair):
            with pytest.raises(rt.LibraryError, match="move it away and scan again"):
                ask()


@ON_SQLITE
@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_full_disk_is_one_clear_error_and_the_library_stays(library: Library, music: Path) -> None:
    import resource

    for artist in ("Ada", "Bix"):
        rt.load(music / f"organ/{artist}.flac", seconds=3).save(music / f"{artist}.wav", 16)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for room in (library.file.stat().st_size, 20_000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, unlimited[1]))
            with pytest.raises(rt.LibraryError, match="free some space") as caught:
                library.scan([music], workers=1)
            assert "\n" not in str(caught.value)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        signal.signal(signal.SIGXFSZ, before)
    assert library.check() == []
    library.scan([music], workers=1)
    assert len(library) == 14


@ON_SQLITE
def test_a_library_of_an_older_retrotone_is_described_anew_from_its_analyses(scanned: Path, tmp_path: Path) -> None:
    older = shutil.copy(scanned, tmp_path / "music.db")
    with Library(scanned) as library:
        tracks, matches = library.tracks(), library.similar(library.tracks()[0])
    with Catalogue(older) as catalogue:
        for change in (
            *(f"ALTER TABLE tracks DROP COLUMN {name}" for name in ("damage", "start_seconds", "end_seconds")),
            "DROP TRIGGER stamp_new",
            "DROP TRIGGER stamp_changed",
            "DROP INDEX descriptions_by_stamp",
            "DROP INDEX descriptions_by_recipe",
            "ALTER TABLE descriptions DROP COLUMN stamp",
            "ALTER TABLE descriptions DROP COLUMN key",
        ):
            catalogue.database.query(change)
        catalogue.database.query("UPDATE descriptions SET recipe = 'similarity 1, genres 1', vector = zeroblob(400)")
        catalogue.database.query("PRAGMA user_version = 1")
    with Library(older) as library:
        assert library.similar(library.tracks()[0]) == matches
        assert library.tracks() == tracks
        assert library.check() == []


def test_an_older_analysis_is_used_until_the_next_scan_makes_a_new_one(
    library: Library, music: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import safetensors.numpy

    older = library.tracks()[3]
    ask = library._catalogue().database.query
    parts = safetensors.numpy.load(library.analysis(older).to_bytes())
    data = safetensors.numpy.save({**parts, "version": np.array(1)})
    ask("UPDATE analyses SET version = 1, data = ? WHERE track = ?", (data, older.id))
    ask("UPDATE descriptions SET recipe = 'similarity 2' WHERE track = ?", (older.id,))
    library.duplicates()
    assert older in library.path(older, library.tracks()[-1], 3)
    assert library.check() == []
    assert "another version of retrotone analysed (1 track)" in caplog.text
    caplog.clear()
    assert (library.scan([music], workers=1).analysed, library.scan([music], workers=1).analysed) == (1, 0)
    assert (library.tracks()[3], len(library)) == (older, 12)
    assert caplog.text == ""
