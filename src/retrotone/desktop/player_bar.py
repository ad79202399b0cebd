"""The player's controls: play, original or result, position."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from retrotone.desktop.player import Player
from retrotone.desktop.theme import Theme
from retrotone.utils.text import clock

NAMES = ("Original", "Result")


class PlayerBar(ttk.Frame):
    """A row of controls; call `refresh` many times a second."""

    def __init__(self, master: tk.Misc, theme: Theme, player: Player) -> None:
        super().__init__(master)
        self._player = player
        self._refreshing = False
        self.button = ttk.Button(self, text="Play", width=7, command=self.toggle)
        self.button.pack(side="left")
        self.choice = tk.IntVar(self, 0)
        self.radio_buttons = []
        for number, name in enumerate(NAMES):
            radio_button = ttk.Radiobutton(
                self, text=name, value=number, variable=self.choice, command=self._choose, state="disabled"
            )
            radio_button.pack(side="left", padx=(theme.px(12), 0))
            self.radio_buttons.append(radio_button)
        self.time = ttk.Label(self, text="0:00 / 0:00", width=16, anchor="e")
        self.time.pack(side="right")
        self.scale = ttk.Scale(self, from_=0.0, to=1.0, command=self._seek)
        self.scale.pack(side="left", fill="x", expand=True, padx=theme.px(12))

    def set_switchable(self, switchable: bool) -> None:
        """Enable or disable the choice between original and result."""
        for radio_button in self.radio_buttons:
            radio_button.configure(state="normal" if switchable else "disabled")
        self.choice.set(self._player.choice)

    def toggle(self) -> None:
        """Play or pause."""
        if self._player.playing:
            self._player.pause()
        else:
            self._player.play()
        self.refresh()

    def switch(self) -> None:
        """Switch between original and result, at the same position."""
        if not self.radio_buttons[0].instate(["disabled"]):
            self.choice.set(1 - self.choice.get())
            self._choose()

    def refresh(self) -> None:
        """Show the player's position."""
        player = self._player
        self.button.configure(text="Pause" if player.playing else "Play")
        seconds, duration = (frames / player.sample_rate for frames in (player.position, player.length))
        self.time.configure(text=f"{clock(int(seconds))} / {clock(duration)}")
        self._refreshing = True
        self.scale.set(player.position / max(player.length, 1))
        self._refreshing = False

    def _choose(self) -> None:
        self._player.choice = self.choice.get()

    def _seek(self, fraction: str) -> None:
        if not self._refreshing:
            self._player.seek(float(fraction))
