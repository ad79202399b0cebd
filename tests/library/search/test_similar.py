"""What the library recommends, groups, draws and exports."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from places import Places

import retrotone as rt
from retrotone.cli.main import run
from retrotone.dsp.arcs import arc
from retrotone.library import map as map_
from retrotone.library.library import Filter, Library, Track
from retrotone.library.search import duplicates
from retrotone.library.search.copies import best_first
from retrotone.library.search.neighbours import Neighbours

pytestmark = pytest.mark.usefixtures("analysing_here")
# for tests that do not depend on the kind of catalogue
ON_SQLITE = pytest.mark.parametrize("places", ["sqlite"], indirect=True)
KINDS = ("buzz", "melody", "organ", "pulse")
Capture = pytest.CaptureFixture[str]


@dataclass
class Ask:
    """Runs a command on a library and returns the lines that it prints."""

    library: str
    capsys: Capture

    def __call__(self, *arguments: str, code: int = 0) -> list[str]:
        assert run(["library", *arguments, "--library", self.library]) == code
        return self.capsys.readouterr().out.splitlines()


@pytest.fixture(scope="module")
def library(scanned: str, places: Places) -> Iterator[Library]:
    with Library(places.copy(scanned)) as library:
        yield library


def kinds(tracks: list[Track]) -> list[str]:
    return [Path(track.path).parent.name for track in tracks]


@pytest.mark.parametrize("kind", KINDS)
def test_what_sounds_alike_is_found_in_the_library_and_from_outside(
    library: Library, made_music: Path, kind: str
) -> None:
    song = made_music / kind / "Bix.flac"
    inside = library.similar(song, k=2)
    assert kinds([match.track for match in inside]) == [kind, kind]
    assert all(Path(match.track.path) != song for match in inside)
    similarities = [match.similarity for match in library.similar(song, k=20)]
    assert len(similarities) == 11
    assert similarities == sorted(similarities, reverse=True)
    outside = library.similar(rt.load(song), k=2)
    assert outside[0].track.path == str(song)
    assert outside[0].similarity == pytest.approx(1, abs=1e-4)
    quieter = library.similar(rt.load(song).gain(-6), k=3)
    assert kinds([match.track for match in quieter]) == [kind] * 3
    [track] = [track for track in library.tracks() if track.path == str(song)]
    assert library.similar(track, k=2) == library.similar(str(song), k=2) == inside


def test_a_link_or_copy_of_a_song_is_that_song(library: Library, made_music: Path, tmp_path: Path) -> None:
    song = made_music / "organ/Ada.flac"
    (tmp_path / "link.flac").symlink_to(song)
    shutil.copy(song, tmp_path / "copy.flac")
    for other in ("link.flac", "copy.flac"):
        assert library.similar(tmp_path / other) == library.similar(song)


def test_several_seeds_meet_in_the_middle(library: Library, made_music: Path) -> None:
    seeds = [made_music / "melody/Ada.flac", made_music / "pulse/Ada.flac"]
    found = library.similar(seeds, k=4)
    assert set(kinds([match.track for match in found])) == {"melody", "pulse"}
    assert {match.track.path for match in found}.isdisjoint(map(str, seeds))
    # one that is named twice counts once
    assert library.similar([*seeds, str(seeds[0])], k=4) == found


def test_filters(library: Library, made_music: Path) -> None:
    song = made_music / "organ/Ada.flac"
    few = library.similar(song, k=6, per_artist=1)
    assert sorted(match.track.artist for match in few) == ["Ada", "Bix", "Clara"]
    assert kinds([match.track for match in library.similar(song, only=Filter(genre="PULSE"))]) == ["pulse"]
    rest = library.similar(song, k=12, only=Filter(exclude=["buzz", "*/Bix.flac"]))
    assert Counter(kinds([match.track for match in rest])) == {"organ": 1, "melody": 2, "pulse": 2}


def test_nonsense_is_refused_in_a_line(library: Library, made_music: Path, tmp_path: Path) -> None:
    song = made_music / "organ/Ada.flac"
    for ask, reason in (
        (lambda: library.similar(song, k=0), "k is 0"),
        (lambda: library.similar([]), "name a song"),
        (lambda: library.path(song, song, length=1), "two tracks or more"),
        (lambda: library.playlist(song, minutes=-1), "minutes is -1"),
        (lambda: library.export(tmp_path / "songs.xls"), r"use one of \.m3u8"),
        (lambda: library.map(tmp_path / "map.gif"), r"\.png or \.html"),
        (lambda: Library(tmp_path / "empty.db").scan([tmp_path], workers=0), "0 workers"),
    ):
        with pytest.raises(rt.LibraryError, match=reason):
            ask()
    with pytest.raises(rt.AudioError, match="does not exist"):
        library.similar(tmp_path / "missing.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(rt.AudioError, match="is a pipe"):
        library.similar(tmp_path / "pipe.wav")
    (tmp_path / "nothing").mkdir()
    empty = Library(tmp_path / "empty.db")
    assert empty.scan([tmp_path / "nothing"]).analysed == 0
    with pytest.raises(rt.LibraryError, match="holds no tracks"):
        empty.similar(song)


def test_a_path_glides_from_one_to_the_other(library: Library, made_music: Path) -> None:
    ends = made_music / "organ/Ada.flac", made_music / "pulse/Clara.flac"
    tracks = library.path(*ends, length=6)
    assert (tracks[0].path, tracks[-1].path) == tuple(map(str, ends))
    assert len({track.id for track in tracks}) == 6
    assert kinds(tracks)[:2] == ["organ", "organ"]
    assert kinds(tracks)[-2:] == ["pulse", "pulse"]
    start, end = (rt.Library.embed(rt.analyse(path)) for path in ends)
    nearer = [library._session.neighbours().vector(track.id) @ (end - start) for track in tracks]
    assert np.corrcoef(nearer, np.arange(6))[0, 1] > 0.8
    assert library.path(*ends, length=6) == tracks
    assert len(library.path(*ends, length=40)) == 12
    round_trip = library.path(ends[0], ends[0], length=4)
    assert len({track.id for track in round_trip}) == 4
    outside = library.path(rt.load(ends[0]).gain(-3), ends[1], length=4)
    assert kinds(outside)[::3] == ["organ", "pulse"]


def test_a_playlist_fills_its_time_without_repeats_and_with_a_cap(
    library: Library, scanned: str, places: Places, made_music: Path, tmp_path: Path
) -> None:
    seed = made_music / "melody/Bix.flac"
    tracks = library.playlist(seed, minutes=0.4, per_artist=2)
    assert tracks[0].path == str(seed)
    assert sum(track.duration or 0 for track in tracks) == pytest.approx(24, abs=2.1)
    assert max(Counter(track.artist for track in tracks).values()) == 2
    assert all(a.artist != b.artist for a, b in pairwise(tracks))
    assert set(kinds(tracks[:3])) == {"melody"}
    # copies by another name are no new songs
    shutil.copytree(made_music, tmp_path / "music")
    shutil.copytree(made_music, tmp_path / "music" / "again")
    with Library(places.copy(scanned)) as more:
        assert more.scan([tmp_path / "music"], workers=1).copied == 24
        long = more.playlist(seed, minutes=60, per_artist=99)
    assert len(long) == len({track.name for track in long}) == 12


def test_a_mix_of_hours_does_not_end_a_playlist(scanned: str, places: Places, made_music: Path) -> None:
    seed = made_music / "melody/Bix.flac"
    with Library(places.copy(scanned)) as copy:
        mix = copy.similar(seed, k=1)[0].track
        copy._catalogue().database.query("UPDATE tracks SET duration = 7200 WHERE id = ?", (mix.id,))
        tracks = copy.playlist(seed, minutes=0.4)
    assert mix.path not in [track.path for track in tracks]
    assert sum(track.duration or 0 for track in tracks) == pytest.approx(24, abs=2.1)


def test_duplicates_are_one_recording_in_other_formats_and_at_other_levels(
    made_music: Path, tmp_path: Path, shared_music: Path, capsys: Capture
) -> None:
    song = rt.load(shared_music / "Kevin_MacLeod_-_Vibe_Ace.ogg")
    song.slice(5, 35).save(tmp_path / "a.flac", 16)
    song.slice(5, 35).gain(-5).save(tmp_path / "b.mp3")
    song.slice(5.8, 35.6).save(tmp_path / "c.ogg")
    song.slice(31, 61).save(tmp_path / "another part.flac", 16)
    shutil.copy(made_music / "organ/Ada.flac", tmp_path / "organ.flac")
    shutil.copy(made_music / "organ/Ada.flac", tmp_path / "organ again.flac")
    shutil.copy(made_music / "organ/Bix.flac", tmp_path / "other organ.flac")
    # two notes of an instrument with the same envelope
    for number, pitch in enumerate((110.0, 131.0)):
        tone = sum(np.sin(2 * np.pi * pitch * f * np.arange(8 * 22_050) / 22_050) for f in (1, 1.5))
        swell = 0.5 + 0.5 * np.sin(np.pi * np.arange(8 * 22_050) / 22_050)
        note = rt.Audio((0.07 * tone * swell)[None].astype(np.float32), 22_050)
        note.save(tmp_path / f"note {number}.flac", 16)
    beat = np.arange(10 * 22_050) / 22_050 % 0.6
    # two drum kits that play the same rhythm
    for number, (decay, hiss) in enumerate(((8, 0.5), (16, 0.2))):
        noise = hiss * np.random.default_rng(number).standard_normal(len(beat)) * np.exp(-20 * ((beat + 0.3) % 0.6))
        stroke = np.sin(2 * np.pi * 60 * beat) * np.exp(-decay * beat)
        loop = rt.Audio((0.2 * (stroke + noise))[None].astype(np.float32), 22_050)
        loop.save(tmp_path / f"loop {number}.flac", 16)
    rt.load(tmp_path / "loop 1.flac").gain(-5).save(tmp_path / "loop 1.mp3")
    with Library(tmp_path / "music.db") as library:
        library.scan([tmp_path], workers=1)
        groups = [[Path(track.path).name for track in group] for group in library.duplicates()]
    assert groups == [
        ["a.flac", "b.mp3", "c.ogg"], ["loop 1.flac", "loop 1.mp3"], ["organ again.flac", "organ.flac"]
    ]  # fmt: skip
    first, *_ = map(json.loads, Ask(str(tmp_path / "music.db"), capsys)("duplicates", "--json"))
    sizes = {name: (tmp_path / name).stat().st_size for name in groups[0]}
    assert first["keep"]["lossless"]
    assert [Path(each["path"]).name for each in (first["keep"], *first["others"])] == groups[0]
    assert first["bytes_freed"] == sizes["b.mp3"] + sizes["c.ogg"]
    assert Ask(str(tmp_path / "music.db"), capsys)("duplicates")[-1].startswith("3 recordings; the other copies take ")


def test_the_best_copy_is_whole_then_lossless_then_of_a_high_rate_then_long_and_tagged(library: Library) -> None:
    like = replace(library.tracks()[0], duration=100.0, damage=None, genre="", title="", artist="", size=12_000_000)
    ranked = [
        replace(like, path="/high resolution.flac", size=40_000_000),
        replace(like, path="/tagged.flac", title="Song", size=11_000_000),
        replace(like, path="/plain.wav", size=17_600_000),
        replace(like, path="/apple.m4a", duration=99.0),
        replace(like, path="/high.mp3", size=4_000_000),
        replace(like, path="/low.m4a", size=3_000_000),
        replace(like, path="/low.ogg", size=1_500_000, title="Song", artist="Artist"),
        replace(like, path="/cut.flac", damage="is damaged"),
    ]
    assert best_first(reversed(ranked)) == ranked


@ON_SQLITE
def test_many_tracks_of_one_length_are_told_apart_and_each_is_looked_up_once(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "TILE", 32)
    monkeypatch.setattr(duplicates, "PAIRS", 8)
    rng = np.random.default_rng(5)
    vectors, analyses = rng.standard_normal((200, 128)), []
    # all have similar sound parts
    vectors[:, 10:] += 2 * vectors[0, 10:]
    for number in range(200):
        fingerprint = rng.normal(0, 5, (58 if number % 7 else 57, 24))
        # of half as many recordings, each twice, the second from 2 s on
        if 100 <= number < 150:
            fingerprint = np.vstack([analyses[number - 100].fingerprint[8:], fingerprint[:8]])
            fingerprint += rng.normal(0, 2, fingerprint.shape)
            vectors[number] += 3 * vectors[number - 100]
        # a moment, then silence, which all recordings share
        if number >= 190:
            fingerprint[1:] = 0
        analyses.append(
            rt.Analysis(
                fingerprint=fingerprint, chroma=rng.random(12) if number < 100 else analyses[number - 100].chroma
            )
        )
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    [like] = library.tracks()[:1]
    tracks = [replace(like, id=n, duration=30 + 0.01 * (n % 3)) for n in range(200)]
    asked: Counter[int] = Counter()
    reported: list[float] = []

    def analysis(number: int) -> rt.Analysis:
        asked[number] += 1
        return analyses[number]

    groups = duplicates.same_recordings(
        tracks, Neighbours(np.arange(200), vectors), analysis, lambda fraction, _: reported.append(fraction)
    )
    assert [[track.id for track in group] for group in groups] == [[n, n + 100] for n in range(50)]
    assert set(asked.values()) == {1}
    assert reported == sorted(reported)
    assert len(set(reported)) > 20


def test_fingerprints_that_do_not_move_agree_with_none(library: Library) -> None:
    still = np.tile(np.linspace(-20, 20, 24), (57, 1))
    analysis = rt.Analysis(fingerprint=still, chroma=np.arange(12.0))
    tracks = [replace(library.tracks()[0], id=number, duration=30.0) for number in range(2)]
    vectors = np.ones((2, 128), np.float32) / np.sqrt(128)
    assert duplicates.same_recordings(tracks, Neighbours(np.arange(2), vectors), lambda number: analysis) == []


def test_opposed_channels_are_music_and_silence_is_like_nothing(
    made_music: Path, places: Places, tmp_path: Path, capsys: Capture
) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for kind in KINDS:
        song = rt.load(made_music / kind / "Bix.flac")
        song.save(music / f"{kind}.flac", 16)
        song.with_samples(song.samples * np.float32([[1], [-1]])).save(music / f"{kind}, opposed.flac", 16)
    silence = song.with_samples(np.zeros((1, song.frames)))
    silent = [str(silence.save(music / f"silence {depth}.flac", depth)) for depth in (16, 24)]
    song.slice(0, 0.5).save(music / "moment.flac")
    with Library(places.new()) as library:
        report = library.scan([music])
        assert report.analysed == 10
        assert report.broken == [
            (str(music / "moment.flac"), f"{music / 'moment.flac'} is 0.5 s long: too short to tell how it sounds")
        ]
        assert library.scan([music]).unchanged == 10
        stored = [track for track in library.tracks() if track.path in silent]
        assert [(track.tags, track.eras, track.heard_genre, track.sure) for track in stored] == [
            ({}, {}, "", False)
        ] * 2
        assert [track.duration for track in stored] == [4.0, 4.0]
        copies = [[str(music / f"{kind}{end}.flac") for end in (", opposed", "")] for kind in KINDS]
        assert [sorted(track.path for track in group) for group in library.duplicates()] == copies
        for opposed, normal in copies:
            a, b = (
                Library.embed(library.analysis(track)) for path in (opposed, normal) if (track := library.find(path))
            )
            assert a @ b == pytest.approx(1, abs=0.001)
            # of each other recording one copy, of its own none, and no silence
            found = [match.track.path for match in library.similar(opposed, k=20)]
            others = [pair for pair in copies if opposed not in pair]
            assert [sum(path in pair for path in found) for pair in others] == [1, 1, 1]
            assert len(found) == 3
        assert not {each.track.path for each in library.genres()} & set(silent)
        assert library.check() == []
        assert library.silent_tracks() == silent
        assert run(["library", "check", "--library", library._session.location]) == 0
        lines = capsys.readouterr().err.splitlines()
        assert lines[1:] == [f"retrotone: {path} is silent: it is never recommended" for path in silent]
        ask = ["library", "similar", "--library", library._session.location]
    moved = shutil.copy(silent[0], tmp_path / "elsewhere.flac")
    for path in (silent[0], str(moved)):
        assert run([*ask, path]) == 2
        assert capsys.readouterr().err == f"retrotone: {path} is silent: nothing sounds like it\n"


def test_genres_are_suggested_and_noted_only_when_asked(scanned: str, places: Places) -> None:
    with Library(places.copy(scanned)) as copy:
        untagged = [track.path for track in copy.tracks() if not track.genre]
        assert len(untagged) == 8
        suggestions = copy.genres()
        assert [each.track.path for each in suggestions] == untagged
        copy._catalogue().database.query(
            "UPDATE descriptions SET sure = TRUE WHERE track = ?", (suggestions[0].track.id,)
        )
        assert copy.genres(note=True)[0].sure
        noted = {track.path: track.genre for track in copy.tracks()}
        assert noted[untagged[0]] == suggestions[0].genre
        assert [noted[path] for path in untagged[1:]] == [""] * 7
        assert len(copy.genres()) == 7


@ON_SQLITE
def test_a_playlist_in_a_folder_reached_by_a_link_finds_its_songs(
    library: Library, made_music: Path, tmp_path: Path
) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a/b")
    (tmp_path / "music").symlink_to(made_music)
    (tmp_path / "a space.flac").write_bytes(b"")
    (tmp_path / "link/a space.flac").write_bytes(b"")
    [track] = library.tracks(only=Filter(genre="organ"))
    songs = [tmp_path / "music/organ/Ada.flac", tmp_path / "link/a space.flac", tmp_path / "a space.flac"]
    library.export(tmp_path / "link/p.m3u8", [replace(track, path=str(song)) for song in songs])
    lines = (tmp_path / "a/b/p.m3u8").read_text("utf-8").splitlines()[2::2]
    assert [line.strip() for line in lines] == lines
    assert all((tmp_path / "link" / line).samefile(song) for line, song in zip(lines, songs, strict=True))


@ON_SQLITE
def test_exports_can_be_read_back(library: Library, made_music: Path, tmp_path: Path) -> None:
    tracks = library.tracks(only=Filter(genre="organ"))
    assert len(tracks) == 1
    playlist = library.export(tmp_path / "all.m3u8").read_text("utf-8").splitlines()
    assert playlist[:2] == ["#EXTM3U", "#EXTINF:4,Ada – buzz in 0"]
    files = [line for line in playlist if not line.startswith("#")]
    assert [(tmp_path / file).resolve() for file in files] == [Path(t.path).resolve() for t in library.tracks()]
    assert not any(Path(file).is_absolute() for file in files)
    absolute = library.export(tmp_path / "organ.m3u8", tracks, absolute=True).read_text("utf-8")
    assert absolute.splitlines()[2] == tracks[0].path
    with library.export(tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [track.path for track in library.tracks()]
    assert rows[0]["genre"] == "buzz"
    objects = json.loads(library.export(tmp_path / "all.json").read_text())
    assert objects[0]["tags"] == library.tracks()[0].tags


@ON_SQLITE
@pytest.mark.skipif(os.name != "posix", reason="other file systems refuse such names")
def test_a_playlist_holds_names_with_line_breaks_and_bytes_that_are_no_text(
    scanned: str, places: Places, made_music: Path, tmp_path: Path
) -> None:
    names = [b"#1.flac", b"two\nlines.flac", b"return\r.flac", b"\xff.flac"]
    for name in names:
        shutil.copy(made_music / "organ/Ada.flac", os.fsencode(tmp_path) + b"/" + name)
    with Library(places.copy(scanned)) as copy:
        copy.scan([tmp_path], workers=1)
        tracks = [track for track in copy.tracks() if track.path.startswith(str(tmp_path))]
        for suffix in (".csv", ".json"):
            assert copy.export(tmp_path / f"all{suffix}", tracks).stat().st_size > 100
        with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as table:
            assert len(list(csv.DictReader(table))) == len(names)
        lines = copy.export(tmp_path / "all.m3u8", tracks).read_text("utf-8").splitlines()
        copy.map(tmp_path / "map.html")
    assert len(lines) == 9
    read = [os.fsencode(unquote(line.removeprefix("file://"), errors="surrogateescape")) for line in lines[2::2]]
    assert sorted(path.split(b"/")[-1] for path in read) == sorted(names)


@ON_SQLITE
def test_the_map_puts_together_what_sounds_alike(library: Library, made_music: Path, tmp_path: Path) -> None:
    picture, page = library.map(tmp_path / "map.png"), library.map(tmp_path / "map.html")
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    text = page.read_text("utf-8")
    # nothing from outside
    assert "http" not in text.replace("http-equiv", "")
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert [point[3] for point in data["points"]] == [track.name for track in library.tracks()]
    assert set(data["genres"]) == {*KINDS, "not sure"}
    assert library.map(tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_a_large_map_keeps_groups_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_, "LANDMARKS", 200)
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((3, 16))
    of = np.arange(700) % 3
    vectors = centres[of] + 0.3 * rng.standard_normal((700, 16))
    positions = map_.positions((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32))
    assert np.abs(positions).max() <= 1
    middles = np.array([positions[of == k].mean(axis=0) for k in range(3)])
    nearest = np.linalg.norm(positions[:, None] - middles, axis=2).argmin(axis=1)
    assert (nearest == of).mean() > 0.95


def test_exact_search_agrees_with_sorting_all_and_breaks_ties_by_order() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((1000, 8)).astype(np.float32)
    vectors[500:600] = vectors[400]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    numbers = rng.permutation(1000).astype(np.int64)
    ranked = list(Neighbours(numbers, vectors).ranked(vectors[400]))
    assert [number for number, _ in ranked[:101]] == [numbers[400], *numbers[500:600]]
    assert sorted(number for number, _ in ranked) == list(range(1000))
    cosines = np.array([cosine for _, cosine in ranked])
    np.testing.assert_array_equal(cosines, np.sort(vectors @ vectors[400])[::-1])
    middle = arc(vectors[0], vectors[1], 0.5)
    assert np.linalg.norm(middle) == pytest.approx(1, abs=1e-6)
    assert middle @ vectors[0] == pytest.approx(middle @ vectors[1], abs=1e-6)


@ON_SQLITE
def test_the_command_line_scans_checks_and_repairs(
    made_music: Path, places: Places, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Ask(places.new(), capsys)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made_music, "music")
    (tmp_path / "music" / "broken.mp3").write_text("text")
    assert json.loads(ask("scan", "music", "--dry-run", "--json")[0])["analysed"] == 13
    assert ask("scan", "music", "--workers", "1")[0].startswith("12 analysed, 1 could not be analysed")
    assert json.loads(ask("check", "--json")[0])["problems"] == []
    Library(ask.library)._catalogue().database.query(
        "UPDATE analyses SET data = ? WHERE track = (SELECT min(track) FROM analyses)", (b"",)
    )
    assert ask("check", code=1)[0].endswith("needs --repair")
    assert ask("check", "--repair")[0].endswith("scan again")
    assert ask("scan", "music", "--workers", "1")[0].startswith("1 analysed, 11 unchanged, 1 could not be analysed")


@ON_SQLITE
def test_the_command_line_finds_similar_songs_and_makes_playlists(
    scanned: str, places: Places, made_music: Path, tmp_path: Path, capsys: Capture
) -> None:
    ask = Ask(places.copy(scanned), capsys)
    song, other = (str(made_music / name) for name in ("organ/Ada.flac", "pulse/Ada.flac"))
    found = [json.loads(line) for line in ask("similar", song, "-k", "2", "--json")]
    assert [os.path.relpath(each["path"], made_music) for each in found] == ["organ/Bix.flac", "organ/Clara.flac"]
    assert found[0]["similarity"] > found[1]["similarity"]
    glide = tmp_path / "glide.m3u8"
    assert len(ask("path", song, other, "--length", "4", "--json", "-o", str(glide))) == 4
    assert len(glide.read_text("utf-8").splitlines()) == 9
    # three of each artist
    assert len(ask("playlist", "--from", song, "--minutes", "1", "--json")) == 9


@ON_SQLITE
def test_the_command_line_reports_on_the_whole_library(
    scanned: str, places: Places, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Ask(places.copy(scanned), capsys)
    monkeypatch.chdir(tmp_path)
    assert ask("duplicates") == ["no duplicates"]
    assert ask("genres")[-1].endswith("no file is written to")
    assert json.loads(ask("map", "-o", "maps/", "--json")[0]) == {"file": "maps/map.html", "tracks": 12}
    assert json.loads(ask("export", "all.csv", "--json")[0])["tracks"] == 12


def test_the_command_line_says_how_to_make_a_missing_library(made_music: Path, tmp_path: Path, capsys: Capture) -> None:
    song = str(made_music / "organ/Ada.flac")
    assert run(["library", "similar", song, "--library", str(tmp_path / "missing.db")]) == 2
    assert "scan FOLDER makes one" in capsys.readouterr().err


def test_the_former_option_of_playlist_names_the_new_one(capsys: Capture) -> None:
    for more in ([], ["--from", "song.mp3"]):
        assert run(["library", "playlist", "--seed", "song.mp3", *more]) == 2
        assert capsys.readouterr().err.splitlines() == [
            "retrotone: playlist --seed is now --from: retrotone library playlist --from SONG"
        ]
    assert run(["library", "playlist", "--help"]) == 0
    assert "--seed" not in capsys.readouterr().out
