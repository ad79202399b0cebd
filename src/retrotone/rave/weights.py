"""The weights of a RAVE that retrotone trained, in a safetensors file: arrays only, nothing executable.

They are named as in the TorchScript exports: ``pqmf``, ``encoder``, ``decoder``, the rotation of the latents
(``latent_mean``, ``latent_pca``, ``latent_inverse``, ``fidelity``) and, where there is one, the prior (``leader``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.files import MAX_RATE, MIN_RATE
from retrotone.errors import ModelError
from retrotone.rave.shape import Shape
from retrotone.utils.files import is_file, write_whole

SUFFIX = ".safetensors"
PRIOR = "leader."
# share of the main latents' variance that random paths vary
FIDELITY = 0.99


@dataclass(frozen=True, eq=False)
class Weights:
    """All that a model has learned.

    Attributes
    ----------
    shape : Shape
    latent_size : int
        Latents that the model gives, from the first on: the main ones, and in newer models the detail of the lowest
        band.
    tensors : dict of str to ndarray, float32
    """

    shape: Shape
    latent_size: int
    tensors: dict[str, NDArray[np.float32]]

    @property
    def drawn_size(self) -> int:
        """The first principal components that keep FIDELITY of the main latents' variance: what random paths draw."""
        kept = int(np.searchsorted(self.tensors["fidelity"], FIDELITY)) + 1
        return min(kept, self.shape.latent_size, self.latent_size)

    @property
    def has_prior(self) -> bool:
        """Whether there is a prior among them."""
        return any(name.startswith(PRIOR) for name in self.tensors)

    def write(self, path: Path) -> None:
        """Write them to a file.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        import safetensors.numpy

        numbers = {"sample_rate": self.shape.sample_rate, "latent_size": self.latent_size}
        parts = self.tensors | {name: np.array([number]) for name, number in numbers.items()}
        write_whole(path, safetensors.numpy.save(parts))


def read_weights(path: Path) -> Weights:
    """Read what `Weights.write` wrote.

    Raises
    ------
    ModelError
        Missing, damaged, or the weights of something else.
    """
    import safetensors.numpy

    if not is_file(path):
        raise ModelError(f"{path} does not exist: name a model's file, or see retrotone models list")
    try:
        tensors = safetensors.numpy.load_file(path)
        sample_rate, latent_size = (int(tensors.pop(name)[0]) for name in ("sample_rate", "latent_size"))
        weights = Weights(Shape.of(tensors, sample_rate), latent_size, tensors)
    # safetensors raises its own errors, struct's and json's
    except Exception as error:
        raise ModelError(f"{path} holds no model of retrotone, or is damaged: export the model again") from error
    if not (MIN_RATE <= sample_rate <= MAX_RATE and 1 <= latent_size <= weights.shape.playable_size):
        raise ModelError(f"{path} holds no model of retrotone, or is damaged: export the model again")
    return weights
