"""musicnn: the tags that listeners give to music, heard from three seconds of it at a time.

The network of Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging" (2019),
trained on the Million Song Dataset with the fifty tags most used on Last.fm. Its weights are converted from their
release by ``tools/convert_musicnn.py`` (ISC licence: ``assets/MUSICNN.md``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from itertools import chain
from typing import NamedTuple

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d, conv2d, pad

from retrotone.audio import Audio, folded, resampled
from retrotone.errors import AnalysisError
from retrotone.files import AudioFile
from retrotone.one_thread import one_thread
from retrotone.progress import Progress, silent

SAMPLE_RATE, N_FFT, HOP_LENGTH, N_MELS = 16_000, 512, 256, 96
PATCH_FRAMES = 187  # 3 s, what the network was trained on
COMPRESSION = 10_000  # log10(1 + 10,000 S)
BATCH = 14  # patches; more are slower, as memory above 32 MB goes back to the system each time
BLOCK = 8  # frames that one step of a temporal convolution gives
TIMBRAL = ("timbral.0", "timbral.1")
TEMPORAL = ("temporal.0", "temporal.1", "temporal.2")

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

    tags: NDArray[np.float32]
    embedding: NDArray[np.float32]
    times: NDArray[np.float32]


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
    blocks = (torch.from_numpy(block[0]) for block in resampled(mono, 1, source.sample_rate, SAMPLE_RATE))
    expected = source.duration * SAMPLE_RATE / HOP_LENGTH / hop
    tags: list[NDArray[np.float32]] = []
    embedding: list[NDArray[np.float32]] = []
    network, heard = _network(), 0
    with torch.inference_mode(), one_thread():
        for span in _spans(network.log_mel(blocks), hop):
            both = network.tag(span, hop)
            tags.append(both[0].numpy())
            embedding.append(both[1].numpy())
            heard += len(tags[-1])
            progress(min(heard / expected, 1.0), f"listening to {source.name}")
    times = np.arange(heard, dtype=np.float32) * np.float32(hop * HOP_LENGTH / SAMPLE_RATE)
    return Patches(np.concatenate(tags), np.concatenate(embedding), times)


def taggram(
    recording: Audio | str | os.PathLike[str], hop: int = PATCH_FRAMES, progress: Progress = silent
) -> NDArray[np.float32]:
    """Return how likely each of `LABELS` is over time, shape (patches, 50); see `listen`."""
    return listen(recording, hop, progress).tags


def embedding(
    recording: Audio | str | os.PathLike[str], hop: int = PATCH_FRAMES, progress: Progress = silent
) -> NDArray[np.float32]:
    """Return the network's last layer but one over time, shape (patches, 200); see `listen`."""
    return listen(recording, hop, progress).embedding


def _spans(frames: Iterable[Tensor], hop: int) -> Iterator[Tensor]:
    """Cut a stream of frames into stretches of up to BATCH patches; a single short one is repeated into a patch."""
    held = torch.zeros(0, N_MELS)
    length, step, whole = (BATCH - 1) * hop + PATCH_FRAMES, BATCH * hop, False
    for more in frames:
        held = torch.cat([held, more])
        while len(held) >= max(length, step):
            yield held[:length]
            held, whole = held[step:], True
    if not whole and len(held) < PATCH_FRAMES:
        held = held.repeat(-(-PATCH_FRAMES // len(held)), 1)[:PATCH_FRAMES]
    if len(held) >= PATCH_FRAMES:
        yield held


@cache
def _network() -> _Network:
    file = resources.files("retrotone") / "assets" / "musicnn_msd.safetensors"
    return _Network(safetensors.torch.load(file.read_bytes()))


class _Network:
    """The network on the weights that ``tools/convert_musicnn.py`` writes.

    Every convolution is followed by a ReLU, then by batch normalisation (a scale and a shift here), then in the first
    layer by the maximum over all frequencies. That maximum is taken first, of a filter whose scale is negative
    with the opposite sign: the rest never changes the order.
    """

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self._weights = weights
        self._window = torch.hann_window(N_FFT)
        self._signs = {name: torch.sign(weights[f"{name}.scale"]) for name in TIMBRAL + TEMPORAL}
        self._timbral = {
            name: (weights[f"{name}.weight"] * self._signs[name]).permute(2, 1, 0)[:, None].contiguous()
            for name in TIMBRAL
        }
        self._temporal = {
            name: _in_blocks(weights[f"{name}.weight"] * self._signs[name]) for name in TEMPORAL
        }

    def log_mel(self, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Turn a stream of samples at 16 kHz into one of log-mel frames, shape (n, 96), centred on every 256th."""
        held = torch.zeros(N_FFT // 2)
        for block in chain(blocks, [torch.zeros(N_FFT // 2)]):
            held = torch.cat([held, block])
            ready = (len(held) - N_FFT) // HOP_LENGTH + 1
            if ready > 0:
                frames = held.unfold(0, N_FFT, HOP_LENGTH) * self._window
                power = torch.fft.rfft(frames).abs().square()
                yield torch.log10(1 + COMPRESSION * (power @ self._weights["mel"].T))
                held = held[ready * HOP_LENGTH :]

    def tag(self, frames: Tensor, hop: int) -> tuple[Tensor, Tensor]:
        """Return tags (patches, 50) and embeddings (patches, 200) of log-mel frames, shape (n, 96)."""
        weights = self._weights
        frames = frames * weights["input.scale"] + weights["input.shift"]
        patches = frames.unfold(0, PATCH_FRAMES, hop).transpose(1, 2)  # (patches, 187, 96)
        front = [self._hear_timbre(name, frames, patches, hop) for name in TIMBRAL]
        front += [self._hear_time(name, patches) for name in TEMPORAL]
        one = torch.ones(
            len(patches), 1, PATCH_FRAMES
        )  # what the filters that training left at zero add up to

        first = self._convolve("middle.0", torch.cat([*front, one], dim=1))
        second = first + self._convolve("middle.1", first)
        third = second + self._convolve("middle.2", second)
        features = torch.cat([*front, first, second, third], dim=1)
        pooled = torch.cat([features.amax(dim=2), features.mean(dim=2)], dim=1)
        dense = torch.relu(pooled @ weights["dense.weight"] + weights["dense.bias"])
        embedding = dense * weights["dense.scale"] + weights["dense.shift"]
        return torch.sigmoid(embedding @ weights["output.weight"] + weights["output.bias"]), embedding

    def _hear_timbre(self, name: str, frames: Tensor, patches: Tensor, hop: int) -> Tensor:
        """Apply filters of 7 frames by many bands: (patches, filters, 187).

        Patches overlap, so this runs once over all frames. Only a patch's first and last three places see the zeros
        that lie around it, and are heard by themselves.
        """
        kernel = self._timbral[name]
        reach = kernel.shape[2] // 2

        def convolve(x: Tensor) -> Tensor:  # (n, time, 96) -> (n, filters, time - 6)
            return conv2d(x[:, None], kernel).amax(dim=3)

        inside = convolve(frames[None])[0]  # (filters, frames - 6)
        start = convolve(pad(patches[:, : 2 * reach], (0, 0, reach, 0)))
        end = convolve(pad(patches[:, -2 * reach :], (0, 0, 0, reach)))
        middle = inside.unfold(1, PATCH_FRAMES - 2 * reach, hop).transpose(0, 1)
        return self._activate(name, torch.cat([start, middle, end], dim=2) * self._signs[name][:, None])

    def _hear_time(self, name: str, patches: Tensor) -> Tensor:
        """Apply filters of many frames by one band: (patches, filters, 187)."""
        kernel, length = self._temporal[name], self._weights[f"{name}.weight"].shape[0]
        blocks = -(-PATCH_FRAMES // BLOCK)
        margin = (length - 1) // 2, length // 2 + blocks * BLOCK - PATCH_FRAMES
        result = conv2d(pad(patches, (0, 0, *margin))[:, None], kernel, stride=(BLOCK, 1)).amax(dim=3)
        in_order = result.view(len(patches), -1, BLOCK, blocks).transpose(2, 3).flatten(2)[..., :PATCH_FRAMES]
        return self._activate(name, in_order * self._signs[name][:, None])

    def _convolve(self, name: str, x: Tensor) -> Tensor:
        """Apply filters of 7 frames by all channels: (patches, filters, 187)."""
        return self._activate(name, conv1d(x, self._weights[f"{name}.weight"], padding="same"))

    def _activate(self, name: str, x: Tensor) -> Tensor:
        bias, scale, shift = (self._weights[f"{name}.{part}"][:, None] for part in ("bias", "scale", "shift"))
        return torch.relu(x + bias) * scale + shift


def _in_blocks(kernel: Tensor) -> Tensor:
    """Return filters (frames, filters) that give BLOCK frames a step: several times faster for so few channels."""
    length, filters = kernel.shape
    result = torch.zeros(filters, BLOCK, length + BLOCK - 1)
    for place in range(BLOCK):
        result[:, place, place : place + length] = kernel.T
    return result.flatten(0, 1)[:, None, :, None]
