"""Cue sheets: one file whose tracks are the library's, however the sheet is written and wherever it lies."""

from __future__ import annotations

import csv
import json
import os
import shutil
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from places import Places

import retrotone as rt
from retrotone.cli.main import run
from retrotone.library.files import FoundFile
from retrotone.library.library import Library
from retrotone.library.scanning.cue_sheets import parse_sheet
from retrotone.library.scanning.scan import scan
from retrotone.library.scanning.track import Analysed, Failed
from retrotone.library.scanning.walk import walk

pytestmark = pytest.mark.usefixtures("analysing_here")
KINDS = ("organ", "pulse", "melody")
SHEET = """REM GENRE Other
REM DATE 1971
PERFORMER "The Band"
TITLE "Long Player"
FILE "album.wav" WAVE
  TRACK 01 AUDIO
    TITLE "One"
    INDEX 01 00:00:00
  TRACK 02 AUDIO
    TITLE "Two"
    PERFORMER Guest Star
    INDEX 00 00:03:37
    INDEX 01 00:04:00
  TRACK 03 AUDIO
    INDEX 01 00:08:00
"""


def make_album(folder: Path, made_music: Path, **tags: str) -> Path:
    """Write three clips of 4 s as one file."""
    clips = [soundfile.read(made_music / kind / "Ada.flac", dtype="float32")[0] for kind in KINDS]
    with soundfile.SoundFile(folder / "album.flac", "w", 22_050, 1, "PCM_16") as file:
        file.write(np.concatenate(clips))
    return folder / "album.flac"


@pytest.fixture
def album(made_music: Path, tmp_path: Path) -> Path:
    """A file of three tracks with its sheet, which names the file before it was converted."""
    folder = tmp_path / "album"
    folder.mkdir()
    (folder / "album.cue").write_text(SHEET)
    return make_album(folder, made_music)


def refuse(files: Iterable[FoundFile], workers: int) -> Iterator[Analysed | Failed]:
    raise AssertionError(f"asked to analyse {list(files)}")


def test_the_tracks_of_a_sheet_are_tracks_of_the_library(
    album: Path, made_music: Path, places: Places, tmp_path: Path
) -> None:
    with Library(places.new()) as library:
        assert library.scan([album.parent], workers=1).analysed == 3
        tracks = library.tracks()
        assert [(t.path, t.number, t.title, t.artist) for t in tracks] == [
            (str(album), 1, "One", "The Band"),
            (str(album), 2, "Two", "Guest Star"),
            (str(album), 3, "", "The Band"),
        ]
        assert {(t.album, t.year, t.genre) for t in tracks} == {("Long Player", "1971", "")}
        assert [(t.start, t.end) for t in tracks] == [(0, pytest.approx(3 + 37 / 75)), (4, 8), (8, pytest.approx(12))]
        assert tracks[2].name == "The Band – album#3"
        # each is analysed for itself, and named by its number
        for number, kind in enumerate(KINDS, start=1):
            alone = rt.Library.embed(rt.analyse(made_music / kind / "Ada.flac"))
            found = rt.Library.embed(library.analysis(tracks[number - 1]))
            assert alone @ found > 0.9
            assert library.find(f"{album}#{number}") == tracks[number - 1]
        assert library.similar(made_music / "pulse/Ada.flac", k=1)[0].track == tracks[1]
        assert {match.track.number for match in library.similar(f"{album}#2", k=3)} == {1, 3}
        assert library.playlist(tracks[1], minutes=1)[0] == tracks[1]
        assert scan(library._catalogue(), [album.parent], analyse_all=refuse).unchanged == 3
        assert library.check() == []
        # the same recording in a file of its own
        shutil.copy(made_music / "pulse/Ada.flac", album.parent)
        library.scan([album.parent], workers=1)
        [same] = library.duplicates()
        # the sheet has more tags
        assert [str(track.place) for track in same] == [f"{album}#2", str(album.parent / "Ada.flac")]


def test_a_sheet_that_comes_changes_or_goes_is_noticed(album: Path, places: Places) -> None:
    sheet = album.with_suffix(".cue")
    text = sheet.read_text()
    sheet.unlink()
    with Library(places.new()) as library:

        def numbers() -> list[int | None]:
            return [track.number for track in library.tracks()]

        library.scan([album.parent], workers=1)
        assert numbers() == [None]
        sheet.write_text(text)
        report = library.scan([album.parent], workers=1)
        assert (report.analysed, report.gone, numbers()) == (3, 1, [1, 2, 3])
        # only the track that changed is analysed again
        sheet.write_text(text.replace("One", "First"))
        assert library.scan([album.parent], workers=1).analysed == 1
        assert [track.title for track in library.tracks()] == ["First", "Two", ""]
        shutil.move(album.parent, album.parent.with_name("moved"))
        moved = album.parent.with_name("moved")
        report = scan(library._catalogue(), [moved.parent], analyse_all=refuse)
        assert (report.moved, report.gone, numbers()) == (3, 0, [1, 2, 3])
        (moved / sheet.name).unlink()
        report = library.scan([moved], workers=1)
        assert (report.analysed + report.moved + report.unchanged, report.gone, numbers()) == (1, 3, [None])


def test_a_scan_that_was_stopped_goes_on_with_the_next_track(album: Path, places: Places) -> None:
    library = Library(places.new())

    def stop(fraction: float, message: str) -> None:
        if message.startswith("1/"):
            raise rt.Cancelled("enough")

    with pytest.raises(rt.Cancelled):
        library.scan([album.parent], workers=1, progress=stop)
    report = library.scan([album.parent], workers=1)
    assert (report.unchanged, report.analysed) == (1, 2)
    library.close()


def test_a_sheet_in_the_tags_of_a_flac_divides_it(made_music: Path, tmp_path: Path) -> None:
    path = make_album(tmp_path, made_music)
    comments = [f"CUESHEET={SHEET}", "ARTIST=Nobody", "ALBUM=Nothing", "TITLE=All of it"]
    embed(path, comments)
    with Library(tmp_path / "music.db") as library:
        assert library.scan([tmp_path], workers=1).analysed == 3
        assert [(track.number, track.title, track.album) for track in library.tracks()] == [
            (1, "One", "Long Player"),
            (2, "Two", "Long Player"),
            (3, "", "Long Player"),
        ]
        assert scan(library._catalogue(), [tmp_path], analyse_all=refuse).unchanged == 3


def embed(path: Path, comments: list[str], *more: bytes) -> None:
    """Write Vorbis comments, and more metadata blocks, into a FLAC (RFC 9639)."""
    data = path.read_bytes()
    packed = b"".join(len(c.encode()).to_bytes(4, "little") + c.encode() for c in comments)
    block = (4).to_bytes(4, "little") + b"test" + len(comments).to_bytes(4, "little") + packed
    blocks, position, last = [data[4:42]], 42, False
    while not last:
        last, kind = bool(data[position] & 128), data[position] & 127
        length = int.from_bytes(data[position + 1 : position + 4], "big")
        if kind != 4:
            blocks.append(bytes([kind]) + data[position + 1 : position + 4 + length])
        position += 4 + length
    blocks += [*more, bytes([4 | 128]) + len(block).to_bytes(3, "big") + block]
    path.write_bytes(b"fLaC" + b"".join(blocks) + data[position:])


def test_a_flac_may_have_its_sheet_in_a_block_and_an_album_its_sheet_in_every_file(
    made_music: Path, tmp_path: Path
) -> None:
    path = make_album(tmp_path, made_music)
    index, track = struct.Struct(">QB3x"), struct.Struct(">QB12xB13xB")
    tracks = [
        track.pack(22_050 * second, number, 0, 1) + index.pack(0, 1) for number, second in ((1, 0), (2, 4), (3, 8))
    ]
    sheet = bytes(395) + bytes([4]) + b"".join(tracks) + track.pack(22_050 * 12, 255, 0, 0)
    embed(path, ["ARTIST=The Band"], bytes([5]) + len(sheet).to_bytes(3, "big") + sheet)
    one = tmp_path / "one.flac"
    shutil.copy(made_music / "buzz/Ada.flac", one)
    embed(one, [f"CUESHEET={SHEET}"])
    with Library(tmp_path / "music.db") as library:
        library.scan([tmp_path], workers=1)
        assert [(track.name, track.start, track.end) for track in library.tracks()] == [
            ("The Band – album#1", 0, 4),
            ("The Band – album#2", 4, 8),
            ("The Band – album#3", 8, pytest.approx(12)),
            ("one", None, None),
        ]


def test_sheets_for_single_tracks_and_for_missing_files(album: Path, made_music: Path) -> None:
    folder = album.parent
    (folder / "album.cue").write_text(SHEET.split("  TRACK 02")[0])
    shutil.copy(made_music / "buzz/Ada.flac", folder / "one.flac")
    shutil.copy(made_music / "buzz/Bix.flac", folder / "two.flac")
    tracks = ["TRACK 01 AUDIO\nTITLE A\nINDEX 01 00:00:00\n", "TRACK 02 AUDIO\nTITLE B\nINDEX 01 00:00:00\n"]
    (folder / "rip.cue").write_text(f'FILE "one.wav" WAVE\n{tracks[0]}FILE "two.wav" WAVE\n{tracks[1]}')
    (folder / "gone.cue").write_text('FILE "away.wav" WAVE\nFILE "far away.wav" WAVE\n')
    (folder / "game.cue").write_text("FILE game.bin BINARY\nTRACK 01 MODE1/2352\nINDEX 01 00:00:00\n")
    (folder / "noise.cue").write_bytes(bytes(range(256)) * 9)
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.cue")
    with Library(folder / "music.db") as library:
        report = library.scan([folder], workers=1)
        assert [Path(track.path).name for track in library.tracks()] == ["album.flac", "one.flac", "two.flac"]
        assert {track.number for track in library.tracks()} == {None}
    assert report.unreadable == [(str(folder / "gone.cue"), "its file away.wav and 1 more is missing")]


def test_a_sheet_may_name_files_in_folders_below_it_and_on_other_machines(album: Path) -> None:
    text = SHEET.replace("album.wav", "CD1\\album.flac")
    for name in ("CD1", "CD2"):
        shutil.copytree(album.parent, album.parent / name, ignore=lambda *_: {"CD1", "CD2", "album.cue"})
    album.with_suffix(".cue").write_text(text + text.replace("CD1", "CD2"))
    found = [file for file in walk([album.parent]) if isinstance(file, FoundFile)]
    assert [str(file.place.path) for file in found if file.part] == [
        str(album.parent / name / "album.flac") for name in ("CD1", "CD2") for _ in range(3)
    ]
    album.with_suffix(".cue").write_text(SHEET.replace("album.wav", "C:\\rips\\album.wav"))
    assert sum(file.path == str(album) for file in walk([album.parent]) if isinstance(file, FoundFile)) == 3


def test_a_track_beyond_the_end_of_its_file_is_broken_and_the_others_are_not(album: Path) -> None:
    with album.with_suffix(".cue").open("a") as sheet:
        sheet.write("TRACK 04 AUDIO\nTITLE Four\nINDEX 01 01:40:00\n")
    with Library(album.with_suffix(".db")) as library:
        report = library.scan([album.parent], workers=1)
        assert report.analysed == 3
        reason = f"{album}#4 begins at 1:40, but its file ends at 0:12: correct the cue sheet"
        assert report.broken == [(f"{album}#4", reason)]


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("utf-8", "Señor Ω"),
        ("utf-8-sig", "Señor Ω"),
        ("utf-16", "Señor Ω"),
        ("cp1252", "Motörhead’s naïve señor"),
        ("cp1251", "Группа крови"),
        ("shift_jis", "恋のバカンス"),
    ],
)
def test_sheets_in_every_encoding(album: Path, encoding: str, title: str) -> None:
    """The file is found by its name in the sheet, as the sheet has another."""
    text = SHEET.replace("One", title).replace("album.wav", f"{title}.wav")
    album.with_name("sheet.cue").write_bytes(text.encode(encoding))
    album.with_suffix(".cue").unlink()
    album.rename(album.with_name(f"{title}.flac"))
    parts = [found.part for found in walk([album.parent]) if isinstance(found, FoundFile)]
    assert [part and part.tags.get("title") for part in parts] == [title, "Two", None]


def test_sheets_with_several_files_and_data_tracks_are_parsed() -> None:
    one, two = parse_sheet(
        'FILE "C:\\rips\\side "A".flac" WAVE\r\nTRACK 01 AUDIO\r\ntitle "7" mix"\r\nINDEX 01 99:59:74\r\n'
        "TRACK 02 AUDIO\r\nINDEX 00 100:02:00\r\nFILE side b.flac WAVE\r\nINDEX 01 00:00:00\r\nINDEX 02 00:01:00\r\n"
        "TRACK 03 MODE1/2352\r\nINDEX 01 00:09:00\r\nTRACK 04 AUDIO\r\nINDEX 01 00:10:00\r\nNONSENSE\r\nINDEX x"
    )
    assert (one.name, two.name) == ('C:/rips/side "A".flac', "side b.flac")
    assert [(p.number, p.start, p.end, p.tags) for p in one.parts] == [
        (1, pytest.approx(5999 + 74 / 75), 6002, {"title": '7" mix'})
    ]
    assert [(p.number, p.start, p.end) for p in two.parts] == [(2, 0, 9), (4, 10, None)]


def test_exports_tell_where_a_track_lies(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = str(tmp_path / "music.db")
    with Library(database) as library:
        library.scan([album.parent], workers=1)
        lines = library.export(tmp_path / "all.m3u8").read_text("utf-8").splitlines()
        table = library.export(tmp_path / "all.csv")
    assert lines[5:9] == [
        "#EXTINF:4,Guest Star – Two",
        "#EXTVLCOPT:start-time=4.000",
        "#EXTVLCOPT:stop-time=8.000",
        "album/album.flac",
    ]
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["number"], row["start"], row["damage"]) for row in rows] == [
        ("1", "0.0", ""),
        ("2", "4.0", ""),
        ("3", "8.0", ""),
    ]
    assert run(["library", "similar", f"{album}#2", "--json", "--library", database]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(each["number"], each["start"]) for each in found} == {(1, 0.0), (3, 8.0)}
