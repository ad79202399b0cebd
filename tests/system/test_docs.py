"""Manual and docstrings: examples run, command lines parse, the Python shown exists, and links lead somewhere."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import runpy
import shlex
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import pytest
import typer

import retrotone as rt
from retrotone.cli.main import parser

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SOURCES = ROOT / "src" / "retrotone"
DOCTESTED = sorted(path for path in SOURCES.rglob("*.py") if ">>> " in path.read_text("utf-8"))
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_shows_something(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plt.switch_backend("agg")
    try:
        made = runpy.run_path(str(example))
    finally:
        plt.close("all")
    assert made["figure"].axes
    assert "nan" not in capsys.readouterr().out


@pytest.mark.parametrize("path", DOCTESTED, ids=lambda path: str(path.relative_to(SOURCES)))
def test_examples_in_docstrings_give_what_they_show(path: Path) -> None:
    name = ".".join(path.relative_to(SOURCES.parent).with_suffix("").parts).removesuffix(".__init__")
    assert doctest.testmod(import_module(name)).failed == 0


def shown() -> Iterator[tuple[str, list[str], bool]]:
    """Yield each command line of the manual, with where it stands, and whether it stands there whole, in a block."""
    for page in PAGES:
        text = page.read_text("utf-8")
        blocks = re.findall(r"^\s*(?:\.venv/bin/)?retrotone (.*)", text, re.MULTILINE)
        spans = re.findall(r"`retrotone ([a-z][^`]*)`", text)
        for line, whole in [*((line, True) for line in blocks), *((span, False) for span in spans)]:
            yield f"{page.name}: retrotone {line}", shlex.split(line.replace(" …", ""), comments=True), whole


def test_the_page_of_man_has_every_command_and_option(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sphinx", reason="the manual is made by Sphinx")
    monkeypatch.syspath_prepend(ROOT / "docs" / "ext")
    generated = import_module("generated")
    page = "\n".join(generated.manual_page()).replace("\\-", "-")
    for name, command in generated.commands(typer.main.get_command(parser()), "retrotone"):
        assert f'.SS "{name}' in page
        for option in (each for each in command.params if each.param_type_name == "option" and not each.hidden):
            assert all(word in page for word in option.opts), option.opts


def test_every_command_shown_parses() -> None:
    lines = list(shown())
    assert len(lines) > 60
    every: Any = typer.main.get_command(parser())
    for where, words, whole in lines:
        command = every
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        if hasattr(command, "commands"):
            assert not words, f"no such command: {where}"
            assert not whole, f"no such command: {where}"
            continue
        try:
            command.make_context("retrotone", words)
        except typer.TyperException as error:
            said = error.format_message()
            assert said.startswith("Missing"), f"{said}: {where}"
            assert not whole, f"{said}: {where}"


def test_every_script_and_target_shown_is_there() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for page in PAGES:
        text = page.read_text("utf-8")
        for script in re.findall(r"\b(?:tools|examples)/\w+\.py", text):
            assert (ROOT / script).is_file(), f"{page.name}: {script}"
        for module in re.findall(r"python -m ([\w.]+)", text):
            if module.startswith("benchmarks"):
                import_module(module)
        for target in re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE):
            assert target in targets, f"{page.name}: make {target}"


def test_links_of_the_readme_lead_somewhere() -> None:  # Sphinx checks those of the other pages
    for target in re.findall(r"\]\((?!http)([^)#]+)", PAGES[0].read_text("utf-8")):
        assert (ROOT / target).exists(), target


class Reader(ast.NodeVisitor):
    """Follow a program as far as its types are known, and ask of each attribute and argument whether it exists."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names, self.seen = names, 0

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module and node.module.startswith("retrotone"):
            module = import_module(node.module)
            for alias in node.names:
                self.names[alias.asname or alias.name] = getattr(module, alias.name)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        if isinstance(node.targets[0], ast.Name):
            self.names[node.targets[0].id] = self.type_of(node.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        self.type_of(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        called = self.type_of(node.func)
        if called is not None and not any(isinstance(argument, ast.Starred) for argument in node.args):
            signature = inspect.signature(called)
            first = [None] if inspect.isfunction(called) and next(iter(signature.parameters), "") == "self" else []
            keywords = {word.arg: None for word in node.keywords if word.arg}
            signature.bind(*first, *(None for _ in node.args), **keywords)
            self.seen += 1

    def type_of(self, node: ast.expr) -> Any:
        """Return the module, class or function that an expression is, or the class of what it makes."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.type_of(node.value)
            if not isinstance(owner, ModuleType | type):
                return None
            if any(node.attr in vars(base).get("__annotations__", ()) for base in getattr(owner, "__mro__", ())):
                return None
            found = getattr(owner, node.attr)
            return found if callable(found) or isinstance(found, ModuleType) else None
        if isinstance(node, ast.Call):
            called = self.type_of(node.func)
            if called is None or isinstance(called, type):
                return called
            made = str(inspect.signature(called).return_annotation)
            return getattr(called, "__self__", None) if made == "Self" else getattr(rt, made, None)
        return None


def test_python_shown_compiles_and_names_what_is_there() -> None:
    seen = 0
    for page in PAGES:
        reader = Reader({"rt": rt})
        for block in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            try:
                reader.visit(ast.parse(textwrap.dedent(block)))
            except (SyntaxError, AttributeError, TypeError) as error:
                pytest.fail(f"{page.name}: {error}, in\n{block}")
        seen += reader.seen
    assert seen > 20
