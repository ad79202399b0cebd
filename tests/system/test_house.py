"""The sizes that CONTRIBUTING promises: short functions, modules of one idea, few loose modules at the top."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "retrotone"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES, MOST_LINES_OF_A_FUNCTION, MOST_LOOSE_MODULES = 420, 80, 9


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_and_its_functions_stay_short(module: Path) -> None:
    text = module.read_text("utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= MOST_LINES_OF_A_FUNCTION, f"{node.name} has {lines} lines"


def test_few_modules_lie_loose_at_the_top() -> None:
    assert len([module for module in MODULES if module.parent == PACKAGE]) <= MOST_LOOSE_MODULES


def test_every_package_says_what_it_holds() -> None:
    for module in MODULES:
        if module.name == "__init__.py":
            assert ast.get_docstring(ast.parse(module.read_text("utf-8"))), module
