"""The study's style transfer: descend on the Gram matrix of random features, and report why a run stalls.

The loss is that of `retrotone.style.gram_loss`. The study also left the network's own weights unfrozen; as no
optimiser stepped them, that only cost time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import StyleError
from retrotone.progress import Progress, silent
from retrotone.style.gram_loss import STUDY_WEIGHT, Loss, Objective, energy, objective_of
from retrotone.style.random_network import N_FEATURES
from retrotone.types import Matrix
from retrotone.utils.text import counted
from retrotone.utils.threads import one_blas_thread

Optimiser = Literal["adam", "sgd", "polyak"]
# from (loss, gradient) to what is subtracted from X
Step = Callable[[float, Matrix], Matrix]

# A step that moves the spectrogram by less than this share of its size is lost: 100,000 of them would not get far.
TINY_UPDATE = 1e-5
# A loss above this share of the first has not fallen.
STOOD_STILL = 0.99
# In place of a size of zero, which nothing can be divided by.
TINY = 1e-30
# The best loss has fallen when it fell by this share.
TOLERANCE = 0.01


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
        Inside the criterion, see `retrotone.style.gram_loss`. Without effect on a relative loss.
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
        with one_blas_thread():
            return self._objective(target, target)(target.clip(0, 1))[0]

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
        # with more, the last bits would depend on their number
        with one_blas_thread():
            return self._descend(start, target, progress)

    def _descend(self, start: Matrix, style: Matrix, progress: Progress) -> GramResult:
        objective, step_of = self._objective(start, style), self._step()
        ceiling = 1.0 if self.clamp else None
        spectrogram = start.clip(0.0, ceiling)
        clamped_share = 1 - energy(spectrogram) / max(energy(start), TINY)
        loss, gradient = objective(spectrogram)
        losses, sizes, still = [loss], [], []
        best, best_step = loss, 0
        for step in range(1, self.steps + 1):
            before = spectrogram
            spectrogram = before - step_of(loss, gradient)
            # measured before the clamp, which also holds entries in place, and away from zero, where float32 is finest
            sizes.append((energy(spectrogram - before) / max(energy(before), TINY)) ** 0.5)
            above = before > 0
            still.append(float(np.mean((spectrogram == before)[above])) if above.any() else 1.0)
            spectrogram.clip(0.0, ceiling, out=spectrogram)
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
        return GramResult(
            spectrogram=spectrogram,
            losses=np.array(losses),
            floor=objective(style.clip(0, 1))[0] if self.clamp else None,
            clamped_share=clamped_share,
            update_size=float(np.mean(sizes)),
            still_share=float(np.mean(still)),
            blocked_share=energy(gradient[blocked]) / max(energy(gradient), TINY),
        )

    def _step(self) -> Step:
        """Return the step of the optimiser."""
        if self.optimiser == "adam":
            return _adam(self.learning_rate)
        if self.optimiser == "polyak":
            return lambda loss, gradient: gradient * (self.learning_rate * loss / max(energy(gradient), TINY))
        return lambda loss, gradient: gradient * self.learning_rate

    def _objective(self, content: Matrix, style: Matrix) -> Objective:
        """Return the function X -> (loss, gradient)."""
        style_loss_of = objective_of(style, content.shape[1], self.loss, self.style_weight, self.n_features, self.seed)
        scale = 1 / style_loss_of(np.zeros_like(style))[0] if self.relative else 1.0

        def objective(spectrogram: Matrix) -> tuple[float, Matrix]:
            loss, gradient = style_loss_of(spectrogram)
            gradient *= scale
            return loss * scale, gradient

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


def _adam(rate: float) -> Step:
    """Return the steps of Adam (Kingma and Ba 2015, algorithm 1) with the settings of that article."""
    mean = square = np.zeros(1, np.float32)
    for_mean, for_square, least, steps = 0.9, 0.999, 1e-8, 0

    def step(loss: float, gradient: Matrix) -> Matrix:
        nonlocal mean, square, steps
        steps += 1
        mean = for_mean * mean + (1 - for_mean) * gradient
        square = for_square * square + (1 - for_square) * gradient**2
        deviation = np.sqrt(square) / (1 - for_square**steps) ** 0.5 + least
        return np.asarray(mean / deviation * (rate / (1 - for_mean**steps)))

    return step


def _checked(spectrogram: Matrix, name: str) -> Matrix:
    array = np.ascontiguousarray(spectrogram, dtype=np.float32)
    if array.ndim != 2 or array.size == 0:
        raise StyleError(f"{name} must have shape (bins, frames) with at least one frame, not {array.shape}")
    if not np.isfinite(array).all():
        raise StyleError(f"{name} contains NaN or infinite values: check the audio it came from")
    return array
