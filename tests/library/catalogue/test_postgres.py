"""A library on PostgreSQL: many writers at once, and the messages when it cannot be reached."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from places import Databases, groups, synthetic_description

import retrotone as rt
from retrotone.cli.main import run
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.description import RECIPE
from retrotone.library.files import FoundFile, content_hash
from retrotone.library.library import Library, Track
from retrotone.library.records import NewTrack
from retrotone.library.scanning.scan import scan
from retrotone.library.scanning.track import Analysed, Failed, analyse_file
from retrotone.library.scanning.walk import walk
from retrotone.library.search import neighbours, playlists
from retrotone.library.session import library_state
from retrotone.progress import silent

psycopg = pytest.importorskip("psycopg", reason="needs the cluster extra")
pytestmark = pytest.mark.parametrize("places", ["postgresql"], indirect=True)
WRITERS, TURNS = 6, 6


def administer(location: str, *statements: str) -> None:
    with psycopg.connect(location, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def other_user(location: str, user: str, password: str = "") -> str:
    return location.replace("//postgres:", f"//{user}:{password}")


def test_many_writers_at_once_lose_no_track_and_double_none(made_music: Path, places: Databases) -> None:
    location, clips = places.new(), [str(clip) for clip in sorted(made_music.glob("buzz/*.flac"))]
    outcomes = [analyse_file(FoundFile.at(clip)) for clip in clips]
    files = [each for each in walk([made_music / "buzz"]) if isinstance(each, FoundFile)]

    def write(writer: int) -> None:
        # All of them create it.
        with Catalogue(location, create=True) as catalogue:
            for turn in range(TURNS):
                which = (writer + turn) % len(files)
                found, outcome = files[which], outcomes[which]
                assert isinstance(outcome, Analysed)
                if turn % 3 == writer % 3:
                    catalogue.add_broken(found, content_hash(found), "for a moment")
                analysis, content = outcome.analysis, content_hash(found)
                catalogue.add_track(
                    NewTrack(found, content, outcome.tags, analysis.duration, outcome.description, analysis)
                )

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    with Library(location) as library:
        assert [track.path for track in library.tracks()] == clips
        assert library.check() == []
        assert library.scan([made_music / "buzz"], workers=1).unchanged == 3


def test_what_others_write_is_seen_and_a_lost_connection_made_anew(scanned: str, places: Databases) -> None:
    location = places.copy(scanned)
    with Library(location) as library, Catalogue(location) as other:
        [first, second] = [match.track for match in library.similar(library.tracks()[0], k=2)]
        before = library_state(location)
        assert library_state(location) == before
        other.mark([first.id], present=False)
        # a window notices it, and nothing else that is written to this server
        after = library_state(location)
        assert after != before
        administer(location, "CREATE TABLE others_notes (text text)")
        assert library_state(location) == after
        assert library.similar(library.tracks()[0], k=1)[0].track == second
        [(process,)] = library._catalogue().database.query("SELECT pg_backend_pid()")
        administer(location, f"SELECT pg_terminate_backend({process}, 5000)")
        assert len(library.tracks()) == len(library) == 11
        assert library.similar(library.tracks()[0], k=1)[0].track == second


def test_a_track_is_found_by_name_whatever_its_letters(places: Databases) -> None:
    location = places.new()
    with Catalogue(location, create=True) as catalogue:
        for number, title in enumerate(["VIBE IN PARIS", "Jóga", "", "Vibe, 100%"]):
            description = replace(synthetic_description(groups(1)[0]), recipe=RECIPE)
            file = FoundFile(f"/music/{number} vibe.ogg", 1, 1)
            catalogue.add_track(NewTrack(file, b"%d" % number, {"title": title}, 100.0, description))
    with Library(location) as library:
        for words, titles in (
            ("paris vib", ["VIBE IN PARIS"]),
            ("joga", ["Jóga"]),
            ("vibe", ["VIBE IN PARIS", "", "Vibe, 100%"]),
            ("100", ["Vibe, 100%"]),
        ):
            assert [track.title for track in library.search(words)] == titles


def test_a_scan_goes_on_when_the_network_fails(
    made_music: Path, places: Databases, caplog: pytest.LogCaptureFixture
) -> None:
    location = places.new()
    with Library(location) as library:
        catalogue = library._catalogue(create=True)

        def analyse_until_cut(files: Iterable[FoundFile], workers: int) -> Iterator[Analysed | Failed]:
            for number, found in enumerate(files):
                if number == 2:
                    wire = catalogue.database._connection.fileno()
                    with socket.socket(fileno=os.dup(wire)) as ours:
                        ours.shutdown(socket.SHUT_RDWR)
                yield analyse_file(found)

        report = scan(catalogue, [made_music / "buzz"], analyse_all=analyse_until_cut)
        assert (report.analysed, report.unchanged) == (3, 0)
        assert "the server went away: try again; connecting again in 0 s" in caplog.text
        assert library.check() == []


def test_what_others_delete_while_a_playlist_is_made_is_not_missed(
    scanned: str, places: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the vectors that were looked up last are remembered.
    monkeypatch.setattr(neighbours, "REMEMBERED", 0)
    location = places.copy(scanned)
    with Library(location) as library, Catalogue(location) as catalogue, Catalogue(location) as other:
        [seed, *_] = library.tracks()
        near = library._session.searchable(silent)
        forgotten: list[Track] = []

        def lookup(numbers: Sequence[int]) -> list[Track]:
            tracks = catalogue.tracks(numbers)
            forgotten.extend([seed, tracks[2], tracks[5]])
            other.forget_analyses([track.id for track in forgotten])
            # A failed lookup: from here on no other vector is remembered.
            assert near.vector(0) is None
            return tracks

        same, vector = library._session.is_same(near), near.vector(seed.id)
        made = playlists.playlist(near, vector, [seed], 3600, playlists.Caps(), lookup, same)
        assert len(made) == 10
        assert {track.id for track in made} & {track.id for track in forgotten} == {seed.id}


@pytest.fixture(scope="module")
def guarded(scanned: str, places: Databases) -> str:
    """A library on a server with two more users: ``reader``, who may only read, and ``stranger``, who may nothing."""
    location = places.copy(scanned)
    administer(
        location,
        "DROP ROLE IF EXISTS stranger, reader",
        "CREATE ROLE stranger LOGIN",
        "CREATE ROLE reader LOGIN PASSWORD 'right'",
        "GRANT USAGE ON SCHEMA retrotone TO reader",
        "GRANT SELECT ON ALL TABLES IN SCHEMA retrotone TO reader",
    )
    return location


def test_a_user_who_may_only_read_can_search(guarded: str) -> None:
    with Library(other_user(guarded, "reader", "right")) as library:
        assert len(library.similar(library.tracks()[0])) == 5


def test_a_library_that_cannot_be_opened_is_one_line_without_the_password(guarded: str, places: Databases) -> None:
    for where, reason in (
        (places.new(), "holds no library: retrotone library scan FOLDER makes one"),
        ("postgresql://me:s3cret@127.0.0.1:1/music", "Connection refused.*check the address, the server"),
        ("postgresql://me:s3cret@nowhere.invalid/music", "nowhere.invalid.*check the address"),
        ("postgresql://me:s3cret@[::1/music", "no address"),
        ("postgresql://me:with/s3cret@host/music", "no address.*%40"),
        ("postgresql://me:with@s3cret@host/music", "no address"),
        (guarded.replace("/library", "/no_library"), "does not exist"),
        (other_user(guarded, "reader", "s3cret"), "authentication failed.*password"),
        (other_user(guarded, "stranger"), "permission denied.*administrator"),
    ):
        with pytest.raises(rt.LibraryError, match=reason) as caught:
            Library(where).tracks()
        assert "\n" not in str(caught.value)
        assert "s3cret" not in str(caught.value)


def test_a_library_that_cannot_be_written_says_what_is_missing(
    guarded: str, made_music: Path, places: Databases
) -> None:
    empty, bare = places.new(), places.new()
    administer(bare, f"ALTER DATABASE {bare.split('?')[0].rsplit('/', 1)[1]} SET extension_control_path = '/'")
    for where, reason in (
        (bare, "install pgvector"),
        (other_user(empty, "stranger"), "permission denied to create extension.*administrator"),
        (other_user(guarded, "reader", "right"), "permission denied.*grant"),
    ):
        with pytest.raises(rt.LibraryError, match=reason):
            Library(where).scan([made_music], exclude=["*"])


def test_the_command_line_checks_a_server_and_prints_no_password(
    scanned: str, places: Databases, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["library", "similar", "song.ogg", "--library", "postgresql://me:s3cret@127.0.0.1:1/music"]) == 2
    assert "s3cret" not in capsys.readouterr().err
    assert run(["library", "check", "--library", places.copy(scanned)]) == 0
    assert "is whole" in capsys.readouterr().out


def test_without_the_extra_a_line_says_what_to_install(places: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(rt.MissingExtraError, match=r"pip install 'retrotone\[cluster\]'"):
        Library(places.new()).tracks()
