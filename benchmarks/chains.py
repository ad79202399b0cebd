"""Recording machines that retrotone did not write: the judge of what it reads from a record.

Each is a chain of SciPy filters, a compressor, a soft clip, a wobbling speed, noise and clicks; nothing of
`retrotone.style` is used. A chain keeps length, time and loudness.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, correlate, sosfilt, sosfreqz

import retrotone as rt
from benchmarks.stages import Hiss, Samples, Waver, at_loudness, clipped, delayed, hissing, resonance, squeezed, wavered

# At which every chain meets the music, and to which its levels refer; and at which a soft clip of drive 1 meets it.
PROGRAMME_LUFS, DRIVEN_LUFS = -20.0, -12.0
# What the edges of the band are relative to.
MIDDLE_HZ = (500.0, 1500.0)
# Of the Weibull distribution of a click's size: few are loud; and a click's time constant.
CLICK_SHAPE, CLICK_SECONDS = 0.7, (0.0001, 0.0004)
# By which a chain's filters may be late.
LONGEST_LAG = 0.01


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A recording machine and its true parameters.

    Parameters
    ----------
    name, era : str
        What it is, and the era of retrotone that is nearest by what `benchmarks.nearness` measures.
    low, high : tuple of float and int
        Corner in Hz and order of the Butterworth filters that end its band.
    separation_db : float
        Between the channels; 0 is mono.
    delay_s : float
        By which the right channel is late.
    peaks : tuple of (hz, Q, dB)
        Resonances of horns, microphones and loudspeakers.
    ratio : float
        Of the compressor above the programme's own level.
    drive : float
        Into the soft clip; 0 is none.
    wavers, hisses : tuple of Waver, tuple of Hiss
    hum_hz, hums_db : float, tuple of float
        Mains frequency, and the level of its partials.
    clicks_per_second, click_db : float
        Mean rate, and the median peak.
    turns_hz : float
        Of a disc, which has a scratch and a swish once a turn.
    playback_hz : float
        Where the machine that plays it ends, noise and all.
    """

    name: str
    era: str
    low: tuple[float, int]
    high: tuple[float, int]
    separation_db: float = 0.0
    delay_s: float = 0.0
    peaks: tuple[tuple[float, float, float], ...] = ()
    ratio: float = 1.0
    drive: float = 0.0
    wavers: tuple[Waver, ...] = ()
    hisses: tuple[Hiss, ...] = ()
    hum_hz: float = 50.0
    hums_db: tuple[float, ...] = ()
    clicks_per_second: float = 0.0
    click_db: float = -40.0
    turns_hz: float = 0.0
    playback_hz: float = 18_000.0

    def age(self, samples: Samples, sample_rate: int, seed: int) -> Samples:
        """Return music as this machine would have kept it.

        Parameters
        ----------
        samples : ndarray, shape (2, n)
        sample_rate : int
            In Hz.
        seed : int
            Of noise, clicks and the phase of the wobble, and of nothing else.

        Returns
        -------
        ndarray, shape (2, n)
            In time with the music, and as loud.
        """
        loudness = rt.Audio(samples, sample_rate).loudness
        music = at_loudness(samples, sample_rate, PROGRAMME_LUFS).astype(float)
        middle, side = music.mean(axis=0), (music[0] - music[1]) / 2
        side = side * self.side_gain
        kept = sosfilt(self._music_sections(sample_rate), np.stack([middle + side, middle - side]))
        kept = squeezed(kept, sample_rate, self.ratio)
        if self.drive:
            kept = clipped(at_loudness(kept, sample_rate, DRIVEN_LUFS), self.drive)
        kept = np.roll(kept, -self._lag(sample_rate), axis=1)
        kept = wavered(kept, sample_rate, self.wavers, self._rng(seed, "wow"))
        kept = at_loudness(kept, sample_rate, PROGRAMME_LUFS)
        noisy = kept + self.noise(kept.shape[1], sample_rate, seed) + self._clicks(kept.shape[1], sample_rate, seed)
        played = sosfilt(self._playback_sections(sample_rate), noisy)
        played[1] = delayed(played[1], self.delay_s * sample_rate)
        return at_loudness(played, sample_rate, loudness)

    @property
    def side_gain(self) -> float:
        """What is left of the side of the music: 0 for mono."""
        leak = 10 ** (-self.separation_db / 20)
        return (1 - leak) / (1 + leak)

    @property
    def wow_depth(self) -> float:
        """Root-mean-square deviation of the speed, as a share."""
        return float(np.sqrt(sum(waver.depth**2 for waver in self.wavers)))

    @property
    def clicks_rate(self) -> float:
        """Clicks per second, scratches included."""
        return self.clicks_per_second + (self.turns_hz if self.clicks_per_second else 0)

    @cached_property
    def upper_hz(self) -> float:
        """Where the music is 3 dB below the middle of the band."""
        hz = np.geomspace(100, 20_000, 2000)
        sections = np.concatenate([self._music_sections(44_100), self._playback_sections(44_100)])
        gain = 20 * np.log10(np.abs(sosfreqz(sections, hz, fs=44_100)[1]) + 1e-12)
        middle = gain[(hz > MIDDLE_HZ[0]) & (hz < MIDDLE_HZ[1])].mean()
        return float(hz[np.flatnonzero(gain > middle - 3)[-1]])

    def noise(self, frames: int, sample_rate: int, seed: int) -> NDArray[np.float64]:
        """Return hiss and hum alone, shape (2, frames), for a programme at -20 LUFS, before the playback's filter."""
        rng, time = self._rng(seed, "noise"), np.arange(frames) / sample_rate
        mono = self.separation_db == 0
        total = np.zeros((2, frames))
        for hiss in self.hisses:
            own = np.stack([hissing(hiss, frames, sample_rate, rng) for _ in range(1 if mono else 2)])
            total += own * 10 ** (hiss.level_db / 20)
        if self.turns_hz:
            total *= 1 + 0.15 * np.sin(2 * np.pi * self.turns_hz * time + rng.uniform(0, 2 * np.pi))
        for partial, level_db in enumerate(self.hums_db, 1):
            phase = rng.uniform(0, 2 * np.pi)
            total += 10 ** (level_db / 20) * np.sqrt(2) * np.sin(2 * np.pi * partial * self.hum_hz * time + phase)
        return total

    def heard_noise(self, seconds: float, sample_rate: int) -> NDArray[np.float64]:
        """Return hiss and hum alone as they are heard: the truth for who reads a record."""
        return np.asarray(
            sosfilt(self._playback_sections(sample_rate), self.noise(int(seconds * sample_rate), sample_rate, 0))
        )

    def _clicks(self, frames: int, sample_rate: int, seed: int) -> NDArray[np.float64]:
        rng, track = self._rng(seed, "clicks"), np.zeros(frames + sample_rate)
        if not self.clicks_per_second:
            return track[:frames]
        at = rng.uniform(0, frames, rng.poisson(self.clicks_per_second * frames / sample_rate))
        sizes = rng.weibull(CLICK_SHAPE, len(at))
        if self.turns_hz:
            turn = sample_rate / self.turns_hz
            scratches = np.arange(rng.uniform(0, turn), frames, turn)
            at, sizes = np.append(at, scratches), np.append(sizes, rng.uniform(1, 3, len(scratches)))
        # peaks relative to that of the median click
        sizes *= 10 ** (self.click_db / 20) / np.log(2) ** (1 / CLICK_SHAPE)
        for start, size in zip(at.astype(int), sizes, strict=True):
            length = rng.uniform(*CLICK_SECONDS) * sample_rate
            reach = np.arange(int(4 * length))
            shape = np.exp(-reach / length) * np.cos(np.pi * reach / length + 0.5)
            track[start : start + len(shape)] += rng.choice([-1, 1]) * size * shape
        return track[:frames]

    def _music_sections(self, sample_rate: int) -> NDArray[np.float64]:
        top = min(self.high[0], 0.45 * sample_rate)
        return np.concatenate(
            [
                butter(self.low[1], self.low[0], "highpass", fs=sample_rate, output="sos"),
                butter(self.high[1], top, fs=sample_rate, output="sos"),
                *(resonance(*peak, sample_rate) for peak in self.peaks),
            ]
        )

    def _playback_sections(self, sample_rate: int) -> NDArray[np.float64]:
        return np.asarray(butter(4, min(self.playback_hz, 0.45 * sample_rate), fs=sample_rate, output="sos"))

    def _lag(self, sample_rate: int) -> int:
        """Return by how many samples the filters are late, by what they do to a click in the middle of the band."""
        reach = int(LONGEST_LAG * sample_rate)
        band = butter(2, [250, 3000], "bandpass", fs=sample_rate, output="sos")
        early = sosfilt(band, np.eye(1, sample_rate)[0])
        sections = np.concatenate([self._music_sections(sample_rate), self._playback_sections(sample_rate)])
        late = sosfilt(sections, early)
        return int(np.argmax(correlate(late, early, "full", "fft")[sample_rate - 1 - reach :][: 2 * reach])) - reach

    def _rng(self, seed: int, what: str) -> np.random.Generator:
        return np.random.default_rng([seed, crc32(f"{self.name} {what}".encode())])


CHAINS: tuple[Chain, ...] = (
    Chain(
        name="acoustic 78",
        era="1920s",
        low=(220, 3),
        high=(3600, 4),
        peaks=((520, 2.5, 5), (1150, 3, 4), (2300, 2.5, 6)),
        wavers=(Waver(78 / 60, 0.0025), Waver(0.6, 0.0015, random=True)),
        hisses=(Hiss(150, 15_000, -38, 1.0), Hiss(25, 80, -48)),
        clicks_per_second=20,
        click_db=-30,
        turns_hz=78 / 60,
        playback_hz=15_000,
    ),
    Chain(
        name="electrical shellac",
        era="1930s",
        low=(90, 2),
        high=(5800, 4),
        peaks=((300, 1.5, 3), (3400, 2, 4)),
        ratio=2,
        drive=0.8,
        wavers=(Waver(78 / 60, 0.0016), Waver(5, 0.0006, random=True)),
        hisses=(Hiss(60, 8500, -46, -1.5), Hiss(25, 80, -52)),
        clicks_per_second=9,
        click_db=-36,
        turns_hz=78 / 60,
        playback_hz=12_000,
    ),
    Chain(
        name="AM radio",
        era="1930s",
        low=(110, 2),
        high=(4200, 6),
        ratio=5,
        drive=1.2,
        hisses=(Hiss(80, 4800, -47, 0.5),),
        hums_db=(-52, -46, -58, -55),
    ),
    Chain(
        name="wire recorder",
        era="1920s",
        low=(120, 2),
        high=(7000, 3),
        peaks=((2600, 1.2, 3),),
        drive=1.0,
        wavers=(Waver(2.6, 0.003, random=True), Waver(0.8, 0.0025), Waver(9, 0.001, random=True)),
        hisses=(Hiss(200, 9000, -45, 1.5),),
    ),
    Chain(
        name="mono LP",
        era="1950s",
        low=(40, 2),
        high=(10_500, 3),
        peaks=((2800, 1, 2),),
        ratio=1.5,
        wavers=(Waver(33.3 / 60, 0.0008),),
        hisses=(Hiss(300, 14_000, -56), Hiss(20, 60, -50)),
        clicks_per_second=2,
        click_db=-38,
        turns_hz=33.3 / 60,
        playback_hz=15_000,
    ),
    Chain(
        name="stereo LP",
        era="1970s",
        low=(30, 2),
        high=(14_000, 3),
        separation_db=24,
        wavers=(Waver(33.3 / 60, 0.0006),),
        hisses=(Hiss(300, 16_000, -64), Hiss(20, 50, -56)),
        clicks_per_second=0.8,
        click_db=-42,
        turns_hz=33.3 / 60,
    ),
    Chain(
        name="cassette",
        era="1980s",
        low=(45, 2),
        high=(12_000, 5),
        separation_db=28,
        delay_s=22e-6,
        peaks=((90, 1, 2.5),),
        drive=0.9,
        wavers=(Waver(0.8, 0.001, random=True), Waver(8, 0.0006, random=True)),
        hisses=(Hiss(300, 13_000, -50, 1.5),),
    ),
    Chain(
        name="telephone",
        era="1940s",
        low=(300, 5),
        high=(3400, 8),
        peaks=((1900, 1.5, 5),),
        ratio=3,
        hisses=(Hiss(250, 3600, -44),),
        playback_hz=4000,
    ),
    Chain(
        name="VHS linear track",
        era="1950s",
        low=(90, 2),
        high=(8800, 5),
        ratio=2.5,
        drive=0.7,
        wavers=(Waver(1.2, 0.0012, random=True), Waver(6, 0.001, random=True)),
        hisses=(Hiss(200, 10_500, -46, 1.0),),
        hums_db=(-58, -54),
        playback_hz=12_000,
    ),
)
