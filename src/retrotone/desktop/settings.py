"""What the window remembers: a small JSON file in the user's folder for such things."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from retrotone.errors import OutputError
from retrotone.utils.files import make_folder, write_whole


@dataclass
class Settings:
    """Everything that is remembered.

    Attributes
    ----------
    theme : {"light", "dark"}
    scale : int
        Size of text in percent; 0 for what the screen tells.
    folder : str
        Where songs were chosen last.
    library_folders : list of str
    way : str
        The way to retro a song that was chosen last: its kind and name.
    strength : int
        In percent.
    """

    theme: str = "light"
    scale: int = 0
    folder: str = ""
    library_folders: list[str] = field(default_factory=list)
    way: str = "era 1930s"
    strength: int = 100

    @classmethod
    def load(cls) -> Settings:
        """Return what was remembered; what is missing or damaged is as it was at first."""
        result = cls()
        try:
            known = json.loads(place().read_text("utf-8"))
        except (OSError, ValueError):
            return result
        for each in fields(cls):
            value = known.get(each.name) if isinstance(known, dict) else None
            if type(value) is type(getattr(result, each.name)):
                setattr(result, each.name, value)
        result.library_folders = [folder for folder in result.library_folders if isinstance(folder, str)]
        result.theme = "dark" if result.theme == "dark" else "light"
        result.strength = min(max(result.strength, 0), 100)
        result.scale = min(max(result.scale, 0), 300)
        return result

    def save(self) -> None:
        """Write them; a folder that cannot be written to is no reason to bother anyone."""
        with suppress(OutputError):
            make_folder(place().parent)
            write_whole(place(), json.dumps(asdict(self), indent=1).encode())


def place() -> Path:
    """Return where they lie."""
    import platformdirs

    return Path(platformdirs.user_config_dir("retrotone", appauthor=False)) / "desktop.json"
