"""Turn a trained network into a TorchScript file for RAVE's players: retrotone, nn~ (Max, Pure Data), the RAVE VST.

Methods and buffers are those of IRCAM's exports: ``encode``, ``decode`` and ``forward``, each with its ``_params``.
Latents are rotated to principal components and scaled to unit variance, so that a random path at temperature 1 goes
where recordings lie. One method is our own: ``encode_full`` gives, after the latents to play with, those of detail.
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

FIDELITY = 0.99  # share of the latents' variance that the exported ones keep
PRIOR_SHARE = 8  # steps of the network's training for one of its prior's
MAX_SCALE = 1e3  # a dimension that hardly moves is not blown up by more


class Turn(NamedTuple):
    """What turns latents into uncorrelated ones of unit variance, the most important first.

    Attributes
    ----------
    mean : ndarray, shape (latent_size,)
    rotation, inverse : ndarray, shape (latent_size, latent_size)
    fidelity : ndarray, shape (latent_size,)
        Share of the variance that the first k + 1 dimensions keep.
    size : int
        Dimensions that keep FIDELITY of it.
    """

    mean: NDArray[np.float64]
    rotation: NDArray[np.float64]
    inverse: NDArray[np.float64]
    fidelity: NDArray[np.float64]
    size: int


def principal(latents: NDArray[np.float32]) -> Turn:
    """Find the principal components of latents, shape (latent_size, frames)."""
    variance, directions = np.linalg.eigh(np.cov(latents))
    variance, directions = np.maximum(variance[::-1], 0), directions[:, ::-1]
    scale = np.minimum(1 / np.sqrt(np.maximum(variance, 1e-12)), MAX_SCALE)
    fidelity = np.cumsum(variance) / max(variance.sum(), 1e-12)
    size = min(int(np.searchsorted(fidelity, FIDELITY)) + 1, len(latents))
    return Turn(latents.mean(axis=1), scale[:, None] * directions.T, directions / scale, fidelity, size)


class Export(nn.Module):
    """What is scripted: see the module's docstring.

    Parameters
    ----------
    network : Rave
    turn : Turn
        Of the latents to play with.
    """

    latent_mean: Tensor
    latent_pca: Tensor
    latent_inverse: Tensor

    def __init__(self, network: Rave, turn: Turn) -> None:
        super().__init__()
        shape = network.shape
        rest = shape.full_latent_size - shape.latent_size
        self.pqmf, self.encoder, self.decoder = network.pqmf, network.encoder, network.decoder
        self.latent_size = turn.size
        self.full_latent_size = shape.full_latent_size
        self.n_channels = 1
        self.sr = shape.sample_rate
        self.encode_delay, self.decode_delay = 1, shape.delay - shape.ratio  # frames, samples
        detail = np.eye(rest)
        for name, values in {
            "latent_mean": np.pad(turn.mean, (0, rest)),
            "latent_pca": block_diag(turn.rotation, detail),
            "latent_inverse": block_diag(turn.inverse, detail),
            "fidelity": np.pad(turn.fidelity, (0, rest), constant_values=1.0),
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


class ExportWithPrior(Export):
    """An export that can lead itself: ``prior`` as in RAVE v1."""

    def __init__(self, network: Rave, turn: Turn, prior: Prior) -> None:
        super().__init__(network, turn)
        self.leader = prior
        ratio = network.shape.ratio
        self.register_buffer("prior_params", torch.tensor([1, ratio, turn.size, ratio]))

    @torch.jit.export
    def prior(self, control: Tensor) -> Tensor:
        """(batch, 1, frames) -> (batch, latent_size, frames): 0 is a temperature of 1, its softplus decides."""
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
    """Write a network as a TorchScript file that streams, with silence as its past.

    Parameters
    ----------
    network : Rave
        It streams from now on: give a copy if it is to be trained further.
    encodings : sequence of ndarray, shape (full_latent_size, frames)
        Of recordings of the kind that the model will hear.
    path : path-like
        A ``.ts`` file.
    prior_steps : int
        For how long a prior is trained on them; 0 leaves it out.
    progress : Progress

    Raises
    ------
    OutputError
        It cannot be written.
    """
    played = [latents[: network.shape.latent_size] for latents in encodings]
    turn = principal(np.concatenate(played, axis=1))
    if prior_steps:
        turned = [(turn.rotation @ (latents - turn.mean[:, None]))[: turn.size] for latents in played]
        prior = learn_prior(
            [latents.astype(np.float32) for latents in turned], steps=prior_steps, progress=progress
        )
        module: Export = ExportWithPrior(network, turn, prior)
    else:
        module = Export(network, turn)
    module.eval().requires_grad_(False)
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
