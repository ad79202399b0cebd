"""Styles by name: one resolver for the command line and both faces."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from retrotone.audio.files import FORMATS, AudioFile
from retrotone.errors import StyleError
from retrotone.progress import Progress, silent
from retrotone.rave.pretrained import DEFAULT_MODEL, model_path, registry
from retrotone.style.eras import ERAS, Era, find_era
from retrotone.utils.text import title

if TYPE_CHECKING:
    pass

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


Kind = Literal["era", "record", "rave"]


@dataclass(frozen=True)
class Way:
    """One way to give a song another sound.

    Attributes
    ----------
    kind : {"era", "record", "rave"}
    name : str
        An era's name, the path of a recording, or a model's name or path.
    title, description : str
        For people.
    here : bool
        False for a model that has to be downloaded first.
    """

    kind: Kind
    name: str
    title: str
    description: str = ""
    here: bool = True

    @property
    def phrase(self) -> str:
        """What it makes of a song, to follow the song's name."""
        if self.kind == "era":
            return f"as a medium of the {self.name} would have kept it ({ERAS[self.name].medium})"
        return f"in the sound of {self.title}" if self.kind == "record" else f"as {self.title} plays it"


def ways() -> list[Way]:
    """Return the eras in their order, then the models known by name; recordings and other models come by path."""
    eras = [Way("era", era.name, f"{era.name}: {era.medium}", era.description) for era in ERAS.values()]
    models = [
        Way("rave", entry.name, f"RAVE {entry.name}", entry.description, model_path(entry).is_file())
        for entry in registry().values()
    ]
    return eras + models


def way(kind: str, name: str) -> Way:
    """Return one of `ways` by its name, or the way to sound like a recording, or as a model's file plays.

    Raises
    ------
    StyleError
        There is no such kind, era or model.
    """
    for known in ways():
        if (known.kind, known.name) == (kind, name):
            return known
    if kind == "record":
        return Way("record", name, title(name), "the sound of this recording")
    if kind == "rave" and Path(name).suffix == ".ts":
        return Way("rave", name, f"RAVE {Path(name).stem}", "a model of your own")
    raise StyleError(f"there is no {kind} called {name}: choose one of the list")
