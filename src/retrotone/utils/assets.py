"""Files that ship with retrotone."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


def bundled_song() -> Path:
    """Return the path of the song that ships with retrotone."""
    return Path(str(resources.files("retrotone") / "assets" / "demo_song.ogg"))


def bundled_record() -> Path:
    """Return the path of the old record that ships with retrotone."""
    return bundled_song().with_name("demo_style.ogg")
