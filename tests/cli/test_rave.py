"""RAVE on the command line: generated clips, and songs restyled by a model or by a clip that it generates."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from processes import run_without_torch
from rave_exports import make_export

import retrotone as rt
from retrotone.audio.tags import Tags, read_tags
from retrotone.cli.main import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of a small model."""
    return str(make_export(tmp_path_factory.mktemp("model") / "tiny.ts"))


@pytest.fixture(scope="module")
def song(model: str) -> str:
    """Path of a second that the model generated."""
    clip = rt.RaveModel.load(model).generate(2).slice(0, 1).gain(-6)
    return str(clip.save(Path(model).with_name("song.wav")))


@pytest.fixture(scope="module")
def long_song(model: str) -> str:
    """Path of three seconds that the model generated."""
    return str(rt.RaveModel.load(model).generate(3, path="walk").save(Path(model).with_name("long.wav")))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Where a generated clip is written."""
    return tmp_path / "clip.wav"


def test_generate_writes_a_clip_and_its_picture(model: str, clip: Path, capfd: Capture) -> None:
    assert run(["generate", "--model", model, "--seconds", "2", "-o", str(clip)]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith(f"{clip}: 2.0 s by tiny, seed 0")
    assert clip.with_suffix(".png").stat().st_size > 10_000
    assert np.allclose(rt.load(clip).samples, rt.RaveModel.load(model).generate(2).samples, atol=1e-5)


def test_generate_matches_a_songs_length_and_loudness(model: str, song: str, clip: Path) -> None:
    song = str(rt.load(song).save(clip.with_name("song.mp3"), tags=Tags({"title": ("Blue Moon",)})))
    options = ["--match", song, "--seed", "3", "--path", "walk"]
    assert run(["generate", "--model", model, *options, "-o", str(clip)]) == 0
    assert read_tags(clip).values == {
        "title": ("Blue Moon",),
        "comment": (f"retrotone {rt.__version__}: tiny, seed 3",),
    }
    assert rt.load(clip).frames == rt.load(song).frames
    assert rt.load(clip).loudness == pytest.approx(rt.load(song).loudness, abs=0.2)


def test_generate_goes_from_one_recording_to_another(model: str, song: str, long_song: str, clip: Path) -> None:
    between = ["--between", song, long_song, "--seconds", "1"]
    assert run(["generate", "--model", model, *between, "-o", str(clip)]) == 0
    assert rt.load(clip).duration == 1.0


def test_generate_plays_the_users_records(model: str, long_song: str, clip: Path, capfd: Capture) -> None:
    folder = clip.with_name("records")
    folder.mkdir()
    for number in range(2):
        rt.RaveModel.load(model).generate(6, seed=number).save(folder / f"{number}.wav")
    (folder / "broken.wav").write_text("no sound")
    options = ["generate", "--model", model, "--seconds", "4", "-o", str(clip), "--overwrite"]
    assert run([*options, "--from", str(folder), "--from", str(folder / "0.wav")]) == 0
    assert rt.load(clip).duration == 4.0
    once = rt.load(clip).samples
    assert run([*options, "--from", str(folder), "--from", str(folder / "0.wav")]) == 0
    assert np.array_equal(once, rt.load(clip).samples)
    capfd.readouterr()
    for wrong, words in (
        (["--from", str(clip.with_name("nothing.wav"))], "nothing.wav does not exist"),
        (["--from", str(folder), "--path", "walk"], "plays no records"),
        (["--from", str(folder), "--between", long_song, long_song], "leave out --path and --from"),
        (["--path", "records"], "without records"),
    ):
        assert run([*options, *wrong]) == 2
        assert words in capfd.readouterr().err
    (folder / "0.wav").unlink()
    (folder / "1.wav").unlink()
    assert run([*options, "--from", str(folder)]) == 2
    assert "no recording that can be read" in capfd.readouterr().err


def test_without_torch_the_bundled_model_plays_and_others_name_the_extra(model: str, song: str, tmp_path: Path) -> None:
    restyled, clip = tmp_path / "restyled.wav", tmp_path / "clip.wav"
    done = run_without_torch(
        ["style", song, "--method", "rave", "-o", str(restyled)], ["generate", "--seconds", "2", "-o", str(clip)]
    )
    assert done.returncode == 0, done.stderr
    parlour = rt.RaveModel.from_pretrained()
    for path, audio in ((restyled, parlour.restyle(rt.load(song))), (clip, parlour.generate(2))):
        assert np.abs(rt.load(path).samples - audio.samples).max() < 1e-4
    done = run_without_torch(["models", "info", model], ["models", "export", "parlour", "-o", str(tmp_path / "p.ts")])
    assert done.returncode == 2
    assert [line.partition(": ")[2].rpartition(": ")[2] for line in done.stderr.splitlines()] == 2 * [
        "pip install 'retrotone[rave]'"
    ]


def test_generate_refuses_bad_input(model: str, song: str, clip: Path, capfd: Capture) -> None:
    options = ["generate", "--model", model, "-o", str(clip)]
    silent = rt.load(song).gain(-np.inf).save(clip.with_name("silent.wav"))
    assert run([*options[:3], "-o", str(clip.with_suffix(".xyz"))]) == 2
    assert run([*options, "--between", song, song, "--path", "walk"]) == 2
    capfd.readouterr()
    assert run([*options, "--match", str(silent)]) == 2
    assert "silent.wav is silent" in capfd.readouterr().err
    assert run(["generate", "--model", "nobody", "-o", str(clip)]) == 2


def test_style_takes_a_model_or_a_clip_that_it_generates(
    model: str, long_song: str, tmp_path: Path, capfd: Capture
) -> None:
    out = str(tmp_path / "out.wav")
    options = ["style", long_song, "-o", out, "--json", "--overwrite"]
    for extra, method in (
        (["--method", "rave", "--model", model], "rave"),
        (["--method", "rave", "--style", f"rave:{model}"], "rave"),
        # the bundled model
        (["--method", "rave"], "rave"),
        (["--style", f"rave:{model}", "--report"], "transport"),
    ):
        assert run([*options, *extra]) == 0
        assert json.loads(capfd.readouterr().out)["method"] == method
        assert rt.load(out).frames == rt.load(long_song).frames
    page = Path(out).with_suffix(".html").read_text("utf-8")
    assert page.count("<audio") == 3
    assert "tiny-clip, generated" in page


@pytest.mark.parametrize(
    "wrong",
    [
        ["--model", "MODEL"],
        ["--style", "rave:nobody"],
        ["--method", "rave", "--style", "1950s"],
        ["--method", "rave", "--model", "MODEL", "--noise", "0"],
        ["--style", "1950s", "--resynthesis", "random"],
    ],
)
def test_style_refuses_options_that_do_not_go_together(
    wrong: list[str], model: str, long_song: str, tmp_path: Path, capfd: Capture
) -> None:
    options = [model if option == "MODEL" else option for option in wrong]
    assert run(["style", long_song, "-o", str(tmp_path / "out.wav"), "--json", *options]) == 2
    assert capfd.readouterr().err.count("\n") == 1
