"""Turn a trained network into a TorchScript file for RAVE's players: retrotone, nn~ (Max, Pure Data), the RAVE VST.

Methods and buffers are those of IRCAM's exports: ``encode``, ``decode`` and ``forward``, each with its ``_params``.
Latents are rotated to principal components and scaled to unit variance, so that a random path at temperature 1 goes
where recordings lie. One method is retrotone's own: ``encode_full`` gives the main latents, then those of detail.
``decode`` takes either; ``forward`` keeps the detail.
"""

import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import block_diag
from torch import Tensor, nn
from torch.nn import functional

from retrotone.progress import Progress, silent
from retrotone.rave.nn.network import Rave
from retrotone.rave.nn.prior import Prior, learn_prior
from retrotone.rave.nn.streaming import Clock, Past
from retrotone.utils.files import write_whole

# share of the latents' variance that the exported latents keep
FIDELITY = 0.99
# training steps of the network per training step of its prior
PRIOR_SHARE = 8
# limits the scaling of a dimension that hardly varies
MAX_SCALE = 1e3


class Rotation(NamedTuple):
    """The map from latents to uncorrelated ones of unit variance, by falling share of the variance.

    Attributes
    ----------
    mean : ndarray, shape (latent_size,)
    forward, inverse : ndarray, shape (latent_size, latent_size)
    fidelity : ndarray, shape (latent_size,)
        Share of the variance that the first k + 1 dimensions keep.
    size : int
        Dimensions that keep FIDELITY of it.
    """

    mean: NDArray[np.float64]
    forward: NDArray[np.float64]
    inverse: NDArray[np.float64]
    fidelity: NDArray[np.float64]
    size: int


def principal(latents: NDArray[np.float32]) -> Rotation:
    """Find the principal components of latents, shape (latent_size, frames)."""
    variance, directions = np.linalg.eigh(np.cov(latents))
    variance, directions = np.maximum(variance[::-1], 0), directions[:, ::-1]
    scale = np.minimum(1 / np.sqrt(np.maximum(variance, 1e-12)), MAX_SCALE)
    fidelity = np.cumsum(variance) / max(variance.sum(), 1e-12)
    size = min(int(np.searchsorted(fidelity, FIDELITY)) + 1, len(latents))
    return Rotation(latents.mean(axis=1), scale[:, None] * directions.T, directions / scale, fidelity, size)


class Export(nn.Module):
    """The module that is scripted: see the module's docstring.

    Parameters
    ----------
    network : Rave
    rotation : Rotation
        Of the main latents.
    """

    latent_mean: Tensor
    latent_pca: Tensor
    latent_inverse: Tensor

    def __init__(self, network: Rave, rotation: Rotation) -> None:
        super().__init__()
        shape = network.shape
        rest = shape.full_latent_size - shape.latent_size
        self.pqmf, self.encoder, self.decoder = network.pqmf, network.encoder, network.decoder
        self.latent_size = rotation.size
        self.full_latent_size = shape.full_latent_size
        self.n_channels = 1
        self.sr = shape.sample_rate
        # frames, samples
        self.encode_delay, self.decode_delay = 1, shape.delay - shape.ratio
        detail = np.eye(rest)
        for name, values in {
            "latent_mean": np.pad(rotation.mean, (0, rest)),
            "latent_pca": block_diag(rotation.forward, detail),
            "latent_inverse": block_diag(rotation.inverse, detail),
            "fidelity": np.pad(rotation.fidelity, (0, rest), constant_values=1.0),
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
        """(batch, 1, frames * ratio) -> (batch, full_latent_size, frames): main latents, then those of detail."""
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
        """Return the names of the methods that nn~ offers."""
        return ["encode", "decode", "forward"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        """Return the names of the attributes that can be set in nn~."""
        nothing: list[str] = []
        return nothing


class ExportWithPrior(Export):
    """An export with a prior: the method ``prior`` as in RAVE v1."""

    def __init__(self, network: Rave, rotation: Rotation, prior: Prior) -> None:
        super().__init__(network, rotation)
        self.leader = prior
        ratio = network.shape.ratio
        self.register_buffer("prior_params", torch.tensor([1, ratio, rotation.size, ratio]))

    @torch.jit.export
    def prior(self, control: Tensor) -> Tensor:
        """(batch, 1, frames) -> (batch, latent_size, frames) at temperature softplus(control) / log 2: 1 for 0."""
        temperature = float(functional.softplus(control).mean() / 0.6931471805599453)
        path: Tensor = self.leader(control.shape[-1], temperature)
        return path.expand(control.shape[0], -1, -1)


def export(
    network: Rave,
    encodings: Sequence[NDArray[np.float32]],
    path: str | os.PathLike[str],
    prior_steps: int = 0,
    progress: Progress = silent,
) -> Path:
    """Write a network as a TorchScript file that streams, its past initially silent.

    Parameters
    ----------
    network : Rave
        It streams from now on: pass a copy if it is to be trained further.
    encodings : sequence of ndarray, shape (full_latent_size, frames)
        Of recordings of the kind that the model will encode.
    path : path-like
        A ``.ts`` file.
    prior_steps : int
        Training steps of a prior on them; 0 leaves it out.
    progress : Progress

    Raises
    ------
    OutputError
        It cannot be written.
    """
    main = [latents[: network.shape.latent_size] for latents in encodings]
    rotation = principal(np.concatenate(main, axis=1))
    if prior_steps:
        rotated = [(rotation.forward @ (latents - rotation.mean[:, None]))[: rotation.size] for latents in main]
        prior = learn_prior([latents.astype(np.float32) for latents in rotated], steps=prior_steps, progress=progress)
        module: Export = ExportWithPrior(network, rotation, prior)
    else:
        module = Export(network, rotation)
    module.eval().requires_grad_(False)
    for part in module.modules():
        if isinstance(part, Past | Clock):
            part.stream()
    data = io.BytesIO()
    with warnings.catch_warnings():
        # torch 2.13 deprecates TorchScript, but nn~ loads nothing else
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.jit.save(torch.jit.script(module), data)
    write_whole(path, data.getvalue())
    return Path(path)
