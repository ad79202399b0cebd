"""The tabs Library and Similar, on a library scanned once."""

from __future__ import annotations

import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tkinter import filedialog, font
from typing import TYPE_CHECKING

import pytest

import retrotone as rt

if TYPE_CHECKING:
    from tests.desktop.conftest import Driver


@pytest.fixture(scope="module")
def music(made_music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six tracks and a broken file."""
    folder = tmp_path_factory.mktemp("library") / "music"
    for kind in ("organ", "pulse"):
        (folder / kind).mkdir(parents=True)
        for path in (made_music / kind).iterdir():
            (folder / kind / path.name).write_bytes(path.read_bytes())
    (folder / "broken.flac").write_bytes(b"fLaC" + bytes(100))
    return folder


@pytest.fixture(scope="module")
def scanned(driver: Driver, music: Path) -> Driver:
    """The window, after the folder was added and scanned."""
    tab = driver.window.library_tab
    driver.show(tab)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filedialog, "askdirectory", lambda **_: str(music))
        driver.press("Add a folder…")
    assert "Press Scan" in driver.status
    driver.press("Scan")
    assert tab.progress.has_job
    # more rounds than this: the window's loop went on during the scan
    assert driver.wait(lambda: not tab.progress.has_job and driver.idle) > 20
    return driver


@pytest.fixture
def similar(scanned: Driver, music: Path) -> Driver:
    """The window, with the songs that are similar to the first organ."""
    path = music / "organ" / "Ada.flac"
    if scanned.session.path != str(path):
        scanned.drop(path)
        scanned.wait(lambda: scanned.session.song is not None)
    scanned.show(scanned.window.similar_tab)
    scanned.wait(lambda: scanned.idle)
    return scanned


def test_a_scan_reports_what_it_found_and_what_it_could_not_read(scanned: Driver) -> None:
    assert scanned.window.library_tab.report.winfo_viewable()
    report = scanned.window.library_tab.report.get("1.0", "end")
    assert "6 analysed" in report
    assert "broken.flac" in report


def test_the_map_names_the_track_under_the_pointer(scanned: Driver, music: Path) -> None:
    tab = scanned.window.library_tab
    assert len(tab.map.tracks) == 6
    x, y = tab.map.coords(tab.map.find_all()[0])[:2]
    tab.map.event_generate("<Motion>", x=round(x) + 3, y=round(y) + 3)
    scanned.root.update()
    assert str(music) in tab.caption.full_text
    scanned.shot("library")


def test_the_map_zooms_at_the_pointer_and_is_dragged(scanned: Driver) -> None:
    music_map, path = scanned.window.library_tab.map, scanned.session.path

    def dots() -> list[list[float]]:
        scanned.root.update()
        return [music_map.coords(dot)[:2] for dot in music_map.find_withtag("dots")]

    whole = dots()
    x, y = whole[0]
    pointer = {"x": round(x) + 4, "y": round(y) + 4}
    for _ in range(2):
        music_map.event_generate("<Button-4>", **pointer)
    near = dots()
    assert near[0] == pytest.approx((x, y), abs=4)
    apart, apart_before = (min(math.dist(centres[0], other) for other in centres[1:]) for centres in (near, whole))
    assert apart == pytest.approx(1.25**2 * apart_before, abs=4)
    # away from the map's edge
    step = -20 if x < music_map.extent[0] / 2 else 20
    music_map.event_generate("<ButtonPress-1>", **pointer)
    music_map.event_generate("<B1-Motion>", x=pointer["x"] + step, y=pointer["y"])
    music_map.event_generate("<ButtonRelease-1>", x=pointer["x"] + step, y=pointer["y"])
    assert dots()[0][0] == pytest.approx(near[0][0] + step, abs=1)
    # the end of a drag is no click
    assert scanned.session.path == path
    for _ in range(9):
        music_map.event_generate("<Button-5>", **pointer)
    assert dots() == whole


def test_the_map_is_used_by_the_keys(scanned: Driver) -> None:
    music_map = scanned.window.library_tab.map
    music_map.focus_force()
    scanned.root.update()
    music_map.event_generate("<Up>")
    reached = [music_map._hovered]
    for key in ("<Up>", "<Down>", "<plus>", "<Down>"):
        music_map.event_generate(key)
        reached.append(music_map._hovered)
        x, y = music_map._centres[reached[-1]]
        assert 0 <= x <= music_map.extent[0]
        assert 0 <= y <= music_map.extent[1]
    # plus zooms, and stays at the dot
    assert reached[3] == reached[2]
    assert len(set(reached)) > 1
    assert music_map.tracks[reached[-1]].name in scanned.window.library_tab.caption.full_text
    music_map.event_generate("<minus>")
    music_map.event_generate("<Return>")
    assert scanned.session.path == music_map.tracks[reached[-1]].path


def column(driver: Driver, title: str) -> list[str]:
    """Return the cells of a column of the list of tracks, once its title was clicked."""
    tree = driver.window.library_tab.tracks.tree
    tree.tk.call(*tree.tk.splitlist(tree.heading(title, "command")))
    return [str(tree.set(row, title)) for row in tree.get_children()]


def test_the_tracks_are_listed_and_a_title_sorts_them(scanned: Driver) -> None:
    tab = scanned.window.library_tab
    scanned.show(tab)
    choices = tab._chooser.winfo_children()
    choices[0].focus_force()
    scanned.root.update()
    choices[0].event_generate("<Right>")
    scanned.root.update()
    assert tab.tracks.tree.winfo_viewable()
    titles = column(scanned, "title")
    assert titles == [f"{kind} in {index}" for kind in ("organ", "pulse") for index in range(3)]
    assert column(scanned, "title") == titles[::-1]
    tempi = [float(tempo) for tempo in column(scanned, "tempo (bpm)") if tempo]
    assert tempi == sorted(tempi)
    # the mark beside the title is not cut
    tree, title = tab.tracks.tree, "tempo (bpm)"
    assert tree.column(title, "width") > font.nametofont("TkDefaultFont").measure(tree.heading(title, "text"))
    scanned.shot("library-tracks")


def test_a_path_leads_from_the_song_to_a_track_of_the_list(similar: Driver) -> None:
    tab = similar.window.library_tab
    similar.show(tab)
    rows = {track.name: key for key, track in tab._listed.items()}
    tab.tracks.select(rows["Clara – pulse in 2"])
    similar.press("Path from the song to this one")
    similar.wait(lambda: similar.idle)
    names = [track.name for track in similar.session.playlist.values()]
    assert (names[0], names[-1]) == ("Ada – organ in 0", "Clara – pulse in 2")
    similar.show(similar.window.similar_tab)
    similar.press("Remove all")
    assert not similar.session.playlist


def test_similar_songs_are_found_when_the_tab_is_entered(similar: Driver) -> None:
    table = similar.window.similar_tab.table.tree
    rows = [table.item(row, "values") for row in table.get_children()]
    assert len(rows) == 5
    assert all("Ada – organ" not in row[0] for row in rows)
    assert {row[0] for row in rows[:2]} == {"Bix – organ in 1", "Clara – organ in 2"}


def test_similar_songs_are_narrowed_by_what_is_typed(similar: Driver) -> None:
    tab = similar.window.similar_tab
    entry = tab.filters["bpm"]
    for text, message in (("fast", "is no range"), ("900-999", "No track has such a tempo")):
        entry.insert(0, text)
        entry.focus_force()
        similar.root.update()
        entry.event_generate("<Return>")
        similar.wait(lambda message=message: message in similar.status)
        entry.delete(0, "end")
    similar.press("Find similar tracks")
    similar.wait(lambda: similar.idle)
    assert len(tab.table.tree.get_children()) == 5


def test_similar_songs_are_sorted_and_played_by_the_keys(similar: Driver) -> None:
    tab = similar.window.similar_tab
    tree = tab.table.tree
    tree.tk.call(*tree.tk.splitlist(tree.heading("track", "command")))
    names = [str(tree.item(row, "values")[0]) for row in tree.get_children()]
    assert names == sorted(names)
    tree.focus_force()
    tab.table.select(tree.get_children()[0])
    similar.root.update()
    tree.event_generate("<Down>")
    tree.event_generate("<KeyRelease-Down>")
    similar.wait(lambda: similar.session.player.playing)
    assert Path(tab._found[tree.get_children()[1]].path).stem in similar.status
    # the player's slider moves in what plays
    similar.window.bar.scale.event_generate("<Button-1>", x=similar.window.bar.scale.winfo_width() // 2, y=8)
    assert similar.session.plays_track
    assert 0.4 < similar.session.player.position / similar.session.player.length < 0.6
    similar.session.player.pause()


def test_a_playlist_of_similar_songs_is_exported(similar: Driver, answers: dict[str, str], tmp_path: Path) -> None:
    similar.press("Add to playlist")
    similar.press("Add tracks like this one:")
    similar.wait(lambda: similar.idle)
    similar.shot("similar")
    answers["asksaveasfilename"] = str(tmp_path / "similar.m3u8")
    similar.press("Export playlist…")
    similar.wait(lambda: similar.idle)
    assert "6 tracks" in similar.status
    assert "organ/" in (tmp_path / "similar.m3u8").read_text()


def test_a_scan_of_another_program_shows_when_the_tabs_are_entered(
    similar: Driver, made_music: Path, answers: dict[str, str], tmp_path: Path
) -> None:
    window = similar.window
    similar.show(window.library_tab)
    similar.wait(lambda: similar.idle)
    shutil.copy(made_music / "buzz" / "Ada.flac", tmp_path)
    with rt.Library(similar.session.library) as library:
        library.scan([tmp_path], workers=1)
    similar.show(window.similar_tab)
    similar.wait(lambda: len(window.similar_tab.table.tree.get_children()) == 6)
    similar.show(window.library_tab)
    similar.wait(lambda: len(window.library_tab.map.tracks) == 7)
    # a track whose file is gone since is not opened in place of the song, nor exported once the library knows
    tab, song = window.library_tab, similar.session.path
    tab.tracks.select(next(key for key, track in tab._listed.items() if track.path == str(tmp_path / "Ada.flac")))
    tab.add_to_playlist()
    (tmp_path / "Ada.flac").unlink()
    tab.open()
    assert similar.status.endswith(" is gone: press Scan in the tab Library.")
    assert similar.session.path == song
    with rt.Library(similar.session.library) as library:
        library.scan([tmp_path], workers=1)
    answers["asksaveasfilename"] = str(tmp_path / "mine.m3u8")
    window.similar_tab.export()
    similar.wait(lambda: similar.idle)
    assert similar.status.endswith("Left out, as the library has lost them: 1 track.")


def test_a_damaged_library_is_repaired_by_a_button(similar: Driver) -> None:
    with closing(sqlite3.connect(similar.session.library)) as library, library:
        library.execute("UPDATE descriptions SET vector = X'00' WHERE track = (SELECT min(track) FROM descriptions)")
    similar.press("Find similar tracks")
    similar.wait(lambda: "press Repair in the tab Library" in similar.status)
    tab = similar.window.library_tab
    similar.show(tab)
    for expected in ("was repaired. 1 analysed", "is whole"):
        similar.press("Repair")
        similar.wait(lambda: similar.idle)
        assert expected in tab.report.get("1.0", "end")
