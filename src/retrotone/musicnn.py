"""musicnn: the tags that listeners give to music, heard from three seconds of it at a time.

The network of Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging" (2019),
trained on the Million Song Dataset with the fifty tags most used on Last.fm. Its weights are converted from their
release by ``tools/convert_musicnn.py`` (ISC licence: ``assets/MUSICNN.md``).

It runs on NumPy alone. All its convolutions are matrix products, which BLAS computes faster than torch's convolutions
of so few filters, and nobody waits for torch to load.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from retrotone.audio import Audio, folded, resampled
from retrotone.errors import AnalysisError
from retrotone.files import AudioFile
from retrotone.progress import Progress, silent
from retrotone.spectrum import window

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

SAMPLE_RATE, N_FFT, HOP_LENGTH, N_MELS = 16_000, 512, 256, 96
PATCH_FRAMES = 187  # 3 s, what the network was trained on
COMPRESSION = 10_000  # log10(1 + 10,000 S)
BATCH = 14  # patches; more are slower, as memory above 32 MB goes back to the system each time
BANDS_AT_ONCE = 6  # results of one matrix product: fewer waste copies, more waste products
FRAMES_AT_ONCE = 16
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
    """What the network says of a recording, patch by patch.

    Attributes
    ----------
    tags : ndarray, shape (patches, 50), float32
        How likely each of `LABELS` is, in [0, 1]: the taggram.
    embedding : ndarray, shape (patches, 200), float32
        The layer before it.
    times : ndarray, shape (patches,), float32
        Where each patch starts, in seconds.
    """

    tags: Array
    embedding: Array
    times: Array


def listen(
    recording: Audio | str | os.PathLike[str], hop: int = PATCH_FRAMES, progress: Progress = silent
) -> Patches:
    """Run the network over the whole of a recording, in bounded memory.

    Parameters
    ----------
    recording : Audio or path
        Any length and rate; folded to mono at 16 kHz. Less than a patch is repeated until it fills one, as in the
        network's training; what is left at the end is dropped. Silence gets the tags that the network gives it.
    hop : int
        Frames of 16 ms from one patch to the next; a patch has 187.
    progress : Progress
        Told how much is heard.

    Raises
    ------
    AudioError, MissingExtraError
        See `AudioFile`.
    AnalysisError
        A hop under 1.
    """
    if hop < 1:
        raise AnalysisError(f"a hop of {hop} frames leads nowhere: use 1 or more")
    source = recording if isinstance(recording, Audio) else AudioFile(recording)
    mono = map(folded, source.blocks())
    blocks = (block[0] for block in resampled(mono, 1, source.sample_rate, SAMPLE_RATE))
    expected = source.duration * SAMPLE_RATE / HOP_LENGTH / hop
    tags: list[Array] = []
    embedding: list[Array] = []
    network, heard = _network(), 0
    with _blas().limit(limits=1):  # products so small gain nothing from more, and wait where others are busy
        for span in _spans(network.log_mel(blocks), hop):
            both = network.tag(span, hop)
            tags.append(both[0])
            embedding.append(both[1])
            heard += len(tags[-1])
            progress(min(heard / expected, 1.0), f"listening to {source.name}")
    times = np.arange(heard, dtype=np.float32) * np.float32(hop * HOP_LENGTH / SAMPLE_RATE)
    return Patches(np.concatenate(tags), np.concatenate(embedding), times)


def taggram(
    recording: Audio | str | os.PathLike[str], hop: int = PATCH_FRAMES, progress: Progress = silent
) -> Array:
    """Return how likely each of `LABELS` is over time, shape (patches, 50); see `listen`."""
    return listen(recording, hop, progress).tags


def embedding(
    recording: Audio | str | os.PathLike[str], hop: int = PATCH_FRAMES, progress: Progress = silent
) -> Array:
    """Return the network's last layer but one over time, shape (patches, 200); see `listen`."""
    return listen(recording, hop, progress).embedding


def _spans(frames: Iterable[Array], hop: int) -> Iterator[Array]:
    """Cut a stream of frames into stretches of up to BATCH patches; a single short one is repeated into a patch."""
    held = np.zeros((0, N_MELS), np.float32)
    length, step, whole = (BATCH - 1) * hop + PATCH_FRAMES, BATCH * hop, False
    for more in frames:
        held = np.concatenate([held, more])
        while len(held) >= max(length, step):
            yield held[:length]
            held, whole = held[step:], True
    if not whole and len(held) < PATCH_FRAMES:
        held = np.tile(held, (-(-PATCH_FRAMES // len(held)), 1))[:PATCH_FRAMES]
    if len(held) >= PATCH_FRAMES:
        yield held


@cache
def _network() -> _Network:
    import safetensors.numpy

    file = resources.files("retrotone") / "assets" / "musicnn_msd.safetensors"
    return _Network(safetensors.numpy.load(file.read_bytes()))


@cache
def _blas() -> ThreadpoolController:
    """Return the control of BLAS's threads; to find the library takes a while."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


class _Network:
    """The network on the weights that ``tools/convert_musicnn.py`` writes.

    Every convolution is followed by a ReLU, then by batch normalisation (a scale and a shift here), then in the first
    layer by the maximum over all frequencies. That maximum is taken first, of a filter whose scale is negative
    with the opposite sign: the rest never changes the order.
    """

    def __init__(self, weights: dict[str, Array]) -> None:
        self._weights = weights
        self._window = window(N_FFT)
        self._signs = {name: np.sign(weights[f"{name}.scale"]) for name in TIMBRAL + TEMPORAL}
        signed = {name: weights[f"{name}.weight"] * signs for name, signs in self._signs.items()}
        # timbral: (7 frames, bands, filters) to (7 (bands + 5), 6 filters); temporal: (frames + 15, 16 filters)
        self._in_blocks = {
            name: np.concatenate([_shifted(frame, BANDS_AT_ONCE) for frame in signed[name].swapaxes(0, 1)])
            for name in TIMBRAL
        } | {name: _shifted(signed[name], FRAMES_AT_ONCE) for name in TEMPORAL}
        self._middle = {
            name: weights[f"{name}.weight"].T.reshape(-1, len(weights[f"{name}.bias"])) for name in MIDDLE
        }

    def log_mel(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """Turn a stream of samples at 16 kHz into one of log-mel frames, shape (n, 96), centred on every 256th."""
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

    def tag(self, frames: Array, hop: int) -> tuple[Array, Array]:
        """Return tags (patches, 50) and embeddings (patches, 200) of log-mel frames, shape (n, 96)."""
        from scipy.special import expit

        weights = self._weights
        frames = frames * weights["input.scale"] + weights["input.shift"]
        front = [self._hear(name, frames, hop) for name in TIMBRAL + TEMPORAL]
        # what the filters that training left at zero add up to
        one = np.ones((len(front[0]), PATCH_FRAMES, 1), np.float32)

        first = self._convolve("middle.0", np.concatenate([*front, one], axis=2))
        second = first + self._convolve("middle.1", first)
        third = second + self._convolve("middle.2", second)
        features = np.concatenate([*front, first, second, third], axis=2)
        pooled = np.concatenate([features.max(axis=1), features.mean(axis=1)], axis=1)
        dense = np.maximum(pooled @ weights["dense.weight"] + weights["dense.bias"], 0)
        embedding = dense * weights["dense.scale"] + weights["dense.shift"]
        return expit(embedding @ weights["output.weight"] + weights["output.bias"]), embedding

    def _hear(self, name: str, frames: Array, hop: int) -> Array:
        """Apply filters of the first layer: (patches, 187, filters).

        Patches overlap, so this runs once over all frames. Only where a filter reaches over the ends of a patch does it
        see the zeros that lie around it, and those places are heard patch by patch.
        """
        timbral = name in TIMBRAL
        length = self._weights[f"{name}.weight"].shape[1 if timbral else 0]
        convolve = self._timbral if timbral else self._temporal
        before, after = (length - 1) // 2, length // 2  # TensorFlow's "same"
        patches = sliding_window_view(frames, PATCH_FRAMES, axis=0)[::hop].swapaxes(1, 2)
        inside = sliding_window_view(convolve(name, frames[None])[0], PATCH_FRAMES - length + 1, axis=0)
        ends = (
            convolve(name, np.pad(patches[:, : length - 1], ((0, 0), (before, 0), (0, 0)))),
            convolve(name, np.pad(patches[:, 1 - length :], ((0, 0), (0, after), (0, 0)))),
        )
        whole = np.concatenate([ends[0], inside[::hop].swapaxes(1, 2), ends[1]], axis=1)
        return self._activate(name, whole * self._signs[name])

    def _timbral(self, name: str, x: Array) -> Array:
        """Apply filters of 7 frames by many bands to (n, time, 96), highest of all: (n, places, filters)."""
        bands, length, filters = self._weights[f"{name}.weight"].shape
        windows = sliding_window_view(x, length, axis=1).swapaxes(2, 3)  # (n, places, 7, 96)
        places, width = windows.shape[:2], bands + BANDS_AT_ONCE - 1
        last = N_MELS - width
        highest = np.full((np.prod(places), BANDS_AT_ONCE * filters), -np.inf, np.float32)
        for band in (*range(0, last, BANDS_AT_ONCE), last):
            seen = windows[..., band : band + width].reshape(-1, length * width)
            np.maximum(highest, seen @ self._in_blocks[name], out=highest)
        result: Array = highest.reshape(*places, BANDS_AT_ONCE, filters).max(axis=2)
        return result

    def _temporal(self, name: str, x: Array) -> Array:
        """Apply filters of many frames by one band to (n, time, 96), highest of all: (n, places, filters)."""
        length, filters = self._weights[f"{name}.weight"].shape
        places = x.shape[1] - length + 1
        x = np.pad(x, ((0, 0), (0, -places % FRAMES_AT_ONCE), (0, 0)))
        windows = sliding_window_view(x, length + FRAMES_AT_ONCE - 1, axis=1)[:, ::FRAMES_AT_ONCE]
        highest = [(seen @ self._in_blocks[name]).max(axis=0) for patch in windows for seen in patch]
        return np.reshape(highest, (len(x), -1, filters))[:, :places]

    def _convolve(self, name: str, x: Array) -> Array:
        """Apply filters of 7 frames by all channels to (patches, 187, channels): (patches, 187, filters)."""
        length = self._weights[f"{name}.weight"].shape[2]
        padded = np.pad(x, ((0, 0), (length // 2, length // 2), (0, 0)))
        windows = sliding_window_view(padded, length, axis=1).swapaxes(2, 3)  # (patches, 187, 7, channels)
        result = windows.reshape(-1, length * x.shape[2]) @ self._middle[name]
        return self._activate(name, result.reshape(*x.shape[:2], -1))

    def _activate(self, name: str, x: Array) -> Array:
        bias, scale, shift = (self._weights[f"{name}.{part}"] for part in ("bias", "scale", "shift"))
        result: Array = np.maximum(x + bias, 0) * scale + shift
        return result


def _shifted(kernel: Array, times: int) -> Array:
    """Return filters (length, filters) as a matrix (length + times - 1, times * filters) for so many places."""
    length, filters = kernel.shape
    result = np.zeros((length + times - 1, times, filters), np.float32)
    for place in range(times):
        result[place : place + length, place] = kernel
    return result.reshape(len(result), -1)
