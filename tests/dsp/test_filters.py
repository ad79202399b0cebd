"""Filters that run over a stream, against SciPy's recursive ones."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, iirpeak, sosfilt, sosfreqz

from retrotone.dsp.filters import StreamFilter, butterworth, frequency_response, impulse_response, resonator

RATE = 44_100


@pytest.mark.parametrize("kind", ["highpass", "lowpass"])
@pytest.mark.parametrize("order", range(1, 13))
def test_butterworth_filters_are_those_of_scipy(order: int, kind: Literal["highpass", "lowpass"]) -> None:
    for hz in (20.0, 1_000.0, 19_000.0):
        expected = sosfreqz(butter(order, hz, kind, fs=RATE, output="sos"), 512)[1]
        response = frequency_response(butterworth(order, hz, kind, RATE), 1024)[:-1]
        np.testing.assert_allclose(response, expected, atol=1e-8)


def test_the_resonator_is_that_of_scipy() -> None:
    expected = np.concatenate(iirpeak(0.5, 1.0, fs=700.0))
    np.testing.assert_allclose(resonator(0.5, 1.0, 700.0)[0], expected, atol=1e-12)


@given(blocks=st.lists(st.integers(1, 9_000), min_size=1, max_size=6), hz=st.floats(20, 15_000), seed=st.integers(0, 9))
def test_any_blocks_give_what_a_recursive_filter_gives(blocks: list[int], hz: float, seed: int) -> None:
    sections = np.concatenate([butterworth(2, 30.0, "highpass", RATE), butterworth(5, hz, "lowpass", RATE)])
    samples = np.random.default_rng(seed).standard_normal((2, sum(blocks))).astype(np.float32)
    stream = StreamFilter(impulse_response(sections).astype(np.float32), 2)
    out = np.concatenate([stream(block) for block in np.split(samples, np.cumsum(blocks)[:-1], axis=1)], axis=1)
    # -110 dB
    np.testing.assert_allclose(out, sosfilt(sections, samples, axis=1), atol=3e-6 * np.abs(samples).max())


def test_silence_stays_silence_and_a_tail_dies_away() -> None:
    stream = StreamFilter(impulse_response(butterworth(2, 30.0, "highpass", RATE)).astype(np.float32), 1)
    assert not stream(np.zeros((1, 5_000), np.float32)).any()
    stream(np.ones((1, 5_000), np.float32))
    stream(np.zeros((1, 50_000), np.float32))
    assert not stream(np.zeros((1, 5_000), np.float32)).any()
