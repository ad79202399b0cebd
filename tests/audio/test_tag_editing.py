"""Changes of tags in people's own files: nothing else in the file changes."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from tagged_songs import FORMATS, ape, id3v2, write_song

import retrotone as rt
from retrotone.audio.tag_editing import edit_tags

ADDED = {"bpm": ["120"], "initialkey": ["F#m"], "mood": ["happy", "Änderung"]}
REMOVED: dict[str, list[str]] = {name: [] for name in ADDED}


def packets(path: Path) -> list[bytes]:
    """Return the coded sound of a file, as it lies in it."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[0])]


def remux(song: Path, copy: Path, options: dict[str, str], **texts: str) -> None:
    """Write the coded sound of a file into another one of that format."""
    with av.open(str(song)) as source, av.open(str(copy), "w", options=options) as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        output.metadata.update(texts)
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)


@pytest.mark.parametrize("suffix", FORMATS)
def test_tags_are_added_and_removed_and_all_else_stays(tmp_path: Path, suffix: str) -> None:
    song = write_song(tmp_path / f"song{suffix}")
    song.chmod(0o640)
    before, sound = rt.read_tags(song), packets(song)
    for changes in (ADDED, {**ADDED, "bpm": ["121"]}):
        edit_tags(song, changes)
        tags = rt.read_tags(song)
        assert tags.values == {**before.values, **{name: tuple(texts) for name, texts in changes.items()}}
        assert (tags.cover, packets(song)) == (before.cover, sound)
    edit_tags(song, {**REMOVED, "genre": ["Swing"]})
    assert rt.read_tags(song).values == {**before.values, "genre": ("Swing",)}
    assert (packets(song), song.stat().st_mode & 0o777) == (sound, 0o640)
    assert [path.name for path in tmp_path.iterdir()] == [song.name]


def test_tags_of_version_2_3_and_files_without_tags_take_new_ones(tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.mp3")
    whole = song.read_bytes()
    size = int("".join(f"{byte:07b}" for byte in whole[6:10]), 2) + 10
    bare = tmp_path / "bare.mp3"
    bare.write_bytes(whole[size:])
    old = tmp_path / "old.mp3"
    remux(song, old, {"id3v2_version": "3"}, title="Änderung", BPM="90")
    for path, kept in ((bare, {}), (old, {"title": ("Änderung",)})):
        sound = packets(path)
        edit_tags(path, {"bpm": ["120"], "mood": ["Änderung"], "initialkey": ["Am"]})
        values = rt.read_tags(path).values
        assert {"bpm": ("120",), "mood": ("Änderung",), "initialkey": ("Am",), **kept}.items() <= dict(values).items()
        assert packets(path) == sound


def test_the_sound_of_an_m4a_for_the_web_is_still_where_its_tags_say(tmp_path: Path) -> None:
    """There the tags lie before the sound, and move it when they grow."""
    song, web = write_song(tmp_path / "song.m4a"), tmp_path / "web.m4a"
    remux(song, web, {"movflags": "faststart"})
    assert web.read_bytes().index(b"moov") < web.read_bytes().index(b"mdat")
    sound = packets(web)
    edit_tags(web, {**ADDED, "genre": ["Swing" * 100]})
    assert packets(web) == sound == packets(song)
    assert rt.read_tags(web)["genre"] == ("Swing" * 100,)


def test_another_program_finds_what_was_written(tmp_path: Path) -> None:
    mutagen = pytest.importorskip("mutagen", reason="needs mutagen, which comes with beets")
    for suffix, names in (
        (".m4a", ("tmpo", "----:com.apple.iTunes:initialkey", "----:com.apple.iTunes:mood")),
        (".wma", ("WM/BeatsPerMinute", "WM/InitialKey", "WM/Mood")),
        (".wv", ("BPM", "INITIALKEY", "MOOD")),
    ):
        song = write_song(tmp_path / f"song{suffix}")
        edit_tags(song, {**ADDED, "mood": ["happy"]})
        found = mutagen.File(song)
        texts = [str(value.decode() if isinstance(value, bytes) else value) for name in names for value in found[name]]
        assert texts == ["120", "F#m", "happy"]
        assert found.info.length == pytest.approx(1, abs=0.1)


def test_files_whose_tags_cannot_be_changed_stay_as_they_are(tmp_path: Path) -> None:
    m4a, wma = (write_song(tmp_path / f"song{suffix}").read_bytes() for suffix in (".m4a", ".wma"))
    tag = id3v2(4, {"TIT2": b"\3Title"})
    for number, damaged in enumerate(
        (
            b"fLaC\x00",
            b"",
            b"just a text",
            tag[:-9] + b"?" + tag[-8:] + bytes(9) + b"rest",
            m4a[:-100],
            m4a.replace(b"mdir", b"mdta"),
            m4a + b"\0\0\0\x08moof",
            wma[:400],
            b"MAC " + ape({"Title": b"x"})[-32:],
        )
    ):
        path = tmp_path / f"{number}.mp3"
        path.write_bytes(damaged)
        with pytest.raises(rt.OutputError, match="tags that cannot be changed"):
            edit_tags(path, ADDED)
        assert path.read_bytes() == damaged
