"""What a text names as a style is decided in one place, with the same sentence for the same wrong word everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import retrotone as rt
from retrotone.audio.files import AudioFile
from retrotone.cli.main import run
from retrotone.errors import AudioError, ModelError, RetrotoneError, StyleError
from retrotone.style.choices import Records, StyleChoice, find_style, find_styles, style_choices
from retrotone.style.eras import ERAS
from retrotone.style.media.filters import Lowpass
from retrotone.style.media.noise import Noise
from retrotone.style.medium import Medium
from retrotone.utils import assets
from retrotone.utils.files import config_folder
from retrotone.utils.text import sentence

UNKNOWN = "1850s"
PATHS = ("nope.wav", "recordings/old", "model.ts")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def preset(name: str, **parameters: Any) -> Path:
    """Save a medium among the user's presets."""
    path = config_folder() / "media" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    return Medium(name=name, **parameters).save(path)


def reason(refused: Callable[[], object]) -> str:
    with pytest.raises(RetrotoneError) as caught:
        refused()
    return sentence(caught.value)


@pytest.mark.parametrize("name", ["1930s", "shellac", "1938"])
def test_a_decade_a_year_or_a_medium_is_an_era(name: str) -> None:
    choice = find_style(name)
    assert (choice.kind, choice.name) == ("era", "1930s")
    assert choice.open() is ERAS["1930s"]
    assert choice in style_choices()


def test_a_file_is_a_recording_even_if_it_is_called_like_an_era(folder: Path) -> None:
    rt.load(assets.bundled_record()).slice(0, 1).save(folder / "a.wav").rename(folder / "1930s")
    choice = find_style("1930s")
    assert (choice.kind, choice.title) == ("record", "1930s")


def test_a_folder_that_is_called_like_an_era_is_not_in_the_way(folder: Path) -> None:
    (folder / "1930s").mkdir()
    assert isinstance(find_style("1930s").open(), Medium)


def test_a_file_of_a_medium_is_a_style(folder: Path) -> None:
    ERAS["1930s"].save(folder / "Mine.TOML")
    choice = find_style("Mine.TOML")
    assert (choice.kind, choice.name, choice.open()) == ("medium", "Mine.TOML", ERAS["1930s"])
    assert choice.phrase == "as Mine: electrical 78 would have kept it"
    (folder / "broken.toml").write_text("name = 3")
    with pytest.raises(StyleError, match=r"^broken.toml: name is 3"):
        find_style("broken.toml")
    with pytest.raises(AudioError, match=r"nowhere.toml does not exist"):
        find_style("nowhere.toml")


def test_a_preset_is_found_by_its_name_and_listed_after_the_eras() -> None:
    path = preset("Attic radio", carrier="a crystal set", description="thin")
    choice = find_style("attic radio")
    assert (choice.kind, choice.name, choice.title) == ("medium", str(path), "Attic radio: a crystal set")
    listed = style_choices()
    assert listed.index(choice) == len(ERAS)
    # an era's name stays the era's
    preset("1930s", carrier="something else")
    assert find_style("1930s").kind == "era"


def test_a_broken_preset_is_a_line_of_warning_and_hides_nothing(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    preset("good", description="fine")
    preset("bad").write_text("name = ")
    assert [choice.title for choice in style_choices() if choice.kind == "medium"] == ["good"]
    (warning,) = caplog.messages
    assert "bad.toml is not TOML" in warning
    assert "\n" not in warning
    assert run(["eras"]) == 0
    out, err = capfd.readouterr()
    assert any(line.split()[0] == "good" and "fine" in line for line in out.splitlines() if line.strip())
    assert "bad.toml is not TOML" in " ".join(err.split())
    assert run(["eras", "--json"]) == 0
    names = [json.loads(line)["name"] for line in capfd.readouterr().out.splitlines()]
    assert names == [*ERAS, "good"]


def test_a_song_through_a_preset(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    steady = replace(ERAS["1930s"], name="steady disc", wobbles=())
    steady.save(preset("steady"), overwrite=True)
    song = rt.load(assets.bundled_song()).slice(4, 6)
    song.save(folder / "song.wav")
    for style in ("steady", "config/retrotone/media/steady.toml"):
        assert run(["style", "song.wav", "--style", style, "--json", "--overwrite"]) == 0
        figures = json.loads(capfd.readouterr().out)
        assert figures["method"] == "medium"
        assert Path(figures["output"]).name == "song-steady disc.wav"
    aged = rt.StyleTransfer().stylize(song, steady)
    assert abs(aged.loudness - song.loudness) < 0.5
    assert abs(aged.samples - rt.StyleTransfer().stylize(song, "1930s").samples).max() > 0.01


def test_a_medium_read_from_a_record_meets_its_noise_at_its_own_level() -> None:
    """What a long song's excerpts tell, and what the whole song tells, are one gain."""
    song = rt.load(assets.bundled_song())
    medium = Medium(name="read", recording=(Lowpass(3000.0),), recording_lufs=-20.0, noises=(Noise(-45, 100, 5000),))
    by_transfer, by_apply = rt.StyleTransfer().stylize(song, medium), medium.apply(song)
    assert abs(by_transfer.samples - by_apply.samples).max() < 0.02


def test_a_record_gives_its_medium_unless_another_method_is_named(tmp_path: Path) -> None:
    song, record = rt.load(assets.bundled_song()).slice(4, 8), rt.load(assets.bundled_record())
    medium = rt.Medium.from_recording(record)
    assert find_style(str(medium.save(tmp_path / "my record.toml"))).title == "my record"
    by_default, by_hand = rt.StyleTransfer().stylize(song, record), rt.StyleTransfer().stylize(song, medium)
    np.testing.assert_array_equal(by_default.samples, by_hand.samples)
    assert abs(rt.StyleTransfer("transport").stylize(song, record).samples - by_default.samples).max() > 0.01


def test_settings_of_other_methods_are_refused_with_a_medium() -> None:
    song = rt.load(assets.bundled_song()).slice(4, 6)
    with pytest.raises(StyleError, match="for methods transport and gram"):
        rt.StyleTransfer(noise=0.5).stylize(song, assets.bundled_record())


def test_several_records_make_one_medium(folder: Path) -> None:
    record = rt.load(assets.bundled_record())
    for number in range(2):
        record.slice(12 * number, 12 * number + 12).save(folder / f"side {number}.wav")
    together = find_styles(["side 0.wav", "side 1.wav"]).open()
    assert isinstance(together, Records)
    assert [source.path.name for source in together.sources] == ["side 0.wav", "side 1.wav"]
    with pytest.raises(StyleError, match="takes the colour of one recording"):
        rt.StyleTransfer("transport").stylize(record, together)
    with pytest.raises(StyleError, match="only where all are recordings"):
        find_styles(["side 0.wav", "1930s"])


def test_a_model_plays_the_song_or_generates_a_clip() -> None:
    assert find_style("parlour").kind == "rave"
    assert find_style("rave:parlour").kind == "generated"
    assert find_style("rave:parlour", "rave") == find_style("parlour", "rave") == find_style("parlour")
    assert find_style("rave:").name == "parlour"


def test_a_clip_differs_from_what_the_model_plays(folder: Path) -> None:
    song = rt.load(assets.bundled_song()).slice(4, 6)
    clip = rt.StyleTransfer().stylize(song, "rave:parlour")
    played = rt.StyleTransfer().stylize(song, "parlour")
    assert clip.samples.shape == played.samples.shape == song.samples.shape
    assert abs(clip.samples - played.samples).max() > 0.05


def test_a_word_that_is_nothing_gets_a_sentence_with_all_choices() -> None:
    with pytest.raises(StyleError, match=r"neither one of the eras .*1930s.* nor a file nor .*parlour"):
        find_style(UNKNOWN)


@pytest.mark.parametrize("name", PATHS)
def test_a_path_that_does_not_exist_is_no_era(name: str) -> None:
    with pytest.raises(AudioError, match=f"^{name} does not exist: check the path$"):
        find_style(name)


def test_a_name_that_is_too_long_for_a_file_gets_a_sentence() -> None:
    with pytest.raises(AudioError, match="File name too long"):
        find_style("a" * 5000)
    with pytest.raises(ModelError, match="no model is called"):
        find_style("rave:" + "a" * 5000).open()


def test_a_folder_stands_for_the_records_in_it(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "records").mkdir()
    with pytest.raises(AudioError, match="records holds no recordings"):
        find_style("records")
    (folder / "records" / "sleeve.txt").write_text("notes")
    (folder / "records" / "torn.wav").write_text("no sound")
    with pytest.raises(AudioError, match="records holds no recording that can be read"):
        find_style("records")
    rt.load(assets.bundled_record()).slice(0, 1).save(folder / "records" / "side.wav")
    opened = find_style("records").open()
    assert isinstance(opened, Records)
    assert (opened.name, len(opened.sources)) == ("records", 1)
    assert "a record is left out: " in caplog.text
    assert "torn.wav is not a sound file" in caplog.text


def test_strangers_choose_no_files(folder: Path) -> None:
    rt.load(assets.bundled_record()).slice(0, 1).save(folder / "mine.wav")
    for name in ("mine.wav", "rave:mine.wav", str(folder / "mine.wav"), "/etc/passwd"):
        with pytest.raises(StyleError, match="there is no style"):
            find_style(name, files=False)
    preset("secret")
    (folder / "medium.toml").write_text('name = "a"')
    for name in ("secret", "medium.toml"):
        with pytest.raises(StyleError, match="there is no style"):
            find_style(name, files=False)
    assert {choice.kind for choice in style_choices(files=False)} == {"era", "rave"}
    assert find_style("1930s", files=False).kind == "era"


def test_naming_a_model_imports_no_torch() -> None:
    code = (
        "import sys; from retrotone.style.choices import find_style, style_choices; style_choices(); "
        "find_style('rave:parlour'); find_style('1930s').open(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", [UNKNOWN, *PATHS])
def test_api_command_and_window_refuse_a_wrong_word_alike(
    name: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from retrotone.desktop import restyle_tasks as tasks

    song = rt.load(assets.bundled_song()).slice(4, 6)
    wanted = reason(lambda: find_style(name))
    assert reason(lambda: rt.StyleTransfer().stylize(song, name)) == wanted
    desk: Any = SimpleNamespace()
    assert reason(lambda: tasks.own_choice(desk, "era", name)) == wanted
    assert run(["style", str(song.save(folder / "song.wav")), "--style", name]) == 2
    # on the command line it is no sentence
    said = " ".join(capfd.readouterr().err.split())
    assert said.casefold() == f"retrotone: {wanted}".removesuffix(".").casefold()


def test_an_open_recording_is_not_opened_again() -> None:
    recording = AudioFile(assets.bundled_record())
    assert StyleChoice.of_recording(recording).open() is recording
