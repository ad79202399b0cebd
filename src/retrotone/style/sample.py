"""One pass over a recording: its level, its loudness, and stretches of it that stand for the whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import SILENCE, resampled
from retrotone.dsp.loudness import LoudnessMeter
from retrotone.dsp.stft import OVERLAP, STUDY_N_FFT, n_fft_for, stft
from retrotone.errors import AudioError
from retrotone.progress import Progress
from retrotone.style.transport import STUDY_SCALE
from retrotone.types import Block, Matrix, Source, Spectrogram

# level at which magnitudes are compared
STUDY_RMS = 0.1
# what a map is fitted to: at most 95 s, evenly spread
SAMPLE_FRAMES, SAMPLE_STRETCHES = 4096, 16
# where channels cancel below this share of their power, their mean is no reference
CANCELLED_SHARE = 0.25


@dataclass
class Sample:
    """What one pass over a recording tells: its level, its loudness, and stretches of it that stand for the whole."""

    pieces: list[Block]
    rms: float
    peak: float
    loudness: float
    frames: int

    @classmethod
    def of(cls, source: Source, sample_rate: int, progress: Progress) -> Sample:
        meter = LoudnessMeter(source.channels, sample_rate)
        total = max(round(source.frames * sample_rate / source.sample_rate), 1)
        keep = _stretches(total, SAMPLE_FRAMES * n_fft_for(sample_rate) // OVERLAP)
        pieces, energy, peak, position = [], 0.0, 0.0, 0
        for block in resampled(source.blocks(), source.channels, source.sample_rate, sample_rate):
            meter.add(block)
            energy += float(np.square(block.mean(axis=0)).sum(dtype=np.float64))
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
            for start, stop in keep:
                if start < position + block.shape[1] and stop > position:
                    # a copy: a view would keep all of the block
                    pieces.append(block[:, max(start - position, 0) : stop - position].copy())
            position += block.shape[1]
            progress(min(position / total, 1.0), f"reading {Path(source.name).name}")
        if peak < SILENCE:
            raise AudioError(f"{source.name} is silent: choose a recording with sound in it")
        rms = float(np.sqrt(energy / position))
        # of channels that cancel each other the mean tells nothing
        return cls(
            pieces,
            max(rms, CANCELLED_SHARE * 10 ** (meter.integrated / 20), SILENCE / 10),
            peak,
            meter.integrated,
            position,
        )

    def scale(self, n_fft: int) -> np.float32:
        """Factor from |STFT| to the magnitudes that maps work on: the study's at n_fft 2048 and RMS 0.1."""
        return np.float32(STUDY_SCALE * STUDY_N_FFT / n_fft * STUDY_RMS / self.rms)

    @property
    def is_whole(self) -> bool:
        """True when the stretches are the recording."""
        kept: int = sum(piece.shape[1] for piece in self.pieces)
        return kept == self.frames

    def spectra(self, n_fft: int) -> list[Spectrogram]:
        """STFT of the stretches, in chunks of shape (channels, frames, bins)."""
        return list(stft(self.pieces, n_fft))

    def magnitude(self, n_fft: int) -> Matrix:
        """Scaled magnitudes of the stretches, shape (frames, bins)."""
        return np.concatenate([reference_magnitude(chunk) for chunk in self.spectra(n_fft)]) * self.scale(
            n_fft
        )


def reference_magnitude(chunk: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Magnitude of the channels' mean; where they cancel each other, a quarter of their power mean instead.

    One gain for all channels then keeps the stereo image, and what cancels is not blown up.

    Parameters
    ----------
    chunk : ndarray, shape (channels, frames, bins)

    Returns
    -------
    ndarray, shape (frames, bins)
    """
    middle: Matrix = np.abs(chunk.mean(axis=0))
    if len(chunk) == 1:
        return middle
    power = np.sqrt(np.mean(np.square(chunk.real) + np.square(chunk.imag), axis=0))
    np.maximum(middle, np.float32(CANCELLED_SHARE) * power, out=middle)
    return middle


def _stretches(total: int, budget: int) -> list[tuple[int, int]]:
    """Evenly spread stretches of `total` samples that add up to `budget`, or the whole."""
    if total <= budget:
        # headers of compressed files may understate
        return [(0, 1 << 62)]
    length = budget // SAMPLE_STRETCHES
    starts = np.linspace(0, total - length, SAMPLE_STRETCHES).astype(int)
    return [(int(start), int(start) + length) for start in starts]
