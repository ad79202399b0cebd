"""The theme of the window: light or dark, and the size of text."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from tkinter import font, ttk
from typing import Any

EXTRA_HINT = "For drag and drop, sound and the full look: pip install 'retrotone[desktop]'."
BASE_DPI = 96.0
TEXT_PX, SMALL_PX, TITLE_PX = 14, 12, 20
BUTTONS, BUTTON_PADDING = ("TButton", "Accent.TButton"), (8, 2, 8, 3)
STEPS_PERCENT = (75, 100, 125, 150, 175, 200, 250, 300)
FONTS = {
    "TkDefaultFont": TEXT_PX,
    "TkTextFont": TEXT_PX,
    "TkHeadingFont": TEXT_PX,
    "TkMenuFont": TEXT_PX,
    "RetroTitle": TITLE_PX,
    "RetroStrong": TEXT_PX,
    "RetroSmall": SMALL_PX,
}
SUN_VALLEY_FONTS = {
    "SunValleyCaptionFont": SMALL_PX,
    "SunValleyBodyFont": TEXT_PX,
    "SunValleyBodyStrongFont": TEXT_PX,
    "SunValleyBodyLargeFont": 18,
    "SunValleySubtitleFont": TITLE_PX,
}
# Tk's own dialogs, and what draws their list of files in the theme's colours in place of black on white.
FILE_DIALOGS = ".__tk_filedialog", ".__tk_choosedir"
FILE_LIST = """
auto_load ::tk::IconList
foreach name {Create DrawSelection} {
    lassign [info class definition ::tk::IconList $name] arguments body
    oo::define ::tk::IconList method $name $arguments [string map {
        white {[ttk::style lookup . -background]} black {[ttk::style lookup . -foreground]}
    } $body]
}
"""


@dataclass(frozen=True)
class Colours:
    """The colours of one theme, as #rrggbb."""

    window: str
    panel: str
    ink: str
    faint: str
    line: str
    original: str
    result: str
    error: str


LIGHT = Colours("#fafafa", "#ffffff", "#1c1c1c", "#6b6b6b", "#d9d9d9", "#2f5d73", "#b5532f", "#a4161a")
DARK = Colours("#1c1c1c", "#262626", "#fafafa", "#a3a3a3", "#404040", "#7fb8d6", "#e8923a", "#ff8f85")


class Theme:
    """The theme of one window.

    Parameters
    ----------
    root : tk.Tk
    name : {"light", "dark"}
    percent : int
        Size of text; 0 to follow the screen's resolution.

    Attributes
    ----------
    colours : Colours
    percent, chosen : int
        The size of text, and what was asked for: 0 to follow the screen's resolution.
    has_extra : bool
        Whether the desktop extra is installed.
    listeners : list of callable
        Called after every change.
    """

    def __init__(self, root: tk.Tk, name: str, percent: int) -> None:
        self._root, self.name = root, name
        self.chosen = percent
        self.percent = percent or self._screen_percent()
        self.listeners: list[Callable[[], None]] = []
        self.has_extra = _has_sun_valley()
        family = font.nametofont("TkDefaultFont").actual("family")
        weights = {"Title": "bold", "Strong": "bold", "Small": "normal", "Tab": "normal"}
        # a font lives as long as its object
        self._fonts = [
            font.Font(root, name=f"Retro{name}", family=family, weight=weight)  # type: ignore[arg-type]
            for name, weight in weights.items()
        ]
        self._family = family
        # elsewhere the dialogs are the system's
        if root.tk.call("tk", "windowingsystem") == "x11":
            root.tk.eval(FILE_LIST)
        self.colours = LIGHT
        self.apply()

    @property
    def scale(self) -> float:
        """Pixels per pixel of a screen at 96 dpi."""
        return self.percent / 100

    def px(self, length: float) -> int:
        """Return a length in pixels, given that at 100 %."""
        return round(length * self.scale)

    def toggle(self) -> None:
        """Switch between light and dark."""
        self.name = "light" if self.name == "dark" else "dark"
        self.apply()

    def resize(self, steps: int) -> None:
        """Make text larger by so many steps, smaller if negative; 0 follows the screen's resolution."""
        before = self.percent
        if steps == 0:
            self.chosen, self.percent = 0, self._screen_percent()
        else:
            nearest = min(range(len(STEPS_PERCENT)), key=lambda k: abs(STEPS_PERCENT[k] - self.percent))
            self.chosen = self.percent = STEPS_PERCENT[min(max(nearest + steps, 0), len(STEPS_PERCENT) - 1)]
        self.apply()
        _scale_padding(self._root, self.percent / before)

    def apply(self) -> None:
        """Set colours and sizes, and call the listeners."""
        self.colours = DARK if self.name == "dark" else LIGHT
        style = ttk.Style(self._root)
        if self.has_extra:
            import sv_ttk

            sv_ttk.set_theme(self.name, self._root)
        else:
            _plain_theme(style, self.colours)
        self._set_fonts()
        row = font.nametofont("TkDefaultFont").metrics("linespace") + self.px(10)
        style.configure("Treeview", rowheight=row, font="TkDefaultFont")
        style.configure("Treeview.Heading", font="TkDefaultFont", padding=(self.px(6), self.px(2)))
        selected = blend(self.colours.window, self.colours.original, 0.35)
        style.map("Treeview", background=[("selected", selected)], foreground=[("selected", self.colours.ink)])
        for name in (*BUTTONS, "TLabel", "Toolbutton", "TRadiobutton", "TCheckbutton"):
            style.configure(name, font="TkDefaultFont")
        for name in BUTTONS:
            style.configure(name, padding=tuple(self.px(side) for side in BUTTON_PADDING))
        style.configure("Title.TLabel", font="RetroTitle")
        style.configure("Strong.TLabel", font="RetroStrong")
        style.configure("Small.TLabel", font="RetroSmall", foreground=self.colours.faint)
        style.configure("Error.TLabel", foreground=self.colours.error)
        self._root.configure(background=self.colours.window)
        # those of before keep their colours
        self._root.tk.call("destroy", *FILE_DIALOGS)
        for listener in self.listeners:
            listener()

    def _set_fonts(self) -> None:
        sizes = FONTS | (SUN_VALLEY_FONTS if self.has_extra else {})
        for name, size in sizes.items():
            font.nametofont(name, self._root).configure(size=-self.px(size), family=self._family)

    def _screen_percent(self) -> int:
        percent = 100 * self._root.winfo_fpixels("1i") / BASE_DPI
        return min(STEPS_PERCENT[1:], key=lambda step: abs(step - percent))


def _scale_padding(master: tk.Misc, ratio: float) -> None:
    """Scale the distances between all widgets, which were set when the window was built."""
    for child in master.winfo_children():
        manager = child.winfo_manager()
        if isinstance(child, tk.Widget) and manager in ("pack", "grid"):
            info: Any = child.pack_info() if manager == "pack" else child.grid_info()
            for side in ("padx", "pady"):
                child.tk.call(manager, "configure", child, f"-{side}", _scaled(info[side], ratio))
        if isinstance(child, ttk.Frame) and child.cget("padding"):
            child.tk.call(child, "configure", "-padding", _scaled(child.cget("padding"), ratio))
        _scale_padding(child, ratio)


def _scaled(distance: Any, ratio: float) -> tuple[int, ...]:
    """Scale a distance as Tk gives it: one number, or several."""
    parts = distance if isinstance(distance, tuple) else (distance,)
    return tuple(round(float(str(part)) * ratio) for part in parts)


def blend(a: str, b: str, fraction: float) -> str:
    """Return the colour between two, `a` at 0 and `b` at 1.

    Parameters
    ----------
    a, b : str
        As #rrggbb.
    fraction : float
        In [0, 1].

    Examples
    --------
    >>> blend("#000000", "#ff8000", 0.5)
    '#804000'
    """
    pairs = ((int(a[k : k + 2], 16), int(b[k : k + 2], 16)) for k in (1, 3, 5))
    return "#" + "".join(f"{round(x + fraction * (y - x)):02x}" for x, y in pairs)


def _has_sun_valley() -> bool:
    try:
        import sv_ttk  # noqa: F401
    except ImportError:
        return False
    return True


def _plain_theme(style: ttk.Style, colours: Colours) -> None:
    """Set Tk's own clam theme to our colours."""
    style.theme_use("clam")
    style.configure(
        ".",
        background=colours.window,
        foreground=colours.ink,
        fieldbackground=colours.panel,
        bordercolor=colours.line,
        lightcolor=colours.line,
        darkcolor=colours.line,
        troughcolor=colours.panel,
        selectbackground=colours.original,
        selectforeground=colours.panel,
        insertcolor=colours.ink,
        focuscolor=colours.original,
    )
    style.map(
        ".",
        background=[("active", colours.line)],
        foreground=[("disabled", colours.faint)],
        bordercolor=[("focus", colours.original)],
    )
    style.map("TNotebook.Tab", background=[("selected", colours.panel)])
    style.configure("Treeview", background=colours.panel)
    style.configure("Accent.TButton", background=colours.original, foreground=colours.panel)
    style.map("Accent.TButton", background=[("active", colours.original)])
