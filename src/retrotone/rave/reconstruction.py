"""A recording through a RAVE model and back, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from retrotone.audio.files import BLOCK_FRAMES
from retrotone.audio.resampling import resampled
from retrotone.rave.info import RaveInfo
from retrotone.rave.latent_paths import edited
from retrotone.rave.runner import Runner
from retrotone.types import Block, Source


def reconstruct(
    source: Source, runner: Runner, info: RaveInfo, seed: int, scale: ArrayLike = 1.0, offset: ArrayLike = 0.0
) -> Iterator[Block]:
    """Encode, edit, decode: the model alone, at the source's rate, channels and length, at the model's level.

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
    # the latents of detail describe the recording as it was: an edited one goes without them
    detailed = info.detailed and bool(np.all(np.equal(scale, 1)) and np.all(np.equal(offset, 0)))
    # one voice per channel keeps the stereo image of a mono model
    by_channel = info.channels_in == info.channels_out == 1
    voices = runner.voices(source.channels if by_channel else 1, seed)
    counted = _Counted(source)
    # (voices, channels_in, n)
    inputs = _model_inputs(counted, info, by_channel)
    # (voices, latent_size, frames)
    latents = runner.encode(voices, inputs, "encode_full" if detailed else "encode")
    if not detailed:
        latents = (edited(piece, scale, offset) for piece in latents)
    # (voices, channels_out, n) -> (voices * channels_out, n)
    decoded = runner.decode(voices, latents, runner.round_trip)
    sound = (piece.reshape(-1, piece.shape[-1]) for piece in decoded)
    channels_out = source.channels if by_channel else info.channels_out
    yield from counted.at_its_length(resampled(sound, channels_out, info.sample_rate, source.sample_rate))


class _Counted:
    """A source that is read once, and whose frames are counted on the way."""

    def __init__(self, source: Source) -> None:
        self.source, self.frames = source, 0

    def blocks(self) -> Iterator[Block]:
        for block in self.source.blocks():
            self.frames += block.shape[1]
            yield block

    def at_its_length(self, made: Iterable[Block]) -> Iterator[Block]:
        """Fit blocks made from the source to its channels and length.

        The source has been read to its end before the last of them comes: `frames` is its length by then.
        """
        done = 0
        for block in made:
            piece = to_channels(block[:, : max(self.frames - done, 0)], self.source.channels)
            done += piece.shape[1]
            if piece.shape[1]:
                yield piece
        # resampling there and back may lose half a sample
        if done < self.frames:
            yield np.zeros((self.source.channels, self.frames - done), np.float32)


def _model_inputs(counted: _Counted, info: RaveInfo, by_channel: bool) -> Iterator[Block]:
    """Yield the source at the model's rate in short pieces, shape (voices, channels_in, n)."""
    source = counted.source
    for block in resampled(counted.blocks(), source.channels, source.sample_rate, info.sample_rate):
        for start in range(0, block.shape[1], BLOCK_FRAMES):
            piece = block[:, start : start + BLOCK_FRAMES]
            yield piece[:, None] if by_channel else to_channels(piece, info.channels_in)[None]


def to_channels(samples: Block, channels: int) -> Block:
    """Mix down to mono or copy to stereo, shape (n_channels, n) -> (channels, n)."""
    if len(samples) == channels:
        return samples
    if channels == 1:
        middle: Block = samples.mean(axis=0, keepdims=True)
        return middle
    return np.repeat(samples, channels, axis=0)
