"""From what records show to the parts of a medium; several records make one medium by medians."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, TypeVar

import numpy as np

from retrotone.style.media.filters import Filter, Highpass, Lowpass
from retrotone.style.media.media import REFERENCE_LUFS
from retrotone.style.media.noise import TAIL_INDEX, Crackle, Hum
from retrotone.style.media.spectrum import THIRD_EDGE, NoiseSpectrum
from retrotone.style.media.wow import Wobble
from retrotone.style.reading.band import Edge
from retrotone.style.reading.hum import Tone
from retrotone.style.reading.reading import Reading
from retrotone.style.reading.spectrum import HZ, NOTHING_DB
from retrotone.style.reading.speed import BANDS_HZ, CENTRES_HZ, Speed

T = TypeVar("T")

# Noise below is not there: dB re full scale, for a programme at -20 LUFS. Quieter than the best analogue tape.
SILENT_DB = -72.0
# A third of an octave this far below the noise as a whole adds nothing.
NEGLIGIBLE_DB = -90.0
# A low-pass above it, steeper than any machine's, is that of a codec.
CODEC_HZ, CODEC_ORDER = 13_000.0, 7
# Clicks whose median lies below are not heard.
FAINTEST_CLICK_DB = -62.0
# By how much the median of a Pareto distribution exceeds its least value.
MEDIAN_CLICK_DB = 20 * np.log10(2) / TAIL_INDEX


def medium_parts(readings: Sequence[Reading]) -> dict[str, Any]:
    """Return the parameters of a medium that records of the same kind show.

    Parameters
    ----------
    readings : sequence of Reading
        At least one. A part is there when more than half of the records show it.

    Returns
    -------
    dict
        Keyword arguments of `retrotone.style.medium.Medium`.
    """
    confidence: dict[str, float] = {}
    parts: dict[str, Any] = {"recording_lufs": REFERENCE_LUFS, "confidence": confidence}
    high = _most(readings, lambda reading: reading.high)
    top_hz = median(edge.hz for edge in high) if high else None
    mono = [reading.channels.is_mono(top_hz) for reading in readings]
    if sum(mono) > len(mono) / 2:
        parts["separation_db"] = 0.0
        confidence["width"] = 0.9
    elif delay_s := median(reading.channels.delay_s for reading in readings):
        parts["delay_s"] = delay_s
        confidence["delay"] = 0.6
    noise = _noise(readings)
    if noise is not None:
        parts["noises"] = (noise,)
        confidence["noise"] = median(_noise_confidence(reading) for reading in readings)
    speeds = _most(readings, lambda reading: reading.speed)
    wobbles = _wobbles(speeds)
    if wobbles:
        parts["wobbles"] = wobbles
        confidence["wow"] = median(speed.confidence for speed in speeds)
    crackle = _crackle(readings)
    if crackle is not None:
        parts["crackle"] = crackle
        confidence["crackle"] = median(each.clicks.confidence for each in readings if each.clicks)
    hums = _hums(readings)
    if hums:
        parts["hums"] = hums
        confidence["hum"] = 0.8
    recording = _band(readings, high, others=bool(noise or crackle or wobbles or "separation_db" in parts))
    if recording:
        parts["recording"] = recording
        edges = [edge for reading in readings for edge in (reading.low, reading.high) if edge]
        confidence["band"] = median(edge.confidence for edge in edges)
    for word in confidence:
        confidence[word] = round(float(confidence[word]), 2)
    return parts


def _most(readings: Sequence[Reading], get: Callable[[Reading], T | None]) -> list[T]:
    """Return what records show, if more than half of them show it."""
    shown = [value for value in map(get, readings) if value is not None]
    return shown if len(shown) > len(readings) / 2 else []


def _band(readings: Sequence[Reading], high: Sequence[Edge], others: bool) -> tuple[Filter, ...]:
    """Return the filters of the band; a cut like a codec's is left out where nothing `others` shows."""
    filters: list[Filter] = []
    low = _most(readings, lambda reading: reading.low)
    if low:
        filters.append(Highpass(round(median(edge.hz for edge in low), 1), round(median(edge.order for edge in low))))
    if high:
        hz, order = median(edge.hz for edge in high), round(median(edge.order for edge in high))
        if others or hz < CODEC_HZ or order < CODEC_ORDER:
            filters.append(Lowpass(round(hz), order))
    return tuple(filters)


def _noise(readings: Sequence[Reading]) -> NoiseSpectrum | None:
    """Return the median of the noises in thirds of an octave, or None where there is none to speak of."""
    floors = _most(readings, lambda reading: reading.floor if reading.floor.rms_db > SILENT_DB else None)
    if not floors:
        return None
    density = 10 ** (np.median([floor.level_db for floor in floors], axis=0) / 10)
    # every second sixth of an octave, with half of both neighbours
    thirds = (density[:-2] / 4 + density[1:-1] / 2 + density[2:] / 4)[1::2]
    hertz = HZ[1:-1][1::2]
    level_db = 10 * np.log10(thirds * hertz * (THIRD_EDGE - 1 / THIRD_EDGE) + 10 ** (NOTHING_DB / 10))
    heard = level_db > NEGLIGIBLE_DB - 20
    if not heard.any():
        return None
    mono = sum(reading.channels.is_mono_noise for reading in readings) > len(readings) / 2
    first, last = np.flatnonzero(heard)[[0, -1]]
    chosen = slice(first, last + 1)
    return NoiseSpectrum(
        tuple(round(float(hz), 1) for hz in hertz[chosen]),
        tuple(round(float(level), 1) for level in np.maximum(level_db[chosen], NEGLIGIBLE_DB - 40)),
        mono=mono,
    )


def _noise_confidence(reading: Reading) -> float:
    heard = (HZ > 50) & (HZ < 15_000)
    return 0.2 + 0.8 * float(reading.floor.sure[heard].mean())


def _wobbles(speeds: Sequence[Speed]) -> tuple[Wobble, ...]:
    """Return the wow in each band: a sine where most records waver with their turns, else at random."""
    if not speeds:
        return ()
    depths = np.median([speed.depths for speed in speeds], axis=0)
    turns = [speed.turns_hz for speed in speeds if speed.turns_hz]
    turns_hz = median(turns) if len(turns) > len(speeds) / 2 else 0.0
    # sines of the same root mean square
    return tuple(
        Wobble(round(turns_hz if turning else centre_hz, 3), round(float(depth) * 2**0.5, 6), random=not turning)
        for (low_hz, high_hz), centre_hz, depth in zip(BANDS_HZ, CENTRES_HZ, depths, strict=True)
        for turning in [low_hz <= turns_hz < high_hz]
        if depth > 0
    )


def _crackle(readings: Sequence[Reading]) -> Crackle | None:
    clicks = _most(readings, lambda reading: reading.clicks)
    if not clicks:
        return None
    level_db = median(each.median_db for each in clicks)
    if level_db < FAINTEST_CLICK_DB:
        return None
    return Crackle(
        round(median(each.per_second for each in clicks), 2),
        round(level_db - MEDIAN_CLICK_DB, 1),
        round(median(each.ring_hz for each in clicks)),
        round(median(each.decay_s for each in clicks), 6),
        high_hz=round(median(each.high_hz for each in clicks)),
    )


def _hums(readings: Sequence[Reading]) -> tuple[Hum, ...]:
    hums = _most(readings, lambda reading: reading.hum or None)
    # the partials of one record: those of different mains do not mix
    best: Sequence[Tone] = max(hums, key=len, default=[])
    return tuple(Hum(round(tone.hz, 2), round(tone.level_db, 1)) for tone in best)
