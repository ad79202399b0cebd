"""The study's loss and its descent, on small spectrograms with the statistics of music."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from retrotone.errors import Cancelled, StyleError
from retrotone.style import gram_loss
from retrotone.style.gram import GramTransfer
from retrotone.style.gram_loss import Loss, style_loss
from retrotone.style.random_network import gram_matrix, random_network

Spectrogram = NDArray[np.float32]


def spectrogram(seed: int, tilt: float, frames: int = 50, bins: int = 48) -> Spectrogram:
    """Log magnitudes up to about 5, falling with frequency, with a beat."""
    generator = np.random.default_rng(seed)
    envelope = 4 * np.exp(-np.arange(bins) / bins * tilt)[:, None]
    beat = 0.8 + 0.4 * np.cos(np.arange(frames) / (2 + seed))
    return (envelope * beat * generator.uniform(0.6, 1.2, (bins, frames))).astype(np.float32)


CONTENT, STYLE = spectrogram(0, 1.0), spectrogram(1, 4.0, frames=70)
SMALL = {"n_features": 256}


def test_doubling_the_style_weight_multiplies_mse_by_exactly_4_and_mae_by_2() -> None:
    network = random_network(48, 256)
    content, style = (gram_matrix(network(torch.from_numpy(x)[None])[0]) for x in (CONTENT, STYLE))
    for kind, factor in (("mse", 4), ("mae", 2)):
        single, double = style_loss(content, style, kind, 2500), style_loss(content, style, kind, 5000)
        assert float(double) == factor * float(single) > 0
        runs = [
            GramTransfer.study(loss=kind, style_weight=weight, steps=1, **SMALL).run(CONTENT, STYLE).losses[0]
            for weight in (2500, 5000)
        ]
        assert runs[1] == factor * runs[0]


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_the_descent_follows_the_gradient_that_autograd_finds(loss: Loss) -> None:
    settings = GramTransfer.study(optimiser="sgd", loss=loss, learning_rate=2.0, clamp=False, steps=1, **SMALL)
    network = random_network(48, 256)
    target = gram_matrix(network(torch.from_numpy(STYLE)[None])[0])
    start = torch.from_numpy(CONTENT * 1.01).requires_grad_()
    features = network(start[None])[0]
    expected = style_loss(gram_matrix(features), target, loss, settings.style_weight)
    expected.backward()
    result = settings.run(CONTENT * np.float32(1.01), STYLE)
    assert result.losses[0] == pytest.approx(float(expected.detach()), rel=1e-4)
    assert start.grad is not None
    moved = (start.detach() - 2.0 * start.grad).clamp_min(0)
    np.testing.assert_allclose(result.spectrogram, moved.numpy(), rtol=1e-4, atol=1e-4)


def test_short_and_long_clips_get_the_same_loss_and_gradient() -> None:
    through_frames = gram_loss._short_objective(STYLE, 2500, 256, 0)(CONTENT)
    through_gram = gram_loss._gram_objective(STYLE, "mse", 2500, 256, 0)(CONTENT)
    assert through_frames[0] == pytest.approx(through_gram[0], rel=1e-5)
    np.testing.assert_allclose(through_frames[1], through_gram[1], rtol=1e-3, atol=1e-3 * float(through_gram[1].std()))


def test_it_needs_no_torch() -> None:
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from retrotone.style.gram import GramTransfer\n"
        "GramTransfer(steps=1, n_features=8).run(np.ones((4, 5)), np.eye(4, 6))\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_clamp_holds_the_loss_up_and_without_it_the_loss_falls_below_2_percent() -> None:
    recipe = GramTransfer.study(learning_rate=0.1, steps=150, **SMALL)
    clamped, free = recipe.run(CONTENT, STYLE), replace(recipe, clamp=False).run(CONTENT, STYLE)
    assert clamped.spectrogram.min() >= 0
    assert clamped.spectrogram.max() <= 1
    assert clamped.kept > 0.2
    assert clamped.clamped_share == pytest.approx(1 - np.square(CONTENT.clip(0, 1)).sum() / np.square(CONTENT).sum())
    assert "clamp" in clamped.reason
    assert free.kept < 0.02
    assert free.spectrogram.min() >= 0
    assert free.floor is None
    assert free.reason.startswith("fell")


def test_sgd_repeats_its_loss_to_the_last_digit_and_says_that_float32_is_why() -> None:
    for clamp in (True, False):
        recipe = GramTransfer.study(optimiser="sgd", loss="mae", learning_rate=1e-6, clamp=clamp, steps=10, **SMALL)
        result = recipe.run(CONTENT, STYLE)
        assert len(set(result.losses)) == 1
        assert result.still_share > 0.9
        assert result.reason.startswith("stood still")
        assert "float32" in result.reason


@pytest.mark.parametrize(("loss", "rate", "kept"), [("mse", 1.0, 0.02), ("mae", 0.5, 0.15)])
def test_polyaks_step_cures_gradient_descent_whatever_the_scale_of_the_loss(
    loss: Loss, rate: float, kept: float
) -> None:
    for weight in (1e-3, 2500.0):
        result = GramTransfer.study(
            optimiser="polyak", loss=loss, learning_rate=rate, style_weight=weight, clamp=False, steps=40, **SMALL
        ).run(CONTENT, STYLE)
        assert result.kept < kept


def test_the_floor_is_what_the_clamped_style_scores() -> None:
    recipe = GramTransfer.study(steps=1, **SMALL)
    floor = recipe.floor(STYLE)
    assert floor == pytest.approx(recipe.run(STYLE, STYLE).losses[0]) == recipe.run(CONTENT, STYLE).floor
    assert floor > 0
    assert recipe.floor(np.minimum(STYLE, 1)) == pytest.approx(0, abs=1e-5 * floor)


def test_a_relative_loss_is_1_for_silence() -> None:
    near_silence = np.zeros_like(CONTENT)
    assert GramTransfer(steps=1, **SMALL).run(near_silence, STYLE).losses[0] == pytest.approx(1, abs=1e-3)


def test_runs_repeat_and_the_seed_matters() -> None:
    settings = GramTransfer(steps=5, **SMALL)
    first, again = settings.run(CONTENT, STYLE), settings.run(CONTENT, STYLE)
    np.testing.assert_array_equal(first.spectrogram, again.spectrogram)
    other = replace(settings, seed=1).run(CONTENT, STYLE)
    assert not np.array_equal(first.spectrogram, other.spectrogram)


def test_it_stops_early_reports_its_loss_and_can_be_cancelled() -> None:
    messages: list[str] = []
    done: list[float] = []

    def watch(fraction: float, message: str) -> None:
        done.append(fraction)
        messages.append(message)
        if len(done) == 3:
            raise Cancelled("stopped")

    content = CONTENT.copy()
    with pytest.raises(Cancelled):
        GramTransfer(steps=30, **SMALL).run(content, STYLE, watch)
    assert done == sorted(done)
    assert "loss" in messages[0]
    np.testing.assert_array_equal(content, CONTENT)
    early = GramTransfer(steps=500, target=0.05, **SMALL).run(CONTENT, STYLE)
    assert len(early.losses) < 500
    assert early.kept <= 0.05
    stalled = GramTransfer.study(optimiser="sgd", learning_rate=1e-9, patience=4, **SMALL).run(CONTENT, STYLE)
    assert len(stalled.losses) == 5


@pytest.mark.parametrize(
    "changes", [{"optimiser": "lbfgs"}, {"loss": "huber"}, {"learning_rate": 0.0}, {"steps": 0}, {"patience": -1}]
)
def test_bad_settings_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(StyleError, match=str(next(iter(changes)))):
        GramTransfer(**changes)  # type: ignore[arg-type]


def test_bad_spectrograms_are_refused() -> None:
    with pytest.raises(StyleError, match="bins"):
        GramTransfer(**SMALL).run(CONTENT[:-1], STYLE)
    with pytest.raises(StyleError, match="frame"):
        GramTransfer(**SMALL).run(CONTENT[:, :0], STYLE)
    with pytest.raises(StyleError, match="NaN"):
        GramTransfer(**SMALL).run(np.full_like(CONTENT, np.nan), STYLE)
    with pytest.raises(StyleError, match="the style is silent"):
        GramTransfer(**SMALL).run(CONTENT, np.zeros_like(STYLE))
