"""Run a RAVE model on audio and latents of any length, a window at a time.

A model that streams keeps its past, so its windows need no overlap. One that does not has no memory
between calls: its windows overlap by enough context that both sides agree at the seams.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrotone.rave.info import RaveInfo

Array = NDArray[np.float32]

# long enough to make the cost of a call negligible, short enough for a few MB
WINDOW_SECONDS = 2.0
# the receptive field of RAVE v1 to v3 is 0.55 s to either side
CONTEXT_SECONDS = 0.75
# -120 dBFS: spherical encoders divide by the norm, which is 0 in digital silence
DITHER = 1e-6
# the slowest export known lags by 0.6 s
PROBE_SECONDS = 3.0
PROBE_SAMPLES = 512
# at different positions within a latent frame
PROBES = 4


class Voice(Protocol):
    """One stream of audio through a model, with its own state and random numbers."""

    def __call__(self, method: str, values: Array) -> Array:
        """Run ``encode``, ``encode_full``, ``decode`` or ``prior`` on (channels, n) and return the same, all finite."""


class Network(Protocol):
    """What runs a model: torch or NumPy."""

    @property
    def causal(self) -> bool:
        """Whether no output of the encoder depends on later input."""

    def voice(self, seed: int, moment: int = 0) -> Voice:
        """Return a fresh voice.

        Parameters
        ----------
        seed : int
            Of all that the model draws.
        moment : int
            Frame at which the oscillators and the noise of a model of retrotone begin.
        """


class Runner:
    """A loaded model, its shapes, and its delay.

    Parameters
    ----------
    network : Network
    info : RaveInfo
    """

    def __init__(self, network: Network, info: RaveInfo) -> None:
        self._network = network
        self.ratio, self.streaming = info.ratio, info.streaming
        self.channels_in, sample_rate, ratio = info.channels_in, info.sample_rate, info.ratio
        # of a window, in latent frames
        self._size = max(round(WINDOW_SECONDS * sample_rate / ratio), 1)
        self._context = 0 if self.streaming else -(-round(CONTEXT_SECONDS * sample_rate) // ratio)
        self._probe_frames = -(-round(PROBE_SECONDS * sample_rate) // ratio)
        self._delay = info.delay

    def voices(self, count: int, seed: int, moment: int = 0) -> list[Voice]:
        """Return fresh voices that draw the same noise, so that equal channels stay equal."""
        return [self._network.voice(seed, moment) for _ in range(count)]

    @property
    def delay(self) -> tuple[int, int]:
        """Latent frames by which `encode` lags, and samples by which `decode` lags behind those."""
        if self._delay is None:
            self._delay = self._measure_delay() if self.streaming else (0, 0)
        return self._delay

    @property
    def round_trip(self) -> int:
        """Samples by which what is encoded, then decoded, lags."""
        frames, samples = self.delay
        return frames * self.ratio + samples

    def encode(self, voices: list[Voice], pieces: Iterable[Array], method: str = "encode") -> Iterator[Array]:
        """Turn pieces of shape (voices, channels_in, n) into pieces of shape (voices, latent_size, frames).

        They lag by `delay`; silence is added at the end so that all sound comes out.

        Parameters
        ----------
        voices : list of Voice
            One for each recording, with its own state.
        pieces : iterable of ndarray, shape (voices, channels_in, n)
            At the model's rate.
        method : str
            Of the export: "encode" or "encode_full".
        """
        lag, _ = self.delay
        dither = np.random.default_rng(0)

        def flushed() -> Iterator[Array]:
            total = 0
            for piece in pieces:
                total += piece.shape[-1]
                yield piece
            rest = -total % self.ratio
            # its lag may exceed `lag` frames by part of one
            if self.streaming:
                rest += (lag + 1) * self.ratio
            yield np.zeros((len(voices), self.channels_in, rest), np.float32)

        def run(window: Array) -> Array:
            # one for all voices
            noise = dither.normal(0, DITHER, window.shape[1:]).astype(np.float32)
            return np.stack([voice(method, x + noise) for voice, x in zip(voices, window, strict=True)])

        size, context = self._size * self.ratio, self._context * self.ratio
        encoded = (
            run(window)[..., first // self.ratio : last // self.ratio]
            for window, first, last in windows(flushed(), size, context)
        )
        return encoded

    def decode(self, voices: list[Voice], pieces: Iterable[Array], lag: int) -> Iterator[Array]:
        """Turn latents into sound, shape (voices, channels_out, frames x ratio or more).

        What follows the end of the last frame is the model's decay: cut it off.

        Parameters
        ----------
        voices : list of Voice
            One for each recording, with its own state.
        pieces : iterable of ndarray, shape (voices, latent_size, frames)
        lag : int
            Samples to drop from the start.
        """

        def flushed() -> Iterator[Array]:
            last: Array | None = None
            for piece in pieces:
                if piece.shape[-1]:
                    last = piece[..., -1:]
                    yield piece
            if last is not None:
                yield np.repeat(last, -(-lag // self.ratio), axis=-1)

        def decoded() -> Iterator[Array]:
            tail: Array | None = None
            rise = (np.arange(self.ratio, dtype=np.float32) + 0.5) / self.ratio
            for window, first, last in windows(flushed(), self._size, self._context):
                sound = np.stack([voice("decode", z) for voice, z in zip(voices, window, strict=True)])
                core = sound[..., first * self.ratio : last * self.ratio].copy()
                # the noise on both sides of a seam differs: crossfade over a frame
                if tail is not None:
                    core[..., : self.ratio] *= rise
                    core[..., : self.ratio] += tail * (1 - rise)
                after = sound[..., last * self.ratio : (last + 1) * self.ratio]
                tail = after if after.shape[-1] == self.ratio and not self.streaming else None
                yield core

        return skipped(decoded(), lag)

    def _measure_delay(self) -> tuple[int, int]:
        """Play soft noise with and without a burst: where the outputs differ is the burst.

        The delay is where half of the difference's energy has passed; in a causal model, where the difference starts.
        """
        frames = self._probe_frames
        rng = np.random.default_rng(0)
        quiet = rng.normal(0, 0.01, (self.channels_in, frames * self.ratio)).astype(np.float32)
        half = rng.normal(0, 0.3, (self.channels_in, PROBE_SAMPLES // 2)).astype(np.float32)
        # symmetric, so that linear-phase filters keep its centre
        burst = np.concatenate([half, half[:, -2::-1]], axis=1)
        before = self._latent_and_sound(quiet)
        position_of = _start if self._network.causal else _middle
        lags = []
        for probe in range(PROBES):
            centre = (frames // 4) * self.ratio + (2 * probe + 1) * self.ratio // (2 * PROBES)
            at = centre - burst.shape[1] // 2
            loud = quiet.copy()
            loud[:, at : at + burst.shape[1]] += burst
            latent, sound = self._latent_and_sound(loud)
            in_frames = position_of(np.square(latent - before[0]).sum(axis=0))
            in_samples = position_of(np.square(sound - before[1]).sum(axis=0))
            burst_at = at + position_of(np.square(burst).sum(axis=0))
            lags.append((in_frames + 0.5 - burst_at / self.ratio, in_samples - burst_at))
        in_frames, in_samples = np.mean(lags, axis=0)
        total = max(round(in_samples), 0)
        encoder = min(max(round(in_frames), 0), total // self.ratio)
        return encoder, total - encoder * self.ratio

    def _latent_and_sound(self, samples: Array) -> tuple[Array, Array]:
        voice = self.voices(1, seed=0)[0]
        latent = voice("encode", samples)
        return latent, voice("decode", latent)


def _middle(energy: Array) -> float:
    """Index that half of the energy precedes."""
    total = np.cumsum(energy, dtype=np.float64)
    return float(np.searchsorted(total, total[-1] / 2))


def _start(energy: Array) -> float:
    """Index of the first energy above -90 dB of the maximum."""
    return float(np.argmax(energy > 1e-9 * energy.max()))


def windows(pieces: Iterable[Array], size: int, context: int) -> Iterator[tuple[Array, int, int]]:
    """Cut a stream along its last axis into windows with context on both sides.

    Parameters
    ----------
    pieces : iterable of ndarray, shape (..., n)
    size, context : int
        Length of a window's own part and of the context on each side, in elements of the last axis.

    Yields
    ------
    window : ndarray
        Up to `context` + `size` + `context` long; the last one is padded with zeros to a full `size`.
    first, last : int
        The window's own part, without the context; all parts together are the stream.
    """
    held: Array | None = None
    # frames at the start of `held` that are context
    first = 0
    for piece in pieces:
        held = piece if held is None else np.concatenate([held, piece], axis=-1)
        # a window is yielded only once a further frame shows that it is not the last, which is padded
        while held.shape[-1] >= first + size + max(context, 1):
            yield held[..., : first + size + context], first, first + size
            start = max(first + size - context, 0)
            held, first = held[..., start:], first + size - start
    while held is not None and held.shape[-1] > first:
        last = min(first + size, held.shape[-1])
        missing = max(first + size - held.shape[-1], 0)
        widths = [(0, 0)] * (held.ndim - 1) + [(0, missing)]
        yield np.pad(held, widths), first, last
        start = max(last - context, 0)
        held, first = held[..., start:], last - start


def skipped(pieces: Iterable[Array], count: int) -> Iterator[Array]:
    """Drop the first `count` entries of a stream along its last axis."""
    for piece in pieces:
        if piece.shape[-1] <= count:
            count -= piece.shape[-1]
            continue
        yield piece[..., count:]
        count = 0
