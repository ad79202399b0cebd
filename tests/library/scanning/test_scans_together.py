"""Several processes at one library, a full disk, and libraries and tags made to do harm."""

from __future__ import annotations

import csv
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from processes import analyse_here, in_a_fork

from retrotone.errors import LibraryError
from retrotone.library.catalogue import repair
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.export import export
from retrotone.library.files import FoundFile
from retrotone.library.library import Library
from retrotone.library.scanning.scan import scan
from retrotone.library.scanning.track import analyse_file
from retrotone.progress import Progress

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and forks are POSIX's")


def scan_here(database: Path, music: Path) -> None:
    """Scan in this process; it ends well only if that does."""
    with Catalogue(database, create=True) as catalogue:
        scan(catalogue, [music], analyse_all=analyse_here)
    os._exit(0)


def ended_well(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture(scope="module")
def analysed(made_music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of the clips."""
    database = tmp_path_factory.mktemp("analysed") / "music.db"
    with Catalogue(database, create=True) as catalogue:
        scan(catalogue, [made_music], analyse_all=analyse_here)
    return database


@pytest.fixture
def database(analysed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(analysed, tmp_path / "music.db"))


def test_three_scans_at_once_and_those_who_ask_meanwhile(made_music: Path, tmp_path: Path) -> None:
    music = Path(shutil.copytree(made_music, tmp_path / "music"))
    shutil.copy(music / "organ/Ada.flac", music / "again.flac")
    # Once, so that forks of this process have loaded all that analysis needs.
    analyse_file(FoundFile.at(str(music / "again.flac")))
    file = tmp_path / "music.db"
    with Catalogue(file, create=True):
        pass
    children = [in_a_fork(lambda: scan_here(file, music)) for _ in range(3)]
    with Library(file) as library:
        assert len(library) < 13
        with pytest.raises(LibraryError, match="in use by another retrotone"):
            Library(file).repair()
        counts: list[int] = []
        while not counts or counts[-1] < 13:
            counts.append(len(library))
            assert library.check() == []
            if counts[-1] > 1:
                assert library.similar(library.tracks()[0])
                library.export(tmp_path / "all.m3u8", overwrite=True)
        assert all(map(ended_well, children))
        assert len({track.path for track in library.tracks()}) == len(library) == 13
        assert library.check() == []
    (music / "organ/Ada.flac").rename(music / "organ/Bea.flac")
    children = [in_a_fork(lambda: scan_here(file, music)) for _ in range(3)]
    assert all(map(ended_well, children))
    with Library(file) as library:
        paths = [track.path for track in library.tracks()]
        assert sorted(paths) == sorted(str(path) for path in music.rglob("*.flac"))
        assert library.check() == []
        # No other process uses it, and it is whole.
        before = file.read_bytes()
        assert library.repair() == []
        assert not file.with_name("music.db.damaged").exists()
        assert file.read_bytes()[100:] == before[100:]


NOTE = """
import sys
from retrotone.library.catalogue.catalogue import Catalogue
print("here", flush=True)
with Catalogue(sys.argv[1]) as catalogue:
    catalogue.give_genre({2: "polka"})
"""


def test_who_comes_during_a_repair_waits_and_loses_nothing(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others, find_faults = [], repair.find_faults

    def slow(catalogue: Catalogue, progress: Progress) -> object:
        if not others:
            command = [sys.executable, "-c", NOTE, str(database)]
            others.append(subprocess.Popen(command, stdout=subprocess.PIPE))
            assert others[0].stdout.readline() == b"here\n"
            time.sleep(0.5)
        return find_faults(catalogue, progress)

    monkeypatch.setattr(repair, "find_faults", slow)
    with Library(database) as library:
        assert library.repair() == []
        assert others[0].wait() == 0
        assert [track.genre for track in library.tracks() if track.id == 2] == ["polka"]
        assert library.check() == []


@pytest.mark.parametrize("room", [30_000, 60_000])
def test_a_disk_that_fills_during_a_scan(made_music: Path, tmp_path: Path, room: int) -> None:
    analyse_file(FoundFile.at(str(made_music / "organ/Ada.flac")))
    file, reported = tmp_path / "music.db", tmp_path / "reported"

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        try:
            scan_here(file, made_music)
        except LibraryError as error:
            reported.write_text(str(error))

    assert not ended_well(in_a_fork(limited))
    assert "free some space" in reported.read_text()
    with Library(file) as library:
        assert library.check() == []
        scan(library._catalogue(create=True), [made_music], analyse_all=analyse_here)
        assert (len(library), library.check()) == (12, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["music.db", "reported"]


INVALID = {
    "a number for a path": "UPDATE tracks SET path = 5 WHERE id = 2",
    "bytes for an artist": "UPDATE tracks SET artist = x'ff00' WHERE id = 2",
    "an endless song": "UPDATE tracks SET duration = 9e999 WHERE id = 2",
    "a number for a vector": "UPDATE descriptions SET vector = 5 WHERE track = 2",
    "tags that are none": "UPDATE descriptions SET tags = '[1, 2]' WHERE track = 2",
    "a word for a loudness": "UPDATE descriptions SET loudness = 'loud' WHERE track = 2",
}


@pytest.mark.parametrize("sql", INVALID.values(), ids=INVALID.keys())
def test_rows_with_invalid_values_are_reported_and_repaired(
    database: Path, made_music: Path, tmp_path: Path, sql: str
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(sql)
    song = made_music / "buzz/Ada.flac"
    with Library(database) as library:
        asked: list[Callable[[], object]] = [
            library.tracks, library.genres, library.duplicates, lambda: library.similar(song),
            lambda: library.export(tmp_path / "all.csv"), lambda: library.export(tmp_path / "all.m3u8", overwrite=True),
            lambda: library.playlist(song),
        ]  # fmt: skip
        said = []
        for ask in asked:
            try:
                ask()
            except LibraryError as error:
                said.append(str(error))
        assert said
        assert all("damaged" in line for line in said)
        assert any("invalid values" in line for line in library.check())
        library.repair()
        scan(library._catalogue(), [made_music], analyse_all=analyse_here)
        assert library.check() == []
        assert len({track.path for track in library.tracks()}) == len(library) == 12


PATHS = [b"../../../etc/passwd", b"/tmp/a\0b.wav", b"", b"/x" * 50_000, b"/tmp/a\nb\r\x1b[31m.wav", b"\xff\xfe"]


@pytest.mark.parametrize("path", PATHS, ids=["up", "nul", "empty", "long", "lines", "bytes"])
def test_a_path_is_only_ever_a_name(database: Path, made_music: Path, tmp_path: Path, path: bytes) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE tracks SET path = ? WHERE id = 2", (path,))
    with Library(database) as library:
        assert len(library.similar(made_music / "pulse/Clara.flac", k=12)) == 11
        playlist = library.export(tmp_path / "all.m3u8", overwrite=True).read_text("utf-8").splitlines()
        assert len(playlist) == 1 + 2 * 12
        assert library.scan([made_music], dry_run=True).analysed == 0


def test_tags_are_no_formulas_in_a_table_and_no_lines_in_a_playlist(database: Path, tmp_path: Path) -> None:
    with Library(database) as library:
        track = library.tracks()[0]
    evil = replace(track, title="=HYPERLINK(A1)", artist="@SUM(1)\n/etc/passwd", album="+1", year="-1")
    table = export([evil], tmp_path / "a.csv")
    with table.open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert [row[name] for name in ("title", "artist", "album", "year")] == [
        "'=HYPERLINK(A1)", "'@SUM(1)\n/etc/passwd", "'+1", "'-1"
    ]  # fmt: skip
    # A negative number stays a number.
    assert float(row["loudness"]) == evil.loudness
    lines = export([evil], tmp_path / "a.m3u8").read_text("utf-8").splitlines()
    assert len(lines) == 3
    assert not any(line.startswith("/etc") for line in lines)
