"""The study's random network, a 1-D convolution that is never trained, and Gram matrices of its features."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# frames that one feature sees
KERNEL = 3
# the study's width (after Ulyanov and Lebedev 2016)
N_FEATURES = 4096


def random_network(n_bins: int, n_features: int = N_FEATURES, seed: int = 0) -> torch.nn.Conv1d:
    """Return the convolution, frozen.

    Weights, then biases, are drawn uniformly within ±1/sqrt(3 n_bins), PyTorch's own range for a new layer,
    from a generator of its own: the same seed gives the same network whatever else has been drawn.

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
    torch.nn.Conv1d
        (batch, n_bins, frames) -> (batch, n_features, frames); no gradient reaches its weights.
    """
    import torch

    # on "meta" the layer draws no weights of its own
    layer = torch.nn.Conv1d(n_bins, n_features, KERNEL, padding=KERNEL // 2, device="meta")
    network = layer.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    bound = (n_bins * KERNEL) ** -0.5
    for weights in (network.weight, network.bias):
        assert weights is not None
        weights.requires_grad_(False)
        weights.copy_((torch.rand(weights.shape, generator=generator) * 2 - 1) * bound)
    return network


def patch_weights(network: torch.nn.Conv1d) -> torch.Tensor:
    """Return the convolution as a matrix W, shape (n_features, KERNEL n_bins + 1): F = W P.

    A column of P holds KERNEL neighbouring frames, the earliest first, and a one for the bias.
    """
    import torch

    assert network.bias is not None
    by_frame = network.weight.permute(0, 2, 1).reshape(network.out_channels, -1)
    return torch.cat([by_frame, network.bias[:, None]], dim=1)


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
