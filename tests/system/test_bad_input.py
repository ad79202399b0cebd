"""Whatever is wrong with the input, the command line says so in one line and leaves nothing half-written."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import retrotone as rt
from retrotone.audio.player import player
from retrotone.cli.main import run
from retrotone.errors import OutputError
from retrotone.services.demo import bundled

Run = Callable[..., str]


@pytest.fixture(scope="module")
def music() -> rt.Audio:
    return bundled("demo_song.ogg", "song").slice(4, 7)


@pytest.fixture
def song(music: rt.Audio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good song, alone in the current folder."""
    monkeypatch.chdir(tmp_path)
    return music.save(tmp_path / "song.wav")


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str], tmp_path: Path, song: Path) -> Run:
    """Run a command that must fail without a trace but one line; return the line."""

    def check(*arguments: str | Path) -> str:
        before = contents(tmp_path)
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        one_line(err)
        assert (code, out) == (2, "")
        assert contents(tmp_path) == before
        return err

    return check


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def process(*arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "retrotone", *arguments]
    return subprocess.run(command, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **settings})


def one_line(err: str) -> None:
    assert err.startswith("retrotone: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def noise(frames: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, (frames, channels)).astype(np.float32)


def broken(kind: str, path: Path) -> Path:
    """Write a recording that cannot be used."""
    samples, rate = noise(22_050), 22_050
    if kind == "empty":
        path.write_bytes(b"")
        return path
    if kind == "text":
        path.write_text("this is no sound\n" * 1000)
        return path
    if kind == "header only":
        soundfile.write(path, samples[:0], rate)
        return path
    if kind == "silent":
        samples[:] = 0
    elif kind == "NaN":
        samples[9_000] = np.nan
    elif kind == "infinite":
        samples[9_000] = np.inf
    elif kind == "100 channels":
        samples = noise(22_050, 100)
    elif kind == "4 kHz":
        rate = 4_000
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


KINDS = {
    "empty": "is empty (0 bytes)",
    "text": "is not a sound file",
    "header only": "holds no samples",
    "silent": "is silent",
    "NaN": "contains NaN or infinite samples",
    "infinite": "contains NaN or infinite samples",
    "100 channels": "has 100 channels",
    "4 kHz": "has a rate of 4000 Hz",
}


@pytest.mark.parametrize(("kind", "message"), KINDS.items())
def test_broken_song(refused: Run, tmp_path: Path, kind: str, message: str) -> None:
    assert message in refused("style", broken(kind, tmp_path / "bad.wav"))


@pytest.mark.parametrize(("kind", "message"), KINDS.items())
def test_broken_style(refused: Run, song: Path, tmp_path: Path, kind: str, message: str) -> None:
    assert message in refused("style", song, "--style", broken(kind, tmp_path / "bad.wav"))


def test_missing_song_and_folder(refused: Run, song: Path, tmp_path: Path) -> None:
    assert "nope.mp3 does not exist" in refused("style", "nope.mp3", "-o", "new/")
    assert "the name of a song is empty" in refused("style", "")
    for verb in (["style"], ["tags"], ["genre", "predict"]):
        assert "is a folder: name a sound file, or take all that it holds with --recursive" in refused(*verb, tmp_path)
    assert "would lie among the songs" in refused("style", tmp_path, "--recursive")
    assert "File name too long" in refused("style", "long" * 70 + ".mp3")
    assert "nope.flac does not exist" in refused("style", song, "--style", "nope.flac")
    assert "https://host/a.mp3 is a URL: download it" in refused("tags", "https://host/a.mp3")
    assert "- is not read as standard input: save the sound to a file" in refused("tags", "-")
    (tmp_path / "empty").mkdir()
    assert "holds no recordings" in refused("style", song, "--style", tmp_path / "empty")
    assert "holds no recordings" in refused("tags", tmp_path / "empty", "--recursive")
    assert "nope is no folder" in refused("library", "scan", "nope", "--library", "new.db")
    assert "nope.mp3 does not exist" in refused("compare", song, "nope.mp3")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_permissions(refused: Run, song: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert "could not be written" in refused("style", song, "-o", closed / "out.wav")
    assert "could not be written" in refused("compare", song, "-o", closed / "new/")
    song.chmod(0)
    assert "cannot be read" in refused("style", song)
    song.chmod(0o600)


@pytest.mark.parametrize("channels", [1, 2])
def test_one_sample(channels: int, song: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "one.wav", np.full((1, channels), 0.5), 44_100)
    assert run(["style", "one.wav"]) == 0
    assert soundfile.info(tmp_path / "one-1930s.wav").frames == 1
    assert "too short to hear a difference" in capfd.readouterr().err
    assert run(["style", "song.wav", "--style", "one.wav"]) == 2
    assert "choose a longer style" in capfd.readouterr().err


@pytest.mark.parametrize("style", ["1930s", "record.flac"])
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (192_000, 2)])
def test_extreme_rates_work(music: rt.Audio, song: Path, tmp_path: Path, rate: int, channels: int, style: str) -> None:
    odd = music.resample(rate) if channels == 2 else music.mono().resample(rate)
    odd.save(tmp_path / "odd.wav")
    music.save(tmp_path / "record.flac")
    assert run(["style", "odd.wav", "--style", style, "-o", "out.wav"]) == 0
    result = soundfile.info(tmp_path / "out.wav")
    assert (result.samplerate, result.channels, result.frames) == (rate, channels, odd.frames)


@pytest.mark.parametrize("kept", [0.5, 0.02])
def test_truncated_songs_work_or_say_why(music: rt.Audio, song: Path, tmp_path: Path, kept: float) -> None:
    names = [f"cut{i}{suffix}" for i, suffix in enumerate((".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff"))]
    for name in names:
        data = music.resample(48_000).save(tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: round(kept * len(data))])
    done = process("style", *names, "-o", "out/")
    lines = done.stderr.splitlines()
    assert all(line.startswith("retrotone: ") for line in lines)
    # each has one line: what is missing, or why it could not be used
    said = {name: [line for line in lines if f"{name} " in line] for name in names}
    assert {name: len(told) for name, told in said.items()} == dict.fromkeys(names, 1)
    failed = [name for name, (line,) in said.items() if "can be read" not in line and "was cut" not in line]
    assert len(lines) == len(names) + (len(failed) > 0)
    assert done.returncode == (1 if failed else 0)
    made = {path.stem.removesuffix("-1930s"): rt.load(path) for path in (tmp_path / "out").iterdir()}
    assert sorted(made) == sorted(Path(name).stem for name in names if name not in failed)
    assert all(0 < audio.duration <= music.duration + 0.1 for audio in made.values())
    assert "cut0" in made
    assert kept < 0.1 or "cut2" in made


def test_settings_out_of_range(refused: Run, song: Path) -> None:
    assert "there is no style '1850s': it is neither one of the eras" in refused("style", song, "--style", "1850s")
    assert "strength must be between 0 and 1" in refused("style", song, "--strength", "1.5")
    assert "strength must be between 0 and 1" in refused("style", song, "--strength", "nan")
    assert "parlour is a model: say --style rave:parlour" in refused("style", song, "--style", "parlour")
    assert "method 'magic' does not exist" in refused("style", song, "--method", "magic")
    record = Path(rt.__file__).parent / "assets" / "demo_style.ogg"
    assert "needs an era's name" in refused("style", song, "--method", "era", "--style", record)
    assert "noise must be between 0 and 10, not -1" in refused("style", song, "--noise", "-1")
    assert "noise must be between 0 and 10, not 1000" in refused("style", song, "--noise", "1000")
    assert "temperature must be between 0 and 10, not 100" in refused(
        "generate", "-o", "clip.wav", "--temperature", "100"
    )
    assert "resynthesis 'x' does not exist" in refused("style", song, "--resynthesis", "x")
    assert "seed must be 0 or above" in refused("style", song, "--seed", "-1")


def test_a_group_of_commands_alone_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    for group, command in ((), "style"), (("library",), "scan"):
        assert run(group) == 2
        lines = capsys.readouterr().err.splitlines()
        assert any(line.split()[:1] == [command] for line in lines)


def test_usage_is_one_line(refused: Run, song: Path, tmp_path: Path) -> None:
    assert "--help" in refused("style")
    assert "--help" in refused("style", song, "--strenght", "1")
    assert "--help" in refused("style", song, "--strength", "much")
    assert "--help" in refused("sytle", song)
    # names of other programs and of newcomers
    assert "No such option: --era: say --style 1930s" in refused("style", song, "--era", "1930s")
    assert "say --style 'my disc'" in refused("style", song, "--preset=my disc")
    assert "say --out NAME.mp3" in refused("style", song, "--format", "mp3")
    assert "say --overwrite" in refused("compare", song, song, "--force")
    # without a medium, there is no option like it
    assert "--help" in refused("compare", song, song, "--parts", "wow")
    assert "say --style 1930s" in refused("style", song, "1930s")
    (tmp_path / "-dash.wav").write_bytes(song.read_bytes())
    assert "call the file ./-dash.wav" in refused("style", "-dash.wav")
    assert "--help" in refused("study", "loss", song)


def test_outputs_that_cannot_be(refused: Run, song: Path, tmp_path: Path) -> None:
    assert "cannot write '.xyz' files" in refused("style", song, "-o", "out.xyz")
    assert "has no suffix" in refused("style", song, "-o", "out")
    assert "is not a folder" in refused("style", song, "-o", "nowhere/out.wav")
    assert "is not a folder" in refused("compare", song, song, "--names", "a,b", "-o", "nowhere/out.html")
    assert "2 files need as many different names" in refused("compare", song, song)
    assert "2 files need as many different names" in refused("compare", song, song, "--names", "a,")
    assert "2 files need as many different names" in refused("compare", song, song, "--names", "a,b,c")
    assert "written as .html or .png" in refused("compare", song, song, "--names", "a,b", "-o", "out.pdf")
    (tmp_path / "taken").write_text("")
    assert "takes no files" in refused("style", song, "-o", "taken/")
    assert "takes no files" in refused("study", "loss", song, song, "-o", "taken/deep")
    assert "takes no files" in refused("demo", "-o", "taken")
    (tmp_path / "out.wav").mkdir()
    (tmp_path / "out.wav" / "song-1930s.wav").mkdir()
    assert "is a folder" in refused("style", song, "-o", "out.wav")


def test_inputs_are_never_overwritten(refused: Run, music: rt.Audio, song: Path, tmp_path: Path) -> None:
    message = "is an input and would be overwritten"
    assert message in refused("style", song, "-o", song)
    assert message in refused("style", song, "-o", "./song.wav")
    (tmp_path / "link.wav").symlink_to(song)
    (tmp_path / "hard.wav").hardlink_to(song)
    assert message in refused("style", song, "-o", "link.wav")
    assert message in refused("style", song, "-o", "hard.wav")
    music.save(tmp_path / "record.wav")
    assert message in refused("style", song, "--style", "record.wav", "-o", "record.wav")
    music.save(tmp_path / "song-1930s.wav")
    assert message in refused("style", song, "song-1930s.wav", "--overwrite")
    for options in (("--match", song), ("--between", song, "record.wav"), ("--from", "link.wav")):
        assert message in refused("generate", "--seconds", "1", *options, "-o", "hard.wav", "--overwrite")


def test_files_that_exist_are_kept_unless_asked(refused: Run, song: Path, tmp_path: Path) -> None:
    older = ["song-1930s.wav", "a.html", "report.png", "a.toml", "clip.png", "losses.png", "song-genre.png", "all.csv"]
    for name in older:
        (tmp_path / name).write_text("older")
    (tmp_path / "link.wav").symlink_to("nowhere")
    for arguments, name in (
        (("style", song), "song-1930s.wav"),
        (("style", song, "-o", "link.wav"), "link.wav"),
        (("style", song, "-o", "a.wav", "--report"), "a.html"),
        (("compare", song), "report.png"),
        (("medium", "1930s", "-o", "a.toml"), "a.toml"),
        (("generate", "-o", "clip.wav"), "clip.png"),
        (("study", "loss", song, song, "-o", "."), "losses.png"),
        (("demo", "-o", "."), "report.png"),
        (("genre", "predict", song, "--plot"), "song-genre.png"),
        (("library", "export", "all.csv"), "all.csv"),
        (("library", "similar", song, "-o", "all.csv"), "all.csv"),
    ):
        assert f"{name} is there already" in refused(*arguments)
    assert "leave one of them out" in refused("style", song, "--skip", "--overwrite")


def test_two_songs_never_share_an_output(refused: Run, music: rt.Audio, song: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    music.save(tmp_path / "other" / "song.wav")
    assert "would both become" in refused("style", song, "other/song.wav", "-o", "out")
    assert "is one file for several songs" in refused("style", song, "other/song.wav", "-o", "out.wav")


def test_versions_are_compared_with_a_record_and_not_with_an_era(refused: Run, song: Path) -> None:
    assert "1930s is no recording" in refused("compare", song, "--style", "1930s")
    assert "nothing.wav does not exist" in refused("compare", song, "--style", "nothing.wav")


@pytest.mark.parametrize("out", ["new/folder/", "out.ogg"])
def test_full_disk(song: Path, tmp_path: Path, out: str) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192))

    before = contents(tmp_path)
    done = process("style", "song.wav", "-o", out, preexec_fn=limit)
    one_line(done.stderr)
    assert "could not be written" in done.stderr
    assert (done.returncode, done.stdout) == (2, "")
    assert contents(tmp_path) == before


def test_full_folder_of_temporary_files(music: rt.Audio) -> None:
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, limits[1]))
    try:
        with pytest.raises(OutputError, match="free some space there, or name another folder"):
            player(music)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_standard_output_that_is_full(song: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = process("eras", stdout=full)
    one_line(done.stderr)
    assert done.returncode == 2
