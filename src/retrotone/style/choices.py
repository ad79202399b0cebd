"""Styles by name: which era, preset, recording or model a text means. Heavy modules are imported when used."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from retrotone.errors import StyleError
from retrotone.progress import Progress, silent
from retrotone.utils.files import config_folder, is_file, is_folder
from retrotone.utils.logs import log
from retrotone.utils.text import counted, printable, shortened, title

if TYPE_CHECKING:
    from retrotone.audio.audio import Audio
    from retrotone.audio.files import AudioFile
    from retrotone.rave.model import RaveModel
    from retrotone.style.medium import Medium
    from retrotone.types import Source

Kind = Literal["era", "medium", "record", "records", "rave", "generated"]
OpenStyle: TypeAlias = "Medium | AudioFile | Records | RaveModel | GeneratedStyle"

# rave:NAME is a clip that a model generates; a model's name alone means that the model plays the song
RAVE_PREFIX = "rave:"
MODEL_SUFFIXES = (".ts", ".safetensors")
# of a medium's file; those in the folder of presets are found by their stem
MEDIUM_SUFFIX = ".toml"
PRESET_FOLDER = "media"


@dataclass(frozen=True)
class Records:
    """Several records of one kind, which make one medium.

    Attributes
    ----------
    name : str
        What files are called after.
    sources : tuple of AudioFile
    """

    name: str
    sources: tuple[AudioFile, ...]


@dataclass(frozen=True)
class GeneratedStyle:
    """A style that a model generates for each song."""

    model: RaveModel
    seed: int

    @property
    def name(self) -> str:
        """What files are called after; it differs from the name of the model that plays a song itself."""
        return f"{self.model.name}-clip"

    def clip(self, song: Source, progress: Progress = silent) -> Audio:
        """Return a clip of the song's length, up to the study's 30 s."""
        from retrotone.rave.model import CLIP_SECONDS

        return self.model.generate(min(song.duration, CLIP_SECONDS), seed=self.seed, progress=progress)


@dataclass(frozen=True)
class StyleChoice:
    """A style that was named but is not opened yet.

    Attributes
    ----------
    kind : {"era", "medium", "record", "records", "rave", "generated"}
        "medium": a file of one's own that describes a medium. "records": several recordings or a folder. "rave": the
        model plays the song. "generated": the song gets the sound of a clip that the model generates.
    name : str
        An era's name, the path of a medium or a recording, or a model's name or path.
    title, description : str
        For people.
    downloaded : bool
        False for a model that has to be downloaded first.
    recordings : tuple of AudioFile
        Of kind "record" or "records", where they are open already.
    medium : Medium or None
        The medium, where a record was read already or the parts of a medium were changed.
    """

    kind: Kind
    name: str
    title: str
    description: str = ""
    downloaded: bool = True
    recordings: tuple[AudioFile, ...] = field(default=(), repr=False, compare=False)
    medium: Medium | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of_path(cls, path: str) -> StyleChoice:
        """Return the choice of a recording, whatever its name looks like; the file is not opened."""
        return cls("record", path, title(path), "the sound of this recording")

    @classmethod
    def of_recording(cls, recording: AudioFile) -> StyleChoice:
        """Return the choice of a recording that is open already."""
        return replace(cls.of_path(recording.name), recordings=(recording,))

    def open(self, seed: int = 0) -> OpenStyle:
        """Open the style. Torch is imported only here, and only for a model.

        Parameters
        ----------
        seed : int
            Of a generated clip.

        Raises
        ------
        StyleError, AudioError, ModelError
            The style cannot be read.
        """
        if self.medium is not None:
            return self.medium
        if self.kind == "era":
            from retrotone.style.eras import ERAS

            return ERAS[self.name]
        if self.kind == "medium":
            from retrotone.style.medium import Medium

            return Medium.load(self.name)
        if self.kind == "record":
            from retrotone.audio.files import AudioFile

            return self.recordings[0] if self.recordings else AudioFile(self.name)
        if self.kind == "records":
            return Records(self.title, self.recordings)
        from retrotone.rave.model import RaveModel

        model = RaveModel.from_pretrained(self.name)
        return model if self.kind == "rave" else GeneratedStyle(model, seed)

    @property
    def phrase(self) -> str:
        """What the style makes of a song, to follow the song's name in a sentence."""
        if self.kind == "era":
            from retrotone.style.eras import ERAS

            return f"as a medium of the {self.name} would have kept it ({ERAS[self.name].carrier})"
        name = shortened(self.title)
        if self.kind == "medium":
            return f"as {name} would have kept it"
        return f"as {name} plays it" if self.kind == "rave" else f"in the sound of {name}"


def input_paths(recording: object) -> list[str | os.PathLike[str]]:
    """Return the files that a song or style is read from, which results must not replace.

    Parameters
    ----------
    recording : AudioFile, Records, StyleChoice, path or another style
        A style that is no recording has no such files.
    """
    from retrotone.audio.files import AudioFile

    if isinstance(recording, Records):
        return [source.path for source in recording.sources]
    if isinstance(recording, StyleChoice):
        return [recording.name, *(source.path for source in recording.recordings)]
    path = recording.path if isinstance(recording, AudioFile) else recording
    return [path] if isinstance(path, str | os.PathLike) else []


def amounts_text(amounts: Mapping[str, float]) -> str:
    """Return which parts of a medium were turned up or down, to follow its name.

    >>> amounts_text({"noise": 0.5, "wow": 1.0})
    ', noise 50%'
    """
    return "".join(f", {part} {amount:.0%}" for part, amount in amounts.items() if amount != 1.0)


def strength_text(strength: float) -> str:
    """Return a strength that is not the usual one, to follow a style's name.

    >>> strength_text(0.5), strength_text(1.0)
    (', strength 50%', '')
    """
    return "" if strength == 1 else f", strength {strength:.0%}"


def style_choices(*, files: bool = True) -> list[StyleChoice]:
    """Return the eras in their order, the user's presets, then the models known by name.

    Parameters
    ----------
    files : bool
        Whether presets are listed. False where strangers choose.

    Examples
    --------
    >>> [choice.name for choice in style_choices() if choice.kind == "era"][:3]
    ['1900s', '1910s', '1920s']
    """
    from retrotone.style.eras import ERAS
    from retrotone.utils.pretrained import rave_models

    eras = [StyleChoice("era", era.name, f"{era.name}: {era.carrier}", era.description) for era in ERAS.values()]
    mine = [_preset(path, medium) for path, medium in presets()] if files else []
    return eras + mine + [_model(name) for name in rave_models()]


def presets() -> Iterator[tuple[Path, Medium]]:
    """Yield the user's presets: the media in the folder "media" of the user's configuration, by name.

    A file that cannot be read is left out with a warning, so that it does not hide the others.
    """
    from retrotone.style.medium import Medium

    for path in _preset_files():
        try:
            yield path, Medium.load(path)
        except StyleError as error:
            log.warning("a preset is left out: %s", error)


def find_styles(texts: Sequence[str], method: str | None = None) -> StyleChoice:
    """Return the style that several texts name together: one style, or several records that make one medium.

    Parameters
    ----------
    texts : sequence of str
        At least one; see `find_style`. A folder stands for the recordings in it.
    method : str, optional
        As in `StyleTransfer`.

    Raises
    ------
    StyleError
        One of several is no recording; see also `find_style`.
    """
    choices = [find_style(text, method) for text in texts]
    if len(choices) == 1:
        return choices[0]
    sources: list[AudioFile] = []
    for choice in choices:
        opened = choice.open() if choice.kind in ("record", "records") else None
        if opened is None:
            raise StyleError(f"several styles make one medium only where all are recordings, and {choice.name} is none")
        sources += opened.sources if isinstance(opened, Records) else [cast("AudioFile", opened)]
    return _of_records(f"{choices[0].title} and {len(choices) - 1} more", sources)


def find_style(text: str, method: str | None = None, *, files: bool = True) -> StyleChoice:
    """Return the style that a text names.

    A file comes first, then an era, then a preset, then a model; a folder named like an era does not hide the era.

    Parameters
    ----------
    text : str
        An era, a preset's name, the path of a recording, of a folder of them or of a medium's file, a model's name or
        file, or ``rave:MODEL`` for a clip that a model generates.
    method : str, optional
        As in `StyleTransfer`: with "rave" the text is a model, with or without ``rave:``.
    files : bool
        Whether paths are tried. False where strangers choose: only eras and models known by name are found.

    Raises
    ------
    StyleError
        The text is neither a file nor an era nor a preset nor a model; the preset or file of a medium is damaged.
    AudioError
        It looks like the path of a recording that does not exist or cannot be read, or a folder holds none.

    Examples
    --------
    >>> find_style("shellac").title
    '1930s: electrical 78'
    >>> find_style("rave:parlour").kind
    'generated'
    """
    if method == "rave" or text.startswith(RAVE_PREFIX):
        return _find_model(text, "rave" if method == "rave" else "generated", files)
    path = Path(text)
    if files and is_file(path):
        if path.suffix.lower() == MEDIUM_SUFFIX:
            return _opened(path)
        return _model(text) if path.suffix.lower() in MODEL_SUFFIXES else StyleChoice.of_path(text)
    if (named := _named(text, files)) is not None:
        return named
    if files and text and is_folder(path):
        from retrotone.audio.folders import open_recordings

        return _of_records(path.resolve().name, open_recordings(path))
    if files and text and (path.suffix or len(path.parts) > 1 or _may_exist(path)):
        from retrotone.audio.files import AudioFile

        # raises the error that says why the file cannot be read
        return StyleChoice.of_recording(AudioFile(text))
    raise _unknown(text)


def _of_records(heading: str, sources: Sequence[AudioFile]) -> StyleChoice:
    description = f"the medium of {counted(len(sources), 'recording')}"
    return StyleChoice("records", heading, printable(heading), description, recordings=tuple(sources))


def _find_model(text: str, kind: Kind, files: bool) -> StyleChoice:
    from retrotone.utils.pretrained import DEFAULT_MODEL, rave_models

    name = text.removeprefix(RAVE_PREFIX) or DEFAULT_MODEL
    if not files and name not in rave_models():
        raise _unknown(text)
    return _model(name, kind)


def _named(text: str, files: bool) -> StyleChoice | None:
    """Return the era, preset or model of a name."""
    from retrotone.style.eras import find_era
    from retrotone.utils.pretrained import rave_models

    with suppress(StyleError):
        era = find_era(text)
        return StyleChoice("era", era.name, f"{era.name}: {era.carrier}", era.description)
    wanted = text.casefold()
    for path in _preset_files() if files else ():
        if path.stem.casefold() == wanted:
            return _opened(path)
    return _model(text) if text in rave_models() else None


def _preset_files() -> list[Path]:
    folder = config_folder() / PRESET_FOLDER
    # a folder that cannot be listed has no presets
    with suppress(OSError):
        return sorted(
            path for path in folder.iterdir() if path.suffix.lower() == MEDIUM_SUFFIX and path.stem[:1] != "."
        )
    return []


def _opened(path: Path) -> StyleChoice:
    from retrotone.style.medium import Medium

    return _preset(path, Medium.load(path))


def _preset(path: Path, medium: Medium) -> StyleChoice:
    heading = f"{path.stem}: {medium.carrier}" if medium.carrier else path.stem
    return StyleChoice("medium", str(path), printable(heading), medium.description)


def _model(name: str, kind: Kind = "rave") -> StyleChoice:
    """Return a model by its name, address or file; whether it can be opened shows when it is."""
    from retrotone.utils.pretrained import model_path, rave_models

    if (entry := rave_models().get(name)) is None:
        heading, description, downloaded = f"RAVE {Path(name).stem}", "a model of your own", True
    else:
        heading, description, downloaded = f"RAVE {name}", entry.description, model_path(entry).is_file()
    if kind == "generated":
        heading = f"a clip by {heading}"
    return StyleChoice(kind, name, heading, description, downloaded)


def _unknown(text: str) -> StyleError:
    from retrotone.style.eras import ERAS
    from retrotone.utils.pretrained import rave_models

    eras = ", ".join(f"{era.name} ({era.carrier})" for era in ERAS.values())
    return StyleError(
        f"there is no style '{text}': it is neither one of the eras {eras} nor a file nor one of the models "
        f"{', '.join(rave_models())}"
    )


def _may_exist(path: Path) -> bool:
    """Return whether there is anything at a path, or what is there cannot be examined."""
    try:
        return path.exists()
    except OSError:
        return True
