"""The files that ship with retrotone."""

from __future__ import annotations

from pathlib import Path

ASSETS = Path(__file__).resolve().parents[1] / "assets"


def asset(name: str) -> Path:
    """Return the path of a file that ships with retrotone.

    >>> asset("models.json").is_file()
    True
    """
    return ASSETS / name


def bundled_song() -> Path:
    """Return the path of the song that ships with retrotone."""
    return asset("demo_song.ogg")


def bundled_record() -> Path:
    """Return the path of the old record that ships with retrotone."""
    return asset("demo_style.ogg")
