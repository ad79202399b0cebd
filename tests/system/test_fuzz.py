"""A thousand damaged files and senseless command lines: each ends in sound, or in one clear error."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from encoding import encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rave_exports import make_export

import retrotone as rt
from retrotone.audio.audio import Audio
from retrotone.audio.files import AudioFile
from retrotone.cli.main import run
from retrotone.errors import AudioError, LibraryError, ModelError

Capture = pytest.CaptureFixture[str]

fuzzed = settings(
    max_examples=60,
    derandomize=True,  # the same every time: a failure can be looked into
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Damage = Callable[[bytes], bytes]
place = st.floats(0, 1, exclude_max=True)


def flip(where: float, mask: int) -> Damage:
    def damage(data: bytes) -> bytes:
        at = int(where * len(data))
        return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]

    return damage


def overwrite(where: float, new: bytes) -> Damage:
    return lambda data: data[: (at := int(where * len(data)))] + new + data[at + len(new) :]


def insert(where: float, new: bytes) -> Damage:
    return lambda data: data[: (at := int(where * len(data)))] + new + data[at:]


def cut(where: float) -> Damage:
    return lambda data: data[: int(where * len(data))]


early = place.map(lambda where: where**6)  # headers are short, and most is decided there
anywhere = place | early
damages = st.lists(
    st.builds(flip, anywhere, st.integers(1, 255))
    | st.builds(overwrite, anywhere, st.binary(min_size=1, max_size=16))
    | st.builds(insert, anywhere, st.binary(min_size=1, max_size=16))
    | st.builds(cut, anywhere),
    min_size=1,
    max_size=4,
)


def damaged(data: bytes, all_damage: list[Damage]) -> bytes:
    for damage in all_damage:
        data = damage(data) or b"\0"
    return data


def check(error: rt.RetrotoneError) -> None:
    assert ": " in str(error)  # what happened, and what to do
    assert "\n" not in str(error)


@pytest.fixture(scope="module")
def song() -> Audio:
    time = np.arange(16_000) / 32_000
    return Audio(np.stack([np.sin(2765 * time), np.sin(3480 * time)]) * 0.3, 32_000)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".opus", ".aiff", ".m4a"])
def test_a_damaged_recording_is_read_or_refused(song: Audio, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"song{suffix}"
    if suffix == ".m4a":
        encode(path, song, "aac")
    else:
        (song.resample(48_000) if suffix == ".opus" else song).save(path)
    whole = path.read_bytes()

    @fuzzed
    @given(damages)
    def read(all_damage: list[Damage]) -> None:
        path.write_bytes(damaged(whole, all_damage))
        try:
            loaded = rt.load(path, seconds=60)
            for _ in AudioFile(path).blocks():
                pass
        except AudioError as error:
            check(error)
        else:
            assert np.isfinite(loaded.samples).all()

    read()


def test_a_damaged_model_is_run_or_refused(tmp_path: Path) -> None:
    whole = make_export(tmp_path / "whole.ts", ratio=64).read_bytes()
    path = tmp_path / "model.ts"

    @settings(fuzzed, max_examples=40)
    @given(damages)
    def load(all_damage: list[Damage]) -> None:
        path.write_bytes(damaged(whole, all_damage))
        try:
            rt.RaveModel.load(path)
        except ModelError as error:
            check(error)

    load()


@pytest.mark.usefixtures("analysing_here")
def test_a_damaged_library_is_read_or_refused(song: Audio, tmp_path: Path) -> None:
    song.save(tmp_path / "song.wav")
    path = tmp_path / "library.db"
    with rt.Library(path) as library:
        library.scan([tmp_path])
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole = path.read_bytes()

    @settings(fuzzed, max_examples=40)
    @given(damages)
    def use(all_damage: list[Damage]) -> None:
        for leftover in tmp_path.glob("library.db*"):
            leftover.unlink()
        path.write_bytes(damaged(whole, all_damage))
        with rt.Library(path) as library:
            for ask in (library.tracks, library.check, library.genres, library.duplicates):
                try:
                    ask()
                except (LibraryError, rt.AnalysisError) as error:
                    check(error)

    use()


VERBS = "style compare tags genre predict evaluate library similar path scan check models info generate study loss"
OPTIONS = "--style --strength --seed --json --report -o --method --noise --length -k --library --library= --help"
VALUES = "1930s 2030s 0.5 -3 nan 1e99 out.xyz out/ / . nothing.wav broken.wav empty.mp3 rave gram 0 broken.db walk"
words = st.sampled_from([*VERBS.split(), *OPTIONS.split(), *VALUES.split()]) | st.text(max_size=8)


def test_any_command_line_ends_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for name, data in {"broken.wav": b"RIFF\0\0\0\0WAVE", "empty.mp3": b"", "broken.db": b"no"}.items():
        Path(name).write_bytes(data)

    @settings(fuzzed, max_examples=60)
    @given(st.lists(words, max_size=7))
    def call(arguments: list[str]) -> None:
        assert run(arguments) in (0, 1, 2)
        assert "Traceback" not in capfd.readouterr().err

    call()
