"""Undo what long windows smear over time: no pre-echo before an attack, no burst beside a silence.

A gain per bin is a filter as long as the window, 93 ms, and rings before and after whatever is sudden. The song itself
says where there was nothing to hear: in short windows and bands of an octave, the result may not rise above the song as
amplified around there. Only what lies far below a peak nearby is held, so that steady sound passes untouched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from retrotone.types import Block

# Short hops in a long window: 2.9 ms, and windows of 5.8 ms, shorter than the ear's backward masking.
HOPS = 32
# Hops over which a long window smears audibly: 0.8 of its length.
REACH = 26
# Hops processed at a time: few enough to stay in the processor's cache.
STEP = 512
# Below a peak nearby by so much (dB) a moment begins to be held, and is held entirely.
HELD_FROM_DB, HELD_BELOW_DB = 6.0, 14.0
# What is quiet may have gained so much more power than the peak: 3 dB.
HEADROOM = 2.0
# Steps in a short hop to look for attacks at, 0.7 ms each; on their quiet side 11 ms are read, on the other 9 ms.
ATTACK_SHARE, ASIDE, NEXT = 4, 15, 13
# Power of silence.
TINY = 1e-20


class Reader:
    """Reads any number of samples from a stream of blocks.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (channels, n)
    """

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._blocks = iter(blocks)
        self._held: list[Block] = []

    def read(self, count: int) -> Block:
        """Return the next `count` samples, shape (channels, count); fewer where the stream ends."""
        while sum(block.shape[1] for block in self._held) < count:
            block = next(self._blocks, None)
            if block is None:
                break
            self._held.append(block)
        joined = self._held[0] if len(self._held) == 1 else np.concatenate(self._held, axis=1)
        self._held = [joined[:, count:]]
        return joined[:, :count]


def without_smear(rendered: Iterable[Block], content: Iterable[Block], n_fft: int) -> Iterator[Block]:
    """Hold a rendering down where the content is far quieter than around there.

    Parameters
    ----------
    rendered, content : iterable of ndarray, shape (channels, n)
        Blocks of any size; in all, both are equally long.
    n_fft : int
        Window of the rendering in samples.

    Yields
    ------
    ndarray, shape (channels, n), float32
        As many samples as came in, the same however they are cut.
    """
    hop = n_fft // HOPS
    context, step = (REACH + 2) * hop, STEP * hop
    source = Reader(content)
    held: NDArray[np.float32] | None = None
    for block in rendered:
        # (2, channels, n): the rendering and the content
        both = np.stack([block, source.read(block.shape[1])])
        if held is None:
            held = np.zeros((*both.shape[:2], context), np.float32)
        held = np.concatenate([held, both], axis=2)
        while held.shape[2] >= step + 2 * context:
            yield _held_down(held[..., : step + 2 * context], hop)[:, context:-context]
            held = held[..., step:]
    if held is not None:
        left = held.shape[2] - context
        held = np.pad(held, ((0, 0), (0, 0), (0, context + -left % hop)))
        yield _held_down(held, hop)[:, context : context + left]


def _held_down(both: NDArray[np.float32], hop: int) -> Block:
    """Return the rendering, held down by the content; shape (channels, n) from (2, channels, n)."""
    import scipy.fft

    n_fft = 2 * hop
    window = np.sin(np.pi * (np.arange(n_fft) + 0.5) / n_fft).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(both, n_fft, axis=2)[:, :, ::hop]
    # (2, channels, frames, bins)
    spectra = scipy.fft.rfft(frames * window, axis=-1)
    powers = (np.square(spectra.real) + np.square(spectra.imag)).sum(axis=1)
    # first bin of each octave
    edges = [0, *(2**octave for octave in range(1, hop.bit_length() - 1))]
    gains = _gains(*(np.add.reduceat(powers, edges, axis=2).astype(np.float64) + TINY))
    result = both[0].copy()
    # few frames are held down at all
    held = np.flatnonzero((gains < 1).any(axis=1))
    lost = np.repeat(1 - gains[held], np.diff([*edges, hop + 1]), axis=1)
    pieces = scipy.fft.irfft(spectra[0][:, held] * lost, n=n_fft, axis=-1) * window
    for index, frame in enumerate(held):
        result[:, frame * hop : frame * hop + n_fft] -= pieces[:, index]
    held_down: Block = result * _attack_gains(result, both[1], hop // ATTACK_SHARE)
    return held_down


def _gains(rendered: NDArray[np.float64], content: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the gain of every short frame and octave, in [0, 1], from the powers of both, shape (frames, octaves)."""
    nearby = maximum_filter1d(content, 2 * REACH + 1, axis=0, mode="nearest")
    return _hold(rendered, content, content, nearby, REACH)


def _attack_gains(rendered: Block, content: Block, length: int) -> NDArray[np.float32]:
    """Return the gain of every sample beside attacks and sudden ends, shape (n,), or (1,) where it is 1 throughout.

    What rings within NEXT steps before an attack is held to the content's level of just before, and after an end to
    that of just after, read over ASIDE steps, so that no wave is slow enough to seem silent at its zeros.
    """
    rendered_power, power = (
        np.square(each).reshape(len(each), -1, length).sum(axis=(0, 2), dtype=np.float64) + TINY
        for each in (rendered, content)
    )
    gains = np.ones(len(power), np.float32)
    for side in (1, -1):
        quiet = maximum_filter1d(power, ASIDE, mode="nearest", origin=side * (ASIDE // 2))
        loud = maximum_filter1d(power, NEXT, mode="nearest", origin=-side * (NEXT // 2))
        np.minimum(gains, _hold(rendered_power, power, quiet, loud, ATTACK_SHARE * REACH), out=gains)
    if gains.min() == 1:
        return np.ones(1, np.float32)
    centres = (np.arange(len(gains)) + 0.5) * length
    return np.interp(np.arange(rendered.shape[1]), centres, gains).astype(np.float32)


def _hold(
    rendered: NDArray[np.float64],
    content: NDArray[np.float64],
    quiet: NDArray[np.float64],
    loud: NDArray[np.float64],
    reach: int,
) -> NDArray[np.float32]:
    """Return gains in [0, 1] that hold a rendering to the content, amplified as around there.

    Parameters
    ----------
    rendered, content : ndarray, shape (steps, ...)
        Powers.
    quiet, loud : ndarray, same shape
        The content's power that the rendering is held to, and the peak nearby that makes it quiet.
    reach : int
        Steps to either side that count as around.
    """
    # the gain of the content's loudest moments around; running sums may round to below zero in silence
    after, before = (
        np.maximum(uniform_filter1d(each * content, 2 * reach + 1, axis=0, mode="nearest"), TINY**2)
        for each in (rendered, content)
    )
    share = np.clip((10 * np.log10(loud / quiet) - HELD_FROM_DB) / (HELD_BELOW_DB - HELD_FROM_DB), 0, 1)
    allowed = np.minimum(HEADROOM * after / before * quiet / rendered, 1)
    gains: NDArray[np.float32] = (allowed ** (share / 2)).astype(np.float32)
    return gains
