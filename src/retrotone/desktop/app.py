"""The desktop window: `retrotone app`."""

from __future__ import annotations

import gc
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from retrotone.errors import MissingExtraError
from retrotone.utils.signals import ending_signals

if TYPE_CHECKING:
    import tkinter as tk

    from retrotone.desktop.window import Window

NO_TK = (
    "this Python has no Tk: install it (Debian and Ubuntu: apt install python3-tk, Fedora: dnf install "
    "python3-tkinter, macOS: brew install python-tk), or use retrotone web"
)
NO_DISPLAY = (
    "there is no display to open a window on ({reason}): start it from a desktop session or over ssh -X, "
    "or use retrotone web"
)
POINTS_PER_INCH = 72


def run(song: str | None = None, library: str | None = None) -> None:
    """Open the window, and return when it is closed.

    Parameters
    ----------
    song : str, optional
        Path of a song to open at once.
    library : str, optional
        The library's file, by default the user's own.

    Raises
    ------
    MissingExtraError
        Python lacks Tk, or there is no display.
    """
    window = open_window(library)
    if song is not None:
        window.open_own_song(str(Path(song).absolute()))
    # an exception would wait until a dialog of Tk's own is closed
    for ending in (signal.SIGINT, *ending_signals()):
        signal.signal(ending, lambda *_: window.root.after(0, window.close))
    window.root.mainloop()


def open_window(library: str | None = None) -> Window:
    """Return the window, of which nothing is shown yet; parameter and errors as for `run`."""
    root = make_root()
    from retrotone.desktop.window import Window

    window = Window(root, library)
    # what is there now stays: to look through it for garbage would block the window for 15 ms, time and again
    gc.freeze()
    return window


def make_root() -> tk.Tk:
    """Return Tk's root window, of the desktop's resolution, which takes dropped files if tkinterdnd2 is installed.

    Raises
    ------
    MissingExtraError
        Python lacks Tk, or there is no display.
    """
    try:
        import tkinter as tk
    except ImportError as error:
        raise MissingExtraError(NO_TK) from error
    if sys.platform == "win32":
        _draw_at_full_resolution()
    try:
        # before the window's own root, which would take no drops after another one was destroyed
        dpi = _xft_dpi()
        root = _drop_root() or tk.Tk(className="Retrotone")
    except tk.TclError as error:
        raise MissingExtraError(NO_DISPLAY.format(reason=error)) from error
    if dpi:
        # Tk computes with the screen's size in millimetres
        root.tk.call("tk", "scaling", dpi / POINTS_PER_INCH)
    return root


def _xft_dpi() -> float | None:
    """Return the resolution that the user set for X11 as the resource Xft.dpi; None if there is none.

    A program reads resources of its own name, so that it takes a moment of another name.
    """
    import tkinter as tk

    if sys.platform in ("win32", "darwin"):
        return None
    other = tk.Tk(className="Xft")
    other.withdraw()
    found = other.option_get("dpi", "Dpi")  # type: ignore[no-untyped-call]
    # Tk changes its theme when idle, which would fail afterwards
    other.update_idletasks()
    other.destroy()
    try:
        return max(float(found), 0.0)
    except ValueError:
        return None


def _drop_root() -> tk.Tk | None:
    """Return a root window that takes dropped files; None if tkinterdnd2 is missing or lacks this system."""
    try:
        from tkinterdnd2 import TkinterDnD

        return TkinterDnD.Tk(className="Retrotone")  # type: ignore[no-any-return]
    except (ImportError, RuntimeError):
        return None


def _draw_at_full_resolution() -> None:
    """Keep Windows from scaling up a blurred picture of the window."""
    from ctypes import windll  # type: ignore[attr-defined]

    windll.shcore.SetProcessDpiAwareness(1)
