"""Text that is cut in its middle where it does not fit: of a long name, both ends tell most."""

from __future__ import annotations

import tkinter as tk
from tkinter import font, ttk
from typing import Literal

from retrotone.utils.text import shortened


class CutLabel(ttk.Label):
    """Text on one line, cut in the middle where it does not fit."""

    def __init__(self, master: tk.Misc, text: str = "", style: str = "TLabel", anchor: Literal["w", "e"] = "w") -> None:
        super().__init__(master, style=style, width=1, anchor=anchor)
        self.full_text = text
        # keep the style's colour: sv-ttk sets a colour on every label when the theme changes
        self.bind("<<ThemeChanged>>", lambda _: self.configure(foreground=""))
        self.bind("<Configure>", lambda _: self._show())

    def show(self, text: str) -> None:
        """Replace the text."""
        self.full_text = text
        self._show()

    def _show(self) -> None:
        name = str(self.cget("font") or ttk.Style(self).lookup(str(self.cget("style")), "font"))
        self.configure(text=cut_in_the_middle(self.full_text, self.winfo_width(), name, self))


def cut_in_the_middle(text: str, width: int, font_name: str, master: tk.Misc) -> str:
    """Return a text with an ellipsis in its middle where it is wider than so many pixels.

    Parameters
    ----------
    text : str
    width : int
    font_name : str
        Of Tk's font.
    master : tk.Misc
    """
    measure = font.nametofont(font_name, master).measure
    if measure(text) <= width:
        return text
    # how many characters fit; bisection, because each measurement asks Tk
    fewest, most = 1, len(text)
    while fewest < most:
        length = (fewest + most + 1) // 2
        if measure(shortened(text, length)) <= width:
            fewest = length
        else:
            most = length - 1
    return shortened(text, fewest)
