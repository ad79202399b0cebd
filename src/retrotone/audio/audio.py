"""`Audio`, a recording in memory, and functions on streams of its blocks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrotone.audio.clicks import largest
from retrotone.audio.files import BLOCK_FRAMES, MAX_CHANNELS, AudioFile, check_finite, check_shape, first_frames
from retrotone.audio.resampling import resampled
from retrotone.audio.tags import Tags
from retrotone.audio.writing import AudioWriter
from retrotone.dsp.loudness import LoudnessMeter, PeakMeter
from retrotone.errors import AudioError
from retrotone.types import Block
from retrotone.utils.logs import log

# -1 dBTP, EBU R 128 (2023)
PEAK_CEILING = 10 ** (-1 / 20)
# what a message would call 0.0 dB is not worth one
LEAST_WARNED_DB = 0.05
# -100 dBFS: below the noise of 16 bits
SILENCE = 1e-5
# of a 16-bit sample
FULL_SCALE_16 = 32_767.0


@dataclass(frozen=True, eq=False)
class Audio:
    """A recording in memory.

    Parameters
    ----------
    samples : array_like, shape (channels, frames) or (frames,)
        Kept as float32, full scale at 1.0; one or two channels. A float32 array is shared, not copied: pass
        a copy if you will change it afterwards. No method changes `samples`.
    sample_rate : int
        In Hz, 8,000 to 192,000.
    name : str
        What messages call it.

    Raises
    ------
    AudioError
        No samples, over two channels, integer, NaN or infinite samples, or a rate out of range.

    Examples
    --------
    >>> time = np.arange(44_100) / 44_100
    >>> tone = Audio(0.5 * np.sin(2 * np.pi * 440 * time), 44_100)
    >>> tone.channels, tone.frames, tone.duration
    (1, 44100, 1.0)
    >>> tone.slice(0.25, 0.5).resample(22_050).samples.shape
    (1, 5513)
    >>> round(tone.gain(-6).peak, 3)
    0.251
    """

    samples: Block
    sample_rate: int
    name: str = "audio"

    def __repr__(self) -> str:
        channels = "stereo" if self.channels == 2 else "mono"
        return f"Audio({self.name!r}, {self.duration:.1f} s, {channels}, {self.sample_rate:,} Hz)"

    def __post_init__(self) -> None:
        samples = np.atleast_2d(np.asarray(self.samples))
        if samples.ndim != 2 or samples.shape[0] > MAX_CHANNELS >= samples.shape[1] > 0:
            raise AudioError(f"{self.name}: samples have shape {samples.shape}: transpose them to (channels, frames)")
        # full scale is unknown: 16-bit samples in 32-bit integers are common
        if samples.dtype.kind in "iu":
            raise AudioError(f"{self.name}: samples are integers: divide them by full scale, 32768 for 16 bits")
        samples = samples.astype(np.float32, copy=False)
        check_shape(self.name, samples.shape[0], samples.shape[1], self.sample_rate)
        check_finite(self.name, samples)
        object.__setattr__(self, "samples", samples)

    @property
    def channels(self) -> int:
        """1 for mono, 2 for stereo."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Samples per channel."""
        return int(self.samples.shape[1])

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.sample_rate

    @property
    def peak(self) -> float:
        """Largest absolute sample."""
        return largest(self.samples)

    @property
    def is_silent(self) -> bool:
        """True if the peak is below -100 dBFS."""
        return self.peak < SILENCE

    @property
    def loudness(self) -> float:
        """Integrated loudness in LUFS (ITU-R BS.1770-5); -inf for silence."""
        meter = LoudnessMeter(self.channels, self.sample_rate)
        for block in self.blocks():
            meter.add(block)
        return meter.integrated

    @property
    def true_peak(self) -> float:
        """Inter-sample peak, linear (ITU-R BS.1770-5 Annex 2)."""
        meter = PeakMeter(self.channels)
        for block in self.blocks():
            meter.add(block)
        return meter.finish()

    def blocks(self) -> Iterator[Block]:
        """Yield the samples in blocks of shape (channels, n), as `AudioFile.blocks` does."""
        for start in range(0, self.frames, BLOCK_FRAMES):
            yield self.samples[:, start : start + BLOCK_FRAMES]

    def with_samples(self, samples: ArrayLike) -> Audio:
        """Return the same recording with other samples."""
        return replace(self, samples=np.asarray(samples, np.float32))

    def mono(self) -> Audio:
        """Return the mean of the channels, shape (1, frames)."""
        return self if self.channels == 1 else self.with_samples(folded(self.samples))

    def resample(self, sample_rate: int) -> Audio:
        """Return the recording at another rate, equally long to half a sample (soxr, high quality)."""
        if sample_rate == self.sample_rate:
            return self
        samples = np.concatenate(list(resampled(self.blocks(), self.channels, self.sample_rate, sample_rate)), axis=1)
        return replace(self, samples=samples, sample_rate=sample_rate)

    def slice(self, start: float = 0.0, stop: float | None = None) -> Audio:
        """Return the part between two times in seconds; AudioError if nothing lies between them."""
        first = max(round(start * self.sample_rate), 0)
        last = self.frames if stop is None else round(stop * self.sample_rate)
        if first >= min(last, self.frames):
            end = "its end" if stop is None else f"{stop:g} s"
            raise AudioError(f"{self.name} lasts {self.duration:g} s: nothing lies between {start:g} s and {end}")
        return self.with_samples(self.samples[:, first:last])

    def trim(self, threshold_db: float = -60.0) -> Audio:
        """Return the recording without leading and trailing silence.

        Parameters
        ----------
        threshold_db : float
            Samples below this level, relative to the peak, count as silence. A silent recording stays whole.
        """
        loud = np.flatnonzero(np.abs(self.samples).max(axis=0) > self.peak * 10 ** (threshold_db / 20))
        return self if len(loud) == 0 else self.with_samples(self.samples[:, loud[0] : loud[-1] + 1])

    def fade(self, seconds_in: float = 0.01, seconds_out: float = 0.01) -> Audio:
        """Return the recording with raised-cosine fades at both ends, each at most the whole length."""
        gain = np.ones(self.frames, np.float32)
        for seconds, ends in ((seconds_in, slice(None)), (seconds_out, slice(None, None, -1))):
            n = min(round(seconds * self.sample_rate), self.frames)
            gain[ends][:n] *= (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / max(n, 1))).astype(np.float32)
        return self.with_samples(self.samples * gain)

    def gain(self, decibels: float) -> Audio:
        """Return the recording louder or softer."""
        if decibels == 0:
            return self
        return self.with_samples(self.samples * np.float32(10 ** (decibels / 20)))

    def with_loudness(self, lufs: float) -> Audio:
        """Return the recording at an integrated loudness in LUFS; silence stays silence."""
        now = self.loudness
        return self if np.isinf(now) else self.gain(lufs - now)

    def save(
        self,
        path: str | os.PathLike[str],
        bit_depth: int | None = None,
        quality: float | None = None,
        tags: Tags | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the recording to a file; the suffix chooses the format (.wav .flac .aiff .ogg .opus .mp3).

        If its true peak is above -1 dBTP it is turned down, with one line in the log; a lossy codec may raise the peak
        again. The file appears whole or not at all, and the same samples give the same bytes.

        Parameters
        ----------
        path : path-like
            File to write.
        bit_depth, quality, tags, overwrite
            As in `AudioWriter`.

        Returns
        -------
        Path
            `path`.

        Raises
        ------
        OutputError
            See `AudioWriter`.
        """
        with AudioWriter(path, self.channels, self.sample_rate, bit_depth, quality, tags, overwrite) as writer:
            gain = headroom_gain(self.true_peak, str(path))
            for block in self.blocks():
                writer.write(block * gain)
        return Path(path)

    def _repr_html_(self) -> str:
        from retrotone.audio.player import notebook_player

        return notebook_player(self)


def load(path: AudioFile | str | os.PathLike[str], seconds: float | None = None) -> Audio:
    """Load a recording, at its own rate and channels.

    Parameters
    ----------
    path : path-like or AudioFile
        Any format of FFmpeg or libsndfile, see `AudioFile`.
    seconds : float, optional
        How much of its start to load; by default all of it.

    Raises
    ------
    AudioError
        See `AudioFile`.
    """
    file = path if isinstance(path, AudioFile) else AudioFile(path)
    wanted = None if seconds is None else round(seconds * file.sample_rate)
    samples = np.concatenate(list(first_frames(file.blocks(), wanted)), axis=1)
    return Audio(samples, file.sample_rate, name=file.name)


def open_recording(recording: Audio | AudioFile | str | os.PathLike[str]) -> Audio | AudioFile:
    """Open a path as `AudioFile`, which reads only its header; return an open recording as it is.

    Raises
    ------
    AudioError
        See `AudioFile`.
    """
    return AudioFile(recording) if isinstance(recording, str | os.PathLike) else recording


def folded(samples: Block) -> Block:
    """Return the mean of the channels, shape (1, frames).

    >>> folded(np.array([[0.5, 1.0], [0.0, -1.0]], np.float32))
    array([[0.25, 0.  ]], dtype=float32)
    """
    # decoded samples are interleaved in memory: numpy's own mean takes several times longer
    mean: Block = sum(samples[1:], samples[:1]) / np.float32(len(samples))
    return mean


def pcm16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return samples as 16-bit integers of the same shape, clipped at full scale.

    >>> pcm16(np.array([0.5, -1.0, 1.2], np.float32))
    array([ 16384, -32767,  32767], dtype=int16)
    """
    return np.round(np.clip(samples, -1, 1) * FULL_SCALE_16).astype(np.int16)


def headroom_gain(true_peak: float, name: str) -> np.float32:
    """Return the gain (<= 1) that keeps a linear true peak under -1 dBTP; a gain below 1 is logged with `name`."""
    gain = PEAK_CEILING / max(true_peak, PEAK_CEILING)
    warn_turned_down(name, gain, "to keep its true peak under -1 dBTP")
    return np.float32(gain)


def warn_turned_down(name: str, gain: float, why: str) -> None:
    """Warn of a gain below 1, unless nobody would hear it."""
    if (decibels := -20 * np.log10(gain)) >= LEAST_WARNED_DB:
        log.warning("%s: turned down by %.1f dB %s", name, decibels, why)
