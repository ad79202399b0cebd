"""Our RAVE in NumPy: what `retrotone.rave.nn` computes with torch, without the time and the space that torch takes.

A convolution is a matrix product for each of its taps, which BLAS computes about as fast as torch its convolutions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from retrotone.errors import ModelError
from retrotone.rave.info import OWN_KIND, RaveInfo
from retrotone.rave.runner import Voice
from retrotone.rave.shape import (
    COMPRESSION,
    DECADES,
    DILATIONS,
    GAIN,
    HASH,
    LEAK,
    LOWEST_DECADE,
    MIN_DEVIATION,
    ONE_OF_MANY,
    PHASE_BITS,
    tone_phases,
)
from retrotone.rave.weights import PRIOR, Weights, read_weights
from retrotone.utils import pretrained
from retrotone.utils.threads import one_blas_thread

Array = NDArray[np.float32]

# the hash's numbers have 32 bits
HASH_BITS = 0xFFFFFFFF
# ends of the names of parameters; the others are those of the rotation
LEARNED = ("weight", "bias", "weight_ih", "weight_hh", "bias_ih", "bias_hh")


class NumpyNetwork:
    """A network whose weights are ready for use; each recording gets a `Voice` of its own.

    Parameters
    ----------
    weights : Weights
    """

    causal = True

    def __init__(self, weights: Weights) -> None:
        self.weights, shape = weights, weights.shape
        self.tensors = weights.tensors
        self.turns, self.starts = tone_phases(shape)
        strides = {"pqmf": shape.bands, "encoder.detail": shape.held}
        strides |= {f"encoder.deep.{layer}.3": stride for layer, stride in enumerate(shape.strides, 1)}
        names = [name.removesuffix(".weight") for name, tensor in self.tensors.items() if tensor.ndim == 3]
        self.layers = {name: Convolution(self.tensors, name, strides.get(name, 1)) for name in names}

    def voice(self, seed: int, moment: int = 0) -> Voice:
        """See `retrotone.rave.runner.Network.voice`."""
        return _Stream(self, np.random.default_rng(seed), moment)


class Convolution:
    """A causal convolution as one matrix for each tap, shape (out, in * stride)."""

    def __init__(self, tensors: dict[str, Array], name: str, stride: int) -> None:
        weight, self.bias = tensors[f"{name}.weight"], tensors.get(f"{name}.bias")
        out, c_in, kernel = weight.shape
        by_tap = weight.reshape(out, c_in, kernel // stride, stride).transpose(2, 0, 1, 3)
        self.taps = np.ascontiguousarray(by_tap.reshape(kernel // stride, out, c_in * stride))
        self.stride = stride

    def __call__(self, x: Array, past: Array | None, dilation: int) -> tuple[Array, Array]:
        """Convolve (in, n * stride) to (out, n); the past, (in * stride, reach), is silent if None.

        Returns
        -------
        y : ndarray, shape (out, n)
        past : ndarray
            For the next call.
        """
        if self.stride > 1:
            x = x.reshape(len(x), -1, self.stride).transpose(0, 2, 1).reshape(len(x) * self.stride, -1)
        frames, reach = x.shape[1], (len(self.taps) - 1) * dilation
        if reach:
            x = np.concatenate([np.zeros((len(x), reach), np.float32) if past is None else past, x], axis=1)
        y: Array = self.taps[0] @ x[:, :frames]
        for number, tap in enumerate(self.taps[1:], 1):
            y += tap @ x[:, number * dilation : number * dilation + frames]
        if self.bias is not None:
            y += self.bias[:, None]
        return y, x[:, x.shape[1] - reach :].copy()


def load_network(path: Path) -> tuple[NumpyNetwork, RaveInfo]:
    """Load a model of retrotone.

    Raises
    ------
    ModelError
        Missing, damaged, changed since retrotone was installed, or the weights of something else.
    """
    weights = read_weights(path)
    pretrained.check(path)
    shape = weights.shape
    return NumpyNetwork(weights), RaveInfo(
        path=path,
        kind=OWN_KIND,
        sample_rate=shape.sample_rate,
        ratio=shape.ratio,
        latent_size=weights.latent_size,
        full_latent_size=shape.full_latent_size,
        drawn_size=weights.drawn_size,
        channels_in=1,
        channels_out=1,
        detailed=True,
        delay=shape.delays,
        streaming=True,
        codes=None,
        has_prior=weights.has_prior,
        parameters=sum(tensor.size for name, tensor in weights.tensors.items() if name.endswith(LEARNED)),
    )


class _Stream:
    """One recording's way through a network: the past of each layer, and the frames counted so far."""

    def __init__(self, network: NumpyNetwork, rng: np.random.Generator, moment: int) -> None:
        self._network = network
        self._weights, self._shape = network.tensors, network.weights.shape
        self._pasts: dict[str, Array] = {}
        self._noise_frame = self._tone_frame = moment
        self._prior = Prior(network.tensors, rng) if network.weights.has_prior else None

    def __call__(self, method: str, values: Array) -> Array:
        """See `retrotone.rave.runner.Voice`."""
        methods: dict[str, Callable[[Array], Array]] = {
            "encode": lambda x: self._encode(x)[: self._network.weights.latent_size],
            "encode_full": self._encode,
            "decode": self._decode,
            "forward": lambda x: self._decode(self._encode(x)),
            "prior": self._draw,
        }
        with one_blas_thread():
            return methods[method](values)

    def _draw(self, control: Array) -> Array:
        """(1, frames) -> a path (latent_size, frames), as the exports' method ``prior``."""
        if self._prior is None:
            raise ModelError("the model has no prior: export it again with one")
        temperature = np.logaddexp(0, control).mean() / np.log(2)
        path = self._prior(control.shape[1], float(temperature))
        return np.pad(path, ((0, self._network.weights.latent_size - len(path)), (0, 0)))

    def _conv(self, name: str, x: Array, dilation: int = 1) -> Array:
        y, self._pasts[name] = self._network.layers[name](x, self._pasts.get(name), dilation)
        return y

    def _residual(self, name: str, x: Array, dilation: int) -> Array:
        hidden = self._conv(f"{name}.wide", rectified(x), dilation)
        return x + self._conv(f"{name}.point", rectified(hidden))

    def _encode(self, x: Array) -> Array:
        """(1, frames * ratio) -> (full_latent_size, frames): main latents, then those of detail."""
        size = self._shape.latent_size
        bands = np.float32(GAIN) * self._conv("pqmf", x)
        hidden = self._conv("encoder.deep.0", compressed(bands))
        for layer in (1, 2, 3):
            for unit, dilation in enumerate(DILATIONS[:2]):
                hidden = self._residual(f"encoder.deep.{layer}.{unit}", hidden, dilation)
            hidden = self._conv(f"encoder.deep.{layer}.3", rectified(hidden))
        for layer, dilation in enumerate(DILATIONS[:2], 4):
            hidden = self._residual(f"encoder.deep.{layer}", hidden, dilation)
        mean = self._conv("encoder.deep.7", rectified(hidden))[: self._shape.full_latent_size]
        mean[size:] += self._conv("encoder.detail", bands)
        turned: Array = self._weights["latent_pca"] @ (mean - self._weights["latent_mean"][:, None])
        return turned

    def _decode(self, z: Array) -> Array:
        """(latent_size or full_latent_size, frames) -> (1, frames * ratio)."""
        shape = self._shape
        z = np.pad(z, ((0, shape.full_latent_size - len(z)), (0, 0)))
        z = self._weights["latent_inverse"] @ z + self._weights["latent_mean"][:, None]
        hidden = self._conv("decoder.enter", compressed(z))
        for unit, dilation in enumerate(DILATIONS):
            hidden = self._residual(f"decoder.deep.{unit}", hidden, dilation)
        slow = self._up("decoder.slow", hidden, shape.strides[2])
        middle = self._up("decoder.middle", slow, shape.strides[1])
        fast = rectified(self._up("decoder.fast", middle, shape.strides[0]))
        bands = np.tanh(self._conv("decoder.waveform", fast)) * amplitude(self._conv("decoder.loudness", fast))
        bands += interleaved(self._conv("decoder.detail", z[shape.latent_size :] / np.float32(GAIN)), shape.held)
        level = amplitude(self._conv("decoder.noise", rectified(middle)))
        bands += np.repeat(level, shape.strides[0], axis=1) * self._noise(bands.shape[1])
        return interleaved(self._conv("decoder.synthesis", bands), shape.bands) + self._tones(rectified(slow))

    def _up(self, name: str, x: Array, stride: int) -> Array:
        x = interleaved(self._conv(f"{name}.conv", rectified(x)), stride)
        for unit, dilation in enumerate(DILATIONS):
            x = self._residual(f"{name}.units.{unit}", x, dilation)
        return x

    def _noise(self, frames: int) -> Array:
        """Return white noise between -1 and 1, shape (bands, frames)."""
        bands = self._shape.bands
        number = (self._noise_frame + np.arange(frames)) * bands + np.arange(bands)[:, None]
        self._noise_frame += frames
        number = ((number ^ (number >> 16)) * HASH[0]) & HASH_BITS
        number = ((number ^ (number >> 15)) * HASH[1]) & HASH_BITS
        return (number ^ (number >> 16)).astype(np.float32) / np.float32(HASH_BITS >> 1) - 1

    def _tones(self, x: Array) -> Array:
        """(channels, frames) -> the sum of the oscillators, (1, frames * tone_hop)."""
        level = np.float32(ONE_OF_MANY) * amplitude(self._conv("decoder.tones.level", x))
        frame = self._tone_frame + np.arange(level.shape[1])
        self._tone_frame += level.shape[1]
        phase = (self._network.turns * frame + self._network.starts) & (2**PHASE_BITS - 1)
        angle = phase.astype(np.float32) * np.float32(2 * np.pi / 2.0**PHASE_BITS)
        parts = np.concatenate([level * np.cos(angle), level * np.sin(angle)])
        return interleaved(self._conv("decoder.tones.play", parts), self._shape.tone_hop)


class Prior:
    """The recurrent network that draws paths, with the state after its last frame; see `retrotone.rave.nn.prior`.

    Parameters
    ----------
    tensors : dict of str to ndarray
        Of the model.
    rng : numpy.random.Generator
    """

    def __init__(self, tensors: dict[str, Array], rng: np.random.Generator) -> None:
        names = ("cell.weight_ih", "cell.bias_ih", "cell.weight_hh", "cell.bias_hh", "head.weight", "head.bias")
        self._parts = [tensors[PRIOR + name] for name in names]
        hidden, size = self._parts[2].shape[1], self._parts[0].shape[1]
        self._rng, self._size, self._mixture = rng, size, len(self._parts[5]) // (2 * size + 1)
        self._state, self._last = np.zeros(hidden, np.float32), np.zeros(size, np.float32)

    def __call__(self, frames: int, temperature: float) -> Array:
        """Draw the next frames, shape (size, frames); the temperature is above 0."""
        path = np.empty((self._size, frames), np.float32)
        for frame in range(frames):
            weights, means, deviations = self._predict()
            likely = np.exp((weights - weights.max()) / temperature)
            # the largest ratio of a probability to an exponential draw is a draw from the probabilities
            choice = np.argmax(likely / self._rng.standard_exponential(self._mixture))
            noise = temperature * deviations[choice] * self._rng.standard_normal(self._size)
            self._last = path[:, frame] = (means[choice] + noise).astype(np.float32)
        return path

    def _predict(self) -> tuple[Array, Array, Array]:
        """Advance by a frame: log weights (mixture,), means and deviations (mixture, size) of the next one."""
        weight_ih, bias_ih, weight_hh, bias_hh, head, head_bias = self._parts
        by_input, by_state = weight_ih @ self._last + bias_ih, weight_hh @ self._state + bias_hh
        reset_in, update_in, new_in = np.split(by_input, 3)
        reset_state, update_state, new_state = np.split(by_state, 3)
        update = expit(update_in + update_state)
        new = np.tanh(new_in + expit(reset_in + reset_state) * new_state)
        self._state = (1 - update) * new + update * self._state
        numbers = head @ self._state + head_bias
        means, raw = numbers[self._mixture :].reshape(2, self._mixture, self._size)
        return numbers[: self._mixture], means, np.logaddexp(np.float32(0), raw) + np.float32(MIN_DEVIATION)


def rectified(x: Array) -> Array:
    """Return the leaky rectification of features."""
    y: Array = np.maximum(x, np.float32(LEAK) * x)
    return y


def compressed(x: Array) -> Array:
    """See `retrotone.rave.nn.network.compressed`."""
    y: Array = np.arcsinh(np.float32(COMPRESSION) * x)
    return y


def amplitude(x: Array) -> Array:
    """See `retrotone.rave.nn.network.amplitude`."""
    exponent = np.float32(DECADES) * expit(x) + np.float32(LOWEST_DECADE)
    y: Array = np.exp(np.float32(np.log(10)) * exponent)
    return y


def interleaved(x: Array, stride: int) -> Array:
    """Interleave groups of channels in time: (channels * stride, n) -> (channels, n * stride)."""
    return x.reshape(-1, stride, x.shape[1]).transpose(0, 2, 1).reshape(len(x) // stride, -1)
