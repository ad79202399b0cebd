"""Restyle by a map of magnitudes, transport or descent: fitted to samples, then run over the content in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import tee
from typing import TYPE_CHECKING, Self

import numpy as np

from retrotone.dsp.stft import istft, n_fft_for, stft
from retrotone.progress import Progress, part
from retrotone.style.magnitudes import between, smooth_ends, without_edges
from retrotone.style.noise_floor import NoiseFloor
from retrotone.style.rendering import with_context
from retrotone.style.resynthesis import Resynthesis, resynthesise
from retrotone.style.sample import Sample, reference_magnitude
from retrotone.style.smear import Reader, without_smear
from retrotone.style.transport import TransportMap
from retrotone.types import Block, Matrix, Source, Spectrogram

if TYPE_CHECKING:
    from retrotone.style.gram import GramTransfer

# 60 dB
MAX_GAIN = 1e3
# Frames around a chunk that smoothing and the rhythm filter need.
CONTEXT_BEFORE, CONTEXT_AFTER = 64, 64


@dataclass
class SpectralTransfer:
    """A transfer that multiplies the content's spectrogram by gains.

    Parameters
    ----------
    strength : float
        How far to go from the content to what it is mapped to, in [0, 1].
    resynthesis : {"content", "griffinlim", "random"}
        Whose phase the result gets, see `retrotone.style.resynthesis`.
    noise : float
        Factor on the style's noise floor; 0 adds none.
    seed : int
        Of the noise and the random phase.
    descent : GramTransfer, optional
        Map by this descent instead of a transport.

    Attributes
    ----------
    n_fft : int
    scale : float32
        From |STFT| of the content to the magnitudes that are mapped.
    frames : int
        Samples per channel of the content.
    noise_floor : NoiseFloor or None
    magnitude_map : callable
        From magnitudes of the content, shape (frames, bins), to those of the result.
    fitted : tuple of ndarray, or None
        The content's spectrogram, shape (channels, frames, bins), and its mapped magnitudes, shape (frames, bins),
        when the fit saw all of it.
    """

    strength: float
    resynthesis: Resynthesis
    noise: float
    seed: int
    descent: GramTransfer | None = None

    n_fft: int = field(init=False)
    scale: np.float32 = field(init=False)
    frames: int = field(init=False)
    noise_floor: NoiseFloor | None = field(init=False)
    magnitude_map: Callable[[Matrix], Matrix] = field(init=False)
    fitted: tuple[Spectrogram, Matrix] | None = field(init=False)

    def fit(self, content: Sample, style: Sample, sample_rate: int, progress: Progress) -> Self:
        """Fit the map to samples of both recordings.

        Parameters
        ----------
        content, style : Sample
            Of the content and the style.
        sample_rate : int
            Of both, in Hz.
        progress : Progress
            Reports the fit; the descent also reports while it renders.
        """
        self.n_fft = n_fft_for(sample_rate)
        self.scale = content.scale(self.n_fft)
        self.frames = content.frames
        # (style frames, bins)
        target = style.magnitude(self.n_fft)
        self.noise_floor = NoiseFloor.fit(target) if self.noise else None
        self.fitted = None
        progress(0.3, "fitting the style")
        if self.descent is not None:
            self.magnitude_map = partial(_descend, self.descent, np.log1p(target).T, part(progress, 0.3, 0.4))
            return self
        # (channels, sample frames, bins)
        spectrum = np.concatenate(content.spectra(self.n_fft), axis=1)
        # (sample frames, bins)
        magnitude = without_edges(self._reference(spectrum), slice(0, spectrum.shape[1]))
        frequencies = np.arange(self.n_fft // 2 + 1, dtype=np.float64) * (sample_rate / self.n_fft)
        transport, mapped = TransportMap.fit(magnitude, target, frequencies)
        self.magnitude_map = transport.apply
        if content.is_whole:
            self.fitted = spectrum, mapped
        return self

    def render(self, source: Source) -> Iterator[Block]:
        """Yield the content in the style's sound, as long as the sample's recording, at any level."""
        # the last channel is the noise, which nothing holds down
        blocks, again = tee(istft(self._chunks(source), self.n_fft, self.frames))
        noise = Reader(block[-1:] for block in again)
        for block in without_smear((block[:-1] for block in blocks), source.blocks(), self.n_fft):
            yield block + noise.read(block.shape[1])

    def _chunks(self, source: Source) -> Iterator[Spectrogram]:
        """Yield the result's spectrogram and its noise in chunks of shape (channels + 1, frames, bins)."""
        rng = np.random.default_rng(self.seed)
        if self.fitted is not None:
            spectrum, mapped = self.fitted
            yield self._restyle(spectrum, slice(0, spectrum.shape[1]), mapped, rng)
            return
        chunks = stft(source.blocks(), self.n_fft)
        for spectrum, core in with_context(chunks, CONTEXT_BEFORE, CONTEXT_AFTER):
            yield self._restyle(spectrum, core, None, rng)

    def _restyle(
        self, spectrum: Spectrogram, core: slice, mapped: Matrix | None, rng: np.random.Generator
    ) -> Spectrogram:
        """Return a chunk of the result and its noise, shape (channels + 1, core frames, bins).

        Parameters
        ----------
        spectrum : ndarray, shape (channels, frames, bins)
            A chunk of the content with its context.
        core : slice
            The frames of the chunk itself.
        mapped : ndarray, shape (frames, bins), or None
            Its mapped magnitudes, if they are known.
        rng : numpy.random.Generator
            Draws the noise.
        """
        # (frames, bins)
        magnitude = without_edges(self._reference(spectrum), core)
        if mapped is None:
            mapped = self.magnitude_map(magnitude)
        # at an end the nearest whole frame's gain: the signal itself may be fading there
        gain = (between(magnitude, mapped, self.strength) / np.maximum(magnitude, np.float32(1e-5))).astype(
            np.float32, copy=False
        )
        np.minimum(gain, np.float32(MAX_GAIN), out=gain)
        smooth_ends(gain, magnitude, core)
        # (channels, core frames, bins)
        if self.resynthesis == "content":
            result = spectrum[:, core] * gain[core]
        else:
            wanted = (np.abs(spectrum) * gain).astype(np.float32, copy=False)
            result = resynthesise(wanted, spectrum, self.resynthesis, self.seed)[:, core]
        noise = np.zeros_like(result[:1])
        if self.noise_floor is not None:
            level = (magnitude[core] * gain[core]).astype(np.float32, copy=False)
            noise[0] = self.noise_floor.fill(level, self.strength * self.noise, rng) / self.scale
        return np.concatenate([result, noise])

    def _reference(self, spectrum: Spectrogram) -> Matrix:
        """Return the scaled magnitudes that stand for all channels, shape (frames, bins)."""
        return reference_magnitude(spectrum) * self.scale


def _descend(settings: GramTransfer, target: Matrix, progress: Progress, content: Matrix) -> Matrix:
    """Map magnitudes, shape (frames, bins), by a descent towards log1p magnitudes, shape (bins, style frames)."""
    return np.expm1(settings.run(np.log1p(content).T, target, progress).spectrogram.T)
