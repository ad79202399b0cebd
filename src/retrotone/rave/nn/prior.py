"""A prior: a small recurrent network that draws paths through the latent space of a RAVE like those of recordings.

Frame by frame it predicts the next latent as a mixture of Gaussians and draws from it (after the mixture density
networks of Bishop 1994 and Graves 2013). RAVE's own priors are convolutions over quantised latents; this one is small
enough to learn in minutes on two cores.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from retrotone.progress import Progress, silent
from retrotone.rave.shape import MIN_DEVIATION
from retrotone.utils.threads import one_thread

HIDDEN = 192
MIXTURE = 6
# frames
SEQUENCE = 256
BATCH = 32
LEARNING_RATE = 3e-3
# of a sequence, left out of the loss: the state starts empty
WARM_FRAMES = 32
# added to the inputs in training: in generation they contain the prior's own errors
INPUT_NOISE = 0.1
STEPS = 2000


class Prior(nn.Module):
    """The network, with the state after its last frame.

    Parameters
    ----------
    size : int
        Latent dimensions.
    """

    cache: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.mixture, self.floor = size, MIXTURE, MIN_DEVIATION
        self.cell = nn.GRUCell(size, HIDDEN)
        self.head = nn.Linear(HIDDEN, MIXTURE * (2 * size + 1))
        self.register_buffer("cache", torch.zeros(1, HIDDEN + size))

    def predict(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """States (batch, hidden) to log weights (batch, mixture), means and deviations (batch, mixture, size)."""
        weights, means, deviations = self.head(state).split(
            [self.mixture, self.mixture * self.size, self.mixture * self.size], 1
        )
        shape = [-1, self.mixture, self.size]
        return (
            torch.log_softmax(weights, 1),
            means.reshape(shape),
            functional.softplus(deviations).reshape(shape) + self.floor,
        )

    def loss(self, latents: Tensor) -> Tensor:
        """Return the negative log-likelihood of sequences in nats per frame: (batch, frames, size) -> ()."""
        state = torch.zeros(latents.shape[0], HIDDEN)
        inputs = latents + INPUT_NOISE * torch.randn_like(latents)
        states = []
        for frame in range(latents.shape[1] - 1):
            state = self.cell(inputs[:, frame], state)
            states.append(state)
        late = torch.stack(states[WARM_FRAMES:], 1)
        weights, means, deviations = self.predict(late.reshape(-1, HIDDEN))
        wanted = latents[:, WARM_FRAMES + 1 :].reshape(-1, 1, self.size)
        error = ((wanted - means) / deviations).square() / 2 + torch.log(deviations) + math.log(2 * math.pi) / 2
        return -torch.logsumexp(weights - error.sum(-1), 1).mean()

    def forward(self, frames: int, temperature: float) -> Tensor:
        """Draw the next frames: -> (1, size, frames). At temperature 0 each is the mean of the likeliest Gaussian."""
        state, last = self.cache[:, : -self.size], self.cache[:, -self.size :]
        path = last.new_zeros(1, self.size, frames)
        for frame in range(frames):
            state = self.cell(last, state)
            weights, means, deviations = self.predict(state)
            if temperature > 0:
                choice = torch.multinomial(torch.softmax(weights[0] / temperature, 0), 1)
            else:
                choice = weights[0].argmax(0, keepdim=True)
            last = means[:, choice[0]] + temperature * deviations[:, choice[0]] * torch.randn_like(last)
            path[:, :, frame] = last
        self.cache.copy_(torch.cat([state, last], 1))
        return path


def learn_prior(
    recordings: list[NDArray[np.float32]], seed: int = 0, steps: int = STEPS, progress: Progress = silent
) -> Prior:
    """Train a prior on the latents of recordings.

    Parameters
    ----------
    recordings : list of ndarray, shape (size, frames)
        Of about unit variance; those shorter than a sequence are left out unless all are.
    seed : int
    steps : int
    progress : Progress
    """
    size = len(recordings[0])
    length = min(SEQUENCE, max(latents.shape[1] for latents in recordings))
    long = [latents for latents in recordings if latents.shape[1] >= length]
    ends = np.cumsum([latents.shape[1] - length + 1 for latents in long])
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        prior = Prior(size)
        optimiser = torch.optim.AdamW(prior.parameters(), LEARNING_RATE)
        rng = np.random.default_rng(seed)
        for step in range(steps):
            positions = rng.integers(ends[-1], size=BATCH)
            numbers = np.searchsorted(ends, positions, side="right")
            batch = [
                long[number][:, ends[number] - 1 - position : ends[number] - 1 - position + length]
                for number, position in zip(numbers, positions, strict=True)
            ]
            loss = prior.loss(torch.from_numpy(np.stack(batch)).transpose(1, 2))
            for group in optimiser.param_groups:
                group["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * step / steps)) / 2
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(prior.parameters(), 1.0)
            optimiser.step()
            progress(step / steps, f"prior: {loss.item():.2f} nats a frame")
    return prior.eval()
