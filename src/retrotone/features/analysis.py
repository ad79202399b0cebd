"""Analysis: what is known of a track, computed once and storable; genre and similarity need nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrotone.audio.audio import Audio, load, open_recording
from retrotone.audio.files import AudioFile
from retrotone.dsp.filterbanks import N_CHROMA
from retrotone.dsp.loudness import LoudnessMeter
from retrotone.errors import AnalysisError
from retrotone.features import musicnn
from retrotone.features.gtzan import COLUMNS, COURSE_BANDS, timbre
from retrotone.progress import Progress, part, silent

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 2  # of what `analyse` computes: others' numbers are not to be compared with ours
# Frames from patch to patch, 5 s. The published taggrams of GTZAN have one a second, five times the work: over folds of
# artists neighbours are of one genre in .793 of cases by those 28 a clip, in .788 by 6 (docs/library.md).
HOP = 312
EXCERPTS, EXCERPT_SECONDS = 3, 30.0  # the length of GTZAN's clips: each excerpt has their statistics
SHORT = EXCERPTS * EXCERPT_SECONDS  # below, a recording is heard from end to end
PARTED_SECONDS = 5.0  # for the columns of the harmonic and the percussive part: see `columns.timbre`
# musicnn's tags depend on level. Nine tenths of the validation clips of GTZAN lie between -29 and -13 LUFS.
LEVELS, LEVEL = (-30.0, -11.0), -17.0  # LUFS: what is louder or softer is heard at LEVEL


@dataclass(frozen=True, eq=False)
class Analysis:
    """What is known of a track. A part that is None is not known, and nothing takes its place.

    Attributes
    ----------
    taggram : ndarray, shape (patches, 50), float32, or None
        How likely each of `musicnn.LABELS` is, patch by patch of 3 s.
    times : ndarray, shape (patches,), float32, or None
        Where in the track each patch starts, in seconds.
    excerpt : ndarray, shape (patches,), int64, or None
        Which excerpt each patch was heard in, counted from 0.
    embedding : ndarray, shape (200,), float32, or None
        musicnn's last layer but one, the mean over patches. By patches it would more than double what is kept of a
        song.
    columns : ndarray, shape (57,), float64, or None
        GTZAN's columns (`columns.COLUMNS`).
    chroma : ndarray, shape (12,), float32, or None
        How strong each pitch class is on average, C first: see `key.key_of`.
    course : ndarray, shape (steps, 24), float16, or None
        How loud each band is beside the others from one quarter of a second to the next, in dB: see `columns.Timbre`.
        By it two copies of a recording are known.
    duration : float or None
        Of the whole track, in seconds.
    loudness : float or None
        Integrated, in LUFS (BS.1770-5), of what was heard; -inf for silence.
    version : int
        Of the analysis; other versions are not to be compared with it.

    Raises
    ------
    AnalysisError
        A wrong shape, NaN or infinity, likelihoods outside [0, 1], or another version.
    """

    taggram: NDArray[np.float32] | None = None
    times: NDArray[np.float32] | None = None
    excerpt: NDArray[np.int64] | None = None
    embedding: NDArray[np.float32] | None = None
    columns: NDArray[np.float64] | None = None
    chroma: NDArray[np.float32] | None = None
    course: NDArray[np.float16] | None = None
    duration: float | None = None
    loudness: float | None = None
    version: int = VERSION

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise AnalysisError(
                f"an analysis of version {self.version} is not comparable to version {VERSION}: run analyse again"
            )
        for name, shape, dtype in (
            ("taggram", (-1, len(musicnn.LABELS)), np.float32),
            ("times", (-1,), np.float32),
            ("excerpt", (-1,), np.int64),
            ("embedding", (musicnn.EMBEDDING,), np.float32),
            ("columns", (len(COLUMNS),), np.float64),
            ("chroma", (N_CHROMA,), np.float32),
            ("course", (-1, COURSE_BANDS), np.float16),
        ):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _checked(name, value, shape, dtype))
        if self.taggram is not None and (self.taggram.min() < 0 or self.taggram.max() > 1):
            raise AnalysisError("a taggram holds likelihoods in [0, 1], before any logarithm or logit")
        for name, marks in (("times", self.times), ("excerpt", self.excerpt)):
            if marks is not None and (self.taggram is None or len(marks) != len(self.taggram)):
                raise AnalysisError(f"{name} go with a taggram, one for each of its patches")

    @classmethod
    def from_arrays(
        cls,
        taggram: ArrayLike | None = None,
        embedding: ArrayLike | None = None,
        columns: ArrayLike | None = None,
    ) -> Analysis:
        """Return an analysis of what was computed elsewhere.

        Parameters
        ----------
        taggram : array_like, shape (patches, 50), optional
            Of musicnn's MSD model, its tags in the order of `musicnn.LABELS`; for `GenreClassifier` at a hop of 62
            frames, about a patch a second.
        embedding : array_like, shape (200,) or (patches, 200), optional
            Of the same model; of patches the mean is kept.
        columns : array_like, shape (57,), optional
            In the order of `columns.COLUMNS`, which is that of ``features_30_sec.csv`` without ``filename``,
            ``length`` and ``label``.

        Raises
        ------
        AnalysisError
            Nothing given, a wrong shape, NaN or infinity, or likelihoods outside [0, 1].
        """
        if taggram is None and embedding is None and columns is None:
            raise AnalysisError("nothing is known of the track: give a taggram, an embedding or columns")
        if embedding is not None and np.ndim(embedding) == 2:
            embedding = _checked("embedding", embedding, (-1, musicnn.EMBEDDING), np.float32).mean(axis=0)
        return cls(taggram=taggram, embedding=embedding, columns=columns)  # type: ignore[arg-type]

    @property
    def excerpts(self) -> list[NDArray[np.float32]]:
        """The taggram by the excerpts it was heard in, each (patches, 50); one where they are not known."""
        if self.taggram is None:
            return []
        if self.excerpt is None:
            return [self.taggram]
        return np.split(self.taggram, np.flatnonzero(np.diff(self.excerpt)) + 1)

    def to_bytes(self) -> bytes:
        """Return it in safetensors' format: nothing in it can be executed."""
        import safetensors.numpy

        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return safetensors.numpy.save(
            {name: np.asarray(value) for name, value in known.items() if value is not None}
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Analysis:
        """Return what `to_bytes` gave.

        Raises
        ------
        AnalysisError
            Damaged, something else, or another version.
        """
        import safetensors.numpy

        try:
            parts: Mapping[str, NDArray[np.generic]] = safetensors.numpy.load(data)
            version = int(parts["version"])
        except Exception as error:  # safetensors raises its own, struct's and json's
            raise AnalysisError(
                "these bytes are no stored analysis, or damaged: run analyse again"
            ) from error
        numbers = {name: float(parts[name]) for name in ("duration", "loudness") if name in parts}
        names = ("taggram", "times", "excerpt", "embedding", "columns", "chroma", "course")
        arrays = {name: parts[name] for name in names if name in parts}
        return cls(**arrays, **numbers, version=version)  # type: ignore[arg-type]


def analyse(recording: Audio | AudioFile | str | os.PathLike[str], progress: Progress = silent) -> Analysis:
    """Listen to a recording and tell what genre, similarity and a library need.

    Up to 90 s are heard from end to end, in one to three equal excerpts of about 30 s. Of more, three excerpts of 30 s
    are heard, in the middle of each third; in a file they are found by seeking. An excerpt is like a clip of GTZAN, so
    that a long song has its statistics three times (`Analysis.excerpts`): a patch of 3 s starts every 5 s. Columns
    and chroma are those of the middle 30 s.

    Music is heard at its own level where GTZAN has such levels, and at -17 LUFS where it is softer or louder than
    that: a transfer 20 dB too low would have the tags of quieter music. `Analysis.loudness` tells what it was.

    Parameters
    ----------
    recording : Audio, AudioFile or path
        Any rate, one or two channels.
    progress : Progress
        Told which excerpt is being heard.

    Raises
    ------
    AudioError, MissingExtraError
        See `AudioFile`.
    """
    source = open_recording(recording)
    meter = LoudnessMeter(source.channels, source.sample_rate)
    heard = []
    duration, excerpts, middle = _excerpts(source)
    for _, audio in excerpts:
        for block in audio.blocks():
            meter.add(block)
    loudness = meter.integrated
    level = loudness if np.isinf(loudness) or LEVELS[0] <= loudness <= LEVELS[1] else LEVEL
    for index, (start, audio) in enumerate(excerpts):
        stage = part(progress, index / len(excerpts), (index + 1) / len(excerpts))
        patches = musicnn.listen(audio if level == loudness else audio.gain(level - loudness), HOP, stage)
        heard.append(patches._replace(times=patches.times + np.float32(start)))
    sound = timbre(middle, PARTED_SECONDS)
    return Analysis(
        taggram=np.concatenate([patches.tags for patches in heard]),
        times=np.concatenate([patches.times for patches in heard]),
        excerpt=np.repeat(np.arange(len(heard)), [len(patches.times) for patches in heard]),
        embedding=np.concatenate([patches.embedding for patches in heard]).mean(axis=0),
        columns=sound.columns,
        chroma=sound.chroma,
        course=sound.course.astype(np.float16),
        duration=duration,
        loudness=loudness,
    )


def _excerpts(source: Audio | AudioFile) -> tuple[float, list[tuple[float, Audio]], Audio]:
    """Return how long a recording is, where each excerpt starts, with its sound, and sound with the middle."""
    if isinstance(source, AudioFile):
        duration, name, rate = source.duration, source.name, source.sample_rate
        for _ in range(2):
            if duration < SHORT:
                break
            starts = _starts(duration)
            cuts = [source.excerpt(start, EXCERPT_SECONDS) for start in starts]
            if cuts[-1].shape[1] > 0.9 * EXCERPT_SECONDS * rate:
                excerpts = [(start, Audio(cut, rate, name)) for start, cut in zip(starts, cuts, strict=True)]
                return duration, excerpts, excerpts[EXCERPTS // 2][1]
            # the header promises too much: it was cut off, or lies
            duration = sum(block.shape[1] for block in source.blocks()) / rate
        source = load(source, 2 * SHORT)  # whole: a header may estimate too little
    starts = _starts(source.duration)
    length = min(source.duration / len(starts), EXCERPT_SECONDS)
    return source.duration, [(start, source.slice(start, start + length)) for start in starts], source


def _starts(duration: float) -> list[float]:
    """Return where the excerpts of a recording start: the same stretch of each of its equal parts, in seconds."""
    count = min(max(round(duration / EXCERPT_SECONDS), 1), EXCERPTS)
    length = min(duration / count, EXCERPT_SECONDS)
    return [(index + 0.5) * duration / count - length / 2 for index in range(count)]


def _checked(name: str, value: ArrayLike, shape: tuple[int, ...], dtype: type) -> NDArray[np.generic]:
    """Return an array of the wanted shape, where -1 stands for one or more, or raise AnalysisError."""
    try:
        array: NDArray[np.generic] = np.asarray(value, dtype)
    except (TypeError, ValueError) as error:
        raise AnalysisError(f"{name} is no array of numbers: {type(value).__name__}") from error
    if array.ndim != len(shape) or any(
        size == 0 or wanted not in (-1, size) for size, wanted in zip(array.shape, shape, strict=True)
    ):
        wanted = ", ".join("patches" if size == -1 else str(size) for size in shape)
        raise AnalysisError(f"{name} has shape {array.shape}: it needs ({wanted})")
    if not np.isfinite(array).all():
        raise AnalysisError(f"{name} holds NaN or infinity: compute it again")
    return array
