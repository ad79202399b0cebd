"""A scan that is killed, or whose listeners are: no track is lost, none is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from retrotone.library import Library

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")

# Imports once and forks for each scan: starting anew each time would take longer than all that is tested.
KILLS = """
import os, random, signal, sys, time
import torch
from retrotone.library import Library, listeners  # all that a scan needs, before the first fork

torch.set_num_threads(1)
random.seed(int(sys.argv[3]))
kept = []
for kill in range(int(sys.argv[4])):
    child = os.fork()
    if child == 0:
        Library(sys.argv[1]).scan([sys.argv[2]], workers=1)
        os._exit(0)
    time.sleep(random.uniform(0.0, 1.0))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if os.path.exists(sys.argv[1]):
        child = os.fork()  # SQLite's locks and a fork do not go together
        if child == 0:
            library = Library(sys.argv[1])
            problems = library.check()
            print(len(library), *problems, flush=True)
            os._exit(len(problems))
        os.waitpid(child, 0)
"""


def test_kill_9_at_any_moment_loses_no_track_and_doubles_none(made_music: Path, tmp_path: Path) -> None:
    path = tmp_path / "music.db"
    run = subprocess.run(
        [sys.executable, "-c", KILLS, str(path), str(made_music), "5", "6"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    counts = [int(line) for line in run.stdout.splitlines()]  # a problem would be no number
    assert counts == sorted(counts), run.stdout + run.stderr
    with Library(path) as library:
        report = library.scan([made_music], workers=1)
        assert report.heard + report.unchanged == len(library) == 12
        assert report.unchanged == (counts[-1] if counts else 0)
        assert len({track.path for track in library.tracks()}) == 12
        assert library.check() == []


def test_a_listener_that_dies_costs_nothing_but_time(made_music: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_one(fraction: float, message: str) -> None:
        if message.startswith("1/") and not killed:
            child = int(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()[-1])
            killed.append(child)
            os.kill(child, signal.SIGKILL)

    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        pytest.skip("needs Linux's list of child processes")
    with Library(tmp_path / "music.db") as library:
        report = library.scan([made_music], workers=2, progress=kill_one)
        assert killed
        assert (report.heard, report.broken, report.unreadable) == (12, [], [])
        assert library.check() == []


def test_listeners_end_with_a_scan_that_is_killed(made_music: Path, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom retrotone.library import Library\nif __name__ == '__main__':\n"
        "    Library(sys.argv[1]).scan([sys.argv[2]], workers=2, progress=lambda f, m: print(m, flush=True))\n"
    )
    (tmp_path / "scan.py").write_text(script)
    command = [sys.executable, str(tmp_path / "scan.py"), str(tmp_path / "music.db"), str(made_music)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        while not (line := process.stdout.readline()).startswith("1/"):
            assert line, "the scan ended"
        process.kill()
        process.stdout.read()  # returns when the last process that could write there has ended
    with Library(tmp_path / "music.db") as library:
        assert library.check() == []
        assert len(library) >= 1
