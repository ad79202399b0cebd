"""The study's style loss, and its gradient in closed form.

X is the log1p magnitude spectrogram (bins, frames) of audio at a common level. One convolution with random
weights gives features F (n_features, frames); their Gram matrix G = F F^T / (n_features frames) is the style
(Gatys et al. 2016, as Dipani 2018 took it to audio). The loss is a criterion, a mean over all entries of G,
with the weight w *inside*:

    mse:  mean((w G - w G_style)^2)        mae:  mean(|w G - w G_style|)

so that doubling w multiplies an MSE loss by exactly 4 and an MAE loss by 2 and does not move the optimum: the
study's rise from 2500 to 5000 could not have helped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrotone.style.random_network import KERNEL, Features, gram_matrix, patch_weights, random_weights
from retrotone.types import Matrix

Loss = Literal["mse", "mae"]
# from X to (loss, gradient)
Objective = Callable[[Matrix], tuple[float, Matrix]]

STUDY_WEIGHT = 2500.0
# of the Gram matrix at a time: their entries stay in the processor's cache
ROWS = 256


def style_loss(gram: Features, target: Features, kind: Loss, weight: float = STUDY_WEIGHT) -> Any:
    """Return the study's style loss of one Gram matrix against another, the weight inside the square.

    Parameters
    ----------
    gram, target : ndarray or torch.Tensor, shape (n_features, n_features)
    kind : {"mse", "mae"}
    weight : float

    Returns
    -------
    float32 or torch.Tensor, shape ()
    """
    difference = weight * gram - weight * target
    return (difference * difference if kind == "mse" else abs(difference)).mean()


def objective_of(style: Matrix, frames: int, kind: Loss, weight: float, n_features: int, seed: int) -> Objective:
    """Return the function X -> (style loss, gradient), without autograd: both are a few matrix products.

    Parameters
    ----------
    style : ndarray, shape (bins, style_frames), float32
        log1p magnitudes.
    frames : int
        Of X.
    kind : {"mse", "mae"}
    weight : float
    n_features, seed : int
        Of the network.
    """
    if kind == "mse" and 2 * max(frames, style.shape[1]) < n_features:
        return _short_objective(style, weight, n_features, seed)
    return _gram_objective(style, kind, weight, n_features, seed)


def _gram_objective(style: Matrix, kind: Loss, weight: float, n_features: int, seed: int) -> Objective:
    """Return X -> (style loss, gradient) through the Gram matrix, as the study computed it.

    The convolution is a matrix product with the patches of X, which takes half of the time.
    """
    weights = _weights(len(style), n_features, seed)
    target = weight * gram_matrix(weights @ _patches(style))
    entries = target.size

    def objective(spectrogram: Matrix) -> tuple[float, Matrix]:
        # (n_features, frames)
        features = weights @ _patches(spectrogram)
        # w G = scale F F^T, see gram_matrix
        scale = np.float32(weight / features.size)
        scaled, by_features, total = scale * features, np.zeros_like(features), 0.0
        # of the symmetric G, some rows at a time, from the diagonal on
        for start in range(0, n_features, ROWS):
            rows, end = slice(start, start + ROWS), start + ROWS
            difference = scaled[rows] @ features[start:].T
            difference -= target[rows, start:]
            each = np.square(difference) if kind == "mse" else np.abs(difference)
            total += float(2 * each.sum() - each[:, :ROWS].sum())
            # the gradient by these rows of G, but for the factor `slope`
            by_gram = difference if kind == "mse" else np.sign(difference)
            by_features[rows] += by_gram @ features[start:]
            by_features[end:] += by_gram[:, ROWS:].T @ features[rows]
        slope = (2 if kind == "mse" else 1) / entries
        by_features *= 2 * scale * slope
        return total / entries, _unpatch(weights.T @ by_features, len(spectrogram))

    return objective


def _short_objective(style: Matrix, weight: float, n_features: int, seed: int) -> Objective:
    """Return X -> (mean squared style loss, gradient) for clips of few frames: the same values, computed faster.

    As the network is linear, F = W P(X) with P the augmented patches (3 neighbouring frames and a one), and

        ||F F^T - S S^T||^2 = ||F^T F||^2 - 2 ||S^T F||^2 + ||S^T S||^2,    F^T F = P^T Q P,    Q = W^T W,

    where every product is frames x frames instead of n_features x n_features: 5 times less work at 10 s.
    """
    metric = _metric(len(style), n_features, seed)
    scale = weight**2 / n_features**2
    style_patches = _patches(style) / (n_features * style.shape[1]) ** 0.5
    style_metric = metric @ style_patches
    constant = energy(style_patches.T @ style_metric)

    def objective(spectrogram: Matrix) -> tuple[float, Matrix]:
        root = (n_features * spectrogram.shape[1]) ** 0.5
        # (KERNEL bins + 1, frames)
        patches = _patches(spectrogram) / root
        mapped = metric @ patches
        # (frames, frames) and (style frames, frames)
        own, cross = patches.T @ mapped, style_metric.T @ patches
        loss = scale * (energy(own) - 2 * energy(cross) + constant)
        by_patches = mapped @ own
        by_patches -= style_metric @ cross
        return max(loss, 0.0), _unpatch(by_patches, len(spectrogram)) * (4 * scale / root)

    return objective


def energy(values: NDArray[np.float32]) -> float:
    """Return the sum of squares, in float64: losses are small differences of such sums."""
    return float(np.square(values, dtype=np.float64).sum())


def _patches(spectrogram: Matrix) -> Matrix:
    """Stack each frame with its neighbours and a one: (bins, frames) -> (KERNEL bins + 1, frames)."""
    padded = np.pad(spectrogram, ((0, 0), (KERNEL // 2, KERNEL // 2)))
    frames = spectrogram.shape[1]
    shifted = [padded[:, shift : shift + frames] for shift in range(KERNEL)]
    return np.concatenate([*shifted, np.ones((1, frames), np.float32)])


def _unpatch(by_patches: Matrix, bins: int) -> Matrix:
    """Add up what each entry contributed to: the transpose of `_patches`, without the one."""
    frames = by_patches.shape[1]
    padded = np.zeros((bins, frames + KERNEL - 1), np.float32)
    for shift in range(KERNEL):
        padded[:, shift : shift + frames] += by_patches[shift * bins : (shift + 1) * bins]
    return np.ascontiguousarray(padded[:, KERNEL // 2 : KERNEL // 2 + frames])


@lru_cache(maxsize=1)
def _weights(n_bins: int, n_features: int, seed: int) -> Matrix:
    """Return the network as a matrix W, shape (n_features, KERNEL bins + 1)."""
    return patch_weights(*random_weights(n_bins, n_features, seed))


@lru_cache(maxsize=1)
def _metric(n_bins: int, n_features: int, seed: int) -> Matrix:
    """Return Q = W^T W, shape (KERNEL bins + 1,) * 2: the network as an inner product of patches."""
    weights = _weights(n_bins, n_features, seed)
    metric: Matrix = weights.T @ weights
    return metric
