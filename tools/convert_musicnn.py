"""Convert musicnn's MSD checkpoint to ``src/retrotone/assets/musicnn_msd.safetensors``, without TensorFlow.

The PyPI wheel ``musicnn`` 0.1.0 (Pons and Serra 2019, ISC licence: ``assets/MUSICNN.md``) carries the weights as a
TensorFlow V2 bundle: ``.index``, a sorted string table in LevelDB's format whose values are BundleEntryProto
messages, and ``.data-00000-of-00001``, the bare numbers::

    pip download musicnn==0.1.0 --no-deps
    .venv/bin/python tools/convert_musicnn.py musicnn-0.1.0-py3-none-any.whl

Batch normalisation is converted to a scale and a shift, and the one between pooling and the dense layer is multiplied
into that layer's weights. Filters of the first layer that training left at zero have a constant output; they are
removed, and their constants added to the weights of the next layers. The mel filters are stored too, so that the
network's input does not depend on a library's version.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from retrotone.features.musicnn import N_FFT, N_MELS, SAMPLE_RATE

WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
CHECKPOINT = "musicnn/MSD_musicnn/"
OUTPUT = Path(__file__).resolve().parents[1] / "src" / "retrotone" / "assets" / "musicnn_msd.safetensors"

# of a string table: two block handles, padding, a magic number
FOOTER_BYTES = 48
# TensorFlow's DT_FLOAT
FLOAT32 = 1
# tf.layers.batch_normalization's default
BATCH_NORM_EPSILON = 1e-3
FRONT = ["timbral.0", "timbral.1", "temporal.0", "temporal.1", "temporal.2"]
MIDDLE = ["middle.0", "middle.1", "middle.2"]
# Filters that change their output by less than this for an input of 1 are left out: they reach 2e-9, all others 9e-3
DEAD = 1e-6

Tensors = dict[str, NDArray[np.float32]]


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the base-128 number at a position, and the position after it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def varints(data: bytes, at: int, count: int) -> list[int]:
    """Return `count` successive numbers, then the position after them."""
    values = []
    for _ in range(count):
        value, at = varint(data, at)
        values.append(value)
    return [*values, at]


def table_block(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a block; of a key only what differs from the previous one is stored."""
    if data[offset + size] != 0:
        raise ValueError("the index is compressed, which no TensorFlow bundle is")
    block = data[offset : offset + size]
    (restarts,) = struct.unpack("<I", block[-4:])
    at, end, key = 0, size - 4 * (restarts + 1), b""
    while at < end:
        shared, fresh, length, at = varints(block, at, 3)
        key = key[:shared] + block[at : at + fresh]
        yield key, block[at + fresh : at + fresh + length]
        at += fresh + length


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a protocol buffer message: number, then an integer or bytes."""
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        if tag & 7 == 0:
            value, at = varint(message, at)
            yield tag >> 3, value
        else:
            length, at = (4, at) if tag & 7 == 5 else varint(message, at)
            yield tag >> 3, message[at : at + length]
            at += length


def read_bundle(index: bytes, data: bytes) -> Tensors:
    """Return the float32 tensors of a V2 checkpoint by name."""
    _, _, offset, size, _ = varints(index, len(index) - FOOTER_BYTES, 4)
    tensors = {}
    for _, handle in table_block(index, offset, size):
        for key, value in table_block(index, *varints(handle, 0, 2)[:2]):
            entry = dict(fields(value))
            # the empty key is the bundle's header
            if not key or entry.get(1) != FLOAT32:
                continue
            dimensions = [dict(fields(field)).get(1, 0) for number, field in fields(entry.get(2, b"")) if number == 2]
            start = entry.get(4, 0)
            tensors[key.decode()] = np.frombuffer(data[start : start + entry[5]], "<f4").reshape(dimensions)
    return tensors


def batch_norm(tensors: Tensors, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a batch normalisation as scale and shift."""
    name = "batch_normalization" + (f"_{number}" if number else "")
    beta, gamma, mean, variance = (
        tensors[f"{name}/{part}"].astype(np.float64) for part in ("beta", "gamma", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    return scale, beta - mean * scale


def convert(tensors: Tensors) -> Tensors:
    """Return the tensors that `retrotone.features.musicnn` runs on.

    TensorFlow numbers its layers as they were created.
    """
    result: dict[str, NDArray[np.floating]] = {"mel": librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS)}
    result["input.scale"], result["input.shift"] = batch_norm(tensors, 0)
    alive, constants = [], []
    for number, name in enumerate(FRONT):
        kernel, bias, scale, shift = convolution(tensors, number)
        # weight decay has set most filters to zero: their output is constant
        kept = np.abs(kernel).sum(axis=tuple(range(kernel.ndim - 1))) * np.abs(scale) > DEAD
        alive.append(kept)
        constants.append(scale * np.maximum(bias, 0) + shift)
        # filters move along frequency: with time as the last axis, their input at each position is contiguous
        result[f"{name}.weight"] = (kernel.swapaxes(0, 1) if kernel.ndim == 3 else kernel)[..., kept]
        result[f"{name}.bias"], result[f"{name}.scale"], result[f"{name}.shift"] = (
            bias[kept],
            scale[kept],
            shift[kept],
        )
    kept, constant = np.concatenate(alive), np.concatenate(constants)[~np.concatenate(alive)]

    for number, name in enumerate(MIDDLE, start=len(FRONT)):
        kernel, bias, scale, shift = convolution(tensors, number)
        # all constants together are one more channel, whose input is 1 inside the patch
        if number == len(FRONT):
            ones = np.einsum("kio,i->ko", kernel[:, ~kept], constant)
            kernel = np.concatenate([kernel[:, kept], ones[:, None]], axis=1)
        # torch's order
        result[f"{name}.weight"] = kernel.transpose(2, 1, 0)
        result[f"{name}.bias"], result[f"{name}.scale"], result[f"{name}.shift"] = bias, scale, shift

    scale, shift = batch_norm(tensors, 9)
    weight = tensors["dense/kernel"].astype(np.float64)
    bias = tensors["dense/bias"] + shift @ weight
    # a channel's maximum, then its mean
    weight = (weight * scale[:, None]).reshape(-1, 2, weight.shape[1])
    bias += constant @ weight[: len(kept)][~kept].sum(axis=1)
    pooled = np.concatenate([weight[: len(kept)][kept], weight[len(kept) :]])
    # all maxima, then all means
    result["dense.weight"] = np.concatenate([pooled[:, 0], pooled[:, 1]])
    result["dense.bias"] = bias
    result["dense.scale"], result["dense.shift"] = batch_norm(tensors, 10)
    result["output.weight"], result["output.bias"] = tensors["dense_1/kernel"], tensors["dense_1/bias"]
    print(f"{kept.sum()} of {len(kept)} filters of the first layer are alive")
    return {name: np.ascontiguousarray(values, np.float32) for name, values in result.items()}


def convolution(tensors: Tensors, number: int) -> tuple[NDArray[np.float64], ...]:
    """Return a convolution's kernel (time, frequency or channels in, channels out), bias, scale and shift."""
    name = "conv2d" + (f"_{number}" if number else "")
    kernel, bias = (tensors[f"{name}/{part}"].astype(np.float64) for part in ("kernel", "bias"))
    return kernel.squeeze(), bias, *batch_norm(tensors, number + 1)


def main() -> None:
    """Read the wheel, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="musicnn-0.1.0-py3-none-any.whl")
    parser.add_argument("-o", "--out", type=Path, default=OUTPUT)
    options = parser.parse_args()
    if hashlib.sha256(options.wheel.read_bytes()).hexdigest() != WHEEL_SHA256:
        parser.error(f"{options.wheel} is not musicnn 0.1.0 as PyPI has it")
    with zipfile.ZipFile(options.wheel) as wheel:
        index, data = (wheel.read(CHECKPOINT + name) for name in (".index", ".data-00000-of-00001"))
    weights = convert(read_bundle(index, data))
    save_file(weights, options.out, metadata={"source": "musicnn 0.1.0, MSD_musicnn", "licence": "ISC"})
    print(f"{options.out}: {len(weights)} tensors, {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
