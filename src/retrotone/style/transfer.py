"""StyleTransfer: the one door to every way of giving a song the sound of something else.

Everything streams: the content is read twice (once to measure and sample it, once to render), the result is held in
a spool that moves to disk when it is long, and written at the content's loudness with its peaks in bounds.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np

from retrotone.audio.audio import PEAK_CEILING, Audio
from retrotone.audio.files import AudioFile, AudioWriter, output_format
from retrotone.dsp.loudness import ABSOLUTE_GATE, LoudnessMeter
from retrotone.dsp.stft import istft, n_fft_for, stft
from retrotone.errors import OutputError, StyleError
from retrotone.progress import Progress, part, silent
from retrotone.style.choices import GeneratedStyle, StyleChoice, find_style
from retrotone.style.eras import Era, age_blocks
from retrotone.style.noise_floor import NoiseFloor
from retrotone.style.rendering import SPOOL_BYTES, Rendering, with_context
from retrotone.style.resynthesis import Resynthesis, resynthesise
from retrotone.style.sample import Sample, reference_magnitude
from retrotone.style.transport import CONTEXT_AFTER, CONTEXT_BEFORE, EDGE_FRAMES, TransportMap, between
from retrotone.types import Block, Matrix, Source, Spectrogram

if TYPE_CHECKING:
    from retrotone.style.gram import GramTransfer

Method = Literal["transport", "gram", "era", "rave"]

DEFAULT_STRENGTH = 1.0
MIN_STYLE_SECONDS = 0.5
MAX_GAIN = 1e3  # 60 dB


@runtime_checkable
class Restyler(Protocol):
    """A model that plays a song its own way, such as `retrotone.rave.model.RaveModel`: a style in itself."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def render(self, source: Source, amount: float, seed: int, progress: Progress) -> Iterator[Block]:
        """Yield the song as the model plays it, as long as the source, at any level; tell what precedes the first."""


@dataclass(frozen=True)
class Transfer:
    """What `StyleTransfer.stylize_file` did.

    Attributes
    ----------
    output : Path
        The file written.
    method : str
        "transport", "gram", "era" or "rave".
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
    method : {"transport", "gram", "era", "rave"}, optional
        "transport": the closed form, see `retrotone.style.transport`. "gram": the study's descent, see
        `retrotone.style.gram`. "era": the physics of a medium, see `retrotone.style.eras`. "rave": a model plays the
        content, see `retrotone.rave.model.RaveModel.restyle`. By default "era" when the style is an era's name, "rave"
        when it is a model and "transport" when it is a recording. With "transport" or "gram", an era's name stands
        for the content itself aged by that era.
    strength : float
        0 gives the content back, 1 goes all the way.
    resynthesis : {"content", "griffinlim", "random"}
        Whose phase the result gets, see `retrotone.style.resynthesis`.
    noise : float
        Level of the style's stationary noise (hiss, surface) below which no pause falls: 1 as in the style, 0 none.
    gram : GramTransfer, optional
        Settings of the descent.
    seed : int
        Same input, same seed, same bytes.

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
        if self.method not in (None, "transport", "gram", "era", "rave"):
            raise StyleError(f"method {self.method!r} does not exist: use transport, gram, era or rave")
        if self.resynthesis not in ("content", "griffinlim", "random"):
            raise StyleError(
                f"resynthesis {self.resynthesis!r} does not exist: use content, griffinlim or random"
            )
        if not 0 <= self.noise < np.inf:
            raise StyleError(f"noise must be 0 or above, not {self.noise}")
        if self.seed < 0:
            raise StyleError(f"seed must be 0 or above, not {self.seed}")
        _check_strength(self.strength)

    def stylize(
        self,
        content: Source | str | os.PathLike[str],
        style: Source | Era | Restyler | StyleChoice | str | os.PathLike[str],
        strength: float | None = None,
        progress: Progress = silent,
    ) -> Audio:
        """Return the content in the style's sound, at its own rate, channels, length and loudness.

        Parameters
        ----------
        content : Audio, AudioFile or path
            One or two channels, any rate, any length.
        style : Audio, AudioFile, path, Era, RaveModel, StyleChoice or str
            A recording of at least half a second; a str is anything that `retrotone.style.choices.find_style` knows.
        strength : float, optional
            Instead of the one given to the constructor.
        progress : Progress
            Told how far the work is; `Cancelled` raised in it stops it.

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
        with self._rendered(source, style, strength, progress) as (result, _):
            return Audio(np.concatenate(list(result.blocks()), axis=1), source.sample_rate, name=source.name)

    def stylize_file(
        self,
        content: AudioFile | str | os.PathLike[str],
        style: Source | Era | Restyler | StyleChoice | str | os.PathLike[str],
        output: str | os.PathLike[str],
        strength: float | None = None,
        progress: Progress = silent,
    ) -> Transfer:
        """Do the same from file to file, in memory that does not grow with length.

        Parameters
        ----------
        content, style, strength, progress
            As in `stylize`.
        output : path
            The suffix chooses the format (.wav .flac .aiff .ogg .opus .mp3); written beside and renamed when whole.

        Returns
        -------
        Transfer

        Raises
        ------
        AudioError, StyleError
            As in `stylize`.
        OutputError
            The output cannot be written.
        """
        began = time.perf_counter()
        source = _source(content)
        output = Path(output)
        if not output.parent.is_dir():
            raise OutputError(f"{output.parent} is not a folder: create it first")
        output_format(output, source.sample_rate, 24)
        with self._rendered(source, style, strength, part(progress, 0, 0.95)) as (result, method):
            meter = LoudnessMeter(source.channels, source.sample_rate)
            with AudioWriter(output, source.channels, source.sample_rate) as writer:
                for block in result.blocks():
                    meter.add(block)
                    writer.write(block)
                    progress(0.95, f"writing {output.name}")
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

    @contextmanager
    def _rendered(
        self, source: Source, style: object, strength: float | None, progress: Progress
    ) -> Iterator[tuple[Rendering, Method]]:
        strength = self.strength if strength is None else strength
        _check_strength(strength)
        progress = _rising(progress)
        target, method = self._target(style, source)
        content = Sample.of(source, source.sample_rate, part(progress, 0, 0.15))
        if isinstance(target, Restyler):
            rendered = target.render(source, strength, self.seed, part(progress, 0.15, 0.4))
        elif method == "era":
            assert isinstance(target, Era)
            programme = max(content.loudness, ABSOLUTE_GATE)
            rendered = age_blocks(
                source.blocks(), source.channels, source.sample_rate, target, strength, self.seed, programme
            )
        else:
            recording = (
                _Aged(source, target, content.loudness, self.seed) if isinstance(target, Era) else target
            )
            wanted = Sample.of(recording, source.sample_rate, part(progress, 0.15, 0.3))
            if wanted.frames < MIN_STYLE_SECONDS * source.sample_rate:
                raise StyleError(
                    f"{recording.name} is shorter than {MIN_STYLE_SECONDS} s: choose a longer style"
                )
            rendered = self._transfer(source, content, wanted, method, strength, progress)
        ceiling = PEAK_CEILING
        if strength == 0:  # the content, to the last bit, unless it would clip
            rendered, ceiling = source.blocks(), 1.0 if content.peak > 1.0 else np.inf
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            yield (
                Rendering.collect(rendered, content, source, ceiling, spool, part(progress, 0.4, 1.0)),
                method,
            )

    def _target(self, style: object, content: Source) -> tuple[Source | Era | Restyler, Method]:
        """Open the style that is named, and settle the method."""
        if isinstance(style, str):
            style = find_style(style, self.method)
        if isinstance(style, StyleChoice):
            style = style.open(self.seed)
        if isinstance(style, GeneratedStyle):
            style = style.clip(content)
        target = style if isinstance(style, Era | Restyler) else _source(style)
        if isinstance(target, Restyler):
            if self.method not in (None, "rave"):
                raise StyleError(f"{target.name} is a model: use method rave, or a clip that it generates")
            return target, "rave"
        if self.method == "rave":
            raise StyleError(f"method rave needs a RaveModel as the style, not {target.name}")
        method = self.method or ("era" if isinstance(target, Era) else "transport")
        if method == "era" and not isinstance(target, Era):
            raise StyleError(
                f"method era needs an era's name, not {target.name}: use transport for a recording"
            )
        return target, method

    def _transfer(
        self,
        source: Source,
        content: Sample,
        style: Sample,
        method: Method,
        strength: float,
        progress: Progress,
    ) -> Iterator[Block]:
        """Fit to samples of both, then render the content chunk by chunk."""
        n_fft = n_fft_for(source.sample_rate)
        scale = content.scale(n_fft)
        theirs = style.magnitude(n_fft)
        noise = NoiseFloor.fit(theirs) if self.noise else None
        rng = np.random.default_rng(self.seed)

        def magnitude(chunk: Spectrogram) -> Matrix:
            return reference_magnitude(chunk) * scale

        def rendered(
            chunk: Spectrogram, reference: Matrix, ours: Matrix, mapped: Matrix, core: slice
        ) -> Spectrogram:
            gain = between(ours, mapped, strength) / np.maximum(reference, np.float32(1e-5))
            np.minimum(gain, np.float32(MAX_GAIN), out=gain)
            if self.resynthesis == "content":
                result = chunk[:, core] * gain[core]
            else:
                wanted = (np.abs(chunk) * gain).astype(np.float32, copy=False)
                result = resynthesise(wanted, chunk, self.resynthesis, self.seed)[:, core]
            if noise is not None:
                level = (ours[core] * gain[core]).astype(np.float32, copy=False)
                result += noise.fill(level, strength * self.noise, rng) / scale
            return result

        def chunks() -> Iterator[Spectrogram]:
            progress(0.3, "fitting the style")
            if method == "gram":
                network_map = self._descent(theirs, part(progress, 0.3, 0.4))
            else:
                sample = np.concatenate(content.spectra(n_fft), axis=1)
                everything = slice(0, sample.shape[1])
                reference = magnitude(sample)
                ours = without_edges(reference, everything)
                frequencies = np.arange(n_fft // 2 + 1, dtype=np.float64) * (source.sample_rate / n_fft)
                fitted, mapped = TransportMap.fit(ours, theirs, frequencies)
                if content.is_whole:  # what was fitted is all there is
                    yield rendered(sample, reference, ours, mapped, everything)
                    return
                del sample, reference, ours, mapped
                network_map = fitted.apply
            for chunk, core in with_context(stft(source.blocks(), n_fft), CONTEXT_BEFORE, CONTEXT_AFTER):
                reference = magnitude(chunk)
                ours = without_edges(reference, core)
                yield rendered(chunk, reference, ours, network_map(ours), core)

        return istft(chunks(), n_fft, content.frames)

    def _descent(self, style: Matrix, progress: Progress) -> Callable[[Matrix], Matrix]:
        """Return the study's descent towards a style as a map of magnitudes, both of shape (frames, bins)."""
        from retrotone.style.gram import GramTransfer

        settings = self.gram or GramTransfer(seed=self.seed)
        target = np.log1p(style).T

        def descend(content: Matrix) -> Matrix:
            return np.expm1(settings.run(np.log1p(content).T, target, progress).spectrogram.T)

        return descend


def without_edges(magnitude: Matrix, core: slice) -> Matrix:
    """Return magnitudes with frames that reach over an end of the song replaced by the nearest that do not.

    There the signal is mirrored: the kink fills bins that the music leaves empty, and would be made loud.
    """
    if len(magnitude) <= 4 * EDGE_FRAMES:
        return magnitude
    result = magnitude.copy()
    if core.start == 0:
        result[:EDGE_FRAMES] = magnitude[EDGE_FRAMES]
    if core.stop == len(magnitude):
        result[-EDGE_FRAMES:] = magnitude[-EDGE_FRAMES - 1]
    return result


class _Aged:
    """The content as an era would have recorded it: the style of an era for the methods that need a recording."""

    def __init__(self, source: Source, era: Era, programme: float, seed: int) -> None:
        self._source, self._era, self._programme, self._seed = (
            source,
            era,
            max(programme, ABSOLUTE_GATE),
            seed,
        )
        self.name, self.sample_rate, self.channels = (
            f"{source.name} of the {era.name}",
            source.sample_rate,
            source.channels,
        )
        self.frames, self.duration = source.frames, source.duration

    def blocks(self) -> Iterator[Block]:
        return age_blocks(
            self._source.blocks(),
            self.channels,
            self.sample_rate,
            self._era,
            1.0,
            self._seed,
            self._programme,
        )


def _source(recording: object) -> Source:
    if isinstance(recording, Audio | AudioFile):
        return recording
    if isinstance(recording, str | os.PathLike):
        return AudioFile(recording)
    raise StyleError(f"cannot use {type(recording).__name__} as a recording: give Audio or a path")


def _rising(progress: Progress) -> Progress:
    """Never report less than before: the descent starts anew with every chunk."""
    highest = 0.0

    def report(fraction: float, message: str) -> None:
        nonlocal highest
        highest = max(highest, fraction)
        progress(highest, message)

    return report


def _check_strength(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise StyleError(f"strength must be between 0 and 1, not {strength}")
