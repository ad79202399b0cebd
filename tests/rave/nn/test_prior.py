"""The prior draws paths through the latent space like those of recordings."""

from __future__ import annotations

import numpy as np
import torch

from retrotone.rave.nn.prior import learn_prior

# frames
PERIOD = 16


def recordings(count: int) -> list[np.ndarray]:
    """Two latents that turn in circles, eight times from any phase, with a little noise."""
    rng, frames = np.random.default_rng(0), np.arange(8 * PERIOD)
    found = []
    for _ in range(count):
        angle = 2 * np.pi * (frames / PERIOD + rng.uniform())
        circle = np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)])
        found.append((circle + 0.05 * rng.normal(size=circle.shape)).astype(np.float32))
    return found


def test_it_goes_on_the_way_recordings_go_and_can_be_cut_anywhere() -> None:
    prior = learn_prior(recordings(6), seed=0, steps=40)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        whole = prior(200, 0.5)[0].numpy()
        prior.cache.zero_()
        torch.manual_seed(1)
        pieces = np.concatenate([prior(frames, 0.5)[0].numpy() for frames in (80, 40, 80)], axis=1)
    assert np.array_equal(whole, pieces)
    late = whole[:, 72:]
    assert 0.5 < late.std() < 1.5
    spectrum = np.abs(np.fft.rfft(late * np.hanning(128), axis=1)).sum(axis=0)
    assert abs(np.argmax(spectrum[3:]) + 3 - 128 / PERIOD) <= 2.5


def test_the_same_seed_learns_the_same() -> None:
    first, second, other = (learn_prior(recordings(2), seed=seed, steps=2).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
