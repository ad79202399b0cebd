"""A row of widgets that goes on below where it is too long for the window."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import Any

from retrotone.desktop.theme import Theme

# Pixels at 100 %, between widgets and between lines.
GAP, LINE_GAP = 8, 4


class WrappedRow(ttk.Frame):
    """A row of widgets, its children; those that do not fit go on in a line below, as words do.

    Parameters
    ----------
    master : tk.Misc
    theme : Theme
    """

    def __init__(self, master: tk.Misc, theme: Theme) -> None:
        super().__init__(master)
        self._theme = theme
        self.bind("<Configure>", lambda _: self._arrange())
        theme.listeners.append(self._arrange_soon)

    def add_buttons(self, *commands: tuple[str, Callable[[], Any]], accent: int = -1) -> list[ttk.Button]:
        """Add buttons, and return them.

        Parameters
        ----------
        *commands : (str, callable)
            Text and action of each button.
        accent : int
            Index of the most important one; -1 for none.
        """
        styles = ["Accent.TButton" if index == accent else "TButton" for index in range(len(commands))]
        return [
            ttk.Button(self, text=text, command=command, style=style)
            for (text, command), style in zip(commands, styles, strict=True)
        ]

    def _arrange_soon(self) -> None:
        # the widgets have not got the new size of text yet
        self.after_idle(self._arrange)

    def _arrange(self) -> None:
        """Place the widgets, and ask for the height of their lines."""
        gap, line_gap = self._theme.px(GAP), self._theme.px(LINE_GAP)
        children = [child for child in self.winfo_children() if isinstance(child, tk.Widget)]
        height = max(child.winfo_reqheight() for child in children)
        x = y = 0
        for child in children:
            width = child.winfo_reqwidth()
            if x and x + width > self.winfo_width():
                x, y = 0, y + height + line_gap
            child.place(x=x, y=y + height // 2, anchor="w")
            x += width + gap
        self.configure(width=max(child.winfo_reqwidth() for child in children), height=y + height)
