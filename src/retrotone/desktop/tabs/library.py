"""The tab of the library: its folders, their scan, and a map of the tracks."""

from __future__ import annotations

import tkinter as tk
from tkinter import filedialog, ttk

from retrotone.desktop import tasks
from retrotone.desktop.library_map import Map
from retrotone.desktop.session import Session
from retrotone.desktop.table import Table
from retrotone.desktop.track_row import TrackRow
from retrotone.desktop.widgets import JobProgress, Page, WrappedLabel, add_buttons


class LibraryTab(Page):
    """Its scans run in the queue of long jobs, so that songs can be worked on meanwhile."""

    def __init__(self, master: tk.Misc, session: Session) -> None:
        super().__init__(master, session.theme)
        self._session = session
        self._drawn = False
        theme = session.theme
        left, right = self.halves(2, 3)
        self.folders = Table(left, theme, [("Folders of music", 300)], 4)
        self.folders.pack(fill="both", expand=True)
        row = ttk.Frame(left)
        row.pack(fill="x", pady=theme.px(4))
        _, _, self.scan_button = add_buttons(
            row, theme, ("Add a folder…", self.choose_folder), ("Remove", self.remove), ("Scan", self.scan), accent=2
        )
        self.progress = JobProgress(left, theme, session.long_jobs, session.say)
        self.progress.pack(fill="x", pady=theme.px(4))
        self.report = tk.Text(left, height=6, width=20, wrap="word", borderwidth=0, font="TkDefaultFont", takefocus=0)
        self.report.pack(fill="both", expand=True)
        self._show_report("")
        self.map = Map(right, theme, self._describe, lambda track: session.open_song(track.path))
        self.map.pack(fill="both", expand=True)
        self.caption = WrappedLabel(right, style="Small.TLabel")
        self.caption.pack(fill="x")
        theme.listeners.append(self._apply_report_theme)
        self._apply_report_theme()
        self._show_folders()

    def entered(self) -> None:
        """Draw the map of a library that exists already, the first time."""
        if not self._drawn:
            self._drawn = True
            self._draw_map()

    def choose_folder(self) -> None:
        """Ask for a folder."""
        folder = filedialog.askdirectory(
            parent=self._session.root,
            title="Choose a folder of music",
            initialdir=self._session.settings.folder or None,
        )
        if folder:
            self.add(folder)

    def add(self, folder: str) -> None:
        """Add a folder to the list."""
        if folder not in self._session.settings.library_folders:
            self._session.settings.library_folders.append(folder)
        self._show_folders()

    def remove(self) -> None:
        """Remove the selected folder from the list; its tracks stay in the library."""
        if self.folders.selected:
            self._session.settings.library_folders.remove(self.folders.selected)
            self._show_folders()

    def scan(self) -> None:
        """Bring the library up to date."""
        session = self._session
        folders = list(session.settings.library_folders)
        if not folders:
            session.say("There is no folder yet: add one with music in it.", error=True)
            return
        session.say("")
        self._show_report("")
        session.long_jobs.submit(tasks.scan, session.library, folders, observer=self.progress, done=self._scanned)

    def _show_report(self, text: str) -> None:
        self.report.configure(state="normal")
        self.report.delete("1.0", "end")
        self.report.insert("1.0", text)
        self.report.configure(state="disabled")

    def _scanned(self, text: str) -> None:
        self._session.scans += 1
        self._show_report(text)
        self._draw_map()

    def _draw_map(self) -> None:
        session = self._session
        session.long_jobs.submit(tasks.library_map, session.library, observer=self.progress, done=self._show_map)

    def _show_folders(self) -> None:
        self.folders.fill({folder: [folder] for folder in self._session.settings.library_folders})

    def _show_map(self, tracks: list[TrackRow]) -> None:
        self.map.show(tracks)
        self._describe(None)

    def _describe(self, track: TrackRow | None) -> None:
        count = len(self.map.tracks)
        idle = (
            f"{count} tracks: point at one for its name, click to open it; the wheel zooms, a drag moves the map."
            if count
            else ""
        )
        self.caption.configure(text=idle if track is None else " · ".join([*track.cells, track.place]))

    def _apply_report_theme(self) -> None:
        colours = self._session.theme.colours
        self.report.configure(background=colours.window, foreground=colours.ink)
