"""The map of a library: tracks as dots, similar ones near each other."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrotone.desktop.cut_text import cut_in_the_middle
from retrotone.desktop.drawing import LEAST_WIDTH, Drawing
from retrotone.desktop.theme import Theme, blend
from retrotone.desktop.widgets import DRAG_PIXELS, Event, bind_wheel

if TYPE_CHECKING:
    from retrotone.desktop.track_row import TrackRow

# Dots that are drawn at once.
DOTS = 300
# Of a step of the wheel, and at most.
ZOOM_STEP, MOST_ZOOM = 1.25, 60.0
# Of the way from a genre's colour to that of text, in the dark theme.
LIGHTER = 0.35
DIRECTIONS = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}
ZOOM_KEYS = {"plus": 1, "KP_Add": 1, "equal": 1, "minus": -1, "KP_Subtract": -1}


class Map(Drawing):
    """Tracks as dots, similar ones near each other; the one under the pointer shows its name.

    The wheel zooms at the pointer, and a drag moves the map. By keyboard, an arrow key goes to the next dot in its
    direction, + and - zoom there, and Enter chooses it.

    Parameters
    ----------
    master : tk.Misc
    theme : Theme
    on_hover : callable
        Called with the track under the pointer or the keys, or None.
    on_choose : callable
        Called with the track that was clicked, or chosen by Enter.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        on_hover: Callable[[TrackRow | None], None],
        on_choose: Callable[[TrackRow], None],
    ) -> None:
        self.tracks: list[TrackRow] = []
        self._on_hover, self._on_choose = on_hover, on_choose
        # index of the track under the pointer or the keys; -1 for none
        self._hovered = -1
        # counts calls of `draw`, so that the dots of an older one are not drawn any more
        self._drawing = 0
        # centres of the dots, in pixels
        self._centres: NDArray[np.float64] = np.zeros((0, 2))
        # how much larger than the whole map, and the place on the map, in [-1, 1], that is in the middle
        self._zoom, self._place = 1.0, np.zeros(2)
        # the map's middle, and from there to its edges, in pixels
        self._middle, self._reach = np.zeros(2), np.ones(2)
        self._dragged_from, self._is_dragged = np.zeros(2), False
        super().__init__(master, theme, LEAST_WIDTH, 330)
        self.bind("<Motion>", self._pointer_moved)
        self.bind("<Leave>", lambda _: self._set_hovered(-1))
        self.bind("<ButtonPress-1>", self._pressed)
        self.bind("<B1-Motion>", self._dragged)
        self.bind("<ButtonRelease-1>", self._released)
        bind_wheel(self, self._on_wheel)
        self.configure(takefocus=1)
        for key, direction in DIRECTIONS.items():
            self.bind(f"<{key}>", lambda _, way=direction: self._go(np.array(way)))  # type: ignore[misc]
        for key, step in ZOOM_KEYS.items():
            self.bind(f"<{key}>", lambda _, step=step: self._zoom_by_key(step))  # type: ignore[misc]
            # with Control they are the window's, for the size of text
            self.bind(f"<Control-{key}>", lambda _: None)
        self.bind("<Return>", lambda _: self._choose(self._hovered))

    def show(self, tracks: Sequence[TrackRow]) -> None:
        """Replace the tracks, and show the whole map."""
        self.tracks, self._hovered = list(tracks), -1
        self._zoom, self._place = 1.0, np.zeros(2)
        self.draw()

    def draw(self) -> None:
        """Draw dots, and a legend of the genres."""
        self.delete("all")
        hovered, self._hovered = self._hovered, -1
        width, height = self.extent
        if not self.tracks:
            text = "The map of your music appears here: choose folders and scan them."
            self.text(width / 2, height / 2, text, "center", width=width - 20)
            return
        legend = list(dict.fromkeys((track.group, self._shade(track.colour)) for track in self.tracks))
        margin, line, column = (self.theme.px(length) for length in (16, 20, 110))
        columns = max((width - margin) // column, 1)
        below = line * -(-len(legend) // columns) + margin
        self._middle = np.array([width / 2, (height - below) / 2])
        self._reach = np.maximum(self._middle - margin, 1)
        positions = np.array([(track.x, -track.y) for track in self.tracks])
        self._centres = self._middle + (positions - self._place) * self._zoom * self._reach
        radius = self.theme.px(float(np.clip(40 * np.sqrt(self._zoom / len(positions)), 2.5, 7)))
        self._drawing += 1
        seen = np.all(np.abs(self._centres - self._middle) < self._middle + radius, axis=1)
        self._draw_dots(self._drawing, np.flatnonzero(seen), radius)
        self.create_rectangle(0, height - below, width, height, fill=self.theme.colours.panel, width=0)
        for index, (genre, colour) in enumerate(legend):
            x = margin + (index % columns) * column
            y = height - below + line * (index // columns) + line / 2
            dot = self.theme.px(5)
            self.create_oval(x - dot, y - dot, x + dot, y + dot, fill=colour, width=0)
            self.text(x + 2 * dot, y, cut_in_the_middle(genre, column - 4 * dot, "RetroSmall", self), faint=True)
        if hovered >= 0 and seen[hovered]:
            self._set_hovered(hovered)

    def _draw_dots(self, drawing: int, seen: NDArray[np.intp], radius: int) -> None:
        """Draw some dots now and the others later, so that the window does not wait for a large library."""
        if drawing != self._drawing or not self.winfo_exists():
            return
        edge = self.theme.colours.panel
        for index in seen[:DOTS]:
            (x, y), colour = self._centres[index], self._shade(self.tracks[index].colour)
            box = x - radius, y - radius, x + radius, y + radius
            self.create_oval(box, fill=colour, outline=edge, tags="dots")
        # below the legend, which hides what lies outside the map
        self.tag_lower("dots")
        if len(seen) > DOTS:
            self.after(1, self._draw_dots, drawing, seen[DOTS:], radius)

    def _shade(self, colour: str) -> str:
        """Return a track's colour, lighter in the dark theme."""
        return blend(colour, self.theme.colours.ink, LIGHTER) if self.theme.name == "dark" else colour

    def _nearest(self, event: Event) -> int:
        if not self.tracks or event.y > 2 * self._middle[1]:
            return -1
        distances = np.hypot(*(self._centres - (event.x, event.y)).T)
        nearest = int(distances.argmin())
        return nearest if distances[nearest] < self.theme.px(16) else -1

    def _on_wheel(self, event: Event, step: int) -> str:
        """Zoom; what is under the pointer stays there, and the page around the map does not scroll."""
        if self.tracks:
            self._zoom_at(np.array([event.x, event.y]), step)
        return "break"

    def _zoom_at(self, at: NDArray[np.float64], step: int) -> None:
        """Zoom by a step; what is at a point, in pixels, stays there."""
        zoom = min(max(self._zoom * ZOOM_STEP**step, 1.0), MOST_ZOOM)
        from_middle = (at - self._middle) / self._reach
        self._place, self._zoom = self._place + from_middle * (1 / self._zoom - 1 / zoom), zoom
        self._keep_inside()
        self.draw()

    def _zoom_by_key(self, step: int) -> None:
        """Zoom at the dot that the keys have gone to, else at the middle."""
        if self.tracks:
            self._zoom_at(self._middle if self._hovered < 0 else self._centres[self._hovered], step)

    def _go(self, way: NDArray[np.float64]) -> None:
        """Go to the next dot in a direction, or to the one nearest to the middle; the map moves where it must.

        Parameters
        ----------
        way : ndarray, shape (2,)
            To the right and down, of length 1.
        """
        if not self.tracks:
            return
        begins = self._hovered < 0
        distances = self._centres - (self._middle if begins else self._centres[self._hovered])
        # of the circle that touches here and goes through the dot: dots straight ahead come before those to the side
        ahead, squares = distances @ way, (distances**2).sum(axis=1)
        score = squares if begins else np.divide(squares, ahead, out=np.full(len(ahead), np.inf), where=ahead > 0.5)
        index = int(score.argmin())
        if score[index] == np.inf:
            return
        if np.any(np.abs(self._centres[index] - self._middle) > self._reach):
            self._place = self._place + (self._centres[index] - self._middle) / (self._zoom * self._reach)
            self._keep_inside()
            self.draw()
        self._set_hovered(index)

    def _choose(self, index: int) -> None:
        if index >= 0:
            self._on_choose(self.tracks[index])

    def _keep_inside(self) -> None:
        """Keep the middle so far from the map's edges that nothing beyond them is shown."""
        furthest = 1 - 1 / self._zoom
        self._place = np.clip(self._place, -furthest, furthest)

    def _pressed(self, event: Event) -> None:
        self.focus_set()
        self._dragged_from, self._is_dragged = np.array([event.x, event.y]), False

    def _dragged(self, event: Event) -> None:
        way = np.array([event.x, event.y]) - self._dragged_from
        if self.tracks and (self._is_dragged or np.hypot(*way) > DRAG_PIXELS):
            self._dragged_from, self._is_dragged = np.array([event.x, event.y]), True
            self._place = self._place - way / (self._zoom * self._reach)
            self._keep_inside()
            self.draw()

    def _released(self, event: Event) -> None:
        if not self._is_dragged:
            self._choose(self._nearest(event))

    def _pointer_moved(self, event: Event) -> None:
        self._set_hovered(self._nearest(event))

    def _set_hovered(self, index: int) -> None:
        if index == self._hovered:
            return
        self._hovered = index
        self.delete("name")
        if index < 0:
            self._on_hover(None)
            return
        track, (x, y) = self.tracks[index], self._centres[index]
        ring = self.theme.px(10)
        ink = self.theme.colours.ink
        self.create_oval(x - ring, y - ring, x + ring, y + ring, outline=ink, width=2, tags="name")
        width = self.extent[0]
        left = x > width / 2
        room = round((x if left else width - x) - 2 * ring)
        label = self.create_text(
            x + (-1.5 if left else 1.5) * ring,
            y,
            text=cut_in_the_middle(track.name, room, "RetroStrong", self),
            anchor="e" if left else "w",
            fill=ink,
            font="RetroStrong",
            tags="name",
        )
        box = self.create_rectangle(
            self.bbox(label), fill=self.theme.colours.panel, outline=self.theme.colours.line, tags="name"
        )
        self.tag_raise(label, box)
        self._on_hover(track)
