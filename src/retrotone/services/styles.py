"""Styles by name: one resolver for the command line and both faces."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from retrotone.audio.files import FORMATS, AudioFile
from retrotone.errors import StyleError
from retrotone.progress import Progress, silent
from retrotone.rave.pretrained import DEFAULT_MODEL
from retrotone.style.eras import Era, find_era

if TYPE_CHECKING:
    from retrotone.audio.audio import Audio
    from retrotone.rave.model import RaveModel

RAVE_PREFIX = "rave:"  # rave:NAME is what a model makes up


@dataclass(frozen=True)
class Generated:
    """A style that a model makes up for each song."""

    model: RaveModel
    seed: int

    def clip(self, song: str, progress: Progress = silent) -> Audio:
        """Return a clip of the song's length, up to the study's 30 s."""
        from retrotone.rave.model import CLIP_SECONDS

        seconds = min(AudioFile(song).duration, CLIP_SECONDS)
        return self.model.generate(seconds, seed=self.seed, progress=progress)


Style: TypeAlias = "Era | AudioFile | RaveModel | Generated"


def find_style(name: str, method: str | None = None, seed: int = 0) -> Style:
    """Tell a model, an era and a file apart. A folder called like an era, where its songs went, is not in the way.

    Parameters
    ----------
    name : str
        An era, a recording's path, or ``rave:MODEL`` for what a model makes up. With method "rave" a model's name or
        file, by default the one that ships with retrotone.
    method : str, optional
        As in `StyleTransfer`.
    seed : int
        Of a generated style.

    Raises
    ------
    StyleError, AudioError, ModelError
        There is no such style, or it cannot be read.
    """
    if method == "rave" or name.startswith(RAVE_PREFIX):
        from retrotone.rave.model import RaveModel  # torch takes a second: only where it is needed

        rave = RaveModel.from_pretrained(name.removeprefix(RAVE_PREFIX) or DEFAULT_MODEL)
        return rave if method == "rave" else Generated(rave, seed)
    path = Path(name)
    if not path.is_file():
        try:
            return find_era(name)
        except StyleError:
            if not (path.suffix or path.exists() or len(path.parts) > 1):
                raise
    return AudioFile(name)


def style_name(style: Style) -> str:
    """Return what files are called after: a song like a model's clip is not the song that the model played."""
    if isinstance(style, AudioFile):
        return style.path.stem
    return f"{style.model.name}-clip" if isinstance(style, Generated) else style.name


def result_name(song: str | os.PathLike[str], style: Style) -> str:
    """Return what to call a song's file in another style: after both, in its own format where that can be written."""
    path = Path(song)
    suffix = path.suffix if path.suffix.lower() in FORMATS else ".wav"
    return f"{path.stem}-{style_name(style)}{suffix}"
