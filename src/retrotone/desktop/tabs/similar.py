"""The tab of siblings: what sounds like the song, and a playlist made of it."""

from __future__ import annotations

from pathlib import Path
from tkinter import filedialog, ttk
from typing import TYPE_CHECKING

from retrotone.desktop import tasks
from retrotone.desktop.tabs.restyle import NO_SONG
from retrotone.desktop.tasks import Sibling
from retrotone.desktop.widgets import Page, Table, buttons

if TYPE_CHECKING:
    from retrotone.desktop.window import Window

COLUMNS = [("track", 240), ("genre", 110), ("length", 70), ("similarity", 90)]


class SimilarTab(Page):
    """Asks the library when it is entered."""

    def __init__(self, app: Window) -> None:
        super().__init__(app.tabs, app.look)
        self._app = app
        self._asked = ""
        self._found: dict[str, Sibling] = {}
        self.playlist: dict[str, Sibling] = {}
        look, body = app.look, self.body
        self.heading = ttk.Label(
            body, text="Songs of your library that sound like this one", style="Strong.TLabel"
        )
        self.heading.pack(anchor="w")
        self.table = Table(body, look, COLUMNS, 5, lambda: None)
        self.table.pack(fill="both", expand=True)
        self.table.tree.bind("<Return>", lambda _: self.play())
        self.table.tree.bind("<Double-1>", lambda _: self.play())
        row = ttk.Frame(body)
        row.pack(fill="x", pady=look.px(4))
        buttons(
            row,
            look,
            ("Find siblings", self.find),
            ("Play", self.play),
            ("Add to playlist", self.add),
            accent=0,
        )
        ttk.Label(body, text="Playlist", style="Strong.TLabel").pack(anchor="w", pady=(look.px(8), 0))
        self.list = Table(body, look, COLUMNS[:3], 4, lambda: None)
        self.list.pack(fill="both", expand=True)
        row = ttk.Frame(body)
        row.pack(fill="x", pady=look.px(4))
        buttons(row, look, ("Remove", self.remove), ("Export playlist…", self.export))

    def song_changed(self) -> None:
        """Forget the siblings of another song; the playlist stays."""
        if self._app.path != self._asked:
            self._show([])

    def entered(self) -> None:
        """Ask once for each song."""
        if self._app.song is not None and self._app.path != self._asked:
            self.find()

    def find(self) -> None:
        """Ask the library for siblings."""
        app = self._app
        if not app.path:
            app.say(NO_SONG, error=True)
            return
        self._asked = app.path
        app.say("")
        app.run(tasks.similar, app.library, app.path, done=self._show)

    def play(self) -> None:
        """Play the sibling that is selected."""
        if sibling := self._selected():
            self._app.play_file(sibling.path)

    def add(self) -> None:
        """Add the sibling that is selected to the playlist."""
        if sibling := self._selected():
            self.playlist[sibling.path] = sibling
            self._show_playlist()

    def remove(self) -> None:
        """Take a track out of the playlist."""
        if self.list.selected:
            del self.playlist[list(self.playlist)[int(self.list.selected)]]
            self._show_playlist()

    def export(self) -> None:
        """Ask where the playlist goes, and write it."""
        app = self._app
        if not self.playlist:
            app.say("The playlist is empty: select a sibling and add it.", error=True)
            return
        path = filedialog.asksaveasfilename(
            parent=app.root, title="Export the playlist", initialfile="siblings.m3u8", defaultextension=".m3u8",
            filetypes=[("Playlist", ".m3u8"), ("Table", ".csv"), ("JSON", ".json")],
            initialdir=app.settings.folder or None,
        )  # fmt: skip
        if path:
            app.run(tasks.export, app.library, list(self.playlist), path, done=app.say, keep=True)

    def _selected(self) -> Sibling | None:
        if not self.table.selected:
            self._app.say("Select a song in the table first.", error=True)
            return None
        return self._found[self.table.selected]

    def _show(self, found: list[Sibling]) -> None:
        self._found = {str(k): sibling for k, sibling in enumerate(found)}
        self.table.fill({key: sibling.cells for key, sibling in self._found.items()})
        if found:
            self.table.select("0")
            self.heading.configure(text=f"Songs of your library that sound like {Path(self._app.path).stem}")

    def _show_playlist(self) -> None:
        self.list.fill({str(k): each.cells[:3] for k, each in enumerate(self.playlist.values())})
