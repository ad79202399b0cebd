"""`python -m benchmarks.browser [RECORD]`: how soon the page plays a style that is chosen, and a dial that is moved.

A real page in Chromium; needs the extra web, playwright and Debian's chromium. Each style and one of its dials are
chosen `REPEATS` times, while the page renders the whole song in the sound before. The time runs from the event of the
radio button or slider to the event `playing` of the excerpt's player.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections import defaultdict

import numpy as np
from playwright.sync_api import Page, sync_playwright

from retrotone.style.eras import ERAS
from retrotone.utils.assets import bundled_record

REPEATS = 10
# The time between an excerpt and the next change.
LISTEN_SECONDS = 0.5
# JavaScript: when something was changed, and when its excerpt was heard, in ms; on a busy machine the whole song may be
# there before the excerpt sounds.
WATCH = """
window.changed = window.came = window.heard = 0;
document.addEventListener("input", () => { window.changed = performance.now(); window.came = window.heard = 0; }, true);
document.addEventListener("loadstart", event => {
  if (event.target.currentSrc.includes("/excerpt.")) window.came ||= performance.now();
}, true);
document.addEventListener("playing", () => { if (window.came) window.heard ||= performance.now(); }, true);
"""


def main(record: str) -> None:
    """Print a table."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "retrotone", "web", "--port", str(port)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout
        server.stdout.readline()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{port}/?dials=noise:0.5")
            page.wait_for_function("window.addressIsRead")
            page.evaluate(WATCH)
            measure(page, record)
    finally:
        server.terminate()
        server.wait()


def measure(page: Page, record: str) -> None:
    """Choose every style, and move a dial of it, again and again, and print how long that took."""
    page.get_by_label("a file of mine").click()
    page.locator("#record input[type=file]").set_input_files(record)
    print(f"a record that is yet to be read: heard after {seconds(page):.1f} s")
    chosen, turned = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for repeat in range(REPEATS):
        for style in [*ERAS, "a file of mine"]:
            page.get_by_label(style, exact=True).click()
            chosen[style].append(seconds(page))
            page.get_by_role("slider", name="noise").press("ArrowLeft" if repeat % 2 else "ArrowRight")
            turned[style].append(seconds(page))
    for what, times in (("chosen", chosen), ("dial moved", turned)):
        for style, measured in times.items():
            middle, most = np.median(measured), max(measured)
            print(f"{style:14} {what:10} heard after {middle:.2f} s, at most {most:.2f} s")
    everything = [each for times in (chosen, turned) for measured in times.values() for each in measured]
    print(f"all: median {np.median(everything):.2f} s, at most {max(everything):.2f} s, load {os.getloadavg()[0]:.1f}")


def seconds(page: Page) -> float:
    """Return how long the last change took to be heard, and listen."""
    page.wait_for_function("window.changed && window.heard")
    time.sleep(LISTEN_SECONDS)
    return float(page.evaluate("window.heard - window.changed")) / 1000


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(bundled_record()))
