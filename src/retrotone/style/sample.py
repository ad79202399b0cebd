"""One pass over a recording: its level, its loudness, and representative excerpts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrotone.audio.audio import SILENCE, warn_turned_down
from retrotone.audio.resampling import resampled
from retrotone.dsp.loudness import LoudnessMeter
from retrotone.dsp.stft import OVERLAP, STUDY_N_FFT, STUDY_RMS, STUDY_SCALE, n_fft_for, stft
from retrotone.errors import AudioError, StyleError
from retrotone.progress import Progress
from retrotone.types import Block, Matrix, Source, Spectrogram

# A map is fitted to at most 95 s, in excerpts evenly spread.
SAMPLE_FRAMES, SAMPLE_EXCERPTS = 4096, 16
# a shorter one shows nothing
MIN_STYLE_SECONDS = 0.5


@dataclass(frozen=True)
class TurnedDown:
    """A recording above full scale at a level that fits, as a source of blocks: its peaks keep their shape.

    Parameters
    ----------
    source : Source
    peak : float
        Of the source; it becomes 1.
    """

    source: Source
    peak: float

    def __post_init__(self) -> None:
        warn_turned_down(self.name, 1 / self.peak, "to full scale")

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.source.name

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self.source.sample_rate

    @property
    def channels(self) -> int:
        """One or two."""
        return self.source.channels

    @property
    def frames(self) -> int:
        """Samples per channel, as the source tells them."""
        return self.source.frames

    @property
    def duration(self) -> float:
        """In seconds."""
        return self.source.duration

    def blocks(self) -> Iterator[Block]:
        """Yield the samples in blocks of shape (channels, n)."""
        for block in self.source.blocks():
            yield block / np.float32(self.peak)


@dataclass
class Sample:
    """Level, loudness and representative excerpts of a recording, measured in one pass.

    Attributes
    ----------
    pieces : list of ndarray, shape (channels, n)
        The excerpts, in order.
    rms : float
        Root of the mean power of all channels.
    peak : float
    loudness : float
        Integrated, in LUFS.
    frames : int
        Samples per channel of the recording.
    """

    pieces: list[Block]
    rms: float
    peak: float
    loudness: float
    frames: int

    @classmethod
    def of(cls, source: Source, sample_rate: int, progress: Progress) -> Sample:
        """Read a recording, resampled.

        Parameters
        ----------
        source : Source
        sample_rate : int
            In Hz.
        progress : Progress
            Reports how much has been read.

        Raises
        ------
        AudioError
            The recording is silent.
        """
        meter = LoudnessMeter(source.channels, sample_rate)
        total = max(round(source.frames * sample_rate / source.sample_rate), 1)
        keep = _excerpts(total, SAMPLE_FRAMES * n_fft_for(sample_rate) // OVERLAP)
        pieces, energy, peak, position = [], 0.0, 0.0, 0
        for block in resampled(source.blocks(), source.channels, source.sample_rate, sample_rate):
            meter.add(block)
            energy += float(np.square(block).sum(dtype=np.float64))
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
            for start, stop in keep:
                if start < position + block.shape[1] and stop > position:
                    # a copy: a view would keep all of the block
                    pieces.append(block[:, max(start - position, 0) : stop - position].copy())
            position += block.shape[1]
            progress(min(position / total, 1.0), f"reading {Path(source.name).name}")
        if peak < SILENCE:
            raise AudioError(f"{source.name} is silent: choose a recording with sound in it")
        rms = float(np.sqrt(energy / (position * source.channels)))
        return cls(pieces, max(rms, SILENCE / 10), peak, meter.integrated, position)

    @classmethod
    def of_style(cls, style: Source, sample_rate: int, progress: Progress) -> Sample:
        """Read a style as `of` does; StyleError if it is shorter than `MIN_STYLE_SECONDS`."""
        sample = cls.of(style, sample_rate, progress)
        if sample.frames < MIN_STYLE_SECONDS * sample_rate:
            raise StyleError(f"{style.name} is shorter than {MIN_STYLE_SECONDS} s: choose a longer style")
        return sample

    def scale(self, n_fft: int) -> np.float32:
        """Return the factor from |STFT| to the magnitudes of `retrotone.style.magnitudes`, at RMS 0.1."""
        return np.float32(STUDY_SCALE * STUDY_N_FFT / n_fft * STUDY_RMS / self.rms)

    @property
    def is_whole(self) -> bool:
        """True when the excerpts are the whole recording."""
        kept: int = sum(piece.shape[1] for piece in self.pieces)
        return kept == self.frames

    def spectra(self, n_fft: int) -> list[Spectrogram]:
        """Return the STFT of the excerpts, in chunks of shape (channels, frames, bins)."""
        return list(stft(self.pieces, n_fft))

    def magnitude(self, n_fft: int) -> Matrix:
        """Return scaled magnitudes of the excerpts, shape (frames, bins)."""
        magnitudes = [reference_magnitude(chunk) for chunk in self.spectra(n_fft)]
        return np.concatenate(magnitudes) * self.scale(n_fft)


def reference_magnitude(chunk: Spectrogram) -> Matrix:
    """Return the root mean power of the channels.

    Power knows no phase: a late, reversed or unrelated channel adds to it and never cancels, so that one gain for all
    channels, read from it, keeps the stereo image.

    Parameters
    ----------
    chunk : ndarray, shape (channels, frames, bins)

    Returns
    -------
    ndarray, shape (frames, bins)
    """
    if len(chunk) == 1:
        single: Matrix = np.abs(chunk[0])
        return single
    power: Matrix = np.mean(np.square(chunk.real) + np.square(chunk.imag), axis=0)
    return np.sqrt(power, out=power)


def _excerpts(total: int, budget: int) -> list[tuple[int, int]]:
    """Return (start, stop) of evenly spread excerpts of `total` samples that add up to `budget`, or of the whole."""
    if total <= budget:
        # to the end: headers of compressed files may understate the length
        return [(0, 1 << 62)]
    length = budget // SAMPLE_EXCERPTS
    starts = np.linspace(0, total - length, SAMPLE_EXCERPTS).astype(int)
    return [(int(start), int(start) + length) for start in starts]
