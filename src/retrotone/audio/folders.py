"""Find the recordings in a folder."""

from __future__ import annotations

import os
from pathlib import Path

from retrotone.audio.files import SUFFIXES, AudioFile
from retrotone.errors import AudioError
from retrotone.utils.files import is_folder
from retrotone.utils.logs import log


def recordings_in(folder: Path, skip: Path | None = None) -> list[Path]:
    """Return the files below a folder that have the suffix of a recording, in the order of their paths.

    Hidden files and folders are passed over. Links are followed last, and never twice to the same folder.

    Parameters
    ----------
    folder : Path
    skip : Path, optional
        A folder that is not searched.

    Raises
    ------
    AudioError
        No such folder, or nothing in it.
    """
    if not is_folder(folder):
        raise AudioError(f"{folder} is no folder: name one with recordings")
    entered = set() if skip is None else {skip.resolve()}
    found: list[Path] = []
    tops = [folder]
    # this list grows while links lead to more folders
    for top in tops:
        for parent, folders, files in os.walk(top):
            real = Path(parent).resolve()
            if real in entered:
                folders.clear()
                continue
            entered.add(real)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            tops += [path for path in (Path(parent, name) for name in folders) if path.is_symlink()]
            found += [Path(parent, name) for name in files if not name.startswith(".") and has_audio_suffix(name)]
    if not found:
        raise AudioError(f"{folder} holds no recordings: name a folder with some")
    return sorted(found)


def open_recordings(folder: Path) -> list[AudioFile]:
    """Open the recordings below a folder; those that cannot be read are left out with a line, AudioError if all are."""
    opened, unreadable = [], []
    for path in recordings_in(folder):
        try:
            opened.append(AudioFile(path))
        except AudioError as error:
            unreadable.append(error)
    if not opened:
        raise AudioError(f"{folder} holds no recording that can be read: name another folder")
    for reason in unreadable:
        log.warning("a record is left out: %s", reason)
    return opened


def has_audio_suffix(name: str) -> bool:
    """Return whether a file's name has the suffix of a recording, in any case."""
    return Path(name).suffix.lower() in SUFFIXES
