"""An excerpt in another sound equals the same seconds of the whole rendering."""

from __future__ import annotations

import numpy as np
import pytest

import retrotone as rt
from retrotone.services.preview import Preview
from retrotone.style.eras import ERAS
from retrotone.utils.assets import bundled_song


@pytest.fixture(scope="module")
def song() -> rt.Audio:
    return rt.load(bundled_song()).slice(0.0, 12.0)


# noise, crackle and mono wow; hum and static; stereo; a converter
@pytest.mark.parametrize("era", ["1930s", "1940s", "1970s", "1990s"])
def test_a_preview_equals_these_seconds_of_the_whole(song: rt.Audio, era: str) -> None:
    whole = rt.StyleTransfer(strength=0.8, seed=3).stylize(song, ERAS[era]).slice(7.0, 9.0).samples
    heard = Preview(song).render(ERAS[era], 7.0, 2.0, strength=0.8, seed=3).samples
    gain = float(np.vdot(heard, whole) / np.vdot(heard, heard))
    assert abs(20 * np.log10(gain)) < 0.5
    assert np.std(whole - gain * heard) < 0.01 * np.std(whole)


def test_a_preview_ends_with_the_song_and_without_strength_is_the_song(song: rt.Audio) -> None:
    heard = Preview(song).render(ERAS["1930s"], 10.0, 9.0, strength=0.0)
    np.testing.assert_array_equal(heard.samples, song.slice(10.0).samples)
