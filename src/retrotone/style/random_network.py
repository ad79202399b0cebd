"""The study's random network, a 1-D convolution that is never trained, and Gram matrices of its features."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.stft import STUDY_N_FFT

if TYPE_CHECKING:
    import torch

Features = TypeVar("Features", NDArray[np.float32], "torch.Tensor")

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


def network_features(spectrum: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the features that the study's network gives, divided by the root of the frames: F F^T is a mean over them.

    Parameters
    ----------
    spectrum : ndarray, shape (1025, frames)

    Returns
    -------
    ndarray, shape (4096, frames)
    """
    frames = spectrum.shape[1]
    padded = np.pad(spectrum, ((0, 0), (1, 1)))
    patches = np.concatenate([padded[:, :-2], spectrum, padded[:, 2:], np.ones((1, frames), np.float32)])
    patches /= np.float32(frames**0.5)
    features: NDArray[np.float32] = _study_weights() @ patches
    return features


def patch_moments(spectrum: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of p p^T over frames t, p = (x[t-1], x[t], x[t+1], 1), with zeros beyond both ends.

    Its blocks are the products of the spectrum with itself at lags of 0, 1 and 2 frames, without the frames beyond the
    ends: three matrix products instead of nine.

    Parameters
    ----------
    spectrum : ndarray, shape (bins, frames)

    Returns
    -------
    ndarray, shape (3 bins + 1, 3 bins + 1)

    Examples
    --------
    >>> patch_moments(np.array([[1.0, 2.0, 3.0, 4.0]], np.float32))[1].tolist()
    [5.0, 7.5, 5.0, 2.5]
    """
    bins, frames = spectrum.shape
    first, last = spectrum[:, 0], spectrum[:, -1]
    now = spectrum @ spectrum.T
    one = spectrum[:, :-1] @ spectrum[:, 1:].T
    two = spectrum[:, :-2] @ spectrum[:, 2:].T
    total = spectrum.sum(axis=1)
    sums = np.concatenate([total - last, total, total - first])[:, None]
    moments = np.empty((3 * bins + 1, 3 * bins + 1), np.float32)
    moments[:-1, :-1] = np.block(
        [[now - np.outer(last, last), one, two], [one.T, now, one], [two.T, one.T, now - np.outer(first, first)]]
    )
    moments[:-1, -1:], moments[-1:, :-1], moments[-1, -1] = sums, sums.T, frames
    moments /= np.float32(frames)
    return moments


def gram_energy(moments: NDArray[np.float32]) -> float:
    """Return ||W M W^T||_F^2 = tr((M W^T W)^2) of the study's network.

    Parameters
    ----------
    moments : ndarray, shape (3076, 3076)
        A symmetric M in the order of `patch_moments`.
    """
    product = moments @ _study_metric()
    return float(np.einsum("ij,ji->i", product, product).sum(dtype=float))


@lru_cache(maxsize=1)
def _study_weights() -> NDArray[np.float32]:
    """Return the W of the study's network, shape (4096, 3076)."""
    return patch_weights(*random_weights(STUDY_N_FFT // 2 + 1))


@lru_cache(maxsize=1)
def _study_metric() -> NDArray[np.float32]:
    """Return W^T W, shape (3076, 3076)."""
    weights = _study_weights()
    metric: NDArray[np.float32] = weights.T @ weights
    return metric


def gram_matrix(features: Features) -> Features:
    """Return the Gram matrix F F^T / (n_features frames) (Gatys et al. 2016, eq. 3, with the study's norm).

    Parameters
    ----------
    features : ndarray or torch.Tensor, shape (n_features, frames)

    Returns
    -------
    ndarray or torch.Tensor, shape (n_features, n_features)
    """
    gram: Features = features @ features.T / (features.shape[0] * features.shape[1])
    return gram
