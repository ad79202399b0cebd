"""A recording through a RAVE model and back, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from retrotone.audio.audio import resampled
from retrotone.audio.files import BLOCK_FRAMES
from retrotone.rave.info import RaveInfo
from retrotone.rave.latent_paths import edited
from retrotone.rave.runner import Runner
from retrotone.types import Block, Source


def reconstruct(
    source: Source,
    runner: Runner,
    info: RaveInfo,
    seed: int,
    scale: ArrayLike = 1.0,
    offset: ArrayLike = 0.0,
) -> Iterator[Block]:
    """Encode, edit, decode: the model alone, at the source's rate, channels and length and the model's own level.

    Parameters
    ----------
    source : Audio or AudioFile
        Stereo goes through a mono model channel by channel.
    runner : Runner
    info : RaveInfo
        Of the same model.
    seed : int
        Of the random numbers that the model draws.
    scale, offset : array_like
        See `retrotone.rave.latent_paths.edited`.

    Yields
    ------
    ndarray, shape (channels, n)
        Together as long as the source.

    Raises
    ------
    AudioError
        The source cannot be read.
    ModelError
        The model fails.
    StyleError
        Scale or offset do not fit.
    """
    # The detail latents describe the recording itself, so edited latents are decoded without them.
    detailed = info.detailed and bool(np.all(np.equal(scale, 1)) and np.all(np.equal(offset, 0)))
    # One voice per channel keeps the stereo image.
    per_channel = info.channels_in == info.channels_out == 1
    voices = runner.voices(source.channels if per_channel else 1, seed)
    counted = _Counted(source)
    pieces = _model_input(counted, info, per_channel)
    latents = runner.encode(voices, pieces, "encode_full" if detailed else "encode")
    if not detailed:
        latents = (edited(piece, scale, offset) for piece in latents)
    sound = (
        piece.reshape(-1, piece.shape[-1]) for piece in runner.decode(voices, latents, runner.round_trip)
    )
    channels = source.channels if per_channel else info.channels_out
    done = 0
    for block in resampled(sound, channels, info.sample_rate, source.sample_rate):
        # The source has been read to its end before the last blocks come: by then `counted.frames` is its length.
        piece = to_channels(block[:, : max(counted.frames - done, 0)], source.channels)
        done += piece.shape[1]
        if piece.shape[1]:
            yield piece
    # Resampling twice may lose half a sample.
    if done < counted.frames:
        yield np.zeros((source.channels, counted.frames - done), np.float32)


class _Counted:
    """A source, and how many frames of it have been read."""

    def __init__(self, source: Source) -> None:
        self.source, self.frames = source, 0

    def blocks(self) -> Iterator[Block]:
        for block in self.source.blocks():
            self.frames += block.shape[1]
            yield block


def _model_input(counted: _Counted, info: RaveInfo, per_channel: bool) -> Iterator[Block]:
    """Yield a source at the model's rate, shape (channels, 1, n) for a voice per channel, else (1, channels_in, n)."""
    source = counted.source
    for block in resampled(counted.blocks(), source.channels, source.sample_rate, info.sample_rate):
        for start in range(0, block.shape[1], BLOCK_FRAMES):
            piece = block[:, start : start + BLOCK_FRAMES]
            yield piece[:, None] if per_channel else to_channels(piece, info.channels_in)[None]


def to_channels(samples: Block, channels: int) -> Block:
    """Mix down or double, shape (n_channels, n) -> (channels, n)."""
    if len(samples) == channels:
        return samples
    if channels == 1:
        middle: Block = samples.mean(axis=0, keepdims=True)
        return middle
    return np.repeat(samples, channels, axis=0)
