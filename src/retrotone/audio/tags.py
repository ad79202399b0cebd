"""Read what a sound file says about its song: title, artist, cover and so on, in one vocabulary for all formats."""

from __future__ import annotations

import os
import re
import struct
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from retrotone.audio import ape, mp4
from retrotone.audio.id3 import FRAMES, precedes_mp3, read_lists
from retrotone.audio.reading.ffmpeg import open_container
from retrotone.audio.reading.reader import RawFile

# other spellings of the names in the vocabulary, in lower case: FFmpeg's, and those of formats that it passes on
ALIASES = {frame.lower(): name for name, frame in FRAMES.items()} | {
    "album_artist": "albumartist",
    "album artist": "albumartist",
    "tracknumber": "track",
    "discnumber": "disc",
    "year": "date",
    # of ID3v2.3, and what taggers use in other formats
    "tory": "originaldate",
    "original date": "originaldate",
    "originalyear": "originaldate",
    "original year": "originaldate",
    "wm/originalreleasetime": "originaldate",
    "wm/originalreleaseyear": "originaldate",
    "wm/beatsperminute": "bpm",
    "wm/initialkey": "initialkey",
    "wm/mood": "mood",
}
# names whose values are lists, which many taggers join by semicolons
LISTS = {"artist", "albumartist", "genre", "composer", "performer", "mood"}
# names whose values are one line
LINES = LISTS | {"title", "album", "track", "disc", "date", "originaldate"}
# what a tag may say about the file and its samples and not about the song; it would be wrong in another file
FILE_FACTS = re.compile(
    r"encoder|major_brand|minor_version|compatible_brands|creation_time|handler_name|vendor_id|language|duration"
    r"|(id3v2_priv|replaygain|r128|accuraterip|_statistics|itun(smpb|norm|pgap|es_cddb)).*"
)
# FFmpeg's names of the codecs that covers are in
COVER_TYPES = {"mjpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "bmp": "image/bmp", "webp": "image/webp"}

# single-byte code pages of alphabets without Latin letters
LATIN, BOX_DRAWING = re.compile("[a-zA-Z]"), re.compile("[\u2500-\u25a0]")
ALPHABETS = ("cp1251", "koi8_r", "cp1253")
JAPANESE = re.compile(r"[\x00-\x7f\u3000-\u30ff\u4e00-\u9fff\uff01-\uff5e]+")
KANA, KANJI = re.compile(r"[\u3041-\u30fa]"), re.compile(r"[\u4e00-\u9fff]")
# the second byte of a Japanese character may be a Latin letter: "Don’t" in cp1252 would be "Don" and a character
KANJI_IN_WORD = re.compile(r"[A-Za-z][\u4e00-\u9fff]|[\u4e00-\u9fff][A-Za-z]")

# of FFmpeg: neither sound nor cover is decoded to learn more about it
HEADERS_ONLY = {"codec_whitelist": "none", "probesize": "32", "analyzeduration": "1"}


@dataclass(frozen=True)
class Tags:
    """What a file says about its song.

    Attributes
    ----------
    values : mapping of str to tuple of str
        Names in lower case: title, artist, album, albumartist, track, disc, date, originaldate, genre, comment,
        composer and others, unknown ones as they stand in the file. No value is empty, and none of title, artist and
        the like has leading, trailing or double blanks.
    cover : bytes
        The picture of the front, empty where there is none.
    cover_type : str
        Its MIME type, such as "image/jpeg".
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cover: bytes = field(default=b"", repr=False)
    cover_type: str = ""

    def __getitem__(self, name: str) -> tuple[str, ...]:
        """Return the values of a name, none where it is missing."""
        return self.values.get(name, ())

    def __bool__(self) -> bool:
        return bool(self.values or self.cover)

    def text(self, name: str) -> str:
        """Return the values of a name as one text, joined by "; "; empty where it is missing.

        >>> Tags({"artist": ("Simon", "Garfunkel")}).text("artist")
        'Simon; Garfunkel'
        """
        return "; ".join(self[name])


def read_tags(path: str | os.PathLike[str]) -> Tags:
    """Read the tags of a sound file of any format; its content decides, not its suffix.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Tags
        Empty where there are none or the file cannot be read.
    """
    # what taggers write is not always what the format prescribes: other errors than FFmpeg's are possible
    with suppress(OSError, ValueError, LookupError, struct.error), RawFile(path) as file:
        # behind a large cover FFmpeg would guess for tens of milliseconds
        with open_container(file, "mp3" if precedes_mp3(file) else None, HEADERS_ONLY) as container:
            raw = _metadata(container)
            cover, cover_type = _cover(container)
            name = container.format.name
        raw |= _lower(read_lists(file).items())
        if "mp4" in name:
            raw |= {"bpm": mp4.read_bpm(file)}
        # FFmpeg looks for none in an MP3, and of several texts gives the first
        if name in ("mp3", "ape", "wv"):
            texts = _lower(ape.read_texts(file))
            file.seek(0)
            # an ID3v1 tag at the end cuts its texts, an ID3v2 tag at the start does not
            raw = texts | raw if file.read(3) == b"ID3" else raw | texts
        return Tags(_cleaned(_decoded(raw), joined=name in ("ogg", "flac")), cover, cover_type)
    return Tags()


def decode_text(data: bytes) -> str:
    """Return a text of unknown encoding: UTF-8, UTF-16 where a mark says so, or a code page that is guessed."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return _decode(data, _guess_encoding(data)).removeprefix("\ufeff")


def result_tags(song: str | os.PathLike[str] | None, *done: str) -> Tags:
    """Return the tags for a file that was made of a song: the song's, and a comment that says what was done.

    Parameters
    ----------
    song : path-like, optional
    *done : str
        Such as "1930s", "strength 70%".
    """
    from retrotone import __version__

    tags = read_tags(song) if song is not None else Tags()
    comment = f"retrotone {__version__}: {', '.join(done)}"
    return replace(tags, values={**tags.values, "comment": (*tags["comment"], comment)})


def _metadata(container: Any) -> dict[str, str]:
    """Return the metadata of a file, names in lower case; bytes that are not UTF-8 are surrogates."""
    streams = [stream.metadata for stream in container.streams.audio[:1]]
    return {name: text for part in (*streams, container.metadata) for name, text in _lower(part.items()).items()}


def _lower(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return texts by names in lower case; those of one name are joined by NUL."""
    joined: dict[str, str] = {}
    for name, text in pairs:
        joined[name.lower()] = "\0".join(filter(None, (joined.get(name.lower()), text)))
    return joined


def _cover(container: Any) -> tuple[bytes, str]:
    """Return the front cover, or else the first picture, and its MIME type."""
    from av.stream import Disposition

    pictures = [
        stream
        for stream in container.streams.video
        if stream.disposition & Disposition.attached_pic and stream.codec_context.name in COVER_TYPES
    ]
    pictures.sort(key=lambda stream: stream.metadata.get("comment") != "Cover (front)")
    for stream in pictures[:1]:
        # it comes before the sound
        return bytes(next(container.demux(stream))), COVER_TYPES[stream.codec_context.name]
    return b"", ""


def _decoded(raw: Mapping[str, str]) -> dict[str, str]:
    """Return texts without surrogates, and those right that a program wrote in a code page where Latin-1 was meant."""
    legacy = {name: data for name, text in raw.items() if (data := _legacy_bytes(text)) is not None}
    encoding = _guess_encoding(b"\n".join(legacy.values()))
    return {**raw, **{name: _decode(data, encoding) for name, data in legacy.items()}}


def _legacy_bytes(text: str) -> bytes | None:
    """Return the bytes of a text that may be in a code page: they are not UTF-8, or were taken for Latin-1."""
    if re.search("[\udc80-\udcff]", text):
        return text.encode("utf-8", "surrogateescape")
    with suppress(UnicodeEncodeError):
        return None if text.isascii() else text.encode("latin-1")
    return None


def _decode(data: bytes, encoding: str) -> str:
    for candidate in ("utf-8", encoding):
        with suppress(UnicodeDecodeError):
            return data.decode(candidate)
    # cut in the middle of a character, or with bytes that the code page lacks
    return data.decode(encoding, "ignore" if encoding == "cp932" else "replace")


def _guess_encoding(data: bytes) -> str:
    r"""Guess the code page of a file's texts that are not UTF-8.

    >>> _guess_encoding("Кино".encode("cp1251")), _guess_encoding("恋".encode("cp932")), _guess_encoding(b"Bj\xf6rk")
    ('cp1251', 'cp932', 'cp1252')
    """
    for encoding in ALPHABETS:
        text = data.decode(encoding, "replace")
        words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
        regular = [
            word for word in words if not LATIN.search(word) and (word.islower() or word.isupper() or word.istitle())
        ]
        if 2 * len(regular) > len(words) and max(map(len, regular)) > 2 and not BOX_DRAWING.search(text):
            return encoding
    text = data.decode("cp932", "ignore")
    if JAPANESE.fullmatch(text) and (KANA.search(text) or (KANJI.search(text) and not KANJI_IN_WORD.search(text))):
        return "cp932"
    return "cp1252"


def _cleaned(raw: Mapping[str, str], joined: bool) -> dict[str, tuple[str, ...]]:
    """Return the values by the names of the vocabulary; `joined`: FFmpeg has joined several values by semicolons."""
    found: dict[str, tuple[str, ...]] = {}
    # names of the vocabulary go before other spellings of them
    for key, text in sorted(raw.items(), key=lambda item: item[0] in ALIASES):
        # FFmpeg appends the language of lyrics and comments
        key = re.sub(r"^(lyrics|comment)-\w{3}$", r"\1", key)
        name = ALIASES.get(key, key)
        separator = r"[;\0]" if name in LISTS else r"\0|;(?=\S)" if joined and "\n" not in text else r"\0"
        values = [_clean(value, name in LINES) for value in re.split(separator, text)]
        kept = dict.fromkeys(value for value in (*found.get(name, ()), *values) if value)
        if kept and not FILE_FACTS.fullmatch(name):
            found[name] = tuple(kept)
    return found


def _clean(text: str, one_line: bool) -> str:
    """Drop control characters, and blanks at the ends and double ones; of several lines keep the breaks."""
    lines = [
        " ".join("".join(c for c in line if unicodedata.category(c) != "Cc" and c != "\ufeff").split())
        for line in text.replace("\t", " ").splitlines()
    ]
    return (" " if one_line else "\n").join(lines).strip()
