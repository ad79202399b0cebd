"""How near a rendering is to the right answer, by short measures of the field that no method here descends on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.signal import firwin2, oaconvolve, stft

import retrotone as rt
from benchmarks.cases import Case
from benchmarks.perception import excerpt, visqol, without_perception, zimtohrli

N_FFT, HOP = 2048, 512
MEL_BANDS, LOW_HZ, HIGH_HZ = 80, 40.0, 16_000.0
# dB below the ideal's loudest band and moment: what lies deeper is not heard.
RANGE_DB = 90.0
FLOOR_QUANTILE = 0.05
NARROWEST_DB, WIDEST_DB = -60.0, 10.0
# Of the long-term spectrum's fine structure, which is the music's notes: Hz, steps per octave, steps that are smoothed.
FINE_HZ, FINE_N_FFT, FINE_STEPS, SMOOTH_STEPS = (100.0, 1500.0), 16_384, 48, 16
PAUSE_SECONDS = 0.05
# Of the equaliser: taps, part of an octave over which spectra are smoothed, limits in dB.
TAPS, PART, GAINS_DB = 4095, 6, (-70.0, 30.0)
# Of the recipe's noise.
NOISE_BINS, NOISE_SEED = 15, 5


class Nearness(NamedTuple):
    """Differences to the ideal at its loudness.

    `mel`, `floor`: mean |difference| in dB of mel bands, and of the 5 % quantile of each; `envelope`: correlation of
    what moves in the mel bands; `width`: |difference| in dB of side to middle; `record`, `song`: correlation of the
    long-term spectrum's fine structure with theirs; `pauses`: how much louder the quietest twentieth of the time is,
    in dB; `zimtohrli`, in thousandths, and `visqol`: see `benchmarks.perception`; NaN where they are not installed.
    """

    mel: float
    floor: float
    envelope: float
    width: float
    record: float
    song: float
    pauses: float
    zimtohrli: float
    visqol: float


class Judge:
    """Measures renderings of one case.

    Parameters
    ----------
    case : Case
    """

    def __init__(self, case: Case) -> None:
        self._loudness = case.ideal.loudness
        self._mel, self._width = mel_db(case.ideal), width_db(case.ideal)
        self._pauses = pauses_db(case.ideal)
        self._excerpt = excerpt(case.ideal)
        self._fine = [fine_structure(audio) for audio in (case.record, case.song)]

    def measure(self, output: rt.Audio) -> Nearness:
        """Return how near a rendering is, whatever its level."""
        output = output.with_loudness(self._loudness)
        deepest = self._mel.max() - RANGE_DB
        ours, ideal = (np.maximum(mel, deepest) for mel in (mel_db(output), self._mel))
        floors = [np.quantile(mel, FLOOR_QUANTILE, axis=1) for mel in (ours, ideal)]
        fine = fine_structure(output)
        record, song = (float(np.corrcoef(fine, other)[0, 1]) for other in self._fine)
        return Nearness(
            mel=float(np.abs(ours - ideal).mean()),
            floor=float(np.abs(floors[0] - floors[1]).mean()),
            envelope=_correlation(*(mel - mel.mean(axis=1, keepdims=True) for mel in (ours, ideal))),
            width=abs(width_db(output) - self._width),
            record=record,
            song=song,
            pauses=pauses_db(output) - self._pauses,
            **self._perceived(output),
        )

    def _perceived(self, output: rt.Audio) -> dict[str, float]:
        if without_perception():
            return {"zimtohrli": np.nan, "visqol": np.nan}
        both = self._excerpt, excerpt(output)
        return {"zimtohrli": 1000 * zimtohrli(*both), "visqol": visqol(*both)}


def mel_db(audio: rt.Audio) -> NDArray[np.float64]:
    """Return mel bands of the mono fold in dB, shape (bands, frames)."""
    _, _, spectrum = stft(audio.samples.mean(axis=0), nperseg=N_FFT, noverlap=N_FFT - HOP, boundary=None, padded=False)
    return np.asarray(10 * np.log10(_mel(audio.sample_rate) @ np.square(np.abs(spectrum)) + 1e-14))


def width_db(audio: rt.Audio) -> float:
    """Return the power of the side relative to the middle, in dB."""
    middle, side = audio.samples.mean(axis=0), (audio.samples[0] - audio.samples[-1]) / 2
    ratio = np.square(side).mean() / max(float(np.square(middle).mean()), 1e-12)
    return float(np.clip(10 * np.log10(ratio + 1e-9), NARROWEST_DB, WIDEST_DB))


def pauses_db(audio: rt.Audio) -> float:
    """Return the level that a twentieth of the time is below, in dB."""
    length = int(PAUSE_SECONDS * audio.sample_rate)
    middle = audio.samples.mean(axis=0)
    power = np.square(middle[: len(middle) // length * length]).reshape(-1, length).mean(axis=1)
    return float(10 * np.log10(np.quantile(power, FLOOR_QUANTILE) + 1e-12))


def fine_structure(audio: rt.Audio) -> NDArray[np.float64]:
    """Return the long-term spectrum over log frequency in dB, less its smooth version."""
    hz, density = _spectrum(audio.samples.mean(axis=0, keepdims=True), audio.sample_rate, FINE_N_FFT)
    points = FINE_HZ[0] * 2 ** (np.arange(int(FINE_STEPS * np.log2(FINE_HZ[1] / FINE_HZ[0]))) / FINE_STEPS)
    level = 10 * np.log10(np.interp(points, hz, density) + 1e-16)
    return np.asarray(level - uniform_filter1d(level, SMOOTH_STEPS))


def equalised(case: Case) -> rt.Audio:
    """Give the song the record's long-term spectrum: a linear-phase equaliser."""
    rate = case.song.sample_rate
    spectra = []
    for audio in (case.song, case.record):
        hz, power = _spectrum(audio.samples, rate, 4096)
        total = np.concatenate([[0.0], np.cumsum(power)])
        low, high = np.searchsorted(hz, hz * 2 ** (-0.5 / PART)), np.searchsorted(hz, hz * 2 ** (0.5 / PART))
        high = np.maximum(high, low + 1)
        spectra.append((total[high] - total[low]) / (high - low) / total[-1])
    gain_db = 10 * np.log10((spectra[1] + 1e-12) / (spectra[0] + 1e-12))
    taps = firwin2(TAPS, hz / hz[-1], 10 ** (np.clip(gain_db, *GAINS_DB) / 20))
    return case.song.with_samples(oaconvolve(case.song.samples, taps[None], "same", axes=1))


def recipe(case: Case) -> rt.Audio:
    """Equalise, fold to the record's width, and add noise at its floor: what an engineer would do in a minute."""
    output = equalised(case).with_loudness(case.record.loudness)
    middle, side = output.samples.mean(axis=0), (output.samples[0] - output.samples[1]) / 2
    side = side * min(10 ** ((width_db(case.record) - width_db(output)) / 20), 2.0)
    output = output.with_samples([middle + side, middle - side])
    rng, rate = np.random.default_rng(NOISE_SEED), output.sample_rate
    missing = np.maximum(_floor(case.record) - _floor(output), 0)
    taps = firwin2(N_FFT - 1, np.linspace(0, 1, len(missing)), np.sqrt(missing * rate))
    mono = width_db(case.record) < -40
    noise = rng.standard_normal((1 if mono else 2, output.frames))
    return output.with_samples(output.samples + oaconvolve(noise, taps[None], "same", axes=1))


RECIPE, MEDIUM, ERA = "EQ + width + floor (the recipe)", "medium", "the nearest era, told"
METHODS: dict[str, Callable[[Case], rt.Audio]] = {
    "EQ to the record's spectrum": equalised,
    RECIPE: recipe,
    MEDIUM: lambda case: rt.Medium.from_recording(case.record).apply(case.song),
    "transport, strength 0.5": lambda case: _transported(case, 0.5),
    "transport, strength 1": lambda case: _transported(case, 1.0),
    ERA: lambda case: rt.age(case.song, case.era),
}


def _transported(case: Case, strength: float) -> rt.Audio:
    return rt.StyleTransfer(method="transport", strength=strength).stylize(case.song, case.record)


def _spectrum(samples: NDArray[np.float32], sample_rate: int, n_fft: int) -> tuple[NDArray[np.float64], ...]:
    """Return frequencies, and the mean power of all channels and frames."""
    hz, _, spectrum = stft(samples, sample_rate, nperseg=n_fft, noverlap=n_fft // 2, boundary=None, padded=False)
    return hz, np.square(np.abs(spectrum)).mean(axis=(0, 2))


def _floor(audio: rt.Audio) -> NDArray[np.float64]:
    """Return the density of the noise on both sides of 0 Hz, by the quietest moments of each frequency."""
    _, _, spectrum = stft(
        audio.samples, audio.sample_rate, "hann", N_FFT, N_FFT // 2, boundary=None, padded=False, scaling="psd"
    )
    # of noise the power is distributed exponentially
    quiet = np.quantile(np.square(np.abs(spectrum)).mean(axis=0), FLOOR_QUANTILE, axis=1)
    return np.asarray(median_filter(quiet / -np.log(1 - FLOOR_QUANTILE), NOISE_BINS))


@cache
def _mel(sample_rate: int) -> NDArray[np.float32]:
    import librosa

    return np.asarray(librosa.filters.mel(sr=sample_rate, n_fft=N_FFT, n_mels=MEL_BANDS, fmin=LOW_HZ, fmax=HIGH_HZ))


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float((first * second).sum() / np.sqrt(np.square(first).sum() * np.square(second).sum()))
