"""`python -m benchmarks.window [FOLDER]`: how fast the window opens, and how long it is blocked at most.

A timer fires every 5 ms in Tk's loop; the longest time between two events is the delay that a user notices. Beside it,
the time that the window's own process computed in that gap: on a busy machine the rest is waiting for a core.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tkinter as tk

    from retrotone.desktop.window import Window

BEAT_MS = 5
# A dial is moved for so long, an event of the pointer every so often.
DRAG_SECONDS, DRAG_STEP_SECONDS = 6.0, 0.016
# A list of so many tracks is sorted, which is over after so long.
TRACKS, SETTLE_SECONDS = 20_000, 1.5


def main(folder: str) -> None:
    """Print a table; needs a display."""
    began = time.perf_counter()
    from retrotone.desktop.app import open_window

    with tempfile.TemporaryDirectory() as temporary:
        window = open_window(str(Path(temporary) / "library.db"))
        root = window.root
        root.update()
        print(f"window after {time.perf_counter() - began:.2f} s")
        last: list[float] = [time.perf_counter(), time.process_time()]
        gaps: list[tuple[float, float]] = []

        def beat() -> None:
            now = [time.perf_counter(), time.process_time()]
            gaps.append((now[0] - last[0], now[1] - last[1]))
            last[:] = now
            root.after(BEAT_MS, beat)

        beat()

        def during(name: str, start: Callable[[], object]) -> None:
            gaps.clear()
            since = time.perf_counter()
            start()
            while window.session.jobs.busy or window.session.long_jobs.busy:
                root.update()
                time.sleep(0.001)
            wall, own = max(gap for gap, _ in gaps), max(own for _, own in gaps)
            seconds = time.perf_counter() - since
            print(f"{name:12} {seconds:6.1f} s, longest gap {1000 * wall:4.0f} ms, computing {1000 * own:4.0f} ms")

        during("start", lambda: None)
        during("listen", window.open_example)
        window.show(window.restyle_tab)
        live(window, root, gaps)
        drag(window, root, gaps)
        during("restyle", window.restyle_tab.restyle)
        window.show(window.compare_tab)
        during("compare", window.compare_tab.draw)
        window.show(window.library_tab)
        window.session.settings.library_folders = [folder]
        during("scan", window.library_tab.scan)
        sort(window, root, gaps)
        window.show(window.study_tab)
        during("M5", window.study_tab.run_training)
        during("loss table", window.study_tab.run_loss)
        window.close()


def live(window: Window, root: tk.Tk, gaps: list[tuple[float, float]]) -> None:
    """Print how soon each era, the bundled record, and one dial of each are heard, and the longest gap meanwhile."""
    from retrotone.style.choices import StyleChoice
    from retrotone.utils.assets import bundled_record

    tab, heard = window.restyle_tab, list[str]()
    window.session.player.play = lambda: heard.append("played")  # type: ignore[method-assign]

    def until_heard(act: Callable[[], object]) -> float:
        heard.clear()
        began = time.perf_counter()
        act()
        while not heard:
            root.update()
            time.sleep(0.001)
        return time.perf_counter() - began

    tab.offer([StyleChoice.of_path(str(bundled_record()))])
    styles = [key for key in tab.styles.tree.get_children() if key.startswith(("era", "record"))]
    # the first one is selected already
    tab.styles.select(styles[1])
    gaps.clear()
    for key in styles:
        chosen = until_heard(lambda key=key: tab.styles.select(key))  # type: ignore[misc]
        turned = until_heard(lambda: next(iter(tab.dials.sliders.values())).event_generate("<Button-1>", x=9, y=9))
        print(f"{key:14} heard after {chosen:.2f} s, its first dial after {turned:.2f} s")
    print(f"{'live':12} longest gap {1000 * max(gap for gap, _ in gaps):4.0f} ms, ", end="")
    print(f"computing {1000 * max(own for _, own in gaps):4.0f} ms")


def drag(window: Window, root: tk.Tk, gaps: list[tuple[float, float]]) -> None:
    """Print the longest gap while the pointer moves a dial to and fro and the song plays in its sound."""
    tab = window.restyle_tab
    tab.styles.select("era 1940s")
    while "hum" not in tab.dials.sliders or window.session.live_jobs.busy:
        root.update()
        time.sleep(0.001)
    dial = tab.dials.sliders["hum"]
    gaps.clear()
    began = time.perf_counter()
    while (now := time.perf_counter()) < began + DRAG_SECONDS:
        share = abs((now - began) % 2 - 1)
        # now and then the hand rests, so that an excerpt is rendered and shown
        if (now - began) % 1.5 < 1:
            dial.event_generate("<B1-Motion>", x=round(share * dial.winfo_width()), y=9)
        until = now + DRAG_STEP_SECONDS
        while time.perf_counter() < until:
            root.update()
            time.sleep(0.001)
    walls = np.array(gaps) * 1000
    wall, own = walls.max(axis=0)
    print(f"{'dial moved':12} longest gap {wall:4.0f} ms, computing {own:4.0f} ms, ", end="")
    print(f"99.9 % of the gaps below {np.percentile(walls[:, 0], 99.9):.0f} ms")


def sort(window: Window, root: tk.Tk, gaps: list[tuple[float, float]]) -> None:
    """Print the longest gap while a list of many tracks is sorted by each of its columns."""
    from retrotone.desktop.tabs.library import COLUMNS

    generator, table = np.random.default_rng(0), window.library_tab.tracks
    # titles and artists, genres and keys, tempi and years, lengths
    cells = (100_000, 300, 10, 120, 24, 90, 500)
    numbers = generator.integers(0, cells, (TRACKS, len(cells)))
    kinds = ("{} title", "{} artist", "{} genre", "{}", "{} major", "{}", "{}:30")
    rows = [[kind.format(cell) for kind, cell in zip(kinds, row, strict=True)] for row in numbers]
    table.fill({str(key): row for key, row in enumerate(rows)})

    def settle() -> None:
        until = time.perf_counter() + SETTLE_SECONDS
        while time.perf_counter() < until:
            root.update()
            time.sleep(0.001)

    settle()
    gaps.clear()
    for title, _ in COLUMNS:
        root.tk.eval(str(table.tree.heading(title, "command")))
        settle()
    wall, own = 1000 * np.max(gaps, axis=0)
    print(f"{'sort':12} longest gap {wall:4.0f} ms, computing {own:4.0f} ms, {TRACKS} tracks")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "../shared/music")
