"""Sound files: what goes in comes out, bytes repeat, and errors say what to do."""

from __future__ import annotations

import os
import struct
import sys
import time
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from encoding import encode
from numpy.typing import NDArray
from ogg_pages import checksum
from scipy.signal import correlate

from retrotone.audio import files, writing
from retrotone.audio.audio import Audio, load
from retrotone.audio.files import AudioFile
from retrotone.audio.ogg import SERIAL, finish
from retrotone.audio.writing import AudioWriter
from retrotone.errors import AudioError, OutputError
from retrotone.utils.files import write_whole


@pytest.fixture(scope="module")
def song(shared_music: Path) -> Audio:
    """Six seconds of real stereo music, well below full scale."""
    return load(shared_music / "Kevin_MacLeod_-_Vibe_Ace.ogg", 36).slice(30).gain(-6)


def delay(reference: NDArray[np.float32], decoded: NDArray[np.float32]) -> int:
    """By how many samples `decoded` comes later."""
    return int(np.argmax(correlate(decoded, reference, method="fft"))) - len(reference) + 1


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("name", "bit_depth", "error"),
    [
        ("a.wav", 16, 2**-15),
        ("a.wav", 24, 2**-23),
        ("a.wav", 32, 0),
        ("a.flac", 16, 2**-15),
        ("a.flac", 24, 2**-23),
        ("a.aiff", 16, 2**-15),
        ("a.aif", 24, 2**-23),
        ("A.WAV", 24, 2**-23),
    ],
)
def test_lossless_formats_give_back_every_sample(
    song: Audio, tmp_path: Path, name: str, bit_depth: int, error: float, channels: int
) -> None:
    audio = song if channels == 2 else song.mono()
    again = load(audio.save(tmp_path / name, bit_depth))
    assert (again.sample_rate, again.samples.shape) == (audio.sample_rate, audio.samples.shape)
    np.testing.assert_allclose(again.samples, audio.samples, rtol=0, atol=error)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("suffix", "sample_rate"), [(".ogg", 44_100), (".mp3", 44_100), (".opus", 48_000)])
def test_lossy_formats_keep_length_place_and_sound(
    song: Audio, tmp_path: Path, suffix: str, sample_rate: int, channels: int
) -> None:
    audio = (song if channels == 2 else song.mono()).resample(sample_rate)
    again = load(audio.save(tmp_path / f"a{suffix}"))
    assert (again.sample_rate, again.samples.shape) == (sample_rate, audio.samples.shape)
    assert delay(audio.samples[0], again.samples[0]) == 0
    for before, after in zip(audio.samples, again.samples, strict=True):
        assert correlation(before, after) > 0.98
    assert again.loudness == pytest.approx(audio.loudness, abs=0.3)


def test_stereo_channels_do_not_swap(tmp_path: Path) -> None:
    tones = 0.3 * np.sin(2 * np.pi * np.outer([440, 1250], np.arange(48_000) / 48_000))
    for suffix in writing.FORMATS:
        decoded = load(Audio(tones, 48_000).save(tmp_path / f"tones{suffix}"))
        loudest = np.abs(np.fft.rfft(decoded.samples, axis=1)).argmax(axis=1)
        np.testing.assert_allclose(loudest, [440, 1250], atol=1)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".ogg", ".opus", ".mp3"])
@pytest.mark.parametrize("frames", [1, 100, 5000])
def test_very_short_sounds_keep_their_length(tmp_path: Path, suffix: str, frames: int) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, frames))
    file = AudioFile(Audio(noise, 48_000).save(tmp_path / f"a{suffix}"))
    assert file.frames == sum(block.shape[1] for block in file.blocks()) == frames


@pytest.mark.parametrize(
    ("suffix", "sample_rate"),
    [
        (suffix, rate)
        for suffix in (".wav", ".flac", ".aiff", ".ogg", ".opus", ".mp3")
        for rate in writing.CODEC_RATES.get(suffix, (8_000, 96_000, 192_000))
    ],
)
def test_every_rate_that_a_format_promises(tmp_path: Path, suffix: str, sample_rate: int) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(sample_rate // 2)
    again = load(Audio(noise, sample_rate).save(tmp_path / f"a{suffix}"))
    # Opus is always decoded at 48 kHz; the rate in its header is a remark
    rate = 48_000 if suffix == ".opus" else sample_rate
    assert (again.sample_rate, again.frames) == (rate, rate // 2)


def test_blocks_join_to_the_whole_and_do_not_grow(tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 3 * files.BLOCK_FRAMES // 2))
    file = AudioFile(Audio(noise, 44_100).save(tmp_path / "a.wav", 32))
    blocks = list(file.blocks())
    assert [block.shape for block in blocks] == [(2, files.BLOCK_FRAMES), (2, files.BLOCK_FRAMES // 2)]
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), noise.astype(np.float32))


def test_same_samples_give_same_bytes_at_any_time_and_in_any_blocks(tmp_path: Path) -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal((2, 96_000))).astype(np.float32)

    def save_all(folder: str, size: int) -> dict[str, bytes]:
        (tmp_path / folder).mkdir()
        for bit_depth, names in ((None, ("a.wav", "a.flac", "a.aiff", "a.ogg", "a.opus", "a.mp3")), (32, ("f.wav",))):
            for name in names:
                with AudioWriter(tmp_path / folder / name, 2, 48_000, bit_depth) as writer:
                    for start in range(0, 96_000, size):
                        writer.write(noise[:, start : start + size])
        return {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}

    first = save_all("first", 96_000)
    # libsndfile puts the second of writing into float WAVs, and a random number into Ogg files
    time.sleep(1.1)
    second = save_all("second", 1 << 16)
    assert [name for name in first if first[name] != second[name]] == []
    assert len(first) == 7


def pages(data: bytes) -> list[bytes]:
    starts = [0]
    while starts[-1] < len(data):
        start = starts[-1]
        table = data[start + 27 : start + 27 + data[start + 26]]
        starts.append(start + 27 + len(table) + sum(table))
    return [data[a:b] for a, b in pairwise(starts)]


@pytest.mark.parametrize("suffix", [".ogg", ".opus"])
def test_ogg_pages_keep_valid_checksums(tmp_path: Path, suffix: str) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 48_000))
    path = Audio(noise, 48_000).save(tmp_path / f"a{suffix}")
    for serial in (SERIAL, 1, 0xFFFF_FFFF):
        if serial != SERIAL:
            with path.open("r+b") as file:
                finish(file, serial=serial)
        found = pages(path.read_bytes())
        assert len(found) > 3
        for page in found:
            held, summed = struct.unpack_from("<I4xI", page, 14)
            assert held == serial
            assert summed == checksum(page[:22] + bytes(4) + page[26:])
        assert load(path).frames == 48_000


@pytest.mark.parametrize("suffix", [".ogg", ".opus"])
def test_another_decoder_reads_our_ogg_files(song: Audio, tmp_path: Path, suffix: str) -> None:
    audio = song.resample(48_000)
    path = audio.save(tmp_path / f"a{suffix}")
    with av.open(str(path), options={"err_detect": "crccheck"}) as container:
        decoded = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert correlation(decoded[:, : audio.frames], load(path).samples[:, : decoded.shape[1]]) > 0.999


def test_only_ogg_files_get_a_serial_number(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(b"RIFF" * 100)
    with path.open("r+b") as file, pytest.raises(OSError, match="no Ogg page"):
        finish(file)
    assert path.read_bytes() == b"RIFF" * 100


def without_xing_header(mp3: bytes) -> bytes:
    """Drop the first frame, which holds no sound but says how long the rest is (MPEG-1 layer 3)."""
    rates = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    length = 144_000 * rates[mp3[2] >> 4] // 44_100 + (mp3[2] >> 1 & 1)
    assert b"Info" in mp3[:length] or b"Xing" in mp3[:length]
    return mp3[length:]


@pytest.mark.parametrize("tag", [b"", b"ID3\x04\x00\x00" + bytes([0, 0, 39, 8]) + bytes(5000)])
def test_variable_rate_mp3_without_a_length_is_read_to_its_end(song: Audio, tmp_path: Path, tag: bytes) -> None:
    whole = load(song.save(tmp_path / "whole.mp3"))
    bare = tmp_path / "bare.mp3"
    bare.write_bytes(tag + without_xing_header((tmp_path / "whole.mp3").read_bytes()))
    file = AudioFile(bare)
    decoded = np.concatenate(list(file.blocks()), axis=1)
    assert decoded.shape[1] >= song.frames
    shift = delay(whole.samples[0], decoded[0])
    # without that header the encoder's delay is unknown
    assert 0 <= shift < 3000
    joined = decoded[:, shift : shift + song.frames]
    assert correlation(joined[:, 2000:-2000], whole.samples[:, 2000 : joined.shape[1] - 2000]) > 0.99


@pytest.mark.parametrize(("suffix", "codec"), [(".m4a", "aac"), (".wv", "wavpack"), (".wma", "wmav2")])
def test_an_id3_tag_before_another_format_is_passed_over(song: Audio, tmp_path: Path, suffix: str, codec: str) -> None:
    plain = encode(tmp_path / f"plain{suffix}", song, codec)
    tagged = tmp_path / f"tagged{suffix}"
    tagged.write_bytes(b"ID3\x04\x00\x00" + bytes([0, 0, 39, 8]) + bytes(5000) + plain.read_bytes())
    assert np.array_equal(load(tagged).samples, load(plain).samples)


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".opus", ".wav", ".aiff", ".flac"])
def test_a_file_cut_short_gives_what_is_left(tmp_path: Path, suffix: str) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, 384_000))
    path = Audio(noise, 48_000).save(tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    decoded = load(path)
    assert 100_000 < decoded.frames < 250_000
    assert decoded.peak > 0.1


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".opus"])
def test_an_excerpt_equals_that_part_of_the_whole(song: Audio, tmp_path: Path, suffix: str) -> None:
    file = AudioFile(song.resample(48_000).save(tmp_path / f"a{suffix}"))
    whole = np.concatenate(list(file.blocks()), axis=1)
    for start, seconds in ((0.0, 0.5), (1.25, 1.5), (file.duration - 0.1, 1.0), (file.duration + 5, 1.0)):
        first, count = round(start * 48_000), round(seconds * 48_000)
        # Opus never quite forgets what it heard before
        error = np.abs(file.excerpt(start, seconds) - whole[:, first : first + count])
        assert error.max(initial=0) <= (1e-5 if suffix == ".opus" else 0)


# -- M4A, AAC, WMA


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("name", "codec"), [("a.m4a", "aac"), ("a.aac", "aac"), ("a.mp4", "aac"), ("a.m4a", "alac"), ("a.wma", "wmav2")]
)
def test_ffmpeg_formats_load(song: Audio, tmp_path: Path, name: str, codec: str, channels: int) -> None:
    audio = song if channels == 2 else song.mono()
    encode(tmp_path / name, audio, codec)
    decoded = load(tmp_path / name)
    assert (decoded.sample_rate, decoded.channels) == (audio.sample_rate, channels)
    # encoders fill up their last packet
    assert decoded.frames == pytest.approx(audio.frames, abs=4096)
    shift = delay(audio.samples[0], decoded.samples[0])
    # raw AAC tells no delay; FFmpeg's WMA loses its first packet
    assert abs(shift) <= 2048
    before, after = audio.samples[:, max(-shift, 0) :], decoded.samples[:, max(shift, 0) :]
    n = min(before.shape[1], after.shape[1])
    assert correlation(before[:, :n], after[:, :n]) > 0.98
    assert AudioFile(tmp_path / name).duration == pytest.approx(audio.duration, rel=0.15)
    excerpt = AudioFile(tmp_path / name).excerpt(1.5, 1.0)
    assert excerpt.shape == (channels, audio.sample_rate)
    assert abs(delay(decoded.slice(1.5, 2.5).samples[0], excerpt[0])) < 0.1 * audio.sample_rate


def test_ffmpeg_blocks_are_gathered(tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, files.BLOCK_FRAMES))
    encode(tmp_path / "a.m4a", Audio(noise, 44_100), "aac")
    sizes = [block.shape[1] for block in AudioFile(tmp_path / "a.m4a").blocks()]
    assert len(sizes) <= 3
    assert max(sizes) <= files.BLOCK_FRAMES
    assert sum(sizes) >= files.BLOCK_FRAMES


def test_damaged_ffmpeg_files(tmp_path: Path) -> None:
    (tmp_path / "noise.m4a").write_bytes(b"no sound" * 500)
    with pytest.raises(AudioError, match=r"noise\.m4a is not a sound file .* convert it to WAV or FLAC"):
        AudioFile(tmp_path / "noise.m4a")


# -- what cannot be read


def broken_inputs(folder: Path) -> dict[str, str]:
    """Make bad files; return what the message about each must match."""
    (folder / "folder.wav").mkdir()
    os.mkfifo(folder / "pipe.wav")
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("this is no sound")
    (folder / "notes.txt").write_text("this is no sound")
    tone = 0.1 * np.sin(np.arange(9000))
    soundfile.write(folder / "wide.wav", np.tile(tone[:, None], 100), 44_100)
    soundfile.write(folder / "none.wav", tone[:0], 44_100)
    soundfile.write(folder / "slow.wav", tone, 4_000)
    soundfile.write(folder / "fast.wav", tone, 1_536_000)
    holed = tone.copy()
    holed[5000] = np.nan
    soundfile.write(folder / "nan.wav", holed, 44_100, subtype="FLOAT")
    return {
        "folder.wav": "is a folder: name a sound file",
        "pipe.wav": "is a pipe or device: name a sound file",
        "missing.wav": "does not exist: check the path",
        "text.wav/song.wav": "does not exist: check the path",
        f"{'long' * 70}.wav": r"cannot be read \(File name too long\): check the path",
        "empty.wav": r"is empty \(0 bytes\): export it again",
        "text.wav": "is not a sound file that can be decoded: convert it to WAV or FLAC",
        "notes.txt": "is not a sound file that can be decoded: convert it to WAV or FLAC",
        "wide.wav": "has 100 channels: mix it down to mono or stereo first",
        "none.wav": "holds no samples: export it again",
        "slow.wav": "has a rate of 4000 Hz: resample it to 8,000-192,000 Hz first",
        "fast.wav": "has a rate of 1536000 Hz: resample it",
        "nan.wav": "contains NaN or infinite samples: export it again",
    }


def test_every_bad_input_is_named_in_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    for name, message in broken_inputs(tmp_path).items():
        with pytest.raises(AudioError, match=message) as caught:
            load(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = Audio([0.1, 0.2], 8000).save(tmp_path / "a.wav")
    path.chmod(0)
    with pytest.raises(AudioError, match="cannot be read: check its permissions"):
        load(path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_names_that_are_odd_or_as_long_as_can_be(tmp_path: Path) -> None:
    audio = Audio(0.1 * np.sin(np.arange(3000)), 44_100)
    for name in ("with space & 'quote'.wav", "日" * 83 + ".mp3", os.fsdecode(b"caf\xe9.ogg"), ".hidden.flac"):
        assert load(audio.save(tmp_path / name)).frames == 3000
        assert [path.name for path in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()


# -- what cannot be written


def test_every_bad_output_is_named_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "taken.wav").mkdir()
    cases = {
        "a.xyz": (44_100, 24, r"cannot write '\.xyz' files: use one of \.wav \.flac"),
        "plain": (44_100, 24, r"a sound file's name needs a suffix: use one of \.wav \.flac"),
        "a.flac": (44_100, 32, "FLAC takes a bit depth of 16, 24, not 32"),
        "a.wav": (44_100, 8, "WAV takes a bit depth of 16, 24, 32, not 8"),
        "a.mp3": (96_000, None, r"MP3 cannot hold 96000 Hz: write \.wav or \.flac instead"),
        "a.opus": (44_100, None, r"OPUS cannot hold 44100 Hz: write \.wav or \.flac instead"),
        "a.ogg": (44_100, 16, r"OGG has no bit depth: choose a quality, or write \.wav or \.flac"),
        "nowhere/a.wav": (44_100, 24, "is not a folder: create it first"),
        "taken.wav": (44_100, 24, r"\(it is a folder\): name a file in it"),
    }
    for name, (sample_rate, bit_depth, message) in cases.items():
        with pytest.raises(OutputError, match=message) as caught:
            Audio([0.1, -0.1], sample_rate).save(tmp_path / name, bit_depth)
        assert str((tmp_path / name).parent) in str(caught.value)
        assert [path.name for path in tmp_path.iterdir()] == ["taken.wav"]


def test_a_codec_that_refuses_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.mp3"):
        AudioWriter(tmp_path / "a.mp3", 3, 44_100)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".wav", ".aiff"])
def test_more_than_four_gigabytes_are_refused_where_headers_cannot_count_them(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(writing.LARGEST, "WAV", 100_000)
    monkeypatch.setitem(writing.LARGEST, "AIFF", 100_000)
    # 102 kB
    audio = Audio(np.zeros((2, 17_000)), 44_100)
    with pytest.raises(OutputError, match=r"4 GB .* write \.flac instead"):
        audio.save(tmp_path / f"long{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_write_whole_replaces_and_names_a_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    for data in (b"old and long", b"new"):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OutputError, match="is not a folder: create it first"):
        write_whole(tmp_path / "nowhere" / "table.md", b"")


def test_permissions_are_what_the_umask_leaves(tmp_path: Path) -> None:
    audio = Audio([0.1, 0.2], 8000)
    for mask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        before = os.umask(mask)
        try:
            audio.save(tmp_path / "a.wav", overwrite=True)
            write_whole(tmp_path / "a.html", b"page")
        finally:
            os.umask(before)
        for name in ("a.wav", "a.html"):
            assert (tmp_path / name).stat().st_mode & 0o777 == mode
