"""Starting and ending the window."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from retrotone.cli.main import run

# Of a busy machine, for a program of 440 MB to start.
TIMEOUT_SECONDS = 120


@pytest.mark.parametrize(("sent", "dialog"), [("SIGINT", False), ("SIGTERM", True)])
def test_a_signal_ends_the_window_also_while_a_dialog_is_open(
    screen: str, tmp_path: Path, sent: str, dialog: bool
) -> None:
    code = f"""
import os, signal, threading
from retrotone.desktop import app
make = app.make_root
def root():
    made = make()
    if {dialog}:
        made.after(1000, lambda: made.event_generate("<Control-o>"))
        made.after(1000, made.focus_force)
    # once the window listens, and not in a callback, where an exception would be reported
    made.after(1000, threading.Timer(1.5, os.kill, (os.getpid(), signal.{sent})).start)
    return made
app.make_root = root
app.run()
"""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    words = [sys.executable, "-c", code]
    ended = subprocess.run(words, env=environment, timeout=TIMEOUT_SECONDS, text=True, capture_output=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_folder_that_needs_no_python_opens_a_song(screen: str, clip: Path, tmp_path: Path) -> None:
    program = Path(__file__).parents[2] / "dist" / "retrotone" / "retrotone"
    if not program.is_file() or shutil.which("xwininfo") is None:
        pytest.skip("needs xwininfo, and what PyInstaller makes of packaging/retrotone.spec: see docs/desktop.md")
    assert not list(program.parent.rglob("torch"))
    # nothing of this environment
    environment = {"DISPLAY": screen, "HOME": str(tmp_path), "PATH": ""}
    with subprocess.Popen([program, "app", clip], env=environment, stderr=subprocess.PIPE, text=True) as process:
        shown, end = "", time.monotonic() + TIMEOUT_SECONDS
        while f"{clip.stem} – retrotone" not in shown:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < end, shown
            time.sleep(0.2)
            shown = subprocess.run(["xwininfo", "-root", "-tree"], capture_output=True, text=True, check=True).stdout
        process.terminate()
        assert process.communicate(timeout=TIMEOUT_SECONDS)[1] == ""


def test_without_a_display_one_line_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert run(["app"]) == 2
    message = capsys.readouterr().err
    assert "display" in message
    assert len(message.strip().splitlines()) == 1


def test_without_tk_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tkinter", None)
    assert run(["app"]) == 2
    message = capsys.readouterr().err
    assert "python3-tk" in message
    assert len(message.strip().splitlines()) == 1


def test_a_desktop_entry_opens_songs_with_the_window(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    # a path that the entry must quote
    program = tmp_path / 'my "python" 100%'
    monkeypatch.setattr(sys, "executable", str(program))
    assert run(["app", "--install"]) == 0
    entry, *icons = map(Path, re.findall("wrote (.*)", capsys.readouterr().out))
    parser = configparser.RawConfigParser()
    parser.read(entry)
    values = parser["Desktop Entry"]
    quoted = str(program).replace('"', '\\\\"').replace("%", "%%")
    assert values["exec"] == f'"{quoted}" -m retrotone app %f'
    assert "audio/flac;" in values["mimetype"]
    assert [Image.open(icon).size for icon in icons] == [(48, 48), (256, 256)]
