"""More or less of the parts of a medium."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import retrotone as rt
from retrotone.errors import StyleError
from retrotone.style.amounts import MOST, with_amounts
from retrotone.style.eras import ERAS


@pytest.mark.parametrize("era", ERAS)
def test_every_part_of_every_era_can_be_left_out_and_doubled(era: str) -> None:
    medium = ERAS[era]
    assert with_amounts(medium, dict.fromkeys(medium.parts, 1.0)) == medium
    for part in medium.parts:
        assert part not in with_amounts(medium, {part: 0.0}).parts
        for amount in (0.5, MOST):
            changed = with_amounts(medium, {part: amount})
            assert changed.parts == medium.parts
            assert replace(changed.without(part), name=era) == medium.without(part)


def test_an_amount_of_noise_is_one_of_amplitude() -> None:
    silence = rt.Audio(np.zeros((1, 44_100), np.float32), 44_100)
    bare = ERAS["1980s"].only("noise")
    levels = [np.std(with_amounts(bare, {"noise": amount}).apply(silence).samples) for amount in (0.5, 1.0, 2.0)]
    assert levels == pytest.approx([0.5 * levels[1], levels[1], 2 * levels[1]], rel=1e-3)


def test_a_part_or_an_amount_that_does_not_exist_is_refused() -> None:
    with pytest.raises(StyleError, match="no part 'dust'"):
        with_amounts(ERAS["1930s"], {"dust": 1.0})
    with pytest.raises(StyleError, match="noise is 3"):
        with_amounts(ERAS["1930s"], {"noise": 3.0})
