"""Files as people have them, cut, joined, wrongly named, with wrong headers: all sound that is there is read."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from encoding import encode
from numpy.typing import NDArray
from ogg_pages import checksum

from retrotone.audio.audio import Audio, load
from retrotone.audio.files import AudioFile
from retrotone.errors import AudioError

RATE, SECONDS = 44_100, 4


@pytest.fixture(scope="module")
def stereo() -> Audio:
    """Four seconds of two voices that swell, so that each moment differs from every other."""
    time = np.arange(SECONDS * RATE) / RATE
    voices = [np.sin(2 * np.pi * hz * time + 3 * np.sin(hz / 50 * time)) for hz in (330, 440)]
    noise = np.random.default_rng(0).standard_normal((2, len(time)))
    return Audio(0.3 * np.array(voices) + 0.02 * noise, RATE)


def patched(path: Path, at: int, new: bytes) -> Path:
    data = bytearray(path.read_bytes())
    data[at : at + len(new)] = new
    path.write_bytes(data)
    return path


def cut(path: Path, share: float = 0.5) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def sound(path: Path) -> NDArray[np.float32]:
    return np.concatenate(list(AudioFile(path).blocks()), axis=1)


def likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the correlation of two recordings over the shorter one, at the best of some delays."""
    n = min(a.shape[-1], b.shape[-1]) - 4000
    return max(
        float(np.corrcoef(a[..., 2000 : 2000 + n].ravel(), b[..., 2000 + d : 2000 + d + n].ravel())[0, 1])
        for d in (-1105, 0, 529, 576, 1024, 1105, 1152, 1681)
    )


# -- cut and damaged


def whole_file(folder: Path, kind: str, audio: Audio) -> Path:
    path = folder / f"song.{kind}"
    if kind in ("wav", "aiff", "flac"):
        return audio.save(path, 16)
    if kind in ("mp3", "ogg"):
        return audio.save(path)
    if kind == "opus":
        return audio.resample(48_000).save(path)
    if kind == "m4a":
        return encode(path, audio, "aac", "mp4", movflags="faststart")
    if kind in ("w64", "rf64", "caf"):
        soundfile.write(path, audio.samples.T, RATE, format=kind.upper(), subtype="PCM_24")
        return path
    return encode(path, audio, {"wv": "wavpack", "tta": "tta", "mka": "flac"}[kind])


@pytest.mark.parametrize(
    "kind", ["wav", "rf64", "w64", "caf", "aiff", "flac", "mp3", "ogg", "opus", "m4a", "wv", "tta", "mka"]
)
def test_a_file_that_was_cut_is_read_and_says_so(
    stereo: Audio, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = whole_file(tmp_path, kind, stereo)
    assert AudioFile(path, strict=True).damage is None
    assert load(path).duration == pytest.approx(SECONDS, abs=0.05)
    assert caplog.messages == []
    cut(path)
    file = AudioFile(path)
    rest = load(file)
    assert 0.2 * SECONDS < rest.duration < 0.7 * SECONDS
    assert file.damage is not None
    assert f"{rest.duration:.1f} s" in file.damage
    # formats whose streams have no end in their header cannot tell how much is missing
    assert kind in ("ogg", "opus") or f"{SECONDS}.0 s" in file.damage
    assert len([line for line in caplog.messages if str(path) in line]) == 1
    with pytest.raises(AudioError, match="leave out strict"):
        AudioFile(path, strict=True)


def test_bad_bytes_within_a_flac_cost_only_what_they_spoil(
    stereo: Audio, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = stereo.save(tmp_path / "song.flac", 16)
    patched(path, path.stat().st_size // 2, bytes(range(250)) * 4)
    file = AudioFile(path)
    read = np.concatenate(list(file.blocks()), axis=1)
    assert SECONDS - 0.5 < read.shape[1] / RATE < SECONDS
    np.testing.assert_allclose(read[:, :RATE], stereo.samples[:, :RATE], atol=1e-4)
    np.testing.assert_allclose(read[:, -RATE:], stereo.samples[:, -RATE:], atol=1e-4)
    assert file.damage is not None
    assert [file.damage in line for line in caplog.messages] == [True]
    with pytest.raises(AudioError, match="is damaged"):
        load(AudioFile(path, strict=True))


# -- wrong lengths


@pytest.mark.parametrize(("claimed_seconds", "damaged"), [(0, False), (2, False), (12, True)])
def test_a_flac_is_as_long_as_it_is(stereo: Audio, tmp_path: Path, claimed_seconds: int, damaged: bool) -> None:
    path = stereo.save(tmp_path / "song.flac", 16)
    # the last 32 of 36 bits in STREAMINFO
    patched(path, 22, struct.pack(">I", claimed_seconds * RATE))
    file = AudioFile(path)
    assert (file.frames, bool(file.damage)) == (stereo.frames, damaged)
    np.testing.assert_allclose(sound(path), stereo.samples, atol=1e-4)
    np.testing.assert_array_equal(file.excerpt(3.0, 0.5), sound(path)[:, 3 * RATE :][:, : RATE // 2])


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_wav_of_a_recorder_that_never_closed_it_is_whole(stereo: Audio, tmp_path: Path, size: int) -> None:
    path = stereo.save(tmp_path / "song.wav", 24)
    patched(path, path.read_bytes().index(b"data") + 4, struct.pack("<I", size))
    file = AudioFile(path, strict=True)
    assert file.frames == stereo.frames
    np.testing.assert_allclose(sound(path), stereo.samples, atol=1e-6)


def bare_mp3(audio: Audio, path: Path) -> bytes:
    """Return an MP3 without the header that tells its length."""
    return encode(path, audio, "libmp3lame", write_xing="0", id3v2_version="0").read_bytes()


# the size in that tag is four bytes short
SHORT_TAG = b"ID3\x04\x00\x00\x00\x00\x00\x05" + bytes(9)


@pytest.mark.parametrize(
    ("before", "skip"), [(b"", 0), (b"", 100), (b"\n", 0), (bytes(3_000), 0), (bytes(200_000), 0), (SHORT_TAG, 0)]
)
def test_an_mp3_may_begin_anywhere(stereo: Audio, tmp_path: Path, before: bytes, skip: int) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(before + bare_mp3(stereo, tmp_path / "bare.mp3")[skip:])
    file = AudioFile(path)
    read = sound(path)
    assert file.frames == read.shape[1] == pytest.approx(stereo.frames, abs=3 * 1152)
    assert file.damage is None


def test_a_variable_rate_does_not_mislead(tmp_path: Path, stereo: Audio) -> None:
    """Twenty loud seconds at a high rate, then eighty quiet ones at the lowest: estimates by the first frames fail."""
    loud = np.tile(stereo.samples[:1], (1, 5))
    quiet = 1e-4 * np.tile(stereo.samples[:1], (1, 20))
    audio = Audio(np.concatenate([loud, quiet], axis=1), RATE)
    whole = audio.save(tmp_path / "whole.mp3").read_bytes()
    path = tmp_path / "bare.mp3"
    # the first frame of LAME holds its header and no sound
    path.write_bytes(whole[whole.index(b"\xff\xfb", 4) :])
    assert AudioFile(path).duration == pytest.approx(100, abs=0.1)
    np.testing.assert_allclose(AudioFile(path).excerpt(90, 1), sound(path)[:, 90 * RATE : 91 * RATE], atol=1e-3)


# -- joined


def test_joined_mp3s_are_all_heard(stereo: Audio, tmp_path: Path) -> None:
    parts = [stereo.save(tmp_path / "one.mp3"), stereo.mono().save(tmp_path / "two.mp3")]
    for name, order in (("stereo-first.mp3", parts), ("mono-first.mp3", parts[::-1])):
        path = tmp_path / name
        path.write_bytes(b"".join(part.read_bytes() for part in order))
        file = AudioFile(path)
        assert file.channels == 2
        assert file.duration == pytest.approx(2 * SECONDS, abs=0.1)
        assert sound(path).shape[1] == pytest.approx(file.frames, abs=0.1 * RATE)


@pytest.mark.parametrize("kinds", [("ogg", "ogg"), ("opus", "opus")])
def test_links_of_a_chained_ogg_are_all_heard(stereo: Audio, tmp_path: Path, kinds: tuple[str, str]) -> None:
    audio = stereo.resample(48_000)
    parts = [audio.mono().save(tmp_path / f"one.{kinds[0]}"), audio.save(tmp_path / f"two.{kinds[1]}")]
    path = tmp_path / "chained.ogg"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    file = AudioFile(path, strict=True)
    read = sound(path)
    assert (file.channels, file.frames) == (2, 2 * audio.frames)
    assert read.shape == (2, 2 * audio.frames)
    np.testing.assert_allclose(read[:, audio.frames :], load(parts[1]).samples, atol=1e-3)
    np.testing.assert_allclose(file.excerpt(SECONDS + 1, 0.5), read[:, 48_000 * (SECONDS + 1) :][:, :24_000], atol=1e-3)


# -- remarks, names, channels


@pytest.mark.parametrize("remark", [0, 22_050, 8_000])
def test_opus_is_always_decoded_at_48_khz(stereo: Audio, tmp_path: Path, remark: int) -> None:
    audio = stereo.resample(48_000)
    path = audio.save(tmp_path / "song.opus")
    # the first page ends where the second begins
    patched(path, path.read_bytes().index(b"OpusHead") + 12, struct.pack("<I", remark))
    page = path.read_bytes()[: path.read_bytes().index(b"OggS", 4)]
    patched(path, 22, struct.pack("<I", checksum(page[:22] + bytes(4) + page[26:])))
    decoded = load(path)
    assert (decoded.sample_rate, decoded.frames) == (48_000, audio.frames)
    assert likeness(audio.samples, decoded.samples) > 0.95


def test_content_decides_and_not_the_name(stereo: Audio, tmp_path: Path) -> None:
    encode(tmp_path / "song.m4a", stereo, "aac")
    stereo.save(tmp_path / "song.flac", 24)
    stereo.save(tmp_path / "song.mp3")
    for made, named in (("song.m4a", "a.mp3"), ("song.flac", "b.m4a"), ("song.mp3", "c.wav"), ("song.flac", "d.txt")):
        path = (tmp_path / made).rename(tmp_path / named) if made != "song.flac" else tmp_path / named
        if made == "song.flac":
            path.write_bytes((tmp_path / made).read_bytes())
        assert load(path).frames == pytest.approx(stereo.frames, abs=50)


def test_the_end_of_an_m4a_is_where_the_sound_ends(stereo: Audio, tmp_path: Path) -> None:
    path = encode(tmp_path / "song.m4a", stereo, "aac")
    assert AudioFile(path).frames == sound(path).shape[1] == pytest.approx(stereo.frames, abs=RATE / 1000)


def test_bw64_is_read_as_rf64_is(stereo: Audio, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, stereo.samples.T, RATE, format="RF64", subtype="PCM_24")
    patched(path, 0, b"BW64")
    np.testing.assert_allclose(sound(path), stereo.samples, atol=1e-6)


def test_surround_is_mixed_down_by_the_weights_of_the_itu(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # left, right, centre, low frequencies, left and right behind: one after the other
    steps = 0.5 * np.repeat(np.eye(6), 1000, axis=1)
    path = tmp_path / "surround.flac"
    soundfile.write(path, steps.T, RATE)
    left, right = load(path).samples[:, 500::1000]
    most = 1 + 2 * 0.5**0.5
    np.testing.assert_allclose(left, 0.5 * np.array([1, 0, 0.5**0.5, 0, 0.5**0.5, 0]) / most, atol=1e-3)
    np.testing.assert_allclose(right, 0.5 * np.array([0, 1, 0.5**0.5, 0, 0, 0.5**0.5]) / most, atol=1e-3)
    assert ["has 6 channels: mixed down to stereo" in line for line in caplog.messages] == [True]


def test_one_absurd_sample_is_mended(stereo: Audio, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    samples = stereo.samples.copy()
    samples[0, 50_000] = 3e38
    samples[1, 90_000] = -200
    path = tmp_path / "song.wav"
    soundfile.write(path, samples.T, RATE, subtype="FLOAT")
    with caplog.at_level(logging.WARNING):
        read = load(path)
    changed = np.flatnonzero(np.abs(read.samples - stereo.samples).max(axis=0))
    assert set(changed) == {50_000, 90_000}
    assert read.peak < 1
    assert ["mended as clicks" in line for line in caplog.messages] == [True]


def test_a_path_of_two_thousand_bytes(stereo: Audio, tmp_path: Path) -> None:
    folder = tmp_path
    while len(str(folder)) < 2_000:
        folder /= "a" * 200
    folder.mkdir(parents=True)
    for name in ("song.flac", "song.mp3", "song.wav"):
        assert load(stereo.save(folder / name)).frames == stereo.frames
    assert load(encode(folder / "song.m4a", stereo, "aac")).duration == pytest.approx(SECONDS, abs=0.01)
