"""A table: rows of text, each with a key."""

from __future__ import annotations

import math
import tkinter as tk
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from tkinter import font, ttk

from retrotone.desktop.cut_text import cut_in_the_middle
from retrotone.desktop.theme import Theme
from retrotone.desktop.widgets import hide_when_unneeded

# Pixels at 100 %, of both sides of a cell and of a column's title together, and of the widest column at least.
CELL_PADDING, TITLE_PADDING, LEAST_COLUMN = 12, 18, 40
# Pixels at 100 %, of the line around a table that has the focus.
RING = 2
# A table asks for so much, and takes what there is.
LEAST_WIDTH = 240
# Rows that are added at once, and of which the cells are read at once for sorting.
ADDED_ROWS, READ_ROWS = 400, 2000
UP, DOWN = " ▲", " ▼"


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
        # the column that the rows are sorted by, -1 for none, and whether the largest come first
        self._sorted = -1, False
        # what `after` returned for the next step of filling or sorting
        self._next_step = ""
        # whether all rows have been added
        self._is_filled = True
        # whether the selected row is in view, and stays there when the table gets smaller
        self._selection_seen = False
        # whether the rows that are seen are about to be cut to the width of their cells
        self._cutting = False
        # ttk's own table does not show that it has the focus
        self._ring = tk.Frame(self, borderwidth=0)
        self.tree = ttk.Treeview(self._ring, show="headings", height=height, selectmode="browse")
        self.tree.pack(fill="both", expand=True)
        for sequence in ("<FocusIn>", "<FocusOut>"):
            self.tree.bind(sequence, lambda _: self._show_focus())
        bar = ttk.Scrollbar(self, orient="vertical", command=self.tree.yview)
        self.tree.configure(yscrollcommand=self._scrolled)
        self._set_bar = hide_when_unneeded(bar)
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self._ring.grid(row=0, column=0, sticky="nsew")
        bar.grid(row=0, column=1, sticky="ns")
        self.tree.bind("<<TreeviewSelect>>", lambda _: on_select())
        self.tree.bind("<Map>", lambda _: self._appear())
        self.tree.bind("<Configure>", lambda _: self._resized())
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
        """Replace the rows; the selected key stays selected if it is still there.

        Of many rows the first ones are added now and the others later.
        """
        selected, self._rows, self._sorted = self.selected, rows, (-1, False)
        self._show_order()
        self.tree.delete(*self.tree.get_children())
        self._run(self._add(list(rows), selected))
        self._fit()

    def _run(self, steps: Iterator[None]) -> None:
        """Take the first step now and the others later, so that the window need not wait; drop steps of before."""
        if self._next_step:
            self.after_cancel(self._next_step)
            self._next_step = ""
        if next(steps, "end") != "end":
            self._next_step = self.after(1, self._run, steps)

    def _add(self, keys: list[str], selected: str) -> Iterator[None]:
        """Add rows."""
        self._is_filled = False
        for start in range(0, len(keys), ADDED_ROWS):
            if start:
                yield
            for key in keys[start : start + ADDED_ROWS]:
                self.tree.insert("", "end", iid=key, values=list(self._rows[key]))
            if selected in keys[start : start + ADDED_ROWS]:
                self.tree.selection_set(selected)
        self._is_filled = True

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
        ring = self._theme.px(RING)
        self._ring.configure(highlightthickness=ring)
        self._show_focus()
        self.configure(width=self._theme.px(LEAST_WIDTH), height=self.tree.winfo_reqheight() + 2 * ring)
        self._fit()

    def _show_focus(self) -> None:
        colours = self._theme.colours
        self._ring.configure(highlightbackground=colours.original if self.tree.instate(["focus"]) else colours.window)

    def _fit(self) -> None:
        """Share the width among the columns; only the widest has less than its title needs, where there is no room."""
        if not self.tree.winfo_ismapped():
            return
        px, measure = self._theme.px, font.nametofont("TkDefaultFont", self).measure
        columns = {title: px(width) for title, width in self._columns}
        available = self.tree.winfo_width() - px(CELL_PADDING)
        share = min(available / sum(columns.values()), 1.0)
        widest = max(columns, key=lambda title: columns[title])
        wanted = {
            title: max(round(share * width), measure(text) + px(TITLE_PADDING))
            for (title, width), text in zip(columns.items(), self._titles(), strict=True)
        }
        wanted[widest] = max(wanted[widest] + available - sum(wanted.values()), px(LEAST_COLUMN))
        for title, width in wanted.items():
            self.tree.column(title, width=width, minwidth=10, stretch=False)
        self._cut_soon()

    def _resized(self) -> None:
        if self._selection_seen:
            self.after_idle(lambda: self.tree.see(self.selected) if self.selected else None)
        self.after_idle(self._fit)

    def _scrolled(self, first: float, last: float) -> None:
        self._set_bar(first, last)
        self._cut_soon()

    def _cut_soon(self) -> None:
        if not self._cutting:
            self._cutting = True
            self.after_idle(self._cut)

    def _cut(self) -> None:
        """Cut what does not fit into its cell in the middle, in the rows that are seen."""
        self._cutting = False
        room = [self.tree.column(title, "width") - self._theme.px(CELL_PADDING) for title, _ in self._columns]
        keys, (first, last) = self.tree.get_children(), self.tree.yview()
        seen = keys[int(first * len(keys)) : math.ceil(last * len(keys)) + 1]
        self._selection_seen = self.selected in seen
        for key in seen:
            cells = zip(self._rows[key], room, strict=False)
            self.tree.item(key, values=[cut_in_the_middle(*each, "TkDefaultFont", self) for each in cells])

    def _appear(self) -> None:
        self._fit()
        # what was selected in a table that had no height may have hidden the rows above it
        self.tree.yview_moveto(0)
        self.after_idle(self._see, self.selected)

    def _sort(self, column: int) -> None:
        """Sort by a column, whose title was clicked; at the second click the other way round. Empty cells are last."""
        # most rows of a large library would be missing
        if self._is_filled:
            reverse = self._sorted == (column, False)
            self._sorted = column, reverse
            self._show_order()
            self._fit()
            self._run(self._order(column, reverse))

    def _order(self, column: int, reverse: bool) -> Iterator[None]:
        """Bring the rows into order."""
        cells = {key: row[column] for key, row in self._rows.items()}
        filled, order = [key for key in cells if cells[key]], dict[str, tuple[bool, float, str]]()
        for start in range(0, len(filled), READ_ROWS):
            if start:
                yield
            order |= {key: _sort_key(cells[key]) for key in filled[start : start + READ_ROWS]}
        filled.sort(key=order.__getitem__, reverse=reverse)
        if len(filled) > READ_ROWS:
            yield
        self.tree.set_children("", *filled, *(key for key in cells if not cells[key]))
        self._see(self.selected)
        self._cut_soon()

    def _show_order(self) -> None:
        for (title, _), text in zip(self._columns, self._titles(), strict=True):
            self.tree.heading(title, text=text)

    def _titles(self) -> list[str]:
        """Return the titles of the columns, with a mark at the one that the rows are sorted by."""
        column, reverse = self._sorted
        mark = DOWN if reverse else UP
        return [title + (mark if number == column else "") for number, (title, _) in enumerate(self._columns)]

    def _see(self, key: str) -> None:
        if self.tree.exists(key):
            self._selection_seen = True
            self.tree.see(key)


def _sort_key(cell: str) -> tuple[bool, float, str]:
    """Return what orders cells: numbers and lengths by their value, before text."""
    try:
        value = 0.0
        for part in cell.rstrip("%").split(":"):
            value = 60 * value + float(part)
        return False, value, ""
    except ValueError:
        return True, 0.0, cell.casefold()
