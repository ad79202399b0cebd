"""Work in other processes, for tests that kill them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator

from retrotone.library.files import FoundFile
from retrotone.library.scanning.track import Analysed, Failed, analyse_file

# what an installation without the rave extra does
WITHOUT_TORCH = """
import json
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, Missing())
from retrotone.cli.main import run
sys.exit(max([run(words) for words in json.loads(sys.argv[1])]))
"""


def run_without_torch(*commands: list[str]) -> subprocess.CompletedProcess[str]:
    """Run commands as where torch is not installed, in one process; its exit code is the highest of theirs."""
    return subprocess.run([sys.executable, "-c", WITHOUT_TORCH, json.dumps(commands)], capture_output=True, text=True)


def in_a_fork(work: Callable[[], object]) -> int:
    """Do something in a copy of this process, where all is imported already; return its number."""
    import torch

    child = os.fork()
    if child:
        return child
    # The fork does not have the threads of this process.
    torch.set_num_threads(1)
    try:
        work()
    finally:
        os._exit(1)


def analyse_here(files: Iterable[FoundFile], workers: int) -> Iterator[Analysed | Failed]:
    """Analyse in this process, where all is loaded."""
    yield from map(analyse_file, files)
