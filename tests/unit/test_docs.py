"""What the manual shows works: its examples run, and every command line in it is one that retrotone takes."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import typer

from retrotone.cli import app

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_shows_something(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plt.switch_backend("agg")
    try:
        made = runpy.run_path(str(example))
    finally:
        plt.close("all")
    assert made["figure"].axes
    assert "nan" not in capsys.readouterr().out


def shown() -> Iterator[tuple[str, list[str]]]:
    """Yield each command line of the manual, with where it stands."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for line in page.read_text("utf-8").splitlines():
            if found := re.match(r"\s*(?:\.venv/bin/)?retrotone (.*)", line):
                yield f"{page.name}: {line.strip()}", shlex.split(found[1], comments=True)


def test_every_command_shown_exists_with_its_options() -> None:
    lines = dict(shown())
    assert len(lines) > 30
    for place, words in lines.items():
        command = typer.main.get_command(app)
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        assert not hasattr(command, "commands"), f"no such command: {place}"
        known = {name for option in command.params for name in [*option.opts, *option.secondary_opts]}
        for word in words:
            assert not word.startswith("-") or word in known, f"no option {word}: {place}"
