"""The tempo of drums, at any level, and none where nothing begins."""

from __future__ import annotations

import numpy as np
import pytest

import retrotone as rt
from retrotone.features.gtzan import timbre
from retrotone.features.tempo import TEMPI, tempo_of

RATE = 22_050


def drums(tempo: float, seconds: float = 20.0) -> rt.Audio:
    """Bass drum on the beats one and three, snare drum on two and four, hi-hat on every half beat, over a chord."""
    time = np.arange(round(seconds * RATE)) / RATE
    beats = time * tempo / 60
    hiss = np.random.default_rng(0).standard_normal(len(time))
    since = {every: np.mod(beats - first, every) * 60 / tempo for every, first in ((2.0, 0), (0.5, 0))}
    snare = np.mod(beats - 1, 2) * 60 / tempo
    bass = np.sin(2 * np.pi * 55 * since[2.0]) * np.exp(-12 * since[2.0])
    chord = sum(np.sin(2 * np.pi * hertz * time) for hertz in (220.0, 277.2, 329.6))
    rest = 0.05 * chord + hiss * (0.2 * np.exp(-20 * snare) + 0.05 * np.exp(-60 * since[0.5]))
    return rt.Audio(0.5 * (bass + rest)[None].astype(np.float32), RATE)


@pytest.mark.parametrize("tempo", [76.0, 97.3, 128.0, 174.0])
def test_drums_have_their_tempo(tempo: float) -> None:
    fits = timbre(drums(tempo)).pulse
    found = tempo_of(fits, {"rock": 1.0})
    assert found is not None
    # the beat, or every half or second one
    assert min(abs(factor * found / tempo - 1) for factor in (0.5, 1, 2)) < 0.004
    softer = timbre(drums(tempo).gain(-30)).pulse
    assert np.abs(softer.astype(float) - fits).max() < 0.1


def test_the_genre_decides_between_half_and_double_tempo() -> None:
    octaves = np.log2(TEMPI / 96)
    fits = np.where(np.abs(octaves - octaves.round()) < 0.01, 0.0, -9.0)
    assert tempo_of(fits, {"reggae": 0.9, "hiphop": 0.1}) == pytest.approx(192, rel=0.01)
    assert tempo_of(fits, {"reggae": 0.1, "hiphop": 0.9}) == pytest.approx(96, rel=0.01)
    # of a genre that nothing is known of, a tempo that is usual in all
    assert tempo_of(fits, {"chanson": 1.0}) == tempo_of(fits, {})


def test_what_never_begins_has_no_tempo() -> None:
    assert tempo_of(timbre(rt.Audio(np.zeros((1, 2 * RATE), np.float32), RATE)).pulse, {}) is None
