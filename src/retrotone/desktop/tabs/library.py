"""The tab of the library: its folders, their scan, a map and a list of the tracks."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Hashable
from tkinter import filedialog, ttk
from typing import Any

from retrotone.desktop import library_tasks
from retrotone.desktop.cut_text import CutLabel
from retrotone.desktop.library_map import Map
from retrotone.desktop.session import NO_SONG, Session
from retrotone.desktop.table import Table
from retrotone.desktop.track_row import TrackRow
from retrotone.desktop.widgets import JobProgress, Page, WrappedLabel
from retrotone.desktop.wrapped_row import WrappedRow
from retrotone.services.similar import GENRE_NOTE
from retrotone.utils.text import counted

# Titles, and widths at 100 %.
COLUMNS = [
    ("title", 190),
    ("artist", 130),
    ("genre", 95),
    ("tempo (bpm)", 110),
    ("key", 90),
    ("year", 65),
    ("length", 75),
]

NOT_SCANNED = "Press Scan to take the music of this folder into the library."
MAP_HINT = "point for a name, click to open, wheel to zoom, drag to move; or arrows, + and −, Enter."


class LibraryTab(Page):
    """Its scans run in the queue of long jobs, so that songs can be worked on meanwhile."""

    def __init__(self, master: tk.Misc, session: Session) -> None:
        super().__init__(master, session.theme)
        self._session = session
        # state of the library when its map was drawn; None before that
        self._drawn: Hashable = None
        # tracks by their keys in the list
        self._listed: dict[str, TrackRow] = {}
        theme = session.theme
        left, right = self.halves(2, 3)
        self.folders = Table(left, theme, [("Folders of music", 300)], 3)
        self.folders.pack(fill="both", expand=True)
        row = WrappedRow(left, theme)
        row.pack(fill="x", pady=theme.px(4))
        _, _, self.scan_button, _ = row.add_buttons(
            ("Add a folder…", self.choose_folder),
            ("Remove", self.remove),
            ("Scan", self.scan),
            ("Repair", self.repair),
            accent=2,
        )
        self.progress = JobProgress(left, theme, session.long_jobs, self._stopped)
        self.progress.pack(fill="x", pady=theme.px(4))
        self.report = tk.Text(left, height=3, width=20, wrap="word", borderwidth=0, font="TkDefaultFont", takefocus=0)
        self._chooser, self._chosen = ttk.Frame(right), tk.IntVar(self, 0)
        self._chooser.pack(fill="x", pady=(0, theme.px(4)))
        self._views = self._build_map(right), self._build_list(right)
        self._show_view()
        theme.listeners.append(self._apply_report_theme)
        self._apply_report_theme()
        self._show_folders()

    def entered(self) -> None:
        """Draw the map, if the library was changed since; after a scan of this tab it is drawn anyway."""
        queue = self._session.long_jobs
        if not self.progress.has_job and not queue.count(library_tasks.state):
            self._session.ask_library_state(queue, self._draw_if_changed)

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
        self._session.say(NOT_SCANNED)

    def remove(self) -> None:
        """Remove the selected folder from the list; its tracks stay in the library."""
        if not self.folders.selected:
            self._session.say("Select a folder in the list first.", error=True)
            return
        self._session.settings.library_folders.remove(self.folders.selected)
        self._show_folders()

    def scan(self) -> None:
        """Bring the library up to date."""
        session = self._session
        folders = list(session.settings.library_folders)
        if not folders:
            session.say("There is no folder yet: add one with music in it.", error=True)
            return
        self._submit(library_tasks.scan, folders)

    def repair(self) -> None:
        """Repair the library, if it is damaged, and scan its folders for what was lost."""
        self._submit(library_tasks.repair, list(self._session.settings.library_folders))

    def open(self) -> None:
        """Open the selected track."""
        if track := self._selected():
            self._session.open_track(track)

    def play(self) -> None:
        """Play the selected track."""
        if track := self._selected():
            self._session.play_track(track)

    def add_to_playlist(self) -> None:
        """Add the selected track to the playlist."""
        if track := self._selected():
            self._session.add_to_playlist([track])

    def add_path(self) -> None:
        """Add tracks to the playlist that lead evenly from the song to the selected track."""
        session, track = self._session, self._selected()
        if track is None:
            return
        if not session.path:
            session.say(NO_SONG, error=True)
            return
        session.say("")
        arguments = session.library, session.path, track.place
        session.run(library_tasks.path, *arguments, done=session.add_to_playlist)

    def _build_map(self, master: ttk.Frame) -> ttk.Frame:
        frame, session = self._add_view(master, "Map"), self._session
        self.map = Map(frame, session.theme, self._describe, session.open_track)
        self.map.pack(fill="both", expand=True)
        # one line, so that the map keeps its size
        self.caption = CutLabel(frame, style="Small.TLabel")
        self.caption.pack(fill="x")
        return frame

    def _build_list(self, master: ttk.Frame) -> ttk.Frame:
        frame, theme = self._add_view(master, "Tracks"), self._session.theme
        self.tracks = Table(frame, theme, COLUMNS, 8)
        for key in ("<Return>", "<Double-1>"):
            self.tracks.tree.bind(key, lambda _: self.open())
        self.tracks.pack(fill="both", expand=True)
        WrappedLabel(frame, text=GENRE_NOTE, style="Small.TLabel").pack(fill="x")
        row = WrappedRow(frame, theme)
        row.pack(fill="x", pady=theme.px(4))
        row.add_buttons(
            ("Open", self.open),
            ("Play", self.play),
            ("Add to playlist", self.add_to_playlist),
            ("Path from the song to this one", self.add_path),
        )
        return frame

    def _add_view(self, master: ttk.Frame, title: str) -> ttk.Frame:
        """Add a way to show the tracks, and the button that chooses it."""
        number = len(self._chooser.winfo_children())
        button = ttk.Radiobutton(
            self._chooser, text=title, value=number, variable=self._chosen, command=self._show_view
        )
        button.pack(side="left", padx=(0, self._session.theme.px(12)))
        return ttk.Frame(master)

    def _show_view(self) -> None:
        for number, view in enumerate(self._views):
            if number == self._chosen.get():
                view.pack(fill="both", expand=True)
            else:
                view.pack_forget()

    def _show_report(self, text: str) -> None:
        self.report.configure(state="normal")
        self.report.delete("1.0", "end")
        self.report.insert("1.0", text)
        self.report.configure(state="disabled")
        if text:
            self.report.pack(fill="both", expand=True)
        else:
            self.report.pack_forget()

    def _submit(self, task: Callable[..., str], *arguments: Any) -> None:
        """Let a task change the library, and show what it reports."""
        session = self._session
        session.say("")
        self._show_report("")
        session.long_jobs.submit(task, session.library, *arguments, observer=self.progress, done=self._changed)

    def _changed(self, text: str) -> None:
        self._show_report(text)
        # in a small window the report is out of view
        self._session.say(text.splitlines()[0])
        self._draw_map()

    def _stopped(self, message: str, error: bool) -> None:
        """Say why a job ended early; after a scan that was cancelled, show what it found until then."""
        self._session.say(message, error)
        if not error:
            self.after_idle(self.entered)

    def _draw_map(self) -> None:
        session = self._session
        session.ask_library_state(session.long_jobs, self._set_drawn)
        task = library_tasks.library_map
        done, show = self._show_map, self._show_list
        session.long_jobs.submit(task, session.library, observer=self.progress, done=done, show=show)

    def _set_drawn(self, state: Hashable) -> None:
        self._drawn = state

    def _draw_if_changed(self, state: Hashable) -> None:
        if state != self._drawn:
            self._draw_map()

    def _show_folders(self) -> None:
        self.folders.fill({folder: [folder] for folder in self._session.settings.library_folders})

    def _show_list(self, tracks: list[TrackRow]) -> None:
        self._listed = {str(number): track for number, track in enumerate(tracks)}
        self.tracks.fill({key: track.cells for key, track in self._listed.items()})

    def _show_map(self, tracks: list[TrackRow]) -> None:
        self.map.show(tracks)
        self._describe(None)

    def _selected(self) -> TrackRow | None:
        if not self.tracks.selected:
            self._session.say("Select a track in the list first.", error=True)
            return None
        return self._listed[self.tracks.selected]

    def _describe(self, track: TrackRow | None) -> None:
        count = len(self.map.tracks)
        idle = f"{counted(count, 'track')}: {MAP_HINT}" if count else ""
        self.caption.show(idle if track is None else " · ".join(filter(None, [*track.short_cells, track.place])))

    def _apply_report_theme(self) -> None:
        colours = self._session.theme.colours
        self.report.configure(background=colours.window, foreground=colours.ink)
