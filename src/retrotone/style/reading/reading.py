"""Everything that is read from a record, part by part, each with how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.loudness import ABSOLUTE_GATE
from retrotone.progress import Progress, part, silent
from retrotone.style.media.chain import reference_gain
from retrotone.style.reading.band import Edge, read_edges
from retrotone.style.reading.channels import Channels, align, read_channels
from retrotone.style.reading.clicks import Clicks, read_clicks
from retrotone.style.reading.floor import Floor, read_floor
from retrotone.style.reading.hum import Tone, hum_spectrum, read_hum
from retrotone.style.reading.spectrum import densities, in_bands
from retrotone.style.reading.speed import Speed, read_speed
from retrotone.style.sample import Sample
from retrotone.types import Block, Source

# Higher rates hold nothing that is read.
HIGHEST_RATE = 48_000


@dataclass(frozen=True)
class Reading:
    """What a record shows of its medium.

    Attributes
    ----------
    name : str
        Of the record.
    spectrum_db : ndarray, shape (len(HZ),)
        Long-term spectrum in the bands of `retrotone.style.reading.spectrum.HZ`, in dB per Hz for a programme at
        -20 LUFS; NaN above the record's Nyquist frequency.
    floor : Floor
    low, high : Edge or None
        The ends of the music's band.
    channels : Channels
    clicks : Clicks or None
    speed : Speed or None
    hum : list of Tone
    """

    name: str
    spectrum_db: NDArray[np.float64]
    floor: Floor
    low: Edge | None
    high: Edge | None
    channels: Channels
    clicks: Clicks | None
    speed: Speed | None
    hum: list[Tone]


def read(record: Source, progress: Progress = silent) -> Reading:
    """Read the medium of a record.

    Parameters
    ----------
    record : Source
        Any rate, one or two channels; of long ones, excerpts.
    progress : Progress

    Returns
    -------
    Reading

    Raises
    ------
    AudioError
        The record is silent or cannot be read.
    StyleError
        It is shorter than half a second.
    """
    sample_rate = min(record.sample_rate, HIGHEST_RATE)
    sample = Sample.of_style(record, sample_rate, part(progress, 0.0, 0.3))
    pieces = _at_reference(sample, record.channels)
    progress(0.3, f"reading the medium of {Path(record.name).name}")
    # clicks side by side with the rest: either is mostly transforms, which leave other threads alone
    with ThreadPoolExecutor(1) as pool:
        reading_clicks = pool.submit(read_clicks, pieces, sample_rate)
        hum = read_hum(pieces, sample_rate)
        stereo = align(pieces, sample_rate)
        powers = stereo.channels if stereo else densities(pieces, sample_rate)
        floor = read_floor(powers, sample_rate, [tone.hz for tone in hum], stereo.noise_side if stereo else ())
        spectrum_db = in_bands(np.concatenate(powers).mean(axis=0), sample_rate)
        low, high = read_edges(spectrum_db, floor, hum_spectrum(hum, sample_rate))
        channels = read_channels(stereo, sample_rate, floor)
        noisy = bool(floor.sure.any())
        speed = read_speed(pieces, sample_rate, noisy)
        progress(0.7, f"reading the clicks of {Path(record.name).name}")
        clicks = reading_clicks.result()
        if clicks and not clicks.are_likely(noisy):
            clicks = None
        reading = Reading(record.name, spectrum_db, floor, low, high, channels, clicks, speed, hum)
    progress(1.0, f"read {Path(record.name).name}")
    return reading


def _at_reference(sample: Sample, channels: int) -> Sequence[Block]:
    """Return the excerpts at the loudness to which all levels of a medium refer."""
    # a record below the gate has no loudness: it counts as one at the gate
    gain = np.float32(reference_gain(max(sample.loudness, ABSOLUTE_GATE), channels))
    # equal channels tell no more than one
    equal = all(np.array_equal(piece[:1], piece[-1:]) for piece in sample.pieces)
    return [piece[: 1 if equal else None] * gain for piece in sample.pieces]
