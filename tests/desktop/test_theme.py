"""The theme without the desktop extra, and the size that the desktop asks for."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tkinter import font, ttk

import pytest

from retrotone.desktop.app import make_root
from retrotone.desktop.theme import TEXT_PX, Theme


def test_without_the_extra_tk_s_own_theme_is_light_and_dark(screen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sv_ttk", None)
    monkeypatch.setitem(sys.modules, "tkinterdnd2", None)
    root = make_root()
    theme = Theme(root, "light", 100)
    label = ttk.Label(root, text="song")
    label.pack()
    before = ttk.Style(root).lookup("TLabel", "background")
    theme.toggle()
    assert not theme.has_extra
    assert ttk.Style(root).lookup("TLabel", "background") != before
    # so is the list of files of Tk's own dialogs
    if root.tk.call("tk", "windowingsystem") == "x11":
        root.tk.call("::tk::IconList", ".files")
        assert root.tk.call(".files.cHull.canvas", "cget", "-background") == theme.colours.window
    root.destroy()


@pytest.mark.skipif(bool(os.environ.get("DISPLAY")), reason="a desktop's own resources come before those of this test")
def test_text_and_layout_follow_the_resolution_of_the_desktop(
    screen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".Xdefaults").write_text("Xft.dpi: 192\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    root = make_root()
    usual = root.tk.call("tk", "scaling")
    theme = Theme(root, "light", 0)
    row = ttk.Frame(root, padding=theme.px(10))
    row.pack(padx=theme.px(5))
    assert theme.percent == 200
    # not twice as large again
    assert font.nametofont("TkDefaultFont", root).metrics("linespace") == pytest.approx(2.4 * TEXT_PX, rel=0.15)
    theme.resize(-1)
    assert str(row.cget("padding")[0]) == str(round(20 * theme.percent / 200))
    assert row.pack_info()["padx"] == round(10 * theme.percent / 200)
    # it is one for all windows of a process
    root.tk.call("tk", "scaling", usual)
    root.destroy()
