"""The study's style transfer: descend on the Gram matrix of random features, and report why a run stalls.

X is the log1p magnitude spectrogram (bins, frames) of audio at a common level. One convolution with random
weights gives features F (n_features, frames); their Gram matrix G = F F^T / (n_features frames) is the style
(Gatys et al. 2016, as Dipani 2018 took it to audio). The loss is a criterion, a mean over all entries of G,
with the weight w *inside*:

    mse:  mean((w G - w G_style)^2)        mae:  mean(|w G - w G_style|)

so that doubling w multiplies an MSE loss by exactly 4 and an MAE loss by 2 and does not move the optimum: the
study's rise from 2500 to 5000 could not have helped. The study also left the network's own weights unfrozen;
as no optimiser stepped them, that only cost time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from retrotone.errors import StyleError
from retrotone.progress import Progress, silent
from retrotone.style.random_network import (
    KERNEL,
    N_FEATURES,
    gram_matrix,
    patch_weights,
    random_network,
    random_weights,
)
from retrotone.types import Matrix
from retrotone.utils.text import counted

__all__ = ["GramResult", "GramTransfer", "explain", "gram_matrix", "random_network", "style_loss"]

Loss = Literal["mse", "mae"]
Optimiser = Literal["adam", "sgd", "polyak"]
# from X to (loss, gradient)
Objective = Callable[[torch.Tensor], tuple[float, torch.Tensor]]

STUDY_WEIGHT = 2500.0
# A step that moves the spectrogram by less than this share of its size is lost: 100,000 of them would not get far.
TINY_UPDATE = 1e-5
# A loss above this share of the first has not fallen.
STOOD_STILL = 0.99
# The best loss has fallen when it fell by this share.
TOLERANCE = 0.01


def style_loss(gram: torch.Tensor, target: torch.Tensor, kind: Loss, weight: float = STUDY_WEIGHT) -> torch.Tensor:
    """Return the study's style loss of one Gram matrix against another, the weight inside the square.

    Parameters
    ----------
    gram, target : torch.Tensor, shape (n_features, n_features)
    kind : {"mse", "mae"}
    weight : float

    Returns
    -------
    torch.Tensor, shape ()
    """
    difference = weight * gram - weight * target
    return difference.square().mean() if kind == "mse" else difference.abs().mean()


@dataclass(frozen=True, eq=False)
class GramResult:
    """The result of a run, and measurements that explain it.

    Attributes
    ----------
    spectrogram : ndarray, shape (bins, frames), float32
        log1p magnitudes, never negative.
    losses : ndarray, shape (steps + 1,)
        `losses[k]` after k steps; the last one is that of `spectrogram`.
    floor : float or None
        With the clamp: the loss of the *clamped style itself*. Not strictly a bound, as a clamped spectrogram can
        make up for what is cut elsewhere, but about where the loss stalls.
    clamped_share : float
        Share of the content's energy (sum of squared log magnitudes) that the clamp cut away before step 1.
    update_size : float
        Norm of a step over the norm of the spectrogram; mean over the steps.
    still_share : float
        Share of the non-zero entries that a step leaves bit-identical; mean over the steps.
    blocked_share : float
        Share of the last gradient's energy that pushes against the clamp.
    reason : str
        One sentence, see `explain`.
    """

    spectrogram: Matrix
    losses: NDArray[np.float64]
    floor: float | None
    clamped_share: float
    update_size: float
    still_share: float
    blocked_share: float

    @property
    def kept(self) -> float:
        """The last loss over the first: 1 is no progress, 0 is perfect."""
        return float(self.losses[-1] / self.losses[0]) if self.losses[0] else 1.0

    @property
    def reason(self) -> str:
        """Why the loss fell or stood still."""
        return explain(self)


@dataclass(frozen=True)
class GramTransfer:
    """Settings of the descent; the defaults are the usable form, `GramTransfer.study()` the study's recipe.

    Parameters
    ----------
    optimiser : {"adam", "sgd", "polyak"}
        "polyak" is gradient descent by ``learning_rate * loss / ||gradient||^2`` (Polyak 1987): as the best
        style loss is known to be zero, no rate has to be guessed, and a gradient of 1e-8 does no harm. Use 1
        for "mse" and 0.5 for "mae", whose kinks make longer steps zigzag.
    loss : {"mse", "mae"}
    learning_rate : float
        For "adam", about how far an entry (a log magnitude) moves in one step.
    style_weight : float
        Inside the criterion, see the module. Without effect on a relative loss.
    steps : int
        At most.
    clamp : bool
        Clamp into [0, 1] before every step, as the study did; otherwise only the floor at 0 is kept.
    relative : bool
        Divide the loss by that of silence; for "mse" it is then ||G - G_s||^2 / ||G_s||^2, the style distance of
        `retrotone.metrics`.
    patience : int
        Stop when the best loss has not fallen by 1 % for so many steps; 0 never stops early.
    target : float
        Stop when the loss is below this share of the first.
    n_features : int
        Width of the network.
    seed : int
        Of the network.

    Raises
    ------
    StyleError
        A setting that does not exist or is out of range.
    """

    optimiser: Optimiser = "polyak"
    loss: Loss = "mse"
    learning_rate: float = 1.0
    style_weight: float = STUDY_WEIGHT
    steps: int = 60
    clamp: bool = False
    relative: bool = True
    patience: int = 10
    target: float = 0.0
    n_features: int = N_FEATURES
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimiser not in ("adam", "sgd", "polyak"):
            raise StyleError(f"optimiser {self.optimiser!r} does not exist: use adam, sgd or polyak")
        if self.loss not in ("mse", "mae"):
            raise StyleError(f"loss {self.loss!r} does not exist: use mse or mae")
        for name in ("learning_rate", "style_weight", "steps", "n_features"):
            if not 0 < getattr(self, name) < float("inf"):
                raise StyleError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("patience", "target"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise StyleError(f"{name} must be 0 or above, not {getattr(self, name)}")

    @classmethod
    def study(cls, **changes: Any) -> GramTransfer:
        """Return the study's recipe (Adam, MSE, 0.03, clamped, absolute loss, 2,500 steps), with changes."""
        recipe = cls("adam", "mse", learning_rate=0.03, steps=2500, clamp=True, relative=False, patience=0)
        return replace(recipe, **changes)

    def floor(self, style: Matrix) -> float:
        """Return the loss of the style itself once clamped into [0, 1]."""
        target = _checked(style, "style")
        with torch.no_grad():
            return self._objective(target, target)(target.clamp(0, 1))[0]

    def run(self, content: Matrix, style: Matrix, progress: Progress = silent) -> GramResult:
        """Move the content's spectrogram towards the style's Gram matrix.

        Parameters
        ----------
        content : ndarray, shape (bins, frames), float32
            log1p magnitudes: where the descent starts.
        style : ndarray, shape (bins, style_frames), float32
            log1p magnitudes of any length.
        progress : Progress
            Called with the loss after every step; it may raise `Cancelled` to stop.

        Returns
        -------
        GramResult

        Raises
        ------
        StyleError
            The two have different numbers of bins, or hold no frames or NaN; the style is silent.
        """
        start, target = _checked(content, "content"), _checked(style, "style")
        if len(start) != len(target):
            raise StyleError(f"content has {len(start)} bins and style {len(target)}: analyse both with one n_fft")
        if not target.any():
            raise StyleError("the style is silent: choose a recording with sound in it")
        with torch.no_grad():
            return self._descend(start, target, progress)

    def _descend(self, start: torch.Tensor, style: torch.Tensor, progress: Progress) -> GramResult:
        objective = self._objective(start, style)
        ceiling = 1.0 if self.clamp else None
        spectrogram = start.clamp(0.0, ceiling)
        clamped_share = 1 - float(spectrogram.square().sum() / start.square().sum().clamp_min(1e-30))
        if self.optimiser == "adam":
            optimiser: torch.optim.Optimizer = torch.optim.Adam([spectrogram], lr=self.learning_rate)
        else:
            optimiser = torch.optim.SGD([spectrogram], lr=self.learning_rate)
        loss, gradient = objective(spectrogram)
        losses, sizes, still = [loss], [], []
        best, best_step = loss, 0
        for step in range(1, self.steps + 1):
            before = spectrogram.clone()
            if self.optimiser == "polyak":
                gradient *= loss / gradient.square().sum().clamp_min(1e-30)
            spectrogram.grad = gradient
            optimiser.step()
            # measured before the clamp, which also holds entries in place, and away from zero, where float32 is finest
            sizes.append(float((spectrogram - before).norm() / before.norm().clamp_min(1e-30)))
            still.append(float((spectrogram == before)[before > 0].float().mean().nan_to_num(1.0)))
            spectrogram.clamp_(0.0, ceiling)
            loss, gradient = objective(spectrogram)
            losses.append(loss)
            progress(
                step / self.steps, f"step {step} of {self.steps}: loss {loss:.4g}, {loss / losses[0]:.1%} of the start"
            )
            if loss < best * (1 - TOLERANCE):
                best, best_step = loss, step
            if loss <= self.target * losses[0] or (self.patience and step - best_step >= self.patience):
                break
        blocked = (spectrogram == 1) & (gradient < 0) | (spectrogram == 0) & (gradient > 0)
        energy = gradient.square()
        return GramResult(
            spectrogram=spectrogram.numpy(),
            losses=np.array(losses),
            floor=objective(style.clamp(0, 1))[0] if self.clamp else None,
            clamped_share=clamped_share,
            update_size=float(np.mean(sizes)),
            still_share=float(np.mean(still)),
            blocked_share=float(energy[blocked].sum() / energy.sum().clamp_min(1e-30)),
        )

    def _objective(self, content: torch.Tensor, style: torch.Tensor) -> Objective:
        """Return the function X -> (loss, gradient), without autograd: both are a few matrix products."""
        frames = max(content.shape[1], style.shape[1])
        short = self.loss == "mse" and 2 * frames < self.n_features
        style_loss_of = (_short_objective if short else _gram_objective)(style, self)
        scale = 1 / style_loss_of(torch.zeros_like(style))[0] if self.relative else 1.0

        def objective(spectrogram: torch.Tensor) -> tuple[float, torch.Tensor]:
            loss, gradient = style_loss_of(spectrogram)
            return loss * scale, gradient.mul_(scale)

        return objective


def explain(result: GramResult) -> str:
    """Return one sentence that says why a run fell or stood still."""
    first, last, steps = result.losses[0], result.losses[-1], len(result.losses) - 1
    path = f"{first:.4g} to {last:.4g} in {counted(steps, 'step')}"
    if result.kept > STOOD_STILL:
        if result.update_size < TINY_UPDATE:
            why = (
                f"the updates are lost, each moves the spectrogram by {result.update_size:.0e} of its size, "
                f"where float32 resolves 1e-07, and leaves {result.still_share:.0%} of it bit-identical"
            )
        elif result.floor is not None and result.blocked_share > 0.5:
            why = f"{result.blocked_share:.0%} of the gradient pushes against the clamp"
        else:
            why = "the updates are too small, or so large that they overshoot: change the learning rate"
        return f"stood still ({path}): {why}"
    if result.floor is None or result.blocked_share < 0.5:
        return f"fell to {result.kept:.2%} of its start ({path})"
    return (
        f"stuck at {result.kept:.0%} of its start ({path}): the clamp cut away {result.clamped_share:.0%} of "
        f"the content's energy and holds back {result.blocked_share:.0%} of the gradient; "
        f"the style itself, clamped, scores {result.floor:.4g}"
    )


def _mean(difference: torch.Tensor, kind: Loss) -> float:
    # Some rows at a time stay in the processor's cache, and are added up more exactly.
    sums = (float((rows.square() if kind == "mse" else rows.abs()).sum()) for rows in torch.split(difference, 16))
    return sum(sums) / difference.numel()


def _gram_objective(style: torch.Tensor, settings: GramTransfer) -> Objective:
    """Return X -> (style loss, gradient) through the Gram matrix, as the study computed it.

    The convolution is a matrix product with the patches of X, which takes half of the time.
    """
    weights = _weights(len(style), settings.n_features, settings.seed)
    weight = settings.style_weight
    target = gram_matrix(weights @ _patches(style)).mul_(weight)
    difference = torch.empty_like(target)

    def objective(spectrogram: torch.Tensor) -> tuple[float, torch.Tensor]:
        # (n_features, frames)
        features = weights @ _patches(spectrogram)
        # w G = scale F F^T, see gram_matrix
        scale = weight / features.numel()
        torch.addmm(target, features, features.T, beta=-1, alpha=scale, out=difference)
        loss = _mean(difference, settings.loss)
        # the gradient by G, but for the factor `slope`: (n_features, n_features), symmetric
        by_gram = difference if settings.loss == "mse" else difference.sign_()
        slope = (2 if settings.loss == "mse" else 1) / difference.numel()
        by_features = (by_gram @ features).mul_(2 * scale * slope)
        return loss, _unpatch(weights.T @ by_features, len(spectrogram))

    return objective


def _short_objective(style: torch.Tensor, settings: GramTransfer) -> Objective:
    """Return X -> (mean squared style loss, gradient) for clips of few frames: the same values, computed faster.

    As the network is linear, F = W P(X) with P the augmented patches (3 neighbouring frames and a one), and

        ||F F^T - S S^T||^2 = ||F^T F||^2 - 2 ||S^T F||^2 + ||S^T S||^2,    F^T F = P^T Q P,    Q = W^T W,

    where every product is frames x frames instead of n_features x n_features: 5 times less work at 10 s.
    """
    metric = _metric(len(style), settings.n_features, settings.seed)
    scale = settings.style_weight**2 / settings.n_features**2
    style_patches = _patches(style) / (settings.n_features * style.shape[1]) ** 0.5
    style_metric = metric @ style_patches
    constant = _energy(style_patches.T @ style_metric)

    def objective(spectrogram: torch.Tensor) -> tuple[float, torch.Tensor]:
        root = (settings.n_features * spectrogram.shape[1]) ** 0.5
        # (KERNEL bins + 1, frames)
        patches = _patches(spectrogram) / root
        mapped = metric @ patches
        # (frames, frames) and (style frames, frames)
        own, cross = patches.T @ mapped, style_metric.T @ patches
        loss = scale * (_energy(own) - 2 * _energy(cross) + constant)
        by_patches = (mapped @ own).addmm_(style_metric, cross, alpha=-1)
        return max(loss, 0.0), _unpatch(by_patches, len(spectrogram)).mul_(4 * scale / root)

    return objective


def _energy(matrix: torch.Tensor) -> float:
    # float64: the loss is a small difference of such sums
    return float(matrix.double().square().sum())


def _patches(spectrogram: torch.Tensor) -> torch.Tensor:
    """Stack each frame with its neighbours and a one: (bins, frames) -> (KERNEL bins + 1, frames)."""
    padded = functional.pad(spectrogram, (KERNEL // 2, KERNEL // 2))
    frames = spectrogram.shape[1]
    shifted = [padded[:, shift : shift + frames] for shift in range(KERNEL)]
    return torch.cat([*shifted, torch.ones(1, frames)])


def _unpatch(by_patches: torch.Tensor, bins: int) -> torch.Tensor:
    """Add up what each entry contributed to: the transpose of `_patches`, without the one."""
    frames = by_patches.shape[1]
    padded = torch.zeros(bins, frames + KERNEL - 1)
    for shift in range(KERNEL):
        padded[:, shift : shift + frames] += by_patches[shift * bins : (shift + 1) * bins]
    return padded[:, KERNEL // 2 : KERNEL // 2 + frames].contiguous()


@lru_cache(maxsize=1)
def _weights(n_bins: int, n_features: int, seed: int) -> torch.Tensor:
    """Return the network as a matrix W, shape (n_features, KERNEL bins + 1)."""
    return torch.from_numpy(patch_weights(*random_weights(n_bins, n_features, seed)))


@lru_cache(maxsize=1)
def _metric(n_bins: int, n_features: int, seed: int) -> torch.Tensor:
    """Return Q = W^T W, shape (KERNEL bins + 1,) * 2: the network as an inner product of patches."""
    weights = _weights(n_bins, n_features, seed)
    return weights.T @ weights


def _checked(spectrogram: Matrix, name: str) -> torch.Tensor:
    array = np.ascontiguousarray(spectrogram, dtype=np.float32)
    if array.ndim != 2 or array.size == 0:
        raise StyleError(f"{name} must have shape (bins, frames) with at least one frame, not {array.shape}")
    if not np.isfinite(array).all():
        raise StyleError(f"{name} contains NaN or infinite values: check the audio it came from")
    return torch.from_numpy(array.copy())
