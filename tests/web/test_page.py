"""The page as visitors use it: a real server, a real browser, real sound."""

from __future__ import annotations

import http.client
import importlib.util
import io
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

from retrotone.audio.audio import Audio, load
from retrotone.audio.tag_editing import edit_tags
from retrotone.library.library import Library

if importlib.util.find_spec("gradio") is None or importlib.util.find_spec("playwright") is None:
    pytest.skip("needs the extra web and playwright", allow_module_level=True)
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("needs Debian's chromium", allow_module_level=True)

from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright  # noqa: E402

SHOTS = Path(__file__).parents[2] / "out" / "screenshots"
# in ms, on a busy machine
PATIENCE = 300_000.0
expect.set_options(timeout=PATIENCE)
MAX_UPLOAD_MB = 2
# what axe finds in Gradio's own markup: the rule, and a piece of the element
GRADIOS = (
    # an icon beside the same word, in the footer
    ("image-redundant-alt", 'alt="Settings"'),
    # a player without a file
    ("aria-prohibited-attr", 'aria-label="Empty value"'),
    # a table without rows, and a waveform, after the page became narrower
    ("scrollable-region-focusable", 'class="virtual-table-viewport'),
    ("scrollable-region-focusable", 'part="scroll"'),
)
# what Gradio, Markdown or the browser would run or change
TITLE = "one_`two`_${document.title = 'run'} {{value}} <b>three</b> & four"
# the start of /etc/passwd
SECRET = "root:"


class Trap:
    """A proxy that lists the requests it gets and passes none on: all that would leave this machine goes through it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                connection.settimeout(5)
                self.asked.append(connection.recv(200).decode("latin-1").split("\r\n")[0])


class Server:
    """``retrotone web`` as a process of its own."""

    def __init__(self, *options: str, **environment: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "retrotone", "web", "--port", str(port), *options],
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = f"http://127.0.0.1:{port}"

    def wait(self) -> Server:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert self.url in line, line + self.process.communicate()[1]
        return self

    def stop(self) -> str:
        """End it, and return its stderr."""
        self.process.terminate()
        return self.process.communicate(timeout=PATIENCE / 1000)[1]

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Send a request with its path unchanged: other clients resolve the dots in it."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE / 1000)
        connection.putrequest(method, path, skip_host="host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.read()

    def upload(self, **headers: str) -> tuple[int, bytes]:
        """Upload a small file without a browser."""
        body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\nno song\r\n--x--\r\n'
        return self.ask("POST", "/gradio_api/upload", body, content_type="multipart/form-data; boundary=x", **headers)


@pytest.fixture(scope="module")
def trap() -> Trap:
    return Trap()


@pytest.fixture(scope="module")
def music(made_music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two kinds of the made music, and a track with a title that would be run."""
    folder = tmp_path_factory.mktemp("music")
    for kind in ("organ", "melody"):
        shutil.copytree(made_music / kind, folder / kind)
    edit_tags(folder / "organ" / "Bix.flac", {"title": [TITLE]})
    return folder


@pytest.fixture(scope="module")
def library(music: Path, analysing_here: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "library.db"
    with Library(path) as library:
        library.scan([music], workers=1)
    return path


@pytest.fixture(scope="module")
def server(library: Path, trap: Trap) -> Iterator[Server]:
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), trap.url)
    server = Server("--library", str(library), "--max-upload", str(MAX_UPLOAD_MB), NO_PROXY="", no_proxy="", **proxies)
    yield server.wait()
    folder = Path(json.loads(server.upload()[1])[0]).parents[1]
    # no other user may read the folder
    assert folder.stat().st_mode & 0o077 == 0
    assert "Traceback" not in server.stop()
    assert not folder.exists()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # without a GPU, its emulation takes a quarter of the browser's time
        args = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """All addresses that any page of this module asked for."""
    return []


class Visitor:
    """A browser session of its own on the page."""

    def __init__(self, browser: Browser, server: Server, asked: list[str], query: str = "") -> None:
        self.page: Page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("request", lambda request: asked.append(request.url))
        self.page.goto(server.url + query)
        self.page.wait_for_function("window.addressIsRead")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"web-{name}.png", full_page=True)

    def upload(self, path: Path) -> None:
        # a message may lie over it
        self.page.locator("#song").get_by_role("button", name="Clear").press("Enter")
        self.page.locator("#song input[type=file]").set_input_files(path)

    def drop(self, *paths: Path) -> None:
        """Drop songs onto the player of another."""
        self.page.locator("#song time").first.evaluate(
            """(target, files) => {
                const dataTransfer = new DataTransfer(), how = { bubbles: true, cancelable: true, dataTransfer };
                for (const [name, base64] of files) {
                    const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
                    // of no type, as files are whose suffix the browser does not know
                    dataTransfer.items.add(new File([bytes], name));
                }
                for (const kind of ["dragover", "drop"]) target.dispatchEvent(new DragEvent(kind, how));
            }""",
            [(path.name, b64encode(path.read_bytes()).decode()) for path in paths],
        )

    def sounding(self) -> list[bool]:
        """Return which of the players of the versions sound."""
        return list(self.page.evaluate("[...document.querySelectorAll('.players audio')].map(audio => !audio.paused)"))

    def download(self, link: str) -> Audio:
        """Download a result by a link."""
        with self.page.expect_download() as download:
            self.page.get_by_role("link", name=link, exact=True).click()
        assert download.value.suggested_filename == link.removeprefix("Download ")
        return load(download.value.path())

    def give(self, path: Path, clock: str) -> None:
        """Upload a song, and wait until the player shows its length."""
        self.upload(path)
        expect(self.page.locator("#song #duration")).to_have_text(clock, timeout=PATIENCE)

    def plays(self, file: str) -> Any:
        """Expect that a player fetches a file of such a name; see `sound`."""
        return self.page.expect_response(lambda response: file in response.url and response.ok)


def sound(played: Any) -> Audio:
    # a browser does not keep what its players fetched
    body = played.value.frame.page.request.get(played.value.url).body()
    samples, rate = soundfile.read(io.BytesIO(body), dtype="float32", always_2d=True)
    return Audio(samples.T, rate)


@pytest.fixture(scope="module")
def visitor(browser: Browser, server: Server, asked: list[str]) -> Iterator[Visitor]:
    """One visitor, who comes by a shared address and does one thing after another: a page takes 4 s to load."""
    query = "/?tab=generate&seed=7&walk=walk&strength=0.6&style=/etc/passwd&dials=noise:0.5"
    visitor = Visitor(browser, server, asked, query)
    yield visitor
    visitor.page.context.close()


def clip(made_music: Path, folder: Path, name: str, seconds: float) -> Path:
    song = load(made_music / "melody" / "Ada.flac", seconds)
    return song.save(folder / f"{name}.flac")


def test_settings_travel_in_the_address(visitor: Visitor) -> None:
    page = visitor.page
    expect(page.get_by_label("Seed")).to_have_value("7")
    expect(page.get_by_label("at random")).to_be_checked()
    expect(page.get_by_text("The address gives no valid value for: style. The default is kept.")).to_be_visible()
    visitor.tab("Restyle")
    expect(page.get_by_label("1930s")).to_be_checked()
    # the dials that were moved are in view
    expect(page.get_by_role("slider", name="noise")).to_have_value("50")
    # the styles are one group, which arrow keys move through
    page.get_by_label("1930s").focus()
    group = page.get_by_role("radiogroup", name="Style")
    for decade in ("1940s", "1950s"):
        page.keyboard.press("ArrowRight")
        expect(group.get_by_label(decade)).to_be_checked()
    page.wait_for_url(lambda url: "style=1950s" in url and "strength=0.6" in url and "tab=" not in url)


def test_a_dial_is_heard_and_saved_as_a_preset_that_gives_its_sound_back(
    visitor: Visitor, made_music: Path, clean_record: Path, tmp_path: Path
) -> None:
    page = visitor.page
    # the level of the noise stands beside its dial
    expect(page.locator("#dials")).to_contain_text("−51 dB")
    # as on a slow network, the whole song is long in coming: the excerpt is heard until it can be played
    whole, held = re.compile("demo_song-1950s.*noise.*strength60"), list[Route]()
    page.route(whole, lambda route: held.append(route))
    # slowly, so that on a busy machine it does not end before
    page.evaluate("slow = event => { event.target.playbackRate = 0.1; }; document.addEventListener('play', slow, true)")
    with page.expect_request(whole), visitor.plays("excerpt.flac") as heard:
        page.get_by_role("slider", name="noise").press("ArrowRight")
    assert "excerpt.flac" in page.evaluate("live.player().src")
    page.evaluate("document.removeEventListener('play', slow, true)")
    for route in held:
        route.continue_()
    page.unroute(whole)
    assert sound(heard).duration == pytest.approx(8, abs=0.01)
    # the players stay in view beside the last of the dials
    page.locator(".renders").first.scroll_into_view_if_needed()
    expect(page.locator("#live").get_by_role("button", name="original")).to_be_in_viewport()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#live").get_by_role("button", name="original")).to_be_in_viewport()
    # also in a low window, and with both of its columns
    for width, height in ((1280, 400), (667, 375)):
        page.set_viewport_size({"width": width, "height": height})
        page.locator(".renders").first.scroll_into_view_if_needed()
        expect(page.locator("#live").get_by_role("button", name="original")).to_be_in_viewport()
    page.set_viewport_size({"width": 390, "height": 844})
    # what they lie over can be scrolled out from under them
    for name in ("Reset dials", "Restyle"):
        visitor.button(name).click(trial=True)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_url(lambda url: "dials=noise%3A0.55" in url)
    # the whole song takes the excerpt's place, at the same moment
    expect(page.get_by_role("link", name="Download demo_song-1950s, noise 55%-strength60%.ogg")).to_be_visible()
    expect(
        page.locator(".renders").get_by_role("link", name="demo_song-1950s, noise 55%-strength60%.ogg")
    ).to_be_visible()
    page.wait_for_function("live.player().currentTime > 0")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as preset: 1950s, noise 55%.toml").click()
    preset = tmp_path / download.value.suggested_filename
    download.value.save_as(preset)
    page.get_by_label("a file of mine").click()
    with visitor.plays("excerpt.flac"):
        page.locator("#record input[type=file]").set_input_files(preset)
    # the preset holds what the dial was moved to
    expect(page.get_by_role("slider", name="noise")).to_have_value("100")
    page.wait_for_url(lambda url: "dials" not in url)
    expect(page.locator("#dials")).to_contain_text("−57 dB")
    page.get_by_role("slider", name="noise").press("ArrowRight")
    page.wait_for_url(lambda url: "dials" in url)
    visitor.button("Reset dials").click()
    page.wait_for_url(lambda url: "dials" not in url)
    visitor.shot("live")
    with visitor.plays("excerpt.flac"):
        page.get_by_role("slider", name="Strength").press("End")
    page.locator("#record").get_by_role("button", name="Clear").click()
    page.locator("#record input[type=file]").set_input_files(clean_record)
    expect(page.get_by_text("clean has no medium of its own to give: choose an older record")).to_be_visible()
    # the song as it is, is no new sound
    expect(page.locator("#live .players")).to_have_count(0)
    expect(page.locator("#dials")).to_be_hidden()


def test_two_visitors_restyle_their_songs_at_once_and_play_them(
    browser: Browser, server: Server, asked: list[str], visitor: Visitor, made_music: Path, tmp_path: Path
) -> None:
    songs = {name: clip(made_music, tmp_path, name, seconds) for name, seconds in (("hers", 2.0), ("his", 3.0))}
    hers, his = Visitor(browser, server, asked), visitor
    hers.give(songs["hers"], "0:02")
    his.give(songs["his"], "0:03")
    # a style that is chosen is heard at once, before the song is rendered
    with his.plays("excerpt.flac") as heard:
        his.page.get_by_label("1910s").click()
    assert not sound(heard).is_silent
    his.button("Loop from here").click()
    his.button("Restyle").click()
    with hers.page.expect_response(
        lambda response: "queue/join" in response.url and '"1930s"' in (response.request.post_data or "")
    ):
        hers.button("Restyle").click()
    # hers waits behind his, and goes on while she loads the page again
    hers.page.reload()
    expect(hers.page.locator("#song")).to_contain_text("hers.flac")
    expect(his.page.get_by_text("his as a medium of the 1910s would have kept it")).to_be_visible(timeout=PATIENCE)
    # each sees the own renders, which stay when the next one takes their place
    for each, name in ((hers, "hers-1930s.flac"), (his, "his-1910s.flac")):
        expect(each.page.locator(".renders").get_by_role("link", name=name)).to_be_visible()
    assert "hers" not in his.page.locator(".renders").first.inner_text()
    assert "1910s" not in hers.page.locator(".renders").first.inner_text()
    [cookie] = hers.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    # it has taken the place of what was heard before
    expect(his.page.locator("#live .players")).to_have_count(0)
    results = {"hers": hers.download("hers-1930s.flac"), "his": his.download("Download his-1910s.flac")}
    expect(his.page.locator("#retro-picture img")).to_be_visible(timeout=PATIENCE)
    for name, result in results.items():
        original = load(songs[name])
        assert result.duration == pytest.approx(original.duration, abs=0.01)
        assert abs(result.loudness - original.loudness) < 1
        # it did change
        assert np.corrcoef(result.samples[0], original.samples[0, : result.frames])[0, 1] < 0.99
    # one sound at a time: the song, then the original, then at its place the result
    his.page.locator("#song").get_by_role("button", name="Play", exact=True).click()
    expect(his.page.locator("#song").get_by_role("button", name="Pause", exact=True)).to_be_visible()
    # a result that comes while its sound still plays live is chosen already
    his.button("original").click()
    # from its start: by now what was heard live may be near its end
    his.page.evaluate("const audio = document.querySelector('.players audio'); audio.currentTime = 0; audio.play()")
    expect(his.page.locator("#song").get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert his.sounding() == [True, False]
    his.page.wait_for_function("document.querySelector('.players audio').currentTime > 0.3")
    his.button("1910s: acoustic 78").click()
    assert his.sounding() == [False, True]
    assert his.page.evaluate("document.querySelectorAll('.players audio')[1].currentTime") > 0.3
    assert his.page.locator(".playhead:visible").count() == 2
    # what lies between two presses goes round, of which the first was when the sound was heard live
    his.page.get_by_role("button", name="Loop 0:0").click()
    expect(his.page.get_by_role("button", name="Stop looping 0:0")).to_be_visible()
    his.page.evaluate("window.latest = 0")
    his.page.wait_for_function(
        """() => {
            const before = window.latest;
            window.latest = document.querySelectorAll('.players audio')[1].currentTime;
            return window.latest < before;
        }"""
    )
    his.page.get_by_role("button", name="Stop looping 0:0").click()
    # there is sound in a loop that is set at the end
    his.page.evaluate("document.querySelectorAll('.players audio')[1].currentTime = 3")
    for said in ("Loop from here", "Loop 0:03.0 to here"):
        his.button(said).click()
    expect(his.button("Stop looping 0:02.9 to 0:03.0")).to_be_visible()
    his.shot("retro")
    # a render that is wanted meanwhile waits for the first, and a double click is one click
    joined: list[Any] = []
    his.page.on(
        "request",
        lambda request: joined.append(request.post_data_json["data"]) if "queue/join" in request.url else None,
    )
    for decade in ("1920s", "1990s"):
        his.page.get_by_label(decade).click()
        his.button("Restyle").dblclick()
    expect(his.page.get_by_text("his as a medium of the 1990s would have kept it")).to_be_visible()
    # of the jobs of a song, a render alone has five settings
    assert [data[1] for data in joined if len(data) == 5] == ["1920s", "1990s"]
    # or it would be drawn 60 times a second throughout the tests that follow
    his.page.evaluate("document.querySelectorAll('audio').forEach(player => player.pause())")
    hers.page.context.close()


def test_the_bundled_songs_genre_takes_one_click_and_its_figure_follows_the_theme(visitor: Visitor) -> None:
    visitor.page.locator("#song").get_by_role("button", name="Clear").press("Enter")
    visitor.tab("Restyle")
    visitor.page.get_by_role("radio", name="1940s").click()
    expect(visitor.page.locator("#live")).to_have_text("There is no song yet: upload one.")
    visitor.button("Take the song that comes with retrotone").click()
    expect(visitor.page.locator("#song #duration")).to_have_text("0:31", timeout=PATIENCE)
    expect(visitor.button("Take the song that comes with retrotone")).to_be_hidden()
    visitor.tab("Genre")
    # nothing is left of the song before
    expect(visitor.page.get_by_text("One of ten genres, or not sure")).to_be_visible()
    expect(visitor.page.locator("#genres")).not_to_contain_text("%")
    visitor.button("Classify its genre").click()
    expect(visitor.page.get_by_text("This is country")).to_be_visible(timeout=PATIENCE)
    expect(visitor.page.locator("#genres")).to_contain_text("classical")
    picture = visitor.page.locator("#genre-picture img")
    expect(picture).to_be_visible()
    visitor.shot("genre")
    for scheme, file in (("dark", "demo_song-genre-dark.png"), ("light", "demo_song-genre.png")):
        visitor.page.emulate_media(color_scheme=scheme)
        expect(picture).to_have_attribute("src", re.compile(f"/{file}$"))
        visitor.page.wait_for_function("document.querySelector('#genre-picture img').naturalWidth > 0")


def test_a_song_dropped_onto_the_player_is_described_at_once_and_similar_tracks_play(
    visitor: Visitor, server: Server, music: Path
) -> None:
    visitor.page.evaluate("document.querySelector('.players audio')?.play()")
    visitor.drop(music / "organ" / "Ada.flac", music / "organ" / "Bix.flac")
    expect(visitor.page.locator("#song")).to_contain_text("Ada.flac", timeout=PATIENCE)
    # the song before is not heard any more
    visitor.page.wait_for_function("[...document.querySelectorAll('.players audio')].every(audio => audio.paused)")
    expect(
        visitor.page.get_by_text("Of 2 files, Ada.flac is taken: this page takes one song at a time.")
    ).to_be_visible()
    expect(visitor.page.locator("#about")).to_contain_text(re.compile("Tags: .* Most like it: "), timeout=PATIENCE)
    # a title is shown, and never run
    expect(visitor.page.locator("#about")).to_contain_text(f"Bix – {TITLE}")
    assert visitor.page.title() == "retrotone"
    visitor.tab("Similar")
    table = visitor.page.locator("#similar-table")
    expect(table.get_by_role("gridcell", name=f"Bix – {TITLE}")).to_be_visible()
    # a row that is chosen plays
    names = table.locator("[role=gridcell][data-col='0']")
    with visitor.plays("excerpt.ogg") as played:
        names.nth(1).click()
    assert not sound(played).is_silent
    player = visitor.page.locator("#similar-player")
    expect(player).to_contain_text(names.nth(1).inner_text().strip())
    # in ms, as long as a finger rests on a key
    visitor.page.keyboard.press("ArrowDown", delay=100)
    expect(player).to_contain_text(names.nth(2).inner_text().strip())
    expect(visitor.page.get_by_text('A genre with "?" is a guess')).to_be_visible()
    visitor.shot("similar")
    visitor.page.get_by_label("Genre", exact=True).fill("melody")
    visitor.page.get_by_label("Genre", exact=True).press("Enter")
    expect(table.get_by_role("gridcell", name="organ")).to_have_count(0)
    status, _ = server.ask("GET", f"/gradio_api/file={music / 'organ' / 'Bix.flac'}")
    # it plays a copy: the library's own files are not served
    assert status == 403


def test_axe_finds_nothing_in_our_markup(visitor: Visitor) -> None:
    """By the rules of WCAG, contrast among them; in light and dark, on a screen and on a phone."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    page, found = visitor.page, []
    screens = itertools.cycle([("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
    # each screen with another tab: a check takes half a second
    for tab, (scheme, width) in zip(
        ("Restyle", "Genre", "Similar", "Compare", "Generate", "Study"), screens, strict=False
    ):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_function(f"document.body.classList.contains('dark') === {str(scheme == 'dark').lower()}")
        visitor.tab(tab)
        # colours change over some frames
        page.wait_for_function("!document.getAnimations().some(each => each instanceof CSSTransition)")
        # messages, which Gradio builds, may still be there
        for violation in axe.run(page, {"exclude": [[".toast-wrap"]]}).response["violations"]:
            rule, marks = violation["id"], [node["html"] for node in violation["nodes"]]
            gradios = [mark for mark in marks if any(rule == known and part in mark for known, part in GRADIOS)]
            found += [(tab, scheme, width, rule, mark) for mark in marks if mark not in gradios]
    assert found == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_versions_are_compared(visitor: Visitor, made_music: Path, tmp_path: Path) -> None:
    visitor.tab("Compare")
    versions = [clip(made_music, tmp_path, name, 2.0) for name in ('"before"', f"after{' and after' * 15}")]
    visitor.page.locator("#versions input[type=file]").set_input_files(versions)
    expect(visitor.page.locator("#versions")).to_contain_text("after", timeout=PATIENCE)
    visitor.button("Compare them").click()
    expect(visitor.page.locator("#compare-picture img")).to_be_visible(timeout=PATIENCE)
    expect(visitor.page.get_by_role("gridcell", name="1.00").first).to_be_visible(timeout=PATIENCE)
    said = re.compile(r"'before' \(0:02\) compared with after .* \(0:02\), from beginning to end\.")
    expect(visitor.page.get_by_text(said)).to_be_visible()
    visitor.shot("compare")
    # on a phone, no title of the table breaks, and the table scrolls, not the page
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    heights = visitor.page.locator("th:visible").evaluate_all("titles => titles.map(title => title.offsetHeight)")
    assert max(heights) < 60
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 390
    # long names are on one line
    heights = visitor.page.locator(".versions:visible button").evaluate_all("all => all.map(each => each.offsetHeight)")
    assert heights[0] == heights[1]
    visitor.shot("phone")
    visitor.page.set_viewport_size({"width": 1280, "height": 900})


def test_the_study_shows_its_rows_as_they_come_and_stops(visitor: Visitor) -> None:
    visitor.tab("Study")
    visitor.button("Run the loss table").click()
    expect(visitor.page.locator("#loss-picture img")).to_be_visible(timeout=PATIENCE)
    visitor.button("Stop").first.click()
    expect(visitor.page.get_by_text("Stopped.")).to_be_visible(timeout=PATIENCE)
    visitor.shot("study")


def test_m5_learns_and_says_how_much(visitor: Visitor) -> None:
    visitor.tab("Study")
    visitor.button("Train M5").click()
    expect(visitor.page.get_by_text("After epoch 30 it classifies")).to_be_visible(timeout=PATIENCE)
    expect(visitor.page.locator("#curves-picture img")).to_be_visible()


def test_a_file_that_is_no_sound_gets_a_sentence(visitor: Visitor, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp3"
    broken.write_text("no music at all " * 100)
    visitor.upload(broken)
    expect(visitor.page.locator("#about")).to_contain_text("broken.mp3 is not a sound file", timeout=PATIENCE)
    visitor.tab("Genre")
    visitor.button("Classify its genre").click()
    said = visitor.page.locator(".toast-wrap")
    expect(said).to_contain_text("broken.mp3 is not a sound file", timeout=PATIENCE)
    expect(said).to_contain_text("That did not work")
    assert "retrotone-web-" not in said.inner_text()
    # the figure of another song does not stay under an error
    expect(visitor.page.locator("#genre-picture img")).to_have_count(0)
    # nor do empty boxes
    for name in ("#genres", "#tags"):
        expect(visitor.page.locator(name)).to_be_hidden()


def test_a_file_that_is_too_big_gets_a_sentence(visitor: Visitor, server: Server, tmp_path: Path) -> None:
    huge = tmp_path / "huge.wav"
    soundfile.write(huge, np.random.default_rng(0).normal(0, 0.1, (MAX_UPLOAD_MB + 1) * 1_000_000), 44_100)
    visitor.upload(huge)
    expect(visitor.page.get_by_text("exceed the maximum allowed size")).to_be_visible(timeout=PATIENCE)
    # too big as a file, and as a request
    for count in (1, 5):
        body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
        body += huge.read_bytes() * count + b"\r\n--x--\r\n"
        status, words = server.ask("POST", "/gradio_api/upload", body, content_type="multipart/form-data; boundary=x")
        assert status == 413
        assert b"maximum" in words or b"too big" in words


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../../../../../../../etc/passwd",
        "/gradio_api/file=%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/gradio_api/file=FOLDER/../../../../../etc/passwd",
        "/gradio_api/file=FOLDER%2f..%2f..%2fetc%2fpasswd",
        "/gradio_api/file=file:///etc/passwd",
        "/gradio_api/file=//etc/passwd",
        "/gradio_api/file=/etc/passwd%00.ogg",
        "/gradio_api/file=http://example.org/",
        "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=https://example.org/",
        "/gradio_api/stream/../../../etc/passwd",
        "/static/../../../../../../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/../../../../etc/passwd",
    ],
)
def test_no_other_file_is_served(server: Server, path: str) -> None:
    if "FOLDER" in path:
        path = path.replace("FOLDER", str(Path(json.loads(server.upload()[1])[0]).parents[1]))
    status, body = server.ask("GET", path)
    assert status in (400, 403, 404)
    assert SECRET.encode() not in body


@pytest.mark.parametrize(
    "forged",
    [
        "/etc/passwd",
        "../../../../etc/passwd",
        "file:///etc/passwd",
        "http://example.org/song.wav",
        "https://127.0.0.1/song.wav",
    ],
)
@pytest.mark.parametrize("where", ["/gradio_api/call/genre", "/gradio_api/queue/join", "/gradio_api/call/v2/genre"])
def test_an_upload_that_was_none_is_refused(server: Server, forged: str, where: str) -> None:
    file = {"path": forged, "url": forged, "meta": {"_type": "gradio.FileData"}}
    body: dict[str, Any] = {"data": [file], "session_hash": "x", "fn_index": 0, "song": file}
    status, words = server.ask("POST", where, json.dumps(body).encode(), content_type="application/json")
    assert status == 403
    assert b"reads no others" in words


def test_a_page_whose_server_was_started_again_says_so_and_begins_anew(visitor: Visitor) -> None:
    song = {"path": "/tmp/retrotone-web-before/song.wav", "meta": {"_type": "gradio.FileData"}}
    call = {"method": "POST", "body": json.dumps({"data": [song]})}
    with visitor.page.expect_event("dialog") as told, visitor.page.expect_navigation():
        visitor.page.once("dialog", lambda dialog: dialog.accept())
        visitor.page.evaluate("call => void fetch('/gradio_api/queue/join', call)", call)
    assert told.value.message.endswith("has no files of yours any more: upload your song again.")


def test_a_page_elsewhere_cannot_pose_as_this_one(server: Server) -> None:
    assert server.ask("GET", "/", host="evil.example")[0] == 421
    assert server.ask("GET", "/", host="localhost:80")[0] == 200


def test_a_page_of_another_origin_can_neither_upload_nor_call(server: Server) -> None:
    body = json.dumps({"data": [None]}).encode()
    foreign: list[dict[str, str]] = [
        {"origin": "https://evil.example"},
        # another port of this machine is another origin
        {"origin": "http://127.0.0.1:8888"},
        {"origin": "null"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"},
    ]
    for headers in foreign:
        assert server.upload(**headers)[0] == 403
        for call in ("/gradio_api/call/genre", "/gradio_api/queue/join"):
            status, words = server.ask("POST", call, body, content_type="application/json", **headers)
            assert (status, words) == (403, b"This page does not answer to other pages.")
    assert server.ask("GET", "/gradio_api/info", sec_fetch_site="cross-site", sec_fetch_mode="cors")[0] == 403
    # a link on another page leads here, and the page's own requests pass
    assert server.ask("GET", "/", sec_fetch_site="cross-site", sec_fetch_mode="navigate")[0] == 200
    assert server.upload(origin=server.url)[0] == 200
    # behind a proxy, the browser knows the page by another name than the server does
    assert server.upload(origin="https://retro.example.org", sec_fetch_site="same-origin")[0] == 200


def test_the_configuration_names_no_folder(server: Server) -> None:
    status, configuration = server.ask("GET", "/config")
    assert status == 200
    assert b"retrotone-web-" not in configuration


def test_an_upload_that_breaks_off_and_a_call_that_does_not_exist_write_no_traceback(server: Server) -> None:
    """The traceback would be found when the server ends."""
    begun = b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0)) as connection:
        connection.sendall(begun + b"Content-Length: 1000\r\n\r\n--x\r\n")
    status, words = server.ask("POST", "/gradio_api/call/nothing", b'{"data": []}', content_type="application/json")
    assert status == 400
    assert b"Use via API" in words


def test_the_api_answers_a_program(server: Server, made_music: Path, tmp_path: Path) -> None:
    from gradio_client import Client, handle_file

    client = Client(server.url, verbose=False, download_files=str(tmp_path))
    song = handle_file(str(made_music / "organ" / "Clara.flac"))
    words, result, picture, table = client.predict(song, "1980s", 0.5, None, "noise:0", api_name="/retro")
    assert "strength 50%" in words
    assert Path(result).name == "Clara-1980s, noise 0%-strength50%.flac"
    assert load(result).duration == pytest.approx(4, abs=0.01)
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    assert table["data"][0][0] == "original"
    words, found = client.predict(song, api_name="/similar")
    assert words == "What sounds most like Clara:"
    assert len(found["data"]) == 5
    words, found = client.predict(song, genre="melody", api_name="/similar")
    assert [row[1] for row in found["data"]] == ["melody"]
    with pytest.raises(Exception, match="'fast' is no range"):
        client.predict(song, "fast", api_name="/similar")
    _, made, _ = client.predict(seconds=1.5, seed=3, api_name="/generate")
    assert load(made).duration == pytest.approx(1.5, abs=0.01)
    with pytest.raises(Exception, match="There is no song yet"):
        client.predict(None, api_name="/genre")
    with pytest.raises(Exception, match="Style cannot be '1850s': it is one of 1900s"):
        client.predict(song, "1850s", 0.5, None, api_name="/retro")
    with pytest.raises(Exception, match="Strength cannot be 'loud': it is a number from 0 to 1"):
        client.predict(song, "1930s", "loud", None, api_name="/retro")
    with pytest.raises(Exception, match="'noise:3' sets no parts of a medium: use width, "):
        client.predict(song, "1930s", 1, None, "noise:3", api_name="/retro")
    with pytest.raises(Exception, match="This call takes other values"):
        client.predict(7, api_name="/genre")


def test_the_browser_itself_refuses_to_ask_others(visitor: Visitor) -> None:
    refused = visitor.page.evaluate(
        """() => new Promise(done => {
            document.addEventListener("securitypolicyviolation", event => done(event.blockedURI));
            new Image().src = "https://example.org/pixel.png";
        })"""
    )
    assert refused == "https://example.org/pixel.png"


def test_nothing_left_this_machine(server: Server, asked: list[str], trap: Trap) -> None:
    """Last of this file: by now every tab was used."""
    assert len(asked) > 100
    strange = {url for url in asked if not url.startswith((server.url, f"blob:{server.url}", "data:"))}
    # refused, see above
    assert strange <= {"https://example.org/pixel.png"}
    assert trap.asked == []
