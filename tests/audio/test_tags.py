"""Tags: read as people wrote them, and written into every format beside samples that stay as they are."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from tagged_songs import COVER, FORMATS, NO_COVER, SOUND, TEXTS, ape, append_chunk, id3v1, id3v2, write_song

from retrotone.audio.audio import load
from retrotone.audio.tags import Tags, read_tags
from retrotone.audio.writing import AudioWriter

WRITTEN = [".wav", ".flac", ".aiff", ".ogg", ".opus", ".mp3"]
ALL = Tags(
    {
        "title": ("Blue Moon ☾",),
        "artist": ("Somebody", "Somebody Else"),
        "albumartist": ("The Band",),
        "track": ("3/12",),
        "disc": ("1",),
        "date": ("2011-09-26",),
        "originaldate": ("1934",),
        "genre": ("Jazz", "Swing"),
        "comment": ("A remark; with a semicolon",),
        "composer": ("Richard Rodgers",),
        "lyrics": ("Blue moon\nyou saw me",),
        "mood": ("blue",),
    },
    # many pages of an Ogg file
    COVER + bytes(200_000),
    "image/png",
)


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("mp3") / "a.mp3"
    soundfile.write(path, SOUND[0], 48_000)
    return path.read_bytes()


def tags_of(folder: Path, data: bytes, name: str = "a.mp3") -> Tags:
    path = folder / name
    path.write_bytes(data)
    return read_tags(path)


# -- reading


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_says_the_same_whatever_the_file_is_called(tmp_path: Path, suffix: str) -> None:
    path = write_song(tmp_path / f"a{suffix}")
    expected = Tags({name: (text,) for name, text in TEXTS.items()}, COVER, "image/png")
    if suffix in NO_COVER:
        expected = Tags(expected.values)
    assert read_tags(path) == expected
    assert read_tags(path.rename(tmp_path / ("a.mp3" if suffix == ".wav" else "a.wav"))) == expected


def test_blanks_and_control_characters_are_dropped(tmp_path: Path, mp3: bytes) -> None:
    padded = tags_of(tmp_path, mp3 + id3v1(b"One", b"The Artist", b" "))
    assert (padded["title"], padded["artist"], padded["genre"]) == (("One",), ("The Artist",), ("Rock",))
    tag = id3v2(4, {"TIT2": b"\3 A \x07 \xe2\x80\xa8  Title \r\n", "TALB": b"\3 \t ", "COMM": b"\3eng\0 a  b \r\nc "})
    assert tags_of(tmp_path, tag + mp3).values == {"title": ("A Title",), "comment": ("a b\nc",)}


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Группа крови", "cp1251"),
        ("Кино", "cp1251"),
        ("Виктор Цой", "koi8_r"),
        ("Μίκης Θεοδωράκης", "cp1253"),
        ("上を向いて歩こう", "cp932"),
        ("Love 恋", "cp932"),
        ("Björk – Jóga", "cp1252"),
        ("Don’t", "cp1252"),
        ("Ça ira, où est l’été", "cp1252"),
        ("Ænima", "utf-8"),
        ("宇多田ヒカル", "utf-8"),
    ],
)
def test_texts_in_a_code_page(tmp_path: Path, mp3: bytes, text: str, encoding: str) -> None:
    data = text.encode(encoding)
    # the encoding 0 of ID3v2 is Latin-1
    assert tags_of(tmp_path, id3v2(3, {"TIT2": b"\0" + data}) + mp3)["title"] == (text,)
    assert tags_of(tmp_path, mp3 + id3v1(data[:30], b"A", b"\0")).text("title") == data[:30].decode(encoding, "ignore")
    wav = tmp_path / "a.wav"
    soundfile.write(wav, SOUND[0], 48_000)
    append_chunk(wav, b"LIST", b"INFOINAM" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2))
    assert read_tags(wav)["title"] == (text,)


def test_several_values(tmp_path: Path, mp3: bytes) -> None:
    expected = ("Simon", "Garfunkel")
    frames = {"TPE1": b"\3Simon\0Garfunkel\0", "TIT2": b"\3One; two"}
    assert tags_of(tmp_path, id3v2(4, frames) + mp3).values == {"artist": expected, "title": ("One; two",)}
    utf16 = {"TPE1": b"\1" + "Simon\0".encode("utf-16") + "Garfunkel".encode("utf-16")}
    assert tags_of(tmp_path, id3v2(3, utf16) + mp3)["artist"] == expected
    assert tags_of(tmp_path, id3v2(3, {"TPE1": b"\0Simon; Garfunkel"}) + mp3)["artist"] == expected
    assert tags_of(tmp_path, mp3 + ape({"Artist": b"Simon\0Garfunkel"}))["artist"] == expected
    with AudioWriter(tmp_path / "a.flac", 2, 48_000, tags=Tags({"artist": expected})) as writer:
        writer.write(SOUND)
    assert read_tags(tmp_path / "a.flac")["artist"] == expected
    assert read_tags(tmp_path / "a.flac").text("artist") == "Simon; Garfunkel"


def test_old_and_wrong_versions_of_id3(tmp_path: Path, mp3: bytes) -> None:
    old = id3v2(2, {"TT2": b"\0One", "TP1": b"\0Somebody", "TYE": b"\x001973", "PIC": b"\0PNG\3\0" + COVER})
    assert tags_of(tmp_path, old + mp3) == Tags(
        {"title": ("One",), "artist": ("Somebody",), "date": ("1973",)}, COVER, "image/png"
    )
    # sizes over 127 bytes differ
    wrong = id3v2(4, {"TIT2": b"\3" + b"x" * 200, "TPE1": b"\3Simon\0Garfunkel"}, syncsafe=False)
    assert tags_of(tmp_path, wrong + mp3).values == {"title": ("x" * 200,), "artist": ("Simon", "Garfunkel")}
    remaster = {"TDRC": b"\x002011-09-26", "TDOR": b"\x001973-03-01"}
    assert tags_of(tmp_path, id3v2(4, remaster) + mp3).values == {
        "date": ("2011-09-26",),
        "originaldate": ("1973-03-01",),
    }
    assert tags_of(tmp_path, id3v2(3, {"TORY": b"\x001973"}) + mp3)["originaldate"] == ("1973",)


def test_an_ape_tag_goes_before_the_shorter_id3v1_and_after_id3v2(tmp_path: Path, mp3: bytes) -> None:
    long = b"A title that is longer than thirty letters"
    tag = ape({"Title": long, "Album Artist": b"The Band", "Year": b"1999"})
    for data in (mp3 + tag, mp3 + tag + id3v1(long[:30], b"Somebody", b"\0")):
        found = tags_of(tmp_path, data)
        assert (found.text("title"), found.text("albumartist"), found.text("date")) == (
            long.decode(),
            "The Band",
            "1999",
        )
    assert found["artist"] == ("Somebody",)
    assert tags_of(tmp_path, id3v2(4, {"TIT2": b"\3ID3"}) + mp3 + tag)["title"] == ("ID3",)


def test_what_describes_the_file_is_no_tag(tmp_path: Path, mp3: bytes) -> None:
    frames = {"TXXX": b"\3REPLAYGAIN_TRACK_GAIN\0-7 dB", "TSSE": b"\3Lavf", "PRIV": b"x\0\xff\xff", "TIT2": b"\3A"}
    assert tags_of(tmp_path, id3v2(4, frames) + mp3).values == {"title": ("A",)}


def test_without_tags_there_are_none(tmp_path: Path, mp3: bytes) -> None:
    assert not tags_of(tmp_path, mp3)
    for data in (b"", b"no sound", b"ID3", b"RIFF", bytes(1000), mp3[:100], b"APETAGEX" + b"\xff" * 24):
        assert not tags_of(tmp_path, data)
    assert not read_tags(tmp_path)
    assert not read_tags(tmp_path / "missing.flac")


def test_a_tag_cut_anywhere_is_no_error(tmp_path: Path, mp3: bytes) -> None:
    whole = id3v2(4, {"TIT2": b"\3A", "TPE1": b"\3B\0C", "APIC": b"\0image/png\0\3\0" + COVER}) + mp3[:2000]
    for end in range(0, 220, 7):
        read_tags_again = tags_of(tmp_path, whole[:end])
        assert read_tags_again.text("title") in ("", "A")
    item = mp3[:2000] + ape({"Title": b"A", "Artist": b"B"})
    # a value that claims more bytes than there are
    assert tags_of(tmp_path, item.replace(struct.pack("<I", 1), b"\xff\xff\xff\x7f", 1)).text("artist") == ""


# -- writing


@pytest.mark.parametrize("suffix", WRITTEN)
def test_what_is_written_comes_back_and_the_samples_stay(tmp_path: Path, suffix: str) -> None:
    # an odd number of bytes at 24 bits
    samples = SOUND[:1, :30_001]
    for name, tags in (("plain", None), ("tagged", ALL), ("again", ALL)):
        with AudioWriter(tmp_path / f"{name}{suffix}", 1, 48_000, tags=tags) as writer:
            writer.write(samples)
    tagged, again = tmp_path / f"tagged{suffix}", tmp_path / f"again{suffix}"
    assert read_tags(tagged) == ALL
    assert tagged.read_bytes() == again.read_bytes()
    np.testing.assert_array_equal(load(tagged).samples, load(tmp_path / f"plain{suffix}").samples)
    assert load(tagged).frames == 30_001
    # another decoder finds the same sound, and valid checksums
    with av.open(str(tagged), options={"err_detect": "crccheck+explode"}) as container:
        sound = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    assert len(sound) == pytest.approx(30_001, abs=1152)


def test_a_wav_also_has_the_tags_that_windows_reads(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "a.wav", 2, 48_000, tags=ALL) as writer:
        writer.write(SOUND)
    with soundfile.SoundFile(tmp_path / "a.wav") as file:
        assert (file.title, file.artist, file.genre) == ("Blue Moon ☾", "Somebody; Somebody Else", "Jazz; Swing")


def test_a_cover_that_flac_cannot_hold_is_left_out(tmp_path: Path) -> None:
    large = Tags({"title": ("A",)}, bytes(1 << 24), "image/png")
    with AudioWriter(tmp_path / "a.flac", 2, 48_000, tags=large) as writer:
        writer.write(SOUND)
    assert read_tags(tmp_path / "a.flac") == Tags({"title": ("A",)})


@pytest.mark.parametrize("suffix", [".ogg", ".opus", ".mp3"])
def test_a_better_quality_is_a_larger_file(tmp_path: Path, suffix: str) -> None:
    sizes = {}
    for quality in (0, 5, 10):
        path = tmp_path / f"{quality}{suffix}"
        with AudioWriter(path, 2, 48_000, quality=quality) as writer:
            writer.write(SOUND)
        sizes[quality] = path.stat().st_size
    assert sizes[0] < sizes[5] < sizes[10]
