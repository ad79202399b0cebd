"""Train a `retrotone.rave.nn.network.Rave`, with checkpoints from which it goes on as if it had never stopped."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retrotone.dsp.filterbanks import mel
from retrotone.errors import ModelError
from retrotone.progress import Progress, part, silent
from retrotone.rave.corpus import Corpus, gather
from retrotone.rave.nn.discriminator import Critics
from retrotone.rave.nn.network import Rave, Shape
from retrotone.rave.runner import MAX_SEED
from retrotone.utils.files import write_whole
from retrotone.utils.temporary import alone
from retrotone.utils.threads import one_thread

UNREADABLE = (
    RuntimeError,
    KeyError,
    TypeError,
    ValueError,
    OSError,
    EOFError,
    UnpicklingError,
)  # of a checkpoint
SCALES = (2048, 512, 128)  # windows of the spectral distance, in samples
BANDS = {2048: 40, 512: 20, 128: 8}  # mel bands at each
BAND_WEIGHT = 2.0
AUDIBLE = 1e-6  # of a window's gain: magnitudes below it count as silence in the logarithm
BETAS = (0.9, 0.99)  # of AdamW
WEIGHT_DECAY = 1e-4
RAMP_STEPS = 200  # until the learning rate is reached
LAST_RATE = 0.01  # share of the learning rate that is left at the end: it falls as half a cosine
MAX_NORM = 1.0  # of the gradient
MEMORY = 0.999  # of the running mean of the weights, which is what gets exported
CHECKED = 8  # crops of recordings held out, to see how the model does on what it has not heard
KL_WEIGHT, DETAIL_KL_WEIGHT = 0.01, 0.002
KL_WARM_UP = 0.25  # of all steps, until the weights of the Kullback-Leibler distance are reached
WAVE_WEIGHT = 1.0
TRANSFORM_RATE = 0.1  # of the learning rate, for the two transforms that start out right
EXCERPT_SECONDS = 20  # of each recording, from which principal components and prior are found
CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    steps : int
        Of the optimiser.
    batch : int
        Crops a step; half of them are answered without the latents of detail.
    crop : int
        Samples, a multiple of the model's ratio.
    learning_rate : float
    adversarial_from : float
        Share of the steps after which the encoder rests and critics judge the decoder; 1 is never.
    every : int
        Steps from one checkpoint to the next.
    seed : int
    """

    steps: int = 20_000
    batch: int = 4
    crop: int = 32_768
    learning_rate: float = 1e-3
    adversarial_from: float = 1.0
    every: int = 500
    seed: int = 0


class Point(NamedTuple):
    """The losses at a checkpoint, as means since the last one; `held_out` as it stands, NaN without such recordings."""

    step: int
    spectral: float
    wave: float
    divergence: float
    held_out: float


class Training:
    """A network on its way.

    Parameters
    ----------
    corpus : Corpus
    recipe : Recipe
    shape : Shape

    Attributes
    ----------
    network : Rave
        As it is trained.
    average : Rave
        Its running mean.
    step : int
    history : list of Point
    """

    def __init__(self, corpus: Corpus, recipe: Recipe, shape: Shape) -> None:
        self.corpus, self.recipe, self.shape = corpus, recipe, shape
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed % MAX_SEED)
            self.network = Rave(shape)
            self.critics = Critics()
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.step, self.history = 0, list[Point]()
        self._weights = [weights for weights in self.network.parameters() if weights.requires_grad]
        transforms = [self.network.encoder.detail.weight, self.network.decoder.detail.weight]
        others = [weights for weights in self._weights if all(weights is not known for known in transforms)]
        self._optimiser = torch.optim.AdamW(
            [{"params": others, "share": 1.0}, {"params": transforms, "share": TRANSFORM_RATE}],
            recipe.learning_rate,
            BETAS,
            weight_decay=WEIGHT_DECAY,
        )
        self._critics_optimiser = torch.optim.AdamW(
            self.critics.parameters(), recipe.learning_rate / 2, (0.5, 0.9)
        )
        self._recent: list[tuple[float, float, float]] = []

    def run(self, save: Callable[[Training], None], progress: Progress = silent) -> None:
        """Train up to the recipe's last step.

        Parameters
        ----------
        save : callable
            Called with this training at every checkpoint.
        progress : Progress

        Raises
        ------
        ModelError
            The losses are no longer finite.
        """
        while self.step < self.recipe.steps:
            with one_thread():  # as fast as two, and the same bits on any number of cores
                self._recent.append(self._advance())
            if self.step % self.recipe.every == 0 or self.step == self.recipe.steps:
                self.history.append(self._point())
                self._recent = []
                if not math.isfinite(self.history[-1].spectral):
                    raise ModelError("the losses are no longer finite: train again with another seed")
                save(self)
            progress(self.step / self.recipe.steps, self._message())

    def state(self) -> dict[str, Any]:
        """Return all that goes on from here: tensors and numbers only."""
        return {
            "recipe": asdict(self.recipe),
            "shape": asdict(self.shape),
            "step": self.step,
            "history": [tuple(point) for point in self.history],
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "critics": self.critics.state_dict(),
            "critics_optimiser": self._critics_optimiser.state_dict(),
        }

    @classmethod
    def restored(cls, corpus: Corpus, state: dict[str, Any]) -> Training:
        """Return the training that `state` was taken of."""
        training = cls(corpus, Recipe(**state["recipe"]), Shape(**state["shape"]))
        training.step = state["step"]
        training.history = [Point(*point) for point in state["history"]]
        training.network.load_state_dict(state["network"])
        training.average.load_state_dict(state["average"])
        training._optimiser.load_state_dict(state["optimiser"])
        training.critics.load_state_dict(state["critics"])
        training._critics_optimiser.load_state_dict(state["critics_optimiser"])
        return training

    def encodings(self, progress: Progress = silent) -> list[NDArray[np.float32]]:
        """Encode some seconds of each recording: arrays of shape (full_latent_size, frames)."""
        excerpts = self.corpus.excerpts(EXCERPT_SECONDS * self.shape.sample_rate)
        found = []
        for number, excerpt in enumerate(excerpts):
            progress(number / len(self.corpus.names), "listening to what it has learned")
            whole = excerpt[:, : excerpt.shape[1] // self.shape.ratio * self.shape.ratio]
            with torch.no_grad(), one_thread():
                mean, _ = self.average.encoder(self.average.pqmf(torch.from_numpy(whole[None]))).chunk(2, 1)
            found.append(mean[0].numpy())
        return found

    def _advance(self) -> tuple[float, float, float]:
        """Take one step, whose chance depends on its number alone."""
        recipe = self.recipe
        x, target = self._crops(recipe.batch, self.step)
        rate = recipe.learning_rate * min(1.0, (self.step + 1) / RAMP_STEPS)
        rate *= LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * self.step / recipe.steps)) / 2
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["share"]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed((recipe.seed * (1 << 32) + self.step) % MAX_SEED)
            answer, mean, deviation = self.network(x, recipe.batch // 2)
        made, real = answer[..., self.shape.delay :], target[..., : -self.shape.delay]
        spectral = spectral_distance(made, real)
        wave = wave_distance(made[recipe.batch // 2 :], real[recipe.batch // 2 :])
        divergence = kullback_leibler(mean, deviation)
        size = self.shape.latent_size
        warmth = min(1.0, self.step / max(KL_WARM_UP * recipe.steps, 1))
        prior = KL_WEIGHT * divergence[:size].mean() + DETAIL_KL_WEIGHT * divergence[size:].mean()
        loss = spectral + WAVE_WEIGHT * wave + warmth * prior
        if self.step >= recipe.adversarial_from * recipe.steps:
            self.network.encoder.requires_grad_(False)
            blame = self.critics.blame(real, made.detach())
            self._critics_optimiser.zero_grad()
            blame.backward()  # type: ignore[no-untyped-call]
            self._critics_optimiser.step()
            loss = loss + self.critics(real, made)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._weights, MAX_NORM)
        self._optimiser.step()
        self.step += 1
        with torch.no_grad():
            share = max(1 - MEMORY, 1 / self.step)
            for kept, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                kept.lerp_(now, share)
        return spectral.item(), wave.item(), divergence[:size].sum().item()

    def _crops(self, count: int, number: int, held_out: bool = False) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self.recipe.seed, number])
        x, target = self.corpus.crops(count, self.recipe.crop, rng, held_out)
        return torch.from_numpy(x), torch.from_numpy(target)

    def _point(self) -> Point:
        spectral, wave, divergence = np.mean(self._recent, axis=0).tolist()
        return Point(self.step, spectral, wave, divergence, self._held_out())

    def _held_out(self) -> float:
        """Return the averaged network's spectral distance on recordings that it does not train on."""
        if not self.corpus.has_held_out:
            return math.nan
        x, target = self._crops(CHECKED, 0, held_out=True)
        with torch.no_grad(), one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed % MAX_SEED)
            made = self.average(x, 0)[0][..., self.shape.delay :]
        return spectral_distance(made, target[..., : -self.shape.delay]).item()

    def _message(self) -> str:
        if not self.history:
            return f"step {self.step}"
        return f"step {self.step}, loss {self.history[-1].spectral:.3f}"


def spectral_distance(made: Tensor, real: Tensor) -> Tensor:
    """Return the multi-scale spectral distance of RAVE: relative squared error, and mean error of the logarithm.

    The logarithm is taken of every bin, as RAVE does, and of the power in mel bands. The bins of noise cannot be
    foretold, so that they alone are best answered with silence; what noise there is in a band can.
    """
    total = torch.zeros(())
    for size in SCALES:
        window = torch.hann_window(size)
        a, b = (
            torch.stft(sound[:, 0], size, size // 4, window=window, return_complex=True).abs()
            for sound in (made, real)
        )
        floor = AUDIBLE * math.sqrt(size)
        relative = (a - b).square().sum((1, 2)) / (b.square().sum((1, 2)) + 1e-6)
        total = total + relative.mean() + (torch.log(a + floor) - torch.log(b + floor)).abs().mean()
        p, q = (torch.log(mel_filters(size) @ x.square() + floor**2) / 2 for x in (a, b))
        total = total + BAND_WEIGHT * (p - q).abs().mean()
    return total / len(SCALES)


@cache
def mel_filters(size: int) -> Tensor:
    """Return filters of equal area, shape (bands, size // 2 + 1): as many bands as that resolution can tell apart."""
    return torch.from_numpy(mel(sample_rate=Shape().sample_rate, n_fft=size, n_mels=BANDS[size], fmin=60.0))


def wave_distance(made: Tensor, real: Tensor) -> Tensor:
    """Return the squared error of the waveform relative to its energy: detail keeps its phase."""
    error = (made - real).square().sum(-1) / (real.square().sum(-1) + 1e-3)
    return error.mean()


def kullback_leibler(mean: Tensor, deviation: Tensor) -> Tensor:
    """Return the distance of latents from a standard Gaussian in nats a frame, shape (full_latent_size,)."""
    return 0.5 * (mean.square() + deviation.square() - 2 * torch.log(deviation) - 1).mean((0, 2))


def train(
    recordings: Path,
    folder: Path,
    targets: Path | None = None,
    recipe: Recipe | None = None,
    saved: Callable[[Training], None] = lambda training: None,
    progress: Progress = silent,
) -> Training:
    """Train a model on a folder of recordings, or go on with a training that was stopped.

    Parameters
    ----------
    recordings : Path
        What it hears. Every `corpus.HELD_OUT`-th recording is held out to measure it by.
    folder : Path
        Where decoded recordings and checkpoints go. A training that was begun there goes on, by the recipe it began
        with.
    targets : Path, optional
        A folder of files of the same names: what it answers. By default it answers what it hears.
    recipe : Recipe, optional
    saved : callable
        Called after each checkpoint has been written.
    progress : Progress
        `Cancelled` raised in it stops the training; the last checkpoint remains.

    Raises
    ------
    AudioError
        No recording that can be used.
    ModelError
        A checkpoint that cannot be read, or losses that are no longer finite.
    OutputError
        The folder cannot be written to, or another training is at work in it.
    """
    recipe = recipe or Recipe()
    shape = Shape()
    corpus = gather(recordings, targets, folder, shape.sample_rate, recipe.crop, part(progress, 0.0, 0.02))
    with alone(folder):
        checkpoint = folder / CHECKPOINT
        if checkpoint.is_file():
            try:
                state = torch.load(
                    checkpoint, weights_only=True
                )  # tensors and numbers: nothing in it is executed
                training = Training.restored(corpus, state)
            except UNREADABLE as error:
                raise ModelError(f"{checkpoint} cannot be read: delete it to begin anew") from error
        else:
            training = Training(corpus, recipe, shape)

        def save(training: Training) -> None:
            data = io.BytesIO()
            torch.save(training.state(), data)
            write_whole(checkpoint, data.getvalue())
            saved(training)

        training.run(save, part(progress, 0.02, 1.0))
        return training
