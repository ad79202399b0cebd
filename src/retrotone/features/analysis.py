"""The analysis of a track: all that genre and similarity need, computed once and stored."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrotone.audio.audio import Audio, load, open_recording
from retrotone.audio.clicks import mended
from retrotone.audio.files import AudioFile
from retrotone.audio.listening import listen_to
from retrotone.dsp.filterbanks import N_CHROMA
from retrotone.dsp.loudness import LoudnessMeter
from retrotone.errors import AnalysisError, AudioError
from retrotone.features import audioset, musicnn
from retrotone.features.gtzan import COLUMNS, FINGERPRINT_BANDS, middle_of, timbre
from retrotone.features.tags import ranked_tags
from retrotone.features.tempo import TEMPI
from retrotone.progress import Progress, bar_in_notebooks, part, silent
from retrotone.utils.text import clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# analyses of different versions cannot be compared
VERSION = 4
# Frames from patch to patch, 5 s, which makes 6 patches a clip. The published taggrams of GTZAN have one a second, 28 a
# clip, which takes five times as long: over folds of artists, nearest neighbours share a genre in .793 of cases by 28
# patches, in .788 by 6 (docs/library.md).
HOP = 312
# the length of GTZAN's clips: each excerpt has their statistics
EXCERPTS, EXCERPT_SECONDS = 3, 30.0
# shorter recordings are analysed from end to end
SHORT_SECONDS = EXCERPTS * EXCERPT_SECONDS
# see `gtzan.timbre`
SEPARATED_SECONDS = 5.0
# musicnn's tags depend on level. Nine tenths of the validation clips of GTZAN lie between -29 and -13 LUFS. Recordings
# outside of this range are brought to STANDARD_LUFS.
USUAL_LUFS, STANDARD_LUFS = (-30.0, -11.0), -17.0
# Quieter recordings hold nothing but noise: that of 16-bit dither is 1.5e-5, music at -80 LUFS is about 1e-4.
SILENT_RMS = 4e-5
# The gate of BS.1770 passes nothing below -70 LUFS. A recording as quiet as that is measured louder by so many dB.
RAISED_DB = 60.0
# of the tags, in a notebook
TAGS_SHOWN = 8
# shorter recordings tell too little of how they sound
LEAST_SECONDS = 1.0


@dataclass(frozen=True, eq=False)
class Analysis:
    """What is known of a track. A part that is None is unknown; nothing is made up in its place.

    Attributes
    ----------
    taggram : ndarray, shape (patches, 50), float32, or None
        How likely each of `musicnn.LABELS` is, patch by patch of 3 s.
    times : ndarray, shape (patches,), float32, or None
        Where in the track each patch starts, in seconds.
    excerpt : ndarray, shape (patches,), int64, or None
        Which excerpt each patch lies in, counted from 0.
    embedding : ndarray, shape (200,), float32, or None
        The layer before musicnn's output, the mean over patches. Storing it for each patch would more than double
        the size of an analysis.
    columns : ndarray, shape (57,), float64, or None
        GTZAN's columns (`gtzan.COLUMNS`).
    chroma : ndarray, shape (12,), float32, or None
        How strong each pitch class is on average, C first: by it and the fingerprint copies are known.
    fingerprint : ndarray, shape (steps, 24), float16, or None
        How loud each band is beside the others from one quarter of a second to the next, in dB: see `gtzan.Timbre`.
        By it two copies of a recording are known.
    pitch_classes : ndarray, shape (12,), float32, or None
        What stands out among neighbouring semitones, C first: see `key.key_of`.
    pulse : ndarray, shape (210,), float16, or None
        How well each of `tempo.TEMPI` fits the onsets: see `tempo.tempo_of`.
    sounds : ndarray, shape (crops, 527), float16, or None
        The second ear's logits (`audioset`), crop by crop of 2.5 s, four from the middle of each excerpt; None where
        only the first ear, musicnn, listened.
    duration : float or None
        Of the whole track, in seconds.
    loudness : float or None
        Integrated loudness of the excerpts in LUFS (BS.1770-5, with a lower gate where nothing passes that of -70);
        -inf for silence.
    version : int
        Analyses of different versions cannot be compared.

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
    fingerprint: NDArray[np.float16] | None = None
    pitch_classes: NDArray[np.float32] | None = None
    pulse: NDArray[np.float16] | None = None
    sounds: NDArray[np.float16] | None = None
    duration: float | None = None
    loudness: float | None = None
    version: int = VERSION

    def __repr__(self) -> str:
        known = [each.name for each in fields(self) if getattr(self, each.name) is not None]
        return f"<Analysis: {', '.join(known)}>"

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
            ("fingerprint", (-1, FINGERPRINT_BANDS), np.float16),
            ("pitch_classes", (N_CHROMA,), np.float32),
            ("pulse", (len(TEMPI),), np.float16),
            ("sounds", (-1, audioset.CLASSES), np.float16),
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
        cls, taggram: ArrayLike | None = None, embedding: ArrayLike | None = None, columns: ArrayLike | None = None
    ) -> Analysis:
        """Return an analysis from features that were computed elsewhere.

        Parameters
        ----------
        taggram : array_like, shape (patches, 50), optional
            Output of musicnn's MSD model, the tags in the order of `musicnn.LABELS`; for `GenreClassifier` with a hop
            of 62 frames, about one patch a second.
        embedding : array_like, shape (200,) or (patches, 200), optional
            The layer before the output of the same model; the mean over patches is kept.
        columns : array_like, shape (57,), optional
            In the order of `gtzan.COLUMNS`, which is that of ``features_30_sec.csv`` without ``filename``,
            ``length`` and ``label``.

        Raises
        ------
        AnalysisError
            No argument, a wrong shape, NaN or infinity, or likelihoods outside [0, 1].
        """
        if taggram is None and embedding is None and columns is None:
            raise AnalysisError("nothing is known of the track: give a taggram, an embedding or columns")
        if embedding is not None and np.ndim(embedding) == 2:
            embedding = _checked("embedding", embedding, (-1, musicnn.EMBEDDING), np.float32).mean(axis=0)
        return cls(taggram=taggram, embedding=embedding, columns=columns)  # type: ignore[arg-type]

    @property
    def excerpts(self) -> list[NDArray[np.float32]]:
        """The taggram of each excerpt, shape (patches, 50); the whole taggram if the excerpts are not known."""
        if self.taggram is None:
            return []
        if self.excerpt is None:
            return [self.taggram]
        return np.split(self.taggram, np.flatnonzero(np.diff(self.excerpt)) + 1)

    def _repr_html_(self) -> str:
        from retrotone.utils.templates import render_page

        rows = []
        if self.duration is not None:
            rows.append(("length", clock(self.duration)))
        if self.loudness is not None:
            rows.append(("loudness", f"{self.loudness:.1f} LUFS"))
        if self.taggram is not None:
            rows.append(("tags", ", ".join(list(ranked_tags(self.taggram))[:TAGS_SHOWN])))
        return render_page("notebook.html.j2", heading="Analysis", rows=rows, points=[], source="")

    def to_bytes(self) -> bytes:
        """Return the analysis in the safetensors format, which holds data only, nothing executable."""
        import safetensors.numpy

        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return safetensors.numpy.save({name: np.asarray(value) for name, value in known.items() if value is not None})

    @classmethod
    def from_bytes(cls, data: bytes) -> Analysis:
        """Return the analysis that `to_bytes` stored.

        Raises
        ------
        AnalysisError
            The bytes are damaged, no analysis, or of another version.
        """
        import safetensors.numpy

        try:
            parts: Mapping[str, NDArray[np.generic]] = safetensors.numpy.load(data)
            version = int(parts["version"])
        # safetensors raises its own errors, struct's and json's
        except Exception as error:
            raise AnalysisError("these bytes are no stored analysis, or damaged: run analyse again") from error
        numbers = {name: float(parts[name]) for name in ("duration", "loudness") if name in parts}
        arrays = {name: value for name, value in parts.items() if name not in {*numbers, "version"}}
        return cls(**arrays, **numbers, version=version)  # type: ignore[arg-type]


@bar_in_notebooks
def analyse(recording: Audio | AudioFile | str | os.PathLike[str], progress: Progress = silent) -> Analysis:
    """Compute what genre, similarity and a library need of a recording.

    Where the second ear was downloaded (`audioset`), it listens, too. Tags and embedding come from up to three
    excerpts of about 30 s, the length of a clip of GTZAN. A recording of up to 90 s is divided into one to
    three equal excerpts; of a longer one, the middle 30 s of each third are used, and found in a file by
    seeking. In each excerpt a patch of 3 s starts every 5 s. All else is that of the middle 30 s.

    A recording between -30 and -11 LUFS, the range of GTZAN, is analysed at its own level; a softer or louder one is
    first brought to -17 LUFS, since musicnn gives soft recordings the tags of quiet music. `Analysis.loudness` is the
    original loudness.

    Parameters
    ----------
    recording : Audio, AudioFile or path
        Any rate, one or two channels.
    progress : Progress
        Called after every patch.

    Returns
    -------
    Analysis

    Raises
    ------
    AudioError
        It is silent, lasts less than a second, or cannot be read; see `AudioFile`.
    """
    source = open_recording(recording)
    analysis = analyse_or_silence(source, progress)
    if analysis.taggram is None:
        raise AudioError(f"{source.name} is silent: there is nothing to analyse")
    return analysis


def analyse_or_silence(recording: Audio | AudioFile | str | os.PathLike[str], progress: Progress = silent) -> Analysis:
    """Do what `analyse` does, but of a silent recording return its duration and a loudness of -inf, nothing else."""
    source = open_recording(recording)
    duration, excerpts, middle = _excerpts(source)
    check_length(source.name, duration)
    sounds = [listen_to(audio) for _, audio in excerpts]
    loudness = _loudness([audio for _, audio in excerpts])
    if np.isinf(loudness) or all(is_silence(heard.samples) for heard in sounds):
        return Analysis(duration=duration, loudness=-np.inf)
    gain = 0.0 if USUAL_LUFS[0] <= loudness <= USUAL_LUFS[1] else STANDARD_LUFS - loudness
    patches = []
    for index, ((start, _), heard) in enumerate(zip(excerpts, sounds, strict=True)):
        stage = part(progress, index / len(excerpts), (index + 1) / len(excerpts))
        found = musicnn.listen(heard.gain(gain), HOP, stage)
        patches.append(found._replace(times=found.times + np.float32(start)))
    second = None if audioset.path() is None else [audioset.listen(heard.gain(gain)) for heard in sounds]
    known = (heard for (_, audio), heard in zip(excerpts, sounds, strict=True) if audio is middle)
    sound = timbre((next(known, None) or listen_to(middle)).gain(gain), SEPARATED_SECONDS)
    return Analysis(
        taggram=np.concatenate([found.tags for found in patches]),
        times=np.concatenate([found.times for found in patches]),
        excerpt=np.repeat(np.arange(len(patches)), [len(found.times) for found in patches]),
        embedding=np.concatenate([found.embedding for found in patches]).mean(axis=0),
        columns=sound.columns,
        chroma=sound.chroma,
        fingerprint=sound.fingerprint.astype(np.float16),
        pitch_classes=sound.pitch_classes,
        pulse=sound.pulse,
        sounds=None if second is None else np.concatenate(second),
        duration=duration,
        loudness=loudness,
    )


def check_length(name: str, seconds: float) -> None:
    """Raise AudioError if a recording lasts less than a second."""
    if seconds < LEAST_SECONDS:
        raise AudioError(f"{name} is {round(seconds, 3):g} s long: too short to tell how it sounds")


def is_silence(samples: NDArray[np.float32]) -> bool:
    """Tell whether what is heard of a recording, any shape, is no louder than the noise of 16 bits."""
    return float(np.vdot(samples, samples)) < SILENT_RMS**2 * samples.size


def _loudness(excerpts: Sequence[Audio]) -> float:
    """Return the integrated loudness of excerpts together in LUFS, -inf if they hold nothing but zeros."""
    for raised_db in (0.0, RAISED_DB):
        meter = LoudnessMeter(excerpts[0].channels, excerpts[0].sample_rate)
        for audio in excerpts:
            for block in audio.blocks():
                meter.add(block * np.float32(10 ** (raised_db / 20)) if raised_db else block)
        if np.isfinite(meter.integrated):
            return meter.integrated - raised_db
    return -np.inf


def _excerpts(source: Audio | AudioFile) -> tuple[float, list[tuple[float, Audio]], Audio]:
    """Return the duration of a recording, start and sound of each excerpt, and the sound of its middle.

    All times are in seconds.
    """
    if isinstance(source, AudioFile):
        duration, name, rate = source.duration, source.name, source.sample_rate
        for _ in range(2):
            if duration < SHORT_SECONDS:
                break
            starts = _starts(duration)
            cuts = [source.excerpt(start, EXCERPT_SECONDS) for start in starts]
            if cuts[-1].shape[1] > 0.9 * EXCERPT_SECONDS * rate:
                excerpts = [(start, Audio(cut, rate, name)) for start, cut in zip(starts, cuts, strict=True)]
                return duration, excerpts, excerpts[EXCERPTS // 2][1]
            # the header states more than there is: count the frames
            duration = sum(block.shape[1] for block in source.blocks()) / rate
        # twice the limit: the header of a short recording may estimate too little
        source = load(source, 2 * SHORT_SECONDS)
    else:
        source = source.with_samples(mended(source.samples)[0])
    starts = _starts(source.duration)
    length = min(source.duration / len(starts), EXCERPT_SECONDS)
    return source.duration, [(start, source.slice(start, start + length)) for start in starts], middle_of(source)


def _starts(duration: float) -> list[float]:
    """Return the starts of the excerpts in seconds: each lies in the middle of one of one to three equal parts."""
    count = min(max(round(duration / EXCERPT_SECONDS), 1), EXCERPTS)
    length = min(duration / count, EXCERPT_SECONDS)
    return [(index + 0.5) * duration / count - length / 2 for index in range(count)]


def _checked(name: str, value: ArrayLike, shape: tuple[int, ...], dtype: type) -> NDArray[np.generic]:
    """Return an array of a shape, in which -1 stands for one or more; AnalysisError if it has another."""
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
