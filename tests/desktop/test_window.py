"""A real window under a real X server: what a user does, and what the window shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tkinter import filedialog, font, ttk
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import retrotone as rt
from retrotone.cli.main import run
from retrotone.desktop import tasks
from retrotone.desktop.app import make_root
from retrotone.desktop.settings import Settings, place
from retrotone.desktop.theme import Look
from retrotone.style.choices import StyleChoice

if TYPE_CHECKING:
    from tests.desktop.conftest import Driver


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the system's dialogs give back, by the name of the function that opens them."""
    given: dict[str, str] = {}
    for name in ("askopenfilename", "asksaveasfilename", "askdirectory"):
        monkeypatch.setattr(filedialog, name, lambda name=name, **_: given[name])
    return given


@pytest.fixture
def song(driver: Driver, clip: Path) -> Path:
    """The clip, opened and listened to."""
    if driver.window.path != str(clip) or driver.window.song is None:
        driver.drop(clip)
        driver.wait(lambda: driver.window.song is not None)
    return clip


def test_a_chosen_song_shows_its_waveform_genre_and_tags(
    driver: Driver, clip: Path, answers: dict[str, str]
) -> None:
    answers["askopenfilename"] = str(clip)
    driver.press("Choose a song…")
    driver.wait(lambda: driver.window.song is not None)
    tab, heard = driver.window.song_tab, driver.window.song
    assert heard is not None
    assert heard.genres[0][0] in tab.verdict.cget("text")
    assert "0:06, 44.1 kHz, stereo" in tab.facts.cget("text")
    assert tab.waveform.outlined
    assert tab.genres.find_all()
    assert tab.timeline.find_all()
    assert heard.tags[0][0] in tab.tags.cget("text")
    driver.shot("song")


def test_the_example_does_not_lead_dialogs_into_the_package(driver: Driver, clip: Path) -> None:
    driver.drop(clip)
    driver.press("Example")
    driver.wait(lambda: driver.window.song is not None and driver.window.path != str(clip))
    assert driver.window.settings.folder == str(clip.parent)


def test_a_dropped_song_is_opened_whatever_its_name(driver: Driver, clip: Path, tmp_path: Path) -> None:
    other = tmp_path / "{brace} $dollar [bracket] and \\ more.wav"
    other.write_bytes(clip.read_bytes())
    driver.drop(other, clip)
    driver.wait(lambda: driver.window.song is not None)
    assert driver.window.name.cget("text") == other.name
    assert driver.window.song is not None
    assert driver.window.song.name == str(other)


def test_a_file_that_is_no_sound_gets_a_sentence_and_the_window_goes_on(
    driver: Driver, tmp_path: Path, clip: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "notes.mp3"
    wrong.write_text("no music at all\n" * 100)
    driver.drop(wrong)
    driver.wait(lambda: driver.idle)
    assert "notes.mp3" in driver.status
    assert "not a sound file" in driver.status
    assert str(driver.window.status.cget("style")) == "Error.TLabel"
    assert not str(driver.window.status.cget("foreground"))  # nothing hides the style's red
    assert not driver.window.song_tab.verdict.cget("text")  # no "Listening…" for ever
    driver.root.after(0, lambda: 1 / 0)
    driver.wait(lambda: "ZeroDivisionError" in driver.status)
    driver.drop(clip)
    driver.wait(lambda: driver.window.song is not None)
    assert "Traceback" not in capfd.readouterr().err


def test_an_era_is_rendered_heard_beside_the_original_and_saved(
    driver: Driver, song: Path, answers: dict[str, str], tmp_path: Path
) -> None:
    window = driver.window
    driver.show(window.retro)
    window.retro.ways.select("era 1900s")
    driver.press("Render")
    driver.wait(lambda: driver.idle)
    assert "wax cylinder" in driver.status
    assert "1900s" in window.retro.heading.cget("text")
    assert window.retro.result.outlined
    driver.shot("retro")

    window.player.playing = True  # no device is needed to pull frames
    window.player.seek(0.5)
    assert window.bar.heard.get() == 1
    result = window.player.frames(2000)
    driver.key("<Control-b>")
    window.player.seek(0.5)
    original = window.player.frames(2000)[1000:]
    window.player.playing = False
    frames = rt.load(song).samples.T
    np.testing.assert_allclose(original, frames[len(frames) // 2 :][1000:2000], atol=1e-4)
    assert np.abs(result[1000:] - original).max() > 0.01

    answers["asksaveasfilename"] = str(song)
    driver.press("Save as…")
    assert "another name" in driver.status
    target = tmp_path / "retro.flac"
    answers["asksaveasfilename"] = str(target)
    driver.press("Save as…")
    driver.wait(lambda: driver.idle)
    assert f"Saved {target}" in driver.status
    saved = rt.load(target)
    assert saved.duration == pytest.approx(6)
    assert saved.loudness == pytest.approx(rt.load(song).loudness, abs=1)


def test_the_window_lives_while_it_renders_and_cancels(driver: Driver, song: Path) -> None:
    window = driver.window
    driver.show(window.retro)
    before = len(window.rendered)
    window.retro.ways.select("rave parlour")
    driver.press("Render")
    assert window.progress.button.winfo_viewable()
    theme = window.look.theme
    driver.key("<Control-d>")
    assert window.look.theme != theme
    driver.shot("retro-dark")
    driver.key("<Control-d>")
    driver.key("<Escape>")
    driver.wait(lambda: driver.idle)
    assert driver.status == "Cancelled."
    assert len(window.rendered) == before
    assert not window.progress.button.winfo_viewable()


def test_jobs_are_done_one_after_the_other_in_their_order(driver: Driver) -> None:
    window, done = driver.window, list[str]()

    def then(choice: StyleChoice) -> None:
        done.append(choice.name)
        if choice.name == "1900s":  # more work comes of the first, while others wait
            window.run(tasks.own_choice, "era", "1990s", done=then)

    for name in ("1900s", "1910s", "1930s"):
        window.run(tasks.own_choice, "era", name, done=then)
    driver.wait(lambda: driver.idle)
    assert done == ["1900s", "1910s", "1930s", "1990s"]


def test_another_song_ends_what_was_done_for_the_one_before(
    driver: Driver, song: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(song.read_bytes())
    driver.show(driver.window.retro)
    driver.press("Render")
    driver.drop(other)
    driver.wait(lambda: driver.idle)
    assert driver.window.song is not None
    assert driver.window.song.name == str(other)
    assert driver.window.rendered == []
    assert driver.status == ""


def test_the_comparison_is_drawn_and_zooms(driver: Driver, song: Path) -> None:
    tab = driver.window.compare
    driver.show(tab)
    driver.wait(lambda: driver.idle and tab.view.shown)
    assert "0.0 to 6.0 s" in tab.told.cget("text")
    driver.shot("compare")
    width = tab.view.winfo_width()
    for event, share in (("<ButtonPress-1>", 0.3), ("<B1-Motion>", 0.35), ("<ButtonRelease-1>", 0.4)):
        tab.view.event_generate(event, x=int(share * width), y=100)
    driver.wait(lambda: driver.idle)
    assert tab.stretch is not None
    start, stop = tab.stretch
    assert 0 < start < stop < 6
    assert f"{start:.1f} to {stop:.1f} s" in tab.told.cget("text")
    driver.press("Whole")
    driver.wait(lambda: driver.idle)
    assert "0.0 to 6.0 s" in tab.told.cget("text")


def test_without_a_library_the_tab_that_makes_one_is_named(driver: Driver, song: Path) -> None:
    driver.show(driver.window.similar)
    driver.wait(lambda: "tab Library" in driver.status)


def test_a_library_is_scanned_mapped_and_asked_for_siblings(
    driver: Driver, made_music: Path, answers: dict[str, str], tmp_path: Path
) -> None:
    window, tab = driver.window, driver.window.library_tab
    folder = tmp_path / "music"
    for kind in ("organ", "pulse"):
        (folder / kind).mkdir(parents=True)
        for path in (made_music / kind).iterdir():
            (folder / kind / path.name).write_bytes(path.read_bytes())
    (folder / "broken.flac").write_bytes(b"fLaC" + bytes(100))
    driver.show(tab)
    answers["askdirectory"] = str(folder)
    driver.press("Add a folder…")
    driver.press("Scan")
    assert tab.progress.has_job
    assert driver.wait(lambda: not tab.progress.has_job and driver.idle) > 20  # rounds of a loop that lived
    report = tab.report.get("1.0", "end")
    assert "6 heard" in report
    assert "broken.flac" in report
    assert len(tab.map.tracks) == 6
    x, y = tab.map.coords(tab.map.find_all()[0])[:2]
    tab.map.event_generate("<Motion>", x=round(x) + 3, y=round(y) + 3)
    driver.root.update()
    assert str(folder) in tab.under.cget("text")
    driver.shot("library")

    driver.drop(folder / "organ" / "Ada.flac")
    driver.wait(lambda: window.song is not None)
    driver.show(window.similar)
    driver.wait(lambda: driver.idle)
    table = window.similar.table.tree
    rows = [table.item(row, "values") for row in table.get_children()]
    assert len(rows) == 5
    assert all("Ada – organ" not in row[0] for row in rows)
    assert {row[0] for row in rows[:2]} == {"Bix – organ in 1", "Clara – organ in 2"}
    driver.press("Add to playlist")
    driver.shot("similar")
    answers["asksaveasfilename"] = str(tmp_path / "siblings.m3u8")
    driver.press("Export playlist…")
    driver.wait(lambda: driver.idle)
    assert "1 tracks" in driver.status
    assert "organ/" in (tmp_path / "siblings.m3u8").read_text()


def test_a_study_shows_its_curves_while_it_runs(driver: Driver) -> None:
    tab = driver.window.study
    driver.show(tab)
    driver.press("Train M5 on eras")
    driver.wait(lambda: tab.view.shown and len(tab.table.tree.get_children()) > 1)
    assert tab.progress.has_job
    driver.shot("study")
    driver.press("Cancel")
    driver.wait(lambda: driver.idle)
    assert driver.status == "Cancelled."


def test_text_grows_and_looks_are_remembered(driver: Driver) -> None:
    usual = font.nametofont("TkDefaultFont").metrics("linespace")
    while driver.window.look.percent < 200:
        driver.key("<Control-plus>")
    assert font.nametofont("TkDefaultFont").metrics("linespace") == pytest.approx(2 * usual, abs=2)
    driver.show(driver.window.retro)
    driver.shot("retro-200")
    driver.key("<Control-d>")
    driver.window.settings.save()
    again = Settings.load()
    assert (again.theme, again.scale) == ("dark", 200)
    driver.key("<Control-d>")
    driver.key("<Control-Key-0>")
    assert font.nametofont("TkDefaultFont").metrics("linespace") == usual


@pytest.mark.parametrize("damage", ["", "[]", '{"theme": 3, "strength": 900}', '{"theme": "dark"'])
def test_damaged_settings_are_as_new(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    place().parent.mkdir(parents=True)
    place().write_text(damage)
    settings = Settings.load()
    assert settings.theme == "light"
    assert 0 <= settings.strength <= 100


@pytest.mark.parametrize("dialog", [False, True])
def test_ctrl_c_ends_the_window_also_in_a_callback_or_dialog(
    screen: str, tmp_path: Path, dialog: bool
) -> None:
    code = f"""
import signal, tkinter
from retrotone import desktop
make = desktop.make_root
def root():
    made = make()
    if {dialog}:
        made.after(1000, lambda: made.event_generate("<Control-o>"))
        made.after(1000, made.focus_force)
    made.after(2500, lambda: signal.raise_signal(signal.SIGINT))
    return made
desktop.make_root = root
signal.signal(signal.SIGINT, signal.default_int_handler)
desktop.run()
"""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, timeout=60, text=True, capture_output=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_without_a_display_one_line_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert run(["app"]) == 2
    told: Any = capsys.readouterr().err
    assert "display" in told
    assert len(told.strip().splitlines()) == 1


def test_without_tk_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tkinter", None)
    assert run(["app"]) == 2
    told = capsys.readouterr().err
    assert "python3-tk" in told
    assert len(told.strip().splitlines()) == 1


def test_without_the_extra_tk_s_own_look_is_light_and_dark(
    screen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sv_ttk", None)
    monkeypatch.setitem(sys.modules, "tkinterdnd2", None)
    root = make_root()
    look = Look(root, "light", 100)
    label = ttk.Label(root, text="song")
    label.pack()
    before = ttk.Style(root).lookup("TLabel", "background")
    look.toggle()
    assert not look.full
    assert ttk.Style(root).lookup("TLabel", "background") != before
    root.destroy()
