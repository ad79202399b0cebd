"""Banks of records: their beats are found, and they come back from a file as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrotone.audio.audio import Audio
from retrotone.errors import AudioError
from retrotone.rave.bank import Bank, Record, encoded

RATE = 22_050
FRAME_RATE = RATE / 512


def clicks(seconds: float, beats_per_minute: float) -> Audio:
    """A click on every beat, over soft noise."""
    samples = np.random.default_rng(0).normal(0, 0.001, (1, round(seconds * RATE)))
    for start in np.arange(0.5, seconds - 0.1, 60 / beats_per_minute):
        at = round(start * RATE)
        samples[0, at : at + 400] += 0.5 * np.sin(np.arange(400)) * np.linspace(1, 0, 400)
    return Audio(samples, RATE, "clicks")


def bank(*recordings: Audio) -> Bank:
    """Return a bank of made-up latents: one row that rises, and one of noise."""

    def encode(audio: Audio) -> np.ndarray:
        frames = round(audio.duration * FRAME_RATE)
        return np.stack([np.linspace(0, 4, frames), np.random.default_rng(0).normal(0, 0.1, frames)]).astype(np.float32)

    return encoded(recordings, encode, FRAME_RATE, seed=0)


def test_a_record_is_cut_on_its_beats_and_without_a_beat_every_half_second() -> None:
    noise = Audio(np.random.default_rng(1).normal(0, 0.1, (1, 12 * RATE)), RATE, "noise")
    beaten, steady = bank(clicks(12, 100), noise).records
    assert beaten.beat
    assert np.diff(beaten.cuts).mean() == pytest.approx(0.6 * FRAME_RATE, rel=0.02)
    phase = (beaten.cuts / FRAME_RATE - 0.5) / 0.6
    assert np.abs(phase - np.round(phase)).max() < 0.1
    assert not steady.beat
    assert np.abs(np.diff(steady.cuts) - 0.5 * FRAME_RATE).max() <= 1


def test_harmony_is_that_of_the_sound_before_a_cut() -> None:
    moments = np.arange(6 * RATE) / RATE
    # A, then D
    tones = Audio(0.2 * np.sin(2 * np.pi * np.where(moments < 3, 440.0, 587.33) * moments)[None], RATE, "tones")
    record = Record.of(tones, np.zeros((1, 260), np.float32), FRAME_RATE)
    strongest = record.harmony.argmax(axis=1)
    seconds = record.cuts / FRAME_RATE
    assert set(strongest[(seconds > 0.5) & (seconds < 2.9)]) == {9}
    assert set(strongest[seconds > 3.6]) == {2}


def test_a_bank_comes_back_from_a_file(tmp_path: Path) -> None:
    made = bank(clicks(6, 120), clicks(9, 80))
    first, second = (made.save(tmp_path / name) for name in ("a.bank", "b.bank"))
    assert first.read_bytes() == second.read_bytes()
    for before, after in zip(made.records, Bank.load(first).records, strict=True):
        assert (before.name, before.beat) == (after.name, after.beat)
        assert np.array_equal(before.cuts, after.cuts)
        # 8 bits a number: about 3 % of it, and less near zero
        assert (np.abs(after.latent - before.latent) <= 0.02 * np.abs(before.latent) + 0.002).all()


def test_of_long_records_the_middle_is_used_and_silent_ones_are_left_out() -> None:
    silence = Audio(np.zeros((1, RATE)), RATE, "silence")
    made = bank(silence, clicks(100, 90))
    assert [record.latent.shape[1] for record in made.records] == [round(60 * FRAME_RATE)]
    with pytest.raises(AudioError, match="no sound"):
        bank(silence)
