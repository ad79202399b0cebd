"""The tab of similar tracks: those of the library that sound like the song, and the playlist."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Hashable
from pathlib import Path
from tkinter import filedialog, ttk

from retrotone.desktop import library_tasks
from retrotone.desktop.cut_text import CutLabel
from retrotone.desktop.session import NO_SONG, Session
from retrotone.desktop.table import Table
from retrotone.desktop.track_row import TrackRow
from retrotone.desktop.widgets import Page, WrappedLabel
from retrotone.desktop.wrapped_row import WrappedRow
from retrotone.services.similar import CONDITIONS, GENRE_NOTE

# Titles, and widths at 100 %.
COLUMNS = [("track", 240), ("genre", 110), ("length", 80), ("similarity", 100)]
HEADING = "Tracks of your library that sound like"
# Of a playlist that the library fills.
MINUTES = 60


class SimilarTab(Page):
    """Searches the library when it is entered, once for each song."""

    def __init__(self, master: tk.Misc, session: Session) -> None:
        super().__init__(master, session.theme)
        self._session = session
        # path of the song that was searched for last, and the state of the library then
        self._searched = ""
        self._state: Hashable = None
        self._found: dict[str, TrackRow] = {}
        theme, body = session.theme, self.body
        self.heading = CutLabel(body, f"{HEADING} this one", "Strong.TLabel")
        self.heading.pack(fill="x")
        row = WrappedRow(body, theme)
        row.pack(fill="x", pady=theme.px(4))
        ttk.Label(row, text="Only")
        self.filters = {name: self._add_filter(row, label) for name, label in CONDITIONS.items()}
        self.table = Table(body, theme, COLUMNS, 6)
        self.table.pack(fill="both", expand=True)
        WrappedLabel(body, text=GENRE_NOTE, style="Small.TLabel").pack(fill="x")
        for key in ("<Return>", "<Double-1>"):
            self.table.tree.bind(key, lambda _: self.play())
        # from track to track by the arrow keys
        for key in ("Up", "Down"):
            self.table.tree.bind(f"<KeyRelease-{key}>", lambda _: self.play())
        row = WrappedRow(body, theme)
        row.pack(fill="x", pady=theme.px(4))
        actions = ("Find similar tracks", self.find), ("Play", self.play), ("Add to playlist", self.add)
        row.add_buttons(*actions, accent=0)
        row = WrappedRow(body, theme)
        row.pack(fill="x", pady=theme.px(4))
        ttk.Label(row, text="Playlist", style="Strong.TLabel")
        row.add_buttons(("Add tracks like this one:", self.fill))
        self.minutes = tk.StringVar(self, str(MINUTES))
        pair = ttk.Frame(row)
        ttk.Spinbox(pair, from_=1, to=999, width=4, textvariable=self.minutes).pack(side="left")
        ttk.Label(pair, text="minutes").pack(side="left", padx=theme.px(4))
        self.playlist_table = Table(body, theme, COLUMNS[:3], 2)
        self.playlist_table.pack(fill="both", expand=True)
        for key in ("<Return>", "<Double-1>"):
            self.playlist_table.tree.bind(key, lambda _: self.play_listed())
        row = WrappedRow(body, theme)
        row.pack(fill="x", pady=theme.px(4))
        row.add_buttons(("Remove", self.remove), ("Remove all", self.clear), ("Export playlist…", self.export))

    def song_changed(self) -> None:
        """Clear the table when there is another song, and search if the tab is shown; the playlist stays."""
        if self._session.path != self._searched:
            self._show([])
        if self.winfo_viewable():
            self.entered()

    def entered(self) -> None:
        """Search, if this was not done for the song yet, or the library was changed since."""
        session = self._session
        if session.song is None:
            return
        if session.path != self._searched:
            self.find()
        elif not session.jobs.count(library_tasks.state):
            session.ask_library_state(session.jobs, self._find_if_changed)

    def find(self) -> None:
        """Search the library for similar tracks."""
        session = self._session
        if not session.path:
            session.say(NO_SONG, error=True)
            return
        self._searched = session.path
        session.ask_library_state(session.jobs, self._set_state)
        session.say("")
        # none of a search before stay beneath the message of one that fails
        self._show([])
        session.run(library_tasks.similar, session.library, session.path, self._wanted(), done=self._show)

    def fill(self) -> None:
        """Add tracks like this one to the playlist, of so many minutes together."""
        session, minutes = self._session, self.minutes.get()
        if not session.path:
            session.say(NO_SONG, error=True)
        elif not minutes.isdecimal():
            session.say(f"Minutes are a whole number from 1 up, not {minutes!r}.", error=True)
        else:
            session.say("")
            arguments = session.library, session.path, self._wanted(), int(minutes)
            session.run(library_tasks.playlist, *arguments, done=session.add_to_playlist)

    def play(self) -> None:
        """Play the selected track."""
        if track := self._selected():
            self._session.play_track(track)

    def add(self) -> None:
        """Add the selected track to the playlist."""
        if track := self._selected():
            self._session.add_to_playlist([track])

    def play_listed(self) -> None:
        """Play the selected track of the playlist."""
        if track := self._listed():
            self._session.play_track(track)

    def remove(self) -> None:
        """Remove the selected track from the playlist."""
        if track := self._listed():
            del self._session.playlist[track.place]
            self.show_playlist()

    def clear(self) -> None:
        """Remove all tracks from the playlist."""
        self._session.playlist.clear()
        self.show_playlist()

    def show_playlist(self) -> None:
        """Show the playlist as it is now."""
        tracks = self._session.playlist.values()
        self.playlist_table.fill({str(k): track.short_cells for k, track in enumerate(tracks)})

    def export(self) -> None:
        """Ask for a file, and write the playlist to it."""
        session = self._session
        if not session.playlist:
            session.say("The playlist is empty: select a track and add it.", error=True)
            return
        path = filedialog.asksaveasfilename(
            parent=session.root,
            title="Export the playlist",
            initialfile="similar.m3u8",
            defaultextension=".m3u8",
            filetypes=[("Playlist", ".m3u8 .xspf"), ("Table", ".csv"), ("JSON", ".json")],
            initialdir=session.settings.folder or None,
        )
        if path:
            places = list(session.playlist)
            session.run(library_tasks.export, session.library, places, path, done=session.say, keep=True)

    def _add_filter(self, row: ttk.Frame, label: str) -> ttk.Entry:
        """Add a field for a condition; Return searches."""
        pair = ttk.Frame(row)
        ttk.Label(pair, text=label).pack(side="left")
        entry = ttk.Entry(pair, width=7)
        entry.pack(side="left", padx=self._session.theme.px(4))
        entry.bind("<Return>", lambda _: self.find())
        return entry

    def _wanted(self) -> dict[str, str]:
        """Return the conditions as they were typed."""
        return {name: entry.get() for name, entry in self.filters.items()}

    def _selected(self) -> TrackRow | None:
        if not self.table.selected:
            self._session.say("Select a track in the table first.", error=True)
            return None
        return self._found[self.table.selected]

    def _listed(self) -> TrackRow | None:
        """Return the selected track of the playlist."""
        if not self.playlist_table.selected:
            self._session.say("Select a track of the playlist first.", error=True)
            return None
        return list(self._session.playlist.values())[int(self.playlist_table.selected)]

    def _set_state(self, state: Hashable) -> None:
        self._state = state

    def _find_if_changed(self, state: Hashable) -> None:
        if state != self._state:
            self.find()

    def _show(self, found: list[TrackRow]) -> None:
        self._found = {str(k): track for k, track in enumerate(found)}
        self.table.fill({key: (*track.short_cells, track.similarity) for key, track in self._found.items()})
        self.heading.show(f"{HEADING} {Path(self._session.path).stem if found else 'this one'}")
        if found:
            self.table.select("0")
