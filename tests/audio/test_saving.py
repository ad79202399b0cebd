"""Failures while saving: a file is whole or absent, and an older one stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from retrotone.audio.audio import Audio, load
from retrotone.audio.writing import AudioWriter
from retrotone.errors import AudioError, Cancelled, OutputError
from retrotone.utils.files import write_whole

SUFFIXES = [".wav", ".flac", ".aiff", ".ogg", ".opus", ".mp3"]
NOISE = (0.1 * np.random.default_rng(0).standard_normal((2, 96_000))).astype(np.float32)

needs_posix = pytest.mark.skipif(os.name != "posix", reason="limits and signals are POSIX's")


def write_and(interrupt: Callable[[], object], path: Path) -> None:
    """Write a second of noise, then let something happen before the file is closed."""
    with AudioWriter(path, 2, 48_000, overwrite=True) as writer:
        writer.write(NOISE[:, ::-1])
        interrupt()


def throw(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("error", [Cancelled, AudioError, KeyboardInterrupt, MemoryError])
def test_an_exception_while_writing_leaves_nothing_and_is_raised(
    tmp_path: Path, suffix: str, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        write_and(lambda: throw(error("stop")), tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_exception_leaves_the_older_file_as_it_was(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Audio(NOISE, 48_000).save(path)
    before = path.read_bytes()
    with pytest.raises(Cancelled):
        write_and(lambda: throw(Cancelled("stopped")), path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_older_file_is_replaced_only_when_the_new_one_is_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"something else")
    with AudioWriter(path, 2, 48_000, overwrite=True) as writer:
        for _ in range(3):
            writer.write(NOISE)
            assert path.read_bytes() == b"something else"
            (temporary,) = (other for other in tmp_path.iterdir() if other != path)
            # hidden, so that no player lists it
            assert temporary.name.startswith(".")
    assert list(tmp_path.iterdir()) == [path]
    assert load(path).frames == 3 * 96_000


def test_saving_over_the_file_that_is_being_read(tmp_path: Path) -> None:
    path = Audio(NOISE, 48_000).save(tmp_path / "a.wav", 32)
    load(path).gain(-6).save(path, 32, overwrite=True)
    np.testing.assert_allclose(load(path).samples, NOISE * 10 ** (-6 / 20), atol=1e-6)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from retrotone.audio.audio import Audio
from retrotone.errors import OutputError
from retrotone.utils.files import write_whole

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, unlimited = Path(sys.argv[1]), resource.RLIM_INFINITY
audio = Audio(0.1 * np.random.default_rng(0).standard_normal((2, 96_000)), 48_000)
faults = []
for suffix in ".wav .flac .aiff .ogg .opus .mp3 .html".split():
    path = folder / f"a{suffix}"
    sound = lambda: audio.save(path, overwrite=True)
    save = (lambda: write_whole(path, bytes(100_000))) if suffix == ".html" else sound
    save()
    size, before = path.stat().st_size, path.read_bytes()
    for room in (0, 100, size // 2, size - 3000, size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, unlimited))
        try:
            save()
            outcome = "no error"
        except OutputError as error:
            outcome = str(error)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
        if str(path) not in outcome or "free some space" not in outcome or path.read_bytes() != before:
            faults.append((suffix, room, size, outcome))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size * 2, unlimited))  # and with room again it works
    save()
    resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
print(faults, sorted(path.name for path in folder.iterdir() if path.suffix and path.stem != "a"))
"""


@needs_posix
def test_a_full_disk_is_one_clear_error_and_the_older_file_stays(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.stdout.strip() == "[] []", run.stdout + run.stderr


KILLED = """
import sys
import numpy as np
from retrotone.audio.writing import AudioWriter

with AudioWriter(sys.argv[1], 2, 48_000, overwrite=True) as writer:
    for second in range(10**6):
        writer.write(np.full((2, 48_000), 0.1, np.float32))
        if second == 3:
            print("writing", flush=True)
            sys.stdin.read()
"""


@needs_posix
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_after_kill_9_the_older_file_is_untouched_beside_a_hidden_rest(tmp_path: Path, suffix: str) -> None:
    path = Audio(NOISE, 48_000).save(tmp_path / f"a{suffix}")
    before = path.read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_bytes() == before
    assert all(rest.name.startswith(".retrotone-") for rest in tmp_path.iterdir() if rest != path)
    # the temporary file that is left over is no obstacle
    Audio(NOISE, 48_000).save(path, overwrite=True)
    assert path.read_bytes() == before


@needs_posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    for save in (lambda path: Audio(NOISE, 48_000).save(path), lambda path: write_whole(path, b"data")):
        with pytest.raises(OutputError, match=r"(takes no files|Permission denied).*choose another folder"):
            save(folder / "a.wav")


def test_a_folder_that_goes_away_while_writing(tmp_path: Path) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    with pytest.raises(OutputError, match="stick"):
        write_and(lambda: folder.rename(tmp_path / "pulled"), folder / "a.wav")
    assert not folder.exists()
