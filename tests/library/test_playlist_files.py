"""Playlists of files with hostile names, opened by the players that people use."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from retrotone.library.export import export
from retrotone.library.playlist_files import line_of
from retrotone.library.records import Track

NAMES = [
    b"a#b.wav", b"#first.wav", b"what?.wav", b" lead.wav", b"trail.wav ", b"tab\tin.wav", b"\ttab.wav", b"2\nlines.wav",
    b"return\r.wav", b"\xff.wav", b"100%.wav", b"a%20b.wav", b"http:x.wav", b"a::b.wav", b"back\\slash.wav",
    b"quote'\".wav", b"<tag>&amp;.wav", b"\xc2\xa0blank.wav", "ǘ 音 🎵.wav".encode(), b"-dash [x].wav",
]  # fmt: skip
TRACK = Track(1, "", 0.1, "<A> & B\x01", "C\ud800", "", "", "", "", 0.0, False, {}, {}, None, None, None)
ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="other file systems refuse such names")


@pytest.fixture(scope="module")
def tracks() -> Iterator[list[Track]]:
    """Twenty files of a tenth of a second, in a folder that any user may read: VLC refuses to run as root."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        songs = [Path(os.fsdecode(os.fsencode(folder) + b"/" + name)) for name in NAMES]
        for song in songs:
            with song.open("wb") as file:
                soundfile.write(file, np.zeros(800), 8000, format="WAV")
        yield [replace(TRACK, path=str(song)) for song in songs]


@ON_POSIX
def test_vlc_opens_all_of_twenty_hostile_names(tracks: list[Track]) -> None:
    if not shutil.which("vlc"):
        pytest.skip("needs VLC")
    folder, user = Path(tracks[0].path).parent, 65534 if os.getuid() == 0 else None
    command = ["vlc", "-vv", "-I", "dummy", "--no-audio", "--play-and-exit"]
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, os.getuid() if user is None else user, -1)
        # at once, as VLC waits for two seconds after each file
        running = [
            subprocess.Popen(
                [*command, str(export(tracks, folder / name))],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "HOME": home},
                user=user,
            )
            for name in ("all.m3u8", "all.xspf")
        ]
        for process in running:
            said = process.communicate(timeout=120)[1]
            opened = {unquote_to_bytes(uri) for uri in re.findall(rb"`file://(.+?)' successfully opened", said)}
            assert {os.fsencode(track.path) for track in tracks} <= opened


@ON_POSIX
def test_mpv_opens_all_of_twenty_hostile_names(tracks: list[Track]) -> None:
    if not shutil.which("mpv"):
        pytest.skip("needs mpv")
    playlist = export(tracks, Path(tracks[0].path).parent / "all.m3u8")
    command = ["mpv", "--no-config", "--ao=null", "--untimed", "--term-playing-msg=at ${playlist-pos}", str(playlist)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, errors="replace")
    assert {int(at) for at in re.findall(r"^at (\d+)$", done.stdout, re.MULTILINE)} == set(range(len(NAMES)))


def test_a_line_is_a_relative_path_where_it_can_be_one() -> None:
    lines = {
        "/music/jazz/so what.ogg": "../music/jazz/so what.ogg",
        "/lists/ä – b.ogg": "ä – b.ogg",
        "/music/a#b.ogg": "file:///music/a%23b.ogg",
        "/lists/ lead.ogg": "file:///lists/%20lead.ogg",
        "/lists/a\tb.ogg": "file:///lists/a%09b.ogg",
        "/lists/100%.ogg": "file:///lists/100%25.ogg",
    }
    assert {path: line_of(PurePosixPath(path), "/lists") for path in lines} == lines
    assert line_of(PurePosixPath("/lists/a b.ogg"), None) == "/lists/a b.ogg"


def test_lines_of_windows_have_slashes_that_every_system_reads() -> None:
    song, share = PureWindowsPath(r"C:\Music\Jazz\a.ogg"), PureWindowsPath(r"\\nas\music\a b.ogg")
    assert line_of(song, r"C:\Music") == "Jazz/a.ogg"
    assert line_of(song, r"C:\Lists\Old") == "../../Music/Jazz/a.ogg"
    assert [line_of(song, folder) for folder in ("D:\\", None)] == ["file:///C:/Music/Jazz/a.ogg"] * 2
    assert line_of(share, r"C:\Music") == "file://nas/music/a%20b.ogg"
    assert line_of(share, r"\\nas\music\lists") == "../a b.ogg"


def test_an_m3u_holds_paths_as_mpd_reads_them(tmp_path: Path) -> None:
    names = ("a#b?.ogg", "100%.ogg", "two\nlines.ogg", "\udcff.ogg")
    songs = [replace(TRACK, path=str(tmp_path / "music" / name)) for name in names]
    lines = export(songs, tmp_path / "all.m3u").read_bytes().splitlines()
    assert lines[2::2] == [b"music/a#b?.ogg", b"music/100%.ogg", b"music/\xff.ogg"]


def test_an_xspf_is_valid_xml_that_tells_where_a_track_of_a_cue_sheet_lies(tmp_path: Path) -> None:
    track = replace(TRACK, path="/music/a b.flac", duration=4.25, number=2, start=4.0, end=8.25)
    root = ElementTree.parse(export([track], tmp_path / "all.xspf")).getroot()
    fields = {element.tag.split("}")[1]: element.text for element in root.iter()}
    assert (fields["location"], fields["duration"]) == ("file:///music/a%20b.flac", "4250")
    assert (fields["title"].strip(), fields["creator"].strip()) == ("<A> & B", "C")
    options = [element.text for element in root.iter() if element.tag.endswith("}option")]
    assert options == ["start-time=4.000", "stop-time=8.250"]
