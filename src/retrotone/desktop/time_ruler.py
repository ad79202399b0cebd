"""A ruler of a whole recording that shows which part of it is seen, and moves it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from retrotone.desktop.drawing import LEAST_WIDTH, Drawing
from retrotone.desktop.theme import Theme, blend
from retrotone.desktop.widgets import MARK, Event, bind_wheel
from retrotone.utils.text import clock

# Pixels at 100 %.
HEIGHT, BAR_HEIGHT, LABEL_WIDTH, LEAST_HANDLE = 32, 14, 60, 6
# Between labels, in seconds.
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


class TimeRuler(Drawing):
    """A bar of the whole length with minutes and seconds, the part that is seen, and the player's position.

    A click or a drag moves the part that is seen.

    Parameters
    ----------
    master : tk.Misc
    theme : Theme
    on_move : callable
        Called with the moment that shall be in the middle, in seconds.
    on_zoom : callable
        Called with the steps of the wheel: 1 up, -1 down.
    """

    def __init__(
        self, master: tk.Misc, theme: Theme, on_move: Callable[[float], None], on_zoom: Callable[[int], None]
    ) -> None:
        self._on_move, self._on_zoom = on_move, on_zoom
        # of the recording; nothing is shown as long as it is 0
        self._duration = 0.0
        self._part = 0.0, 0.0
        super().__init__(master, theme, LEAST_WIDTH, HEIGHT)
        for sequence in ("<ButtonPress-1>", "<B1-Motion>"):
            self.bind(sequence, self._pointed)
        bind_wheel(self, self._on_wheel)

    def show(self, duration: float, part: tuple[float, float]) -> None:
        """Show the length of a recording, and the part of it that is seen; all in seconds."""
        self._duration, self._part = duration, part
        self.draw()

    def mark(self, seconds: float | None) -> None:
        """Show the player's position, in seconds; None for none."""
        self.delete("position")
        if seconds is not None and self._duration:
            x = self._x(seconds)
            ends = (x, 0, x, self.theme.px(BAR_HEIGHT))
            self.create_line(ends, fill=MARK, width=self.theme.px(2), tags="position")

    def draw(self) -> None:
        """Draw bar, part and labels."""
        self.delete("all")
        self.configure(background=self.theme.colours.window)
        if not self._duration:
            return
        colours, bar = self.theme.colours, self.theme.px(BAR_HEIGHT)
        width, height = self.extent
        background = blend(colours.panel, colours.line, 0.5)
        self.create_rectangle(self._x(0), 0, self._x(self._duration), bar, fill=background, width=0)
        low, high = map(self._x, self._part)
        least = self.theme.px(LEAST_HANDLE) / 2
        middle, half = (low + high) / 2, max((high - low) / 2, least)
        self.create_rectangle(middle - half, 0, middle + half, bar, fill=colours.original, width=0, tags="part")
        wanted = self._duration * self.theme.px(LABEL_WIDTH) / width
        step = next((step for step in STEPS if step >= wanted), STEPS[-1])
        for number in range(int(self._duration / step) + 1):
            x = self._x(number * step)
            self.create_line(x, bar, x, bar + self.theme.px(4), fill=colours.faint)
            self.text(x, (bar + self.theme.px(4) + height) / 2, clock(number * step), "center", faint=True)

    def _x(self, seconds: float) -> float:
        edge = self.theme.px(LABEL_WIDTH) / 2
        return edge + seconds / self._duration * (self.extent[0] - 2 * edge)

    def _pointed(self, event: Event) -> None:
        if self._duration:
            left, right = self._x(0), self._x(self._duration)
            self._on_move((event.x - left) / (right - left) * self._duration)

    def _on_wheel(self, _: Event, step: int) -> str:
        self._on_zoom(step)
        return "break"
