"""RAVE on the command line: clips out of nothing, and songs played by a model or towards what it makes up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rave_exports import make_export

import retrotone as rt
from retrotone.cli.main import run

Capture = pytest.CaptureFixture[str]


def test_generate_writes_a_clip_and_its_picture(tmp_path: Path, capfd: Capture) -> None:
    model = str(make_export(tmp_path / "tiny.ts"))
    clip = tmp_path / "clip.wav"
    options = ["generate", "--model", model, "--seconds", "2", "-o", str(clip)]
    assert run(options) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith(f"{clip}: 2.0 s by tiny, seed 0")
    assert clip.with_suffix(".png").stat().st_size > 10_000
    assert np.allclose(rt.load(clip).samples, rt.RaveModel.load(model).generate(2).samples, atol=1e-5)
    song = rt.load(clip).slice(0, 1).gain(-6).save(tmp_path / "song.wav")
    assert run([*options[:3], "--match", str(song), "--seed", "3", "--path", "walk", "-o", str(clip)]) == 0
    assert rt.load(clip).frames == rt.load(song).frames
    assert rt.load(clip).loudness == pytest.approx(rt.load(song).loudness, abs=0.2)
    assert run([*options[:3], "--between", str(song), str(clip), "--seconds", "1", "-o", str(clip)]) == 0
    assert rt.load(clip).duration == 1.0
    assert run([*options[:3], "-o", str(tmp_path / "clip.xyz")]) == 2
    assert run([*options, "--between", str(song), str(song), "--path", "walk"]) == 2
    silent = rt.load(song).gain(-np.inf).save(tmp_path / "silent.wav")
    capfd.readouterr()
    assert run([*options, "--match", str(silent)]) == 2
    assert "silent.wav is silent" in capfd.readouterr().err
    assert run(["generate", "--model", "nobody", "-o", str(clip)]) == 2


def test_style_plays_songs_through_a_model_or_towards_what_it_makes_up(
    tmp_path: Path, capfd: Capture
) -> None:
    model = str(make_export(tmp_path / "tiny.ts"))
    song = str(rt.RaveModel.load(model).generate(3, path="walk").save(tmp_path / "song.wav"))
    out = str(tmp_path / "out.wav")
    options = ["style", song, "-o", out, "--json"]
    for extra, method in (
        (["--method", "rave", "--model", model], "rave"),
        (["--method", "rave", "--style", f"rave:{model}"], "rave"),
        (["--method", "rave"], "rave"),  # by the bundled model
        (["--style", f"rave:{model}", "--report"], "transport"),
    ):
        assert run([*options, *extra]) == 0
        assert json.loads(capfd.readouterr().out)["method"] == method
        assert rt.load(out).frames == rt.load(song).frames
    page = Path(out).with_suffix(".html").read_text("utf-8")
    assert page.count("<audio") == 3
    assert "tiny-clip, generated" in page
    for wrong in (
        ["--model", model],
        ["--style", "rave:nobody"],
        ["--method", "rave", "--style", "1950s"],
        ["--method", "rave", "--model", model, "--noise", "0"],
        ["--style", "1950s", "--resynthesis", "random"],
    ):
        assert run([*options, *wrong]) == 2
        assert capfd.readouterr().err.count("\n") == 1
