"""Turn a trained network into a TorchScript file for RAVE's players: retrotone, nn~ (Max, Pure Data), the RAVE VST.

Methods and buffers are those of IRCAM's exports: ``encode``, ``decode`` and ``forward``, each with its ``_params``.
Latents are rotated to principal components and scaled to unit variance, so that a random path at temperature 1 goes
where recordings lie. One method is our own: ``encode_full`` gives, after the latents to play with, those of detail.
``decode`` takes either; ``forward`` keeps the detail.
"""

import io
import os
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from retrotone.files import write_whole
from retrotone.rave.network import Rave
from retrotone.rave.streaming import Clock, Past

FIDELITY = 0.99  # share of the latents' variance that the exported ones keep
MAX_SCALE = 1e3  # a dimension that hardly moves is not blown up by more


class Export(nn.Module):
    """What is scripted: see the module's docstring.

    Parameters
    ----------
    network : Rave
    latents : ndarray, shape (full_latent_size, frames)
        Encodings of recordings of the kind that the model will hear.
    """

    latent_mean: Tensor
    latent_pca: Tensor
    latent_inverse: Tensor

    def __init__(self, network: Rave, latents: NDArray[np.float32]) -> None:
        super().__init__()
        shape = network.shape
        mean, rotation, inverse, fidelity = principal(latents[: shape.latent_size], shape.full_latent_size)
        self.pqmf, self.encoder, self.decoder = network.pqmf, network.encoder, network.decoder
        self.latent_size = int(np.searchsorted(fidelity[: shape.latent_size], FIDELITY)) + 1
        self.full_latent_size = shape.full_latent_size
        self.n_channels = 1
        self.sr = shape.sample_rate
        self.encode_delay, self.decode_delay = 1, shape.delay - shape.ratio  # frames, samples
        for name, values in {
            "latent_mean": mean,
            "latent_pca": rotation,
            "latent_inverse": inverse,
            "fidelity": fidelity,
        }.items():
            self.register_buffer(name, torch.from_numpy(values.astype(np.float32)))
        size, ratio = self.latent_size, shape.ratio
        for method, numbers in {
            "encode": [1, 1, size, ratio],
            "encode_full": [1, 1, self.full_latent_size, ratio],
            "decode": [size, ratio, 1, 1],
            "forward": [1, 1, 1, 1],
        }.items():
            self.register_buffer(f"{method}_params", torch.tensor(numbers))
        self.register_buffer("sampling_rate", torch.tensor(shape.sample_rate))

    @torch.jit.export
    def encode_full(self, x: Tensor) -> Tensor:
        """(batch, 1, frames * ratio) -> (batch, full_latent_size, frames): latents to play with, then of detail."""
        latent = self.encoder(self.pqmf(x)).chunk(2, 1)[0]
        return torch.matmul(self.latent_pca, latent - self.latent_mean[:, None])

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        """(batch, 1, frames * ratio) -> (batch, latent_size, frames)."""
        return self.encode_full(x)[:, : self.latent_size]

    @torch.jit.export
    def decode(self, z: Tensor, from_forward: bool = False) -> Tensor:
        """(batch, latent_size or full_latent_size, frames) -> (batch, 1, frames * ratio)."""
        z = functional.pad(z, (0, 0, 0, self.full_latent_size - z.shape[1]))
        sound: Tensor = self.decoder(torch.matmul(self.latent_inverse, z) + self.latent_mean[:, None])
        return sound

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, frames * ratio) -> the same shape."""
        return self.decode(self.encode_full(x), True)

    @torch.jit.export
    def get_methods(self) -> list[str]:
        """Name what nn~ offers."""
        return ["encode", "decode", "forward"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        """Name what nn~ lets one set."""
        nothing: list[str] = []
        return nothing


def principal(
    latents: NDArray[np.float32], full: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Find what turns latents into uncorrelated ones of unit variance, the most important first.

    Parameters
    ----------
    latents : ndarray, shape (latent_size, frames)
    full : int
        Size of what is returned: dimensions past the latents stay as they are.

    Returns
    -------
    mean : ndarray, shape (full,)
    rotation, inverse : ndarray, shape (full, full)
    fidelity : ndarray, shape (full,)
        Share of the variance that the first k + 1 dimensions keep.
    """
    size = len(latents)
    mean = np.zeros(full)
    mean[:size] = latents.mean(axis=1)
    variance, directions = np.linalg.eigh(np.cov(latents))
    variance, directions = np.maximum(variance[::-1], 0), directions[:, ::-1]
    scale = np.minimum(1 / np.sqrt(np.maximum(variance, 1e-12)), MAX_SCALE)
    rotation, inverse, fidelity = np.eye(full), np.eye(full), np.ones(full)
    rotation[:size, :size] = scale[:, None] * directions.T
    inverse[:size, :size] = directions / scale
    fidelity[:size] = np.cumsum(variance) / max(variance.sum(), 1e-12)
    return mean, rotation, inverse, fidelity


def export(network: Rave, latents: NDArray[np.float32], path: str | os.PathLike[str]) -> Path:
    """Write a network as a TorchScript file that streams, with silence as its past.

    Parameters
    ----------
    network : Rave
        It streams from now on: give a copy if it is to be trained further.
    latents : ndarray, shape (full_latent_size, frames)
        See `Export`.
    path : path-like
        A ``.ts`` file.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    module = Export(network, latents).eval().requires_grad_(False)
    for part in module.modules():
        if isinstance(part, Past | Clock):
            part.stream()
    data = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", category=DeprecationWarning
        )  # torch 2.13 has not yet what nn~ would load
        torch.jit.save(torch.jit.script(module), data)
    write_whole(path, data.getvalue())
    return Path(path)
