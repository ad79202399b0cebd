"""The commands of the tutorials run in the folder that the text is in, and print what is shown, but for rounding."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from retrotone.cli.main import run
from retrotone.services.demo import bundled

DOCS = Path(__file__).parents[2] / "docs"
# They take many seconds each; what they do is tested elsewhere, on less music.
COSTLY = r"demo|.*--(report|method transport|model \S+\.ts) |generate|compare|models train|study|genre evaluate"
# Of a number that is shown.
TOLERANCE = 0.03
SONGS = {
    "Karissa Hobbs/Fishin": "Karissa_Hobbs_-_Lets_Go_Fishin",
    "Kevin MacLeod/Sugar Plum Fairy": "Kevin_MacLeod_-_P_I_Tchaikovsky_Dance_of_the_Sugar_Plum_Fairy",
    "Kevin MacLeod/Vibe Ace": "Kevin_MacLeod_-_Vibe_Ace",
    "Singles/Choice": "admiralbob77_-_Choice_-_Drum-bass",
    "Singles/Hungarian": "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra)",
    "Singles/pibble": "pibble",
    "Singles/ragtime": "442789__lena-orsa__happy-music-pistachio-ice-cream-ragtime",
    "Singles/solo-trumpet": "sorohanro_-_solo-trumpet-06",
    "Singles/sweet-waltz": "147793__setuniman__sweet-waltz-0i-22mi",
}


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of code of a page that are in one language, or in none."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [code for name, code in fenced if name == language]


def steps(page: str) -> Iterator[tuple[list[str], str | None]]:
    """Yield the words of each command of a page, with what the text shows as its output, if it does."""
    commands: list[str] = []
    for block in blocks(page, ""):
        shown = not block.startswith(("retrotone ", "cp "))
        yield from ((shlex.split(command)[1:], None) for command in (commands[:-1] if shown else commands))
        if shown and commands:
            yield shlex.split(commands[-1])[1:], block
        commands = [] if shown else [line for line in block.splitlines() if line.startswith("retrotone ")]
    yield from ((shlex.split(command)[1:], None) for command in commands)


def words(text: str) -> list[str]:
    """Return the words of an output, without rules, times, the current folder, and the line of progress a minute."""
    text = text.replace(f"{Path.cwd()}/", "").replace("~/", "")
    return re.sub(r"─+|\([\d.]+ s(, \d+x real time)?\)|^retrotone: \d+%: .*", "", text, flags=re.MULTILINE).split()


def assert_alike(printed: str, shown: str) -> None:
    is_, should = words(printed), words(shown)
    assert len(is_) == len(should), printed
    for a, b in zip(is_, should, strict=True):
        number = re.fullmatch(r"(-?[\d.]+)([,:)]*)", b)
        if number and (other := re.fullmatch(r"(-?[\d.]+)([,:)]*)", a)):
            assert float(other[1]) == pytest.approx(float(number[1]), abs=TOLERANCE), printed
        else:
            assert a == b, printed


def follow(page: str, capfd: pytest.CaptureFixture[str]) -> int:
    """Run the commands of a page and return how many outputs were as shown."""
    compared = 0
    for command, shown in steps(page):
        line = " ".join(command).replace("~/", "")
        if re.match(COSTLY, f"{line} "):
            continue
        code = run([word.replace("~/", "") for word in command])
        out, err = capfd.readouterr()
        # 1: the library has broken files, as shown
        assert code in (0, 1), f"{line}: {err}"
        if shown is not None:
            assert_alike(err + out, shown)
            compared += 1
    return compared


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which nothing is yet, and a library of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def test_the_tutorial_for_a_musician(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bundled("demo_song.ogg", "song").save("song.wav")
    bundled("demo_style.ogg", "record").save("record.wav")
    assert follow("tutorial-musician.md", capfd) == 1
    assert Path("song-1930s.wav").is_file()
    assert Path("song-half.wav").is_file()
    assert Path("song-parlour.wav").is_file()


@pytest.mark.usefixtures("analysing_here")
def test_the_tutorial_for_an_owner(folder: Path, shared_music: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, file in SONGS.items():
        path = folder / "Music" / f"{name}.ogg"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shared_music / f"{file}.ogg", path)
    samples, rate = soundfile.read("Music/Kevin MacLeod/Vibe Ace.ogg")
    soundfile.write("Music/Singles/vibe-ace-again.mp3", samples * 10 ** (-5 / 20), rate)
    soundfile.write("Music/Singles/unfinished-download.mp3", samples[:50], rate)
    Path("Music/Singles/cover.flac").write_text("not a sound")
    assert follow("tutorial-owner.md", capfd) == 8


@pytest.mark.usefixtures("analysing_here")
def test_the_tutorial_for_a_student(folder: Path, shared_music: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bundled("demo_song.ogg", "song").save("song.wav")
    for genre in ("classical", "jazz", "rock"):
        (folder / "three" / genre).mkdir(parents=True)
        for clip in sorted((shared_music.parent / "gtzan" / "audio" / genre).iterdir())[::5]:
            shutil.copy(clip, folder / "three" / genre)
    assert follow("tutorial-student.md", capfd) == 2
    assert Path("mine/reliability.png").is_file()
    [snippet], [printed] = (blocks("tutorial-student.md", language) for language in ("python", "text"))
    exec(snippet, {})
    assert capfd.readouterr().out == printed
