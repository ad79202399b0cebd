"""Made signals: what a method may do wrong that a mean over music does not show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, hilbert, sosfiltfilt

import retrotone as rt
from benchmarks.cases import RATE, RECORD_SEED
from benchmarks.chains import Chain
from benchmarks.page import table

SECONDS = 10.0
SEED = 7
# The machine of the made signals' record: stereo and without clicks, so that every burst is the method's.
MACHINE = "cassette"
BEFORE_SECONDS, REST_SECONDS = (0.02, 0.002), (0.2, 0.1)
TONE_HZ, BESIDE_HZ = 1000.0, 1500.0
WIDE_DB = -6.0
SILENCE_SECONDS = 4.0, 7.0
FADE_DB = 60.0
FRAME_SECONDS, FADE_FRAME_SECONDS = 0.02, 0.4
# What the ears, or the noise of the machine, hide at the end of the fade: dB below its start.
FADE_HEARD_DB = 25.0

Render = Callable[[rt.Audio, rt.Audio], rt.Audio]  # of song and record


def renders(machine: Chain) -> dict[str, Render]:
    """Return who plays the made signals: the machine itself, and the methods."""
    return {
        "the machine itself": lambda song, _: song.with_samples(machine.age(song.samples, RATE, RECORD_SEED + 1)),
        "medium": lambda song, record: rt.Medium.from_recording(record).apply(song),
        "transport, strength 0.5": lambda song, record: _transported(song, record, 0.5),
        "transport, strength 1": lambda song, record: _transported(song, record, 1.0),
    }


def made_table(record: rt.Audio, machine: Chain) -> str:
    """Return the table: each signal played by each.

    Parameters
    ----------
    record : Audio
        Music that the machine has not aged yet.
    machine : Chain
    """
    aged = record.with_samples(machine.age(record.samples, RATE, RECORD_SEED))
    players = renders(machine)
    rows = []
    for name, (signal, measure, unit) in _signals().items():
        song = rt.Audio(signal, RATE, name)
        rows.append([f"{name}, {unit}", *(f"{measure(render(song, aged).samples):.2f}" for render in players.values())])
    return table(["", *players], rows)


def _signals() -> dict[str, tuple[NDArray[np.float32], Callable[[NDArray[np.float32]], float], str]]:
    """Return signals, shape (2, n), with their measure and its unit."""
    return {
        "castanets: level before a stroke above that of the rest": (_strokes(2500.0, 0.008), _before_db, "dB"),
        "drum: level before a stroke above that of the rest": (_strokes(90.0, 0.12), _before_db, "dB"),
        "held tone: deviation of its level": (_held(), _level_wobble, "dB"),
        "held tone: deviation of its pitch": (_held(), _pitch_wobble, "%"),
        "wide pair: left to right, made 6.0": (_wide(), _balance_db, "dB"),
        "silence: loudest moment above the median": (_silenced(), _bursts_db, "dB"),
        "fade: largest rise": (_faded(), _rise_db, "dB"),
    }


def _time() -> NDArray[np.float64]:
    return np.arange(int(SECONDS * RATE)) / RATE


def _pair(samples: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.stack([samples, samples]).astype(np.float32)


def _onsets() -> NDArray[np.intp]:
    return (np.arange(0.5, SECONDS - 0.5, 0.5) * RATE).astype(int)


def _strokes(hz: float, decay_s: float) -> NDArray[np.float32]:
    """Return strokes in silence: a pitch and noise that decay."""
    reach = np.arange(int(min(8 * decay_s, 0.25) * RATE)) / RATE
    noise = np.random.default_rng(SEED).standard_normal(len(reach))
    stroke = np.exp(-reach / decay_s) * (np.sin(2 * np.pi * hz * reach) + 0.3 * noise)
    signal = np.zeros(len(_time()))
    for onset in _onsets():
        signal[onset : onset + len(stroke)] = 0.5 * stroke
    return _pair(signal)


def _held() -> NDArray[np.float32]:
    tone = sum(np.sin(2 * np.pi * TONE_HZ * partial * _time()) / partial for partial in (1, 2, 3))
    return _pair(0.15 * np.asarray(tone))


def _wide() -> NDArray[np.float32]:
    """Return a pair of notes on the left, and another 6 dB softer on the right."""
    rng = np.random.default_rng(SEED)
    sides = []
    for hz in (TONE_HZ / 2, BESIDE_HZ / 2):
        pulse = 0.5 + 0.5 * np.sin(2 * np.pi * 2 * _time() + rng.uniform(0, 6))
        tones = [np.sin(2 * np.pi * hz * partial * _time()) / partial for partial in range(1, 6)]
        voice = pulse * np.sum(tones, axis=0)
        sides.append(voice / np.sqrt(np.mean(np.square(voice))))
    return np.stack([0.15 * sides[0], 0.15 * 10 ** (WIDE_DB / 20) * sides[1]]).astype(np.float32)


def _silenced() -> NDArray[np.float32]:
    chord = sum(np.sin(2 * np.pi * hz * _time()) for hz in (220, 277, 330, 440, 1320))
    start, stop = (int(seconds * RATE) for seconds in SILENCE_SECONDS)
    signal = 0.08 * np.asarray(chord)
    signal[start:stop] = 0
    return _pair(signal)


def _faded() -> NDArray[np.float32]:
    noise = np.random.default_rng(SEED).standard_normal(len(_time()))
    hz = np.fft.rfftfreq(len(noise), 1 / RATE)
    pink = np.fft.irfft(np.fft.rfft(noise) / np.sqrt(np.maximum(hz, 30)), len(noise))
    return _pair(0.2 * pink / pink.std() * 10 ** (-FADE_DB * _time() / SECONDS / 20))


def _levels_db(samples: NDArray[np.float32], seconds: float) -> NDArray[np.float64]:
    length = int(seconds * RATE)
    power = np.square(samples).mean(axis=0)[: samples.shape[1] // length * length].reshape(-1, length).mean(axis=1)
    return np.asarray(10 * np.log10(power + 1e-14))


def _before_db(samples: NDArray[np.float32]) -> float:
    """Return how far the level just before strokes lies above that long before them."""
    power = np.square(samples).mean(axis=0)

    def level(span: tuple[float, float]) -> float:
        first, last = (int(seconds * RATE) for seconds in span)
        return float(np.mean([power[at - first : at - last].mean() for at in _onsets()]))

    return float(10 * np.log10((level(BEFORE_SECONDS) + 1e-14) / (level(REST_SECONDS) + 1e-14)))


def _alone(samples: NDArray[np.float32]) -> NDArray[np.complex128]:
    """Return the held tone's first partial as an analytic signal without its ends."""
    band = butter(2, [0.8 * TONE_HZ, 1.25 * TONE_HZ], "bandpass", fs=RATE, output="sos")
    return np.asarray(hilbert(sosfiltfilt(band, samples.mean(axis=0))))[RATE:-RATE]


def _level_wobble(samples: NDArray[np.float32]) -> float:
    return float(np.std(20 * np.log10(np.abs(_alone(samples)) + 1e-9)))


def _pitch_wobble(samples: NDArray[np.float32]) -> float:
    hertz = np.diff(np.unwrap(np.angle(_alone(samples)))) * RATE / (2 * np.pi)
    return float(100 * np.std(uniform_filter1d(hertz, int(FRAME_SECONDS * RATE))) / TONE_HZ)


def _balance_db(samples: NDArray[np.float32]) -> float:
    left, right = np.square(samples).mean(axis=1)
    return float(10 * np.log10(left / right))


def _bursts_db(samples: NDArray[np.float32]) -> float:
    start, stop = SILENCE_SECONDS
    levels = _levels_db(samples[:, int((start + 0.3) * RATE) : int((stop - 0.05) * RATE)], FRAME_SECONDS)
    return float(levels.max() - np.median(levels))


def _rise_db(samples: NDArray[np.float32]) -> float:
    levels = _levels_db(samples, FADE_FRAME_SECONDS)
    return float(np.diff(levels[: np.argmax(levels < levels.max() - FADE_HEARD_DB) or None]).max(initial=-np.inf))


def _transported(song: rt.Audio, record: rt.Audio, strength: float) -> rt.Audio:
    return rt.StyleTransfer(method="transport", strength=strength).stylize(song, record)
