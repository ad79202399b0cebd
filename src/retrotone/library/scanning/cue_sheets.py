"""Cue sheets: how one sound file is divided into tracks.

A sheet is a text of commands: FILE names a sound file, TRACK begins a track, TITLE and PERFORMER name the album or the
track, and INDEX 01 tells where in the file the track begins; INDEX 00 is the gap before it. It lies beside the sound
file, or in a tag of it; a FLAC may have it in a block of its own kind, without names.
"""

from __future__ import annotations

import os
import re
import struct
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from retrotone.audio.files import AudioFile
from retrotone.audio.folders import has_audio_suffix
from retrotone.audio.tags import decode_text, read_tags
from retrotone.errors import AudioError
from retrotone.library.files import FoundFile, Part
from retrotone.library.names import genre_name, year_name

SUFFIX = ".cue"
# Of files whose tags may hold a sheet.
EMBEDDING = (".flac", ".ape", ".wv")
# Frames of a compact disc, in which positions count.
FRAMES_PER_SECOND = 75
# Bytes of a sheet that are read; the 99 tracks of a full disc take some 20 kB.
LONGEST_SHEET = 1 << 20
POSITION = re.compile(r"(\d{1,4}):(\d\d):(\d\d)")
# Commands, and tags by the names of `records.TAGS`.
NAMES = {"TITLE": "title", "PERFORMER": "artist", "GENRE": "genre", "DATE": "year"}
# The block of a FLAC (RFC 9639, 8.7): catalogue number, lead-in, flags, number of tracks; of each track the offset in
# samples, number, ISRC, flags and number of indices; of each index the offset from the track's, and number.
FLAC_SHEET, FLAC_TRACK, FLAC_INDEX = struct.Struct(">128xQ259xB"), struct.Struct(">QB12xB13xB"), struct.Struct(">QB3x")
STREAMINFO, CUESHEET = 0, 5
# Types of files that hold a disc's data rather than sound.
DATA = ("BINARY", "MOTOROLA")


@dataclass(frozen=True)
class SheetFile:
    """What a sheet says of one file: its name, whether it is one of sound, and the tracks that begin in it."""

    name: str
    is_sound: bool = True
    parts: list[Part] = field(default_factory=list)


def parse_sheet(text: str) -> list[SheetFile]:
    r"""Return the files of a cue sheet; lines that are no commands of it are passed over.

    A track ends where the gap before the next one in its file begins, without a gap where that one begins.

    >>> text = "FILE a.wav WAVE\nTRACK 01 AUDIO\nINDEX 01 00:00:00\nTRACK 02 AUDIO\nINDEX 01 01:02:15"
    >>> [file] = parse_sheet(text)
    >>> [(part.number, part.start, part.end) for part in file.parts]
    [(1, 0.0, 62.2), (2, 62.2, None)]
    """
    files: list[SheetFile] = []
    album: dict[str, str] = {}
    # Of the track that the lines are about; until the first one they are about the album.
    number, is_audio, tags = 0, False, album
    for command, value in map(_command, text.splitlines()):
        first, _, rest = value.partition(" ")
        if command == "FILE":
            files.append(_sheet_file(value))
        elif command == "TRACK":
            number, is_audio, tags = int(first) if first.isdecimal() else 0, rest.strip().upper() == "AUDIO", {}
        elif command in NAMES:
            tags[NAMES[command]] = _unquoted(value)
        elif command == "INDEX" and files and first.isdecimal() and (match := POSITION.fullmatch(rest.strip())):
            minutes, seconds, frames = map(int, match.groups())
            start = 60 * minutes + seconds + frames / FRAMES_PER_SECOND
            _add_index(files[-1].parts, int(first), Part(number, start, None, tags), is_audio)
    album["album"] = album.pop("title", "")
    for file in files:
        file.parts[:] = [replace(part, tags=_tags(album, part.tags)) for part in file.parts]
    return files


def find_sheets(
    folder: str, names: Sequence[str], cues: Sequence[str]
) -> tuple[dict[str, tuple[FoundFile, list[Part]]], dict[str, str]]:
    """Find the files that the cue sheets of a folder divide into tracks: they lie there, or in a folder below.

    Parameters
    ----------
    folder : str
    names : sequence of str
        Of all files in it.
    cues : sequence of str
        Of the cue sheets in it.

    Returns
    -------
    divided : dict of str to (FoundFile, list of Part)
        By the path of the sound file: its sheet, and two tracks or more.
    problems : dict of str to str
        What is wrong, by the path of a sheet.
    """
    sound = list(filter(has_audio_suffix, names))
    by_name = {_folded(Path(name).stem): name for name in sound} | {_folded(name): name for name in names}
    divided: dict[str, tuple[FoundFile, list[Part]]] = {}
    problems: dict[str, str] = {}
    for cue in cues:
        path = os.path.join(folder, cue)
        try:
            sheet = FoundFile.at(path)
            with open(path, "rb") as opened:
                files = parse_sheet(decode_text(opened.read(LONGEST_SHEET)))
        except OSError as error:
            problems[path] = error.strerror or str(error)
            continue
        missing = []
        for file in files:
            # the sound was often converted after the sheet was written, and both renamed
            base = os.path.basename(file.name)
            likely = [base, Path(base).stem, *([Path(cue).stem] if len(files) == 1 else [])]
            found = next((by_name[name] for name in map(_folded, likely) if name in by_name), None)
            if os.path.dirname(file.name) and os.path.isfile(os.path.join(folder, file.name)):
                found = file.name
            if found is None:
                missing += [file.name] if file.is_sound else []
            elif len(file.parts) > 1:
                divided.setdefault(os.path.join(folder, found), (sheet, file.parts))
        if missing:
            more = f" and {len(missing) - 1} more" if missing[1:] else ""
            problems[path] = f"its file {missing[0]}{more} is missing"
    return divided, problems


def embedded_parts(path: str) -> list[Part]:
    """Return the tracks of a cue sheet in a file's tags or a block of its own, none where there are fewer than two."""
    if Path(path).suffix.lower() not in EMBEDDING:
        return []
    # such a sheet need not name the file
    files = parse_sheet("\n".join(["FILE", *read_tags(path)["cuesheet"]]))
    with suppress(OSError, struct.error, AudioError):
        files.append(SheetFile("", parts=_flac_parts(path)))
        parts = next((file.parts for file in files if len(file.parts) > 1), [])
        # some programs write the sheet of an album into each of its files
        return parts if parts and parts[-1].start < AudioFile(path).duration else []
    return []


def _flac_parts(path: str) -> list[Part]:
    """Return the tracks of a FLAC's cue sheet block, without names."""
    blocks = dict(_flac_blocks(path))
    # 20 bits behind sizes of blocks and frames
    rate = int.from_bytes(blocks.get(STREAMINFO, b"")[10:13], "big") >> 4
    parts: list[Part] = []
    if CUESHEET not in blocks or not rate:
        return parts
    data, position = blocks[CUESHEET], FLAC_SHEET.size
    for _ in range(FLAC_SHEET.unpack_from(data)[1]):
        offset, number, flags, count = FLAC_TRACK.unpack_from(data, position)
        position += FLAC_TRACK.size
        for _ in range(count):
            after, index = FLAC_INDEX.unpack_from(data, position)
            position += FLAC_INDEX.size
            # the first flag marks a track of data
            _add_index(parts, index, Part(number, (offset + after) / rate, None, {}), flags < 128)
    return parts


def _flac_blocks(path: str) -> Iterator[tuple[int, bytes]]:
    """Yield those metadata blocks of a FLAC that tell of its tracks, as types and data."""
    with open(path, "rb") as file:
        is_last = file.read(4) != b"fLaC"
        while not is_last and len(header := file.read(4)) == 4:
            is_last, kind, length = header[0] >= 128, header[0] & 127, int.from_bytes(header[1:], "big")
            if kind in (STREAMINFO, CUESHEET):
                yield kind, file.read(length)
            else:
                file.seek(length, os.SEEK_CUR)


def _command(line: str) -> tuple[str, str]:
    """Return a line's command in capitals, and the rest; of remarks, what stands behind REM."""
    words = re.sub(r"^REM\s+", "", line.strip(), flags=re.IGNORECASE).split(maxsplit=1)
    return (words[0].upper(), words[1]) if len(words) > 1 else ("".join(words).upper(), "")


def _sheet_file(value: str) -> SheetFile:
    """Return the file of a FILE command: a name, in quotes or not, and a type."""
    quoted, plain = re.match(r'"(.*)"', value), re.match(r"(.*?)(?:\s+\w+)?\s*$", value)
    name = match[1] if (match := quoted or plain) else ""
    return SheetFile(name.replace("\\", "/"), not value.rstrip().upper().endswith(DATA))


def _unquoted(value: str) -> str:
    text = value.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == '"' else text


def _add_index(parts: list[Part], index: int, part: Part, is_audio: bool) -> None:
    """Add a track at its index 1; its index 0 or 1, the first that is there, ends the track before."""
    if index > 1 or (parts and part.start <= parts[-1].start):
        return
    if parts and parts[-1].end is None:
        parts[-1] = replace(parts[-1], end=part.start)
    if index == 1 and is_audio:
        parts.append(replace(part, number=max(part.number, parts[-1].number + 1 if parts else 1)))


def _tags(album: Mapping[str, str], track: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a track, those of the album where it has none."""
    tags = {**album, **{name: value for name, value in track.items() if value}}
    tags |= {"genre": genre_name(tags.get("genre", "")), "year": year_name(tags.get("year", ""))}
    return {name: value for name, value in tags.items() if value}


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
