"""Train a `retrotone.rave.nn.network.Rave`; resumed from a checkpoint, it gives the same weights as in one run."""

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
from retrotone.errors import AudioError, ModelError
from retrotone.progress import Progress, part, silent
from retrotone.rave.corpus import Corpus, gather
from retrotone.rave.nn.discriminator import Discriminators
from retrotone.rave.nn.network import Rave
from retrotone.rave.shape import RESAMPLED, Shape
from retrotone.rave.torchscript import MAX_SEED
from retrotone.utils.files import write_whole
from retrotone.utils.temporary import locked_folder
from retrotone.utils.threads import one_thread

# what reading a damaged checkpoint raises
UNREADABLE = (RuntimeError, KeyError, TypeError, ValueError, OSError, EOFError, UnpicklingError)
# windows of the spectral distance, in samples
SCALES = (2048, 512, 128)
# mel bands at each
BANDS = {2048: 40, 512: 20, 128: 8}
BAND_WEIGHT = 2.0
# relative to a window's gain: the floor of magnitudes inside the logarithm
AUDIBLE = 1e-6
# of AdamW
BETAS = (0.9, 0.99)
WEIGHT_DECAY = 1e-4
# of linear warm-up of the learning rate
RAMP_STEPS = 200
# share of the learning rate that is left at the end of the cosine decay
LAST_RATE = 0.01
# to which the gradient is clipped
MAX_NORM = 1.0
# decay of the moving average of the weights, which is exported
MEMORY = 0.999
# crops of held-out recordings in each validation
CHECKED = 8
KL_WEIGHT, DETAIL_KL_WEIGHT = 0.01, 0.002
# share of the steps over which the weights of the Kullback-Leibler divergence rise
KL_WARM_UP = 0.25
WAVE_WEIGHT = 1.0
# share of the learning rate for the two lapped transforms, whose initial weights are exact
TRANSFORM_RATE = 0.1
# of each recording, to fit the principal components and the prior
EXCERPT_SECONDS = 20
CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of a training.

    Attributes
    ----------
    steps : int
        Of the optimiser.
    batch : int
        Crops per step; half of them are decoded without the latents of detail.
    crop : int
        Samples, a multiple of the model's ratio.
    learning_rate : float
    adversarial_from : float
        Share of the steps after which the encoder is frozen and discriminators train the decoder; 1 is never.
    every : int
        Steps between checkpoints.
    seed : int
    rate : int, optional
        In Hz, at which players will run the model: the network itself runs at half of it. By default both run at
        22,050 Hz.
    """

    steps: int = 20_000
    batch: int = 4
    crop: int = 32_768
    learning_rate: float = 1e-3
    adversarial_from: float = 1.0
    every: int = 500
    seed: int = 0
    rate: int | None = None


class Point(NamedTuple):
    """Mean losses since the last checkpoint, and the held-out loss now (NaN if no recording is held out)."""

    step: int
    spectral: float
    wave: float
    divergence: float
    held_out: float


class Training:
    """A network in training, with its optimisers and moving average.

    Parameters
    ----------
    corpus : Corpus
    recipe : Recipe
    shape : Shape

    Attributes
    ----------
    network : Rave
        With the current weights.
    average : Rave
        With the moving average of the weights.
    step : int
    history : list of Point
    """

    def __init__(self, corpus: Corpus, recipe: Recipe, shape: Shape) -> None:
        self.corpus, self.recipe, self.shape = corpus, recipe, shape
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed % MAX_SEED)
            self.network = Rave(shape)
            self.discriminators = Discriminators()
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
        self._discriminator_optimiser = torch.optim.AdamW(
            self.discriminators.parameters(), recipe.learning_rate / 2, (0.5, 0.9)
        )
        self._recent: list[tuple[float, float, float]] = []

    def run(self, save: Callable[[Training], None], progress: Progress = silent) -> None:
        """Train until the recipe's last step.

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
            # as fast as two threads here, and the same bits on any number of cores
            with one_thread():
                self._recent.append(self._advance())
            if self.step % self.recipe.every == 0 or self.step == self.recipe.steps:
                self.history.append(self._point())
                self._recent = []
                if not math.isfinite(self.history[-1].spectral):
                    raise ModelError("the losses are no longer finite: train again with another seed")
                save(self)
            progress(self.step / self.recipe.steps, self._message())

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds, tensors and numbers only; `restored` takes it."""
        return {
            "recipe": asdict(self.recipe),
            "shape": asdict(self.shape),
            "step": self.step,
            "history": [tuple(point) for point in self.history],
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "critics": self.discriminators.state_dict(),
            "critics_optimiser": self._discriminator_optimiser.state_dict(),
        }

    @classmethod
    def restored(cls, corpus: Corpus, state: dict[str, Any]) -> Training:
        """Return the training whose `state` is given."""
        training = cls(corpus, Recipe(**state["recipe"]), Shape(**state["shape"]))
        training.step = state["step"]
        training.history = [Point(*point) for point in state["history"]]
        training.network.load_state_dict(state["network"])
        training.average.load_state_dict(state["average"])
        training._optimiser.load_state_dict(state["optimiser"])
        training.discriminators.load_state_dict(state["critics"])
        training._discriminator_optimiser.load_state_dict(state["critics_optimiser"])
        return training

    def encodings(self, progress: Progress = silent) -> list[NDArray[np.float32]]:
        """Encode some seconds of each recording: arrays of shape (full_latent_size, frames)."""
        excerpts = self.corpus.excerpts(EXCERPT_SECONDS * self.shape.sample_rate)
        found = []
        for number, excerpt in enumerate(excerpts):
            progress(number / len(self.corpus.names), "encoding the recordings")
            whole = excerpt[:, : excerpt.shape[1] // self.shape.ratio * self.shape.ratio]
            with torch.no_grad(), one_thread():
                mean, _ = self.average.encoder(self.average.pqmf(torch.from_numpy(whole[None]))).chunk(2, 1)
            found.append(mean[0].numpy())
        return found

    def _advance(self) -> tuple[float, float, float]:
        """Take one step; its random numbers depend on the step's number alone."""
        recipe, delay = self.recipe, self.shape.delay
        # (batch, 1, crop) both
        x, target = self._crops(recipe.batch, self.step)
        self._set_learning_rate()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed((recipe.seed * (1 << 32) + self.step) % MAX_SEED)
            output, mean, deviation = self.network(x, recipe.batch // 2)
        # aligned in time: the output follows the input by the network's delay
        made, real = output[..., delay:], target[..., :-delay]
        spectral = spectral_distance(made, real, self.shape.sample_rate)
        # the first half of the batch has no detail whose phase could be kept
        wave = wave_distance(made[recipe.batch // 2 :], real[recipe.batch // 2 :])
        divergence = kullback_leibler(mean, deviation)
        loss = spectral + WAVE_WEIGHT * wave + self._weighted(divergence)
        if self.step >= recipe.adversarial_from * recipe.steps:
            loss = loss + self._adversarial(real, made)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._weights, MAX_NORM)
        self._optimiser.step()
        self.step += 1
        self._update_average()
        return spectral.item(), wave.item(), divergence[: self.shape.latent_size].sum().item()

    def _set_learning_rate(self) -> None:
        """Warm up linearly, then decay as half a cosine."""
        recipe = self.recipe
        rate = recipe.learning_rate * min(1.0, (self.step + 1) / RAMP_STEPS)
        rate *= LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * self.step / recipe.steps)) / 2
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["share"]

    def _weighted(self, divergence: Tensor) -> Tensor:
        """Return the divergence of all latents, shape (full_latent_size,), as one loss that is warmed up."""
        size = self.shape.latent_size
        warmth = min(1.0, self.step / max(KL_WARM_UP * self.recipe.steps, 1))
        prior = KL_WEIGHT * divergence[:size].mean() + DETAIL_KL_WEIGHT * divergence[size:].mean()
        return warmth * prior

    def _adversarial(self, real: Tensor, made: Tensor) -> Tensor:
        """Freeze the encoder, take a step of the discriminators, and return the decoder's adversarial loss."""
        self.network.encoder.requires_grad_(False)
        discriminator_loss = self.discriminators.discriminator_loss(real, made.detach())
        self._discriminator_optimiser.zero_grad()
        discriminator_loss.backward()  # type: ignore[no-untyped-call]
        self._discriminator_optimiser.step()
        loss: Tensor = self.discriminators(real, made)
        return loss

    def _update_average(self) -> None:
        share = max(1 - MEMORY, 1 / self.step)
        with torch.no_grad():
            for average, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                average.lerp_(now, share)

    def _crops(self, count: int, number: int, held_out: bool = False) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self.recipe.seed, number])
        x, target = self.corpus.crops(count, self.recipe.crop, rng, held_out)
        return torch.from_numpy(x), torch.from_numpy(target)

    def _point(self) -> Point:
        spectral, wave, divergence = np.mean(self._recent, axis=0).tolist()
        return Point(self.step, spectral, wave, divergence, self._held_out())

    def _held_out(self) -> float:
        """Return the averaged network's spectral distance on held-out recordings."""
        if not self.corpus.has_held_out:
            return math.nan
        x, target = self._crops(CHECKED, 0, held_out=True)
        with torch.no_grad(), one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed % MAX_SEED)
            made = self.average(x, 0)[0][..., self.shape.delay :]
        return spectral_distance(made, target[..., : -self.shape.delay], self.shape.sample_rate).item()

    def _message(self) -> str:
        if not self.history:
            return f"step {self.step}"
        return f"step {self.step}, loss {self.history[-1].spectral:.3f}"


def spectral_distance(made: Tensor, real: Tensor, sample_rate: int) -> Tensor:
    """Return the multi-scale spectral distance of RAVE: relative squared error, and mean error of the logarithm.

    The logarithm is taken of every bin, as in RAVE, and of the power in mel bands. The bins of noise cannot be
    predicted: compared by bins alone, silence would be the best output. The power of noise in a band can be predicted.
    """
    total = torch.zeros(())
    for size in SCALES:
        window = torch.hann_window(size)
        a, b = (
            torch.stft(sound[:, 0], size, size // 4, window=window, return_complex=True).abs() for sound in (made, real)
        )
        floor = AUDIBLE * math.sqrt(size)
        relative = (a - b).square().sum((1, 2)) / (b.square().sum((1, 2)) + 1e-6)
        total = total + relative.mean() + (torch.log(a + floor) - torch.log(b + floor)).abs().mean()
        p, q = (torch.log(mel_filters(size, sample_rate) @ x.square() + floor**2) / 2 for x in (a, b))
        total = total + BAND_WEIGHT * (p - q).abs().mean()
    return total / len(SCALES)


@cache
def mel_filters(size: int, sample_rate: int) -> Tensor:
    """Return filters of equal area, shape (bands, size // 2 + 1): as many bands as that resolution can tell apart."""
    return torch.from_numpy(mel(sample_rate=sample_rate, n_fft=size, n_mels=BANDS[size], fmin=60.0))


def wave_distance(made: Tensor, real: Tensor) -> Tensor:
    """Return the squared error of the waveform relative to its energy: it keeps the phase of the detail."""
    error = (made - real).square().sum(-1) / (real.square().sum(-1) + 1e-3)
    return error.mean()


def kullback_leibler(mean: Tensor, deviation: Tensor) -> Tensor:
    """Return the divergence of latents from a standard Gaussian in nats per frame, shape (full_latent_size,)."""
    return 0.5 * (mean.square() + deviation.square() - 2 * torch.log(deviation) - 1).mean((0, 2))


def train(
    recordings: Path,
    folder: Path,
    targets: Path | None = None,
    recipe: Recipe | None = None,
    saved: Callable[[Training], None] = lambda training: None,
    progress: Progress = silent,
) -> Training:
    """Train a model on a folder of recordings, or resume a training that was stopped.

    Parameters
    ----------
    recordings : Path
        The inputs. Every `corpus.HELD_OUT`-th recording is held out for validation.
    folder : Path
        Of decoded recordings and checkpoints. A training that was begun there is resumed with its own recipe.
    targets : Path, optional
        A folder of files of the same names: the wanted outputs. By default the recordings.
    recipe : Recipe, optional
    saved : callable
        Called after each checkpoint has been written.
    progress : Progress
        `Cancelled` raised in it stops the training; the last checkpoint remains.

    Raises
    ------
    AudioError
        No usable recording, or a folder that holds other recordings or another rate.
    ModelError
        A checkpoint that cannot be read, or losses that are no longer finite.
    OutputError
        The folder cannot be written to, or another training is running in it.
    """
    recipe = recipe or Recipe()
    shape = Shape(sample_rate=recipe.rate // RESAMPLED) if recipe.rate else Shape()
    corpus = gather(recordings, targets, folder, shape.sample_rate, recipe.crop, part(progress, 0.0, 0.02))
    with locked_folder(folder):
        checkpoint = folder / CHECKPOINT
        if checkpoint.is_file():
            try:
                # tensors and numbers only: nothing in the file is executed
                state = torch.load(checkpoint, weights_only=True)
                training = Training.restored(corpus, state)
            except UNREADABLE as error:
                raise ModelError(f"{checkpoint} cannot be read: delete it to begin anew") from error
        else:
            if corpus.sample_rate != shape.sample_rate:
                raise AudioError(f"{folder} holds the recordings at {corpus.sample_rate} Hz: delete it to begin anew")
            training = Training(corpus, recipe, shape)

        def save(training: Training) -> None:
            data = io.BytesIO()
            torch.save(training.state(), data)
            write_whole(checkpoint, data.getvalue())
            saved(training)

        training.run(save, part(progress, 0.02, 1.0))
        return training
