"""Short-time Fourier transform and back, in chunks: memory does not grow with length.

Frames lie on the grid of a centred STFT: librosa's frame k with ``pad_mode="symmetric"`` is our frame k + 1.
The signal is mirrored by ``n_fft - hop_length`` samples at both ends, so that every sample lies under all
windows and the inverse is exact, and a cut through the music is no click that a transfer could make louder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from retrotone.types import Block, Spectrogram

# The study's transform: n_fft 2048, hop 512, Hann, at 22.05 kHz (93 ms, 75 % overlap).
STUDY_RATE, STUDY_N_FFT = 22_050, 2048
OVERLAP = 4
# The study's network reads log1p(30 |STFT|) of a recording whose RMS is 0.1.
STUDY_RMS, STUDY_SCALE = 0.1, 30.0
# Frames transformed at a time: few enough to stay in the processor's cache.
CHUNK_FRAMES = 256


def n_fft_for(sample_rate: int) -> int:
    """Return the power of two that lasts closest to the study's window of 2048 / 22,050 s."""
    return int(2 ** round(np.log2(STUDY_N_FFT * sample_rate / STUDY_RATE)))


def window(n_fft: int) -> NDArray[np.float32]:
    """Return the periodic Hann window, shape (n_fft,)."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


def stft(blocks: Iterable[Block], n_fft: int) -> Iterator[Spectrogram]:
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
        At most CHUNK_FRAMES frames each; in all, ceil(samples / hop) + 3.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 / 8000 * np.arange(8000, dtype=np.float32))[None]
    >>> spectrum = np.concatenate(list(stft([tone], 1024)), axis=1)
    >>> spectrum.shape
    (1, 35, 513)
    >>> int(np.abs(spectrum).mean(axis=(0, 1)).argmax()), round(440 / 8000 * 1024)
    (56, 56)
    """
    hop, win = n_fft // OVERLAP, window(n_fft)
    rest: Block | None = None
    for block in _mirrored(blocks, n_fft - hop, hop):
        rest = block if rest is None else np.concatenate([rest, block], axis=1)
        ready = (rest.shape[1] - n_fft) // hop + 1
        for start in range(0, ready, CHUNK_FRAMES):
            yield _transform(rest, start, min(CHUNK_FRAMES, ready - start), hop, win)
        rest = rest[:, max(ready, 0) * hop :]


def magnitudes(samples: NDArray[np.float32], n_fft: int = STUDY_N_FFT) -> NDArray[np.float32]:
    """Return the magnitude of the frames that librosa's centred transform has.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    n_fft : int
        Window length in samples; the hop is a quarter of it.

    Returns
    -------
    ndarray, shape (1 + n // hop, n_fft // 2 + 1), float32
    """
    count = len(samples) // (n_fft // OVERLAP)
    frames = np.empty((count + OVERLAP, n_fft // 2 + 1), np.float32)
    done = 0
    # chunk by chunk: the whole spectrum would not stay in the processor's cache
    for (chunk,) in stft([samples[None]], n_fft):
        np.abs(chunk, out=frames[done : done + len(chunk)])
        done += len(chunk)
    return frames[1 : 2 + count]


def _mirrored(blocks: Iterable[Block], margin: int, hop: int) -> Iterator[Block]:
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


def _transform(samples: Block, first: int, count: int, hop: int, win: NDArray[np.float32]) -> Spectrogram:
    """Transform `count` frames from frame `first` on."""
    import scipy.fft

    windows = np.lib.stride_tricks.sliding_window_view(samples, len(win), axis=1)
    # (channels, count, n_fft)
    frames = windows[:, first * hop :: hop][:, :count]
    result: Spectrogram = scipy.fft.rfft(frames * win, axis=-1)
    return result


def istft(chunks: Iterable[Spectrogram], n_fft: int, samples: int) -> Iterator[Block]:
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
    # (channels, OVERLAP - 1, hop): what the last frames of a chunk add to the next
    tail: Block | None = None
    skip, left = n_fft - hop, samples
    for chunk in chunks:
        # (channels, count, n_fft)
        frames = scipy.fft.irfft(chunk, n=n_fft, axis=-1) * win
        channels, count = frames.shape[:2]
        # in steps of a hop: (channels, count + OVERLAP - 1, hop)
        out = np.zeros((channels, count + OVERLAP - 1, hop), np.float32)
        for part in range(OVERLAP):
            out[:, part : part + count] += frames[:, :, part * hop : (part + 1) * hop]
        if tail is not None:
            out[:, : OVERLAP - 1] += tail
        tail = out[:, count:].copy()
        # (channels, count * hop), less what lies in the mirrored margin
        ready = out[:, :count].reshape(channels, -1)
        ready = ready[:, min(skip, ready.shape[1]) :]
        skip -= count * hop - ready.shape[1]
        if ready.shape[1] and left:
            yield ready[:, :left]
            left -= min(left, ready.shape[1])
