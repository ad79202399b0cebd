"""Progress of long work, reported to a callable that takes a fraction and a message."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Progress = Callable[[float, str], None]
"""``progress(fraction, message)``, fraction in [0, 1]. Raise `retrotone.errors.Cancelled` in it to stop."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# between two changes of a notebook's bar
REDRAW_SECONDS = 0.2


def silent(fraction: float, message: str) -> None:
    """Report nothing; the default, but for a bar in notebooks."""


def bar_in_notebooks(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let a function that takes a long time draw a bar in a notebook, unless it is given its `progress`.

    Parameters
    ----------
    function : callable
        Has a parameter `progress`. ``progress=silent`` keeps it quiet. What it calls in turn draws no bar of its own.
    """
    place = function.__code__.co_varnames.index("progress")

    @wraps(function)
    def called(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        display = None if "progress" in kwargs or len(args) > place else _notebook_display()
        if display is None:
            return function(*args, **kwargs)
        with _bar(display) as progress:
            kwargs["progress"] = progress
            return function(*args, **kwargs)

    return called


# whether a bar is drawn now
_drawing = False


def _notebook_display() -> Callable[..., Any] | None:
    """Return what shows things in this notebook; None where there is none, or a bar is drawn already."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    # a shell in a terminal has no kernel
    return None if _drawing or not hasattr(shell, "kernel") else sys.modules["IPython.display"].display


@contextmanager
def _bar(display: Callable[..., Any]) -> Iterator[Progress]:
    """Draw a bar in a notebook, and remove it at the end."""
    global _drawing
    # not needed for --help
    from html import escape

    def picture(fraction: float, message: str) -> dict[str, str]:
        return {
            "text/html": f'<progress value="{fraction:.3f}"></progress> {escape(message)}',
            "text/plain": f"{fraction:.0%} {message}",
        }

    shown = display(picture(0.0, "starting"), raw=True, display_id=True)
    last = time.monotonic()

    def progress(fraction: float, message: str) -> None:
        nonlocal last
        if time.monotonic() - last >= REDRAW_SECONDS:
            last = time.monotonic()
            shown.update(picture(fraction, message), raw=True)

    _drawing = True
    try:
        yield progress
    finally:
        _drawing = False
        shown.update({"text/html": "", "text/plain": ""}, raw=True)


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
