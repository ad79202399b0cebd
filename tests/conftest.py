"""Fixtures shared by all tests: real music where the checkout has it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_music() -> Path:
    """Folder of real recordings that lies beside the repository on the developers' machines and in CI."""
    folder = SHARED / "music"
    if not folder.is_dir():
        pytest.skip(f"needs the real recordings in {folder}, which are not part of the repository")
    return folder


@pytest.fixture(scope="session")
def yardstick(shared_music: Path) -> ModuleType:
    """The independent measure of transfers, which lies beside the recordings."""
    path = shared_music.parent / "tools" / "measure_transfer.py"
    if not path.exists():
        pytest.skip(f"needs {path}, which is not part of the repository")
    spec = importlib.util.spec_from_file_location("measure_transfer", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
