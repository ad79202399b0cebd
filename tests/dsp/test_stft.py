"""STFT and back: exact for any signal, in any blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrotone.audio.audio import load
from retrotone.dsp.stft import CHUNK_FRAMES, istft, n_fft_for, stft, window


def noise(channels: int, samples: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((channels, samples)).astype(np.float32)


def cut(signal: NDArray[np.float32], sizes: list[int]) -> Iterator[NDArray[np.float32]]:
    """Cut a signal into blocks of the given sizes, over and over."""
    start = turn = 0
    while start < signal.shape[1]:
        size = sizes[turn % len(sizes)]
        yield signal[:, start : start + size]
        start, turn = start + size, turn + 1


@pytest.mark.parametrize(
    ("sample_rate", "n_fft"),
    [
        (
            8_000,
            1024,
            # 743 samples would be as long as the study's window: 1024 is nearer in octaves than 512
        ),
        (11_025, 1024),
        (16_000, 2048),
        (22_050, 2048),
        (32_000, 4096),
        (44_100, 4096),
        (48_000, 4096),
        (88_200, 8192),
        (96_000, 8192),
        (176_400, 16_384),
        (192_000, 16_384),
    ],
)
def test_the_window_lasts_as_long_as_the_studys_at_every_rate(sample_rate: int, n_fft: int) -> None:
    assert n_fft_for(sample_rate) == n_fft
    assert 2**-0.5 <= (n_fft / sample_rate) / (2048 / 22_050) <= 2**0.5


@settings(max_examples=60)
@given(
    channels=st.integers(1, 2),
    samples=st.integers(1, 6000),
    n_fft=st.sampled_from([16, 64, 512, 2048]),
    sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=4),
    seed=st.integers(0, 9),
)
def test_inverse_is_exact_for_any_length_channels_and_blocks(
    channels: int, samples: int, n_fft: int, sizes: list[int], seed: int
) -> None:
    signal = noise(channels, samples, seed)
    chunks = list(stft(cut(signal, sizes), n_fft))
    assert all(chunk.dtype == np.complex64 for chunk in chunks)
    assert all(0 < chunk.shape[1] <= CHUNK_FRAMES for chunk in chunks)
    assert sum(chunk.shape[1] for chunk in chunks) == -(-samples // (n_fft // 4)) + 3
    again = np.concatenate(list(istft(chunks, n_fft, samples)), axis=1)
    assert (again.shape, again.dtype) == (signal.shape, np.float32)
    np.testing.assert_allclose(again, signal, atol=2e-5)


@settings(max_examples=25)
@given(
    samples=st.integers(1, 20_000),
    sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=4),
    chunk_frames=st.integers(1, 40),
)
def test_blocks_in_and_chunks_out_do_not_change_the_result(samples: int, sizes: list[int], chunk_frames: int) -> None:
    signal = noise(1, samples)
    whole = np.concatenate(list(stft([signal], 256)), axis=1)
    pieces = np.concatenate(list(stft(cut(signal, sizes), 256)), axis=1)
    np.testing.assert_array_equal(whole, pieces)
    chunks = (whole[:, start : start + chunk_frames] for start in range(0, whole.shape[1], chunk_frames))
    again = np.concatenate(list(istft(chunks, 256, samples)), axis=1)
    np.testing.assert_allclose(again, signal, atol=2e-5)


def test_empty_blocks_in_between_are_nothing() -> None:
    signal, empty = noise(2, 3000), np.zeros((2, 0), np.float32)
    blocks = [empty, signal[:, :1000], empty, signal[:, 1000:], empty]
    expected = np.concatenate(list(stft([signal], 512)), axis=1)
    np.testing.assert_array_equal(np.concatenate(list(stft(blocks, 512)), axis=1), expected)
    assert list(stft([], 512)) == []


def test_it_is_lazy_and_holds_no_more_than_a_window() -> None:
    taken = 0

    def endless() -> Iterator[NDArray[np.float32]]:
        nonlocal taken
        while True:
            taken += 1
            yield noise(1, 4096, taken)

    signal = istft(stft(endless(), 1024), 1024, 10**12)
    yielded = [next(signal) for _ in range(20)]
    assert taken < 25
    # the rest lies under the last window
    assert sum(block.shape[1] for block in yielded) == 20 * 4096 - 768


def test_real_music_comes_back_below_minus_110_db(shared_music: Path) -> None:
    song = load(shared_music / "Karissa_Hobbs_-_Lets_Go_Fishin.ogg", 30).slice(20)
    n_fft = n_fft_for(song.sample_rate)
    again = np.concatenate(list(istft(stft(song.blocks(), n_fft), n_fft, song.frames)), axis=1)
    residual = np.sqrt(np.mean((again - song.samples) ** 2) / np.mean(song.samples**2))
    assert 20 * np.log10(residual) < -110


def test_windows_squared_add_up_to_one_and_a_half() -> None:
    squares = (window(1024).astype(np.float64) ** 2).reshape(4, 256).sum(axis=0)
    np.testing.assert_allclose(squares, 1.5, atol=1e-6)


def test_the_ends_are_mirrored_so_that_a_cut_through_the_music_is_no_click() -> None:
    tone = np.cos(2 * np.pi * 60 / 512 * np.arange(20 * 512 + 57) + 0.3).astype(np.float32)[None]
    spectrum = np.abs(np.concatenate(list(stft([tone], 512)), axis=1)[0])
    # bins away from the tone: a cut would spread over all of them
    far = np.r_[0:30, 90:257]
    assert spectrum[:, far].max() < 0.05 * spectrum[:, 60].max()
