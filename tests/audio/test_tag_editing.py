"""Changes of tags in people's own files: nothing else in the file changes."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from tagged_songs import id3v2, write_song

import retrotone as rt
from retrotone.audio.tag_editing import edit_tags

ADDED = {"bpm": ["120"], "initialkey": ["F#m"], "mood": ["happy", "Änderung"]}
REMOVED: dict[str, list[str]] = {name: [] for name in ADDED}


def packets(path: Path) -> list[bytes]:
    """Return the coded sound of a file, as it lies in it."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[0])]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".ogg", ".opus", ".mp3"])
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
    with av.open(str(song)) as source, av.open(str(old), "w", format="mp3", options={"id3v2_version": "3"}) as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        output.metadata.update({"title": "Änderung", "BPM": "90"})
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    for path, kept in ((bare, {}), (old, {"title": ("Änderung",)})):
        sound = packets(path)
        edit_tags(path, {"bpm": ["120"], "mood": ["Änderung"], "initialkey": ["Am"]})
        values = rt.read_tags(path).values
        assert {"bpm": ("120",), "mood": ("Änderung",), "initialkey": ("Am",), **kept}.items() <= dict(values).items()
        assert packets(path) == sound


def test_files_whose_tags_cannot_be_changed_stay_as_they_are(tmp_path: Path) -> None:
    for suffix in (".m4a", ".wma"):
        song = write_song(tmp_path / f"song{suffix}")
        whole = song.read_bytes()
        with pytest.raises(rt.OutputError, match="only FLAC, MP3, Ogg, WAV and AIFF"):
            edit_tags(song, ADDED)
        assert song.read_bytes() == whole
    tag = id3v2(4, {"TIT2": b"\3Title"})
    for number, damaged in enumerate((b"fLaC\x00", b"", tag[:-9] + b"?" + tag[-8:] + bytes(9) + b"rest")):
        path = tmp_path / f"{number}.mp3"
        path.write_bytes(damaged)
        with pytest.raises(rt.OutputError, match="tags that cannot be changed"):
            edit_tags(path, ADDED)
        assert path.read_bytes() == damaged
