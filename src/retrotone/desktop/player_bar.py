"""The player's controls: play, original or result, where it is."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from retrotone.desktop.player import Player
from retrotone.desktop.theme import Look
from retrotone.utils.text import clock

NAMES = ("Original", "Result")


class PlayerBar(ttk.Frame):
    """A row of controls; `follow` is to be called often."""

    def __init__(self, master: tk.Misc, look: Look, player: Player) -> None:
        super().__init__(master)
        self._player = player
        self._moving = False
        self.button = ttk.Button(self, text="Play", width=7, command=self.toggle)
        self.button.pack(side="left")
        self.heard = tk.IntVar(self, 0)
        self.choices = []
        for number, name in enumerate(NAMES):
            choice = ttk.Radiobutton(
                self, text=name, value=number, variable=self.heard, command=self._choose, state="disabled"
            )
            choice.pack(side="left", padx=(look.px(12), 0))
            self.choices.append(choice)
        self.time = ttk.Label(self, text="0:00 / 0:00", width=16, anchor="e")
        self.time.pack(side="right")
        self.scale = ttk.Scale(self, from_=0.0, to=1.0, command=self._seek)
        self.scale.pack(side="left", fill="x", expand=True, padx=look.px(12))

    def offer(self, result: bool) -> None:
        """Let it be chosen between the original and a result, or not."""
        for choice in self.choices:
            choice.configure(state="normal" if result else "disabled")
        self.heard.set(self._player.choice)

    def toggle(self) -> None:
        """Play or pause."""
        if self._player.playing:
            self._player.pause()
        else:
            self._player.play()
        self.follow()

    def switch(self) -> None:
        """Hear the other one, at the same moment."""
        if not self.choices[0].instate(["disabled"]):
            self.heard.set(1 - self.heard.get())
            self._choose()

    def follow(self) -> None:
        """Show where the player is."""
        player = self._player
        self.button.configure(text="Pause" if player.playing else "Play")
        here, all_of_it = (frames / player.sample_rate for frames in (player.position, player.length))
        self.time.configure(text=f"{clock(int(here))} / {clock(all_of_it)}")
        self._moving = True
        self.scale.set(player.position / max(player.length, 1))
        self._moving = False

    def _choose(self) -> None:
        self._player.choice = self.heard.get()

    def _seek(self, share: str) -> None:
        if not self._moving:
            self._player.seek(float(share))
