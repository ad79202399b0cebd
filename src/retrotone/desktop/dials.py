"""The dials of the restyle tab: a slider for each part of a medium, from none of it to twice as much."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from tkinter import ttk

from retrotone.desktop.cut_text import CutLabel
from retrotone.desktop.slider import Slider
from retrotone.desktop.theme import Theme

# As `retrotone.style.amounts.MOST`, whose module is slow to import.
MOST = 2.0
STEP = 0.05
# In characters, of what stands before and behind a slider.
NAME_WIDTH, PERCENT_WIDTH = 9, 5
# From so many rows on a wide page has two columns, where no setting has more characters.
MANY, LONG = 4, 18


class Dials(ttk.Frame):
    """A dial for each part, with what the part is set to beside it; in two columns where there is room.

    Parameters
    ----------
    master : tk.Misc
    theme : Theme
    on_change : callable
        Called when the user moves a dial.

    Attributes
    ----------
    sliders : dict of str to Slider
        By the words of `retrotone.style.medium.PARTS`.
    """

    def __init__(self, master: tk.Misc, theme: Theme, on_change: Callable[[], None]) -> None:
        super().__init__(master)
        self._theme, self._on_change = theme, on_change
        self._percents: dict[str, ttk.Label] = {}
        self._frames: list[ttk.Frame] = []
        self._wide, self._longest = True, 0
        self.sliders: dict[str, Slider] = {}

    @property
    def amounts(self) -> dict[str, float]:
        """The parts that were turned up or down, 1 being as they are."""
        return {part: slider.value for part, slider in self.sliders.items() if slider.value != 1.0}

    def show(self, parts: Mapping[str, str]) -> None:
        """Replace the dials: the parts, and what each is set to in words."""
        for child in self.winfo_children():
            child.destroy()
        self.sliders, self._percents = {}, {}
        self._longest = max(map(len, parts.values()), default=0)
        self._frames = [self._add(part, setting) for part, setting in parts.items()]
        self.arrange(self._wide)

    def arrange(self, wide: bool) -> None:
        """Lay the dials out for a wide page, or for a narrow one."""
        self._wide = wide
        columns = 2 if wide and len(self._frames) >= MANY and self._longest <= LONG else 1
        rows = -(-len(self._frames) // columns)
        for number, frame in enumerate(self._frames):
            column, row = divmod(number, rows)
            frame.grid(row=row, column=column, sticky="ew", padx=(0, self._theme.px(12)))
        self.columnconfigure(0, weight=1, uniform="dials")
        self.columnconfigure(1, weight=columns - 1, uniform="dials" if columns > 1 else "")

    def reset(self) -> None:
        """Set all parts back to as they are."""
        if self.amounts:
            for part in self.sliders:
                self._turn(part, 1.0)
            self._on_change()

    def _add(self, part: str, setting: str) -> ttk.Frame:
        px = self._theme.px
        frame = ttk.Frame(self)
        ttk.Label(frame, text=part, width=NAME_WIDTH).grid(row=0, column=0, sticky="w")
        self.sliders[part] = Slider(frame, self._theme, MOST, STEP, lambda value: self._moved(part, value), width=60)
        self.sliders[part].grid(row=0, column=1, sticky="ew")
        self._percents[part] = ttk.Label(frame, width=PERCENT_WIDTH, anchor="e")
        self._percents[part].grid(row=0, column=2)
        CutLabel(frame, setting, "Small.TLabel").grid(row=0, column=3, sticky="ew", padx=(px(8), 0))
        # so that the longest settings of an era are not cut in two columns, in a window of its first size
        frame.columnconfigure(1, weight=2, uniform="shares")
        frame.columnconfigure(3, weight=3, uniform="shares")
        self._turn(part, 1.0)
        return frame

    def _moved(self, part: str, value: float) -> None:
        # steps of 5 %, so that the middle is found again
        self._turn(part, round(value / STEP) * STEP)
        self._on_change()

    def _turn(self, part: str, value: float) -> None:
        self.sliders[part].set(value)
        self._percents[part].configure(text=f"{value:.0%}")
