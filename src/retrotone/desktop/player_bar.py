"""The player's controls: play, original or new sound, loop, position."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from retrotone.desktop.player import Player
from retrotone.desktop.slider import Slider
from retrotone.desktop.theme import Theme
from retrotone.utils.text import clock

NAMES, MATCHED = ("Original", "New sound"), "loudness-matched"
# Pixels at 100 %: a narrower bar has no room to say that both are as loud, and for slider and length.
WIDE, NARROW = 860, 600
# What the wheel and the arrow keys move on, as a fraction of the song.
STEP = 0.02


class PlayerBar(ttk.Frame):
    """A row of controls; call `refresh` many times a second.

    Parameters
    ----------
    master : tk.Misc
    theme : Theme
    player : Player
    seek : callable
        Called with a position, as a fraction of the length.
    toggle_loop : callable
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        player: Player,
        seek: Callable[[float], None],
        toggle_loop: Callable[[], None],
    ) -> None:
        super().__init__(master)
        self._player = player
        self.button = ttk.Button(self, text="Play", width=5, command=self.toggle)
        self.choice, self.looped = tk.IntVar(self, 0), tk.BooleanVar(self, False)
        self.radio_buttons = [
            ttk.Radiobutton(self, text=name, value=number, variable=self.choice, command=self._choose, state="disabled")
            for number, name in enumerate(NAMES)
        ]
        # as wide without its text, so that the slider does not move
        self.matched = ttk.Label(self, width=len(MATCHED), style="Small.TLabel")
        self.loop_button = ttk.Checkbutton(self, text="Loop", variable=self.looped, command=toggle_loop)
        self.scale = Slider(self, theme, 1.0, STEP, seek, width=60)
        self.time = ttk.Label(self, text="0:00 / 0:00", anchor="e")
        row = (self.button, *self.radio_buttons, self.matched, self.loop_button, self.scale, self.time)
        for column, widget in enumerate(row):
            widget.grid(row=0, column=column, sticky="ew", padx=(theme.px(8) if column else 0, 0))
        self.columnconfigure(row.index(self.scale), weight=1)
        self._narrow = False
        self.bind("<Configure>", lambda event: self._fit(event.width / theme.scale))

    def set_switchable(self, switchable: bool) -> None:
        """Enable or disable the choice between original and new sound."""
        for radio_button in self.radio_buttons:
            radio_button.configure(state="normal" if switchable else "disabled")
        self.matched.configure(text=MATCHED if switchable else "")
        self.choice.set(self._player.choice)

    def toggle(self) -> None:
        """Play or pause."""
        if self._player.playing:
            self._player.pause()
        else:
            self._player.play()
        self.refresh()

    def switch(self) -> None:
        """Switch between original and new sound, at the same position."""
        if not self.radio_buttons[0].instate(["disabled"]):
            self.choice.set(1 - self.choice.get())
            self._choose()

    def refresh(self) -> None:
        """Show the player's position and choices."""
        player = self._player
        self.button.configure(text="Pause" if player.playing else "Play")
        seconds, duration = (frames / player.sample_rate for frames in (player.position, player.length))
        self.time.configure(text=clock(int(seconds)) + ("" if self._narrow else f" / {clock(duration)}"))
        self.scale.set(player.position / max(player.length, 1))
        if self.choice.get() != player.choice:
            self.choice.set(player.choice)
        if self.looped.get() != (player.loop is not None):
            self.looped.set(player.loop is not None)

    def _choose(self) -> None:
        self._player.choice = self.choice.get()

    def _fit(self, width: float) -> None:
        """Leave out what there is no room for; `width` is in pixels at 100 %."""
        self._narrow = width < NARROW
        for widget, shown in ((self.matched, width >= WIDE), (self.scale, not self._narrow)):
            if shown:
                widget.grid()
            else:
                widget.grid_remove()
