"""Records in every form in which they are given, read one after the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeAlias

from retrotone.audio.audio import Audio, open_recording
from retrotone.audio.files import AudioFile
from retrotone.errors import StyleError
from retrotone.progress import Progress, part, silent
from retrotone.style.reading.reading import Reading, read

Recording: TypeAlias = Audio | AudioFile | str | os.PathLike[str]


def read_records(records: Recording | Sequence[Recording], progress: Progress = silent) -> list[Reading]:
    """Read the medium of each record.

    Parameters
    ----------
    records : Audio, AudioFile or path, or several
    progress : Progress
        Called with the share of the work that is done; it may raise `Cancelled` to stop.

    Returns
    -------
    list of Reading
        In order.

    Raises
    ------
    AudioError
        A record is silent or cannot be read.
    StyleError
        No records.
    """
    several = as_list(records)
    if not several:
        raise StyleError("there are no records to read a medium from: name at least one")
    # a record that cannot be opened is named before any work is done
    sources = [open_recording(record) for record in several]
    return [
        read(source, part(progress, number / len(sources), (number + 1) / len(sources)))
        for number, source in enumerate(sources)
    ]


def as_list(records: Recording | Sequence[Recording]) -> list[Recording]:
    """Return one record or several as a list."""
    return [records] if isinstance(records, str | os.PathLike | Audio | AudioFile) else [*records]
