"""The tab of the song: waveform, genre with its evidence over time, tags."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from retrotone.desktop import tasks
from retrotone.desktop.drawing import Bars, Timeline, Waveform
from retrotone.desktop.session import Session
from retrotone.desktop.widgets import Page, WrappedLabel

GENRES_OVER_TIME, GENRES, TAGS = 6, 10, 8
# Pixels left of waveform and timeline, for the names of genres.
GUTTER = 76
EMPTY = "Drop a song here, choose one, or take the example: it is analysed at once."


class SongTab(Page):
    """What is known of the song."""

    def __init__(self, master: tk.Misc, session: Session) -> None:
        super().__init__(master, session.theme)
        self._session = session
        theme, body = session.theme, self.body
        above = ttk.Frame(body)
        above.grid(row=0, column=0, columnspan=2, sticky="ew", pady=(0, theme.px(8)))
        self.verdict = WrappedLabel(above, style="Title.TLabel")
        self.verdict.pack(fill="x")
        self.facts = WrappedLabel(above, style="Small.TLabel")
        self.facts.pack(fill="x")
        left, right = self.halves(3, 2)
        self.waveform = Waveform(left, theme, 150, session.seek_song, session.set_loop, "original", GUTTER)
        self.waveform.pack(fill="both", expand=True)
        # shown once a song is being analysed
        self._findings = below, beside = ttk.Frame(left), ttk.Frame(right)
        self._add_heading(below, "What each moment sounds like")
        self.timeline = Timeline(below, theme, GENRES_OVER_TIME, GUTTER)
        self.timeline.pack(fill="x")
        self._add_heading(beside, "Genre")
        self.genres = Bars(beside, theme, GENRES)
        self.genres.pack(fill="x")
        self._add_heading(beside, "What listeners might call it")
        self.tags = WrappedLabel(beside)
        self.tags.pack(fill="x")
        self.song_changed()

    def song_changed(self) -> None:
        """Show what is known of the song so far."""
        session, song = self._session, self._session.song
        self.waveform.show(session.waveform, "" if session.path else EMPTY)
        if song is None:
            analysing = bool(session.jobs.count(tasks.listen))
            state = "Analysing…" if analysing else "Not analysed."
            self._show_findings(analysing)
            self.verdict.configure(text=state if session.path else "")
            self.facts.configure(text="")
            self.genres.show([])
            self.tags.configure(text="")
            self.timeline.clear()
            return
        self._show_findings(True)
        self.verdict.configure(text=song.verdict)
        self.facts.configure(text=f"{song.title}: {song.facts}")
        self.genres.show(song.genres, song.sure)
        self.tags.configure(text=", ".join(f"{tag} {score:.0%}" for tag, score in song.tags[:TAGS]))
        order = [genre for genre, _ in song.genres]
        self.timeline.show(song.timeline_genres, order, song.stretches, song.timeline, song.duration)

    def _add_heading(self, master: ttk.Frame, text: str) -> None:
        ttk.Label(master, text=text, style="Strong.TLabel").pack(anchor="w", pady=(self._session.theme.px(10), 0))

    def _show_findings(self, shown: bool) -> None:
        for frame in self._findings:
            if shown:
                frame.pack(fill="x")
            else:
                frame.pack_forget()
