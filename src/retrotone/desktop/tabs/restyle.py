"""The tab that restyles the song."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import filedialog, ttk
from typing import Any

from retrotone.desktop import restyle_tasks
from retrotone.desktop.cut_text import CutLabel
from retrotone.desktop.dials import NAME_WIDTH, PERCENT_WIDTH, Dials
from retrotone.desktop.drawing import Waveform
from retrotone.desktop.restyle_tasks import Excerpt, Recipe, Version
from retrotone.desktop.session import NO_SONG, SOUND_FILES, Session
from retrotone.desktop.slider import Slider
from retrotone.desktop.table import Table
from retrotone.desktop.widgets import Page, WrappedLabel
from retrotone.desktop.wrapped_row import WrappedRow
from retrotone.style.choices import MEDIUM_SUFFIX, PRESET_FOLDER, StyleChoice
from retrotone.utils.files import config_folder, make_folder
from retrotone.utils.text import clock, title

# The kinds of style in their order in the table.
KINDS = ("era", "medium", "record", "rave")
RECORD_FILES = [SOUND_FILES[0], ("Presets", MEDIUM_SUFFIX), *SOUND_FILES[1:]]
MODEL_FILES = [("RAVE models", ".ts .safetensors"), ("All files", "*")]
# A hand that turns a dial pauses so long when it means to listen.
PAUSE_MS = 40
NO_RESULT = "There is no result yet: choose a style and press Restyle."
NOT_RENDERED = "The result is still being rendered: try again in a moment."
NOT_READ = "The song is still being read: press Restyle again in a moment."
NO_SOUND = "Choose a style, or move a dial, to hear it here."
NO_DIALS = "This style has no dials to save: choose an era or an older record."
NOT_HERE = "has to be downloaded first: see the tab Models."


class RestyleTab(ttk.Frame):
    """Styles on the left, original, new sound and the medium's dials on the right, results and actions below."""

    def __init__(self, master: tk.Misc, session: Session) -> None:
        super().__init__(master)
        self._session = session
        self._choices: dict[str, StyleChoice] = {}
        # the style whose dials are shown
        self._shown: StyleChoice | None = None
        # what `after` returned for the change that is to be heard
        self._change = ""
        actions = self._build_actions()
        page = Page(self, session.theme)
        page.pack(fill="both", expand=True)
        left, right = page.halves(2, 3)
        self._build_styles(left)
        self._build_sound(right)
        page.listeners.append(self.dials.arrange)
        self._build_results(page.body)
        # the key Tab reaches it after the page
        actions.lift()
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
        """Restyle the whole song with the selected style."""
        session, recipe = self._session, self._recipe()
        if session.original is None:
            session.say(NOT_READ if session.jobs.busy else NO_SONG, error=True)
        elif recipe is not None and not recipe.choice.downloaded:
            session.say(f"{recipe.choice.title} {NOT_HERE}", error=True)
        elif recipe is not None:
            session.say("")
            task = restyle_tasks.restyle
            session.run(task, session.path, session.original, recipe, done=session.add_result, keep=True)

    def save(self) -> None:
        """Ask for a file, and write the selected result to it."""
        session, version = self._session, self._selected()
        if version is None:
            return
        path = filedialog.asksaveasfilename(
            parent=session.root,
            title="Save the result",
            initialdir=session.settings.folder or None,
            initialfile=version.file_name,
            defaultextension=".wav",
        )
        if path and Path(path).exists() and Path(version.song).exists() and Path(path).samefile(version.song):
            session.say("That is the song itself, which stays as it is: choose another name.", error=True)
        elif path:

            def saved(message: str) -> None:
                session.set_file(version, Path(path))
                session.say(message)
                self._show_results()

            session.run(restyle_tasks.save, version, path, done=saved, keep=True)

    def remove(self) -> None:
        """Delete the selected result, after a question if it is in no file."""
        session, version = self._session, self._selected()
        if version is None:
            return
        question = f"{version.title} is not saved. Delete it?"
        if version in session.files or session.confirm("Delete a result", question):
            session.remove_result(version)
            self._show_results()
            self._show_original()
            self._show_sound("New sound", None)

    def save_preset(self) -> None:
        """Ask for a file, and write the medium as the dials are to it."""
        session, recipe = self._session, self._recipe()
        if recipe is None:
            return
        if not self.dials.sliders:
            session.say(NO_DIALS, error=True)
            return
        folder = make_folder(config_folder() / PRESET_FOLDER)
        path = filedialog.asksaveasfilename(
            parent=session.root,
            title="Save the medium as a preset",
            initialdir=str(folder),
            initialfile=f"{Path(recipe.choice.name).stem}-mine{MEDIUM_SUFFIX}",
            defaultextension=MEDIUM_SUFFIX,
            filetypes=[("Presets", MEDIUM_SUFFIX)],
        )
        if path and Path(path).suffix.lower() != MEDIUM_SUFFIX:
            session.say(f"The name of a preset ends in {MEDIUM_SUFFIX}: {Path(path).name} does not.", error=True)
        elif path:

            def saved(choice: StyleChoice) -> None:
                # the file may be that of the style whose dials are shown, which are back at 100 % now
                self._shown = None
                self._offer_own(choice)
                self._changed()
                session.say(f"Saved {path}. It is in the list of styles now.")

            session.run(restyle_tasks.save_preset, recipe, path, done=saved, keep=True)

    def song_changed(self) -> None:
        """Show the song; the results stay."""
        self._show_original()
        self._show_sound("New sound", None)
        self.results.tree.selection_set()
        self._show_results()

    def show_result(self, version: Version) -> None:
        """Show a result, and select it unless the user listens to another song or other settings meanwhile."""
        self._show_results()
        session = self._session
        if session.plays_song and version.song == session.path and session.live.recipe in (None, version.recipe):
            self.results.select(str(session.results.index(version)))

    def show_excerpt(self, excerpt: Excerpt) -> None:
        """Show the seconds that can be heard in the new sound."""
        rate = excerpt.sound.sample_rate
        start, stop = excerpt.start / rate, (excerpt.start + excerpt.frames) / rate
        heading = f"{excerpt.recipe.title}: {clock(round(start))} to {clock(stop)}"
        self.results.tree.selection_set()
        self._show_original()
        self._show_sound(heading, excerpt)

    def _build_actions(self) -> WrappedRow:
        """Build the row that stays in view, whatever the page shows."""
        theme = self._session.theme
        row = WrappedRow(self, theme)
        row.pack(side="bottom", fill="x", padx=theme.px(12), pady=theme.px(4))
        _, self.save_button, self.remove_button = row.add_buttons(
            ("Restyle", self.restyle), ("Save…", self.save), ("Delete", self.remove), accent=0
        )
        return row

    def _build_styles(self, master: ttk.Frame) -> None:
        theme = self._session.theme
        self.styles = Table(master, theme, [("The sound of", 260)], 6, self._choose_style)
        self.styles.tree.bind("<Return>", lambda _: self.restyle())
        # also a style that is selected already
        self.styles.tree.bind("<ButtonRelease-1>", lambda _: self._changed())
        self.styles.pack(fill="both", expand=True)
        self.description = WrappedLabel(master, style="Small.TLabel")
        self.description.pack(fill="x", pady=theme.px(4))
        row = WrappedRow(master, theme)
        row.pack(fill="x")
        row.add_buttons(("A record…", self.choose_record), ("A RAVE file…", self.choose_model))

    def _build_sound(self, master: ttk.Frame) -> None:
        session, theme = self._session, self._session.theme
        self.original_heading = CutLabel(master, "Original", "Strong.TLabel")
        self.original_heading.pack(fill="x")
        self.original = Waveform(master, theme, 56, session.seek, session.set_loop, "original")
        self.original.pack(fill="both", expand=True)
        self.heading = CutLabel(master, "New sound", "Strong.TLabel")
        self.heading.pack(fill="x", pady=(theme.px(4), 0))
        self.result = Waveform(master, theme, 56, session.seek, session.set_loop, "result")
        self.result.pack(fill="both", expand=True)
        row = ttk.Frame(master)
        row.pack(fill="x", pady=(theme.px(6), 0))
        ttk.Label(row, text="strength", width=NAME_WIDTH).pack(side="left")
        self.percent = ttk.Label(row, width=PERCENT_WIDTH, anchor="e")
        self.percent.pack(side="right")
        self.strength = Slider(row, theme, 1.0, 0.05, self._set_strength)
        self.strength.pack(side="left", fill="x", expand=True)
        self._show_strength(session.settings.strength / 100)
        self.dials = Dials(master, theme, self._changed)
        self.dials.pack(fill="x")
        row = WrappedRow(master, theme)
        row.pack(fill="x")
        row.add_buttons(("Reset dials", self.dials.reset), ("Save as preset…", self.save_preset))
        pair = ttk.Frame(row)
        ttk.Label(pair, text="Seed").pack(side="left", padx=theme.px(4))
        self.seed = tk.StringVar(self, "0")
        ttk.Spinbox(pair, from_=0, to=9999, width=5, textvariable=self.seed, command=self._changed).pack(side="left")

    def _build_results(self, master: ttk.Frame) -> None:
        theme = self._session.theme
        columns = [("Results so far: choose one to hear it beside the original", 360), ("Song", 220), ("File", 280)]
        self.results = Table(master, theme, columns, 2, self._select_result)
        self.results.grid(row=3, column=0, columnspan=2, sticky="nsew", pady=(theme.px(6), 0))

    def _show_results(self) -> None:
        session = self._session
        rows = {}
        for number, each in enumerate(session.results):
            file = session.files.get(each)
            rows[str(number)] = [each.title, title(each.song), file.name if file else "not saved"]
        self.results.fill(rows)
        for button in (self.save_button, self.remove_button):
            button.configure(state="normal" if rows else "disabled")

    def _show_original(self) -> None:
        """Show the song, where a result of another one may have been shown beside its own original."""
        path = self._session.path
        self.original.show(self._session.waveform, "" if path else "No song yet.")
        self.original_heading.show(f"Original: {title(path)}" if path else "Original")

    def _show_sound(self, heading: str, sound: Version | Excerpt | None) -> None:
        self.heading.show(f"{heading} (loudness-matched)" if sound else heading)
        self.result.show(sound.waveform if sound else None, NO_SOUND)

    def _selected(self) -> Version | None:
        """Return the selected result; the last one if none is."""
        results = self._session.results
        if not results:
            is_rendered = self._session.jobs.count(restyle_tasks.restyle)
            self._session.say(NOT_RENDERED if is_rendered else NO_RESULT, error=True)
            return None
        return results[int(self.results.selected or len(results) - 1)]

    def _select_result(self) -> None:
        if self.results.selected:
            version = self._session.results[int(self.results.selected)]
            self._show_sound(version.title, version)
            self.original.show(version.original_waveform)
            self.original_heading.show(f"Original: {title(version.song)}")
            self._session.play_result(version)

    def _choose_file(self, kind: str, types: list[tuple[str, str]], heading: str) -> None:
        session = self._session
        path = filedialog.askopenfilename(
            parent=session.root, title=heading, initialdir=session.settings.folder or None, filetypes=types
        )
        if path:
            session.say("")
            session.run(restyle_tasks.own_choice, kind, path, done=self._offer_own)

    def _offer_own(self, choice: StyleChoice) -> None:
        self.offer([choice])
        self.styles.select(f"{choice.kind} {choice.name}")

    def _choose_style(self) -> None:
        """Describe the style, show its dials, and let it be heard if it is another than before."""
        choice = self._choices.get(self.styles.selected)
        if choice is None or choice == self._shown:
            return
        # the first one, or one that was downloaded meanwhile: the user has not just chosen it
        known, self._shown = self._shown is None or self._shown.name == choice.name, choice
        about = choice.description[:1].upper() + choice.description[1:]
        self.description.configure(text=about + ("" if choice.downloaded else f". It {NOT_HERE}"))
        self.dials.show({})

        def described(parts: dict[str, str]) -> None:
            if choice == self._shown:
                self.dials.show(parts)
                if not known:
                    self._changed()

        self._describe(choice, described)

    def _describe(self, choice: StyleChoice, done: Callable[[dict[str, str]], Any]) -> None:
        session = self._session
        if choice.kind == "record":
            # reading a record takes seconds, so that it shows progress
            session.run(restyle_tasks.parts, choice, done=done, keep=True)
        elif choice.downloaded:
            session.live.describe(choice, done)
        else:
            # what was chosen before is not heard as this style
            session.play_result(None)

    def _changed(self) -> None:
        """Let the style as it is now be heard, once the user pauses."""
        if self._change:
            self.after_cancel(self._change)
        self._change = self.after(PAUSE_MS, self._hear)

    def _hear(self) -> None:
        self._change = ""
        recipe = self._recipe()
        if recipe is not None and recipe.choice.downloaded:
            self._session.hear(recipe)

    def _recipe(self) -> Recipe | None:
        """Return what is chosen, and remember it; None with a message if the seed is no number."""
        session, key, strength = self._session, self.styles.selected, self.strength.value
        session.settings.style, session.settings.strength = key, round(100 * strength)
        if not self.seed.get().isdecimal():
            session.say(f"The seed is a whole number from 0 up, not {self.seed.get()!r}.", error=True)
            return None
        return Recipe(self._choices[key], strength, int(self.seed.get()), self.dials.amounts)

    def _set_strength(self, strength: float) -> None:
        self._show_strength(round(strength, 2))
        self._changed()

    def _show_strength(self, strength: float) -> None:
        self.strength.set(strength)
        self.percent.configure(text=f"{strength:.0%}")

    @staticmethod
    def _titled(choice: StyleChoice) -> str:
        return choice.title + ("" if choice.downloaded else " (to be downloaded)")
