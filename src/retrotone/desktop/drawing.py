"""Drawings that follow theme and size: waveform, genre bars, timeline of evidence, map of a library."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from retrotone.desktop.theme import Look, blend
from retrotone.desktop.widgets import Event

if TYPE_CHECKING:
    from retrotone.desktop.tasks import Sibling

Anchor = Literal["w", "e", "center"]

DOTS = 300  # drawn at once
SEEK_SHARE = 0.02  # of a song, by an arrow key


class Drawing(tk.Canvas):
    """A canvas that is drawn anew when its size or the theme changes.

    Parameters
    ----------
    width, height : int
        At 100 %.
    """

    def __init__(self, master: tk.Misc, look: Look, width: int, height: int) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=look.px(2))
        self.look, self._size = look, (width, height)
        self.bind("<Configure>", lambda _: self.draw())
        look.listeners.append(self._dress)
        self._dress()

    def _dress(self) -> None:
        colours = self.look.colours
        self.configure(
            width=self.look.px(self._size[0]),
            height=self.look.px(self._size[1]),
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
        """Draw all."""
        raise NotImplementedError

    def text(
        self, x: float, y: float, text: str, anchor: Anchor = "w", faint: bool = False, width: int = 0
    ) -> None:
        """Write in the window's font."""
        colours = self.look.colours
        self.create_text(
            x,
            y,
            text=text,
            anchor=anchor,
            fill=colours.faint if faint else colours.ink,
            font="TkDefaultFont" if not faint else "RetroSmall",
            width=width,
        )


class Waveform(Drawing):
    """The outline of a recording and where it plays; a click, a drag or the arrow keys go elsewhere.

    Parameters
    ----------
    seek : callable
        Given a share of the length.
    role : {"original", "result"}
        Whose colour it has.
    empty : str
        What stands there before there is a recording.
    gutter : int
        Pixels to leave at its left, at 100 %.
    """

    def __init__(
        self,
        master: tk.Misc,
        look: Look,
        height: int,
        seek: Callable[[float], None],
        role: str,
        empty: str,
        gutter: int = 0,
    ) -> None:
        self._outline: NDArray[np.float32] | None = None
        self._gutter = gutter
        self._seek, self._role, self._empty, self._share = seek, role, empty, 0.0
        super().__init__(master, look, 500, height)
        self.configure(takefocus=1)
        for sequence in ("<Button-1>", "<B1-Motion>"):
            self.bind(sequence, self._point)
        self.bind("<Left>", lambda _: seek(max(self._share - SEEK_SHARE, 0.0)))
        self.bind("<Right>", lambda _: seek(min(self._share + SEEK_SHARE, 1.0)))

    @property
    def outlined(self) -> bool:
        """Whether a recording is shown."""
        return self._outline is not None

    def show(self, outline: NDArray[np.float32] | None) -> None:
        """Show an outline, shape (2, points)."""
        self._outline = outline
        self.draw()

    def follow(self, share: float) -> None:
        """Move the line that tells where it plays."""
        self._share = share
        width, height = self.extent
        left = self.look.px(self._gutter)
        x = left + share * (width - left)
        self.coords("place", x, 0, x, height)

    def draw(self) -> None:
        """Draw outline and place."""
        self.delete("all")
        width, height = self.extent
        if self._outline is None:
            self.text(width / 2, height / 2, self._empty, "center", width=width)
            return
        colour = getattr(self.look.colours, self._role)
        left = self.look.px(self._gutter)
        columns = min(max(width - left, 1), self._outline.shape[1])
        starts = np.arange(columns) * self._outline.shape[1] // columns
        low = np.minimum.reduceat(self._outline[0], starts)
        high = np.maximum.reduceat(self._outline[1], starts)
        peak = max(float(np.abs(self._outline).max()), 1e-3)
        x = left + (np.arange(columns) + 0.5) * (width - left) / columns
        middle, reach = height / 2, 0.46 * height / peak
        up, down = middle - high * reach - 0.5, middle - low * reach + 0.5
        points = np.concatenate([np.stack([x, up], 1), np.stack([x, down], 1)[::-1]])
        self.create_polygon(points.ravel().tolist(), fill=colour, outline=colour)
        self.create_line(0, 0, 0, height, fill=self.look.colours.ink, width=self.look.px(2), tags="place")
        self.follow(self._share)

    def _point(self, event: Event) -> None:
        self.focus_set()
        left = self.look.px(self._gutter)
        self._seek(min(max((event.x - left) / max(self.extent[0] - left, 1), 0.0), 1.0))


class Bars(Drawing):
    """Shares as bars, the first in colour."""

    def __init__(self, master: tk.Misc, look: Look, rows: int) -> None:
        self._rows, self._values, self._sure = rows, list[tuple[str, float]](), True
        super().__init__(master, look, 300, 24 * rows + 4)

    def show(self, values: Sequence[tuple[str, float]], sure: bool = True) -> None:
        """Show names and shares, the largest first."""
        self._values, self._sure = list(values)[: self._rows], sure
        self.draw()

    def draw(self) -> None:
        """Draw a row each."""
        self.delete("all")
        width, height = self.extent
        colours = self.look.colours
        row, left, right = height / self._rows, self.look.px(120), self.look.px(52)
        for place, (name, share) in enumerate(self._values):
            y = (place + 0.5) * row
            self.text(left - self.look.px(8), y, name, "e")
            thick = 0.3 * row
            self.create_rectangle(
                left,
                y - thick,
                width - right,
                y + thick,
                fill=blend(colours.panel, colours.line, 0.5),
                width=0,
            )
            first = colours.result if self._sure else colours.faint
            self.create_rectangle(
                left,
                y - thick,
                left + share * (width - right - left),
                y + thick,
                fill=colours.original if place else first,
                width=0,
            )
            told = f"{share:.0%}" if share >= 0.005 else "<1%"
            self.text(width - right + self.look.px(6), y, told)


class Timeline(Drawing):
    """What each stretch of a song speaks for: a row a genre, the darker the likelier."""

    def __init__(self, master: tk.Misc, look: Look, rows: int, gutter: int) -> None:
        self._rows, self._gutter = rows, gutter
        self._genres: list[str] = []
        self._cells: NDArray[np.float64] = np.zeros((0, 0))
        self._stretches: NDArray[np.float64] = np.zeros((0, 2))
        self._duration = 1.0
        super().__init__(master, look, 500, 22 * rows)

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
        """Show the genres in some order; `cells` has shape (stretches, genres)."""
        self._genres = list(order)[: self._rows]
        places = [list(genres).index(genre) for genre in self._genres]
        self._stretches, self._cells, self._duration = stretches, cells[:, places], max(duration, 1e-3)
        self.draw()

    def draw(self) -> None:
        """Draw a cell for each patch and genre; what was not heard stays empty."""
        self.delete("all")
        if not len(self._stretches):
            return
        width, height = self.extent
        colours, row = self.look.colours, height / self._rows
        left = self.look.px(self._gutter)
        per_second = (width - left) / self._duration
        for (start, stop), shares in zip(left + self._stretches * per_second, self._cells, strict=True):
            for place, share in enumerate(shares):
                if share > 0.02:
                    self.create_rectangle(
                        start,
                        place * row + 1,
                        stop + 1,
                        (place + 1) * row - 1,
                        fill=blend(colours.panel, colours.original, float(share)),
                        width=0,
                    )
        for place, genre in enumerate(self._genres):
            self.text(left - self.look.px(8), (place + 0.5) * row, genre, "e")


class Map(Drawing):
    """Tracks as dots, alike ones near each other; the one under the pointer tells its name.

    Parameters
    ----------
    named : callable
        Given the track under the pointer, or None.
    chosen : callable
        Given a track that was clicked.
    """

    def __init__(
        self,
        master: tk.Misc,
        look: Look,
        named: Callable[[Sibling | None], None],
        chosen: Callable[[Sibling], None],
    ) -> None:
        self._tracks: list[Sibling] = []
        self._named, self._chosen, self._under, self._drawing = named, chosen, -1, 0
        self._spots: NDArray[np.float64] = np.zeros((0, 2))
        super().__init__(master, look, 420, 330)
        self.bind("<Motion>", self._hover)
        self.bind("<Leave>", lambda _: self._tell(-1))
        self.bind("<Button-1>", self._click)

    @property
    def tracks(self) -> list[Sibling]:
        """What is shown."""
        return self._tracks

    def show(self, tracks: Sequence[Sibling]) -> None:
        """Show other tracks."""
        self._tracks = list(tracks)
        self.draw()

    def draw(self) -> None:
        """Draw dots, and a legend of the genres."""
        self.delete("all")
        self._under = -1
        width, height = self.extent
        if not self._tracks:
            text = "The map of your music appears here: choose folders and scan them."
            self.text(width / 2, height / 2, text, "center", width=width - 20)
            return
        margin, line = self.look.px(16), self.look.px(20)
        legend = list(dict.fromkeys((track.genre, track.colour) for track in self._tracks))
        columns = max(width // self.look.px(110), 1)
        below = line * -(-len(legend) // columns) + margin
        reach = np.array([width / 2 - margin, (height - below) / 2 - margin])
        middle = np.array([width / 2, (height - below) / 2])
        places = np.array([(track.x, -track.y) for track in self._tracks])
        self._spots = middle + places * reach
        size = self.look.px(float(np.clip(40 / np.sqrt(len(places)), 2.5, 7)))
        self._drawing += 1
        self._draw_dots(self._drawing, 0, size)
        for place, (genre, colour) in enumerate(legend):
            x = margin + (place % columns) * self.look.px(110)
            y = height - below + line * (place // columns) + line / 2
            dot = self.look.px(5)
            self.create_oval(x - dot, y - dot, x + dot, y + dot, fill=colour, width=0)
            self.text(x + 2 * dot, y, genre, faint=True)

    def _draw_dots(self, drawing: int, first: int, size: int) -> None:
        """Draw some dots, and the others in a moment: the window is not to wait for a large library."""
        if drawing != self._drawing or not self.winfo_exists():
            return
        edge = self.look.colours.panel
        for (x, y), track in zip(
            self._spots[first : first + DOTS], self._tracks[first : first + DOTS], strict=True
        ):
            self.create_oval(x - size, y - size, x + size, y + size, fill=track.colour, outline=edge)
        if first + DOTS < len(self._tracks):
            self.after(1, self._draw_dots, drawing, first + DOTS, size)

    def _nearest(self, event: Event) -> int:
        if not len(self._spots) or not self._tracks:
            return -1
        away = np.hypot(*(self._spots - (event.x, event.y)).T)
        nearest = int(away.argmin())
        return nearest if away[nearest] < self.look.px(16) else -1

    def _hover(self, event: Event) -> None:
        self._tell(self._nearest(event))

    def _tell(self, number: int) -> None:
        if number == self._under:
            return
        self._under = number
        self.delete("name")
        if number < 0:
            self._named(None)
            return
        track, (x, y) = self._tracks[number], self._spots[number]
        ring = self.look.px(10)
        ink = self.look.colours.ink
        self.create_oval(x - ring, y - ring, x + ring, y + ring, outline=ink, width=2, tags="name")
        left = x > self.extent[0] / 2
        label = self.create_text(
            x + (-1.5 if left else 1.5) * ring,
            y,
            text=track.cells[0],
            anchor="e" if left else "w",
            fill=ink,
            font="RetroStrong",
            tags="name",
        )
        box = self.create_rectangle(
            self.bbox(label), fill=self.look.colours.panel, outline=self.look.colours.line, tags="name"
        )
        self.tag_raise(label, box)
        self._named(track)

    def _click(self, event: Event) -> None:
        number = self._nearest(event)
        if number >= 0:
            self._chosen(self._tracks[number])
