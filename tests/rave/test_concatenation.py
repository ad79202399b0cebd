"""A walk among records: short segments, from beat to beat, from record to record, the same for a seed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from retrotone.errors import AudioError
from retrotone.rave.bank import Bank, Record
from retrotone.rave.concatenation import FADE_FRAMES, Segment, joined, walk

FRAME_RATE, FRAMES = 43.0, 860


def record(number: int, beat_frames: int, frames: int = FRAMES) -> Record:
    """Return a record of noise with a beat, or with none where there are no frames to one."""
    rng = np.random.default_rng(number)
    cuts = np.arange(0, frames, beat_frames or 20)
    harmony = np.eye(12, dtype=np.float32)[rng.integers(12, size=len(cuts))]
    latent = rng.standard_normal((6, frames)).astype(np.float32)
    return Record(f"record {number}", latent, cuts, beat_frames > 0, harmony)


def walked(records: Sequence[Record], seed: int = 0, temperature: float = 1.0) -> list[Segment]:
    return walk(Bank(tuple(records)), 3000, FRAME_RATE, 4, temperature, np.random.default_rng(seed))


def test_it_plays_short_segments_of_many_records_from_beat_to_beat() -> None:
    records = [record(number, 25) for number in range(8)]
    segments = walked(records)
    assert sum(segment.stop - segment.start for segment in segments) >= 3000
    assert len({segment.record for segment in segments}) == 8
    for now, after in pairwise(segments):
        assert now.record != after.record
        assert 1.0 <= (now.stop - now.start) / FRAME_RATE <= 3.5
        assert now.start in records[now.record].cuts
        assert now.stop in records[now.record].cuts


def test_a_seed_decides_what_is_played() -> None:
    records = [record(number, 25) for number in range(8)]
    assert walked(records) == walked(records)
    assert walked(records) != walked(records, seed=1)


def test_it_stays_with_one_tempo_though_half_of_it_will_do() -> None:
    records = [record(number, frames) for number, frames in enumerate([24, 24, 24, 24, 24, 48, 48, 33, 33, 33, 0, 0])]
    for seed in range(4):
        families = [records[segment.record].cuts[1] in (24, 48) for segment in walked(records, seed)]
        changes = sum(now != after for now, after in pairwise(families))
        # records change at every join, tempos hardly ever
        assert changes <= len(families) / 4


def test_it_goes_on_where_another_record_has_sounded_the_same() -> None:
    first, second = record(0, 25), record(1, 25)
    # what comes before a beat of the first record comes a beat later in the second
    second.latent[:, 25:] = first.latent[:, :-25]
    second.harmony[1:] = first.harmony[:-1]
    found = []
    for now, after in pairwise(walked([first, second], temperature=0)):
        shift = 25 if now.record == 0 else -25
        # near the end of a record there is too little left to go on with
        if 50 <= now.stop + shift <= FRAMES - 75:
            found.append(after.start - now.stop == shift)
    assert len(found) > 10
    assert all(found)


def test_one_record_is_enough_and_a_short_one_is_not() -> None:
    segments = walked([record(0, 25)])
    for now, after in pairwise(segments):
        # it does not simply go on
        assert abs(after.start - now.stop) > FRAME_RATE
    with pytest.raises(AudioError, match="too short"):
        walked([record(0, 25, frames=40)])


def test_segments_fade_into_each_other() -> None:
    records = [Record("", np.full((2, 100), value, np.float32), np.arange(0, 100, 20), True, np.zeros((5, 12)))
               for value in (0.0, 1.0)]  # fmt: skip
    path = joined(Bank(tuple(records)), [Segment(0, 20, 60), Segment(1, 40, 80)])
    assert path.shape == (2, 80)
    assert np.all(path[:, : 40 - FADE_FRAMES] == 0)
    assert np.all(path[:, 40 + FADE_FRAMES : 78] == 1)
    assert np.all(np.diff(path[0, :78]) >= 0)
    # without a fade, a code stays a code
    assert set(joined(Bank(tuple(records)), [Segment(0, 20, 60), Segment(1, 40, 80)], fade=0).ravel()) == {0.0, 1.0}
