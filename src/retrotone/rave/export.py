"""Turn a trained network into a TorchScript file for RAVE's players: nn~ (Max, Pure Data), the RAVE VST, SuperCollider.

Methods, attributes and buffers are those of IRCAM's exports: ``encode``, ``decode``, ``forward`` and, where there is
one, ``prior``, each with its ``_params``. Latents are rotated to principal components and scaled to unit variance, so
that a random path at temperature 1 goes where recordings lie; the detail of the lowest band follows, which holds most
of the harmony. One method is retrotone's own: ``encode_full`` gives all latents of detail. ``decode`` takes either;
``forward`` keeps the detail.
"""

import io
import re
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import block_diag
from torch import Tensor, nn
from torch.nn import functional

from retrotone.errors import ModelError
from retrotone.progress import Progress, silent
from retrotone.rave.nn import resampling
from retrotone.rave.nn.network import Rave
from retrotone.rave.nn.prior import Prior, learn_prior
from retrotone.rave.nn.streaming import Clock, Past, interleaved
from retrotone.rave.shape import RESAMPLED, Shape
from retrotone.rave.torchscript import load_export
from retrotone.rave.weights import PRIOR, SUFFIX, Weights, read_weights
from retrotone.utils.files import write_whole

# training steps of the network per training step of its prior
PRIOR_SHARE = 8
# limits the scaling of a dimension that hardly varies
MAX_SCALE = 1e3
# beginnings of the names of an export's weights, and ends of those that are no weights
LEARNED = ("pqmf.", "encoder.", "decoder.", PRIOR, "latent_", "fidelity")
STATES = (".cache", ".turns", ".starts")
# parts of an archive that no reader needs: debugging information, and a hash
OPTIONAL = (".debug_pkl", ".data/serialization_id")
# TorchScript writes the constants of a module in the order of a set.
CONSTANTS = re.compile(rb"(?:^  \w+ : Final\[.*\n)+", re.MULTILINE)
# nn~'s number for a float
FLOAT = 2


class Rotation(NamedTuple):
    """The map from latents to uncorrelated ones of unit variance, by falling share of the variance.

    Attributes
    ----------
    mean : ndarray, shape (latent_size,)
    forward, inverse : ndarray, shape (latent_size, latent_size)
    fidelity : ndarray, shape (latent_size,)
        Share of the variance that the first k + 1 dimensions keep.
    """

    mean: NDArray[np.float64]
    forward: NDArray[np.float64]
    inverse: NDArray[np.float64]
    fidelity: NDArray[np.float64]


def principal(latents: NDArray[np.float32]) -> Rotation:
    """Find the principal components of latents, shape (latent_size, frames)."""
    variance, directions = np.linalg.eigh(np.cov(latents))
    variance, directions = np.maximum(variance[::-1], 0), directions[:, ::-1]
    scale = np.minimum(1 / np.sqrt(np.maximum(variance, 1e-12)), MAX_SCALE)
    fidelity = np.cumsum(variance) / max(variance.sum(), 1e-12)
    return Rotation(latents.mean(axis=1), scale[:, None] * directions.T, directions / scale, fidelity)


def weights_of(
    network: Rave, encodings: Sequence[NDArray[np.float32]], prior_steps: int = 0, progress: Progress = silent
) -> Weights:
    """Return the weights of a trained network, the rotation of its latents, and a prior.

    Parameters
    ----------
    network : Rave
    encodings : sequence of ndarray, shape (full_latent_size, frames)
        Of recordings of the kind that the model will encode.
    prior_steps : int
        Training steps of the prior on them; 0 leaves it out.
    progress : Progress
    """
    shape = network.shape
    main = [latents[: shape.latent_size] for latents in encodings]
    rotation = principal(np.concatenate(main, axis=1))
    rest = shape.full_latent_size - shape.latent_size
    arrays = {
        "latent_mean": np.pad(rotation.mean, (0, rest)),
        "latent_pca": block_diag(rotation.forward, np.eye(rest)),
        "latent_inverse": block_diag(rotation.inverse, np.eye(rest)),
        "fidelity": np.pad(rotation.fidelity, (0, rest), constant_values=1.0),
    }
    tensors = {name: values.astype(np.float32) for name, values in arrays.items()}
    tensors |= _arrays(network)
    weights = Weights(shape, shape.playable_size, tensors)
    if prior_steps:
        rotated = [(rotation.forward @ (latents - rotation.mean[:, None]))[: weights.drawn_size] for latents in main]
        prior = learn_prior([latents.astype(np.float32) for latents in rotated], steps=prior_steps, progress=progress)
        tensors |= {PRIOR + name: values for name, values in _arrays(prior).items() if name != "cache"}
    return weights


def weights_in(path: Path) -> Weights:
    """Read the weights of a model of retrotone from its ``.safetensors`` file, or from an export of any age.

    Raises
    ------
    ModelError
        Missing, damaged, or no model of retrotone.
    """
    if path.suffix.lower() == SUFFIX:
        return read_weights(path)
    network, info = load_export(path)
    module = network.module
    tensors = {
        name: values.numpy()
        for name, values in module.state_dict().items()
        if name.startswith(LEARNED) and not name.endswith(STATES)
    }
    try:
        shape = Shape.of(tensors, int(getattr(module, "network_rate", info.sample_rate)))
    except LookupError as error:
        raise ModelError(f"{path} was not trained by retrotone: only such models can be exported") from error
    return Weights(shape, info.latent_size, tensors)


class Export(nn.Module):
    """The module that is scripted: see the module's docstring.

    Parameters
    ----------
    weights : Weights
    rate : int
        In Hz, at which players run it: the network's own, or one about RESAMPLED times as high. Where it is not
        exactly that, the network runs a little faster or slower than it was trained.
    """

    latent_mean: Tensor
    latent_pca: Tensor
    latent_inverse: Tensor
    encode_params: Tensor

    def __init__(self, weights: Weights, rate: int) -> None:
        super().__init__()
        shape, tensors = weights.shape, {name: torch.from_numpy(each) for name, each in weights.tensors.items()}
        with torch.random.fork_rng(devices=[]):
            network = Rave(shape)
        network.load_state_dict({name: each for name, each in tensors.items() if name in network.state_dict()})
        self.pqmf, self.encoder, self.decoder = network.pqmf, network.encoder, network.decoder
        self.factor = 1 if rate == shape.sample_rate else RESAMPLED
        self.down = resampling.decimator(self.factor) if self.factor > 1 else nn.Identity()
        self.up = resampling.interpolator(self.factor) if self.factor > 1 else nn.Identity()
        self.latent_size, self.full_latent_size = weights.latent_size, shape.full_latent_size
        self.drawn_size = weights.drawn_size
        self.n_channels, self.stereo = 1, False
        # the RAVE VST wants an integer here, not a tensor
        self.sr = self.sampling_rate = rate
        self.network_rate = shape.sample_rate
        # frames, samples
        frames, samples = shape.delays
        self.encode_delay, self.decode_delay = frames, self.factor * samples + resampling.delay(self.factor)
        self.detail = 1.0
        for name in ("latent_mean", "latent_pca", "latent_inverse", "fidelity"):
            self.register_buffer(name, tensors[name])
        size, ratio = self.latent_size, self.factor * shape.ratio
        self._state("encode", [1, 1, size, ratio])
        self._state("encode_full", [1, 1, self.full_latent_size, ratio])
        self._state("decode", [size, ratio, 1, 1])
        self._state("forward", [1, 1, 1, 1])
        self._state("detail", [FLOAT])

    def _state(self, name: str, numbers: list[int]) -> None:
        """State a method's channels and ratios, in and out, or the types of an attribute, as players expect it."""
        self.register_buffer(f"{name}_params", torch.tensor(numbers))

    @torch.jit.export
    def encode_full(self, x: Tensor) -> Tensor:
        """(batch, 1, frames * ratio) -> (batch, full_latent_size, frames): main latents, then those of detail."""
        latent = self.encoder(self.pqmf(self.down(x))).chunk(2, 1)[0]
        return torch.matmul(self.latent_pca, latent - self.latent_mean[:, None])

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        """(batch, 1, frames * ratio) -> (batch, latent_size, frames)."""
        return self.encode_full(x)[:, : self.latent_size]

    @torch.jit.export
    def decode(self, z: Tensor, from_forward: bool = False) -> Tensor:
        """(batch, latent_size or full_latent_size, frames) -> (batch, 1, frames * ratio)."""
        main, rest = z[:, : self.latent_size], self.detail * z[:, self.latent_size :]
        z = torch.constant_pad_nd(torch.cat([main, rest], 1), [0, 0, 0, self.full_latent_size - z.shape[1]])
        sound: Tensor = self.decoder(torch.matmul(self.latent_inverse, z) + self.latent_mean[:, None])
        return interleaved(self.up(sound), self.factor)

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
        return ["detail"]

    @torch.jit.export
    def get_detail(self) -> tuple[float]:
        """Return the share of the detail that is decoded; in nn~ 1.6, an attribute is a tuple or a list."""
        return (self.detail,)

    @torch.jit.export
    def set_detail(self, detail: float) -> int:
        """Set the share of the detail that is decoded, 0 to 1; -1 says that it is out of range."""
        if detail < 0 or detail > 1:
            return -1
        self.detail = detail
        return 0


class ExportWithPrior(Export):
    """An export with a prior: the method ``prior`` as in RAVE v1."""

    last_z: Tensor

    def __init__(self, weights: Weights, rate: int) -> None:
        super().__init__(weights, rate)
        size, ratio = self.latent_size, self.factor * weights.shape.ratio
        self.leader = Prior(self.drawn_size)
        learned = {name.removeprefix(PRIOR): torch.from_numpy(each) for name, each in weights.tensors.items()}
        self.leader.load_state_dict({name: learned.get(name, each) for name, each in self.leader.state_dict().items()})
        self.temperature = 1.0
        self._state("prior", [1, ratio, size, ratio])
        self._state("temperature", [FLOAT])
        # where SuperCollider's player looks for a prior
        self.register_buffer("last_z", torch.zeros(1, size, 1))

    @torch.jit.export
    def prior(self, control: Tensor) -> Tensor:
        """(batch, 1, frames) -> (batch, latent_size, frames).

        The temperature is the attribute times softplus(control) / log 2, which is 1 for 0.
        """
        temperature = self.temperature * float(functional.softplus(control).mean() / 0.6931471805599453)
        drawn: Tensor = self.leader(control.shape[-1], temperature)
        path = torch.constant_pad_nd(drawn, [0, 0, 0, self.latent_size - self.drawn_size])
        self.last_z.copy_(path[:, :, -1:])
        return path.expand(control.shape[0], -1, -1)

    @torch.jit.export
    def get_methods(self) -> list[str]:
        """Return the names of the methods that nn~ offers."""
        return ["encode", "decode", "forward", "prior"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        """Return the names of the attributes that can be set in nn~."""
        return ["detail", "temperature"]

    @torch.jit.export
    def get_temperature(self) -> tuple[float]:
        """Return the factor of the prior's temperature."""
        return (self.temperature,)

    @torch.jit.export
    def set_temperature(self, temperature: float) -> int:
        """Set the factor of the prior's temperature, 0 or above; -1 says that it is out of range."""
        if temperature < 0:
            return -1
        self.temperature = temperature
        return 0


def streaming(weights: Weights, rate: int | None = None) -> Export:
    """Return the module of a model that carries its past from call to call, at first silence.

    Parameters
    ----------
    weights, rate
        As for `export`.
    """
    module = (ExportWithPrior if weights.has_prior else Export)(weights, rate or weights.shape.sample_rate)
    module.eval().requires_grad_(False)
    for part in module.modules():
        if isinstance(part, Past | Clock):
            part.stream()
    return module


def export(weights: Weights, path: Path, rate: int | None = None) -> None:
    """Write a model as a TorchScript file that streams.

    Parameters
    ----------
    weights : Weights
    path : Path
        A ``.ts`` file.
    rate : int, optional
        In Hz, at which players run it; by default the network's own.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    data = io.BytesIO()
    with warnings.catch_warnings():
        # torch 2.13 deprecates TorchScript, but nn~ loads nothing else
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.jit.save(torch.jit.script(streaming(weights, rate)), data)
    write_whole(path, portable(data.getvalue()))


def portable(archive: bytes) -> bytes:
    """Return a TorchScript archive without the paths of this machine's source files, and the same at every run."""
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as whole, zipfile.ZipFile(data, "w") as made:
        for entry in whole.infolist():
            if not entry.filename.endswith(OPTIONAL):
                content = CONSTANTS.sub(lambda lines: b"".join(sorted(lines[0].splitlines(True))), whole.read(entry))
                made.writestr(entry, content)
    return data.getvalue()


def _arrays(module: nn.Module) -> dict[str, NDArray[np.float32]]:
    return {name: values.detach().numpy() for name, values in module.state_dict().items()}
