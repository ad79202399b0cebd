"""The key of cadences, at any tuning, and none for noise and silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import retrotone as rt
from retrotone.features.gtzan import timbre
from retrotone.features.key import MAJOR, MINOR, key_of

RATE = 22_050
# degrees I, IV, V7, I, in semitones above the tonic
CHORDS = {
    "major": ((0, 4, 7), (5, 9, 12), (7, 11, 14, 17), (0, 4, 7, 12)),
    "minor": ((0, 3, 7), (5, 8, 12), (7, 11, 14, 17), (0, 3, 7, 12)),
}


def cadence(tonic: int, mode: str, cents: float = 0.0) -> rt.Audio:
    """Struck strings of six partials, 1 s a chord, the tonic between A3 and G#4, with its bass."""
    seconds = np.arange(RATE) / RATE
    chords = []
    for chord in CHORDS[mode]:
        notes = [220 * 2 ** (((tonic - 9) % 12 + step + cents / 100) / 12) for step in (*chord, chord[0] - 12)]
        partials = [np.sin(2 * np.pi * note * k * seconds) / k**1.5 for note in notes for k in range(1, 7)]
        chords.append(np.exp(-2 * seconds) * np.sum(partials, axis=0))
    return rt.Audio((0.05 * np.concatenate(chords))[None].astype(np.float32), RATE)


@pytest.mark.parametrize("cents", [0, 30])
def test_cadences_in_all_keys(cents: int) -> None:
    for mode, names in (("major", MAJOR), ("minor", MINOR)):
        keys = [key_of(timbre(cadence(tonic, mode, cents)).pitch_classes, {}) for tonic in range(12)]
        assert keys == [f"{name} {mode}" for name in names]


def test_noise_and_silence_have_no_key() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 5 * RATE)).astype(np.float32)
    for samples in (noise, np.zeros_like(noise)):
        assert key_of(timbre(rt.Audio(samples, RATE)).pitch_classes, {}) is None


@pytest.mark.usefixtures("analysing_here")
def test_the_library_stores_the_key(tmp_path: Path) -> None:
    cadence(2, "minor").save(tmp_path / "d.flac")
    with rt.Library(tmp_path / "music.db") as library:
        library.scan([tmp_path], workers=1)
        [track] = library.tracks()
        assert track.key == "D minor"
        assert "D minor" in library.export(tmp_path / "all.csv").read_text()
    analysis = rt.analyse(tmp_path / "d.flac")
    assert key_of(rt.Analysis.from_bytes(analysis.to_bytes()).pitch_classes, {}) == "D minor"  # type: ignore[arg-type]
