"""The study's random network, a 1-D convolution that is never trained, and Gram matrices of its features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

# frames that one feature sees
KERNEL = 3
# the study's width (after Ulyanov and Lebedev 2016)
N_FEATURES = 4096


def random_weights(
    n_bins: int, n_features: int = N_FEATURES, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw weights, then biases, uniformly within ±1/sqrt(3 n_bins), PyTorch's own range for a new layer.

    The numbers are those of ``torch.rand``, 24 bits of each output of the Mersenne Twister, but torch is not needed.

    Parameters
    ----------
    n_bins : int
        Input channels: the bins of the spectrum.
    n_features : int
        Output channels.
    seed : int
        Of the draw.

    Returns
    -------
    weights : ndarray, shape (n_features, n_bins, KERNEL)
    biases : ndarray, shape (n_features,)
    """
    # numpy.random.Generator seeds the Mersenne Twister in another way
    twister = np.random.RandomState(seed)
    bound = np.float32((n_bins * KERNEL) ** -0.5)
    drawn = []
    for size in (n_features * n_bins * KERNEL, n_features):
        outputs = twister.randint(0, 1 << 32, size, dtype=np.uint32) & 0xFFFFFF
        drawn.append((outputs.astype(np.float32) * np.float32(2**-23) - 1) * bound)
    return drawn[0].reshape(n_features, n_bins, KERNEL), drawn[1]


def random_network(n_bins: int, n_features: int = N_FEATURES, seed: int = 0) -> torch.nn.Conv1d:
    """Return the convolution with `random_weights`, frozen.

    Parameters
    ----------
    n_bins, n_features, seed : int
        As for `random_weights`.

    Returns
    -------
    torch.nn.Conv1d
        (batch, n_bins, frames) -> (batch, n_features, frames); no gradient reaches its weights.
    """
    import torch

    # on "meta" the layer draws no weights of its own
    layer = torch.nn.Conv1d(n_bins, n_features, KERNEL, padding=KERNEL // 2, device="meta")
    weights, biases = (torch.from_numpy(drawn) for drawn in random_weights(n_bins, n_features, seed))
    layer.load_state_dict({"weight": weights, "bias": biases}, assign=True)
    return layer.requires_grad_(False)


def patch_weights(weights: NDArray[np.float32], biases: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the convolution as a matrix W, shape (n_features, KERNEL n_bins + 1): F = W P.

    A column of P holds KERNEL neighbouring frames, the earliest first, and a one for the bias.
    """
    by_frame = weights.transpose(0, 2, 1).reshape(len(weights), -1)
    return np.concatenate([by_frame, biases[:, None]], axis=1)


def gram_matrix(features: torch.Tensor) -> torch.Tensor:
    """Return the Gram matrix F F^T / (n_features frames) (Gatys et al. 2016, eq. 3, with the study's norm).

    Parameters
    ----------
    features : torch.Tensor, shape (n_features, frames)

    Returns
    -------
    torch.Tensor, shape (n_features, n_features)
    """
    return features @ features.T / (features.shape[0] * features.shape[1])
