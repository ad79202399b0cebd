"""A table: rows of text, each with a key."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from tkinter import ttk

from retrotone.desktop.cut_text import cut_in_the_middle
from retrotone.desktop.theme import Theme
from retrotone.desktop.widgets import hide_when_unneeded

# Pixels at 100 %, of both sides of a cell together.
CELL_PADDING = 12
# A table asks for so much, and takes what there is.
LEAST_WIDTH = 240


class Table(ttk.Frame):
    """Rows of text, each with a key.

    Parameters
    ----------
    master : tk.Misc
    theme : Theme
    columns : sequence of (str, int)
        Titles, and widths in pixels at 100 %.
    height : int
        In rows.
    on_select : callable, optional
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        columns: Sequence[tuple[str, int]],
        height: int,
        on_select: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(master)
        self._theme = theme
        self._rows: Mapping[str, Sequence[str]] = {}
        self.tree = ttk.Treeview(self, show="headings", height=height, selectmode="browse")
        bar = ttk.Scrollbar(self, orient="vertical", command=self.tree.yview)
        self.tree.configure(yscrollcommand=hide_when_unneeded(bar))
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self.tree.grid(row=0, column=0, sticky="nsew")
        bar.grid(row=0, column=1, sticky="ns")
        self.tree.bind("<<TreeviewSelect>>", lambda _: on_select())
        self.tree.bind("<Map>", lambda _: self._appear())
        self.tree.bind("<Configure>", lambda _: self.after_idle(self._fit))
        # a narrow page gives the columns less than they ask for
        self.grid_propagate(False)
        self.set_columns(columns)
        theme.listeners.append(self._apply_theme)
        self._apply_theme()

    def set_columns(self, columns: Sequence[tuple[str, int]]) -> None:
        """Replace the columns: titles, and widths at 100 %; the widest column takes the remaining width."""
        self._columns = list(columns)
        self.tree.configure(columns=[title for title, _ in columns])
        for number, (title, _) in enumerate(columns):
            self.tree.heading(title, text=title, anchor="w", command=partial(self._sort, number))
        self._fit()

    def fill(self, rows: Mapping[str, Sequence[str]]) -> None:
        """Replace the rows; the selected key stays selected if it is still there."""
        before = self.selected
        self._rows = rows
        self.tree.delete(*self.tree.get_children())
        for key, cells in rows.items():
            self.tree.insert("", "end", iid=key, values=list(cells))
        self._fit()
        if before in rows:
            self.tree.selection_set(before)

    @property
    def selected(self) -> str:
        """The key of the selected row; empty if there is none."""
        return next(iter(self.tree.selection()), "")

    def select(self, key: str) -> None:
        """Select a row and bring it into view."""
        self.tree.selection_set(key)
        self.tree.focus(key)
        self.after_idle(self._see, key)

    def _apply_theme(self) -> None:
        self.configure(width=self._theme.px(LEAST_WIDTH), height=self.tree.winfo_reqheight())
        self._fit()

    def _fit(self) -> None:
        """Share the width among the columns, and cut what does not fit into its cell in the middle."""
        if not self.tree.winfo_ismapped():
            return
        wanted = {title: self._theme.px(width) for title, width in self._columns}
        available, total = self.tree.winfo_width() - self._theme.px(CELL_PADDING), sum(wanted.values())
        widest = max(wanted, key=lambda title: wanted[title])
        if total < available:
            wanted[widest] += available - total
        else:
            wanted = {title: width * available // total for title, width in wanted.items()}
        for title, width in wanted.items():
            self.tree.column(title, width=width, minwidth=10, stretch=False)
        room = [width - self._theme.px(CELL_PADDING) for width in wanted.values()]
        for key, cells in self._rows.items():
            shown = [cut_in_the_middle(*each, "TkDefaultFont", self) for each in zip(cells, room, strict=False)]
            self.tree.item(key, values=shown)

    def _appear(self) -> None:
        self._fit()
        self._see(self.selected)

    def _sort(self, column: int) -> None:
        """Sort by a column, whose title was clicked; at the second click the other way round."""
        order = sorted(self._rows, key=lambda key: _sort_key(self._rows[key][column]))
        if order == list(self.tree.get_children()):
            order.reverse()
        for position, key in enumerate(order):
            self.tree.move(key, "", position)

    def _see(self, key: str) -> None:
        if self.tree.exists(key):
            self.tree.yview_moveto(0)
            self.tree.see(key)


def _sort_key(cell: str) -> tuple[bool, float, str]:
    """Return what orders cells: numbers and lengths by their value, before text."""
    try:
        value = 0.0
        for part in cell.split(":"):
            value = 60 * value + float(part)
        return False, value, ""
    except ValueError:
        return True, 0.0, cell.casefold()
