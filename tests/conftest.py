"""Fixtures shared by all tests: real music where the checkout has it."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_music() -> Path:
    """Folder of real recordings that lies beside the repository on the developers' machines and in CI."""
    folder = SHARED / "music"
    if not folder.is_dir():
        pytest.skip(f"needs the real recordings in {folder}, which are not part of the repository")
    return folder
