"""Widgets that ttk lacks: a scrolled page, progress with Cancel, a table, a picture that scrolls."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from pathlib import Path
from tkinter import ttk
from typing import TYPE_CHECKING, Any, TypeAlias

from retrotone.desktop.theme import Look

if TYPE_CHECKING:
    from retrotone.desktop.jobs import Job, Lane

WIDE = 800  # pixels at 100 %: room for two halves side by side

Event: TypeAlias = "tk.Event[tk.Misc]"


class Page(ttk.Frame):
    """A frame that scrolls where its content does not fit; put the content into `body`."""

    def __init__(self, master: tk.Misc, look: Look) -> None:
        super().__init__(master)
        self._look = look
        self._canvas = tk.Canvas(self, highlightthickness=0, borderwidth=0)
        down = ttk.Scrollbar(self, orient="vertical", command=self._canvas.yview)
        across = ttk.Scrollbar(self, orient="horizontal", command=self._canvas.xview)
        self._canvas.configure(yscrollcommand=_shown_if_needed(down), xscrollcommand=_shown_if_needed(across))
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self._canvas.grid(row=0, column=0, sticky="nsew")
        down.grid(row=0, column=1, sticky="ns")
        across.grid(row=1, column=0, sticky="ew")
        content = ttk.Frame(self._canvas)
        content.columnconfigure(0, weight=1)
        content.rowconfigure(0, weight=1)
        self.body = ttk.Frame(content, padding=look.px(12))
        self.body.grid(row=0, column=0, sticky="nsew")
        # two struts as long as the page: the content is never smaller, and may ask for more at any time
        self._struts = ttk.Frame(content), ttk.Frame(content)
        self._struts[0].grid(row=1, column=0)
        self._struts[1].grid(row=0, column=1)
        self._canvas.create_window(0, 0, window=content, anchor="nw")
        self._canvas.bind("<Configure>", self._fit)
        content.bind(
            "<Configure>",
            lambda event: self._canvas.configure(scrollregion=(0, 0, event.width, event.height)),
        )
        self.body.bind_all("<FocusIn>", self._follow, add=True)
        for wheel, step in (("<Button-4>", -1), ("<Button-5>", 1)):
            self.bind_all(wheel, lambda event, step=step: self._wheel(event, step), add=True)  # type: ignore[misc]
        self.bind_all(
            "<MouseWheel>", lambda event: self._wheel(event, -1 if event.delta > 0 else 1), add=True
        )
        look.listeners.append(self._dress)
        self._dress()

    def halves(self, left_share: int, right_share: int) -> tuple[ttk.Frame, ttk.Frame]:
        """Return two frames below what stands in the first row: side by side, or where that is too narrow, stacked."""
        left, right = ttk.Frame(self.body), ttk.Frame(self.body)

        def arrange(_: object = None) -> None:
            wide = self._canvas.winfo_width() >= self._look.px(WIDE)
            gap = self._look.px(20)
            left.grid(row=1, column=0, sticky="nsew", padx=(0, gap if wide else 0))
            right.grid(row=1 if wide else 2, column=1 if wide else 0, sticky="nsew")
            self.body.columnconfigure(0, weight=left_share, uniform="halves" if wide else "")
            self.body.columnconfigure(1, weight=right_share if wide else 0, uniform="halves" if wide else "")

        self.body.rowconfigure(1, weight=1)
        self._canvas.bind("<Configure>", arrange, add=True)
        self._look.listeners.append(arrange)
        return left, right

    def _dress(self) -> None:
        self._canvas.configure(background=self._look.colours.window)

    def _fit(self, event: Event) -> None:
        """Stretch the content to the page."""
        self._struts[0].configure(width=event.width - 1)
        self._struts[1].configure(height=event.height - 1)

    def _wheel(self, event: Event, step: int) -> None:
        inside = self._holds(event.widget) and not isinstance(event.widget, ttk.Treeview | tk.Text)
        if inside and self._canvas.yview() != (0.0, 1.0):
            self._canvas.yview_scroll(step * 3, "units")

    def _follow(self, event: Event) -> None:
        """Scroll to the widget that has the focus."""
        widget = event.widget
        if not self._holds(widget) or self._canvas.yview() == (0.0, 1.0):
            return
        top = widget.winfo_rooty() - self.body.winfo_rooty()
        bottom, height = top + widget.winfo_height(), self.body.winfo_height()
        first, last = (share * height for share in self._canvas.yview())
        if top < first or bottom > last:
            self._canvas.yview_moveto(max(top - (last - first) / 4, 0) / height)

    def _holds(self, widget: object) -> bool:
        return isinstance(widget, tk.Misc) and str(widget).startswith(str(self.body))


class Progress(ttk.Frame):
    """How a job is getting on, and a button that cancels it; a `retrotone.desktop.jobs.Watch`."""

    def __init__(self, master: tk.Misc, look: Look, lane: Lane, say: Callable[..., None]) -> None:
        super().__init__(master)
        self._lane, self._say = lane, say
        self._job: Job | None = None
        self.message = tk.StringVar(self)
        self.bar = ttk.Progressbar(self, maximum=1.0, length=look.px(100))
        self.button = ttk.Button(self, text="Cancel", command=self.cancel)
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, minsize=self.button.winfo_reqheight())
        told = ttk.Label(self, textvariable=self.message, anchor="e", width=1)
        told.grid(row=0, column=0, sticky="ew", padx=look.px(8))
        self.bar.grid(row=0, column=1, padx=look.px(8))
        self.button.grid(row=0, column=2)
        self._hide()

    @property
    def has_job(self) -> bool:
        """Whether there is a job."""
        return self._job is not None

    def cancel(self) -> None:
        """Stop the job."""
        if self._job is not None:
            self._lane.cancel(self._job)

    def began(self, job: Job) -> None:
        """Show the latest of several jobs."""
        self._job = job
        self.message.set("starting")
        self.bar.grid()
        self.button.grid()

    def told(self, fraction: float, message: str) -> None:
        """Show how far it is."""
        self.message.set(_short(message))
        self.bar.configure(value=fraction)

    def ended(self, job: Job, sentence: str) -> None:
        """Show nothing any more, and say what went wrong."""
        if sentence:
            self._say(sentence, error=sentence != "Cancelled.")
        if job is self._job:
            self._job = None
            self._hide()

    def _hide(self) -> None:
        self.message.set("")
        self.bar.configure(value=0.0)
        self.bar.grid_remove()
        self.button.grid_remove()


class Table(ttk.Frame):
    """Rows of text, each with a key."""

    def __init__(
        self,
        master: tk.Misc,
        look: Look,
        columns: Sequence[tuple[str, int]],
        height: int,
        chosen: Callable[[], None],
    ) -> None:
        super().__init__(master)
        self._look = look
        self.tree = ttk.Treeview(self, show="headings", height=height, selectmode="browse")
        bar = ttk.Scrollbar(self, orient="vertical", command=self.tree.yview)
        self.tree.configure(yscrollcommand=_shown_if_needed(bar))
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self.tree.grid(row=0, column=0, sticky="nsew")
        bar.grid(row=0, column=1, sticky="ns")
        self.tree.bind("<<TreeviewSelect>>", lambda _: chosen())
        self.tree.bind("<Map>", lambda _: self._see(self.selected))
        self.set_columns(columns)
        look.listeners.append(lambda: self.set_columns(self._columns))

    def set_columns(self, columns: Sequence[tuple[str, int]]) -> None:
        """Show columns of some titles and widths; the widest takes what room is left."""
        self._columns = list(columns)
        names = [title for title, _ in columns]
        widest = max(columns, key=lambda column: column[1])[0]
        if list(self.tree["columns"]) != names:
            self.tree.configure(columns=names)
        for title, width in columns:
            self.tree.heading(title, text=title, anchor="w")
            self.tree.column(
                title, width=self._look.px(width), minwidth=self._look.px(40), stretch=title == widest
            )

    def fill(self, rows: dict[str, Sequence[str]]) -> None:
        """Show other rows; what was selected stays so if it is still there."""
        before = self.selected
        self.tree.delete(*self.tree.get_children())
        for key, cells in rows.items():
            self.tree.insert("", "end", iid=key, values=list(cells))
        if before in rows:
            self.tree.selection_set(before)

    @property
    def selected(self) -> str:
        """The key of the row that is selected; empty if none is."""
        return next(iter(self.tree.selection()), "")

    def select(self, key: str) -> None:
        """Select a row and bring it into view."""
        self.tree.selection_set(key)
        self.tree.focus(key)
        self.after_idle(self._see, key)

    def _see(self, key: str) -> None:
        if self.tree.exists(key):
            self.tree.yview_moveto(0)
            self.tree.see(key)


class Sentence(ttk.Label):
    """Text that wraps to the width it is given, and never asks for more."""

    def __init__(self, master: tk.Misc, text: str = "", style: str = "TLabel") -> None:
        super().__init__(master, text=text, style=style, width=1, anchor="w", justify="left")
        # the colour is the style's: sv-ttk gives every label that there is one of its own whenever it is set
        self.bind("<<ThemeChanged>>", lambda _: self.configure(foreground=""))
        self.bind("<Configure>", lambda event: self.configure(wraplength=event.width))

    def say(self, text: str) -> None:
        """Show another text."""
        self.configure(text=text)


class PictureView(tk.Canvas):
    """A picture; dragging across it tells the shares of its width that lie between.

    Parameters
    ----------
    height : int
        At 100 %, before there is a picture.
    dragged : callable, optional
    """

    def __init__(
        self, master: tk.Misc, look: Look, height: int, dragged: Callable[[float, float], None] | None = None
    ) -> None:
        super().__init__(
            master, borderwidth=0, highlightthickness=0, width=look.px(300), height=look.px(height)
        )
        self._look, self._dragged = look, dragged
        self._image: tk.PhotoImage | None = None
        self._from = 0
        if dragged is not None:
            self.configure(cursor="sb_h_double_arrow")
            self.bind("<ButtonPress-1>", self._press)
            self.bind("<B1-Motion>", self._move)
            self.bind("<ButtonRelease-1>", self._release)
        look.listeners.append(self._dress)
        self._dress()

    @property
    def shown(self) -> bool:
        """Whether there is a picture."""
        return self._image is not None

    def show(self, file: Path) -> None:
        """Show a picture, and take its file away."""
        self._image = tk.PhotoImage(file=file, master=self)
        file.unlink()
        self.delete("all")
        self.create_image(0, 0, image=self._image, anchor="nw")
        self.configure(width=self._image.width(), height=self._image.height())

    def _dress(self) -> None:
        self.configure(background=self._look.colours.window)

    def _press(self, event: Event) -> None:
        self._from = event.x

    def _move(self, event: Event) -> None:
        self.delete("stretch")
        ink = self._look.colours.original
        self.create_rectangle(
            self._from,
            0,
            event.x,
            self.winfo_height(),
            outline=ink,
            fill=ink,
            stipple="gray25",
            tags="stretch",
        )

    def _release(self, event: Event) -> None:
        self.delete("stretch")
        if self._image is not None and self._dragged is not None and abs(event.x - self._from) > 5:
            low, high = sorted((self._from, event.x))
            self._dragged(low / self._image.width(), high / self._image.width())


def buttons(
    master: tk.Misc, look: Look, *named: tuple[str, Callable[[], Any]], accent: int = -1
) -> list[ttk.Button]:
    """Return a row of buttons in a frame that is their master; `accent` is the place of the one that matters most."""
    made = []
    for place, (text, command) in enumerate(named):
        style = "Accent.TButton" if place == accent else "TButton"
        made.append(ttk.Button(master, text=text, command=command, style=style))
        made[-1].pack(side="left", padx=(0, look.px(8)), pady=look.px(2))
    return made


def _shown_if_needed(bar: ttk.Scrollbar) -> Callable[[float, float], None]:
    """Return what sets a scrollbar, and takes it away where all fits."""

    def set_bar(first: float, last: float) -> None:
        bar.set(first, last)
        if float(first) <= 0 and float(last) >= 1:
            bar.grid_remove()
        else:
            bar.grid()

    return set_bar


def _short(message: str, length: int = 72) -> str:
    return message if len(message) <= length else message[: length - 1] + "…"
