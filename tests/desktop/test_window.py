"""A window under a real X server: what a user does, and what the window shows."""

from __future__ import annotations

import io
import os
import tkinter as tk
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tkinter import font, messagebox, ttk
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageGrab

import retrotone as rt
from retrotone.desktop import model_tasks, restyle_tasks
from retrotone.desktop.jobs import JobQueue
from retrotone.desktop.player import Player
from retrotone.desktop.settings import Settings
from retrotone.desktop.widgets import JobProgress
from retrotone.desktop.window import SIZE
from retrotone.style.choices import StyleChoice, find_style
from retrotone.style.eras import ERAS

if TYPE_CHECKING:
    from tests.desktop.conftest import Driver
    from tests.desktop.model_host import ModelHost


@pytest.fixture
def restyled(driver: Driver, song: Path) -> Driver:
    """The window, with the song restyled to the 1900s."""
    tab = driver.window.restyle_tab
    driver.show(tab)
    if not driver.session.results:
        tab.styles.select("era 1900s")
        driver.press("Restyle")
        driver.wait(lambda: driver.idle)
    return driver


def test_a_chosen_song_shows_its_waveform_genre_and_tags(driver: Driver, clip: Path, answers: dict[str, str]) -> None:
    answers["askopenfilename"] = str(clip)
    driver.press("Choose a song…")
    driver.wait(lambda: driver.session.song is not None)
    tab, song = driver.window.song_tab, driver.session.song
    assert song is not None
    assert song.genres[0][0] in tab.verdict.cget("text")
    assert "0:06, 44.1 kHz, stereo" in tab.facts.cget("text")
    # the position is drawn on a waveform only
    assert tab.waveform.find_withtag("position")
    assert tab.genres.find_all()
    assert tab.timeline.find_all()
    assert song.tags[0][0] in tab.tags.cget("text")
    driver.shot("song")


def test_the_example_does_not_lead_dialogs_into_the_package(driver: Driver, clip: Path) -> None:
    driver.drop(clip)
    driver.press("Example")
    driver.wait(lambda: driver.session.song is not None and driver.session.path != str(clip))
    assert driver.session.settings.folder == str(clip.parent)


def test_a_dropped_song_is_opened_whatever_its_name(driver: Driver, clip: Path, tmp_path: Path) -> None:
    other = tmp_path / f"{{brace}} $dollar [bracket] and \\ more, {'very ' * 40}long.wav"
    other.write_bytes(clip.read_bytes())
    driver.drag_in(other, clip)
    driver.wait(lambda: driver.session.path == str(other))
    # a message has the ends of a long name
    assert driver.status.startswith("One song at a time: of 2 files, {brace} $dollar [bra… ")
    assert driver.status.endswith("very long.wav is opened.")
    driver.wait(lambda: driver.session.song is not None)
    assert driver.window.name.full_text == other.name
    assert driver.session.song is not None
    assert driver.session.song.name == str(other)
    # so is one whose name is not UTF-8
    foreign = Path(os.fsdecode(bytes(tmp_path) + b"/ol\xe9.wav"))
    foreign.write_bytes(clip.read_bytes())
    driver.drag_in(foreign)
    driver.wait(lambda: driver.session.path == str(foreign) and driver.session.song is not None)
    assert driver.root.title() == "ol� – retrotone"


def test_a_file_that_is_no_sound_gets_a_sentence(driver: Driver, clip: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "notes.mp3"
    wrong.write_text("no music at all\n" * 100)
    driver.drop(wrong)
    driver.wait(lambda: driver.idle)
    assert "notes.mp3" in driver.status
    assert "not a sound file" in driver.status
    assert str(driver.window.status.cget("style")) == "Error.TLabel"
    # no colour of the label's own hides the style's red
    assert not str(driver.window.status.cget("foreground"))
    # it does not say "Analysing…" for ever
    assert not driver.window.song_tab.verdict.cget("text")
    assert driver.window.name.full_text == "Drop a song anywhere in this window."
    # of one that is too short the name is shown, and that nothing is known of it
    short = rt.load(clip).slice(0, 0.3).save(tmp_path / "short.wav")
    driver.drop(short)
    driver.wait(lambda: driver.idle)
    assert "too short" in driver.status
    assert driver.window.song_tab.verdict.cget("text") == "Not analysed."
    assert not driver.window.song_tab.genres.winfo_viewable()
    assert driver.window.restyle_tab.original_heading.full_text == "Original: short"
    # it can be played, so that its waveform is there
    assert driver.window.song_tab.waveform.find_withtag("position")
    # an error goes with its tab, and so does the focus: its keys would act unseen
    driver.show(driver.window.restyle_tab)
    driver.window.restyle_tab.styles.tree.focus_force()
    driver.root.update()
    driver.window.show_message("wrong", error=True)
    driver.show(driver.window.study_tab)
    assert driver.status == ""
    assert driver.root.focus_get() is driver.window.tabs


def test_an_error_in_a_callback_is_shown_and_the_window_goes_on(
    driver: Driver, clip: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    driver.root.after(0, lambda: 1 / 0)
    driver.wait(lambda: "ZeroDivisionError" in driver.status)
    driver.drop(clip)
    driver.wait(lambda: driver.session.song is not None)
    assert "Traceback" not in capfd.readouterr().err


def test_a_song_is_restyled_to_an_era(restyled: Driver) -> None:
    tab = restyled.window.restyle_tab
    assert "wax cylinder" in restyled.status
    assert "1900s" in tab.heading.full_text
    assert tab.result.find_withtag("position")
    restyled.shot("restyle")
    # the same once more is not another result
    before = list(restyled.session.results)
    restyled.press("Restyle")
    restyled.wait(lambda: restyled.status == "This result is in the list already.")
    assert restyled.session.results == before
    assert tab.results.selected == str(before.index(restyled.session.result))


def test_the_player_switches_between_result_and_original(restyled: Driver, song: Path) -> None:
    player = restyled.session.player
    # no device is needed to pull frames
    player.playing = True
    player.seek(0.5)
    assert restyled.window.bar.choice.get() == 1
    result = player.frames(2000)
    restyled.key("<Control-b>")
    player.seek(0.5)
    original = player.frames(2000)[1000:]
    player.playing = False
    frames = rt.load(song).samples.T
    np.testing.assert_allclose(original, frames[len(frames) // 2 :][1000:2000], atol=1e-4)
    assert np.abs(result[1000:] - original).max() > 0.01


def heard(player: Player) -> NDArray[np.float32]:
    """Return the same moment near the end of the song, as the player plays it."""
    player.playing = False
    player.seek(0.95)
    player.playing = True
    sound = player.frames(8000)[4000:]
    player.playing = False
    return sound


def test_a_style_that_is_chosen_while_the_song_is_decoded_is_heard_then(driver: Driver, clip: Path) -> None:
    tab = driver.window.restyle_tab
    driver.drop(clip)
    tab.styles.select("era 1950s")
    driver.wait(lambda: "1950s" in tab.heading.full_text)
    assert driver.session.player.choice == 1
    # and stays in view once the song is analysed
    driver.wait(lambda: driver.session.song is not None)
    assert "1950s" in tab.heading.full_text
    driver.session.player.pause()


def test_a_style_and_its_dials_are_heard_at_once(restyled: Driver, song: Path) -> None:
    tab, player = restyled.window.restyle_tab, restyled.session.player
    player.pause()
    player.seek(0.5)
    tab.styles.select("era 1970s")
    restyled.wait(lambda: "1970s" in tab.heading.full_text)
    assert "0:03 to 0:06 (loudness-matched)" in tab.heading.full_text
    assert "25 dB" in restyled.texts(tab.dials)
    restyled.wait(lambda: player.position > player.length // 2)
    # the arrow key of a dial: none of the crackle, heard at the same moment
    noisy = heard(player)
    restyled.session.set_loop(0.9, 1.0)
    tab.dials.sliders["crackle"].focus_force()
    restyled.root.update()
    tab.dials.sliders["crackle"].event_generate("<Home>")
    restyled.wait(lambda: "crackle 0%: 0:05 to 0:06" in tab.heading.full_text)
    restyled.shot("restyle-live")
    quiet = heard(player)
    assert 0 < np.std(noisy - quiet) < 0.1 * np.std(quiet)
    player.pause()
    restyled.key("<Control-l>")
    assert player.loop is None
    # a style that is chosen while a song is measured waits for that, and does not begin it anew
    session, original = restyled.session, restyled.session.original
    assert original is not None
    session.live.prepare(original)
    session.hear(restyle_tasks.Recipe(find_style("1940s")))
    assert restyled.status.startswith("The song is being measured")
    assert session.live_jobs.count(restyle_tasks.measure) == 1
    restyled.wait(lambda: "1940s" in tab.heading.full_text)
    assert restyled.status == ""
    # what is still to be downloaded cannot be heard, and nothing else is in its place
    tab.styles.select("rave vintage")
    restyled.wait(lambda: tab.heading.full_text == "New sound")
    assert player.choice == 0
    assert "; the study's model, with a prior. It has to be downloaded first" in tab.description.cget("text")
    tab.styles.select("era 1970s")


def test_a_result_is_saved_but_not_over_the_song(
    restyled: Driver, song: Path, answers: dict[str, str], tmp_path: Path
) -> None:
    answers["asksaveasfilename"] = str(song)
    restyled.press("Save…")
    assert "another name" in restyled.status
    target = tmp_path / "restyled.flac"
    answers["asksaveasfilename"] = str(target)
    restyled.press("Save…")
    restyled.wait(lambda: restyled.idle)
    assert f"Saved {target}" in restyled.status
    saved = rt.load(target)
    assert saved.duration == pytest.approx(6)
    assert saved.loudness == pytest.approx(rt.load(song).loudness, abs=1)


def test_the_window_reacts_while_it_restyles_and_cancels(driver: Driver, song: Path) -> None:
    window, session = driver.window, driver.session
    driver.show(window.restyle_tab)
    before = len(session.results)
    window.restyle_tab.styles.select("rave parlour")
    driver.press("Restyle")
    assert window.progress.button.winfo_viewable()
    theme = session.theme.name
    driver.key("<Control-d>")
    assert session.theme.name != theme
    driver.key("<Escape>")
    driver.wait(lambda: driver.idle)
    driver.shot("restyle-dark")
    driver.key("<Control-d>")
    assert driver.status == "Cancelled."
    assert len(session.results) == before
    assert not window.progress.button.winfo_viewable()


def test_a_preset_is_chosen_like_a_record(driver: Driver, song: Path, answers: dict[str, str], tmp_path: Path) -> None:
    preset = tmp_path / "my disc.toml"
    ERAS["1930s"].save(preset)
    tab = driver.window.restyle_tab
    driver.show(tab)
    answers["askopenfilename"] = str(preset)
    driver.press("A record…")
    driver.wait(lambda: driver.idle)
    chosen = tab.styles.selected
    assert "my disc" in chosen
    before = len(driver.session.results)
    driver.press("Restyle")
    # other settings that are heard meanwhile are not taken away by the result
    tab.styles.select("era 1900s")
    driver.wait(lambda: len(driver.session.results) > before and "1900s" in tab.heading.full_text)
    assert driver.session.live.recipe is not None
    assert not tab.results.selected
    driver.session.player.pause()


def test_a_record_without_a_medium_is_told_in_the_windows_words(
    driver: Driver, answers: dict[str, str], clean_record: Path
) -> None:
    answers["askopenfilename"] = str(clean_record)
    driver.show(driver.window.restyle_tab)
    driver.press("A record…")
    driver.wait(lambda: "Clean has no medium of its own to give: choose an older record" in driver.status)
    assert "--" not in driver.status
    # the song as it is, is no new sound
    assert "clean" not in driver.window.restyle_tab.heading.full_text


def test_dials_make_a_preset_of_ones_own(driver: Driver, answers: dict[str, str], tmp_path: Path) -> None:
    tab = driver.window.restyle_tab
    driver.show(tab)
    tab.styles.select("era 1940s")
    driver.wait(lambda: "hum" in tab.dials.sliders)
    tab.dials.sliders["hum"].event_generate("<Button-1>", x=0, y=5)
    assert tab.dials.amounts == {"hum": 0.0}
    answers["asksaveasfilename"] = str(tmp_path / "quiet radio.toml")
    driver.press("Save as preset…")
    driver.wait(lambda: "quiet radio" in tab.styles.selected and "noise" in tab.dials.sliders)
    assert "hum" not in tab.dials.sliders
    # saved over itself: the dials are back in their middle
    tab.dials.sliders["noise"].event_generate("<Button-1>", x=0, y=5)
    driver.press("Save as preset…")
    driver.wait(lambda: driver.idle and bool(tab.dials.sliders) and not tab.dials.amounts)
    assert "noise" not in tab.dials.sliders


def test_jobs_are_done_one_after_the_other_in_their_order(driver: Driver) -> None:
    session, done = driver.session, list[str]()

    def then(choice: StyleChoice) -> None:
        done.append(choice.name)
        # the first submits another job, while others wait
        if choice.name == "1900s":
            session.run(restyle_tasks.own_choice, "era", "1990s", done=then)

    for name in ("1900s", "1910s", "1930s"):
        session.run(restyle_tasks.own_choice, "era", name, done=then)
    driver.wait(lambda: driver.idle)
    assert done == ["1900s", "1910s", "1930s", "1990s"]


def test_renders_go_on_when_another_song_is_opened(
    driver: Driver, song: Path, answers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, asked = driver.session, list[str]()
    monkeypatch.setattr(messagebox, "askyesno", lambda _, question, **__: bool(asked.append(question)))
    other = tmp_path / "other.wav"
    other.write_bytes(song.read_bytes())
    driver.show(driver.window.restyle_tab)
    before = len(session.results)
    for seed in ("1", "2"):
        driver.window.restyle_tab.seed.set(seed)
        driver.press("Restyle")
    driver.drop(other)
    # what is not finished is lost as well when the window closes
    driver.window.ask_to_close()
    assert asked[0].startswith(f"{before + 2 - len(session.files)} results are not saved.")
    driver.wait(lambda: session.song is not None)
    # the song does not wait for all of them
    assert len(session.results) < before + 2
    assert driver.window.progress.has_job
    driver.wait(lambda: driver.idle)
    assert session.song is not None
    assert session.song.name == str(other)
    assert [version.song for version in session.results[before:]] == [str(song)] * 2
    # another song in the place of its file is not taken for it
    other.write_bytes(song.read_bytes() + b" ")
    driver.key("<Control-r>")
    driver.wait(lambda: "other.wav was changed since it was opened: open it again" in driver.status)
    # they are in the list, and the player has the song that was opened
    tab = driver.window.restyle_tab
    assert not tab.results.selected
    assert session.plays_song
    assert not driver.window.progress.has_job
    # of two that are saved to one file, only the last one is in it
    driver.show(tab)
    answers["asksaveasfilename"] = str(tmp_path / "same.flac")
    for number in (before + 1, before):
        tab.results.select(str(number))
        driver.root.update()
        assert tab.original_heading.full_text == f"Original: {song.stem}"
        driver.press("Save…")
        driver.wait(lambda: driver.idle)
    cells = tab.results.tree.set
    assert [cells(str(number), "File") for number in (before + 1, before)] == ["not saved", "same.flac"]
    # where the song plays again, no result of another one is shown as what is heard
    driver.show(driver.window.song_tab)
    for event in ("<Button-1>", "<ButtonRelease-1>"):
        driver.window.song_tab.waveform.event_generate(event, x=300, y=50)
    driver.root.update()
    assert (tab.heading.full_text, tab.original_heading.full_text) == ("New sound", "Original: other")
    assert not tab.results.selected


def test_results_that_are_not_saved_are_asked_about(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    session, root = driver.session, driver.root
    before = list(session.results)
    driver.show(driver.window.restyle_tab)
    # the key Return in the dialog is a No

    def answer() -> None:
        focus = root.tk.eval("focus -displayof .")
        if "messagebox" in focus:
            root.tk.eval(f"event generate {focus} <Return>")
        else:
            root.after(20, answer)

    for ask in (lambda: driver.key("<Control-q>"), lambda: driver.press("Delete")):
        answer()
        ask()
        assert session.results == before
    assert "unexpected" not in driver.status
    monkeypatch.setattr(messagebox, "askyesno", lambda *_, **__: True)
    while session.results:
        driver.press("Delete")
    assert not driver.window.restyle_tab.results.tree.get_children()


def test_the_comparison_is_drawn_and_zooms(driver: Driver, song: Path, answers: dict[str, str], tmp_path: Path) -> None:
    tab = driver.window.compare_tab
    driver.show(tab)
    driver.wait(lambda: driver.idle and tab.view.has_picture)
    assert "0:00.0 to 0:06.0." in tab.caption.cget("text")
    driver.shot("compare")
    width = tab.view.winfo_width()

    def drawn() -> tuple[float, float] | None:
        return tab._picture.part if tab._picture else None

    for event, fraction in (("<ButtonPress-1>", 0.3), ("<B1-Motion>", 0.35), ("<ButtonRelease-1>", 0.4)):
        tab.view.event_generate(event, x=int(fraction * width), y=100)
    assert tab.stretch is not None
    start, stop = tab.stretch
    assert 0 < start < stop < 6
    assert f"0:0{start:.1f} to 0:0{stop:.1f}." in tab.caption.cget("text")
    # the wheel keeps what is under the pointer, here at the left end of the time axis
    driver.wait(lambda: drawn() == (start, stop))
    left, _, top, bottom = tab._picture.boxes[0]
    place = {"x": round(left * width) + 1, "y": round((top + bottom) / 2 * tab.view.winfo_height())}
    tab.view.event_generate("<Button-4>", **place)
    tab.view.event_generate("<Button-4>", **place)
    assert tab.stretch == pytest.approx((start, start + 0.8**2 * (stop - start)), abs=0.01)
    # the ruler shows the same part, and moves it
    low, _, high, _ = tab.ruler.coords("part")
    assert (high - low) / tab.ruler.extent[0] == pytest.approx((tab.stretch[1] - tab.stretch[0]) / 6, rel=0.1)
    tab.ruler.event_generate("<ButtonPress-1>", x=tab.ruler.extent[0] - 1, y=5)
    assert tab.stretch[1] == pytest.approx(6)
    driver.wait(lambda: drawn() == tab.stretch)
    driver.shot("compare-zoomed")
    driver.key("<Control-d>")
    assert tab.view._image is not None
    driver.wait(lambda: sum(tab.view._image.get(2, 2)) < 100)
    driver.shot("compare-dark")
    answers["asksaveasfilename"] = str(tmp_path / "as shown.png")
    driver.press("Save…")
    driver.wait(lambda: "as shown.png" in driver.status)
    assert np.median(imread(tmp_path / "as shown.png")[..., :3].max(axis=2)) < 0.15
    driver.key("<Control-d>")
    driver.press("Whole")
    assert "0:00.0 to 0:06.0." in tab.caption.cget("text")
    driver.wait(lambda: drawn() == (0, pytest.approx(6)))
    # a click goes to a moment, which a line shows; a song that plays would carry the line on
    driver.session.player.pause()
    tab.view.event_generate("<ButtonPress-1>", x=int(0.3 * width), y=100)
    tab.view.event_generate("<ButtonRelease-1>", x=int(0.3 * width), y=100)
    assert 0 < driver.session.player.position < driver.session.player.length
    driver.wait(lambda: tab.view.coords("mark")[:1] == [pytest.approx(int(0.3 * width), abs=2)])
    # a recording is added under its whole name, and taken out again
    other = tmp_path / "Concerto no. 3 in G.wav"
    other.write_bytes(song.read_bytes())
    answers["askopenfilename"] = str(other)
    shown = tab.table.tree.get_children()
    driver.press("Add another…")
    driver.wait(lambda: tab.table.tree.get_children() == (*shown, other.stem))
    driver.press("Remove added")
    driver.wait(lambda: tab.table.tree.get_children() == shown)


def test_a_model_is_downloaded_only_under_terms_that_were_shown(
    driver: Driver, model_host: ModelHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tab, asked = driver.window.models_tab, list[str]()
    monkeypatch.setenv("RETROTONE_MODELS", str(tmp_path))
    driver.key("<Alt-Key-7>")
    tab.table.select("vintage")
    driver.root.update()
    assert "non-commercial" in tab.terms.cget("text")
    for agrees in (False, True):
        monkeypatch.setattr(messagebox, "askyesno", lambda _, text, agrees=agrees, **__: asked.append(text) or agrees)
        driver.press("Download…")
        driver.wait(lambda: not tab.progress.has_job or "trying again" in tab.progress.message.full_text)
        assert "of unknown size" in asked[-1]
        assert "non-commercial" in asked[-1]
    assert len(asked) == 2
    driver.shot("models")
    driver.key("<Escape>")
    driver.wait(lambda: not tab.progress.has_job)
    assert driver.status == "Cancelled."
    assert list(tmp_path.iterdir()) == []
    # the host can be reached again
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as model:
        model.writestr("weights", bytes(200_000))
    model_host.data = archive.getvalue()
    driver.press("Download…")
    driver.wait(lambda: not tab.progress.has_job)
    assert "vintage: 0.2 MB" in asked[-1]
    assert driver.status == f"Downloaded vintage: {tmp_path / 'vintage.ts'}."
    assert (tmp_path / "vintage.ts").read_bytes() == model_host.data
    assert tab.table.tree.item("vintage", "values")[-1] == "yes"
    # the window is closed while the host sends nothing more
    model_host.missing_bytes = 1000
    queue = JobQueue(driver.root.after, tmp_path, print)
    progress = JobProgress(driver.root, driver.session.theme, queue, print)
    queue.submit(model_tasks.download, "nasa", observer=progress, done=print)
    driver.wait(lambda: any(file.stat().st_size > 190_000 for file in tmp_path.glob(".*")))
    queue.close()
    assert not list(tmp_path.glob(".*"))


def test_without_a_library_the_tab_that_makes_one_is_named(driver: Driver, song: Path) -> None:
    driver.show(driver.window.similar_tab)
    driver.wait(lambda: "tab Library" in driver.status)
    driver.show(driver.window.library_tab)
    driver.press("Repair")
    driver.wait(lambda: "add a folder in the tab Library" in driver.status)


def test_a_study_shows_its_curves_while_it_runs(driver: Driver) -> None:
    tab = driver.window.study_tab
    driver.show(tab)
    driver.press("Train M5 on eras")
    driver.wait(lambda: tab.view.has_picture and len(tab.table.tree.get_children()) > 0)
    assert tab.progress.has_job
    driver.shot("study")
    assert sum(tab.view._image.get(2, 2)) > 600
    driver.key("<Control-d>")
    driver.shot("study-dark")
    # the figure is dark with the window, not only what is drawn from then on
    assert sum(tab.view._image.get(2, 2)) < 150
    driver.key("<Control-d>")
    # an experiment that waits leaves the table to the one that runs
    driver.press("Run the loss table")
    assert tab.table.tree.cget("columns")[0] == "epoch"
    driver.press("Cancel")
    driver.wait(lambda: tab.table.tree.cget("columns")[0] == "descent")
    driver.press("Cancel")
    driver.wait(lambda: driver.idle)
    assert driver.status == "Cancelled."
    # it is drawn anew for a narrow window
    driver.root.geometry("760x480")
    driver.wait(lambda: tab.view._image.width() < 760)
    driver.root.geometry("1280x720")


def test_the_key_tab_goes_from_the_top_to_the_bottom_and_every_control_shows_its_focus(driver: Driver) -> None:
    driver.show(driver.window.restyle_tab)
    driver.wait(lambda: driver.idle)

    def around(control: tk.Misc) -> Image.Image:
        driver.root.update()
        x, y, edge = control.winfo_rootx(), control.winfo_rooty(), 3
        box = x - edge, y - edge, x + control.winfo_width() + edge, y + control.winfo_height() + edge
        return ImageGrab.grab(box, xdisplay=os.environ["DISPLAY"]).convert("RGB")

    first = control = driver.root.tk_focusNext()
    first.focus_force()
    controls: list[tk.Misc] = []
    while control not in controls:
        controls.append(control)
        following = control.tk_focusNext()
        following.focus_force()
        without = around(control)
        control.focus_force()
        assert ImageChops.difference(without, around(control)).getbbox(), control
        control = following
    assert control is first
    names = [str(each.cget("text")) for each in controls if isinstance(each, ttk.Button)]
    assert names[:2] == ["Choose a song…", "Example"]
    assert names.index("Save as preset…") < names.index("Restyle") < names.index("Play")


def cut_off(master: tk.Misc) -> Iterator[str]:
    """Yield the texts of the widgets that have less room than they need, or that their frame cuts."""
    for child in master.winfo_children():
        if not child.winfo_viewable():
            continue
        right, bottom = child.winfo_x() + child.winfo_width(), child.winfo_y() + child.winfo_height()
        cut = right > master.winfo_width() or bottom > master.winfo_height()
        if isinstance(child, ttk.Button | ttk.Checkbutton | ttk.Spinbox | ttk.Entry):
            cut |= child.winfo_width() < child.winfo_reqwidth() or child.winfo_height() < child.winfo_reqheight()
        # what a page holds scrolls
        if cut and not isinstance(master, tk.Canvas):
            yield str(child)
        yield from cut_off(child)


def scrolls_across(master: tk.Misc) -> bool:
    """Return whether a bar shows that something is wider than the window."""
    return any(
        (isinstance(child, ttk.Scrollbar) and child.winfo_viewable() and str(child.cget("orient")) == "horizontal")
        or scrolls_across(child)
        for child in master.winfo_children()
    )


def test_text_grows_and_the_theme_is_kept(driver: Driver) -> None:
    usual = font.nametofont("TkDefaultFont").metrics("linespace")
    while driver.session.theme.percent < 200:
        driver.key("<Control-plus>")
    assert font.nametofont("TkDefaultFont").metrics("linespace") == pytest.approx(2 * usual, abs=2)
    driver.show(driver.window.restyle_tab)
    driver.shot("restyle-200")
    # and nothing is cut off in the smallest window
    driver.root.geometry("760x480")
    tabs = driver.window.tabs
    driver.wait(lambda: tabs.winfo_width() < 760)
    assert tabs.winfo_reqwidth() <= tabs.winfo_width()
    for tab in tabs.tabs():
        driver.show(tab)
        assert list(cut_off(driver.root)) == []
    driver.show(driver.window.similar_tab)
    tree, measure = driver.window.similar_tab.table.tree, font.nametofont("TkHeadingFont").measure
    assert all(int(tree.column(title, "width")) > measure(title) for title in tree.cget("columns"))
    driver.show(driver.window.models_tab)
    driver.shot("models-200-small")
    driver.root.geometry("1280x720")
    driver.key("<Control-d>")
    driver.session.settings.save()
    again = Settings.load()
    assert (again.theme, again.scale) == ("dark", 200)
    driver.key("<Control-d>")
    driver.key("<Control-Key-0>")
    assert font.nametofont("TkDefaultFont").metrics("linespace") == usual
    # two columns only where both fit
    driver.show(driver.window.restyle_tab)
    for width in range(760, 1281, 40):
        driver.root.geometry(f"{width}x720")
        driver.wait(lambda width=width: driver.root.winfo_width() == width)  # type: ignore[misc]
        driver.root.update()
        assert not scrolls_across(driver.window.restyle_tab), width
    # what an era's dials are set to is not cut in a window of its first size
    width, height = SIZE
    driver.root.geometry(f"{width}x{height}")
    tab = driver.window.restyle_tab
    tab.styles.select("era 1910s")
    tab.styles.select("era 1900s")
    driver.wait(lambda: driver.root.winfo_width() == width and "wow" in tab.dials.sliders)
    driver.root.update()
    assert "250 Hz to 2.6 kHz" in driver.texts(tab.dials)
    # the chosen style stays in view when its table gets smaller
    tab.styles.select(tab.styles.tree.get_children()[-1])
    driver.root.update()
    driver.root.geometry(f"{width}x600")
    driver.wait(lambda: driver.root.winfo_height() == 600)
    driver.root.update()
    assert tab.styles.tree.bbox(tab.styles.selected)
