"""What pip installs: the wheel holds all of the package, and works far from the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_BYTES = 40e6  # what we promise of its size


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built of a copy: setuptools writes beside what it builds."""
    pytest.importorskip("setuptools", "77")
    copy = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*build, "-w", str(copy / "dist"), str(copy)], check=True, timeout=120)
    [made] = (copy / "dist").glob("*.whl")
    return made


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    source = ROOT / "src"
    ours = {
        file.relative_to(source).as_posix()
        for package in ("retrotone", "beetsplug")
        for file in (source / package).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == ours
    assert "retrotone/py.typed" in packed
    assert wheel.stat().st_size < MOST_BYTES


def test_the_wheel_works_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    (tmp_path / "empty").mkdir()
    song = tmp_path / "installed" / "retrotone" / "assets" / "demo_song.ogg"
    # both in one process, which loads torch once
    code = f"""from retrotone.cli.main import run
assert run(["genre", "predict", {str(song)!r}]) == 0
assert run(["models", "info", "parlour"]) == 0"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "empty",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "demo_song.ogg: " in done.stdout
    # the model is the wheel's own
    assert str(tmp_path) in done.stdout
