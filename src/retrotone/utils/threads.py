"""Run torch on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch to one thread inside the ``with`` block.

    Small networks gain little from a second thread and lose much when another process is busy, because every operation
    waits for the slower thread. Measured on two cores beside one busy process, a RAVE ran at 0.4 times real time with
    two threads and at 13 times with one.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
