"""The benchmarks' page says what was measured: on a few seconds of music, its claims are read back from it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import retrotone as rt

pytest.importorskip("benchmarks", reason="needs the repository: run from its root")

from benchmarks import length, quality
from benchmarks.__main__ import write
from benchmarks.methods import methods
from benchmarks.page import MissingDataError, Page
from benchmarks.pairs import Pair, bundled
from benchmarks.statistics import bootstrap, growth

SECONDS = 4.0


def cells(page: Page, head: str) -> dict[str, list[str]]:
    """Return the rows of the first table with such a heading, by their first cell."""
    lines = page.text[page.text.index(f"| {head}") :].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows[: lines.index("")]}


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng, hits = np.random.default_rng(1), 0
    for _ in range(100):
        mean, low, high = bootstrap(rng.normal(3.0, 1.0, 40))
        assert low < mean < high
        hits += low < 3.0 < high
    assert hits >= 86
    assert str(bootstrap([0.4, 0.6])) == "0.500"  # two values tell little of their spread


def test_growth_is_the_exponent() -> None:
    sizes = np.array([30, 120, 600, 3600])
    assert growth(sizes, 0.2 * sizes**1.5) == pytest.approx(1.5)
    assert growth(sizes, np.full(4, 7.0)) == pytest.approx(0.0, abs=1e-9)


def test_the_page_on_quality_says_what_its_methods_did() -> None:
    song = bundled(SECONDS).content
    aged = Pair("the song to itself, aged", song, rt.age(song, "1930s"), "1930s", song)
    every = methods(gram_steps=2)
    chosen = {name: every[name] for name in ("transport, strength 1", "spectral EQ", "eras")}
    found = quality.measure_quality([aged], chosen, SECONDS)
    values = {score.method: score.values for score in found.scores}
    assert values["transport, strength 1"][0] > max(0.8, values["spectral EQ"][0])
    assert found.frechet
    assert found.frechet.to_records["eras"] < found.frechet.to_records["the songs as they were"]

    worse = [
        replace(score, pair="another", aged=False, values=tuple(0.9 * value for value in score.values))
        for score in found.scores
        if score.method != "eras"
    ]
    page = quality.page(replace(found, scores=found.scores + worse))
    means = cells(page, "method")
    assert set(means) == {"transport, strength 1", "spectral EQ", "*bar*"}  # eras are of one pair only
    for name in ("transport, strength 1", "spectral EQ"):
        stated = [float(cell) for cell in means[name][:4]]
        assert_allclose(stated, 0.95 * np.array(values[name]), atol=6e-4)
    ours, theirs = values["transport, strength 1"], values["spectral EQ"]
    difference = cells(page, "transport, strength 1, minus (pairs)")["spectral EQ (2)"][:2]
    stated = [float(re.findall(r"[-+][\d.]+", cell)[0]) for cell in difference]
    assert_allclose(stated, 0.95 * np.subtract(ours, theirs).reshape(2, 2).mean(axis=1), atol=6e-4)
    assert len(page.figures["pareto"].axes[0].containers) == len(chosen)


def test_a_process_tells_its_own_peak_and_one_that_fails_is_named() -> None:
    much = np.ones(60_000_000)  # 480 MB here, which ru_maxrss of a child would begin with
    jobs = length.measure_length(bundled(SECONDS), lengths=(1,), names=("medium", "no such job"))
    assert [len(job.costs) for job in jobs] == [1, 0]
    assert 30 < jobs[0].costs[0].peak < much.nbytes / 2**20
    assert "- no such job: 1 s failed: KeyError: 'no such job'" in length.page(jobs).text


def test_the_page_on_length_compares_what_both_have_done() -> None:
    ours = [length.Cost(each, 0.1 * each, 0.05 * each, 400.0) for each in (10, 30, 120, 600)]
    theirs = [length.Cost(each, 0.2 * each, each**2 / 300, 10.0 * each) for each in (10, 30, 120)]
    jobs = [length.Job("transport", "Matchering 2", ours), length.Job("Matchering 2", None, theirs, "10 min left out")]
    page = length.page(jobs)
    grows = "transport: processor time grows as length^1.00 and memory as length^0.00 (from 30 s on, 3 lengths)"
    assert grows in page.text
    assert "Matchering 2: processor time grows as length^2.00 and memory as length^1.00" in page.text
    assert (
        "- transport on 2 min: **0.12 times** the processor time of Matchering 2, 0.50 times by the clock, "
        "**0.33 times** its memory" in page.text
    )
    assert "- Matchering 2: 10 min left out" in page.text
    assert len(page.figures["length"].axes) == 2


def test_a_section_that_fails_or_lacks_its_data_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    def broken(long: bool) -> Page:
        raise ValueError("the yardstick\nbroke")

    def lacking(long: bool) -> Page:
        raise MissingDataError("GTZAN's audio would be in /nowhere")

    def well(long: bool) -> Page:
        return Page(f"## Well\n\nlong: {long}\n")

    failed = write({"broken": broken, "lacking": lacking, "well": well}, True, tmp_path)
    assert failed == ["broken"]
    text = (tmp_path / "bench.md").read_text("utf-8")
    assert "## Broken\n\nFailed: ValueError: the yardstick broke\n" in text
    assert "## Lacking\n\nLeft out: GTZAN's audio would be in /nowhere.\n" in text
    assert "## Well\n\nlong: True\n" in text
