"""The tab that compares: the study's figure of original and results, with zoom."""

from __future__ import annotations

import tkinter as tk
from tkinter import filedialog

from retrotone.desktop import tasks
from retrotone.desktop.session import NO_SONG, SOUND_FILES, Session
from retrotone.desktop.table import Table
from retrotone.desktop.tasks import Picture, Sound
from retrotone.desktop.time_ruler import TimeRuler
from retrotone.desktop.widgets import Page, PictureView, WrappedLabel
from retrotone.desktop.wrapped_row import WrappedRow

NO_FIGURE = "Choose a song and restyle it: the figure appears here."
HINT = "The wheel zooms at the pointer, a drag across the figure zooms to it, a click plays from there."
MAX_VERSIONS = 4
# Pixels at 100 %.
MIN_FIGURE_HEIGHT = 620
MIN_STRETCH_SECONDS = 0.2
# Of a step of the wheel.
WHEEL_ZOOM = 0.8
# The figure is drawn when the wheel or the pointer has rested for so long.
REST_MS = 120


class CompareTab(Page):
    """Draws when it is entered; buttons, wheel, ruler, or dragging across the figure choose a stretch of time."""

    def __init__(self, master: tk.Misc, session: Session) -> None:
        super().__init__(master, session.theme)
        self._session = session
        self._path = ""
        self._others: list[Sound] = []
        self._drawn: list[Sound] = []
        self._picture: Picture | None = None
        # of the page that the figure was drawn for, in pixels
        self._drawn_width = 0
        self.stretch: tuple[float, float] | None = None
        # Tk's name of the call that will draw, empty for none
        self._drawing_call = ""
        theme, body = session.theme, self.body
        row = WrappedRow(body, theme)
        row.pack(fill="x")
        row.add_buttons(
            ("Zoom in", lambda: self.zoom(0.5)),
            ("Zoom out", lambda: self.zoom(2.0)),
            ("Earlier", lambda: self.shift(-0.5)),
            ("Later", lambda: self.shift(0.5)),
            ("Whole", self.show_whole),
            ("Add another…", self.add),
            ("Remove added", self.remove),
            ("Save…", self.save),
        )
        self.caption = WrappedLabel(body, NO_FIGURE, "Small.TLabel")
        self.caption.pack(fill="x")
        self.ruler = TimeRuler(body, theme, self._centre, lambda steps: self.zoom(WHEEL_ZOOM**steps))
        self.ruler.pack(fill="x")
        # what stands above the figure stays in view as long as there is room
        self._page = Page(body, theme)
        self._page.pack(fill="both", expand=True)
        self.view = PictureView(self._page.body, theme, MIN_FIGURE_HEIGHT, self._zoom_to, self._zoom_at)
        self.view.pack(fill="both", expand=True)
        self.table = Table(self._page.body, theme, [("version", 160)], MAX_VERSIONS)
        self.table.pack(fill="x", pady=(theme.px(6), 0))
        self.note = WrappedLabel(self._page.body, style="Small.TLabel")
        self.note.pack(fill="x", pady=(theme.px(6), 0))
        theme.listeners.append(self._follow_theme)
        self.bind("<Configure>", lambda _: self._follow_width())

    def song_changed(self) -> None:
        """Forget the figure and the added recordings of the song before, and draw if the tab is shown."""
        if self._session.path != self._path:
            self._path = self._session.path
            self._others, self._drawn, self._picture, self.stretch = [], [], None, None
            self.ruler.show(0.0, (0.0, 0.0))
            self.view.clear()
            self.table.fill({})
            self.note.configure(text="")
            self.caption.configure(text="" if self._path else NO_FIGURE)
        if self.winfo_viewable():
            self.entered()

    def entered(self) -> None:
        """Draw, if there is another version since."""
        if self._session.original is not None and (self._versions() != self._drawn or self._has_other_width):
            self.draw()

    def draw(self) -> None:
        """Draw the figure."""
        session = self._session
        versions = self._versions()
        if not versions:
            session.say(NO_SONG, error=True)
            return
        self._drawn = versions
        session.say("")
        theme = session.theme
        # the page may be new, and without a size
        self.update_idletasks()
        self._drawn_width = self._page.winfo_width()
        width = max(self._drawn_width - theme.px(56), theme.px(280) * len(versions))
        height = max(self._page.winfo_height() - theme.px(30), theme.px(MIN_FIGURE_HEIGHT))
        dark = theme.name == "dark"
        session.run(tasks.compare, versions, self.stretch, width, height, theme.scale, dark, done=self._show)

    def _follow_theme(self) -> None:
        """Draw anew, when the tab is entered if it is not shown."""
        if self.winfo_viewable():
            self._draw_soon()
        else:
            self._drawn = []

    @property
    def _has_other_width(self) -> bool:
        return self._picture is not None and self._page.winfo_width() != self._drawn_width

    def _follow_width(self) -> None:
        if self.winfo_viewable() and self._has_other_width:
            self._draw_soon()

    def show_position(self, seconds: float | None) -> None:
        """Mark the player's position in the figure of each version; None where the song does not play."""
        picture, lines = self._picture, list[tuple[float, float, float]]()
        if picture is not None and seconds is not None:
            start, stop = picture.part
            at = (seconds - start) / (stop - start)
            if 0 <= at <= 1:
                lines = [(left + at * (right - left), top, bottom) for left, right, top, bottom in picture.boxes]
        self.view.mark(lines)
        self.ruler.mark(seconds)

    def zoom(self, factor: float, share: float = 0.5) -> None:
        """Show a stretch `factor` times as long; what is at a share of it, in [0, 1], stays there."""
        if self._picture is not None:
            start, stop = self._interval()
            length = min(max((stop - start) * factor, MIN_STRETCH_SECONDS), self._picture.duration)
            self._go(start + (stop - start - length) * share, length)

    def shift(self, fraction: float) -> None:
        """Move on by a fraction of the stretch."""
        if self._picture is not None:
            start, stop = self._interval()
            self._go(start + (stop - start) * fraction, stop - start)

    def show_whole(self) -> None:
        """Show the whole figure."""
        if self._picture is not None:
            self._go(0.0, self._picture.duration)

    def add(self) -> None:
        """Ask for another recording to compare."""
        path = filedialog.askopenfilename(
            parent=self._session.root,
            title="Choose a recording to compare",
            filetypes=SOUND_FILES,
            initialdir=self._session.settings.folder or None,
        )
        if path:
            self._session.say("")
            self._session.run(tasks.decode_version, path, done=self._add)

    def remove(self) -> None:
        """Take out the recording that was added last."""
        if not self._others:
            self._session.say("No recording was added: results are deleted in the tab Restyle.", error=True)
            return
        self._others.pop()
        # it may have been the longest
        self.stretch = None
        self.draw()

    def save(self) -> None:
        """Ask for a file, and write the comparison to it, as a page or a picture."""
        session = self._session
        if self._picture is None:
            session.say("There is nothing drawn yet: choose a song and restyle it.", error=True)
            return
        path = filedialog.asksaveasfilename(
            parent=session.root,
            title="Save the comparison",
            initialfile="report.html",
            defaultextension=".html",
            filetypes=[("A page with players", ".html"), ("A picture", ".png")],
            initialdir=session.settings.folder or None,
        )
        if path:
            session.run(tasks.save_comparison, self._drawn, path, done=session.say, keep=True)

    def _versions(self) -> list[Sound]:
        session = self._session
        if session.original is None:
            return []
        results = [version.sound for version in session.results if version.song == session.path] + self._others
        return [session.original, *results[-(MAX_VERSIONS - 1) :]]

    def _add(self, sound: Sound) -> None:
        self._others.append(sound)
        self.draw()

    def _interval(self) -> tuple[float, float]:
        assert self._picture is not None
        return self.stretch or (0.0, self._picture.duration)

    def _go(self, start: float, length: float) -> None:
        """Show a stretch, moved so that it lies within the song; the ruler follows at once, the figure a little later.

        Parameters
        ----------
        start, length : float
            In seconds.
        """
        assert self._picture is not None
        length = min(length, self._picture.duration)
        start = min(max(start, 0.0), self._picture.duration - length)
        self.stretch = start, start + length
        self._show_stretch()
        self._draw_soon()

    def _draw_soon(self) -> None:
        if self._drawing_call:
            self.after_cancel(self._drawing_call)
        self._drawing_call = self.after(REST_MS, self._draw_stretch)

    def _draw_stretch(self) -> None:
        """Draw once the worker is free, so that no figures pile up that nobody waits for any more."""
        self._drawing_call = ""
        if self._session.jobs.busy:
            self._draw_soon()
        elif self._drawn:
            self.draw()

    def _show(self, picture: Picture) -> None:
        self._picture = picture
        self.view.show(picture.file)
        self._show_stretch()
        self.table.set_columns([(title, 110) for title in picture.titles])
        self.table.fill({cells[0]: cells for cells in picture.cells})
        self.note.configure(text=picture.note)

    def _show_stretch(self) -> None:
        assert self._picture is not None
        start, stop = self._interval()
        self.ruler.show(self._picture.duration, (start, stop))
        self.caption.configure(text=f"{_moment(start)} to {_moment(stop)}. {HINT}")

    def _centre(self, seconds: float) -> None:
        """Show a stretch as long as now around a moment."""
        start, stop = self._interval()
        self._go(seconds - (stop - start) / 2, stop - start)

    def _zoom_at(self, x: float, y: float, steps: int) -> bool:
        """Zoom at the pointer, given as fractions of the picture's size, if it is at a drawing over time."""
        for left, right, top, bottom in self._picture.boxes if self._picture else ():
            if left <= x <= right and top <= y <= bottom:
                self.zoom(WHEEL_ZOOM**steps, (x - left) / (right - left))
                return True
        return False

    def _zoom_to(self, low: float, high: float) -> None:
        """Zoom to a stretch of any version, given as fractions of the picture's width; a click plays from there."""
        if self._picture is None:
            return
        start, stop = self._picture.part
        for left, right in self._picture.columns:
            if left <= (low + high) / 2 <= right:
                fractions = ((min(max(x, left), right) - left) / (right - left) for x in (low, high))
                a, b = (start + (stop - start) * fraction for fraction in fractions)
                if a == b:
                    self._session.seek_seconds(a)
                elif b - a >= MIN_STRETCH_SECONDS:
                    self._go(a, b - a)


def _moment(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f}:{rest:04.1f}"
