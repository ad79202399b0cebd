"""The player's frames, pulled without a sound device."""

from __future__ import annotations

import functools
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from retrotone.desktop.player import FADE_FRAMES, Clip, Player

RATE = 44_100


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def versions() -> list[NDArray[np.float32]]:
    """A rising line and its negative: the value identifies version and position."""
    line = np.linspace(0.1, 0.9, RATE, dtype=np.float32)[:, None].repeat(2, axis=1)
    return [line, -line]


@pytest.fixture
def player(versions: list[NDArray[np.float32]], complaints: list[str]) -> Player:
    player = Player(complaints.append)
    player.load(list(map(Clip, versions)), RATE)
    # as after `play`, which would open a device
    player.playing = True
    return player


def largest_step(played: list[NDArray[np.float32]]) -> float:
    """Return by how much the sound jumps at most from one frame to the next."""
    return float(np.abs(np.diff(np.concatenate(played)[:, 0])).max())


def test_a_switch_goes_on_at_the_same_moment_and_fades_without_a_click(
    player: Player, versions: list[NDArray[np.float32]]
) -> None:
    played = [player.frames(1000)]
    player.choice = 1
    played += [player.frames(1000), player.frames(1000)]
    sound = np.concatenate(played)
    np.testing.assert_array_equal(sound[:1000], versions[0][:1000])
    np.testing.assert_array_equal(sound[1000 + FADE_FRAMES :], versions[1][1000 + FADE_FRAMES : 3000])
    # the jump of 0.2 is spread over the fade
    assert largest_step(played) < 4 * 0.2 / FADE_FRAMES


def test_it_is_silent_while_paused_and_goes_on_where_it_was_without_clicks(
    player: Player, versions: list[NDArray[np.float32]]
) -> None:
    played = [player.frames(500)]
    player.pause()
    played += [player.frames(500)]
    assert not played[1][FADE_FRAMES:].any()
    player.playing = True
    played += [player.frames(500)]
    np.testing.assert_array_equal(played[2][FADE_FRAMES:], versions[0][500 + FADE_FRAMES : 1000])
    assert largest_step(played) < 4 * 0.1 / FADE_FRAMES


def test_it_stops_at_the_end_with_silence_behind_it(player: Player, versions: list[NDArray[np.float32]]) -> None:
    player.seek(1 - 1000 / RATE)
    last = player.frames(1400)
    np.testing.assert_array_equal(last[FADE_FRAMES:1000], versions[0][FADE_FRAMES - 1000 :])
    assert not last[1000:].any()
    assert not player.playing


def test_another_result_of_the_same_song_plays_on_and_another_song_begins_anew(
    player: Player, versions: list[NDArray[np.float32]]
) -> None:
    player.frames(700)
    player.load([Clip(versions[0]), Clip(versions[0] * 0.5)], RATE)
    assert player.position == 700
    player.load([Clip(versions[1].copy())], RATE)
    assert player.position == 0
    assert not player.playing


def test_an_excerpt_is_waited_for_and_a_loop_goes_round_in_it(
    player: Player, versions: list[NDArray[np.float32]]
) -> None:
    player.load([Clip(versions[0]), Clip(-versions[0][2000:5000], start=2000)], RATE)
    player.choice = 1
    # it begins later: silence, and no step forward
    assert not player.frames(500).any()
    assert player.position == 0
    player.loop = 2000, 5000
    player.seek(3000 / RATE)
    sound = player.frames(6000)
    np.testing.assert_allclose(sound[FADE_FRAMES:2000], -versions[0][3000 + FADE_FRAMES : 5000])
    np.testing.assert_allclose(sound[2000 + FADE_FRAMES : 5000], -versions[0][2000 + FADE_FRAMES : 5000])
    # nothing follows the excerpt, and the loop's end does not click
    assert largest_step([sound[FADE_FRAMES:]]) < 4 * 0.1 / FADE_FRAMES
    assert player.playing
    player.seek(0.9)
    assert player.loop is None


def test_a_device_pulls_frames_until_it_is_paused(
    versions: list[NDArray[np.float32]], complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    miniaudio = pytest.importorskip("miniaudio", reason="needs the desktop extra")
    silent = functools.partial(miniaudio.PlaybackDevice, backends=[miniaudio.Backend.NULL])
    # runs in real time, and needs no hardware
    monkeypatch.setattr(miniaudio, "PlaybackDevice", silent)
    player = Player(complaints.append)
    player.load(list(map(Clip, versions)), RATE)

    def play_on() -> None:
        before, end = player.position, time.monotonic() + 30
        player.play()
        while player.position == before and time.monotonic() < end:
            time.sleep(0.01)
        player.pause()

    play_on()
    position = player.position
    assert 0 < position <= RATE
    time.sleep(0.2)
    # one buffer may have been on its way
    assert player.position <= position + RATE // 10
    # it goes on with another device once this one asks for nothing any more
    player._device.stop()
    monkeypatch.setattr("retrotone.desktop.player.LOST_SECONDS", 0.1)
    time.sleep(0.2)
    position = player.position
    play_on()
    assert player.position > position
    player.stop()
    assert complaints == []


def test_without_a_sound_device_it_says_so_in_a_sentence(
    player: Player, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    miniaudio = pytest.importorskip("miniaudio", reason="needs the desktop extra")

    def no_device(*_: object, **__: object) -> None:
        raise miniaudio.MiniaudioError("failed to init device", -401)

    monkeypatch.setattr(miniaudio, "PlaybackDevice", no_device)
    player._open()
    assert not player.playing
    assert len(complaints) == 1
    assert "sound device" in complaints[0]
