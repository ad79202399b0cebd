"""The transform's numbers, from theory: figures and stored statistics rest on them."""

from __future__ import annotations

import numpy as np
import pytest

from retrotone.dsp.stft import stft

N_FFT, HOP = 2048, 512


def frames(signal: np.ndarray) -> np.ndarray:
    """STFT of a mono signal, shape (frames, bins)."""
    return np.concatenate(list(stft([signal[None].astype(np.float32)], N_FFT)), axis=1)[0]


@pytest.mark.parametrize("phase", [0.0, 1.0, -2.5])
def test_a_cosine_on_a_bin_has_three_bins_of_known_size_and_phase(phase: float) -> None:
    k, amplitude = 100, 0.5
    time = np.arange(8 * N_FFT)
    spectrum = frames(amplitude * np.cos(2 * np.pi * k / N_FFT * time + phase))
    # all under sound
    for frame in (4, 10, 20):
        # the grid: frame 3 begins with the first sample
        start = frame * HOP - (N_FFT - HOP)
        turn = np.exp(1j * (2 * np.pi * k / N_FFT * start + phase))
        expected = np.zeros(N_FFT // 2 + 1, complex)
        # Hann = 1/2 - e^(i w)/4 - e^(-i w)/4, times A/2 e^(i phase), summed over N samples
        expected[k - 1 : k + 2] = np.array([-0.25, 0.5, -0.25]) * amplitude / 2 * N_FFT * turn
        np.testing.assert_allclose(spectrum[frame], expected, atol=2e-3)


def test_an_impulse_shows_the_window_and_a_linear_phase() -> None:
    at = 5 * HOP + 200
    signal = np.zeros(8 * N_FFT)
    signal[at] = 1.0
    spectrum = frames(signal)
    bins = np.arange(N_FFT // 2 + 1)
    for frame in range(len(spectrum)):
        offset = at - (frame * HOP - (N_FFT - HOP))
        inside = 0 <= offset < N_FFT
        height = 0.5 - 0.5 * np.cos(2 * np.pi * offset / N_FFT) if inside else 0.0
        expected = height * np.exp(-2j * np.pi * bins * offset / N_FFT)
        np.testing.assert_allclose(spectrum[frame], expected, atol=1e-6)


def test_a_constant_stands_in_the_two_lowest_bins() -> None:
    spectrum = frames(np.ones(8 * N_FFT))
    expected = np.zeros(N_FFT // 2 + 1)
    expected[:2] = N_FFT / 2, -N_FFT / 4
    np.testing.assert_allclose(spectrum[10], expected, atol=1e-3)


def test_white_noise_has_the_windows_energy_in_every_bin() -> None:
    noise = np.random.default_rng(0).standard_normal(400 * HOP)
    power = (np.abs(frames(noise)[3:-3]) ** 2).mean()
    # the sum of a squared Hann window
    assert power == pytest.approx(3 / 8 * N_FFT, rel=0.02)


@pytest.mark.parametrize(("samples", "count"), [(1, 4), (512, 4), (513, 5), (2048, 7), (22_050, 47)])
def test_the_number_of_frames(samples: int, count: int) -> None:
    assert len(frames(np.ones(samples))) == count
