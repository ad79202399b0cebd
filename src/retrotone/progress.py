"""Progress of long work, reported to a callable that takes a fraction and a message."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""``progress(fraction, message)``, fraction in [0, 1]. Raise `retrotone.errors.Cancelled` in it to stop."""


def silent(fraction: float, message: str) -> None:
    """Report nothing; the default."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Return the callback for a stage of a task, whose progress from 0 to 1 is that of the task from `start` to `stop`.

    Parameters
    ----------
    progress : Progress
        The callback of the whole task.
    start, stop : float
        Progress of the task, in [0, 1], when the stage begins and ends.

    Examples
    --------
    >>> second_half = part(lambda fraction, message: print(fraction, message), 0.5, 1.0)
    >>> second_half(0.5, "rendering")
    0.75 rendering
    """

    def stage(fraction: float, message: str) -> None:
        progress(start + (stop - start) * min(max(fraction, 0.0), 1.0), message)

    return stage


def rising(progress: Progress) -> Progress:
    """Return a callback that never reports less progress than before."""
    highest = 0.0

    def report(fraction: float, message: str) -> None:
        nonlocal highest
        highest = max(highest, fraction)
        progress(highest, message)

    return report
