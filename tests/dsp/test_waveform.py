"""The extremes that a waveform is drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from retrotone.dsp.waveform import extremes


def test_a_single_click_is_kept() -> None:
    samples = np.zeros((2, 100_003), np.float32)
    samples[1, 70_000] = -0.8
    low, high = extremes(samples, 500)
    assert low.shape == high.shape == (500,)
    assert low.min() == pytest.approx(-0.8)
    assert low.argmin() == pytest.approx(500 * 70_000 / 100_003, abs=1)
    assert high.max() == 0
    np.testing.assert_array_equal(extremes(extremes(samples, 2000), 500), (low, high))


def test_few_samples_have_a_point_each() -> None:
    assert extremes(np.array([[0.1, -0.2, 0.3]], np.float32), 500).shape == (2, 3)
    assert extremes(np.zeros((2, 0), np.float32), 500).shape == (2, 0)
