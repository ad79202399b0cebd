"""The command line writes results to stdout and complaints to stderr, and stops cleanly."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

import retrotone as rt
from retrotone.cli import console
from retrotone.cli.console import print_each
from retrotone.cli.main import run
from retrotone.progress import Progress
from retrotone.services.demo import bundled

COMMAND = [sys.executable, "-m", "retrotone"]
KEYS = [
    "output",
    "method",
    "seconds",
    "realtime_factor",
    "style_gain",
    "envelope_gain",
    "chroma_cosine",
    "onset_f1",
    "loudness_change_lu",
    "damage",
]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def music() -> rt.Audio:
    return bundled("demo_song.ogg", "song").slice(4, 7)


@pytest.fixture(scope="module")
def record() -> rt.Audio:
    return bundled("demo_style.ogg", "record").slice(2, 6)


@pytest.fixture
def folder(music: rt.Audio, record: rt.Audio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: empty but for ``in/song.wav`` and ``in/record.flac``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    music.gain(-6).save("in/song.wav")
    record.save("in/record.flac")
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def cli(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, **settings)  # type: ignore[call-overload]


# What it writes


def test_by_default_a_song_goes_to_the_current_folder_in_its_own_format(folder: Path, capfd: Capture) -> None:
    rt.load("in/song.wav").save("in/other.flac")
    # readable, but not a suffix that can be written
    Path("in/other.flac").rename("in/other.oga")
    for song, output in (
        ("song.wav", "song-1930s.wav"),
        ("record.flac", "record-1930s.flac"),
        ("other.oga", "other-1930s.wav"),
    ):
        assert run(["style", f"in/{song}"]) == 0
        out, err = capfd.readouterr()
        assert err == ""
        assert out.startswith(f"{output}: era (")
        assert out.count("\n") == 1
        before, after = soundfile.info(f"in/{song}"), soundfile.info(output)
        assert (after.samplerate, after.channels, after.frames) == (before.samplerate, before.channels, before.frames)
    assert sorted(path.name for path in Path("in").iterdir()) == ["other.oga", "record.flac", "song.wav"]


def test_out_is_a_file_or_a_folder(folder: Path) -> None:
    Path("here").mkdir()
    assert run(["style", "in/song.wav", "-o", "retro.ogg"]) == 0
    assert run(["style", "in/song.wav", "-o", "here"]) == 0
    assert run(["style", "in/song.wav", "-o", "new/deep/"]) == 0
    assert run(["style", "in/song.wav", "in/record.flac", "-o", "both", "--style", "cassette"]) == 0
    assert [name for name in names(folder) if not name.startswith("in")] == [
        "both/record-1980s.flac",
        "both/song-1980s.wav",
        "here/song-1930s.wav",
        "new/deep/song-1930s.wav",
        "retro.ogg",
    ]


def test_a_folder_keeps_its_folders_and_what_is_done_is_passed_over(folder: Path, capfd: Capture) -> None:
    Path("in/deep/er").mkdir(parents=True)
    for name in ("deep/er/a.wav", ".hidden.wav", "cover.jpg"):
        Path("in", name).write_bytes(Path("in/song.wav").read_bytes())
    Path("in/record.flac").unlink()
    command = ["style", "in", "--recursive", "-o", "in/out", "--strength", "0.5", "--seed", "3"]
    assert run(command) == 0
    made = ["deep/er/a-1930s-strength50%-seed3.wav", "song-1930s-strength50%-seed3.wav"]
    assert names(Path("in/out").resolve()) == made
    Path("in/out", made[0]).unlink()
    kept = Path("in/out", made[1]).stat()
    capfd.readouterr()
    assert run([*command, "--skip"]) == 0
    out, err = capfd.readouterr()
    assert out.startswith(f"in/out/{made[0]}: era")
    assert out.count("\n") == 1
    assert err == "retrotone: 1 of 2 songs done already and passed over\n"
    assert names(Path("in/out").resolve()) == made
    assert Path("in/out", made[1]).stat().st_mtime_ns == kept.st_mtime_ns
    Path("in/text.wav").write_text("no sound")
    assert run([*command, "--skip"]) == 1, "what was done before is done"
    assert "1 of 3 songs failed" in capfd.readouterr().err


def test_options_reach_the_transfer(folder: Path, music: rt.Audio) -> None:
    def styled(*options: str) -> bytes:
        assert run(["style", "in/song.wav", "-o", "out.wav", "--overwrite", *options]) == 0
        # the sound alone: the file also says what was done
        return rt.load("out.wav").samples.tobytes()

    assert styled() == styled("--seed", "0", "--style", "1938")
    assert styled() != styled("--seed", "1")
    assert styled() != styled("--method", "transport")
    record = ("--style", "in/record.flac")
    assert run(["style", "in/song.wav", "-o", "out.wav", *record, "--noise", "-1"]) == 2
    transport = (*record, "--method", "transport")
    assert styled(*record) == styled(*record, "--method", "medium") != styled(*transport)
    assert styled(*transport) != styled(*transport, "--resynthesis", "griffinlim")
    assert styled(*record) != styled(*record, "--without", "noise") == styled(*record, "--only", "width,band,wow,hum")
    styled("--strength", "0")
    residual = rt.load("out.wav").samples - rt.load("in/song.wav").samples
    assert np.sqrt(np.mean(residual**2) / np.mean(music.samples**2)) < 1e-3


def test_bit_depth_and_quality_of_the_result(folder: Path, capfd: Capture) -> None:
    assert run(["style", "in/song.wav", "-o", "out.aiff", "--bit-depth", "16"]) == 0
    assert soundfile.info("out.aiff").subtype == "PCM_16"
    sizes = []
    for quality in ("1", "9"):
        assert run(["style", "in/song.wav", "-o", "out.mp3", "--overwrite", "--quality", quality]) == 0
        sizes.append(Path("out.mp3").stat().st_size)
    assert sizes[0] < sizes[1]
    capfd.readouterr()
    assert run(["style", "in/song.wav", "-o", "out.flac", "--bit-depth", "32"]) == 2
    assert capfd.readouterr().err == "retrotone: out.flac: FLAC takes a bit depth of 16, 24, not 32\n"
    assert run(["style", "in/song.wav", "-o", "out.flac", "--quality", "5"]) == 2
    assert "FLAC is lossless and has no quality" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--only", "hiss"), "there is no part 'hiss' of a medium: use width"),
        (("--without", "noise", "--method", "transport"), "'only' and 'without' choose parts of a medium"),
        (("--noise", "0"), "noise and resynthesis are for methods transport and gram"),
        (("--style", "1930s"), "several styles make one medium only where all are recordings"),
        (("--method", "rave"), "name it with --model"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    folder: Path, capfd: Capture, options: tuple[str, ...], reason: str
) -> None:
    assert run(["style", "in/song.wav", "-o", "out.wav", "--style", "in/record.flac", *options]) == 2
    assert reason in capfd.readouterr().err
    assert not Path("out.wav").exists()


def test_the_medium_of_a_record_is_written_edited_and_played(folder: Path, capfd: Capture) -> None:
    assert run(["medium", "in/record.flac", "-o", "disc.toml", "--report"]) == 0
    assert "upper edge" in capfd.readouterr().out
    assert {"disc.html", "disc.png", "disc.toml"} <= set(names(folder))
    preset = Path("disc.toml").read_text()
    assert run(["medium", "in/record.flac", "-o", "disc.toml"]) == 2
    assert "disc.toml is there already" in capfd.readouterr().err
    assert Path("disc.toml").read_text() == preset
    assert run(["style", "in/song.wav", "--style", "disc.toml", "-o", "a.wav"]) == 0
    Path("disc.toml").write_text(preset.replace("separation_db = 0.0\n", ""))
    assert run(["style", "in/song.wav", "--style", "disc.toml", "-o", "b.wav"]) == 0
    assert rt.load("a.wav").samples.tobytes() != rt.load("b.wav").samples.tobytes()
    Path("disc.toml").write_text('name = "bare"')
    assert run(["style", "in/song.wav", "--style", "disc.toml", "-o", "c.wav"]) == 0
    assert "the medium bare has no parts: songs keep their sound" in capfd.readouterr().err


def test_the_medium_of_an_era_can_be_edited_too(folder: Path, capfd: Capture) -> None:
    assert run(["medium", "shellac", "-o", "mine.toml", "--json"]) == 0
    printed = json.loads(capfd.readouterr().out)
    assert (printed["name"], printed["output"]) == ("1930s", "mine.toml")
    assert rt.Medium.load("mine.toml") == rt.ERAS["1930s"]
    for wrong, reason in (("x.txt", "written as .toml"), ("no/x.toml", "is not a folder"), (None, "name a record")):
        assert run(["medium", "rave:parlour", *(() if wrong is None else ("-o", wrong))]) == 2
        assert reason in capfd.readouterr().err


def test_a_folder_called_like_an_era_does_not_hide_it(folder: Path) -> None:
    for _ in range(2):
        assert run(["style", "in/song.wav", "--style", "1950s", "-o", "1950s/", "--overwrite"]) == 0
    assert names(folder / "1950s") == ["song-1950s.wav"]


@pytest.mark.skipif(sys.platform != "linux", reason="file systems elsewhere insist on Unicode")
def test_any_name_of_a_file_survives(folder: Path, capfd: Capture) -> None:
    for name in (b"caf\xe9.wav", b"[red]line\nbreak[bold].wav", "Ōgon :smile: {x} $y".encode() + b".wav"):
        song = os.fsdecode(name)
        Path(song).write_bytes(Path("in/song.wav").read_bytes())
        assert run(["style", song, "--json", "--style", "in/record.flac"]) == 0
        out, _ = capfd.readouterr()
        assert Path(json.loads(out)["output"]).is_file()
        assert run(["style", song, "-o", "missing/out.wav"]) == 2
        Path(song).unlink()
        assert run(["style", song]) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.count("\n") == 2
        assert "Traceback" not in err
    assert "{x} $y.wav does not exist" in err


# What it prints


def test_json_is_one_object_a_song_and_nothing_else(folder: Path, capfd: Capture) -> None:
    assert run(["style", "in/song.wav", "in/record.flac", "--json", "-o", "out"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    objects = [json.loads(line) for line in out.splitlines()]
    assert [list(each) for each in objects] == [KEYS, KEYS]
    assert [each["output"] for each in objects] == ["out/song-1930s.wav", "out/record-1930s.flac"]
    for each in objects:
        assert each["method"] == "era"
        assert each["seconds"] > 0
        assert each["realtime_factor"] > 0
        assert abs(each["loudness_change_lu"]) < 3
        assert [each[key] for key in KEYS[4:8]] == [None] * 4


def test_metrics_say_what_came_and_what_stayed(folder: Path, capfd: Capture) -> None:
    assert run(["style", "in/song.wav", "--style", "in/record.flac", "--metrics", "--json"]) == 0
    measured = json.loads(capfd.readouterr().out)
    assert list(measured) == KEYS
    assert all(0.3 < measured[key] <= 1 for key in KEYS[4:8])
    assert names(folder)[2:] == ["song-record.wav"]


def test_a_report_is_written_next_to_the_song_and_measures_it(folder: Path, capfd: Capture) -> None:
    assert run(["style", "in/song.wav", "--report", "--json", "-o", "out/"]) == 0
    measured = json.loads(capfd.readouterr().out)
    assert names(folder / "out") == ["song-1930s.html", "song-1930s.png", "song-1930s.wav"]
    page = Path("out/song-1930s.html").read_text("utf-8")
    assert page.count("<audio") == 2
    assert f"{measured['chroma_cosine']:.2f}" in page
    # an era is no recording to be measured against
    assert (measured["style_gain"], measured["envelope_gain"]) == (None, None)
    assert measured["chroma_cosine"] > 0.9
    assert 0.5 < measured["onset_f1"] <= 1


def test_one_failure_does_not_stop_the_rest(folder: Path, capfd: Capture) -> None:
    Path("in/text.wav").write_text("no sound")
    assert run(["style", "in/song.wav", "nope.mp3", "in/text.wav", "in/record.flac", "--json", "-o", "out"]) == 1
    out, err = capfd.readouterr()
    assert [Path(json.loads(line)["output"]).name for line in out.splitlines()] == [
        "song-1930s.wav",
        "record-1930s.flac",
    ]
    lines = err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("retrotone: ") for line in lines)
    assert "nope.mp3" in lines[0]
    assert "in/text.wav" in lines[1]
    assert "2 of 4 songs failed" in lines[2]
    assert names(folder / "out") == ["record-1930s.flac", "song-1930s.wav"]


def test_a_song_in_two_formats_becomes_two_results_but_one_report(folder: Path, capfd: Capture) -> None:
    rt.load("in/song.wav").save("in/song.flac")
    command = ["style", "in/song.wav", "in/song.flac", "-o", "out/"]
    assert run([*command, "--report"]) == 2
    assert "in/song.wav and in/song.flac would both become out/song-1930s.html" in capfd.readouterr().err
    assert run(command) == 0
    assert names(folder / "out") == ["song-1930s.flac", "song-1930s.wav"]


def test_a_warning_is_one_line_on_stderr(folder: Path, music: rt.Audio, capfd: Capture) -> None:
    soundfile.write("loud.wav", np.clip(music.samples.T * 20, -1, 1), music.sample_rate)
    assert run(["style", "loud.wav", "--json"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["loudness_change_lu"] < 0
    assert re.fullmatch(r"retrotone: loud\.wav: .* -1 dBTP\n", err)


def test_a_home_that_takes_no_files_is_no_hindrance(folder: Path) -> None:
    homeless = {**os.environ, "HOME": "/dev/null"}
    for variable in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR"):
        homeless.pop(variable, None)
    done = cli("compare", "in/song.wav", "in/record.flac", env=homeless)
    # without precautions matplotlib would warn
    assert (done.returncode, done.stderr) == (0, "")


def drawn(terminal: int) -> str:
    """Return all that is written to a terminal until its other end is closed."""
    shown = b""
    with suppress(OSError):
        while data := os.read(terminal, 1 << 16):
            shown += data
    os.close(terminal)
    return shown.decode()


def test_a_table_on_a_narrow_terminal_cuts_nothing_short() -> None:
    terminal, screen = pty.openpty()
    narrow = {**os.environ, "TERM": "dumb", "COLUMNS": "40"}
    process = subprocess.Popen([*COMMAND, "eras"], stdout=screen, env=narrow)
    os.close(screen)
    shown = drawn(terminal)
    assert process.wait() == 0
    assert "1990s" in shown
    assert "…" not in shown


def test_progress_is_drawn_on_a_terminal_and_results_stay_clean(folder: Path) -> None:
    terminal, screen = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "style", "in/song.wav", "in/record.flac", "-o", "out", "--json"],
        stdout=subprocess.PIPE,
        stderr=screen,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
        text=True,
    )
    os.close(screen)
    bars = drawn(terminal)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert [list(json.loads(line)) for line in out.splitlines()] == [KEYS, KEYS]
    assert "1/2 " in bars
    assert "2/2 " in bars


def test_eras_are_listed_with_what_they_do(folder: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    # the developer's own presets are listed too
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    assert run(["eras"]) == 0
    table = capfd.readouterr().out
    assert run(["eras", "--json"]) == 0
    objects = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [each["name"] for each in objects] == list(rt.ERAS)
    for each in objects:
        line = next(line for line in table.splitlines() if each["name"] in line.split())
        assert each["medium"] in line
        assert each["description"] in line


def test_compare_writes_a_page_and_its_picture(folder: Path, capfd: Capture) -> None:
    rt.load("in/song.wav").gain(-3).save("song.flac")
    assert run(["compare", "in/song.wav", "song.flac", "--style", "in/record.flac", "--names", "before, after"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    after = next(line for line in out.splitlines() if "after" in line).split()
    # the same sound, softer
    assert after[3:] == ["0.00", "0.00", "1.00", "1.00"]
    assert "wrote report.html and report.png" in out
    assert "before" in Path("report.html").read_text("utf-8")
    assert Path("report.png").stat().st_size > 10_000


def test_help_and_version_load_nothing_heavy() -> None:
    for arguments in (["--version"], ["--help"], ["eras", "--help"]):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "retrotone", *arguments], capture_output=True, text=True
        )
        loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
        assert done.returncode == 0
        assert "retrotone.cli" in loaded
        assert not loaded & {"numpy", "scipy", "soundfile", "torch", "matplotlib", "jinja2"}
        assert "retrotone" in done.stdout


def test_the_shell_completes_commands_and_options() -> None:
    for words, number, completed in (
        ("retrotone gen", "1", ["generate", "genre"]),
        ("retrotone eras --js", "2", ["--json"]),
    ):
        asked = {"_RETROTONE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": number}
        assert cli(env={**os.environ, **asked}).stdout.split() == completed


# How it stops


def test_a_closed_stdout_causes_no_message(folder: Path) -> None:
    for arguments in (["eras"], ["style", "in/song.wav", "--json"]):
        process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
        process.wait()
        process.stderr.close()


@pytest.fixture(scope="module")
def long_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song so long that a busy machine is still at it when it is stopped."""
    path = tmp_path_factory.mktemp("long") / "long.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (150 * 48_000, 2)), 48_000)
    return path


@pytest.mark.parametrize(
    ("sent", "code"),
    [(signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_stopped_while_writing_leaves_nothing_half_written(
    folder: Path, long_song: Path, sent: signal.Signals, code: int
) -> None:
    Path("out").mkdir()
    # at low priority, so that on a busy machine the test sees the file before it is whole
    process = subprocess.Popen(
        ["nice", "-n", "5", *COMMAND, "style", str(long_song), "--strength", "0", "-o", "out/long.ogg"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell lets what it starts in the background ignore Ctrl-C, and nohup SIGHUP
        preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGHUP)],
    )
    deadline = time.monotonic() + 300
    while not any(path.stat().st_size > 10_000 for path in Path("out").iterdir()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(sent)
    out, err = process.communicate()
    said = "" if sent == signal.SIGKILL else "retrotone: stopped: no unfinished file is left\n"
    assert (process.returncode, out) == (code, "")
    # on a busy machine, after a line of progress
    assert err.endswith(said)
    assert not Path("out/long.ogg").exists()
    # after SIGKILL nothing can be removed
    if sent != signal.SIGKILL:
        assert list(Path("out").iterdir()) == []


def test_a_stop_among_several_songs_tells_how_many_are_done(capfd: Capture) -> None:
    def work(index: int, progress: Progress) -> str:
        if index == 2:
            raise KeyboardInterrupt
        return "done"

    with pytest.raises(KeyboardInterrupt):
        print_each(["a.wav", "b.wav", "c.wav"], work, "done: go on with --skip")
    assert capfd.readouterr().err == "retrotone: stopped: 2 of 3 songs done: go on with --skip\n"


def test_where_there_is_no_terminal_progress_is_a_line_from_time_to_time(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds, said in ((60.0, ""), (0.0, "retrotone: 50%: measuring\n")):
        monkeypatch.setattr(console, "LINE_SECONDS", seconds)
        with console.Bar() as bar:
            bar.item()(0.5, "measuring")
        assert capfd.readouterr().err == said


def test_a_damaged_song_is_used_as_far_as_it_goes_and_strict_refuses_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "in/song.wav"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    said = "is damaged: 1.5 s of the 3.0 s that its header promises can be read"
    for verb in (["style"], ["tags"], ["genre", "predict"]):
        assert run([*verb, "in/song.wav", "--strict"]) != 0
        refused = capsys.readouterr()
        assert (refused.out, refused.err.count("\n")) == ("", 1)
        assert said in refused.err
        assert "leave out strict" in refused.err
        assert names(folder) == ["in/record.flac", "in/song.wav"]
    for verb in (["tags"], ["genre", "predict"], ["style"]):
        assert run([*verb, "in/song.wav", "--json"]) == 0
        used = capsys.readouterr()
        assert json.loads(used.out)["damage"] == said
        assert said in used.err
    assert rt.load("song-1930s.wav").duration == pytest.approx(1.5, abs=0.01)
