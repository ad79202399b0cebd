"""Temporary files of killed processes: the next process deletes them, but never those of a living one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from retrotone.audio.writing import AudioWriter
from retrotone.cli.main import run
from retrotone.errors import OutputError
from retrotone.utils.files import write_whole
from retrotone.utils.temporary import TemporaryFolder, locked_folder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks and signals are POSIX's")

WRITER = """
import sys
import numpy as np
from retrotone.audio.writing import AudioWriter
with AudioWriter(sys.argv[1], 1, 48_000, overwrite=True) as writer:
    writer.write(np.full((1, 48_000), 0.1, np.float32))
    print("writing", flush=True)
    sys.stdin.read()
"""
SESSION = """
import sys
from retrotone.utils.temporary import TemporaryFolder
folder = TemporaryFolder("retrotone-test-")
(folder.path / "upload.wav").write_bytes(b"data")
print(folder.path, flush=True)
sys.stdin.read()
"""


def started(script: str, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Start a script that waits; return it and its first line."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_the_file_of_a_killed_writer_is_deleted_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    write_whole(path, b"the older one")
    stranger = tmp_path / ".retrotone-notes"
    stranger.write_text("not ours")
    killed, _ = started(WRITER, str(path))
    [abandoned] = tmp_path.glob(".retrotone-*.wav")
    # both write one file
    living, _ = started(WRITER, str(path))
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    write_whole(tmp_path / "page.html", b"page")
    assert not abandoned.exists()
    [theirs] = tmp_path.glob(".retrotone-*.wav")
    assert path.read_bytes() == b"the older one"
    living.communicate()
    assert living.returncode == 0
    assert path.read_bytes()[:4] == b"RIFF"
    assert not theirs.exists()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".retrotone-notes", "page.html", "song.wav"]


def test_the_last_of_two_that_write_one_file_wins_and_it_is_whole(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "song.wav"
    with AudioWriter(path, 1, 48_000) as first:
        with AudioWriter(path, 2, 44_100) as second:
            second.write(np.full((2, 1000), 0.1, np.float32))
            first.write(np.full((1, 3000), 0.1, np.float32))
        between = path.read_bytes()
    assert path.read_bytes() != between
    assert path.stat().st_size == 44 + 3 * 3000
    assert list(tmp_path.iterdir()) == [path]


def test_folders_of_killed_sessions_are_deleted_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    killed, old = started(SESSION)
    living, theirs = started(SESSION)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    (tmp_path / "retrotone-test-of somebody").mkdir()
    with TemporaryFolder("retrotone-test-") as ours:
        assert ours.stat().st_mode & 0o777 == 0o700
        assert not Path(old).exists()
        assert (Path(theirs) / "upload.wav").read_bytes() == b"data"
    assert not ours.exists()
    living.communicate()


def test_two_trainings_never_share_a_folder(
    made_music: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    commands = {
        tmp_path / "study": ["study", "all", str(made_music), "-o", str(tmp_path / "study")],
        tmp_path / "net" / "training": [
            "genre", "train", str(made_music), "--network", "m5", "-o", str(tmp_path / "net"),
        ],
    }  # fmt: skip
    for folder, command in commands.items():
        folder.mkdir(parents=True)
        with locked_folder(folder):
            assert run(command) == 2
            assert f"another retrotone is at work in {folder}" in capfd.readouterr().err
            with pytest.raises(OutputError), locked_folder(folder):
                pass
        assert list(folder.iterdir()) == []
