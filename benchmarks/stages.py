"""Stages of recording machines, by NumPy and SciPy alone: what `benchmarks.chains` puts together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.signal import butter, lfilter, resample_poly, sosfilt

import retrotone as rt

Samples = NDArray[np.float32]

# The speed has a value for each of so many samples.
CONTROL_FRAMES = 64
# Of a compressor's level and of its gain.
SMOOTHING_SECONDS = 0.02, 0.12


@dataclass(frozen=True)
class Hiss:
    """Noise in a band: RMS in dB re full scale, and a tilt in dB per octave."""

    low_hz: float
    high_hz: float
    level_db: float
    tilt_db: float = 0.0


@dataclass(frozen=True)
class Waver:
    """A wobble of the speed: rate, root-mean-square depth as a share, and whether it is a band of noise."""

    hz: float
    depth: float
    random: bool = False


def at_loudness(samples: NDArray[np.floating], sample_rate: int, lufs: float) -> Samples:
    """Return samples, shape (2, n), at a loudness; silence stays silence."""
    return rt.Audio(samples.astype(np.float32), sample_rate).with_loudness(lufs).samples


def wavered(
    samples: NDArray[np.floating], sample_rate: int, wavers: tuple[Waver, ...], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return samples, shape (2, n), played at a wobbling speed that wins and loses no time on the whole."""
    if not wavers:
        return np.asarray(samples, float)
    frames = samples.shape[1]
    points, rate = frames // CONTROL_FRAMES + 2, sample_rate / CONTROL_FRAMES
    moved = np.zeros(points)
    for waver in wavers:
        if waver.random:
            band = butter(2, [waver.hz / 1.5, waver.hz * 1.5], "bandpass", fs=rate, output="sos")
            speed = sosfilt(band, rng.standard_normal(points + int(10 * rate)))[-points:]
        else:
            speed = np.sin(2 * np.pi * waver.hz * np.arange(points) / rate + rng.uniform(0, 2 * np.pi))
        speed *= waver.depth / np.sqrt(np.mean(np.square(speed)))
        # seconds; without its trend the music stays in time
        way = np.cumsum(speed - speed.mean()) / rate
        moved += way - way.mean()
    at = np.arange(frames)
    position = 2 * (at + sample_rate * np.interp(at, np.arange(points) * CONTROL_FRAMES, moved))
    doubled = resample_poly(samples, 2, 1, axis=1)
    return np.stack([map_coordinates(channel, position[None], order=3, mode="nearest") for channel in doubled])


def delayed(samples: NDArray[np.floating], by: float) -> NDArray[np.float64]:
    """Return samples, shape (n,), late by a fraction of samples."""
    n_fft = len(samples) + 64
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(n_fft) * by)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples, n_fft) * turn, n_fft)[: len(samples)])


def resonance(hz: float, q: float, gain_db: float, sample_rate: int) -> NDArray[np.float64]:
    """Return a resonance as a section, shape (1, 6), by the bilinear transform of an analogue one."""
    turn, amplitude = 2 * np.pi * hz / sample_rate, 10 ** (gain_db / 40)
    alpha = np.sin(turn) / (2 * q)
    up, down = [1 + alpha * amplitude, -2 * np.cos(turn), 1 - alpha * amplitude], alpha / amplitude
    section = np.array([*up, 1 + down, -2 * np.cos(turn), 1 - down])
    return np.asarray((section / section[3])[None])


def squeezed(samples: NDArray[np.float64], sample_rate: int, ratio: float) -> NDArray[np.float64]:
    """Return samples with what is louder than their own level turned down."""
    if ratio == 1:
        return samples
    power = np.square(samples).mean(axis=0)
    for seconds in SMOOTHING_SECONDS:
        pole = np.exp(-1 / (seconds * sample_rate))
        power = lfilter([1 - pole], [1, -pole], power)
    over_db = np.maximum(10 * np.log10((power + 1e-12) / np.square(samples).mean()), 0)
    return np.asarray(samples * 10 ** (-over_db * (1 - 1 / ratio) / 20))


def clipped(samples: NDArray[np.floating], drive: float) -> NDArray[np.float64]:
    """Return samples softly clipped, at twice the rate, where most of what would alias has room."""
    doubled = drive * resample_poly(samples, 2, 1, axis=1)
    return np.asarray(resample_poly(doubled / np.sqrt(1 + doubled**2), 1, 2, axis=1))


def hissing(hiss: Hiss, frames: int, sample_rate: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return noise of RMS 1, shape (frames,)."""
    hz = np.maximum(np.fft.rfftfreq(frames, 1 / sample_rate), 1.0)
    gain = 10 ** (hiss.tilt_db * np.log2(hz / 1000) / 20)
    gain /= np.sqrt((1 + (hz / hiss.high_hz) ** 8) * (1 + (hiss.low_hz / hz) ** 4))
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(frames)) * gain, frames)
    return np.asarray(noise / np.sqrt(np.mean(np.square(noise))))
