"""Widgets that ttk lacks: a page that scrolls, progress with Cancel, wrapped text, a picture."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from pathlib import Path
from tkinter import ttk
from typing import TYPE_CHECKING, TypeAlias

from retrotone.desktop.cut_text import CutLabel
from retrotone.desktop.theme import Theme

if TYPE_CHECKING:
    from retrotone.desktop.jobs import Job, JobQueue

# Pixels at 100 %: room for two halves side by side, of the tab Restyle, too.
WIDE = 1100
# Pixels at 100 %, of width and height: a page asks for so much, and takes what there is.
LEAST_SIDE = 120
# A shorter movement of the mouse is a click.
DRAG_PIXELS = 5
# Of a mark: seen on dark and light figures.
MARK = "#e8923a"

Event: TypeAlias = "tk.Event[tk.Misc]"


class Page(ttk.Frame):
    """A frame that scrolls where its content does not fit; the content goes into `body`."""

    def __init__(self, master: tk.Misc, theme: Theme) -> None:
        super().__init__(master)
        self._theme = theme
        # called with whether the page is wide, when it is laid out
        self.listeners: list[Callable[[bool], None]] = []
        self._canvas = tk.Canvas(self, highlightthickness=0, borderwidth=0)
        down = ttk.Scrollbar(self, orient="vertical", command=self._canvas.yview)
        across = ttk.Scrollbar(self, orient="horizontal", command=self._canvas.xview)
        self._canvas.configure(yscrollcommand=hide_when_unneeded(down), xscrollcommand=hide_when_unneeded(across))
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self._canvas.grid(row=0, column=0, sticky="nsew")
        down.grid(row=0, column=1, sticky="ns")
        across.grid(row=1, column=0, sticky="ew")
        content = ttk.Frame(self._canvas)
        content.columnconfigure(0, weight=1)
        content.rowconfigure(0, weight=1)
        self.body = ttk.Frame(content, padding=theme.px(12))
        self.body.grid(row=0, column=0, sticky="nsew")
        # two empty frames of the page's size keep the content from being smaller than the page
        self._struts = ttk.Frame(content), ttk.Frame(content)
        self._struts[0].grid(row=1, column=0)
        self._struts[1].grid(row=0, column=1)
        self._canvas.create_window(0, 0, window=content, anchor="nw")
        self._canvas.bind("<Configure>", self._resize_struts)
        content.bind(
            "<Configure>", lambda event: self._canvas.configure(scrollregion=(0, 0, event.width, event.height))
        )
        self.body.bind_all("<FocusIn>", self._scroll_to_focus, add=True)
        for wheel, step in (("<Button-4>", -1), ("<Button-5>", 1)):
            self.bind_all(wheel, lambda event, step=step: self._on_wheel(event, step), add=True)  # type: ignore[misc]
        self.bind_all("<MouseWheel>", lambda event: self._on_wheel(event, -1 if event.delta > 0 else 1), add=True)
        theme.listeners.append(self._apply_theme)
        self._apply_theme()

    def halves(self, left_weight: int, right_weight: int) -> tuple[ttk.Frame, ttk.Frame]:
        """Return two frames below the first row of `body`: side by side, or stacked where the page is narrow."""
        left, right = ttk.Frame(self.body), ttk.Frame(self.body)

        def arrange(_: object = None) -> None:
            wide = self._canvas.winfo_width() >= self._theme.px(WIDE)
            gap = self._theme.px(20)
            left.grid(row=1, column=0, sticky="nsew", padx=(0, gap if wide else 0))
            right.grid(row=1 if wide else 2, column=1 if wide else 0, sticky="nsew")
            self.body.columnconfigure(0, weight=left_weight, uniform="halves" if wide else "")
            self.body.columnconfigure(1, weight=right_weight if wide else 0, uniform="halves" if wide else "")
            for listener in self.listeners:
                listener(wide)

        self.body.rowconfigure(1, weight=1)
        self._canvas.bind("<Configure>", arrange, add=True)
        self._theme.listeners.append(arrange)
        return left, right

    def _apply_theme(self) -> None:
        least = self._theme.px(LEAST_SIDE)
        self._canvas.configure(background=self._theme.colours.window, width=least, height=least)

    def _resize_struts(self, event: Event) -> None:
        """Stretch the content to the size of the page."""
        self._struts[0].configure(width=event.width - 1)
        self._struts[1].configure(height=event.height - 1)

    @property
    def _scrolls(self) -> bool:
        return self._canvas.yview() != (0.0, 1.0)

    def _on_wheel(self, event: Event, step: int) -> None:
        if _scrolling_page(event.widget) is self and not isinstance(event.widget, ttk.Treeview | tk.Text):
            self._canvas.yview_scroll(step * 3, "units")

    def _scroll_to_focus(self, event: Event) -> None:
        """Scroll to the widget that has the focus."""
        widget = event.widget
        if not (self._contains(widget) and self._scrolls):
            return
        top = widget.winfo_rooty() - self.body.winfo_rooty()
        bottom, height = top + widget.winfo_height(), self.body.winfo_height()
        first, last = (fraction * height for fraction in self._canvas.yview())
        if top < first or bottom > last:
            self._canvas.yview_moveto(max(top - (last - first) / 4, 0) / height)

    def _contains(self, widget: object) -> bool:
        return isinstance(widget, tk.Misc) and str(widget).startswith(str(self.body))


def _scrolling_page(widget: object) -> Page | None:
    """Return the page that the wheel scrolls over a widget: of those around it that scroll, the innermost."""
    around = widget
    while isinstance(around, tk.Misc):
        if isinstance(around, Page) and around._contains(widget) and around._scrolls:
            return around
        around = around.master
    return None


class JobProgress(ttk.Frame):
    """The progress of a job, and a button that cancels it; a `retrotone.desktop.jobs.JobObserver`.

    Parameters
    ----------
    master : tk.Misc
    theme : Theme
    queue : JobQueue
        Of the jobs.
    say : callable
        Called with the message of a job that ended early, and with `error`.
    """

    def __init__(self, master: tk.Misc, theme: Theme, queue: JobQueue, say: Callable[..., None]) -> None:
        super().__init__(master)
        self._queue, self._say = queue, say
        self._jobs: list[Job] = []
        self.message = CutLabel(self, anchor="e")
        self.bar = ttk.Progressbar(self, maximum=1.0, length=theme.px(100))
        self.button = ttk.Button(self, text="Cancel", command=self.cancel)
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, minsize=self.button.winfo_reqheight())
        self.message.grid(row=0, column=0, sticky="ew", padx=theme.px(8))
        self.bar.grid(row=0, column=1, padx=theme.px(8))
        self.button.grid(row=0, column=2)
        self._hide()

    @property
    def has_job(self) -> bool:
        """Whether a job waits or runs."""
        return bool(self._jobs)

    def cancel(self) -> None:
        """Cancel the job that runs, or else the one that came last."""
        if self._jobs:
            running = self._queue.running
            self._queue.cancel(running if running in self._jobs else self._jobs[-1])

    def job_submitted(self, job: Job) -> None:
        """Show that there is a job."""
        self._jobs.append(job)
        self.message.show("starting")
        self.bar.grid()
        self.button.grid()

    def job_progressed(self, fraction: float, message: str) -> None:
        """Show the progress of the running job."""
        self.message.show(message)
        self.bar.configure(value=fraction)

    def job_ended(self, job: Job, error: str) -> None:
        """Hide the progress after the last job, and show the error if there is one."""
        if error:
            self._say(error, error=error != "Cancelled.")
        self._jobs.remove(job)
        if not self._jobs:
            self._hide()

    def _hide(self) -> None:
        self.message.show("")
        self.bar.configure(value=0.0)
        self.bar.grid_remove()
        self.button.grid_remove()


class WrappedLabel(ttk.Label):
    """Text that wraps at the width of its frame."""

    def __init__(self, master: tk.Misc, text: str = "", style: str = "TLabel") -> None:
        super().__init__(master, text=text, style=style, width=1, anchor="w", justify="left")
        # keep the style's colour: sv-ttk sets a colour on every label when the theme changes
        self.bind("<<ThemeChanged>>", lambda _: self.configure(foreground=""))
        self.bind("<Configure>", lambda event: self.configure(wraplength=event.width))


class PictureView(tk.Canvas):
    """A picture with marks, that a stretch can be selected in by dragging across it.

    Parameters
    ----------
    master : tk.Misc
    theme : Theme
    height : int
        In pixels at 100 %, before there is a picture.
    on_drag : callable, optional
        Called with both ends of the stretch, as fractions of the picture's width; a click has the same end twice.
    on_wheel : callable, optional
        Called with x and y of the pointer, as fractions of the picture's size, and 1 for each step up of the wheel, -1
        down; returns whether it used the step, so that the page does not scroll.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        height: int,
        on_drag: Callable[[float, float], None] | None = None,
        on_wheel: Callable[[float, float, int], bool] | None = None,
    ) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=0, width=theme.px(300), height=theme.px(height))
        self._theme, self._on_drag, self._on_wheel = theme, on_drag, on_wheel
        self._images: list[tk.PhotoImage] = []
        self._image: tk.PhotoImage | None = None
        self._drag_start = 0
        if on_drag is not None:
            self.configure(cursor="sb_h_double_arrow")
            self.bind("<ButtonPress-1>", self._press)
            self.bind("<B1-Motion>", self._move)
            self.bind("<ButtonRelease-1>", self._release)
        bind_wheel(self, self._wheel)
        theme.listeners.append(self._apply_theme)
        self._apply_theme()

    @property
    def has_picture(self) -> bool:
        """Whether there is a picture."""
        return self._image is not None

    def show(self, *files: Path) -> None:
        """Show a picture, and delete its files: one, or one for the light theme and one for the dark."""
        self._images = [tk.PhotoImage(file=file, master=self) for file in files]
        for file in files:
            file.unlink()
        self._draw()

    def clear(self) -> None:
        """Show no picture any more."""
        self._images, self._image = [], None
        self.delete("all")

    def mark(self, lines: Sequence[tuple[float, float, float]]) -> None:
        """Draw vertical lines in place of those before: x, top and bottom, as fractions of the picture's size."""
        self.delete("mark")
        if self._image is not None:
            width, height = self._image.width(), self._image.height()
            for x, top, bottom in lines:
                ends = (x * width, top * height, x * width, bottom * height)
                self.create_line(ends, fill=MARK, width=self._theme.px(2), tags="mark")

    def _draw(self) -> None:
        self._image = self._images[-1 if self._theme.name == "dark" else 0]
        self.delete("all")
        self.create_image(0, 0, image=self._image, anchor="nw")
        self.configure(width=self._image.width(), height=self._image.height())

    def _apply_theme(self) -> None:
        self.configure(background=self._theme.colours.window)
        if self._images:
            self._draw()

    def _press(self, event: Event) -> None:
        self._drag_start = event.x

    def _move(self, event: Event) -> None:
        self.delete("stretch")
        ink = self._theme.colours.original
        self.create_rectangle(
            (self._drag_start, 0, event.x, self.winfo_height()), outline=ink, fill=ink, stipple="gray25", tags="stretch"
        )

    def _release(self, event: Event) -> None:
        self.delete("stretch")
        if self._image is not None and self._on_drag is not None:
            dragged = abs(event.x - self._drag_start) > DRAG_PIXELS
            low, high = sorted((self._drag_start if dragged else event.x, event.x))
            self._on_drag(low / self._image.width(), high / self._image.width())

    def _wheel(self, event: Event, step: int) -> str:
        if self._image is None or self._on_wheel is None:
            return ""
        used = self._on_wheel(event.x / self._image.width(), event.y / self._image.height(), step)
        return "break" if used else ""


def bind_wheel(widget: tk.Misc, on_wheel: Callable[[Event, int], str]) -> None:
    """Call a function with 1 for each step up of the wheel, and -1 down; "break" keeps the page from scrolling."""
    for sequence, step in (("<Button-4>", 1), ("<Button-5>", -1)):
        widget.bind(sequence, lambda event, step=step: on_wheel(event, step))  # type: ignore[misc]
    widget.bind("<MouseWheel>", lambda event: on_wheel(event, 1 if event.delta > 0 else -1))


def hide_when_unneeded(bar: ttk.Scrollbar) -> Callable[[float, float], None]:
    """Return a command for a scrollbar that hides it where everything fits."""

    def set_bar(first: float, last: float) -> None:
        bar.set(first, last)
        if float(first) <= 0 and float(last) >= 1:
            bar.grid_remove()
        else:
            bar.grid()

    return set_bar
