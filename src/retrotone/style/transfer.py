"""StyleTransfer: give a song the sound of a recording, an era or a model, by any method.

Everything streams. The content is read once to measure and sample it, and once more to render where the sample is not
all of it. The result is held in a temporary file, in memory while it is short, and written at the content's loudness
with its peaks limited.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np

from retrotone.audio.audio import PEAK_CEILING, Audio
from retrotone.audio.files import AudioFile
from retrotone.audio.tags import Tags, result_tags
from retrotone.audio.writing import AudioWriter, kept_bit_depth, output_format
from retrotone.dsp.loudness import ABSOLUTE_GATE, LoudnessMeter
from retrotone.errors import StyleError
from retrotone.progress import Progress, bar_in_notebooks, part, rising, silent
from retrotone.style.ageing import AgedSource
from retrotone.style.choices import GeneratedStyle, OpenStyle, Records, StyleChoice, find_style, input_paths
from retrotone.style.eras import ERAS
from retrotone.style.media.chain import makeup_db, medium_blocks
from retrotone.style.medium import Medium
from retrotone.style.rendering import Rendering
from retrotone.style.resynthesis import Resynthesis
from retrotone.style.sample import Sample, TurnedDown
from retrotone.style.spectral import SpectralTransfer
from retrotone.types import Block, Source
from retrotone.utils.files import check_outputs
from retrotone.utils.temporary import SPOOL_BYTES
from retrotone.utils.text import title

if TYPE_CHECKING:
    from retrotone.style.gram import GramTransfer

Method = Literal["transport", "gram", "era", "medium", "rave"]

DEFAULT_STRENGTH = 1.0
# 20 dB above the hiss of the recording
MAX_NOISE = 10.0


@runtime_checkable
class Restyler(Protocol):
    """A model that is a style in itself, such as `retrotone.rave.model.RaveModel`."""

    @property
    def name(self) -> str:
        """The model's name in messages."""

    def render(self, source: Source, strength: float, seed: int, progress: Progress, /) -> Iterator[Block]:
        """Yield the song as the model renders it, as long as the source, at any level.

        Parameters
        ----------
        source : Source
        strength : float
            In [0, 1].
        seed : int
        progress : Progress
            Reports the work before the first block.
        """


@dataclass(frozen=True)
class Transfer:
    """The outcome of `StyleTransfer.stylize_file`.

    Attributes
    ----------
    output : Path
        The file written.
    method : str
        "transport", "gram", "era", "medium" or "rave".
    seconds : float
        Wall-clock time, loading and saving included.
    realtime_factor : float
        Seconds of audio per second of work.
    loudness_change_lu : float
        Output minus content, in LU.
    """

    output: Path
    method: Method
    seconds: float
    realtime_factor: float
    loudness_change_lu: float


@dataclass(frozen=True)
class StyleTransfer:
    """Give a song the sound of a recording or of an era.

    Parameters
    ----------
    method : {"transport", "gram", "era", "medium", "rave"}, optional
        "era" and "medium": the physics of a medium, that of an era or the one that a recording shows, see
        `retrotone.style.medium`. "transport": the tonal colour and dynamics of a recording in closed form, see
        `retrotone.style.transport`. "gram": the study's descent, see `retrotone.style.gram`. "rave": a model renders
        the content, see `retrotone.rave.model.RaveModel.restyle`. By default "era" when the style is an era, "medium"
        when it is another medium or a recording, "transport" when it is a clip that a model generates, and "rave" when
        it is a model. With "transport" or "gram", an era or a medium stands for the content itself aged by it.
    strength : float
        0 returns the content, 1 is the full effect.
    resynthesis : {"content", "griffinlim", "random"}
        Of "transport" and "gram": whose phase the result gets, see `retrotone.style.resynthesis`.
    noise : float
        Of "transport" and "gram": level of the noise that is added in pauses: 1 as in the style, 0 none, at most 10.
    gram : GramTransfer, optional
        Settings of the descent.
    seed : int
        The same input and seed give the same bytes.

    Raises
    ------
    StyleError
        A setting that does not exist or is out of range.

    Examples
    --------
    >>> import retrotone as rt
    >>> song = rt.load("song.flac")  # doctest: +SKIP
    >>> rt.StyleTransfer().stylize(song, "1930s").save("retro.flac")  # doctest: +SKIP
    """

    method: Method | None = None
    strength: float = DEFAULT_STRENGTH
    resynthesis: Resynthesis = "content"
    noise: float = 1.0
    gram: GramTransfer | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in (None, "transport", "gram", "era", "medium", "rave"):
            raise StyleError(f"method {self.method!r} does not exist: use transport, gram, era, medium or rave")
        if self.resynthesis not in ("content", "griffinlim", "random"):
            raise StyleError(f"resynthesis {self.resynthesis!r} does not exist: use content, griffinlim or random")
        if not 0 <= self.noise <= MAX_NOISE:
            raise StyleError(f"noise must be between 0 and {MAX_NOISE:g}, not {self.noise:g}")
        if self.seed < 0:
            raise StyleError(f"seed must be 0 or above, not {self.seed}")
        _check_strength(self.strength)

    @bar_in_notebooks
    def stylize(
        self,
        content: Source | str | os.PathLike[str],
        style: Source | OpenStyle | Restyler | StyleChoice | str | os.PathLike[str],
        strength: float | None = None,
        progress: Progress = silent,
    ) -> Audio:
        """Return the content in the style's sound, at its own rate, channels, length and loudness.

        Parameters
        ----------
        content : Audio, AudioFile or path
            One or two channels, any rate, any length.
        style : Audio, AudioFile, path, Medium, Records, RaveModel, StyleChoice or str
            A recording of at least half a second; a str is anything that `retrotone.style.choices.find_style` knows.
        strength : float, optional
            Instead of the one given to the constructor.
        progress : Progress
            Called with the share of the work that is done; it may raise `Cancelled` to stop.

        Returns
        -------
        Audio

        Raises
        ------
        AudioError
            A recording that is silent or cannot be read.
        StyleError
            An unknown era, a method that needs something else, a strength outside [0, 1].
        """
        source = _source(content)
        with self._rendered(source, style, strength, progress) as (result, _, _):
            return Audio(np.concatenate(list(result.blocks()), axis=1), source.sample_rate, name=source.name)

    @bar_in_notebooks
    def stylize_file(
        self,
        content: AudioFile | str | os.PathLike[str],
        style: Source | OpenStyle | Restyler | StyleChoice | str | os.PathLike[str],
        output: str | os.PathLike[str],
        strength: float | None = None,
        progress: Progress = silent,
        bit_depth: int | None = None,
        quality: float | None = None,
        overwrite: bool = False,
    ) -> Transfer:
        """Do the same from file to file, in memory that does not grow with length.

        The output has the content's tags and cover, and a comment that says what was done.

        Parameters
        ----------
        content, style, strength, progress
            As in `stylize`.
        output : path
            The suffix chooses the format (.wav .flac .aiff .ogg .opus .mp3).
            The file appears there when it is complete.
        bit_depth, quality
            As in `AudioWriter`; by default the content's bit depth, or the next one that the format has.
        overwrite : bool
            Whether a file that exists is replaced. Content and style never are.

        Returns
        -------
        Transfer

        Raises
        ------
        AudioError, StyleError
            As in `stylize`.
        OutputError
            The output cannot be written, exists, or is the content or the style.
        """
        began = time.perf_counter()
        source = _source(content)
        output = Path(output)
        output_format(output, source.sample_rate, bit_depth, quality)
        if isinstance(style, str):
            style = find_style(style, self.method)
        check_outputs([output], [*input_paths(source), *input_paths(style)], overwrite=overwrite)
        if bit_depth is None and isinstance(source, AudioFile):
            bit_depth = kept_bit_depth(source.path, output)
        with self._rendered(source, style, strength, part(progress, 0, 0.6)) as (result, method, name):
            written, written_frames = part(progress, 0.6, 1), 0
            meter = LoudnessMeter(source.channels, source.sample_rate)
            settings = (bit_depth, quality, self.tags(source, name, strength), overwrite)
            with AudioWriter(output, source.channels, source.sample_rate, *settings) as writer:
                for block in result.blocks():
                    meter.add(block)
                    writer.write(block)
                    # to encode MP3 takes as long as to render it
                    written_frames += block.shape[1]
                    written(written_frames / result.frames, f"writing {output.name}")
            seconds = time.perf_counter() - began
            progress(1.0, f"wrote {output.name}")
            change = meter.integrated - result.loudness
            return Transfer(
                output=output,
                method=method,
                seconds=seconds,
                realtime_factor=result.frames / source.sample_rate / seconds,
                loudness_change_lu=change if np.isfinite(change) else 0.0,
            )

    def tags(self, content: Source, style: str, strength: float | None = None) -> Tags:
        """Return the tags of a result: the content's, and a comment that says what was done.

        Parameters
        ----------
        content : Audio or AudioFile
            Of a recording in memory the tags are unknown.
        style : str
            The style's name.
        strength : float, optional
            As in `stylize`.
        """
        # a generated clip's name tells its seed
        said = [f"{name} {value}" for name, value in self.unusual(strength).items()]
        done = [each for each in said if each not in style]
        return result_tags(content.path if isinstance(content, AudioFile) else None, style, *done)

    def unusual(self, strength: float | None = None) -> dict[str, str]:
        """Return method, strength and seed by these names, each only where it is not the usual one.

        Parameters
        ----------
        strength : float, optional
            As in `stylize`.
        """
        strength = self.strength if strength is None else strength
        settings = {}
        # the other methods follow from the style
        if self.method in ("transport", "gram"):
            settings["method"] = str(self.method)
        if strength != DEFAULT_STRENGTH:
            settings["strength"] = f"{100 * strength:g}%"
        if self.seed:
            settings["seed"] = str(self.seed)
        return settings

    @contextmanager
    def _rendered(
        self, source: Source, style: object, strength: float | None, progress: Progress
    ) -> Iterator[tuple[Rendering, Method, str]]:
        """Render into a temporary file; give the rendering, its method and the style's name while that file is open."""
        strength = self.strength if strength is None else strength
        _check_strength(strength)
        # the descent restarts with every chunk
        progress = rising(progress)
        target, method = self._target(style, source, part(progress, 0, 0.1))
        content = Sample.of(source, source.sample_rate, part(progress, 0.1, 0.2))
        if content.peak > 1.0:
            source = TurnedDown(source, content.peak)
            content = Sample.of(source, source.sample_rate, part(progress, 0.1, 0.2))
        blocks = self._restyled(source, content, target, method, strength, progress)
        ceiling = PEAK_CEILING
        if strength == 0:
            # the content, bit by bit
            blocks, ceiling = source.blocks(), np.inf
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            rendering = Rendering.collect(blocks, content, source, ceiling, spool, part(progress, 0.4, 1.0))
            yield rendering, method, target.name if isinstance(target, Medium | Restyler) else title(target.name)

    def _restyled(
        self,
        source: Source,
        content: Sample,
        target: Source | Medium | Restyler,
        method: Method,
        strength: float,
        progress: Progress,
    ) -> Iterator[Block]:
        """Return the content in the target's sound, at any level; the work starts with the first block."""
        if isinstance(target, Restyler):
            return target.render(source, strength, self.seed, part(progress, 0.2, 0.4))
        loudness = max(content.loudness, ABSOLUTE_GATE)
        if isinstance(target, Medium):
            channels, rate, physics = source.channels, source.sample_rate, method in ("era", "medium")
            makeup = makeup_db(target, content.pieces, channels, rate, strength if physics else 1.0, loudness)
            if physics:
                return medium_blocks(source.blocks(), channels, rate, target, strength, self.seed, loudness, makeup)
            target = AgedSource(source, target, loudness, self.seed, makeup)
        style = Sample.of_style(target, source.sample_rate, part(progress, 0.2, 0.3))
        return self._spectral(source, content, style, method, strength, progress)

    def _spectral(
        self, source: Source, content: Sample, style: Sample, method: Method, strength: float, progress: Progress
    ) -> Iterator[Block]:
        """Fit a map of magnitudes, then yield the content rendered by it."""
        descent = None
        if method == "gram":
            from retrotone.style.gram import GramTransfer

            descent = self.gram or GramTransfer(seed=self.seed)
        transfer = SpectralTransfer(strength, self.resynthesis, self.noise, self.seed, descent)
        yield from transfer.fit(content, style, source.sample_rate, progress).render(source)

    def _target(self, style: object, content: Source, progress: Progress) -> tuple[Source | Medium | Restyler, Method]:
        """Open the style that is named, and settle the method."""
        if isinstance(style, str):
            style = find_style(style, self.method)
        if isinstance(style, StyleChoice):
            style = style.open(self.seed)
        method = self.method
        if isinstance(style, GeneratedStyle):
            style, method = style.clip(content, progress), method or "transport"
        target = style if isinstance(style, Medium | Restyler | Records) else _source(style)
        if isinstance(target, Restyler):
            if method not in (None, "rave"):
                raise StyleError(f"{target.name} is a model: use method rave, or rave:{target.name} for a clip by it")
            return target, "rave"
        if method == "rave":
            raise StyleError(f"method rave needs a RaveModel as the style, not {target.name}")
        if isinstance(target, Medium):
            return target, method or ("era" if ERAS.get(target.name) == target else "medium")
        if method == "era":
            raise StyleError(f"method era needs an era's name, not {target.name}: use medium for a recording")
        if method in ("transport", "gram"):
            if isinstance(target, Records):
                raise StyleError(f"method {method} takes the colour of one recording: name one, or use medium")
            return target, method
        if (self.noise, self.resynthesis) != (1.0, "content"):
            raise StyleError("noise and resynthesis are for methods transport and gram: leave them out here")
        return medium_of(target, progress), "medium"


def medium_of(record: Source | Records, progress: Progress = silent) -> Medium:
    """Read the medium of a record, or of several."""
    several, name = (record.sources, record.name) if isinstance(record, Records) else ((_source(record),), None)
    return Medium.from_recording(several, name, progress)


def _source(recording: object) -> Audio | AudioFile:
    if isinstance(recording, Audio | AudioFile):
        return recording
    if isinstance(recording, str | os.PathLike):
        return AudioFile(recording)
    raise StyleError(f"cannot use {type(recording).__name__} as a recording: give Audio or a path")


def _check_strength(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise StyleError(f"strength must be between 0 and 1, not {strength}")
