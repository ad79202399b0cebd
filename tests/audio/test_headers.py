"""Wrong headers: files that claim hours, gigabytes or thousands of channels are read to their end, or refused."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ogg_pages import checksum

import retrotone as rt
from retrotone.audio.files import AudioFile
from retrotone.audio.ogg import finish
from retrotone.features.analysis import analyse

RATE = 44_100
SOUND = (0.1 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.float32)
PCM = (32_767 * SOUND).astype("<i2").tobytes()
MOST = 0xFFFF_FFFF


def wav(path: Path, channels: int = 1, rate: int = RATE, size: int | None = None) -> None:
    """Write a WAV with any numbers in its header."""
    form = struct.pack("<HHIIHH", 1, channels, rate & MOST, (2 * rate) & MOST, (2 * channels) & 0xFFFF, 16)
    data = struct.pack("<I", len(PCM) if size is None else size) + PCM
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + data
    path.write_bytes(b"RIFF" + struct.pack("<I", MOST) + body)


def patched(path: Path, at: int, new: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[at : at + len(new)] = new
    path.write_bytes(data)


def endless(folder: Path, suffix: str) -> Path:
    """Write 2 s of noise whose header promises years."""
    path = folder / f"endless{suffix}"
    if suffix == ".wav":
        wav(path, size=MOST - 36)
        return path
    if suffix == ".au":
        path.write_bytes(b".snd" + struct.pack(">5I", 24, MOST, 3, RATE, 1) + PCM)
        return path
    soundfile.write(path, SOUND, RATE)
    data = path.read_bytes()
    # 36 bits of the STREAMINFO block
    if suffix == ".flac":
        patched(path, 21, bytes([data[21] | 0x0F]) + b"\xff" * 4)
    elif suffix == ".mp3":
        # frames, in the Xing header
        patched(path, data.index(b"Xing") + 8, b"\x7f\xff\xff\xff")
    elif suffix == ".ogg":
        # the last page's position, and its checksum
        page = data.rindex(b"OggS")
        patched(path, page + 6, struct.pack("<q", 1 << 60))
        patched(path, page + 22, bytes(4))
        patched(path, page + 22, struct.pack("<I", checksum(path.read_bytes()[page:])))
    return path


def test_headers_that_come_once_more_are_passed_over(tmp_path: Path) -> None:
    once, twice = tmp_path / "once.ogg", tmp_path / "twice.ogg"
    soundfile.write(once, SOUND, RATE)
    data = once.read_bytes()
    # pages before the first that ends at a moment of sound
    sound = next(at.start() for at in re.finditer(b"OggS", data) if any(data[at.start() + 6 : at.start() + 14]))
    headers = bytearray(data[:sound])
    # no longer the first page of a stream
    headers[5] = 0
    twice.write_bytes(data[:sound] + headers + data[sound:])
    with twice.open("r+b") as file:
        finish(file)
    assert np.array_equal(rt.load(twice).samples, rt.load(once).samples)


@pytest.mark.parametrize("skipped", [3_840, 20_000])
def test_opus_that_was_cut_begins_where_its_header_says(tmp_path: Path, skipped: int) -> None:
    whole, cut = tmp_path / "whole.opus", tmp_path / "cut.opus"
    rt.Audio(SOUND, 48_000).save(whole)
    head = whole.read_bytes().index(b"OpusHead")
    (before,) = struct.unpack_from("<H", whole.read_bytes(), head + 10)
    cut.write_bytes(whole.read_bytes())
    patched(cut, head + 10, struct.pack("<H", skipped))
    with cut.open("r+b") as file:
        finish(file)
    song = AudioFile(cut)
    assert song.damage is None
    assert np.array_equal(rt.load(song).samples, rt.load(whole).samples[:, skipped - before :])


def test_flac_has_the_channels_of_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "five.flac"
    soundfile.write(path, SOUND, RATE)
    # three bits of the STREAMINFO block, the number less one
    patched(path, 20, bytes([path.read_bytes()[20] & 0xF1 | 4 << 1]))
    song = rt.load(path)
    assert song.channels == 1
    assert np.allclose(song.samples[0], SOUND, atol=1e-4)


@pytest.mark.parametrize(("rate", "read"), [(352_800, 88_200), (384_000, 96_000), (705_600, 88_200)])
def test_rates_of_dsd_and_studios_are_halved(
    tmp_path: Path, rate: int, read: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "high.wav"
    # a second of 1 kHz
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate), rate, subtype="FLOAT")
    song, wanted = rt.load(path), 0.5 * np.sin(2 * np.pi * 1000 * np.arange(read) / read)
    assert (song.sample_rate, song.samples.shape) == (read, (1, read))
    inside = slice(read // 10, -read // 10)
    assert np.allclose(song.samples[0, inside], wanted[inside], atol=1e-4)
    assert np.allclose(AudioFile(path).excerpt(0.5, 0.1)[0, 100:], wanted[read // 2 :][100 : read // 10], atol=1e-4)
    assert f"has a rate of {rate:,} Hz: read at {read:,} Hz" in caplog.text


@pytest.mark.parametrize("suffix", [".wav", ".au", ".mp3", ".ogg", ".flac"])
def test_a_length_of_years_is_not_believed(tmp_path: Path, suffix: str) -> None:
    path = endless(tmp_path, suffix)
    sound, analysis = rt.load(path), analyse(path)
    assert sound.duration == pytest.approx(2, abs=0.1)
    assert analysis.duration == pytest.approx(2, abs=0.1)
    done = rt.StyleTransfer().stylize_file(path, "1930s", tmp_path / "out.flac")
    assert rt.load(done.output).duration == pytest.approx(2, abs=0.1)


def test_a_long_song_that_was_cut_off_is_as_long_as_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, np.tile(SOUND[: 22_050 * 4], 30), 22_050, subtype="PCM_16")
    whole = analyse(path)
    claimed = tmp_path / "claimed.mp3"
    soundfile.write(claimed, np.tile(SOUND[: 22_050 * 4], 30), 22_050)
    claimed.write_bytes(claimed.read_bytes()[: claimed.stat().st_size * 5 // 6])
    cut = analyse(claimed)
    assert whole.duration == pytest.approx(120, abs=0.1)
    assert cut.duration == pytest.approx(100, abs=1)
    assert len(cut.excerpts) == len(whole.excerpts) == 3


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"channels": 65_535}, "holds no samples"),
        ({"channels": 1_000}, "has 1000 channels"),
        ({"channels": 0}, "holds no samples"),
        ({"rate": MOST}, "is not a sound file"),
        ({"rate": 0}, "is not a sound file"),
        ({"rate": 1_000_000}, "has a rate of 1000000 Hz"),
    ],
)
def test_absurd_channels_and_rates_are_refused(tmp_path: Path, header: dict[str, int], message: str) -> None:
    path = tmp_path / "absurd.wav"
    wav(path, **header)
    with pytest.raises(rt.AudioError) as refused:
        rt.load(path)
    assert message in str(refused.value)


MEASURED = """
import sys
import retrotone as rt
from retrotone.audio.ogg import finish
from retrotone.features.analysis import analyse
for path in sys.argv[1:]:
    try:
        rt.load(path), analyse(path)
    except rt.AudioError:
        pass
print(next(int(line.split()[1]) >> 10 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's account of memory")
def test_no_header_makes_us_allocate_what_it_claims(tmp_path: Path) -> None:
    paths = [endless(tmp_path, suffix) for suffix in (".wav", ".au", ".mp3", ".ogg", ".flac")]
    wav(tmp_path / "wide.wav", channels=65_535, size=MOST)
    command = [sys.executable, "-c", MEASURED, *map(str, paths), str(tmp_path / "wide.wav")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    # MB; measured: 323, of which analysing takes 290
    assert int(run.stdout) < 700
