"""A slider that goes where one clicks, and follows the wheel and the keys."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from retrotone.desktop.drawing import Drawing
from retrotone.desktop.theme import Theme
from retrotone.desktop.widgets import Event

# Steps of the Page Up and Page Down keys.
PAGE_STEPS = 5
# Pixels at 100 %.
HEIGHT, KNOB, TRACK = 22, 7, 2


class Slider(Drawing):
    """A horizontal slider from 0 to `most`.

    Parameters
    ----------
    master : tk.Misc
    theme : Theme
    most : float
        Its right end.
    step : float
        Of the wheel and the arrow keys.
    on_change : callable
        Called with the value that the user set.
    width : int
        In pixels at 100 %.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        most: float,
        step: float,
        on_change: Callable[[float], None],
        width: int = 100,
    ) -> None:
        self._most, self._on_change = most, on_change
        self.value = 0.0
        super().__init__(master, theme, width, HEIGHT)
        self.configure(takefocus=1)
        for sequence in ("<Button-1>", "<B1-Motion>"):
            self.bind(sequence, self._go_to_pointer)
        for sequences, steps in (
            (("<Left>", "<Down>", "<Button-5>"), -1),
            (("<Right>", "<Up>", "<Button-4>"), 1),
            (("<Next>",), -PAGE_STEPS),
            (("<Prior>",), PAGE_STEPS),
        ):
            for sequence in sequences:
                self.bind(sequence, lambda _, by=steps * step: self._move(self.value + by))  # type: ignore[misc]
        self.bind("<MouseWheel>", lambda event: self._move(self.value + (step if event.delta > 0 else -step)))
        self.bind("<Home>", lambda _: self._move(0.0))
        self.bind("<End>", lambda _: self._move(most))

    def set(self, value: float) -> None:
        """Show a value."""
        if value != self.value:
            self.value = value
            self.draw()

    def draw(self) -> None:
        """Draw track and knob."""
        self.delete("all")
        self.configure(background=self.theme.colours.window)
        width, height = self.extent
        colours, knob, half = self.theme.colours, self.theme.px(KNOB), self.theme.px(TRACK)
        left, right, middle = knob + half, width - knob - half, height / 2
        x = left + (right - left) * min(max(self.value / self._most, 0.0), 1.0)
        self.create_rectangle(left, middle - half, right, middle + half, fill=colours.line, width=0)
        self.create_rectangle(left, middle - half, x, middle + half, fill=colours.original, width=0)
        self.create_oval(x - knob, middle - knob, x + knob, middle + knob, fill=colours.original, width=0)

    def _go_to_pointer(self, event: Event) -> None:
        self.focus_set()
        edge = self.theme.px(KNOB) + self.theme.px(TRACK)
        self._move(self._most * (event.x - edge) / max(self.extent[0] - 2 * edge, 1))

    def _move(self, value: float) -> str:
        """Set a value as the user does; the page around the slider does not scroll meanwhile."""
        self.set(min(max(value, 0.0), self._most))
        self._on_change(self.value)
        return "break"
