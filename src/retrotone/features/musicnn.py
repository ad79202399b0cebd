"""musicnn: a network that predicts the tags which listeners give to music, from three seconds of it at a time.

The network of Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging" (2019),
trained on the Million Song Dataset with the fifty tags most used on Last.fm. Its weights are converted from their
release by ``tools/convert_musicnn.py`` (ISC licence: ``assets/MUSICNN.md``).

It runs on NumPy alone, which saves the time to import torch. All its convolutions are matrix products, which BLAS
computes faster than torch's convolutions of so few filters.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from retrotone.audio.audio import Audio
from retrotone.audio.files import AudioFile
from retrotone.audio.listening import mono_blocks
from retrotone.dsp.stft import window
from retrotone.errors import AnalysisError
from retrotone.progress import Progress, silent
from retrotone.utils.assets import asset
from retrotone.utils.threads import one_blas_thread

SAMPLE_RATE, N_FFT, HOP_LENGTH, N_MELS = 16_000, 512, 256, 96
# 3 s, as in the network's training
PATCH_FRAMES = 187
# its input is log10(1 + COMPRESSION S), S the mel spectrogram
COMPRESSION = 10_000
# positions of a filter that one matrix product computes; with more, too many factors are zero
BANDS_AT_ONCE, FRAMES_AT_ONCE = 6, 16
TIMBRAL = ("timbral.0", "timbral.1")
TEMPORAL = ("temporal.0", "temporal.1", "temporal.2")
MIDDLE = ("middle.0", "middle.1", "middle.2")

LABELS = (
    "rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock",
    "jazz", "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "Mellow",
    "electronica", "80s", "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock", "ambient",
    "acoustic", "experimental", "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country", "easy listening",
    "sexy", "catchy", "funk", "electro", "heavy metal", "Progressive rock", "60s", "rnb", "indie pop", "sad",
    "House", "happy",
)  # fmt: skip
"""The names of a taggram's columns."""

EMBEDDING = 200
"""The width of an embedding."""

Array = NDArray[np.float32]


class Patches(NamedTuple):
    """The network's output for a recording, patch by patch.

    Attributes
    ----------
    tags : ndarray, shape (patches, 50), float32
        How likely each of `LABELS` is, in [0, 1]: the taggram.
    embedding : ndarray, shape (patches, 200), float32
        The activations of the layer before the output.
    times : ndarray, shape (patches,), float32
        Where each patch starts, in seconds.
    """

    tags: Array
    embedding: Array
    times: Array


def listen(recording: Audio | str | os.PathLike[str], hop: int = PATCH_FRAMES, progress: Progress = silent) -> Patches:
    """Run the network over the whole of a recording, in bounded memory.

    Parameters
    ----------
    recording : Audio or path
        Any length and rate; what is heard of it (`retrotone.audio.listening`) is resampled to 16 kHz. A recording
        shorter than a patch is repeated until it fills one, as in the network's training. At the end, what does not
        fill a patch is dropped. Silence has tags, too.
    hop : int
        Frames of 16 ms from one patch to the next; a patch has 187.
    progress : Progress
        Called after every patch.

    Returns
    -------
    Patches

    Raises
    ------
    AudioError
        See `AudioFile`.
    AnalysisError
        A hop under 1.
    """
    if hop < 1:
        raise AnalysisError(f"a hop of {hop} frames leads nowhere: use 1 or more")
    source = recording if isinstance(recording, Audio) else AudioFile(recording)
    expected = source.duration * SAMPLE_RATE / HOP_LENGTH / hop
    tags: list[Array] = []
    embedding: list[Array] = []
    network = _network()
    frames = network.log_mel(mono_blocks(source, SAMPLE_RATE))
    with one_blas_thread():
        for patch in _patches(frames, hop):
            patch_tags, patch_embedding = network.tag(patch)
            tags.append(patch_tags)
            embedding.append(patch_embedding)
            progress(min(len(tags) / expected, 1.0), f"listening to {Path(source.name).name}")
    times = np.arange(len(tags), dtype=np.float32) * np.float32(hop * HOP_LENGTH / SAMPLE_RATE)
    return Patches(np.stack(tags), np.stack(embedding), times)


def taggram(recording: Audio | str | os.PathLike[str], hop: int = PATCH_FRAMES, progress: Progress = silent) -> Array:
    """Return how likely each of `LABELS` is over time, shape (patches, 50): the tags of `listen`.

    Parameters
    ----------
    recording, hop, progress
        As for `listen`.
    """
    return listen(recording, hop, progress).tags


def embedding(recording: Audio | str | os.PathLike[str], hop: int = PATCH_FRAMES, progress: Progress = silent) -> Array:
    """Return the activations before the output layer over time, shape (patches, 200): the embedding of `listen`.

    Parameters
    ----------
    recording, hop, progress
        As for `listen`.
    """
    return listen(recording, hop, progress).embedding


def _patches(frames: Iterable[Array], hop: int) -> Iterator[Array]:
    """Cut a stream of log-mel frames, each (n, 96), into patches, (187, 96); a short stream is repeated to fill one."""
    held, skip, short = np.zeros((0, N_MELS), np.float32), 0, True
    for more in frames:
        held = np.concatenate([held, more])
        start = skip
        while start + PATCH_FRAMES <= len(held):
            yield held[start : start + PATCH_FRAMES]
            start, short = start + hop, False
        skip = max(start - len(held), 0)
        held = held[start:]
    if short:
        yield np.tile(held, (-(-PATCH_FRAMES // len(held)), 1))[:PATCH_FRAMES]


@cache
def _network() -> _Network:
    import safetensors.numpy

    return _Network(safetensors.numpy.load(asset("musicnn_msd.safetensors").read_bytes()))


class _Network:
    """The network, with the weights that ``tools/convert_musicnn.py`` writes.

    Every convolution is followed by a ReLU, then by batch normalisation (here a scale and a shift), then in the first
    layer by the maximum over all frequencies. That maximum is taken first, since ReLU, scale and shift keep the order;
    filters whose scale is negative are applied with the opposite sign.
    """

    def __init__(self, weights: dict[str, Array]) -> None:
        self._weights = weights
        self._window = window(N_FFT)
        self._signs = {name: np.sign(weights[f"{name}.scale"]) for name in TIMBRAL + TEMPORAL}
        signed = {name: weights[f"{name}.weight"] * signs for name, signs in self._signs.items()}
        # timbral: (bands, 7, filters) to ((bands + 5) 7, 6 filters)
        # temporal: (frames, filters) to (frames + 15, 16 filters)
        self._filters = {name: _at_positions(signed[name], BANDS_AT_ONCE) for name in TIMBRAL} | {
            name: _at_positions(signed[name][:, None], FRAMES_AT_ONCE) for name in TEMPORAL
        }
        self._middle = {name: weights[f"{name}.weight"].T.reshape(-1, len(weights[f"{name}.bias"])) for name in MIDDLE}

    def log_mel(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """Yield the log-mel frames, shape (n, 96), of a stream of samples at 16 kHz, centred on every 256th."""
        from scipy.fft import rfft

        margin = np.zeros(N_FFT // 2, np.float32)
        held = margin
        for block in chain(blocks, [margin]):
            held = np.concatenate([held, block])
            ready = (len(held) - N_FFT) // HOP_LENGTH + 1
            if ready > 0:
                frames = sliding_window_view(held, N_FFT)[::HOP_LENGTH] * self._window
                power = np.square(np.abs(rfft(frames)))
                yield np.log10(1 + COMPRESSION * (power @ self._weights["mel"].T))
                held = held[ready * HOP_LENGTH :]

    def tag(self, patch: Array) -> tuple[Array, Array]:
        """Return tags, shape (50,), and embedding, shape (200,), of a patch of log-mel frames, shape (187, 96)."""
        from scipy.special import expit

        weights = self._weights
        patch = patch * weights["input.scale"] + weights["input.shift"]
        # the column of ones is for the constant that the filters which training left at zero add up to
        front = np.hstack([self._timbral(patch), self._temporal(patch), np.ones((PATCH_FRAMES, 1), np.float32)])
        first = self._convolve("middle.0", front)
        second = first + self._convolve("middle.1", first)
        third = second + self._convolve("middle.2", second)
        features = np.hstack([front[:, :-1], first, second, third])
        pooled = np.concatenate([features.max(axis=0), features.mean(axis=0)])
        dense = np.maximum(pooled @ weights["dense.weight"] + weights["dense.bias"], 0)
        embedding = dense * weights["dense.scale"] + weights["dense.shift"]
        return expit(embedding @ weights["output.weight"] + weights["output.bias"]), embedding

    def _timbral(self, patch: Array) -> Array:
        """Apply filters of 7 frames by many bands to (187, 96): the highest over all bands, (187, filters)."""
        length = self._weights[f"{TIMBRAL[0]}.weight"].shape[1]
        # bands first, then frames: the input of a filter at a position is one contiguous part of a row, (187, 96 * 7)
        around = sliding_window_view(_padded(patch, length), length, axis=0).reshape(PATCH_FRAMES, -1)
        activations = []
        for name in TIMBRAL:
            width, columns = self._filters[name].shape
            last = N_MELS - width // length
            highest = np.full((PATCH_FRAMES, columns), -np.inf, np.float32)
            for band in (*range(0, last, BANDS_AT_ONCE), last):
                around_band = around[:, length * band : length * band + width]
                np.maximum(highest, around_band @ self._filters[name], out=highest)
            filters = highest.reshape(PATCH_FRAMES, BANDS_AT_ONCE, -1).max(axis=1)
            activations.append(self._activate(name, filters * self._signs[name]))
        return np.hstack(activations)

    def _temporal(self, patch: Array) -> Array:
        """Apply filters of many frames by one band to (187, 96): the highest over all bands, (187, filters)."""
        activations = []
        for name in TEMPORAL:
            width, columns = self._filters[name].shape
            padded = _padded(patch, width - FRAMES_AT_ONCE + 1, -PATCH_FRAMES % FRAMES_AT_ONCE)
            bands = np.ascontiguousarray(padded.T)
            highest = [
                (bands[:, frame : frame + width] @ self._filters[name]).max(axis=0)
                for frame in range(0, PATCH_FRAMES, FRAMES_AT_ONCE)
            ]
            filters = np.reshape(highest, (-1, columns // FRAMES_AT_ONCE))[:PATCH_FRAMES]
            activations.append(self._activate(name, filters * self._signs[name]))
        return np.hstack(activations)

    def _convolve(self, name: str, x: Array) -> Array:
        """Apply filters of 7 frames by all channels to (187, channels): (187, filters)."""
        length = self._weights[f"{name}.weight"].shape[2]
        # shape (187, 7, channels)
        windows = sliding_window_view(_padded(x, length), length, axis=0).swapaxes(1, 2)
        return self._activate(name, windows.reshape(PATCH_FRAMES, -1) @ self._middle[name])

    def _activate(self, name: str, x: Array) -> Array:
        bias, scale, shift = (self._weights[f"{name}.{part}"] for part in ("bias", "scale", "shift"))
        result: Array = np.maximum(x + bias, 0) * scale + shift
        return result


def _padded(x: Array, length: int, more: int = 0) -> Array:
    """Put zeros before and after frames, (n, channels), as TensorFlow's "same" does for a filter of that length."""
    before = (length - 1) // 2
    # np.pad would take longer than some of the filters
    result = np.zeros((len(x) + length - 1 + more, x.shape[1]), np.float32)
    result[before : before + len(x)] = x
    return result


def _at_positions(kernel: Array, positions: int) -> Array:
    """Return filters at several positions, (length, rows, filters), as a matrix.

    Its shape is ((length + positions - 1) rows, positions * filters): a product with it applies every filter at
    neighbouring positions at once.
    """
    length, rows, filters = kernel.shape
    result = np.zeros((length + positions - 1, rows, positions, filters), np.float32)
    for position in range(positions):
        result[position : position + length, :, position] = kernel
    return result.reshape(-1, positions * filters)
