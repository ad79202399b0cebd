"""The settings that the window keeps, in a small JSON file in the user's configuration folder."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from retrotone.errors import OutputError
from retrotone.utils.files import config_folder, make_folder, write_whole


@dataclass
class Settings:
    """The settings of the window.

    Attributes
    ----------
    theme : {"light", "dark"}
    scale : int
        Size of text in percent; 0 to follow the screen's resolution.
    folder : str
        Of the song that was chosen last.
    library_folders : list of str
    style : str
        Kind and name of the style that was chosen last.
    strength : int
        In percent.
    size : list of int
        Width and height of the window in pixels; empty before it was closed once.
    """

    theme: str = "light"
    scale: int = 0
    folder: str = ""
    library_folders: list[str] = field(default_factory=list)
    style: str = "era 1930s"
    strength: int = 100
    size: list[int] = field(default_factory=list)

    @classmethod
    def load(cls) -> Settings:
        """Return the settings of the file; what is missing or damaged has its default."""
        result = cls()
        try:
            stored = json.loads(settings_path().read_text("utf-8"))
        except (OSError, ValueError):
            return result
        if not isinstance(stored, dict):
            return result
        # older files call the style "way"
        stored.setdefault("style", stored.get("way"))
        for each in fields(cls):
            value = stored.get(each.name)
            if type(value) is type(getattr(result, each.name)):
                setattr(result, each.name, value)
        result.library_folders = [folder for folder in result.library_folders if isinstance(folder, str)]
        if len(result.size) != 2 or not all(isinstance(each, int) and each > 0 for each in result.size):
            result.size = []
        result.theme = "dark" if result.theme == "dark" else "light"
        result.strength = min(max(result.strength, 0), 100)
        result.scale = min(max(result.scale, 0), 300)
        return result

    def save(self) -> None:
        """Write the file; if its folder cannot be written to, the settings are lost without a message."""
        with suppress(OutputError):
            make_folder(settings_path().parent)
            write_whole(settings_path(), json.dumps(asdict(self), indent=1).encode())


def settings_path() -> Path:
    """Return the path of the file."""
    return config_folder() / "desktop.json"
