"""The tab that restyles the song."""

from __future__ import annotations

import tkinter as tk
from pathlib import Path
from tkinter import filedialog, ttk

from retrotone.desktop import tasks
from retrotone.desktop.drawing import Waveform
from retrotone.desktop.session import NO_SONG, SOUND_FILES, Session
from retrotone.desktop.tasks import Version
from retrotone.desktop.widgets import Page, Table, WrappedLabel, add_buttons
from retrotone.style.choices import MEDIUM_SUFFIX, StyleChoice

# The kinds of style in their order in the table.
KINDS = ("era", "medium", "rave", "record")
RECORD_FILES = [SOUND_FILES[0], ("Presets", MEDIUM_SUFFIX), *SOUND_FILES[1:]]
MODEL_FILES = [("RAVE models", ".ts .safetensors"), ("All files", "*")]


class RestyleTab(Page):
    """Styles and settings on the left; on the right the original, and the results to play and save."""

    def __init__(self, master: tk.Misc, session: Session) -> None:
        super().__init__(master, session.theme)
        self._session = session
        self._choices: dict[str, StyleChoice] = {}
        left, right = self.halves(2, 3)
        self._build_styles(left)
        self._build_strength(left)
        self._build_actions(left)
        self._build_results(right)
        self.song_changed()

    def offer(self, choices: list[StyleChoice]) -> None:
        """Add styles to the table."""
        self._choices |= {f"{each.kind} {each.name}": each for each in choices}
        order = sorted(self._choices, key=lambda key: KINDS.index(self._choices[key].kind))
        self.styles.fill({key: [self._titled(self._choices[key])] for key in order})
        wanted = self._session.settings.style
        if not self.styles.selected:
            self.styles.select(wanted if wanted in self._choices else order[0])

    def choose_record(self) -> None:
        """Ask for a recording whose sound the song gets."""
        self._choose_file("record", RECORD_FILES, "Choose the record that the song should sound like")

    def choose_model(self) -> None:
        """Ask for a model's file."""
        self._choose_file("rave", MODEL_FILES, "Choose a RAVE model")

    def restyle(self) -> None:
        """Restyle the song with the selected style."""
        session = self._session
        if not session.path:
            session.say(NO_SONG, error=True)
            return
        choice = self._choices[self.styles.selected]
        session.settings.style, session.settings.strength = self.styles.selected, round(self.strength.get())
        try:
            seed = int(self.seed.get())
        except ValueError:
            session.say(f"The seed is a whole number from 0 up, not {self.seed.get()!r}.", error=True)
            return
        session.say("")
        strength = self.strength.get() / 100
        session.run(tasks.restyle, session.path, choice, strength, seed, done=session.add_result)

    def save(self) -> None:
        """Ask for a file, and write the selected result to it."""
        session = self._session
        if not self.results.selected:
            session.say("There is no result yet: choose a style and press Restyle.", error=True)
            return
        version = session.results[int(self.results.selected)]
        path = filedialog.asksaveasfilename(
            parent=session.root,
            title="Save the result",
            initialdir=session.settings.folder or None,
            initialfile=version.file_name,
            defaultextension=".wav",
        )
        if path and session.path and Path(path).exists() and Path(path).samefile(session.path):
            session.say("That is the song itself, which stays as it is: choose another name.", error=True)
        elif path:
            session.run(tasks.save, version, path, done=session.say, keep=True)

    def song_changed(self) -> None:
        """Show the song and its results."""
        song = self._session.song
        self.original.show(song.waveform if song else None)
        self._show_results()

    def show_latest(self) -> None:
        """Show and select the last result."""
        self._show_results()
        self.results.select(str(len(self._session.results) - 1))

    def _build_styles(self, master: ttk.Frame) -> None:
        theme = self._session.theme
        self.styles = Table(master, theme, [("The sound of", 330)], 9, self._show_description)
        self.styles.tree.bind("<Return>", lambda _: self.restyle())
        self.styles.pack(fill="both", expand=True)
        self.description = WrappedLabel(master, style="Small.TLabel")
        self.description.pack(fill="x", pady=theme.px(4))
        row = ttk.Frame(master)
        row.pack(fill="x")
        add_buttons(row, theme, ("A record…", self.choose_record), ("A RAVE file…", self.choose_model))

    def _build_strength(self, master: ttk.Frame) -> None:
        theme = self._session.theme
        row = ttk.Frame(master)
        row.pack(fill="x", pady=theme.px(4))
        ttk.Label(row, text="Strength").pack(side="left")
        self.percent = ttk.Label(row, width=6, anchor="e")
        self.percent.pack(side="right")
        self.strength = tk.DoubleVar(self, self._session.settings.strength)
        scale = ttk.Scale(row, from_=0, to=100, variable=self.strength, command=lambda _: self._show_strength())
        scale.pack(side="left", fill="x", expand=True, padx=theme.px(8))
        self._show_strength()

    def _build_actions(self, master: ttk.Frame) -> None:
        theme = self._session.theme
        row = ttk.Frame(master)
        row.pack(fill="x", pady=(theme.px(4), 0))
        _, self.save_button = add_buttons(row, theme, ("Restyle", self.restyle), ("Save as…", self.save), accent=0)
        ttk.Label(row, text="Seed").pack(side="left", padx=(theme.px(4), theme.px(4)))
        self.seed = tk.StringVar(self, "0")
        ttk.Spinbox(row, from_=0, to=9999, width=5, textvariable=self.seed).pack(side="left")

    def _build_results(self, master: ttk.Frame) -> None:
        session, theme = self._session, self._session.theme
        ttk.Label(master, text="Original", style="Strong.TLabel").pack(anchor="w")
        self.original = Waveform(master, theme, 100, session.seek, "original", "no song yet")
        self.original.pack(fill="both", expand=True)
        self.heading = ttk.Label(master, text="Result", style="Strong.TLabel")
        self.heading.pack(anchor="w", pady=(theme.px(8), 0))
        self.result = Waveform(master, theme, 100, session.seek, "result", "choose a style and press Restyle")
        self.result.pack(fill="both", expand=True)
        ttk.Label(master, text="Results so far: choose one to compare it with the original").pack(
            anchor="w", pady=(theme.px(8), 0)
        )
        self.results = Table(master, theme, [("What", 300), ("File name", 200)], 3, self._select_result)
        self.results.pack(fill="both", expand=True)

    def _show_results(self) -> None:
        results = self._session.results
        self.results.fill({str(k): [each.title, each.file_name] for k, each in enumerate(results)})
        self._show_result(results[-1] if results else None)

    def _show_result(self, version: Version | None) -> None:
        self.heading.configure(text=f"Result: {version.title}" if version else "Result")
        self.result.show(version.waveform if version else None)
        self.save_button.configure(state="normal" if version else "disabled")

    def _select_result(self) -> None:
        if self.results.selected:
            index = int(self.results.selected)
            self._show_result(self._session.results[index])
            self._session.play_result(index + 1)

    def _choose_file(self, kind: str, types: list[tuple[str, str]], title: str) -> None:
        session = self._session
        path = filedialog.askopenfilename(
            parent=session.root, title=title, initialdir=session.settings.folder or None, filetypes=types
        )
        if path:
            session.run(tasks.own_choice, kind, path, done=self._offer_own)

    def _offer_own(self, choice: StyleChoice) -> None:
        self.offer([choice])
        self.styles.select(f"{choice.kind} {choice.name}")

    def _show_description(self) -> None:
        choice = self._choices.get(self.styles.selected)
        if choice is not None:
            missing = f" Download it first: retrotone models download {choice.name}"
            self.description.configure(text=choice.description + ("" if choice.downloaded else missing))

    def _show_strength(self) -> None:
        self.percent.configure(text=f"{self.strength.get():.0f} %")

    @staticmethod
    def _titled(choice: StyleChoice) -> str:
        return choice.title + ("" if choice.downloaded else " (to be downloaded)")
