"""Long recordings: rendered in chunks that do not show, in memory that does not grow with length."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from retrotone.audio.audio import Audio, load
from retrotone.style import sample
from retrotone.style.rendering import with_context
from retrotone.style.sample import Sample
from retrotone.style.transfer import StyleTransfer

MEGABYTE = 1 << 20
MEASURED = """
import sys
from retrotone.style import transfer
transfer.SPOOL_BYTES = 1 << 20
transfer.StyleTransfer().stylize_file(*sys.argv[1:4])
# not ru_maxrss: that counts the peak of the process that started this one, too
print(next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.fixture(scope="module")
def song(shared_music: Path) -> Audio:
    return load(shared_music / "Karissa_Hobbs_-_Lets_Go_Fishin.ogg", 55).slice(40).resample(22_050)


@pytest.fixture(scope="module")
def style(shared_music: Path) -> Audio:
    return load(next(shared_music.glob("*ragtime.ogg")), 22).slice(10)


def frames(count: int) -> NDArray[np.complex64]:
    """Two channels and three bins that tell which frame is which."""
    return (np.arange(count)[None, :, None] + np.zeros((2, 1, 3))).astype(np.complex64)


def pieces(*sizes: int) -> Iterator[NDArray[np.complex64]]:
    yield from np.split(frames(sum(sizes)), np.cumsum(sizes)[:-1], axis=1)


def correlation(a: Audio, b: Audio) -> float:
    return float(np.corrcoef(a.samples.ravel(), b.samples.ravel())[0, 1])


def signal_to_difference(a: Audio, b: Audio) -> float:
    """In dB."""
    return float(10 * np.log10(np.mean(a.samples**2) / np.mean((a.samples - b.samples) ** 2)))


@pytest.mark.parametrize("sizes", [[50], [3], [40, 40, 40], [100, 7, 100], [64, 1, 1, 1], [3, 2, 1], [9, 9, 2, 30, 5]])
def test_the_cores_of_chunks_with_context_are_the_stream(sizes: list[int]) -> None:
    cores = [chunk[:, core] for chunk, core in with_context(pieces(*sizes), before=12, after=8)]
    np.testing.assert_array_equal(np.concatenate(cores, axis=1), frames(sum(sizes)))


def test_every_chunk_sees_its_neighbours_in_order() -> None:
    whole = frames(120)
    for chunk, core in with_context(pieces(40, 40, 40), before=12, after=8):
        first, last = (int(chunk[0, index, 0].real) for index in (0, -1))
        np.testing.assert_array_equal(chunk, whole[:, first : last + 1])  # no gap, none twice
        assert core.start == (0 if first == 0 else 12)
        assert chunk.shape[1] - core.stop == (0 if last == 119 else 8)


def test_no_chunks_give_none() -> None:
    assert list(with_context(iter(()), 12, 8)) == []


def test_a_rendering_in_chunks_is_the_rendering_as_a_whole(
    song: Audio, style: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = StyleTransfer("transport", noise=0.0).stylize(song, style)
    monkeypatch.setattr("retrotone.dsp.stft.CHUNK_FRAMES", 90)
    monkeypatch.setattr(Sample, "is_whole", False)  # the same fit, rendered chunk by chunk
    chunked = StyleTransfer("transport", noise=0.0).stylize(song, style)
    assert chunked.samples.shape == song.samples.shape
    assert signal_to_difference(whole, chunked) > 90  # measured: 127 dB


def test_a_map_fitted_to_half_of_the_song_gives_nearly_the_same(
    song: Audio, style: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = StyleTransfer("transport", noise=0.0).stylize(song, style)
    frames = song.frames // 512
    monkeypatch.setattr(sample, "SAMPLE_FRAMES", frames // 2)
    monkeypatch.setattr("retrotone.dsp.stft.CHUNK_FRAMES", 120)
    sampled = StyleTransfer("transport", noise=0.0).stylize(song, style)
    assert sampled.samples.shape == song.samples.shape
    assert 0.9 < correlation(whole, sampled) < 1 - 1e-6  # measured: 0.96
    assert sampled.loudness == pytest.approx(song.loudness, abs=0.5)


def test_a_moment_that_the_map_has_not_seen_does_not_drown_the_song(
    shared_music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song, style = (
        load(next(shared_music.glob(name))).mono().resample(22_050) for name in ("Karissa*.ogg", "*Vibe_Ace.ogg")
    )
    song = song.slice(60)  # half a second of it, at 92.5 s, is like nothing else in it
    monkeypatch.setattr(sample, "SAMPLE_FRAMES", 1500)
    output = StyleTransfer("transport").stylize(song, style)

    def typical_level(audio: Audio) -> float:
        halves = audio.samples[0, : audio.frames // 11_025 * 11_025].reshape(-1, 11_025)
        return float(np.median(10 * np.log10(np.mean(halves**2, axis=1))))

    assert typical_level(output) == pytest.approx(typical_level(song), abs=4)  # it was 20 dB too low once
    assert output.loudness == pytest.approx(song.loudness, abs=1.0)  # measured: -0.7 LU, the limiter's share


def test_memory_does_not_grow_with_length(tmp_path: Path, song: Audio, style: Audio) -> None:
    style.save(tmp_path / "style.wav")
    block = song.resample(44_100).samples.T
    peaks = []
    for minutes in (2, 6):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", 44_100, 2) as file:
            for index in range(minutes * 4):
                file.write(block * (0.5 + 0.4 * (index % 2)))
        run = subprocess.run(
            [
                sys.executable,
                "-c",
                MEASURED,
                str(path),
                str(tmp_path / "style.wav"),
                str(tmp_path / f"out{minutes}.wav"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        peaks.append(int(run.stdout))
        assert soundfile.info(tmp_path / f"out{minutes}.wav").frames == soundfile.info(path).frames
    assert peaks[1] - peaks[0] < 60 * MEGABYTE
    assert peaks[1] < 1024 * MEGABYTE  # measured: 455 MB, both
