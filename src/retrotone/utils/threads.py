"""Run torch or BLAS on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


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


def one_blas_thread() -> AbstractContextManager[object]:
    """Limit NumPy's matrix products to one thread inside the ``with`` block, for the reasons of `one_thread`."""
    limit: AbstractContextManager[object] = _blas().limit(limits=1)
    return limit


@cache
def _blas() -> ThreadpoolController:
    """Return the control of BLAS's threads, cached because finding the library is slow."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
