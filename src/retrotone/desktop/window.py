"""The window: a song at the top, tabs for what can be done with it, a player and a status line below."""

from __future__ import annotations

import os
import sys
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import filedialog, font, ttk
from types import TracebackType

from retrotone.desktop import model_tasks, restyle_tasks, tasks
from retrotone.desktop.cut_text import CutLabel
from retrotone.desktop.icon import icon_png
from retrotone.desktop.jobs import JobObserver
from retrotone.desktop.player_bar import PlayerBar
from retrotone.desktop.restyle_tasks import Excerpt, Version
from retrotone.desktop.session import SOUND_FILES, Session
from retrotone.desktop.tabs.compare import CompareTab
from retrotone.desktop.tabs.library import LibraryTab
from retrotone.desktop.tabs.models import ModelsTab
from retrotone.desktop.tabs.restyle import RestyleTab
from retrotone.desktop.tabs.similar import SimilarTab
from retrotone.desktop.tabs.song import SongTab
from retrotone.desktop.tabs.study import StudyTab
from retrotone.desktop.theme import EXTRA_HINT, TEXT_PX
from retrotone.desktop.widgets import Event, JobProgress, WrappedLabel
from retrotone.utils.text import sentence, shortened, title

# Pixels at 100 %: fits 1280 x 720 with a frame around it.
SIZE = (1200, 680)
SMALLEST = (760, 480)
ICON_PIXELS = 64
# Pixels beside a tab's title: of the theme's picture, and at 100 %.
TAB_BORDER, TAB_PADDING = 34, 10
REFRESH_MS = 50
WELCOME = "Drop a song anywhere in this window."
KEYS = (
    "Ctrl+O choose, Ctrl+E example, Ctrl+R restyle, Ctrl+S save, Ctrl+P play, Ctrl+B original or new sound, "
    "Ctrl+L loop, Ctrl+D light or dark, Ctrl + and − size of text, Alt+1 to 7 tabs, Esc cancel, Ctrl+Q close."
)


class Window:
    """The application: builds the session and the tabs, and shows what the session reports.

    Parameters
    ----------
    root : tk.Tk
        Empty.
    library : str, optional
        The library's file, by default the user's own.

    Attributes
    ----------
    session : Session
    """

    def __init__(self, root: tk.Tk, library: str | None = None) -> None:
        self.root = root
        root.title("retrotone")
        root.report_callback_exception = self._report_exception
        root.protocol("WM_DELETE_WINDOW", self.ask_to_close)
        self._icon = tk.PhotoImage(data=icon_png(ICON_PIXELS), master=root)
        root.iconphoto(True, self._icon)
        self.session = Session(root, self, library)
        self._set_size()
        self._build_top()
        self._build_bottom()
        self._build_tabs()
        self._bind_keys()
        self._offer_styles()
        self.session.say("" if self.session.theme.has_extra else EXTRA_HINT)
        self._refresh()

    @property
    def job_observer(self) -> JobObserver:
        """See `SessionView`, as for the seven methods below."""
        return self.progress

    def show_message(self, text: str, error: bool) -> None:
        """Show a message in the status line."""
        self.status.configure(text=text, style="Error.TLabel" if error else "TLabel")
        self._share_line()

    def song_opened(self) -> None:
        """Show the tab of what is known of the song."""
        self.show(self.song_tab)

    def song_changed(self) -> None:
        """Show the song's name, and let all tabs show the song anew."""
        name = Path(self.session.path).name
        self.name.show(name or WELCOME)
        # window managers cut a title before bytes that are no UTF-8
        self.root.title(f"{title(name)} – retrotone" if name else "retrotone")
        self.bar.set_switchable(False)
        self.restyle_tab.song_changed()
        self.song_analysed()

    def song_analysed(self) -> None:
        """Let all tabs that show what was found out of the song show it; what is heard stays."""
        for tab in (self.song_tab, self.compare_tab, self.similar_tab):
            tab.song_changed()

    def result_added(self, version: Version) -> None:
        """Show and offer the result."""
        self.restyle_tab.show_result(version)
        self.compare_tab.song_changed()

    def excerpt_added(self, excerpt: Excerpt) -> None:
        """Show the seconds that can be heard."""
        self.restyle_tab.show_excerpt(excerpt)

    def playback_changed(self, has_result: bool) -> None:
        """Let the user switch to the new sound if there is one, and show none that cannot be heard any more."""
        self.bar.set_switchable(has_result)
        if not has_result and self.session.result is None:
            self.restyle_tab.song_changed()

    def playlist_changed(self) -> None:
        """Show the playlist."""
        self.similar_tab.show_playlist()

    def choose(self) -> None:
        """Ask for a song."""
        path = filedialog.askopenfilename(
            parent=self.root,
            title="Choose a song",
            initialdir=self.session.settings.folder or None,
            filetypes=SOUND_FILES,
        )
        if path:
            self.open_own_song(path)

    def open_own_song(self, path: str) -> None:
        """Open a song of the user's, and remember its folder for the next dialog.

        Parameters
        ----------
        path : str
        """
        self.session.settings.folder = str(Path(path).absolute().parent)
        self.session.open_song(path)

    def open_example(self) -> None:
        """Open the song that ships with retrotone."""
        self.session.run(tasks.bundled, done=self.session.open_song)

    def drop(self, data: str) -> None:
        """Open the first of the files that were dropped, or add dropped folders to the library.

        Parameters
        ----------
        data : str
            The paths, as a Tcl list.
        """
        names = [_existing(name) for name in self.root.tk.splitlist(data)]
        if not names:
            self.session.say("Nothing was dropped: drop a sound file from your file manager.", error=True)
            return
        files = [name for name in names if not Path(name).is_dir()]
        if not files:
            self.show(self.library_tab)
            for folder in names:
                self.library_tab.add(folder)
            return
        self.open_own_song(files[0])
        if len(names) > 1:
            self.session.say(f"One song at a time: of {len(names)} files, {shortened(Path(files[0]).name)} is opened.")

    def show(self, tab: ttk.Frame) -> None:
        """Bring a tab to the front."""
        self.tabs.select(str(tab))  # type: ignore[no-untyped-call]

    def cancel(self) -> None:
        """Cancel the job of the tab that is shown, or else the song's."""
        for progress in (self.library_tab.progress, self.study_tab.progress, self.models_tab.progress):
            if progress.winfo_viewable() and progress.has_job:
                progress.cancel()
                return
        self.progress.cancel()

    def ask_to_close(self) -> None:
        """Close the window; ask before results are lost that are in no file, or not finished, or downloads."""
        session, losses = self.session, list[str]()
        if unsaved := len(session.results) - len(session.files) + session.jobs.count(restyle_tasks.restyle):
            losses.append("One result is not saved." if unsaved == 1 else f"{unsaved} results are not saved.")
        if session.downloads.count(model_tasks.download):
            losses.append("A download is not finished.")
        question = " ".join([*losses, "Close the window and lose that?"])
        if not losses or session.confirm("Close the window", question):
            self.close()

    def close(self) -> None:
        """Close the window, and end the session."""
        # a dialog of Tk's own would wait for ever: cancel it first
        if self.root.tk.call("grab", "current"):
            self.root.tk.call("set", "::tk::Priv(selectFilePath)", "")
            self.root.after(50, self.close)
            return
        self.session.settings.size = [self.root.winfo_width(), self.root.winfo_height()]
        self.root.withdraw()
        self.root.update_idletasks()
        self.session.close()
        self.root.destroy()

    def _offer_styles(self) -> None:
        """Let the user choose among all styles that are here now."""
        self.session.run(restyle_tasks.choices, done=self.restyle_tab.offer, keep=True)

    def _set_size(self) -> None:
        root = self.root
        root.minsize(*SMALLEST)
        width, height = self.session.settings.size or [self.session.theme.px(length) for length in SIZE]
        root.geometry(f"{min(width, root.winfo_screenwidth() - 20)}x{min(height, root.winfo_screenheight() - 40)}")

    def _build_top(self) -> None:
        theme = self.session.theme
        top = ttk.Frame(self.root, padding=(theme.px(12), theme.px(8)))
        ttk.Button(top, text="Choose a song…", command=self.choose, style="Accent.TButton").pack(side="left")
        ttk.Button(top, text="Example", command=self.open_example).pack(side="left", padx=theme.px(8))
        ttk.Button(top, text="Theme", command=theme.toggle).pack(side="right")
        self.name = CutLabel(top, WELCOME, "Strong.TLabel")
        self.name.pack(side="left", padx=theme.px(8), fill="x", expand=True)
        top.pack(side="top", fill="x")

    def _build_bottom(self) -> None:
        session, theme = self.session, self.session.theme
        bottom = ttk.Frame(self.root, padding=(theme.px(12), 0, theme.px(12), theme.px(8)))
        self.bar = PlayerBar(bottom, theme, session.player, session.player.seek, session.toggle_loop)
        self.bar.grid(row=0, column=0, columnspan=2, sticky="ew", pady=theme.px(4))
        self.status = WrappedLabel(bottom)
        self.status.grid(row=1, column=0, columnspan=2, sticky="ew")
        self.progress = JobProgress(bottom, theme, session.jobs, self._job_stopped)
        self.progress.grid(row=1, column=1, sticky="ew")
        for event in ("<Map>", "<Unmap>"):
            self.progress.button.bind(event, lambda _: self._share_line())
        bottom.columnconfigure(0, weight=1, uniform="halves")
        bottom.columnconfigure(1, weight=1, uniform="halves")
        bottom.pack(side="bottom", fill="x")

    def _share_line(self) -> None:
        """Give a message or a job the whole line, or each one half of it."""
        says, works = bool(self.status.cget("text")), bool(self.progress.button.winfo_ismapped())
        self.status.grid(columnspan=1 if works else 2)
        self.progress.grid(column=1 if says else 0, columnspan=1 if says else 2)
        (self.progress if works else self.status).lift()

    def _build_tabs(self) -> None:
        session = self.session
        self.tabs = ttk.Notebook(self.root)
        self.tabs.pack(side="top", fill="both", expand=True, padx=session.theme.px(8))
        self.tabs.enable_traversal()
        self.song_tab = SongTab(self.tabs, session)
        self.restyle_tab = RestyleTab(self.tabs, session)
        self.compare_tab = CompareTab(self.tabs, session)
        self.similar_tab = SimilarTab(self.tabs, session)
        self.library_tab = LibraryTab(self.tabs, session)
        self.study_tab = StudyTab(self.tabs, session)
        self.models_tab = ModelsTab(self.tabs, session, self._offer_styles)
        titles: dict[str, ttk.Frame] = {
            "Song": self.song_tab,
            "Restyle": self.restyle_tab,
            "Compare": self.compare_tab,
            "Similar": self.similar_tab,
            "Library": self.library_tab,
            "Study": self.study_tab,
            "Models": self.models_tab,
        }
        for name, tab in titles.items():
            self.tabs.add(tab, text=name)
        # the key Tab reaches the player after them
        self.bar.master.lift()
        self.tabs.bind("<<NotebookTabChanged>>", lambda _: self._enter_tab())
        self._titles = list(titles)
        # theme, size of text and padding, as the titles were drawn last
        self._tab_looks: tuple[str, int, int] | None = None
        self.tabs.bind("<Configure>", lambda _: self._fit_tabs())
        session.theme.listeners.append(self._fit_tabs)

    def _fit_tabs(self) -> None:
        """Let the tabs' titles be closer, and as small as it takes, where they would be cut."""
        theme = self.session.theme
        room = self.tabs.winfo_width() - len(self._titles) * TAB_BORDER
        size, padding = theme.px(TEXT_PX), theme.px(TAB_PADDING)
        width = font.nametofont("TkDefaultFont").measure("".join(self._titles))
        if width + 2 * padding * len(self._titles) > room > 0:
            size, padding = min(size, size * room // width), 0
        looks = theme.name, size, padding
        if looks != self._tab_looks:
            self._tab_looks = looks
            font.nametofont("RetroTab").configure(size=-size)
            ttk.Style(self.root).configure("TNotebook.Tab", font="RetroTab", padding=(padding, theme.px(4)))

    def _bind_keys(self) -> None:
        theme = self.session.theme
        keys: dict[str, Callable[[], object]] = {
            "<Control-o>": self.choose,
            "<Control-e>": self.open_example,
            "<Control-r>": self.restyle_tab.restyle,
            "<Control-s>": self.restyle_tab.save,
            "<Control-p>": self.bar.toggle,
            "<Control-b>": self.bar.switch,
            "<Control-l>": self.session.toggle_loop,
            "<Control-d>": theme.toggle,
            "<Control-q>": self.ask_to_close,
            "<Control-plus>": lambda: theme.resize(1),
            "<Control-equal>": lambda: theme.resize(1),
            "<Control-minus>": lambda: theme.resize(-1),
            "<Control-0>": lambda: theme.resize(0),
            "<Escape>": self.cancel,
            "<F1>": lambda: self.session.say(KEYS),
            **{f"<Alt-Key-{k + 1}>": lambda k=k: self.tabs.select(k) for k in range(len(self._titles))},  # type: ignore[misc, no-untyped-call]
        }
        for sequence, action in keys.items():
            self.root.bind(sequence, lambda _, action=action: action() and None)  # type: ignore[misc]
        # Ctrl+A selects all of a field: on X11, Tk would go to its beginning
        self.root.event_delete("<<LineStart>>", "<Control-a>")
        self.root.event_add("<<SelectAll>>", "<Control-a>")
        # another program may have changed the library, or downloaded a model, meanwhile
        self.root.bind("<FocusIn>", lambda event: self._update_tab() if event.widget is self.root else None)
        for kind in ("TButton", "TRadiobutton"):
            self.root.bind_class(kind, "<Return>", _press)
        for key, step in {"Left": -1, "Up": -1, "Right": 1, "Down": 1}.items():
            self.root.bind_class("TRadiobutton", f"<{key}>", lambda event, step=step: _choose_beside(event, step))  # type: ignore[misc]
        if hasattr(self.root, "drop_target_register"):
            self.root.drop_target_register("DND_Files")
            self.root.dnd_bind("<<Drop>>", lambda event: self.drop(event.data))  # type: ignore[attr-defined]

    def _job_stopped(self, message: str, error: bool = False) -> None:
        """Say why a job ended early; a song that could not be opened, or analysed, is no longer waited for."""
        session = self.session
        if session.path and session.original is None and not session.jobs.count(tasks.listen):
            session.forget_song()
        elif session.song is None:
            self.song_tab.song_changed()
        session.say(message, error)

    def _enter_tab(self) -> None:
        """Let the tab that came to the front fetch what it lacks; an error of the tab before has been read."""
        # keys are no longer for the tab before, where Return might restyle
        focus = self.root.tk.call("focus")
        if focus and not self.root.tk.call("winfo", "viewable", focus):
            self.tabs.focus_set()
        if str(self.status.cget("style")) == "Error.TLabel":
            self.session.say("")
        self._update_tab()

    def _update_tab(self) -> None:
        """Let the tab that is shown fetch what it lacks."""
        selected = self.root.nametowidget(self.tabs.select())  # type: ignore[no-untyped-call]
        for tab in (self.compare_tab, self.similar_tab, self.library_tab, self.models_tab):
            if tab is selected:
                tab.entered()

    def _refresh(self) -> None:
        """Show the player's position and its errors, again and again."""
        session = self.session
        while session.player_errors:
            session.say(session.player_errors.pop(), error=True)
        self.bar.refresh()
        session.live.refresh()
        player = session.player
        fraction, *loop = (frame / max(player.length, 1) for frame in (player.position, *(player.loop or (0, 0))))
        for waveform, plays in (
            (self.song_tab.waveform, session.plays_song),
            (self.restyle_tab.original, not session.plays_track),
            (self.restyle_tab.result, not session.plays_track),
        ):
            if waveform.winfo_viewable():
                waveform.set_position(*((fraction, (loop[0], loop[1])) if plays else (0.0, (0.0, 0.0))))
        if self.compare_tab.winfo_viewable():
            self.compare_tab.show_position(player.position / player.sample_rate if session.plays_song else None)
        self.root.after(REFRESH_MS, self._refresh)

    def _report_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Show the error of a callback, on stderr if the window is gone."""
        try:
            self.session.say(sentence(error), error=True)
        except tk.TclError:
            print(sentence(error), file=sys.stderr)


def _existing(path: str) -> str:
    """Return the path of a file of which Tk gives a path: bytes that are no UTF-8 are letters of Latin-1 there."""
    found = Path()
    for part in Path(path).parts:
        latin = Path(os.fsdecode(part.encode("latin-1", "replace")))
        found /= part if (found / part).exists() or not (found / latin).exists() else latin
    return str(found)


def _press(event: Event) -> None:
    """Press the button that has the focus; those of Tk's own dialogs have no object, and do so themselves."""
    if isinstance(event.widget, ttk.Button | ttk.Radiobutton):
        event.widget.invoke()


def _choose_beside(event: Event, step: int) -> None:
    """Choose the radio button so many places further in its group, if there is one."""
    if isinstance(button := event.widget, ttk.Radiobutton):
        group = [each for each in button.master.winfo_children() if isinstance(each, ttk.Radiobutton)]
        index = group.index(button) + step
        if 0 <= index < len(group):
            group[index].focus_set()
            group[index].invoke()
