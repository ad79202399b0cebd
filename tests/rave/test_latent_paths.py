"""Latent paths start, pass and end where they should, and move as smoothly as they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrotone.errors import StyleError
from retrotone.rave import latent_paths

ANCHORS = np.random.default_rng(1).standard_normal((16, 5))


@pytest.mark.parametrize("name", latent_paths.PATHS)
def test_paths_pass_through_their_anchors(name: str) -> None:
    path = latent_paths.PATHS[name](ANCHORS, 401)
    assert path.shape == (16, 401)
    assert path.dtype == np.float32
    assert np.abs(path[:, ::100] - ANCHORS).max() < 1e-5


@pytest.mark.parametrize("name", latent_paths.PATHS)
def test_paths_do_not_jump(name: str) -> None:
    path = latent_paths.PATHS[name](ANCHORS, 401)
    # anchors are 5.7 apart, 100 frames
    assert np.linalg.norm(np.diff(path, axis=1), axis=0).max() < 0.2


def test_smooth_has_no_corners_where_linear_has() -> None:
    bends = {
        name: np.linalg.norm(np.diff(latent_paths.PATHS[name](ANCHORS, 401), 2, axis=1), axis=0).max()
        for name in ("linear", "smooth")
    }
    assert bends["smooth"] < bends["linear"] / 10


def test_slerp_keeps_its_distance_from_the_middle() -> None:
    unit = ANCHORS / np.linalg.norm(ANCHORS, axis=0)
    radius = np.linalg.norm(latent_paths.slerp(unit, 401), axis=0)
    assert np.allclose(radius, 1, atol=1e-5)
    assert np.linalg.norm(latent_paths.linear(unit, 401), axis=0).min() < 0.8


@pytest.mark.parametrize("factor", [0.0, 1.0, 3.0, -1.0])
def test_slerp_of_parallel_or_opposite_anchors_is_a_line(factor: float) -> None:
    start = ANCHORS[:, :1]
    path = latent_paths.slerp(np.concatenate([start, factor * start], axis=1), 11)
    assert np.allclose(path, start * np.linspace(1, factor, 11), atol=1e-5)


def test_a_walk_stays_a_unit_gaussian_and_remembers() -> None:
    path = latent_paths.walk(np.random.default_rng(0), 8, 100_000, 20.0)
    assert path.std() == pytest.approx(1, abs=0.05)
    centred = path - path.mean(axis=1, keepdims=True)
    assert (centred[:, 20:] * centred[:, :-20]).mean() == pytest.approx(np.exp(-1), abs=0.05)
    assert np.array_equal(path, latent_paths.walk(np.random.default_rng(0), 8, 100_000, 20.0))


def test_between_goes_from_all_of_one_to_all_of_the_other() -> None:
    rng = np.random.default_rng(2)
    start, stop = rng.standard_normal((4, 7)), rng.standard_normal((4, 50))
    path = latent_paths.between(start, stop, 30)
    assert np.allclose(path[:, 0], start[:, 0], atol=1e-5)
    assert np.allclose(path[:, -1], stop[:, 29], atol=1e-5)
    assert latent_paths.between(start[:, :1], stop, 3).shape == (4, 3)


@given(st.integers(1, 8), st.integers(1, 40))
@settings(max_examples=30)
def test_edits_touch_only_the_dimensions_they_name(count: int, frames: int) -> None:
    z = np.random.default_rng(frames).standard_normal((8, frames)).astype(np.float32)
    changed = latent_paths.edited(z, np.full(count, 2.0), np.full(count, 0.5))
    assert np.allclose(changed[:count], 2 * z[:count] + 0.5, atol=1e-6)
    assert np.array_equal(changed[count:], z[count:])


def test_impossible_paths_and_edits_say_so() -> None:
    with pytest.raises(StyleError, match="two anchors"):
        latent_paths.linear(ANCHORS[:, :1], 10)
    for wrong in (np.ones(17), np.ones((2, 2)), np.nan):
        with pytest.raises(StyleError, match="one finite number"):
            latent_paths.edited(ANCHORS.astype(np.float32), wrong, 0.0)
