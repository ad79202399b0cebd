"""What the file of a restyled song keeps of the song's: tags, cover and bit depth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tagged_songs import COVER, FORMATS, NO_COVER, SOUND, TEXTS, write_song

from retrotone import __version__
from retrotone.audio.audio import Audio
from retrotone.audio.tags import Tags, read_tags
from retrotone.audio.writing import FORMATS as WRITTEN
from retrotone.errors import OutputError
from retrotone.services.restyle import restyle, restyle_file, save
from retrotone.style.choices import find_style
from retrotone.style.transfer import StyleTransfer


def expected(done: str, cover: bool = True) -> Tags:
    values = {name: (text,) for name, text in TEXTS.items()}
    values["comment"] += (f"retrotone {__version__}: {done}",)
    return Tags(values, COVER, "image/png") if cover else Tags(values)


def found(path: Path) -> Tags:
    """Read tags; in ID3 comments are the lines of one."""
    tags = read_tags(path)
    return replace(tags, values={**tags.values, "comment": tuple("\n".join(tags["comment"]).split("\n"))})


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_song_of_any_format_keeps_its_tags_and_cover(tmp_path: Path, suffix: str) -> None:
    song = write_song(tmp_path / f"song{suffix}")
    output, _ = restyle_file(song, find_style("1930s"), tmp_path, strength=0.7, seed=3)
    assert output.suffix == (suffix if suffix in WRITTEN else ".wav")
    assert found(output) == expected("1930s, strength 70%, seed 3", cover=suffix not in NO_COVER)


def test_a_result_in_memory_is_saved_with_them_too(tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.flac")
    done = restyle(song, find_style("1970s"))
    save(done.audio, tmp_path / "a.mp3", song, done.tags)
    assert found(tmp_path / "a.mp3") == expected("1970s")
    save(done.audio, tmp_path / "a.wav", song, done.tags)
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_16"


def test_the_comment_names_record_and_method_and_goes_below_the_song_s(tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.ogg")
    record = Audio(SOUND, 48_000).save(tmp_path / "old record.wav")
    once, twice = tmp_path / "once.opus", tmp_path / "twice.flac"
    StyleTransfer("transport").stylize_file(song, record, once)
    assert read_tags(once)["comment"] == (TEXTS["comment"], f"retrotone {__version__}: old record, method transport")
    StyleTransfer().stylize_file(once, "1930s", twice)
    assert read_tags(twice)["comment"] == (*read_tags(once)["comment"], f"retrotone {__version__}: 1930s")
    assert read_tags(twice).cover == COVER


@pytest.mark.parametrize(
    ("song", "subtype", "output", "kept"),
    [
        ("a.flac", "PCM_16", "b.flac", "PCM_16"),
        ("a.flac", "PCM_24", "b.flac", "PCM_24"),
        ("a.wav", "PCM_16", "b.aiff", "PCM_16"),
        ("a.wav", "FLOAT", "b.wav", "FLOAT"),
        ("a.wav", "PCM_32", "b.wav", "FLOAT"),
        ("a.wav", "FLOAT", "b.flac", "PCM_24"),
        ("a.wav", "PCM_U8", "b.wav", "PCM_16"),
        ("a.wav", "ULAW", "b.wav", "PCM_24"),
        ("a.ogg", "VORBIS", "b.flac", "PCM_24"),
        ("a.wav", "PCM_16", "b.ogg", "VORBIS"),
    ],
)
def test_the_bit_depth_is_the_song_s(tmp_path: Path, song: str, subtype: str, output: str, kept: str) -> None:
    soundfile.write(tmp_path / song, 0.5 * SOUND.T, 48_000, subtype=subtype)
    StyleTransfer().stylize_file(tmp_path / song, "1930s", tmp_path / output, strength=0.0)
    assert soundfile.info(tmp_path / output).subtype == kept
    # strength 0 is the song: now bit by bit where both formats are exact
    if subtype.startswith("PCM_16") and kept == "PCM_16":
        before, after = (soundfile.read(tmp_path / name, dtype="int16")[0] for name in (song, output))
        np.testing.assert_array_equal(before, after)


def test_another_bit_depth_or_quality_on_request_where_there_is_one(tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.flac")
    transfer = StyleTransfer()
    transfer.stylize_file(song, "1930s", tmp_path / "a.wav", bit_depth=32)
    assert soundfile.info(tmp_path / "a.wav").subtype == "FLOAT"
    sizes = []
    for quality in (2, 8):
        transfer.stylize_file(song, "1930s", tmp_path / "a.mp3", quality=quality, overwrite=True)
        sizes.append((tmp_path / "a.mp3").stat().st_size)
    assert sizes[0] < sizes[1]
    for output, settings, message in (
        ("b.mp3", {"bit_depth": 16}, "MP3 has no bit depth"),
        ("b.flac", {"bit_depth": 32}, "FLAC takes a bit depth of 16, 24, not 32"),
        ("b.flac", {"quality": 5}, "FLAC is lossless and has no quality"),
        ("b.ogg", {"quality": 11}, "quality must be between 0 and 10, not 11"),
    ):
        with pytest.raises(OutputError, match=message):
            transfer.stylize_file(song, "1930s", tmp_path / output, **settings)
        assert not (tmp_path / output).exists()
