"""The theme without the desktop extra."""

from __future__ import annotations

import sys
from tkinter import ttk

import pytest

from retrotone.desktop.app import make_root
from retrotone.desktop.theme import Theme


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
    root.destroy()
