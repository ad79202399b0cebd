"""The server of a library's similar songs: a real one, asked over HTTP, in the words of OpenSubsonic."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import httpx
import numpy as np
import pytest
from places import add_synthetic, groups, synthetic_description

from retrotone.cli.main import run
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.files import FoundFile
from retrotone.library.library import Library
from retrotone.library.records import NewTrack
from retrotone.web.server import LOCAL_NAMES
from retrotone.web.subsonic import Subsonic

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of two hundred made-up songs, and two more: a silent one and one whose path is no text."""
    path = tmp_path_factory.mktemp("library") / "music.db"
    with Catalogue(path, create=True) as catalogue:
        add_synthetic(catalogue, groups(200))
        for name, vector, year in ((b"/silent.ogg", np.zeros(128), ""), (b"/odd \xff#1.ogg", groups(1)[0], "1971")):
            file = FoundFile(os.fsdecode(name), 1, 1)
            tags = {"title": "A <B>\x01 & C", "year": year} if year else {}
            description = synthetic_description(np.asarray(vector, np.float32))
            catalogue.add_track(NewTrack(file, b"", tags, 7.0, description))
    return path


@pytest.fixture(scope="module")
def address(database: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # a process in the background ignores Ctrl-C by default
    code = "import signal; signal.signal(2, signal.default_int_handler); from retrotone.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "library", "serve", "--library", str(database), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    line = process.stdout.readline()
    assert str(port) in line, line
    yield line.split()[4]
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120)[1] == ""
    assert process.returncode == 130


@pytest.fixture(scope="module")
def ask(address: str) -> Ask:
    """Ask the server for JSON."""

    def ask(call: str, **given: object) -> dict[str, Any]:
        with urlopen(
            f"{address}/{call}?{urlencode({'f': 'json', 'u': 'me', 'v': '1.16.1', 'c': 't', **given})}"
        ) as got:
            answer: dict[str, Any] = json.load(got)["subsonic-response"]
        assert (answer["version"], answer["type"], answer["openSubsonic"]) == ("1.16.1", "retrotone", True)
        return answer

    return ask


def test_the_server_says_that_it_is_there_and_what_it_can(ask: Ask) -> None:
    assert ask("ping")["status"] == ask("ping.view")["status"] == "ok"
    extensions = ask("getOpenSubsonicExtensions")["openSubsonicExtensions"]
    assert extensions == [{"name": "sonicSimilarity", "versions": [1]}]


def test_a_song_is_asked_for_by_id_path_and_names(ask: Ask, database: Path) -> None:
    with Library(database) as library:
        seed = library.tracks()[6]
        expected = [match.track for match in library.similar(seed, 3)]
    questions: list[dict[str, object]] = [
        {"id": seed.id}, {"path": seed.path}, {"title": "Title 7", "artist": "The ARTIST 1"}, {"title": "title 7"},
    ]  # fmt: skip
    for question in questions:
        songs = ask("getSimilarSongs", count=3, **question)["similarSongs"]["song"]
        assert [song["id"] for song in songs] == [str(track.id) for track in expected]
        assert ask("getSimilarSongs2", count=3, **question)["similarSongs2"]["song"] == songs
    first = expected[0]
    assert songs[0].items() >= {
        "title": first.title, "artist": first.artist, "path": first.path, "genre": first.genre, "suffix": "ogg",
        "duration": round(first.duration or 0), "isDir": False, "type": "music",
    }.items()  # fmt: skip
    matches = ask("getSonicSimilarTracks", id=seed.id, count=3)["sonicMatch"]
    assert [match["entry"] for match in matches] == songs
    assert 1 >= matches[0]["similarity"] >= matches[2]["similarity"] > 0


def test_artists_have_top_songs_and_similar_ones(ask: Ask) -> None:
    top = ask("getTopSongs", artist="artist 3")["topSongs"]["song"]
    assert {song["title"] for song in top} == {f"title {n}" for n in range(12, 16)}
    similar = ask("getSimilarSongs2", id=top[0]["artistId"], count=5)["similarSongs2"]["song"]
    assert len(similar) == 5
    assert not {song["id"] for song in similar} & {song["id"] for song in top}
    assert ask("getTopSongs", artist="Nobody")["topSongs"]["song"] == []


def test_a_path_leads_from_one_song_to_the_other(ask: Ask) -> None:
    steps = ask("findSonicPath", startSongId=10, endSongId=20, count=6)["sonicMatch"]
    ids = [step["entry"]["id"] for step in steps]
    assert (ids[0], ids[-1], len(set(ids))) == ("10", "20", 6)
    assert steps[0]["similarity"] == 1


def test_songs_are_found_by_words_and_drawn_at_random(ask: Ask) -> None:
    found = ask("search3", query="ARTIST 4 title", songCount=500)["searchResult3"]["song"]
    assert len(found) > 4
    assert all({"artist", "title"} <= set(f"{song['title']} {song['artist']}".split()) for song in found)
    # the closest first; words may be cut, but not at their beginning
    titles = [song["title"] for song in ask("search3", query="title 4")["searchResult3"]["song"]]
    assert titles[:2] == ["title 4", "title 40"]
    assert ask("search3", query="itle")["searchResult3"]["song"] == []
    everything = [
        song["id"]
        for start in (0, 150)
        for song in ask("search3", query='""', songCount=150, songOffset=start)["searchResult3"]["song"]
    ]
    assert len(set(everything)) == 202
    drawn = ask("getRandomSongs", size=4, genre="genre 03")["randomSongs"]["song"]
    assert {song["genre"] for song in drawn} == {"genre 03"}
    assert len({song["id"] for song in drawn}) == 4
    assert [song["year"] for song in ask("getRandomSongs", fromYear=1970, toYear=1979)["randomSongs"]["song"]] == [1971]


@pytest.mark.parametrize(
    ("call", "given", "code"),
    [
        ("getSimilarSongs", {}, 10),
        ("getTopSongs", {}, 10),
        ("getSimilarSongs", {"id": "4711"}, 70),
        ("getSimilarSongs", {"id": "ar-nobody"}, 70),
        ("getSimilarSongs", {"path": "/etc/passwd"}, 70),
        ("getSimilarSongs", {"id": 1, "count": "many"}, 0),
        ("getSimilarSongs", {"path": "/silent.ogg"}, 0),
        ("stream", {"id": 1}, 0),
    ],
)
def test_what_cannot_be_answered_has_the_code_of_the_protocol(ask: Ask, call: str, given: Any, code: int) -> None:
    answer = ask(call, **given)
    assert (answer["status"], answer["error"]["code"]) == ("failed", code)
    assert answer["error"]["message"]


def test_xml_is_well_formed_whatever_the_names_hold(address: str) -> None:
    # by a path whose bytes are no text
    with urlopen(f"{address}/getSonicSimilarTracks.view?path=/odd%20%FF%231.ogg&count=1") as got:
        [match] = ElementTree.parse(got).getroot()
    assert match.tag == "{http://subsonic.org/restapi}sonicMatch"
    assert 0 < float(match.attrib["similarity"]) < 1
    [entry] = match
    assert entry.attrib["isDir"] == "false"
    with urlopen(f"{address}/search3?query=%3Cb%3E") as got:
        [[song]] = ElementTree.parse(got).getroot()
    assert (song.attrib["title"], song.attrib["year"]) == ("A <B>  & C", "1971")


def test_other_sites_and_names_that_were_made_to_point_here_are_refused(address: str) -> None:
    for name, value in (("Host", "evil.example"), ("Origin", "https://evil.example"), ("Origin", "null")):
        with pytest.raises(OSError, match="421"):
            urlopen(Request(f"{address}/ping", headers={name: value}))


def test_a_password_is_taken_plainly_in_hexadecimal_and_as_a_token(database: Path) -> None:
    app = Subsonic(str(database), "sesame", LOCAL_NAMES)

    async def codes() -> list[int]:
        token = hashlib.md5(b"sesamesalt").hexdigest()
        questions = ("p=sesame", f"p=enc:{b'sesame'.hex()}", f"t={token}&s=salt", "p=guess", f"t={token}&s=other", "")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            answers = [(await client.get(f"/rest/ping?f=json&{each}")).json() for each in questions]
            public = (await client.get("/rest/getOpenSubsonicExtensions?f=json")).json()
        return [each["subsonic-response"].get("error", {"code": -1})["code"] for each in (*answers, public)]

    assert asyncio.run(codes()) == [-1, -1, -1, 40, 40, 10, -1]


def test_a_scan_is_seen_without_a_restart(ask: Ask, database: Path) -> None:
    with Catalogue(database) as catalogue:
        catalogue.add_track(NewTrack(FoundFile("/new.ogg", 1, 1), b"", {}, 5.0, synthetic_description(groups(1)[0])))
    assert ask("getSimilarSongs", title="new", count=1)["similarSongs"]["song"]


def test_bad_passwords_and_missing_libraries_get_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").touch()
    for name, said in (("empty", "empty line"), ("none", "none")):
        assert run(["library", "serve", "--password-file", str(tmp_path / name)]) == 2
        assert said in capsys.readouterr().err
    assert run(["library", "serve", "--port", "4541", "--library", str(tmp_path / "no.db")]) == 2
    assert "scan" in capsys.readouterr().err
