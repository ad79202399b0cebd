"""Find the songs that a command was given: files, and with ``--recursive`` all that folders hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retrotone.audio.folders import recordings_in
from retrotone.errors import AudioError, OutputError
from retrotone.utils.files import is_folder


@dataclass(frozen=True)
class Song:
    """A song that was named, or found in a folder that was.

    Attributes
    ----------
    path : str
    folder : Path or None
        Its folder within the one that was named, which its results go to as well; None where it was named itself.
    """

    path: str
    folder: Path | None = None


def find_songs(names: Sequence[str], recursive: bool = False, out: Path | None = None) -> list[Song]:
    """Return songs in the order in which they were named; those of a folder by their names.

    Parameters
    ----------
    names : sequence of str
        Paths of recordings and, with `recursive`, of folders that are searched with all their folders.
    recursive : bool
    out : Path, optional
        Folder of the results, which is not searched.

    Raises
    ------
    AudioError
        A name is empty, or a folder is named without `recursive` or holds no recording.
    OutputError
        The results would go into a folder that is searched, where the next search would find them.
    """
    songs = []
    for name in names:
        if not name:
            raise AudioError("the name of a song is empty: name a sound file")
        if not is_folder(name):
            songs.append(Song(name))
        elif not recursive:
            raise AudioError(f"{name} is a folder: name a sound file, or take all that it holds with --recursive")
        else:
            songs += _in_folder(Path(name), out)
    return songs


def _in_folder(folder: Path, out: Path | None) -> list[Song]:
    if out and folder.resolve() == out.resolve():
        raise OutputError(f"the results would lie among the songs in {folder}: name another folder with -o")
    return [Song(str(path), path.relative_to(folder).parent) for path in recordings_in(folder, out)]


def check_distinct(songs: Sequence[Song], outputs: Sequence[Path]) -> None:
    """Refuse results that would share a name.

    Raises
    ------
    OutputError
    """
    taken: dict[Path, str] = {}
    for song, output in zip(songs, outputs, strict=True):
        if output in taken:
            raise OutputError(
                f"{taken[output]} and {song.path} would both become {output}: do one of them apart, with another -o"
            )
        taken[output] = song.path
