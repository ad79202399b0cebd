"""The tasks that give a song another sound: excerpts to hear at once, whole songs, and what a style consists of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrotone.desktop.jobs import TaskContext
from retrotone.desktop.tasks import POINTS, Sound, audio_of, check_unchanged, write_sound
from retrotone.style.choices import MEDIUM_SUFFIX, StyleChoice, amounts_text, find_style, strength_text, style_choices
from retrotone.utils.files import file_sha256

if TYPE_CHECKING:
    from retrotone.audio.tags import Tags
    from retrotone.services.preview import Preview
    from retrotone.style.medium import Medium

# The song of which excerpts were rendered last, by its path, and the model that was opened last, by its name.
_previews: dict[Path, Preview] = {}
_models: dict[str, Any] = {}
# The file of the last excerpt.
_excerpts: list[Path] = []


@dataclass(frozen=True)
class Recipe:
    """What a song is given.

    Attributes
    ----------
    choice : StyleChoice
    strength : float
        Share of the style, 0 to 1.
    seed : int
    amounts : dict of str to float
        Of the medium's parts that were turned up or down, see `retrotone.style.amounts.with_amounts`.
    """

    choice: StyleChoice
    strength: float = 1.0
    seed: int = 0
    amounts: Mapping[str, float] = field(default_factory=dict)

    @property
    def style(self) -> str:
        """The style and what was changed of it."""
        return self.choice.title + amounts_text(self.amounts)

    @property
    def title(self) -> str:
        """All of it, without what is usual."""
        return self.style + strength_text(self.strength) + (f", seed {self.seed}" if self.seed else "")


@dataclass(frozen=True, eq=False)
class Version:
    """A restyled song; see `retrotone.services.restyle.Restyled`.

    Attributes
    ----------
    recipe : Recipe
    sentence : str
        What was done.
    file_name : str
        Name for its file.
    sound, original : Sound
    digest : str
        Of the samples: the same only where nothing differs.
    waveform, original_waveform : ndarray, shape (2, points), float32
        Lowest and highest samples.
    song : str
        Path of the song.
    tags : Tags
        For its file.
    """

    recipe: Recipe
    sentence: str
    file_name: str
    sound: Sound
    original: Sound
    digest: str
    waveform: NDArray[np.float32]
    original_waveform: NDArray[np.float32]
    song: str
    tags: Tags

    @property
    def title(self) -> str:
        """What the player calls it."""
        return self.recipe.title

    def is_same(self, other: Version) -> bool:
        """Return whether nothing differs; a preset's file may have been changed meanwhile."""
        return (self.song, self.title, self.digest) == (other.song, other.title, other.digest)


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Some seconds of a song in another sound.

    Attributes
    ----------
    recipe : Recipe
    sound : Sound
        To be mapped into memory before the next excerpt is rendered, which deletes its file.
    start, frames : int
        Its first frame in the song, and how many it has.
    waveform : ndarray, shape (2, points), float32
        Of the whole song, flat outside the excerpt.
    """

    recipe: Recipe
    sound: Sound
    start: int
    frames: int
    waveform: NDArray[np.float32]


def choices(context: TaskContext) -> list[StyleChoice]:
    """Return the styles that a song can be given."""
    return style_choices()


def own_choice(context: TaskContext, kind: str, path: str) -> StyleChoice:
    """Return the style of a recording, preset or model of one's own, once it could be opened.

    Parameters
    ----------
    context : TaskContext
    kind : {"record", "rave", "generated"}
    path : str
        Of a recording, of a preset (.toml) in its place, or of a model's file.
    """
    from retrotone.audio.files import AudioFile

    if kind == "record" and not path.lower().endswith(MEDIUM_SUFFIX):
        AudioFile(path)
        return StyleChoice.of_path(path)
    choice = find_style(path, "rave" if kind == "rave" else None)
    choice.open()
    return choice


def parts(context: TaskContext, choice: StyleChoice) -> dict[str, str]:
    """Return the parts of a style's medium, each with what it is set to and how sure that is; none of a model.

    A record is read for this, once a session.
    """
    from retrotone.figures.dials import part_texts

    medium = _medium(context, choice)
    return {} if medium is None else part_texts(medium)


def measure(context: TaskContext, song: Sound) -> None:
    """Measure a song before excerpts of it are rendered, so that the first one comes as soon as the others."""
    from retrotone.services.preview import Preview

    if song.path not in _previews:
        _previews.clear()
        _previews[song.path] = Preview(audio_of(song), context.progress)


def preview(context: TaskContext, song: Sound, recipe: Recipe, start: int, frames: int) -> Excerpt:
    """Render an excerpt of a song.

    Parameters
    ----------
    context : TaskContext
    song : Sound
    recipe : Recipe
    start, frames : int
        Its first frame in the song, and how many.
    """
    from retrotone.dsp.waveform import extremes

    measure(context, song)
    choice, rate = _adjusted(context, recipe), song.sample_rate
    style: Any = choice.medium or _model(choice)
    audio = _previews[song.path].render(
        style, start / rate, frames / rate, recipe.strength, recipe.seed, context.progress
    )
    waveform = np.zeros((2, POINTS), np.float32)
    first, last = (round(POINTS * at / (rate * song.duration)) for at in (start, start + audio.frames))
    waveform[:, first:last] = extremes(audio.samples, max(last - first, 1))[:, : last - first]
    # the window has mapped the one before into memory, or does not want it; Windows keeps a file that is mapped
    with suppress(OSError):
        while _excerpts:
            _excerpts.pop().unlink()
    sound = write_sound(context, [audio.samples], recipe.title, audio.sample_rate, audio.channels)
    _excerpts.append(sound.path)
    return Excerpt(recipe, sound, start, audio.frames, waveform)


def restyle(context: TaskContext, song: str, original: Sound, recipe: Recipe) -> Version:
    """Restyle a song.

    Parameters
    ----------
    context : TaskContext
    song : str
        Its path.
    original : Sound
        The song, decoded.
    recipe : Recipe
    """
    from retrotone.dsp.waveform import extremes
    from retrotone.services import restyle

    check_unchanged(song)
    choice = _adjusted(context, recipe)
    done = restyle.restyle(song, choice, recipe.strength, recipe.seed, progress=context.progress)
    audio = done.audio
    sound = write_sound(context, audio.blocks(), recipe.title, audio.sample_rate, audio.channels)
    waveforms = [extremes(each.samples, POINTS) for each in (audio, audio_of(original))]
    digest = file_sha256(sound.path)
    return Version(
        recipe, done.sentence, done.file_name, sound, original, digest, waveforms[0], waveforms[1], song, done.tags
    )


def save(context: TaskContext, version: Version, path: str) -> str:
    """Write a restyled song to the file `path`; return a message."""
    from retrotone.services import restyle

    context.progress(0.0, f"saving {Path(path).name}")
    return restyle.save(audio_of(version.sound), path, version.song, version.tags)


def save_preset(context: TaskContext, recipe: Recipe, path: str) -> StyleChoice:
    """Write a medium with the parts as they were turned up and down, and return it as a style."""
    medium = _adjusted(context, recipe).medium
    assert medium is not None
    return find_style(str(replace(medium, name=Path(path).stem).save(path, overwrite=True)))


def _adjusted(context: TaskContext, recipe: Recipe) -> StyleChoice:
    """Return the style of a recipe: with its medium, read and changed, where it is no model."""
    from retrotone.style.amounts import with_amounts

    medium = _medium(context, recipe.choice)
    if medium is None:
        return recipe.choice
    return replace(recipe.choice, title=recipe.style, medium=with_amounts(medium, recipe.amounts))


def _medium(context: TaskContext, choice: StyleChoice) -> Medium | None:
    """Return the medium of a style; a record is read once, and kept in a file for the other process."""
    from retrotone.style.medium import Medium

    if choice.kind in ("rave", "generated"):
        return None
    opened: Any = choice.open()
    if isinstance(opened, Medium):
        return opened
    kept = context.folder / f"{hashlib.sha256(choice.name.encode()).hexdigest()}{MEDIUM_SUFFIX}"
    if not kept.exists():
        from retrotone.services.medium import medium_to_give

        medium_to_give(opened, context.progress).save(kept, overwrite=True)
    return Medium.load(kept)


def _model(choice: StyleChoice) -> Any:
    """Return a model, open since it was used last."""
    if choice.name not in _models:
        _models.clear()
        _models[choice.name] = choice.open()
    return _models[choice.name]
