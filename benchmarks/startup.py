"""Start-up time of retrotone, beside importing its dependencies: medians of fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.page import Page, table
from benchmarks.pairs import bundled
from retrotone.dsp.stft import STUDY_RATE

REPEATS = 5
MFCC = "import librosa, sys; y, sr = librosa.load(sys.argv[1], sr={}); librosa.feature.mfcc(y=y, sr=sr)"


@dataclass(frozen=True)
class Start:
    """Medians: seconds by the clock and of the processor, of a process from its beginning to its end."""

    seconds: float
    processor: float


def commands(clip: Path) -> dict[str, list[str]]:
    """Return what is started, by name: ours first, then the competitors."""
    ours = {
        "`retrotone --help`": ["-m", "retrotone", "--help"],
        "`import retrotone`": ["-c", "import retrotone"],
        "`retrotone genre predict` of a clip of 30 s": ["-m", "retrotone", "genre", "predict", str(clip)],
    }
    rivals = {
        f"`import {name}`": ["-c", f"import {name}"] for name in ("librosa", "torch", "matchering") if find_spec(name)
    }
    return ours | rivals | {"librosa: the same clip's MFCCs": ["-c", MFCC.format(STUDY_RATE), str(clip)]}


def measure_startup(repeats: int = REPEATS) -> dict[str, Start]:
    """Start each once, so that its files are in memory, then `repeats` times."""
    with tempfile.TemporaryDirectory() as folder:
        clip = bundled().content.save(Path(folder) / "clip.wav")
        return {
            name: Start(*np.median([_start(arguments) for _ in range(repeats + 1)][1:], axis=0).tolist())
            for name, arguments in commands(clip).items()
        }


def page(starts: Mapping[str, Start]) -> Page:
    """Return the section."""
    rows = [[name, f"{start.seconds:.2f}", f"{start.processor:.2f}"] for name, start in starts.items()]
    help_, ours, genre = list(starts)[:3]
    claims = [
        _claim(ours, "`import torch`", starts),
        _claim(help_, "`import torch`", starts),
        _claim(genre, "librosa: the same clip's MFCCs", starts),
    ]
    return Page(f"""## Starting up

Fresh processes from beginning to end, files in the cache, median of {REPEATS}. librosa, too, loads what it needs on
first use.

{table(["", "seconds", "processor, s"], rows)}
{"".join(claims)}""")


def _claim(ours: str, rival: str, starts: Mapping[str, Start]) -> str:
    return f"- {ours}: **{starts[ours].seconds / starts[rival].seconds:.2f} times** the time of {rival}\n"


def _start(arguments: Sequence[str]) -> tuple[float, float]:
    """Run Python to its end; return seconds by the clock and of the processor."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime
