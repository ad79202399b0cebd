"""Time to classify a genre, beside librosa's for GTZAN's 57 columns and for reading the file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np

import retrotone as rt
from benchmarks.page import Page
from retrotone.dsp.stft import STUDY_RATE
from retrotone.features.gtzan import COLUMNS
from retrotone.utils.threads import one_thread

CLIP_SECONDS, SONG_SECONDS = 30, 240
REPEATS = 3


@dataclass(frozen=True)
class GenreSpeed:
    """Seconds of one core, once everything is loaded.

    Attributes
    ----------
    clip, librosa_columns : float
        The genre of a clip of 30 s, and librosa's 57 columns of it.
    song, librosa_load : float
        The genre of an MP3 of 4 minutes, and `librosa.load` of it, without which no column can be had.
    """

    clip: float
    librosa_columns: float
    song: float
    librosa_load: float


def measure_genre(audio: rt.Audio) -> GenreSpeed:
    """Time both on the same files: the audio over and over, stereo at 44.1 kHz, 30 s as WAV and 4 minutes as MP3."""
    classifier = rt.GenreClassifier.from_pretrained()
    audio = audio.resample(44_100)
    with tempfile.TemporaryDirectory() as folder, one_thread():
        clip, song = (
            audio.with_samples(np.resize(audio.samples[0], (2, seconds * audio.sample_rate))).save(Path(folder) / name)
            for name, seconds in (("clip.wav", CLIP_SECONDS), ("song.mp3", SONG_SECONDS))
        )
        return GenreSpeed(
            clip=_seconds(lambda: classifier.answer(clip)),
            librosa_columns=_seconds(lambda: librosa_columns(clip)),
            song=_seconds(lambda: classifier.answer(song)),
            librosa_load=_seconds(lambda: librosa.load(song, sr=STUDY_RATE)),
        )


def page(speed: GenreSpeed) -> Page:
    """Return the section."""
    return Page(f"""## Genre

Processor seconds once everything is loaded, one thread, files read included; librosa on the same files in the same run.

| | seconds |
|---|---|
| 30 s clip: its genre | {speed.clip:.2f} |
| librosa: the clip's 57 columns alone | {speed.librosa_columns:.2f} |
| MP3 of 4 minutes: its genre | {speed.song:.2f} |
| `librosa.load` of that MP3 alone | {speed.librosa_load:.2f} |

- a genre, columns included, comes **{speed.librosa_columns / speed.clip:.1f} times sooner** than librosa's columns
- of a long song, in {speed.song / speed.librosa_load:.1f} times what librosa needs to read it
""")


def librosa_columns(path: Path) -> np.ndarray:
    """Return GTZAN's 57 columns by librosa alone, as the published table was made."""
    y, sr = librosa.load(path, sr=STUDY_RATE)
    harmony, percussive = librosa.effects.hpss(y)
    features = (
        librosa.feature.chroma_stft(y=y, sr=sr),
        librosa.feature.rms(y=y),
        librosa.feature.spectral_centroid(y=y, sr=sr),
        librosa.feature.spectral_bandwidth(y=y, sr=sr),
        librosa.feature.spectral_rolloff(y=y, sr=sr),
        librosa.feature.zero_crossing_rate(y),
        harmony,
        percussive,
    )
    moments = [moment for values in features for moment in (values.mean(), values.var())]
    tempo, _ = librosa.beat.beat_track(y=y, sr=sr)
    cepstrum = librosa.feature.mfcc(y=y, sr=sr)
    cepstral = np.stack([cepstrum.mean(axis=1), cepstrum.var(axis=1)], axis=1).ravel()
    columns = np.concatenate([moments, np.atleast_1d(tempo), cepstral])
    assert len(columns) == len(COLUMNS)
    return columns


def _seconds(work: Callable[[], object]) -> float:
    """Return the median of processor seconds, which other work on the machine disturbs least."""
    work()  # loads and compiles
    times = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return float(np.median(times))
