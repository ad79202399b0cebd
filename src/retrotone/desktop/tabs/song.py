"""The tab of the song: waveform, genre with its evidence over time, tags."""

from __future__ import annotations

from tkinter import ttk
from typing import TYPE_CHECKING

from retrotone.desktop.drawing import Bars, Timeline, Waveform
from retrotone.desktop.widgets import Page, Sentence

if TYPE_CHECKING:
    from retrotone.desktop.window import Window

GENRES_OVER_TIME, GENRES, TAGS = 6, 10, 8
GUTTER = 76  # pixels beside both drawings, for the genres' names
EMPTY = "Drop a song here, choose one, or take the example: it is listened to at once."


class SongTab(Page):
    """What is known of the song."""

    def __init__(self, app: Window) -> None:
        super().__init__(app.tabs, app.look)
        self._app = app
        look, body = app.look, self.body
        above = ttk.Frame(body)
        above.grid(row=0, column=0, columnspan=2, sticky="ew", pady=(0, look.px(8)))
        self.verdict = Sentence(above, style="Title.TLabel")
        self.verdict.pack(fill="x")
        self.facts = Sentence(above, style="Small.TLabel")
        self.facts.pack(fill="x")
        left, right = self.halves(3, 2)
        self.waveform = Waveform(left, look, 150, app.seek, "original", EMPTY, GUTTER)
        self.waveform.pack(fill="both", expand=True)
        ttk.Label(left, text="What each moment sounds like", style="Strong.TLabel").pack(
            anchor="w", pady=(look.px(10), 0)
        )
        self.timeline = Timeline(left, look, GENRES_OVER_TIME, GUTTER)
        self.timeline.pack(fill="x")
        ttk.Label(right, text="Genre", style="Strong.TLabel").pack(anchor="w")
        self.genres = Bars(right, look, GENRES)
        self.genres.pack(fill="x")
        ttk.Label(right, text="What listeners might call it", style="Strong.TLabel").pack(
            anchor="w", pady=(look.px(10), 0)
        )
        self.tags = Sentence(right)
        self.tags.pack(fill="x")

    def song_changed(self) -> None:
        """Show what is known by now."""
        song = self._app.song
        if song is None:
            self.verdict.configure(text="Listening…" if self._app.path and self._app.lane.busy else "")
            self.facts.configure(text="")
            self.waveform.show(None)
            self.genres.show([])
            self.tags.configure(text="")
            self.timeline.clear()
            return
        self.verdict.configure(text=song.verdict)
        self.facts.configure(text=f"{song.title}: {song.facts}")
        self.waveform.show(song.waveform)
        self.genres.show(song.genres, song.sure)
        self.tags.configure(text=", ".join(f"{tag} {share:.0%}" for tag, share in song.tags[:TAGS]))
        order = [genre for genre, _ in song.genres]
        self.timeline.show(song.timeline_genres, order, song.stretches, song.timeline, song.duration)
