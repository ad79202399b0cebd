"""The tab of the library: which folders, scan them, and a map of what is in them."""

from __future__ import annotations

import tkinter as tk
from tkinter import filedialog, ttk
from typing import TYPE_CHECKING

from retrotone.desktop import tasks
from retrotone.desktop.drawing import Map
from retrotone.desktop.tasks import Sibling
from retrotone.desktop.widgets import Page, Progress, Sentence, Table, buttons

if TYPE_CHECKING:
    from retrotone.desktop.window import Window


class LibraryTab(Page):
    """Scans in a process of its own, so that songs can be worked on meanwhile."""

    def __init__(self, app: Window) -> None:
        super().__init__(app.tabs, app.look)
        self._app = app
        self._drawn = False
        look = app.look
        left, right = self.halves(2, 3)
        self.folders = Table(left, look, [("Folders of music", 300)], 4, lambda: None)
        self.folders.pack(fill="both", expand=True)
        row = ttk.Frame(left)
        row.pack(fill="x", pady=look.px(4))
        _, _, self.scan_button = buttons(
            row, look, ("Add a folder…", self.choose), ("Remove", self.remove), ("Scan", self.scan), accent=2
        )
        self.progress = Progress(left, look, app.long_lane, app.say)
        self.progress.pack(fill="x", pady=look.px(4))
        self.report = tk.Text(
            left, height=6, width=20, wrap="word", borderwidth=0, font="TkDefaultFont", takefocus=0
        )
        self.report.pack(fill="both", expand=True)
        self.tell("")
        self.map = Map(right, look, self._describe, lambda track: app.open(track.path))
        self.map.pack(fill="both", expand=True)
        self.under = Sentence(right, style="Small.TLabel")
        self.under.pack(fill="x")
        look.listeners.append(self._dress_report)
        self._dress_report()
        self._show_folders()

    def entered(self) -> None:
        """Draw the map of a library that is there already."""
        if not self._drawn:
            self._drawn = True
            self._draw_map()

    def choose(self) -> None:
        """Ask for a folder."""
        folder = filedialog.askdirectory(
            parent=self._app.root,
            title="Choose a folder of music",
            initialdir=self._app.settings.folder or None,
        )
        if folder:
            self.add(folder)

    def add(self, folder: str) -> None:
        """Take in a folder, to be scanned."""
        if folder not in self._app.settings.library_folders:
            self._app.settings.library_folders.append(folder)
        self._show_folders()

    def remove(self) -> None:
        """Take a folder off the list; what the library knows of it stays."""
        if self.folders.selected:
            self._app.settings.library_folders.remove(self.folders.selected)
            self._show_folders()

    def scan(self) -> None:
        """Bring the library up to date."""
        app = self._app
        folders = list(app.settings.library_folders)
        if not folders:
            app.say("There is no folder yet: add one with music in it.", error=True)
            return
        app.say("")
        self.tell("")
        app.long_lane.run(tasks.scan, app.library, folders, watch=self.progress, done=self._scanned)

    def tell(self, text: str) -> None:
        """Show what a scan found."""
        self.report.configure(state="normal")
        self.report.delete("1.0", "end")
        self.report.insert("1.0", text)
        self.report.configure(state="disabled")

    def _scanned(self, text: str) -> None:
        self.tell(text)
        self._draw_map()

    def _draw_map(self) -> None:
        self._app.long_lane.run(
            tasks.chart_if_any, self._app.library, watch=self.progress, done=self._show_map
        )

    def _show_folders(self) -> None:
        self.folders.fill({folder: [folder] for folder in self._app.settings.library_folders})

    def _show_map(self, tracks: list[Sibling]) -> None:
        self.map.show(tracks)
        self._describe(None)

    def _describe(self, track: Sibling | None) -> None:
        count = len(self.map.tracks)
        idle = f"{count} tracks: point at one for its name, click to open it." if count else ""
        self.under.say(idle if track is None else " · ".join([*track.cells, track.path]))

    def _dress_report(self) -> None:
        colours = self._app.look.colours
        self.report.configure(background=colours.window, foreground=colours.ink)
