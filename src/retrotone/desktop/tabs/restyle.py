"""The tab that gives the song another sound."""

from __future__ import annotations

import tkinter as tk
from pathlib import Path
from tkinter import filedialog, ttk
from typing import TYPE_CHECKING

from retrotone.desktop import tasks
from retrotone.desktop.drawing import Waveform
from retrotone.desktop.tasks import Version
from retrotone.desktop.widgets import Page, Sentence, Table, buttons
from retrotone.style.choices import StyleChoice

if TYPE_CHECKING:
    from retrotone.desktop.window import Window

GROUPS = {"era": "Eras", "rave": "RAVE models", "record": "Records of your own"}
NO_SONG = "There is no song yet: choose one, drop one here, or take the example."
SOUND_FILES = [("Recordings", ".wav .flac .mp3 .ogg .opus .aiff .aif .m4a"), ("All files", "*")]


class RetroTab(Page):
    """Choose a way, how far to go, and render; then hear it beside the original, and save it."""

    def __init__(self, app: Window) -> None:
        super().__init__(app.tabs, app.look)
        self._app = app
        self._choices: dict[str, StyleChoice] = {}
        look = app.look
        left, right = self.halves(2, 3)
        self.ways = Table(left, look, [("The sound of", 330)], 9, self._describe)
        self.ways.tree.bind("<Return>", lambda _: self.render())
        self.ways.pack(fill="both", expand=True)
        self.about = Sentence(left, style="Small.TLabel")
        self.about.pack(fill="x", pady=look.px(4))
        row = ttk.Frame(left)
        row.pack(fill="x")
        buttons(row, look, ("A record…", self.choose_record), ("A RAVE file…", self.choose_model))
        strength = ttk.Frame(left)
        strength.pack(fill="x", pady=look.px(4))
        ttk.Label(strength, text="Strength").pack(side="left")
        self.percent = ttk.Label(strength, width=6, anchor="e")
        self.percent.pack(side="right")
        self.strength = tk.DoubleVar(self, app.settings.strength)
        scale = ttk.Scale(
            strength, from_=0, to=100, variable=self.strength, command=lambda _: self._show_strength()
        )
        scale.pack(side="left", fill="x", expand=True, padx=look.px(8))
        self._show_strength()
        row = ttk.Frame(left)
        row.pack(fill="x", pady=(look.px(4), 0))
        self.render_button, self.save_button = buttons(
            row, look, ("Render", self.render), ("Save as…", self.save), accent=0
        )
        ttk.Label(row, text="Seed").pack(side="left", padx=(look.px(4), look.px(4)))
        self.seed = tk.StringVar(self, "0")
        ttk.Spinbox(row, from_=0, to=9999, width=5, textvariable=self.seed).pack(side="left")

        ttk.Label(right, text="Original", style="Strong.TLabel").pack(anchor="w")
        self.original = Waveform(right, look, 100, app.seek, "original", "no song yet")
        self.original.pack(fill="both", expand=True)
        self.heading = ttk.Label(right, text="Result", style="Strong.TLabel")
        self.heading.pack(anchor="w", pady=(look.px(8), 0))
        self.result = Waveform(right, look, 100, app.seek, "result", "choose a sound and press Render")
        self.result.pack(fill="both", expand=True)
        ttk.Label(right, text="Rendered so far: choose one to hear it beside the original").pack(
            anchor="w", pady=(look.px(8), 0)
        )
        self.results = Table(right, look, [("What", 300), ("File name", 200)], 3, self._choose_result)
        self.results.pack(fill="both", expand=True)
        self.song_changed()

    def offer(self, choices: list[StyleChoice]) -> None:
        """Show ways to retro a song, beside those that are there."""
        self._choices |= {f"{each.kind} {each.name}": each for each in choices}
        order = sorted(self._choices, key=lambda key: list(GROUPS).index(self._choices[key].kind))
        self.ways.fill({key: [self._titled(self._choices[key])] for key in order})
        wanted = self._app.settings.way
        if not self.ways.selected:
            self.ways.select(wanted if wanted in self._choices else order[0])

    def choose_record(self) -> None:
        """Ask for a recording whose sound the song is to get."""
        self._choose("record", SOUND_FILES, "Choose a record whose sound the song is to get")

    def choose_model(self) -> None:
        """Ask for a model's file."""
        self._choose("rave", [("RAVE models", ".ts"), ("All files", "*")], "Choose a RAVE model")

    def render(self) -> None:
        """Give the song the sound that is chosen."""
        app = self._app
        if not app.path:
            app.say(NO_SONG, error=True)
            return
        choice = self._choices[self.ways.selected]
        app.settings.way, app.settings.strength = self.ways.selected, round(self.strength.get())
        try:
            seed = int(self.seed.get())
        except ValueError:
            app.say(f"The seed is a whole number from 0 up, not {self.seed.get()!r}.", error=True)
            return
        app.say("")
        app.run(tasks.render, app.path, choice, self.strength.get() / 100, seed, done=app.add_version)

    def save(self) -> None:
        """Ask where the result that is shown goes, and write it."""
        app = self._app
        if not self.results.selected:
            app.say("There is no result yet: choose a sound and press Render.", error=True)
            return
        version = app.rendered[int(self.results.selected)]
        path = filedialog.asksaveasfilename(
            parent=app.root,
            title="Save the result",
            initialdir=app.settings.folder or None,
            initialfile=version.file_name,
            defaultextension=".wav",
        )
        if path and app.path and Path(path).exists() and Path(path).samefile(app.path):
            app.say("That is the song itself, which stays as it is: choose another name.", error=True)
        elif path:
            app.run(tasks.save, version.sound, path, done=app.say, keep=True)

    def song_changed(self) -> None:
        """Show the song, and what was rendered of it."""
        app = self._app
        self.original.show(app.song.waveform if app.song else None)
        self._show_results()

    def added(self) -> None:
        """Show the result that came last."""
        self._show_results()
        self.results.select(str(len(self._app.rendered) - 1))

    def _show_results(self) -> None:
        rendered = self._app.rendered
        self.results.fill({str(k): [each.title, each.file_name] for k, each in enumerate(rendered)})
        self._show_result(rendered[-1] if rendered else None)

    def _show_result(self, version: Version | None) -> None:
        self.heading.configure(text=f"Result: {version.title}" if version else "Result")
        self.result.show(version.waveform if version else None)
        self.save_button.configure(state="normal" if version else "disabled")

    def _choose_result(self) -> None:
        if self.results.selected:
            number = int(self.results.selected)
            self._show_result(self._app.rendered[number])
            self._app.hear(number + 1)

    def _choose(self, kind: str, types: list[tuple[str, str]], title: str) -> None:
        app = self._app
        path = filedialog.askopenfilename(
            parent=app.root, title=title, initialdir=app.settings.folder or None, filetypes=types
        )
        if path:
            app.run(tasks.own_choice, kind, path, done=self._offer_own)

    def _offer_own(self, choice: StyleChoice) -> None:
        self.offer([choice])
        self.ways.select(f"{choice.kind} {choice.name}")

    def _describe(self) -> None:
        choice = self._choices.get(self.ways.selected)
        if choice is not None:
            missing = f" Download it first: retrotone models download {choice.name}"
            self.about.configure(text=choice.description + ("" if choice.downloaded else missing))

    def _show_strength(self) -> None:
        self.percent.configure(text=f"{self.strength.get():.0f} %")

    @staticmethod
    def _titled(choice: StyleChoice) -> str:
        return choice.title + ("" if choice.downloaded else " (to be downloaded)")
