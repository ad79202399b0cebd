"""A screen for the window: the one that is there, or Xvfb's."""

from __future__ import annotations

import ctypes
import functools
import gc
import os
import shutil
import subprocess
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tkinter import filedialog, ttk

import pytest
from tests.desktop.model_host import ModelHost

import retrotone as rt

SCREENSHOTS = Path(__file__).resolve().parents[2] / "out" / "screenshots"
# On a busy machine.
TIMEOUT_SECONDS = 300


@pytest.fixture(scope="session")
def screen() -> Iterator[str]:
    """A display of 1280x720 for as long as the tests run."""
    patch = pytest.MonkeyPatch()
    if os.environ.get("DISPLAY"):
        yield os.environ["DISPLAY"]
        return
    if not shutil.which("Xvfb"):
        pytest.skip("needs a display, or Xvfb to make one")
    ours, theirs = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "1280x720x24", "-dpi", "96", "-nolisten", "tcp"],
        pass_fds=[theirs],
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    patch.setenv("DISPLAY", f":{os.read(ours, 20).decode().strip()}")
    yield os.environ["DISPLAY"]
    patch.undo()
    server.terminate()
    server.wait()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of the bundled song, under a name that Tcl has to quote."""
    from retrotone.utils.assets import bundled_song

    path = tmp_path_factory.mktemp("songs") / "My {live} song, take 2.wav"
    return rt.load(bundled_song()).slice(4, 10).save(path)


class Driver:
    """What a user does with a window, and sees of it."""

    def __init__(self, root: tk.Tk, library: Path) -> None:
        from retrotone.desktop.window import Window

        self.root, self.window = root, Window(root, str(library))
        root.geometry("1280x720+0+0")
        self.session = self.window.session
        self.wait(lambda: bool(self.window.restyle_tab.styles.tree.get_children()))

    @property
    def status(self) -> str:
        return str(self.window.status.cget("text"))

    @property
    def idle(self) -> bool:
        return not (self.session.jobs.busy or self.session.long_jobs.busy)

    def wait(self, until: Callable[[], bool]) -> int:
        """Run the window's loop until a condition holds; return the number of rounds."""
        rounds, end = 0, time.monotonic() + TIMEOUT_SECONDS
        while not until():
            assert time.monotonic() < end, f"timed out; the window's status: {self.status!r}"
            self.root.update()
            rounds += 1
            time.sleep(0.005)
        return rounds

    def press(self, text: str, within: tk.Misc | None = None) -> None:
        """Press the visible button with this text, by the keyboard."""
        button = next(each for each in self._buttons(within or self.root) if each.cget("text") == text)
        button.focus_force()
        self.root.update()
        button.event_generate("<Return>")
        self.root.update()

    def key(self, sequence: str) -> None:
        self.root.focus_force()
        self.root.update()
        self.root.event_generate(sequence)
        self.root.update()

    def drop(self, *paths: Path) -> None:
        """Drop files, as a Tcl list."""
        self.window.drop(self.root.tk.eval("format %s [list " + " ".join(map(_quoted, paths)) + "]"))

    def drag_in(self, *paths: Path) -> None:
        """Drop files as a file manager does: by messages of X11, to the window that Tk puts around ours."""
        wrapper, source = _parent(self.root.winfo_id()), tk.Toplevel(self.root)
        source.geometry("1x1+0+0")
        uris = "\r\n".join(path.as_uri() for path in paths)
        source.selection_handle(  # type: ignore[no-untyped-call]
            lambda start, count: uris[int(start) : int(start) + int(count)],
            selection="XdndSelection",
            type="text/uri-list",
        )
        source.selection_own(selection="XdndSelection")  # type: ignore[no-untyped-call]
        self.root.update()
        place = (self.root.winfo_rootx() + 300, self.root.winfo_rooty() + 300, "copy")
        for message, *details in (("Enter", ("text/uri-list",)), ("Position", *place), ("Drop",)):
            self.root.tk.call(f"_send_Xdnd{message}", source, wrapper, wrapper, *details)
        self.root.update()
        source.destroy()

    def show(self, tab: ttk.Frame) -> None:
        self.window.show(tab)
        self.root.update()

    def texts(self, master: tk.Misc) -> str:
        """Return what the labels in a frame say."""
        labels = [child for child in master.winfo_children() if isinstance(child, ttk.Label)]
        others = [self.texts(child) for child in master.winfo_children() if not isinstance(child, ttk.Label)]
        return " ".join([*(str(label.cget("text")) for label in labels), *others])

    def shot(self, name: str) -> None:
        """Keep a picture of the screen."""
        from PIL import ImageGrab

        self.root.update()
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        ImageGrab.grab(xdisplay=os.environ["DISPLAY"]).save(SCREENSHOTS / f"desktop-{name}.png")

    def _buttons(self, master: tk.Misc) -> Iterator[ttk.Button]:
        for child in master.winfo_children():
            if isinstance(child, ttk.Button) and child.winfo_viewable():
                yield child
            yield from self._buttons(child)


def _parent(window: int) -> int:
    """Return the X11 window that holds another."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display, parent = ctypes.c_void_p(x11.XOpenDisplay(None)), ctypes.c_ulong()
    unused = [ctypes.byref(ctypes.c_ulong()) for _ in range(3)]
    x11.XQueryTree(display, ctypes.c_ulong(window), unused[0], ctypes.byref(parent), *unused[1:])
    x11.XCloseDisplay(display)
    return parent.value


def _quoted(path: Path) -> str:
    return "".join(f"\\{letter}" if letter in '{}[]$"\\ ;' else letter for letter in str(path))


@pytest.fixture(scope="module")
def driver(screen: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """A window of its own for each module of tests, with settings and a library of its own."""
    from retrotone.desktop.app import make_root

    patch = pytest.MonkeyPatch()
    home = tmp_path_factory.mktemp("home")
    with suppress(ImportError):
        import miniaudio

        # runs in real time, and needs no hardware
        silent = functools.partial(miniaudio.PlaybackDevice, backends=[miniaudio.Backend.NULL])
        patch.setattr(miniaudio, "PlaybackDevice", silent)
    patch.setenv("XDG_CONFIG_HOME", str(home))
    driver = Driver(make_root(), home / "library.db")
    yield driver
    driver.window.close()
    patch.undo()
    # deleted at once: later it might be in another thread, which Tk does not allow
    vars(driver).clear()
    gc.collect()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the system's dialogs return, by the name of the function that opens them."""
    given: dict[str, str] = {}
    for name in ("askopenfilename", "asksaveasfilename", "askdirectory"):
        monkeypatch.setattr(filedialog, name, lambda name=name, **_: given[name])
    return given


@pytest.fixture
def song(driver: Driver, clip: Path) -> Path:
    """The clip, opened and analysed."""
    if driver.session.path != str(clip) or driver.session.song is None:
        driver.drop(clip)
        driver.wait(lambda: driver.session.song is not None)
    return clip


@pytest.fixture
def model_host(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelHost]:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, for a certificate")
    with ModelHost(tmp_path_factory.mktemp("host")) as host:
        for name, value in host.environment.items():
            monkeypatch.setenv(name, value)
        yield host
        host.shutdown()
