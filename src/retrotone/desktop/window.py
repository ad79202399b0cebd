"""The window: a song at the top, tabs for what can be done with it, a player and a status line below."""

from __future__ import annotations

import sys
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import filedialog, ttk
from types import TracebackType
from typing import Any

from retrotone.desktop import tasks
from retrotone.desktop.jobs import Lane
from retrotone.desktop.player import Player
from retrotone.desktop.player_bar import PlayerBar
from retrotone.desktop.settings import Settings
from retrotone.desktop.tabs.compare import CompareTab
from retrotone.desktop.tabs.library import LibraryTab
from retrotone.desktop.tabs.restyle import RetroTab
from retrotone.desktop.tabs.similar import SimilarTab
from retrotone.desktop.tabs.song import SongTab
from retrotone.desktop.tabs.study import StudyTab
from retrotone.desktop.tasks import Song, Sound, Version
from retrotone.desktop.theme import PLAIN, Look
from retrotone.desktop.widgets import Progress, Sentence
from retrotone.utils.temporary import TemporaryFolder
from retrotone.utils.text import sentence

SIZE = (1200, 680)  # at 100 %: fits 1280 x 720 with a frame around it
SMALLEST = (760, 480)
WELCOME = "Drop a song anywhere in this window."
SUFFIXES = ".wav .flac .mp3 .ogg .opus .aiff .aif .m4a .aac .wma"
KEYS = (
    "Ctrl+O choose, Ctrl+E example, Ctrl+R render, Ctrl+S save, Ctrl+P play, Ctrl+B original or result, "
    "Ctrl+D light or dark, Ctrl + and − size of text, Alt+1 to 6 tabs, Esc cancel."
)


class Window:
    """The application: what it knows of the song, and who does what.

    Parameters
    ----------
    root : tk.Tk
        Empty.
    library : str, optional
        The library's file.

    Attributes
    ----------
    song : Song or None
        What is known of the song; None while it is being listened to.
    versions : list of Sound
        The original, then what was rendered of it.
    """

    def __init__(self, root: tk.Tk, library: str | None = None) -> None:
        self.root, self.library = root, library
        self._scratch = TemporaryFolder("retrotone-app-")
        self.folder = self._scratch.path
        self.settings = Settings.load()
        self.path = ""
        self.song: Song | None = None
        self.original: Sound | None = None
        self.rendered: list[Version] = []
        self._mapped: dict[Path, Any] = {}
        self._heard_number, self._elsewhere = 0, False  # which result is heard; whether another recording is
        self._complaints: list[str] = []  # of the player's thread
        root.title("retrotone")
        root.report_callback_exception = self._unexpected
        root.protocol("WM_DELETE_WINDOW", self.close)
        self.look = Look(root, self.settings.theme, self.settings.scale)
        self.lane = Lane(root.after, self.folder, self.say)
        self.long_lane = Lane(root.after, self.folder, self.say)
        self.lane.warm()
        self.player = Player(self._complaints.append)
        self._build()
        self._bind()
        self.look.listeners.append(self._remember_look)
        self.run(tasks.choices, done=self.retro.offer, keep=True)
        self.say("" if self.look.full else PLAIN)
        self._tick()

    def run(
        self, task: Callable[..., Any], *arguments: Any, done: Callable[[Any], None], **more: Any
    ) -> None:
        """Let the worker do a task for the song."""
        self.lane.run(task, *arguments, watch=self.progress, done=done, **more)

    def say(self, sentence: str, error: bool = False) -> None:
        """Say something in the status line."""
        self.status.configure(text=sentence, style="Error.TLabel" if error else "TLabel")

    def choose(self) -> None:
        """Ask for a song."""
        path = filedialog.askopenfilename(
            parent=self.root,
            title="Choose a song",
            initialdir=self.settings.folder or None,
            filetypes=[("Recordings", SUFFIXES), ("All files", "*")],
        )
        if path:
            self._open_own(path)

    def example(self) -> None:
        """Take the song that ships with retrotone."""
        self.run(tasks.bundled, done=self.open)

    def dropped(self, data: str) -> None:
        """Take what was dropped on the window: the first of several files, as Tk's list of names."""
        names = self.root.tk.splitlist(data)
        if not names:
            self.say("Nothing was dropped: drop a sound file from your file manager.", error=True)
        elif len(names) == 1 and Path(names[0]).is_dir():
            self.show(self.library_tab)
            self.library_tab.add(names[0])
        else:
            self._open_own(names[0])

    def open(self, path: str) -> None:
        """Take a song, and listen to it."""
        self.lane.drop()
        self.player.load([], 44_100)
        self.path, self.song, self.original = path, None, None
        self.rendered = []
        self.name.configure(text=Path(path).name)
        self.say("")
        self.run(tasks.listen, path, done=self._heard, show=self._decoded)
        self._tell()
        self.show(self.song_tab)

    def show(self, tab: ttk.Frame) -> None:
        """Bring a tab to the front."""
        self.tabs.select(str(tab))  # type: ignore[no-untyped-call]

    def add_version(self, version: Version) -> None:
        """Take in what was rendered, and let it be heard from the same moment on."""
        self.rendered.append(version)
        self.say(version.sentence)
        self.retro.added()

    def hear(self, number: int) -> None:
        """Make the player switch between the original and one of the results, by its number from 1 on."""
        if self.original is not None:
            self._heard_number, self._elsewhere = number, False
            chosen = [self._frames(self.original)]
            if 0 < number <= len(self.rendered):
                chosen.append(self._frames(self.rendered[number - 1].sound))
            self.player.load(chosen, self.original.sample_rate)
            self.player.choice = len(chosen) - 1
            self.bar.offer(len(chosen) > 1)

    def seek(self, share: float) -> None:
        """Go to a place of the song, also where another recording plays."""
        if self._elsewhere:
            self.hear(self._heard_number)
        self.player.seek(share)

    def play_file(self, path: str) -> None:
        """Play another recording."""
        self.run(tasks.decode, path, done=self._play)

    def close(self) -> None:
        """End: remember, stop all work, and take the session's files away."""
        if self.root.tk.call("grab", "current"):  # a dialog of Tk's own would wait for ever: cancel it first
            self.root.tk.call("set", "::tk::Priv(selectFilePath)", "")
            self.root.after(50, self.close)
            return
        self.settings.save()
        self.player.stop()
        self.root.withdraw()
        self.root.update_idletasks()
        for lane in (self.lane, self.long_lane):
            lane.stop()
        for lane in (self.lane, self.long_lane):
            lane.close()
        self.root.destroy()
        self._scratch.remove()

    def _build(self) -> None:
        look, root = self.look, self.root
        root.minsize(*SMALLEST)
        width, height = (look.px(length) for length in SIZE)
        root.geometry(
            f"{min(width, root.winfo_screenwidth() - 20)}x{min(height, root.winfo_screenheight() - 40)}"
        )
        top = ttk.Frame(root, padding=(look.px(12), look.px(8)))
        ttk.Button(top, text="Choose a song…", command=self.choose, style="Accent.TButton").pack(side="left")
        ttk.Button(top, text="Example", command=self.example).pack(side="left", padx=look.px(8))
        ttk.Button(top, text="Light / dark", command=self.look.toggle).pack(side="right")
        self.name = Sentence(top, WELCOME, "Strong.TLabel")
        self.name.pack(side="left", padx=look.px(8), fill="x", expand=True)
        below = ttk.Frame(root, padding=(look.px(12), 0, look.px(12), look.px(8)))
        self.bar = PlayerBar(below, look, self.player)
        self.bar.grid(row=0, column=0, columnspan=2, sticky="ew", pady=look.px(4))
        self.status = Sentence(below)
        self.status.grid(row=1, column=0, sticky="ew")
        self.progress = Progress(below, look, self.lane, self._stopped)
        self.progress.grid(row=1, column=1, sticky="ew")
        below.columnconfigure(0, weight=1, uniform="halves")
        below.columnconfigure(1, weight=1, uniform="halves")
        top.pack(side="top", fill="x")
        below.pack(side="bottom", fill="x")
        self.tabs = ttk.Notebook(root)
        self.tabs.pack(side="top", fill="both", expand=True, padx=look.px(8))
        self.tabs.enable_traversal()
        self.song_tab = SongTab(self)
        self.retro = RetroTab(self)
        self.compare = CompareTab(self)
        self.similar = SimilarTab(self)
        self.library_tab = LibraryTab(self)
        self.study = StudyTab(self)
        for title, tab in (
            ("Song", self.song_tab), ("Retro", self.retro), ("Compare", self.compare),
            ("Similar", self.similar), ("Library", self.library_tab), ("Study", self.study),
        ):  # fmt: skip
            self.tabs.add(tab, text=title)
        self.tabs.bind("<<NotebookTabChanged>>", lambda _: self._entered())

    def _bind(self) -> None:
        keys: dict[str, Callable[[], object]] = {
            "<Control-o>": self.choose,
            "<Control-e>": self.example,
            "<Control-r>": self.retro.render,
            "<Control-s>": self.retro.save,
            "<Control-p>": self.bar.toggle,
            "<Control-b>": self.bar.switch,
            "<Control-d>": self.look.toggle,
            "<Control-plus>": lambda: self.look.grow(1),
            "<Control-equal>": lambda: self.look.grow(1),
            "<Control-minus>": lambda: self.look.grow(-1),
            "<Control-0>": lambda: self.look.grow(0),
            "<Escape>": self.cancel,
            "<F1>": lambda: self.say(KEYS),
            **{f"<Alt-Key-{k + 1}>": lambda k=k: self.tabs.select(k) for k in range(6)},  # type: ignore[misc, no-untyped-call]
        }
        for sequence, action in keys.items():
            self.root.bind(sequence, lambda _, action=action: action() and None)  # type: ignore[misc]
        for kind in ("TButton", "TRadiobutton"):
            self.root.bind_class(kind, "<Return>", lambda event: event.widget.invoke())
        if hasattr(self.root, "drop_target_register"):
            self.root.drop_target_register("DND_Files")
            self.root.dnd_bind("<<Drop>>", lambda event: self.dropped(event.data))  # type: ignore[attr-defined]

    def cancel(self) -> None:
        """Stop what runs: in the tab that is shown, or for the song."""
        for progress in (self.library_tab.progress, self.study.progress):
            if progress.winfo_viewable() and progress.has_job:
                progress.cancel()
                return
        self.progress.cancel()

    def _open_own(self, path: str) -> None:
        """Take a song of the user's, and its folder for the next dialog; not the example's, which is the program's."""
        self.settings.folder = str(Path(path).absolute().parent)
        self.open(path)

    def _stopped(self, sentence: str, error: bool = False) -> None:
        """Say why a job ended early; a song that was not heard is not waited for any more."""
        self.say(sentence, error)
        if self.song is None:
            self.song_tab.song_changed()

    def _entered(self) -> None:
        tab = self.root.nametowidget(self.tabs.select())  # type: ignore[no-untyped-call]
        entered = getattr(tab, "entered", None)
        if entered is not None:
            entered()

    def _tell(self) -> None:
        """Tell the tabs that there is another song, or more known of it."""
        self.bar.offer(False)
        for tab in (self.song_tab, self.retro, self.compare, self.similar):
            tab.song_changed()

    def _decoded(self, sound: Sound) -> None:
        self.original = sound
        self.hear(0)
        self._tell()

    def _heard(self, song: Song) -> None:
        self.song = song
        self._tell()

    def _play(self, sound: Sound) -> None:
        self.player.load([self._frames(sound)], sound.sample_rate)
        self._elsewhere = True
        self.bar.offer(False)
        self.player.play()
        self.say(f"Playing {sound.name}.")

    def _frames(self, sound: Sound) -> Any:
        """Return a sound's samples: the same array for the same sound, so that the player knows it again."""
        if sound.path not in self._mapped:
            self._mapped[sound.path] = sound.frames()
        return self._mapped[sound.path]

    def _tick(self) -> None:
        """Move what shows where the player is, and say what it complains of."""
        while self._complaints:
            self.say(self._complaints.pop(), error=True)
        self.bar.follow()
        share = self.player.position / max(self.player.length, 1)
        for waveform in (self.song_tab.waveform, self.retro.original, self.retro.result):
            if waveform.winfo_viewable():
                waveform.follow(share)
        self.root.after(50, self._tick)

    def _remember_look(self) -> None:
        self.settings.theme, self.settings.scale = self.look.theme, self.look.chosen

    def _unexpected(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Say what went wrong; without a window to say it in, on stderr. Ctrl-C in the middle of a callback ends it."""
        if kind is KeyboardInterrupt:
            self.close()
            return
        try:
            self.say(sentence(error), error=True)
        except tk.TclError:
            print(sentence(error), file=sys.stderr)
