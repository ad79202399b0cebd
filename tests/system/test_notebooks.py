"""What objects show of themselves in a notebook."""

from __future__ import annotations

import base64
import io
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from retrotone import progress
from retrotone.audio.audio import Audio
from retrotone.errors import StyleError
from retrotone.features.analysis import Analysis
from retrotone.genre.base import Answer
from retrotone.report import compare
from retrotone.style.eras import ERAS
from retrotone.style.transfer import StyleTransfer


@pytest.fixture(scope="module")
def tone() -> Audio:
    time = np.arange(44_100) / 22_050
    samples = np.stack([np.sin(2 * np.pi * 440 * time), np.zeros(len(time))])
    return Audio(samples * np.linspace(0, 0.5, len(time)), 22_050, name="music/<tone>.wav")


def test_a_recording_is_a_player_with_its_waveform(tone: Audio) -> None:
    assert repr(tone) == "Audio('music/<tone>.wav', 2.0 s, stereo, 22,050 Hz)"
    shown = tone._repr_html_()
    assert "&lt;tone&gt;: 0:02, 22,050 Hz, stereo" in shown
    mp3 = re.search(r'src="data:audio/mpeg;base64,([^"]+)"', shown)
    assert mp3
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(mp3[1])))
    assert (rate, samples.shape[1]) == (22_050, 2)
    assert len(samples) == pytest.approx(tone.frames, rel=0.1)
    heights = [float(top) for top in re.findall(r"M[\d.]+ ([\d.]+)V", shown)]
    # 1 is the middle of the picture: it fades in
    assert heights[0] == pytest.approx(1, abs=0.01)
    assert heights[-1] == pytest.approx(0.5, abs=0.02)


def test_a_comparison_is_its_page_in_a_frame_of_its_own(tone: Audio) -> None:
    shown = compare({"first": tone, "second": tone.gain(-3)})._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "&lt;table" in shown
    assert "<table" not in shown


def test_an_analysis_is_a_table(tone: Audio) -> None:
    analysis = Analysis(chroma=[1] * 12, duration=90.0, loudness=-12.25)
    assert repr(analysis) == "<Analysis: chroma, duration, loudness, version>"
    shown = analysis._repr_html_()
    for cell in ("1:30", "-12.2 LUFS"):
        assert f">{cell}</td>" in shown
    assert "tags" not in shown


def test_an_answer_is_a_table_of_its_genres_and_says_why_it_is_unsure() -> None:
    answer = Answer("jazz", 0.4, False, "no genre stands out", {"blues": 0.35, "jazz": 0.4, "pop": 0.25})
    shown = answer._repr_html_()
    assert "not sure: no genre stands out" in shown
    assert re.findall(r"<th[^>]*>(\w+)</th><td[^>]*>(\d+%)", shown) == [
        ("jazz", "40%"),
        ("blues", "35%"),
        ("pop", "25%"),
    ]


def test_a_medium_is_a_table_of_its_parts() -> None:
    shown = ERAS["1930s"]._repr_html_()
    assert "<strong>1930s</strong>" in shown
    assert ">drive 0.8, bias 0.1</td>" in shown
    assert "confidence" not in shown


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that is displayed, one after the other, in what looks like the shell of a notebook."""
    shown: list[str] = []

    def display(data: dict[str, str], **_: object) -> Any:
        shown.append(data["text/html"])
        return SimpleNamespace(update=display)

    ipython = ModuleType("IPython")
    vars(ipython).update(get_ipython=lambda: SimpleNamespace(kernel=None), display=SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", vars(ipython)["display"])
    monkeypatch.setattr(progress, "REDRAW_SECONDS", 0.0)
    return shown


def test_a_long_call_draws_one_bar_and_removes_it(tone: Audio, screen: list[str]) -> None:
    StyleTransfer().stylize(tone, tone.gain(-3))
    first, *bars, last = screen
    assert "starting" in first
    values = [float(re.findall(r'value="([\d.]+)"', bar)[0]) for bar in bars]
    assert len(values) > 3
    assert values[-1] == 1
    assert last == ""


def test_a_bar_goes_after_an_error_and_is_drawn_where_it_is_wanted(tone: Audio, screen: list[str]) -> None:
    with pytest.raises(StyleError):
        StyleTransfer().stylize(tone, "no such style")
    assert screen[-1] == ""
    screen.clear()
    StyleTransfer().stylize(tone, "1930s", progress=progress.silent)
    assert screen == []
    # a shell in a terminal
    vars(sys.modules["IPython"])["get_ipython"] = lambda: SimpleNamespace()
    StyleTransfer().stylize(tone, "1930s")
    assert screen == []
