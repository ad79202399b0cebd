"""Blind estimates: what was read of a machine from its record, beside what the machine is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

import retrotone as rt
from benchmarks.cases import RATE, Case
from benchmarks.chains import Chain
from benchmarks.page import table

# Centres of thirds of an octave in Hz, and dB re full scale below which a third is silence.
THIRDS = 1000 * 2.0 ** (np.arange(-13, 13) / 3)
SILENT_DB = -90.0
# The weight of hearing (IEC 61672), and how far below the loudest third one is heard beside it.
A_DB = 2.0 + 20 * np.log10(
    12_194**2
    * THIRDS**4
    / ((THIRDS**2 + 20.6**2) * np.sqrt((THIRDS**2 + 107.7**2) * (THIRDS**2 + 737.9**2)) * (THIRDS**2 + 12_194**2))
)
HEARD_DB = 25.0
NOISE_SECONDS = 10.0
# A medium without an upper edge ends where hearing does.
OPEN_HZ = 20_000.0
# dB of side gain that stands for mono.
MONO_DB = -40.0
# How near a reading should come, and from which clicks a second and depth of wow on: shares, and dB of the side.
CLICKS_WITHIN, CLICKS_FROM = 1 / 3, 2.0
WOW_WITHIN, WOW_FROM = 0.4, 0.001
WIDTH_WITHIN_DB = 1.5
HEAD = ("chain", "edge, Hz", "octaves off", "floor, dB off", "clicks a second", "ratio", "wow, %", "ratio",
        "side, dB", "read", "delay, µs", "read")  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """What was read from one record of a machine.

    Parameters
    ----------
    truth : Chain
    medium : Medium
    pair : str
        Which music it was read from.
    """

    truth: Chain
    medium: rt.Medium
    pair: str

    @classmethod
    def of(cls, case: Case, medium: rt.Medium) -> Estimate | None:
        """Return the estimate for a case, or None where the machine is not known."""
        return cls(case.truth, medium, case.pair) if case.truth else None

    @property
    def octaves(self) -> float:
        """By how much the upper edge of the music lies too high."""
        # no other filter has an order and a corner below which it passes
        tops = [each.hz for each in self.medium.recording if type(each).__name__ == "Lowpass"]
        return float(np.log2(min([*tops, OPEN_HZ]) / self.truth.upper_hz))

    @property
    def floor_db(self) -> tuple[float, float]:
        """How much too loud the noise is, A-weighted, and the mean |difference| of the thirds that are heard."""
        read, true = noise_db(self.medium) + A_DB, true_noise_db(self.truth) + A_DB
        heard = true > true.max() - HEARD_DB
        louder = 10 * np.log10(np.sum(10 ** (read / 10)) / np.sum(10 ** (true / 10)))
        return float(louder), float(np.abs(read - true)[heard].mean())

    @property
    def clicks(self) -> float:
        """Clicks per second."""
        return self.medium.crackle.per_second if self.medium.crackle else 0.0

    @property
    def wow(self) -> float:
        """Root-mean-square deviation of the speed, as a share."""
        return float(np.sqrt(sum(wobble.depth**2 / 2 for wobble in self.medium.wobbles)))

    @property
    def side_db(self) -> float:
        """What the medium leaves of the side of the music."""
        separation_db = self.medium.separation_db
        if separation_db is None:
            return 0.0
        leak = 10 ** (-separation_db / 20)
        return side_db((1 - leak) / (1 + leak))

    @property
    def delay_s(self) -> float:
        """By which the right channel is late."""
        return self.medium.delay_s


def side_db(gain: float) -> float:
    """Return a gain of the side in dB, mono as MONO_DB."""
    return float(max(20 * np.log10(max(gain, 1e-9)), MONO_DB))


def noise_db(medium: rt.Medium) -> NDArray[np.float64]:
    """Return the noise that a medium adds, shape (len(THIRDS),), by playing silence on it."""
    quiet = rt.Audio(np.zeros((2, int(NOISE_SECONDS * RATE)), np.float32), RATE)
    noise = medium.only("noise", "hum").apply(quiet).samples
    return _thirds_db(noise.astype(float))


def true_noise_db(chain: Chain) -> NDArray[np.float64]:
    """Return the noise of a machine, shape (len(THIRDS),)."""
    return _thirds_db(chain.heard_noise(NOISE_SECONDS, RATE))


def blind_table(estimates: Sequence[Estimate]) -> str:
    """Return true parameters of each machine, and for each record of it what was read."""
    rows = []
    for chain in dict.fromkeys(each.truth for each in estimates):
        own = [each for each in estimates if each.truth == chain]
        floors = [f"{mean:+.1f} ({size:.1f})" for mean, size in (each.floor_db for each in own)]
        rows.append(
            [
                chain.name,
                f"{chain.upper_hz:.0f}",
                _listed([f"{each.octaves:+.2f}" for each in own]),
                _listed(floors),
                f"{chain.clicks_rate:.1f}",
                _listed([_ratio(each.clicks, chain.clicks_rate) for each in own]),
                f"{100 * chain.wow_depth:.2f}",
                _listed([_ratio(100 * each.wow, 100 * chain.wow_depth) for each in own]),
                _side(side_db(chain.side_gain)),
                _listed([_side(each.side_db) for each in own]),
                f"{1e6 * chain.delay_s:.0f}",
                _listed([f"{1e6 * each.delay_s:.0f}" for each in own]),
            ]
        )
    return table(HEAD, rows)


def blind_summary(estimates: Sequence[Estimate]) -> str:
    """Return how many readings come near the truth, and how many show what is not there."""
    clicks = [(each.clicks, each.truth.clicks_rate) for each in estimates]
    wow = [(each.wow, each.truth.wow_depth) for each in estimates]
    widths = [abs(each.side_db - side_db(each.truth.side_gain)) <= WIDTH_WITHIN_DB for each in estimates]
    return (
        f"- clicks within a third of the truth, where there are more than {CLICKS_FROM:g} a second: "
        f"{_near(clicks, CLICKS_FROM, CLICKS_WITHIN)}\n"
        f"- wow within {100 * WOW_WITHIN:g} %, where it is deeper than {100 * WOW_FROM:g} %: "
        f"{_near(wow, WOW_FROM, WOW_WITHIN)}\n"
        f"- what is left of the side within {WIDTH_WITHIN_DB:g} dB: {sum(widths)} of {len(widths)}\n"
    )


def _near(readings: Sequence[tuple[float, float]], least: float, within: float) -> str:
    """Return how many of what was read and what is true agree within a share, and how often nothing is true."""
    near = [abs(read / true - 1) <= within for read, true in readings if true > least]
    false = [read > 0 for read, true in readings if not true]
    return f"{sum(near)} of {len(near)}; false: {sum(false)} of {len(false)}"


def _thirds_db(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    hz, density = welch(noise, RATE, nperseg=1 << 15)
    power = np.concatenate([[0.0], np.cumsum(density.mean(axis=0))]) * hz[1]
    edges = np.searchsorted(hz, THIRDS[:, None] * 2 ** (np.array([-1, 1]) / 6))
    return np.asarray(np.maximum(10 * np.log10(power[edges[:, 1]] - power[edges[:, 0]] + 1e-20), SILENT_DB))


def _ratio(read: float, true: float) -> str:
    """Return read over true, or what was read where there is nothing."""
    if true:
        return f"{read / true:.2f}" if read else "none"
    return f"false: {read:.2f}" if read else "right"


def _side(level_db: float) -> str:
    return "mono" if level_db <= MONO_DB else f"{level_db:.1f}"


def _listed(cells: Sequence[str]) -> str:
    return cells[0] if len(cells) > 1 and len(set(cells)) == 1 else ", ".join(cells)
