"""The training loop of all genre networks; resuming from a checkpoint gives the same result as not stopping.

Tracks are split first, an artist's all to one side; segments are cut afterwards.
"""

from __future__ import annotations

import copy
import io
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from retrotone.errors import GenreError, ModelError
from retrotone.genre.clips import Clips, Positions, gather
from retrotone.genre.datasets import LabelledTrack
from retrotone.genre.networks import GenreNetwork, MelNetwork, Network, build, probabilities
from retrotone.genre.splits import sides
from retrotone.progress import Progress, part, silent
from retrotone.utils.files import new_folder, write_whole
from retrotone.utils.temporary import locked_folder

# Share of the learning rate that is left at the end: it falls as half a cosine.
LAST_RATE = 0.01
# Of the gradient.
MAX_NORM = 5.0
# The range of random gains.
GAIN_DB = (-12.0, 6.0)
# In frequency and in time each (SpecAugment, Park et al. 2019).
MASKS = 2
# The widest mask, as a share of the bands or frames.
MASK_SHARE = 0.15
# Of the beta distribution that mixing weights are drawn from (Zhang et al. 2018).
MIXUP = 0.2
CHECKPOINT = "seed{}.pt"


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    network : {"m5", "crnn", "transformer"}
    width : int or None
        Channels of its first layer; None for the usual.
    seconds : float
        Of a segment.
    epochs : int
        At most.
    batch : int
        Segments a step.
    learning_rate : float
        Of AdamW, which without weight decay is Adam.
    weight_decay : float
    label_smoothing : float
        Share of the target that is spread over all genres.
    augment : bool
        Shift in time, change the level, mask parts of spectrograms, mix pairs.
    patience : int
        Epochs without a lower validation loss after which it stops.
    seed : int
        Of weights, order and augmentation.
    """

    network: str = "m5"
    width: int | None = None
    seconds: float = 3.0
    epochs: int = 60
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    augment: bool = True
    patience: int = 15
    seed: int = 0


class Point(NamedTuple):
    """Results after an epoch: mean cross-entropy of segments in nats, and the share of tracks classified correctly.

    Both losses are of plain segments, without augmentation, smoothing or dropout, so that they can be compared.
    """

    epoch: int
    train_loss: float
    valid_loss: float
    valid_accuracy: float


class Training:
    """A network while it is trained: its optimiser, its history, its best weights.

    Parameters
    ----------
    clips : Clips
    train, valid : ndarray, shape (segments, 2)
        Where in the clips: what it learns from, and what its best weights are chosen by.
    recipe : Recipe

    Attributes
    ----------
    genres : tuple of str
        Of the clips, in alphabetical order.
    network : Network
        As it is trained.
    history : list of Point
    best : int
        The epoch with the lowest validation loss.
    """

    def __init__(self, clips: Clips, train: Positions, valid: Positions, recipe: Recipe) -> None:
        self.clips, self.recipe = clips, recipe
        self.genres = tuple(sorted({track.genre for track in clips.tracks}))
        self._labels = torch.tensor([self.genres.index(track.genre) for track in clips.tracks])
        self._train, self._valid = train, valid
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.network = build(recipe.network, len(self.genres), recipe.width)
        self._length = round(recipe.seconds * clips.sample_rate)
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self._best_weights = copy.deepcopy(self.network.state_dict())
        self.history, self.best = list[Point](), 0
        # the training loss is measured on no more than the validation loss is
        order = np.random.default_rng(recipe.seed).permutation(len(train))
        self._probe = train[np.sort(order[: len(valid)])]

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the validation loss has stopped falling."""
        epoch = len(self.history)
        return epoch >= self.recipe.epochs or epoch - self.best >= self.recipe.patience

    def run(self, save: Callable[[Training], None], progress: Progress = silent) -> None:
        """Train until it is finished.

        Parameters
        ----------
        save : callable
            Called with this training after every epoch.
        progress : Progress

        Raises
        ------
        ModelError
            The losses are no longer finite.
        """
        steps = -(-len(self._train) // self.recipe.batch)
        while not self.finished:
            epoch = len(self.history)
            with torch.random.fork_rng(devices=[]):
                # for dropout
                torch.manual_seed(self.recipe.seed * (1 << 32) + epoch + 1)
                for step, (waves, targets) in enumerate(self.batches(epoch)):
                    self._advance(waves, targets, epoch + step / steps)
                    progress((epoch + step / steps) / self.recipe.epochs, self._message())
            point = self._measure(epoch + 1)
            if not math.isfinite(point.train_loss + point.valid_loss):
                raise ModelError("the losses are no longer finite: train anew with a lower learning rate")
            if not self.best or point.valid_loss < self.history[self.best - 1].valid_loss:
                self.best, self._best_weights = point.epoch, copy.deepcopy(self.network.state_dict())
            self.history.append(point)
            save(self)
        progress(1.0, self._message())

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield an epoch's batches: waveforms, shape (batch, samples), and targets, shape (batch, genres)."""
        rng = np.random.default_rng([self.recipe.seed, epoch])
        order = rng.permutation(len(self._train))
        for first in range(0, len(order), self.recipe.batch):
            positions = self._train[order[first : first + self.recipe.batch]]
            # batch normalisation needs two segments
            if len(positions) == 1 < len(order):
                positions = np.concatenate([positions, self._train[order[:1]]])
            targets = one_hot(self._labels[positions[:, 0]], len(self.genres)).float()
            if self.recipe.augment:
                yield self._augmented(positions, targets, rng)
            else:
                yield torch.from_numpy(self.clips.cut(positions, self._length)), targets

    def _augmented(self, positions: Positions, targets: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return a batch that is shifted in time, changed in level, and mixed in pairs."""
        shift = rng.integers(-self._length // 2, self._length // 2 + 1, len(positions))
        waves = self.clips.cut(positions + np.stack([np.zeros_like(shift), shift], axis=1), self._length)
        gain = 10 ** (rng.uniform(*GAIN_DB, (len(positions), 1)) / 20)
        sounds = torch.from_numpy(waves * gain.astype(np.float32))
        other = torch.from_numpy(rng.permutation(len(positions)))
        share = torch.from_numpy(rng.beta(MIXUP, MIXUP, (len(positions), 1)).astype(np.float32))
        return (share * sounds + (1 - share) * sounds[other], share * targets + (1 - share) * targets[other])

    def trained(self) -> GenreNetwork:
        """Return the network with the weights that had the lowest validation loss."""
        network = copy.deepcopy(self.network)
        network.load_state_dict(self._best_weights)
        recipe = self.recipe
        return GenreNetwork(recipe.network, self.genres, recipe.seconds, [network], recipe.width)

    def validate(self) -> NDArray[np.float64]:
        """Return those weights' probabilities of each validation track, shape (tracks, genres): not calibrated."""
        return by_track(self._valid, self._answers(self.trained().networks[0], self._valid))[1]

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs: tensors, numbers and text only."""
        return {
            "recipe": asdict(self.recipe),
            "tracks": self._names(),
            "history": [tuple(point) for point in self.history],
            "best": self.best,
            "network": self.network.state_dict(),
            "best_weights": self._best_weights,
            "optimiser": self._optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was taken; GenreError if that was on other tracks."""
        if state["tracks"] != self._names():
            raise GenreError("the recordings are not those that this training began with: train anew")
        self.history = [Point(*point) for point in state["history"]]
        self.best, self._best_weights = state["best"], state["best_weights"]
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])

    def _names(self) -> list[list[str]]:
        """Return the tracks of either side."""
        sides = ([self.clips.tracks[k] for k in np.unique(side[:, 0])] for side in (self._train, self._valid))
        return [[track.key for track in side] for side in sides]

    def _advance(self, waves: Tensor, targets: Tensor, epoch: float) -> None:
        recipe = self.recipe
        turn = (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2
        for group in self._optimiser.param_groups:
            group["lr"] = recipe.learning_rate * (LAST_RATE + (1 - LAST_RATE) * turn)
        self.network.train()
        features = self.network.features(waves)
        if recipe.augment and isinstance(self.network, MelNetwork):
            features = masked(features)
        logits = self.network.classify(features)
        loss = cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), MAX_NORM)
        self._optimiser.step()

    def _measure(self, epoch: int) -> Point:
        losses = []
        for positions in (self._probe, self._valid):
            found = self._answers(self.network, positions)
            truth = self._labels[positions[:, 0]].numpy()
            losses.append(float(-np.log(np.maximum(found[np.arange(len(found)), truth], 1e-12)).mean()))
        tracks, answers = by_track(self._valid, found)
        right = answers.argmax(axis=1) == self._labels[tracks].numpy()
        return Point(epoch, losses[0], losses[1], float(right.mean()))

    def _answers(self, network: Network, positions: Positions) -> NDArray[np.float32]:
        batch = self.recipe.batch
        pieces = [positions[first : first + batch] for first in range(0, len(positions), batch)]
        waves = (torch.from_numpy(self.clips.cut(piece, self._length)) for piece in pieces)
        return np.concatenate([probabilities(network, batch) for batch in waves])

    def _message(self) -> str:
        where = f"seed {self.recipe.seed}, epoch {len(self.history) + 1} of {self.recipe.epochs}"
        return where + (f", validation loss {self.history[-1].valid_loss:.3f}" if self.history else "")


class Trained(NamedTuple):
    """The result of `train`.

    Attributes
    ----------
    model : GenreNetwork
        All seeds together, each with its best weights.
    trainings : list of Training
        One a seed.
    truth : list of str
        The genres of the validation tracks.
    probabilities : ndarray, shape (tracks, genres)
        The model's, of the validation tracks. Slightly optimistic: weights and temperature were chosen on them.
    learned_from : list of str
        The `LabelledTrack.key` of the training tracks.
    """

    model: GenreNetwork
    trainings: list[Training]
    truth: list[str]
    probabilities: NDArray[np.float64]
    learned_from: list[str]


def train(
    recordings: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    recipe: Recipe | None = None,
    seeds: int = 1,
    saved: Callable[[Sequence[Training]], None] = lambda trainings: None,
    progress: Progress = silent,
) -> Trained:
    """Train a network on a folder of music, or resume a training that was stopped.

    Parameters
    ----------
    recordings : path-like
        With a folder for each genre; see `retrotone.genre.splits.sides`.
    folder : path-like
        Where decoded recordings and checkpoints go. A training that was begun there is resumed, by its own recipe.
    recipe : Recipe, optional
    seeds : int
        How many networks, of seeds that follow on the recipe's.
    saved : callable
        Called after each epoch with the trainings so far.
    progress : Progress
        `Cancelled` raised in it stops the training; the last checkpoint remains.

    Raises
    ------
    GenreError, AudioError
        A collection that cannot be used.
    ModelError
        No such network, a checkpoint that cannot be read, or losses that are no longer finite.
    OutputError
        The folder cannot be written to, or another training uses it.
    """
    path, recipe = Path(folder), recipe or Recipe()
    states = [_read(path / CHECKPOINT.format(recipe.seed + number)) for number in range(seeds)]
    if earlier := next((state for state in states if state is not None), None):
        recipe = replace(Recipe(**earlier["recipe"]), seed=recipe.seed)
    rate = build(recipe.network, 2, recipe.width).sample_rate
    learnt_from, checked_on = sides(recordings)
    with new_folder(path), locked_folder(path):
        clips = gather([*learnt_from, *checked_on], rate, path, part(progress, 0.0, 0.05))
        length = round(recipe.seconds * rate)
        inside = clips.grid(range(len(learnt_from)), length)
        outside = clips.grid(range(len(learnt_from), len(clips.tracks)), length)
        trainings: list[Training] = []

        def save(training: Training) -> None:
            _write(training, path)
            saved(trainings)

        for number, state in enumerate(states):
            training = Training(clips, inside, outside, replace(recipe, seed=recipe.seed + number))
            if state is not None:
                training.restore(state)
            trainings.append(training)
            stage = part(progress, 0.05 + 0.95 * number / seeds, 0.05 + 0.95 * (number + 1) / seeds)
            training.run(save, stage)
        return _calibrated(trainings, learnt_from, checked_on)


def _calibrated(
    trainings: list[Training], learnt_from: list[LabelledTrack], checked_on: list[LabelledTrack]
) -> Trained:
    """Return the networks of all seeds as one model, calibrated on the validation tracks."""
    recipe = trainings[0].recipe
    networks = [training.trained().networks[0] for training in trainings]
    model = GenreNetwork(recipe.network, trainings[0].genres, recipe.seconds, networks, recipe.width)
    truth = [track.genre for track in checked_on]
    answers = model.calibrate(np.mean([training.validate() for training in trainings], axis=0), truth)
    return Trained(model, trainings, truth, answers, [track.key for track in learnt_from])


def begun(folder: str | os.PathLike[str]) -> bool:
    """Whether the folder has a training to resume."""
    return any(Path(folder).glob(CHECKPOINT.format("*")))


def by_track(positions: Positions, found: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the tracks that segments belong to, and the mean probabilities of each."""
    tracks, which = np.unique(positions[:, 0], return_inverse=True)
    total = np.zeros((len(tracks), found.shape[1]))
    np.add.at(total, which, found)
    return tracks, total / np.bincount(which)[:, None]


def masked(features: Tensor) -> Tensor:
    """Return log-mel frames, shape (batch, bands, frames), with bands and stretches of time set to their mean, 0."""
    result = features.clone()
    for axis in (1, 2):
        size = features.shape[axis]
        for _ in range(MASKS):
            width = int(torch.randint(int(MASK_SHARE * size) + 1, ()))
            start = int(torch.randint(size - width + 1, ()))
            result.narrow(axis, start, width).zero_()
    return result


def _write(training: Training, folder: Path) -> None:
    data = io.BytesIO()
    torch.save(training.state(), data)
    write_whole(folder / CHECKPOINT.format(training.recipe.seed), data.getvalue())


def _read(checkpoint: Path) -> dict[str, Any] | None:
    if not checkpoint.is_file():
        return None
    try:
        # weights_only: nothing in it is executed
        state: dict[str, Any] = torch.load(checkpoint, weights_only=True)
        Recipe(**state["recipe"])
    except (RuntimeError, KeyError, TypeError, ValueError, OSError, UnpicklingError) as error:
        raise ModelError(f"{checkpoint} cannot be read: delete it to begin anew") from error
    return state
