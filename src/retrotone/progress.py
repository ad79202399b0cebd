"""One way to report progress: a callable that takes a fraction and a message."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""``progress(fraction, message)``, fraction in [0, 1]. Raise `retrotone.errors.Cancelled` in it to stop."""


def silent(fraction: float, message: str) -> None:
    """Report nothing: the default."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Map a stage's own [0, 1] onto [start, stop] of the whole.

    Parameters
    ----------
    progress : Progress
        The whole task's callback.
    start, stop : float
        The share of the whole that the stage covers.
    """

    def stage(fraction: float, message: str) -> None:
        progress(start + (stop - start) * min(max(fraction, 0.0), 1.0), message)

    return stage
