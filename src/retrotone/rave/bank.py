"""Banks: records as a model encodes them, and where a walk among them may enter and leave."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import Audio
from retrotone.audio.files import AudioFile
from retrotone.audio.listening import listen_to
from retrotone.dsp.filterbanks import chroma_filters
from retrotone.dsp.stft import OVERLAP, stft
from retrotone.errors import AudioError
from retrotone.progress import Progress, silent
from retrotone.rave.beats import beats
from retrotone.rave.levels import at_loudness
from retrotone.types import Latent, Source
from retrotone.utils.files import write_whole

# beats and harmony are found at this rate in Hz, in frames of this many samples
RATE, N_FFT = 22_050, 2048
HOP = N_FFT // OVERLAP
# from one cut to the next in a record without a beat
CUT_SECONDS = 0.5
# before a cut, whose harmony is that of so long
HARMONY_SECONDS = 0.5
# 8 bits a number, in steps that grow with it (as in ITU-T G.711), since most numbers of detail are small
LEVELS, COMPANDING = 127, 50.0
# of the records that a user names: so many, the middle of each, all at one loudness in LUFS
MOST_RECORDS, RECORD_SECONDS, RECORD_LUFS = 40, 60.0, -18.0


@dataclass(frozen=True, eq=False)
class Record:
    """A record as a model encodes it.

    Attributes
    ----------
    name : str
    latent : ndarray, shape (dimensions, frames)
        With the latents of detail, where the model has them.
    cuts : ndarray, shape (cuts,)
        Frames at which it may be entered and left: its beats, or one every half second where it has no clear beat.
    beat : bool
        Whether the cuts are beats.
    harmony : ndarray, shape (cuts, 12)
        Mean chroma of the half second before each cut, of length 1; zeros in silence.
    """

    name: str
    latent: Latent
    cuts: NDArray[np.int64]
    beat: bool
    harmony: NDArray[np.float32]

    @classmethod
    def of(cls, audio: Audio, latent: Latent, frame_rate: float) -> Record:
        """Return a record.

        Parameters
        ----------
        audio : Audio
        latent : ndarray, shape (dimensions, frames)
            Its encoding.
        frame_rate : float
            Frames of the encoding per second.
        """
        samples = listen_to(audio).resample(RATE).samples
        spectrum = np.concatenate(list(stft([samples], N_FFT)), axis=1)[0]
        # the frames whose middle is a multiple of HOP, shape (frames, bins)
        power = np.square(np.abs(spectrum[1 : 2 + samples.shape[1] // HOP]))
        at = beats(power, RATE, HOP)
        beat = len(at) > 0
        if not beat:
            at = np.round(np.arange(0.0, audio.duration, CUT_SECONDS) * RATE / HOP).astype(np.int64)
        chroma = power @ chroma_filters(RATE, N_FFT, tuning=0.0).T
        chroma /= np.maximum(chroma.max(axis=1, keepdims=True), 1e-9)
        sums = np.pad(np.cumsum(chroma, axis=0), ((1, 0), (0, 0)))
        harmony = sums[at] - sums[np.maximum(at - round(HARMONY_SECONDS * RATE / HOP), 0)]
        harmony /= np.maximum(np.linalg.norm(harmony, axis=1, keepdims=True), 1e-9)
        cuts = np.round(at * (HOP / RATE * frame_rate)).astype(np.int64)
        return cls(audio.name, latent, cuts, beat, harmony.astype(np.float32))


@dataclass(frozen=True)
class Bank:
    """Records that one model has encoded.

    Attributes
    ----------
    records : tuple of Record
    """

    records: tuple[Record, ...]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the bank in the safetensors format, its latents in 8 bits a number.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        import safetensors.numpy

        latent = np.concatenate([record.latent for record in self.records], axis=1)
        scale = np.maximum(np.abs(latent).max(axis=1), 1e-9)[:, None]
        compressed = np.log1p(COMPANDING * np.abs(latent) / scale) / np.log1p(COMPANDING)
        tensors = {
            "codes": np.round(LEVELS * np.sign(latent) * compressed).astype(np.int8),
            "scale": scale.astype(np.float32),
            "frames": np.array([record.latent.shape[1] for record in self.records]),
            "cuts": np.concatenate([record.cuts for record in self.records]),
            "cut_counts": np.array([len(record.cuts) for record in self.records]),
            "beat": np.array([record.beat for record in self.records]),
            "harmony": np.concatenate([record.harmony for record in self.records]),
        }
        names = json.dumps([record.name for record in self.records])
        write_whole(path, safetensors.numpy.save(tensors, {"names": names}))
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Bank:
        """Read a bank that `save` wrote."""
        from safetensors import safe_open

        with safe_open(path, "numpy") as file:
            names = json.loads(file.metadata()["names"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        compressed = np.abs(np.arange(-LEVELS - 1, LEVELS + 1)) / LEVELS
        levels = np.sign(np.arange(-LEVELS - 1, LEVELS + 1)) * np.expm1(compressed * np.log1p(COMPANDING)) / COMPANDING
        latent = tensors["scale"] * levels.astype(np.float32)[tensors["codes"].astype(np.int64) + LEVELS + 1]
        frames, cuts = (
            [slice(*ends) for ends in pairwise(np.cumsum([0, *tensors[name]]).tolist())]
            for name in ("frames", "cut_counts")
        )
        return cls(
            tuple(
                Record(name, latent[:, frames[i]], tensors["cuts"][cuts[i]], bool(beat), tensors["harmony"][cuts[i]])
                for i, (name, beat) in enumerate(zip(names, tensors["beat"], strict=True))
            )
        )


def encoded(
    recordings: Sequence[Source],
    encode: Callable[[Audio], Latent],
    frame_rate: float,
    seed: int,
    progress: Progress = silent,
) -> Bank:
    """Encode records.

    Parameters
    ----------
    recordings : sequence of Audio or AudioFile
        The middle minute of each is used, and of more than 40 records a choice; silent ones are left out.
    encode : callable
        Returns the latents of a record, shape (dimensions, frames).
    frame_rate : float
        Frames of the latents per second.
    seed : int
        Of the choice.
    progress : Progress

    Raises
    ------
    AudioError
        All are silent, or one cannot be read.
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(recordings))[:MOST_RECORDS])
    records = []
    for done, number in enumerate(chosen.tolist()):
        source = recordings[number]
        progress(done / len(chosen), f"encoding {Path(source.name).name}")
        start = max(source.duration - RECORD_SECONDS, 0.0) / 2
        if isinstance(source, AudioFile):
            excerpt = Audio(source.excerpt(start, RECORD_SECONDS), source.sample_rate, source.name)
        else:
            excerpt = source.slice(start, start + RECORD_SECONDS)
        if not excerpt.is_silent:
            excerpt = at_loudness(excerpt, RECORD_LUFS)
            records.append(Record.of(excerpt, encode(excerpt), frame_rate))
    if not records:
        raise AudioError("there is no sound in any of the records: name others")
    return Bank(tuple(records))
