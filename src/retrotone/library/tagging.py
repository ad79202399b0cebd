"""Write what the library knows into the tags of its files, where they say nothing, and take it back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from retrotone.audio.tag_editing import edit_tags
from retrotone.audio.tags import read_tags
from retrotone.errors import LibraryError, OutputError
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.files import FoundFile, content_hash
from retrotone.library.records import Track
from retrotone.progress import Progress, silent
from retrotone.utils.files import write_whole

WRITABLE = ("bpm", "key", "genre", "mood")
# what `WRITABLE` is called in `retrotone.audio.tags.Tags`; where one of the names has a value, nothing is written
NAMES = {"bpm": ("bpm",), "key": ("initialkey", "key"), "genre": ("genre",), "mood": ("mood",)}
# those of musicnn's tags that name a mood
MOODS = frozenset({
    "beautiful", "chillout", "Mellow", "chill", "party", "easy listening", "sexy", "catchy", "sad", "happy",
})  # fmt: skip


@dataclass(frozen=True)
class TagChange:
    """New tags of a file: values by the names of `retrotone.audio.tags.Tags`."""

    path: str
    added: dict[str, list[str]]


@dataclass
class TagReport:
    """What was written into tags, or would be.

    Attributes
    ----------
    changes : list of TagChange
    skipped : list of (str, str)
        Files that are left as they are, and why.
    undo : str or None
        The file by which `Library.untag` takes it back; None if nothing was written.
    """

    changes: list[TagChange] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    undo: str | None = None


def plan_tags(tracks: Sequence[Track], wanted: Sequence[str], catalogue: Catalogue, progress: Progress) -> TagReport:
    """Return what tags the files lack that the library knows.

    A genre is written where the classifier is sure of it, or `Library.genres` noted it. Tracks of cue sheets, files
    that changed since the scan and files that are gone are skipped.

    Parameters
    ----------
    tracks : sequence of Track
    wanted : sequence of str
        Of `WRITABLE`.
    catalogue : Catalogue
    progress : Progress
        Called before each file.

    Raises
    ------
    LibraryError
        Another name.
    """
    if unknown := [name for name in wanted if name not in WRITABLE]:
        raise LibraryError(f"'{unknown[0]}' cannot be written: use {', '.join(WRITABLE)}")
    report = TagReport()
    for done, track in enumerate(tracks):
        progress(done / len(tracks), f"{done}/{len(tracks)} files read")
        if reason := _reason_to_skip(track, catalogue):
            report.skipped.append((str(track.place), reason))
            continue
        tags, values = read_tags(track.path), _values(track)
        added = {
            NAMES[name][0]: values[name]
            for name in wanted
            if values[name] and not any(tags[each] for each in NAMES[name])
        }
        if added:
            report.changes.append(TagChange(track.path, added))
    return report


def write_tags(report: TagReport, beside: Path, catalogue: Catalogue, progress: Progress = silent) -> None:
    """Write the changes of a report, and before them the file that takes them back.

    Files that cannot be written become skipped ones.

    Parameters
    ----------
    report : TagReport
    beside : Path
        The undo file is called as this, with a number and a suffix.
    catalogue : Catalogue
        Learns that the files are those that it knows.
    progress : Progress

    Raises
    ------
    OutputError
        The undo file cannot be written.
    """
    if not report.changes:
        return
    undo = next(path for number in count(1) if not (path := Path(f"{beside}.undo-{number}.json")).exists())
    write_whole(undo, (json.dumps([asdict(change) for change in report.changes], indent=1) + "\n").encode())
    report.undo = str(undo)
    for change in _each(list(report.changes), progress):
        try:
            _edit(change.path, change.added, catalogue)
        except OutputError as error:
            report.changes.remove(change)
            report.skipped.append((change.path, str(error)))


def untag(undo: str | os.PathLike[str], catalogue: Catalogue, progress: Progress = silent) -> TagReport:
    """Remove the tags that an undo file lists, where they still have the values that were written.

    Returns
    -------
    TagReport
        Its changes are those that were taken back.

    Raises
    ------
    LibraryError
        It does not exist, or is no such file.
    """
    try:
        changes = [TagChange(each["path"], each["added"]) for each in json.loads(Path(undo).read_text("utf-8"))]
    except FileNotFoundError:
        raise LibraryError(f"{os.fspath(undo)} does not exist: check the path") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LibraryError(f"{os.fspath(undo)} is no undo file of retrotone library tag: name one") from error
    report = TagReport()
    for change in _each(changes, progress):
        tags = read_tags(change.path)
        written = {name: texts for name, texts in change.added.items() if list(tags[name]) == texts}
        try:
            if written:
                _edit(change.path, {name: [] for name in written}, catalogue)
                report.changes.append(TagChange(change.path, written))
        except OutputError as error:
            report.skipped.append((change.path, str(error)))
    return report


def _each(changes: Sequence[TagChange], progress: Progress) -> Iterator[TagChange]:
    for done, change in enumerate(changes):
        progress(done / len(changes), f"{done}/{len(changes)} files written")
        yield change


def _edit(path: str, changes: dict[str, list[str]], catalogue: Catalogue) -> None:
    edit_tags(path, changes)
    found = FoundFile.at(path)
    known = catalogue.lookup(found.place)
    # else the next scan would analyse a changed file again
    if known is not None:
        genre = "; ".join(changes["genre"]) if "genre" in changes else None
        catalogue.move(known.id, found, content_hash(found), genre)


def _reason_to_skip(track: Track, catalogue: Catalogue) -> str:
    if track.number is not None:
        return "its file holds other tracks of a cue sheet"
    known = catalogue.lookup(track.place)
    try:
        now = FoundFile.at(track.path)
    except OSError:
        return "it is not there"
    unchanged = known is not None and (known.size, known.mtime_ns) == (now.size, now.mtime_ns)
    return "" if unchanged else "it has changed: scan it first"


def _values(track: Track) -> dict[str, list[str]]:
    """Return what the library knows of a track, by the names in `WRITABLE`; keys as ID3 has them, such as F#m."""
    tonic, _, mode = (track.key or "").partition(" ")
    return {
        "bpm": [str(round(track.tempo))] if track.tempo else [],
        "key": [tonic + ("m" if mode == "minor" else "")] if tonic else [],
        "genre": [track.best_genre] if track.best_genre else [],
        "mood": [tag.lower() for tag in track.tags if tag in MOODS],
    }
