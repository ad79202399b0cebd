"""Hours of work in one process, in small: after it has warmed up, nothing grows."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import retrotone as rt
from retrotone.library.library import Library
from retrotone.library.scanning.track import analyse_file
from retrotone.services import generate, listen, restyle
from retrotone.services.demo import bundled
from retrotone.style.choices import find_style

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's account of a process")

WARM_UP, ROUNDS = 2, 4
GROWTH = 2.0  # MB a round, beyond which it is no noise; measured: 0.1, at 575 MB


def rss() -> float:
    """Return the memory of this process, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def held() -> tuple[int, int, int]:
    """Return how many files are open, threads alive and temporary files there."""
    return (
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
        len(list(Path(tempfile.gettempdir()).iterdir())),
    )


@pytest.fixture(scope="module")
def verbs(made_music: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Callable[[], object]]:
    """What is done again and again, each short."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("soak")
    song = bundled("demo_song.ogg", "song").slice(4, 5)
    record = bundled("demo_style.ogg", "record").slice(0, 1)
    path = song.save(folder / "song.wav")
    broken = folder / "broken.wav"
    broken.write_bytes(b"no sound at all")
    music, database = next(made_music.glob("organ/*.flac")), folder / "music.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "retrotone.library.scanning.workers.analyse_all",
            lambda paths, workers: (yield from map(analyse_file, paths)),
        )
        Library(database).scan([made_music / "organ"])

    def library() -> None:
        with Library(database) as opened:
            opened.similar(music)
            opened.playlist(music, 1)
            opened.export(folder / "all.m3u8", overwrite=True)
            opened.scan([made_music / "organ"])
            opened.check()

    def fails() -> None:
        with pytest.raises(rt.AudioError):
            rt.StyleTransfer().stylize_file(broken, "1930s", folder / "never.flac")
        with pytest.raises(rt.OutputError):
            song.save(folder / "missing" / "song.wav")

    return [
        lambda: rt.StyleTransfer().stylize_file(path, "1930s", folder / "era.flac", overwrite=True),
        lambda: rt.StyleTransfer().stylize(song, record),
        lambda: restyle.restyle_file(path, find_style("1950s"), tempfile.mkdtemp(dir=folder)),
        lambda: listen.genre_figure(listen.listen(path)),
        lambda: generate.generate("parlour", "slerp", 1.0, 0, 1.0),
        library,
        fails,
    ]


def test_nothing_grows(verbs: list[Callable[[], object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    memory, before = [], (0, 0, 0)
    for number in range(WARM_UP + ROUNDS):
        for verb in verbs:
            verb()
        gc.collect()
        if number == WARM_UP:
            before = held()
        memory.append(rss())
    assert held() == before
    slope = np.polyfit(np.arange(ROUNDS), memory[WARM_UP:], 1)[0]
    assert slope < GROWTH, memory
