"""Drawings that follow theme and size: waveform, genre bars, timeline of genres, map of a library."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrotone.desktop.theme import Theme, blend
from retrotone.desktop.widgets import DRAG_PIXELS, Event

Anchor = Literal["w", "e", "center"]

# A drawing asks for so much, and takes what there is.
LEAST_WIDTH = 240
# What an arrow key moves on, as a fraction of the song.
SEEK_STEP = 0.02


class Drawing(tk.Canvas):
    """A canvas that is drawn again when its size or the theme changes.

    Parameters
    ----------
    master : tk.Misc
    theme : Theme
    width, height : int
        In pixels at 100 %.
    """

    def __init__(self, master: tk.Misc, theme: Theme, width: int, height: int) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=theme.px(2))
        self.theme, self._size = theme, (width, height)
        self.bind("<Configure>", lambda _: self.draw())
        theme.listeners.append(self._apply_theme)
        self.bind("<Destroy>", lambda _: theme.listeners.remove(self._apply_theme))
        self._apply_theme()

    def _apply_theme(self) -> None:
        colours = self.theme.colours
        self.configure(
            width=self.theme.px(self._size[0]),
            height=self.theme.px(self._size[1]),
            background=colours.panel,
            highlightbackground=colours.window,
            highlightcolor=colours.original,
        )
        self.draw()

    @property
    def extent(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return max(self.winfo_width(), 1), max(self.winfo_height(), 1)

    def draw(self) -> None:
        """Draw everything."""
        raise NotImplementedError

    def text(self, x: float, y: float, text: str, anchor: Anchor = "w", faint: bool = False, width: int = 0) -> None:
        """Draw text in the window's font.

        Parameters
        ----------
        x, y : float
            Of the anchor, in pixels.
        text : str
        anchor : {"w", "e", "center"}
        faint : bool
            Small and grey.
        width : int
            In pixels, where lines break; 0 for one line.
        """
        colours = self.theme.colours
        fill, font = (colours.faint, "RetroSmall") if faint else (colours.ink, "TkDefaultFont")
        self.create_text(x, y, text=text, anchor=anchor, fill=fill, font=font, width=width)


class Waveform(Drawing):
    """The waveform of a recording and the player's position: a click or the arrow keys change it, a drag marks a loop.

    Parameters
    ----------
    master : tk.Misc
    theme : Theme
    height : int
        In pixels at 100 %.
    seek : callable
        Called with the new position, as a fraction of the length.
    set_loop : callable
        Called with both ends of a loop, as fractions of the length.
    role : {"original", "result"}
        Chooses the colour.
    gutter : int
        Space on the left, in pixels at 100 %.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        height: int,
        seek: Callable[[float], None],
        set_loop: Callable[[float, float], None],
        role: str,
        gutter: int = 0,
    ) -> None:
        self._outline: NDArray[np.float32] | None = None
        self._gutter = gutter
        self._seek, self._set_loop, self._role, self._empty, self._position = seek, set_loop, role, "", 0.0
        self._pressed, self._loop = 0, (0.0, 0.0)
        # both ends of the loop that is being marked
        self._marked: tuple[float, float] | None = None
        super().__init__(master, theme, LEAST_WIDTH, height)
        self.configure(takefocus=1)
        self.bind("<Button-1>", self._on_press)
        self.bind("<B1-Motion>", self._on_drag)
        self.bind("<ButtonRelease-1>", self._on_release)
        self.bind("<Left>", lambda _: seek(max(self._position - SEEK_STEP, 0.0)))
        self.bind("<Right>", lambda _: seek(min(self._position + SEEK_STEP, 1.0)))

    def show(self, outline: NDArray[np.float32] | None, empty: str = "") -> None:
        """Show a waveform, shape (2, points): lowest and highest samples; None for a text in its place."""
        self._outline, self._empty = outline, empty
        self.draw()

    def set_position(self, fraction: float, loop: tuple[float, float] = (0.0, 0.0)) -> None:
        """Move the line at the player's position, and the loop, all as fractions of the length."""
        self._position, self._loop = fraction, self._marked or loop
        height = self.extent[1]
        x = self._x(fraction)
        self.coords("position", x, 0, x, height)
        low, high = map(self._x, self._loop)
        self.coords("loop", low, 0, high, height)
        self.itemconfigure("loop", state="normal" if low < high else "hidden")

    def _x(self, fraction: float) -> float:
        left = self.theme.px(self._gutter)
        return left + fraction * (self.extent[0] - left)

    def _fraction(self, x: int) -> float:
        left = self.theme.px(self._gutter)
        return min(max((x - left) / max(self.extent[0] - left, 1), 0.0), 1.0)

    def draw(self) -> None:
        """Draw waveform and position."""
        self.delete("all")
        width, height = self.extent
        if self._outline is None:
            self.text(width / 2, height / 2, self._empty, "center", width=width)
            return
        colour = getattr(self.theme.colours, self._role)
        left = self.theme.px(self._gutter)
        columns = min(max(width - left, 1), self._outline.shape[1])
        starts = np.arange(columns) * self._outline.shape[1] // columns
        low = np.minimum.reduceat(self._outline[0], starts)
        high = np.maximum.reduceat(self._outline[1], starts)
        peak = max(float(np.abs(self._outline).max()), 1e-3)
        x = left + (np.arange(columns) + 0.5) * (width - left) / columns
        middle, reach = height / 2, 0.46 * height / peak
        up, down = middle - high * reach - 0.5, middle - low * reach + 0.5
        # an excerpt is drawn without the rest of the song
        sounding = np.flatnonzero(high - low)
        shown = slice(sounding[0], sounding[-1] + 1) if len(sounding) else slice(0, columns)
        points = np.concatenate([np.stack([x, up], 1)[shown], np.stack([x, down], 1)[shown][::-1]])
        marked = blend(self.theme.colours.panel, self.theme.colours.line, 0.7)
        self.create_rectangle(0, 0, 0, height, fill=marked, width=0, tags="loop")
        self.create_polygon(points.ravel().tolist(), fill=colour, outline=colour)
        self.create_line(0, 0, 0, height, fill=self.theme.colours.ink, width=self.theme.px(2), tags="position")
        self.set_position(self._position, self._loop)

    def _on_press(self, event: Event) -> None:
        self.focus_set()
        self._pressed = event.x

    def _on_drag(self, event: Event) -> None:
        if abs(event.x - self._pressed) > DRAG_PIXELS:
            low, high = sorted((self._pressed, event.x))
            self._marked = self._fraction(low), self._fraction(high)
            self.set_position(self._position)

    def _on_release(self, event: Event) -> None:
        marked, self._marked = self._marked, None
        if marked:
            self._set_loop(*marked)
        else:
            self._seek(self._fraction(event.x))


class Bars(Drawing):
    """Probabilities as bars, the first in another colour."""

    def __init__(self, master: tk.Misc, theme: Theme, rows: int) -> None:
        self._rows, self._values, self._sure = rows, list[tuple[str, float]](), True
        super().__init__(master, theme, LEAST_WIDTH, 24 * rows + 4)

    def show(self, values: Sequence[tuple[str, float]], sure: bool = True) -> None:
        """Show names and probabilities, the largest first; `sure` decides the colour of the first."""
        self._values, self._sure = list(values)[: self._rows], sure
        self.draw()

    def draw(self) -> None:
        """Draw a row for each name."""
        self.delete("all")
        width, height = self.extent
        colours = self.theme.colours
        row, left, right = height / self._rows, self.theme.px(120), self.theme.px(52)
        background = blend(colours.panel, colours.line, 0.5)
        first = colours.result if self._sure else colours.faint
        for index, (name, probability) in enumerate(self._values):
            y = (index + 0.5) * row
            top, bottom = y - 0.3 * row, y + 0.3 * row
            end = left + probability * (width - right - left)
            self.text(left - self.theme.px(8), y, name, "e")
            self.create_rectangle(left, top, width - right, bottom, fill=background, width=0)
            self.create_rectangle(left, top, end, bottom, fill=colours.original if index else first, width=0)
            self.text(width - right + self.theme.px(6), y, f"{probability:.0%}")


class Timeline(Drawing):
    """The genres of each stretch of a song: a row for each genre, the darker the likelier."""

    def __init__(self, master: tk.Misc, theme: Theme, rows: int, gutter: int) -> None:
        self._rows, self._gutter = rows, gutter
        self._genres: list[str] = []
        self._cells: NDArray[np.float64] = np.zeros((0, 0))
        self._stretches: NDArray[np.float64] = np.zeros((0, 2))
        self._duration = 1.0
        super().__init__(master, theme, LEAST_WIDTH, 22 * rows)

    def clear(self) -> None:
        """Show nothing."""
        self._stretches = np.zeros((0, 2))
        self.draw()

    def show(
        self,
        genres: Sequence[str],
        order: Sequence[str],
        stretches: NDArray[np.float64],
        cells: NDArray[np.float64],
        duration: float,
    ) -> None:
        """Show the probabilities of genres over time.

        Parameters
        ----------
        genres : sequence of str
            The columns of `cells`.
        order : sequence of str
            The genres from the top; as many are shown as there are rows.
        stretches : ndarray, shape (stretches, 2), float64
            Start and stop of each, in seconds.
        cells : ndarray, shape (stretches, genres), float64
            Probabilities.
        duration : float
            Of the song, in seconds.
        """
        self._genres = list(order)[: self._rows]
        columns = [list(genres).index(genre) for genre in self._genres]
        self._stretches, self._cells, self._duration = stretches, cells[:, columns], max(duration, 1e-3)
        self.draw()

    def draw(self) -> None:
        """Draw a cell for each stretch and genre; what the classifier did not listen to is grey."""
        self.delete("all")
        if not len(self._stretches):
            return
        width, height = self.extent
        colours, row = self.theme.colours, height / self._rows
        left = self.theme.px(self._gutter)
        per_second = (width - left) / self._duration
        self.create_rectangle(left, 0, width, height, fill=blend(colours.panel, colours.line, 0.5), width=0)
        # a stretch is shorter than what was listened to for it, by less than a second at the song's ends
        for start, stop in left + np.add(self._stretches, (-0.5, 0.5)).clip(0.0, self._duration) * per_second:
            self.create_rectangle(start, 0, stop + 1, height, fill=colours.panel, width=0)
        for (start, stop), probabilities in zip(left + self._stretches * per_second, self._cells, strict=True):
            for index, probability in enumerate(probabilities):
                if probability > 0.02:
                    top, bottom = index * row + 1, (index + 1) * row - 1
                    fill = blend(colours.panel, colours.original, float(probability))
                    self.create_rectangle(start, top, stop + 1, bottom, fill=fill, width=0)
        for index, genre in enumerate(self._genres):
            self.text(left - self.theme.px(8), (index + 0.5) * row, genre, "e")
