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


def played(
    source: Source,
    runner: Runner,
    info: RaveInfo,
    seed: int,
    scale: ArrayLike = 1.0,
    offset: ArrayLike = 0.0,
) -> Iterator[Block]:
    """Encode, edit, decode: the model alone, at the source's rate, channels and length, as loud as it plays.

    Parameters
    ----------
    source : Audio or AudioFile
        Stereo goes through a mono model channel by channel.
    runner : Runner
    info : RaveInfo
        Of the same model.
    seed : int
        Of all that the model draws.
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
    # detail says how a recording was, whatever the other latents say: what is edited goes without
    detailed = info.detailed and bool(np.all(np.equal(scale, 1)) and np.all(np.equal(offset, 0)))
    each = info.channels_in == info.channels_out == 1  # a voice a channel keeps the stereo image
    voices = runner.voices(source.channels if each else 1, seed)
    frames = 0

    def heard() -> Iterator[Block]:
        nonlocal frames
        for block in source.blocks():
            frames += block.shape[1]
            yield block

    def fitted() -> Iterator[Block]:
        for block in resampled(heard(), source.channels, source.sample_rate, info.sample_rate):
            for start in range(0, block.shape[1], BLOCK_FRAMES):
                piece = block[:, start : start + BLOCK_FRAMES]
                yield piece[:, None] if each else to_channels(piece, info.channels_in)[None]

    latents = runner.encode(voices, fitted(), "encode_full" if detailed else "encode")
    if not detailed:
        latents = (edited(piece, scale, offset) for piece in latents)
    sound = (
        piece.reshape(-1, piece.shape[-1]) for piece in runner.decode(voices, latents, runner.round_trip)
    )
    out = source.channels if each else info.channels_out
    done = 0
    for block in resampled(sound, out, info.sample_rate, source.sample_rate):
        # the song has been read to its end before the last blocks come, so that `frames` is its length by then
        piece = to_channels(block[:, : max(frames - done, 0)], source.channels)
        done += piece.shape[1]
        if piece.shape[1]:
            yield piece
    if done < frames:  # resampled to and fro, half a sample may be lost
        yield np.zeros((source.channels, frames - done), np.float32)


def to_channels(samples: Block, channels: int) -> Block:
    """Mix down or double, shape (n_channels, n) -> (channels, n)."""
    if len(samples) == channels:
        return samples
    if channels == 1:
        middle: Block = samples.mean(axis=0, keepdims=True)
        return middle
    return np.repeat(samples, channels, axis=0)
