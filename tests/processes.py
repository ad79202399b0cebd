"""Work in other processes, for tests that kill them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from retrotone.library.files import FoundFile
from retrotone.library.scanning.track import Analysed, Failed, analyse_file


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
