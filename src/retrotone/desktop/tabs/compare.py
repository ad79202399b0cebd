"""The tab that shows what changed: the study's figure of original and results, to zoom into."""

from __future__ import annotations

from tkinter import filedialog, ttk
from typing import TYPE_CHECKING

from retrotone.desktop import tasks
from retrotone.desktop.tabs.restyle import NO_SONG, SOUND_FILES
from retrotone.desktop.tasks import Picture, Sound
from retrotone.desktop.widgets import Page, PictureView, Sentence, Table, buttons

if TYPE_CHECKING:
    from retrotone.desktop.window import Window

MOST = 4  # versions side by side
LOWEST = 620  # pixels of the figure at 100 %
SHORTEST = 0.2  # s


class CompareTab(ttk.Frame):
    """Draws when it is entered; dragging across the figure, or the buttons, choose a stretch of time."""

    def __init__(self, app: Window) -> None:
        super().__init__(app.tabs)
        self._app = app
        self._others: list[Sound] = []
        self._drawn: list[Sound] = []
        self._picture: Picture | None = None
        self.stretch: tuple[float, float] | None = None
        look = app.look
        row = ttk.Frame(self, padding=(look.px(12), look.px(8), look.px(12), 0))
        row.pack(fill="x")
        buttons(
            row, look, ("Zoom in", lambda: self.zoom(0.5)), ("Zoom out", lambda: self.zoom(2.0)),
            ("Earlier", lambda: self.shift(-0.5)), ("Later", lambda: self.shift(0.5)), ("Whole", self.whole),
            ("Add a recording…", self.add), ("Save…", self.save),
        )  # fmt: skip
        self.told = Sentence(self, style="Small.TLabel")
        self.told.pack(fill="x", padx=look.px(12))
        self._page = Page(self, look)
        self._page.pack(fill="both", expand=True)
        self.view = PictureView(self._page.body, look, LOWEST, self._dragged)
        self.view.pack(fill="both", expand=True)
        self.table = Table(self._page.body, look, [("version", 160)], MOST, lambda: None)
        self.table.pack(fill="x", pady=(look.px(6), 0))

    def song_changed(self) -> None:
        """Begin anew with another song."""
        if not self._app.rendered:
            self._others, self._drawn, self.stretch = [], [], None

    def entered(self) -> None:
        """Draw, if there is something new."""
        if self._app.original is None:
            self.told.configure(text="Choose a song and render it: the figure appears here.")
        elif self._versions() != self._drawn:
            self.draw()

    def draw(self) -> None:
        """Draw the figure."""
        app = self._app
        versions = self._versions()
        if not versions:
            app.say(NO_SONG, error=True)
            return
        self._drawn = versions
        app.say("")
        look = app.look
        self.update_idletasks()  # the page may be new, and without a size
        width = max(self._page.winfo_width() - look.px(56), look.px(280) * len(versions))
        height = max(self._page.winfo_height() - look.px(30), look.px(LOWEST))
        app.run(tasks.compare, versions, self.stretch, width, height, look.scale, done=self._show)

    def zoom(self, factor: float) -> None:
        """Show so many times the stretch, about the same middle."""
        if self._picture is not None:
            start, stop = self._shown()
            half = max((stop - start) * factor, SHORTEST) / 2
            self._go((start + stop) / 2 - half, (start + stop) / 2 + half)

    def shift(self, share: float) -> None:
        """Move on by so much of the stretch."""
        if self._picture is not None:
            start, stop = self._shown()
            step = min(max((stop - start) * share, -start), self._picture.duration - stop)
            self._go(start + step, stop + step)

    def whole(self) -> None:
        """Show all again."""
        if self._picture is not None:
            self._go(0.0, self._picture.duration)

    def add(self) -> None:
        """Ask for another recording to compare."""
        path = filedialog.askopenfilename(
            parent=self._app.root, title="Choose a recording to compare", filetypes=SOUND_FILES,
            initialdir=self._app.settings.folder or None,
        )  # fmt: skip
        if path:
            self._app.run(tasks.decode, path, done=self._add)

    def save(self) -> None:
        """Ask where the comparison goes, as a page or a picture."""
        app = self._app
        if self._picture is None:
            app.say("There is nothing drawn yet: choose a song and render it.", error=True)
            return
        path = filedialog.asksaveasfilename(
            parent=app.root, title="Save the comparison", initialfile="report.html", defaultextension=".html",
            filetypes=[("A page with players", ".html"), ("A picture", ".png")],
            initialdir=app.settings.folder or None,
        )  # fmt: skip
        if path:
            app.run(tasks.save_comparison, self._drawn, path, done=app.say, keep=True)

    def _versions(self) -> list[Sound]:
        app = self._app
        if app.original is None:
            return []
        results = [version.sound for version in app.rendered] + self._others
        return [app.original, *results[-(MOST - 1) :]]

    def _add(self, sound: Sound) -> None:
        self._others.append(sound)
        self.draw()

    def _shown(self) -> tuple[float, float]:
        assert self._picture is not None
        return self.stretch or (0.0, self._picture.duration)

    def _go(self, start: float, stop: float) -> None:
        assert self._picture is not None
        self.stretch = max(start, 0.0), min(stop, self._picture.duration)
        self.draw()

    def _show(self, picture: Picture) -> None:
        self._picture = picture
        self.view.show(picture.file)
        start, stop = self._shown()
        self.told.configure(text=f"{start:.1f} to {stop:.1f} s. Drag across the figure to zoom in.")
        self.table.set_columns([(title, 110) for title in picture.titles])
        self.table.fill({cells[0]: cells for cells in picture.cells})

    def _dragged(self, low: float, high: float) -> None:
        """Zoom to where it was dragged, in whichever column."""
        if self._picture is None:
            return
        start, stop = self._shown()
        for left, right in self._picture.columns:
            if left <= (low + high) / 2 <= right:
                shares = ((min(max(x, left), right) - left) / (right - left) for x in (low, high))
                a, b = (start + (stop - start) * share for share in shares)
                if b - a >= SHORTEST:
                    self._go(a, b)
