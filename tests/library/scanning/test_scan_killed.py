"""A scan that is killed, or whose workers are killed: no track is lost, and none is there twice."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from processes import analyse_here, in_a_fork

from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.files import FoundFile
from retrotone.library.library import Library
from retrotone.library.scanning.scan import scan
from retrotone.library.scanning.track import analyse_file

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and forks are POSIX's")
KILLS = 10
CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children")


def test_kill_9_at_any_moment_loses_no_track_and_doubles_none(made_music: Path, tmp_path: Path) -> None:
    clips = [FoundFile.at(str(clip)) for clip in made_music.glob("*/*.flac")]
    # Once, so that forks of this process have loaded all that analysis needs.
    analyse_file(clips[0])
    began = time.monotonic()
    for clip in clips[:4]:
        analyse_file(clip)
    third, counts = time.monotonic() - began, [0]
    random.seed(5)
    for _ in range(KILLS):
        child = in_a_fork(
            lambda: scan(Catalogue(tmp_path / "music.db", create=True), [made_music], analyse_all=analyse_here)
        )
        time.sleep(random.uniform(0, third))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if (tmp_path / "music.db").exists():
            with Library(tmp_path / "music.db") as library:
                counts.append(len(library))
                assert library.check() == []
    assert counts == sorted(counts)
    with Library(tmp_path / "music.db") as library:
        report = scan(library._catalogue(create=True), [made_music], analyse_all=analyse_here)
        assert report.unchanged == counts[-1]
        assert report.analysed + report.unchanged == len(library) == 12
        assert len({track.path for track in library.tracks()}) == 12
        assert library.check() == []


@pytest.mark.skipif(not CHILDREN.exists(), reason="needs Linux's list of child processes")
def test_a_worker_that_dies_loses_no_track_and_none_outlives_the_scan(made_music: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()

    def scan_and_hang() -> None:
        # The workers inherit it.
        os.dup2(writing, 1)
        os.close(writing)
        workers: list[str] = []

        def progress(fraction: float, message: str) -> None:
            os.write(1, f"{message}\n".encode())
            if message.startswith("1/"):
                workers.extend(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())
                os.kill(int(workers[-1]), signal.SIGKILL)
            if message.startswith("11/"):
                time.sleep(600)

        Library(tmp_path / "music.db").scan([made_music], workers=2, progress=progress)

    child = in_a_fork(scan_and_hang)
    os.close(writing)
    with os.fdopen(reading) as lines:
        while not (line := lines.readline()).startswith("11/"):
            assert line, "the scan ended"
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        # The end of the pipe comes when the last process that could write to it has ended.
        assert lines.read() == ""
    with Library(tmp_path / "music.db") as library:
        assert library.check() == []
        assert (len(library), library.broken()) == (11, [])
        assert scan(library._catalogue(), [made_music], analyse_all=analyse_here).analysed == 1
