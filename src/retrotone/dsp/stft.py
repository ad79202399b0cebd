"""Short-time Fourier transform and back, in chunks: memory does not grow with length.

Frames lie on the grid of a centred STFT: librosa's frame k with ``pad_mode="symmetric"`` is our frame k + 1.
The signal is mirrored by ``n_fft - hop_length`` samples at both ends, so that every sample lies under all
windows and the inverse is exact, and a cut through the music is no click that a transfer could make louder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

# The study's transform: n_fft 2048, hop 512, Hann, at 22.05 kHz (93 ms, 75 % overlap).
STUDY_RATE, STUDY_N_FFT = 22_050, 2048
OVERLAP = 4
# at a time: they stay in the processor's cache
CHUNK_FRAMES = 256


def n_fft_for(sample_rate: int) -> int:
    """Return the power of two that lasts closest to the study's window of 2048 / 22,050 s."""
    return int(2 ** round(np.log2(STUDY_N_FFT * sample_rate / STUDY_RATE)))


def window(n_fft: int) -> NDArray[np.float32]:
    """Return the periodic Hann window, shape (n_fft,)."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


def frame_count(samples: int, n_fft: int) -> int:
    """Return how many frames `stft` gives for that many samples."""
    hop = n_fft // OVERLAP
    return -(-samples // hop) + OVERLAP - 1


def stft(blocks: Iterable[NDArray[np.float32]], n_fft: int) -> Iterator[NDArray[np.complex64]]:
    """Transform a stream of samples.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (channels, n)
        The signal in pieces of any size, as `Audio.blocks` gives it.
    n_fft : int
        Window length in samples; the hop is a quarter of it.

    Yields
    ------
    ndarray, shape (channels, frames, n_fft // 2 + 1), complex64
        At most CHUNK_FRAMES frames each.
    """
    hop, win = n_fft // OVERLAP, window(n_fft)
    rest: NDArray[np.float32] | None = None
    for block in _mirrored(blocks, n_fft - hop, hop):
        rest = block if rest is None else np.concatenate([rest, block], axis=1)
        ready = (rest.shape[1] - n_fft) // hop + 1
        for start in range(0, ready, CHUNK_FRAMES):
            yield _transform(rest, start, min(CHUNK_FRAMES, ready - start), hop, win)
        rest = rest[:, max(ready, 0) * hop :]


def _mirrored(blocks: Iterable[NDArray[np.float32]], margin: int, hop: int) -> Iterator[NDArray[np.float32]]:
    """Put the mirror image of `margin` samples before and after a stream, filled up to whole hops."""
    stream, head, total = iter(blocks), [], 0
    for block in stream:
        head.append(block)
        total += block.shape[1]
        if total >= margin:
            break
    if total == 0:
        return
    first = np.concatenate(head, axis=1)
    yield np.pad(first[:, :margin], ((0, 0), (margin, 0)), "symmetric")[:, :margin]
    yield first
    end = first[:, -(margin + hop) :]
    for block in stream:
        total += block.shape[1]
        yield block
        end = np.concatenate([end, block[:, -(margin + hop) :]], axis=1)[:, -(margin + hop) :]
    yield np.pad(end, ((0, 0), (0, margin + -total % hop)), "symmetric")[:, end.shape[1] :]


def _transform(
    samples: NDArray[np.float32], first: int, count: int, hop: int, win: NDArray[np.float32]
) -> NDArray[np.complex64]:
    import scipy.fft

    frames = np.lib.stride_tricks.sliding_window_view(samples, len(win), axis=1)[:, first * hop :: hop][
        :, :count
    ]
    result: NDArray[np.complex64] = scipy.fft.rfft(frames * win, axis=-1)
    return result


def istft(chunks: Iterable[NDArray[np.complex64]], n_fft: int, samples: int) -> Iterator[NDArray[np.float32]]:
    """Invert `stft` by weighted overlap-add (Griffin and Lim 1984, eq. 6).

    Parameters
    ----------
    chunks : iterable of ndarray, shape (channels, frames, bins)
        In the order of `stft`.
    n_fft : int
        As in `stft`.
    samples : int
        Length of the signal in samples.

    Yields
    ------
    ndarray, shape (channels, n), float32
        Together `samples` long.
    """
    import scipy.fft

    hop = n_fft // OVERLAP
    # squared Hann windows at 75 % overlap sum to 1.5
    win = window(n_fft) / np.float32(1.5)
    tail: NDArray[np.float32] | None = None
    skip, left = n_fft - hop, samples
    for chunk in chunks:
        frames = scipy.fft.irfft(chunk, n=n_fft, axis=-1) * win
        channels, count = frames.shape[:2]
        out = np.zeros((channels, count + OVERLAP - 1, hop), np.float32)
        for part in range(OVERLAP):
            out[:, part : part + count] += frames[:, :, part * hop : (part + 1) * hop]
        if tail is not None:
            out[:, : OVERLAP - 1] += tail
        tail = out[:, count:].copy()
        ready = out[:, :count].reshape(channels, -1)
        ready = ready[:, min(skip, ready.shape[1]) :]
        skip -= count * hop - ready.shape[1]
        if ready.shape[1] and left:
            yield ready[:, :left]
            left -= min(left, ready.shape[1])
