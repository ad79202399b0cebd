"""The desktop entry: the window in the menu of programs, and under "Open with" of recordings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from retrotone.desktop.icon import icon_png
from retrotone.errors import OutputError
from retrotone.utils.files import make_folder, write_whole

ICON_SIZES = (48, 256)
# What file managers call the formats that people have.
MIME_TYPES = (
    *("audio/mpeg", "audio/flac", "audio/x-flac", "audio/ogg", "audio/opus", "audio/x-vorbis+ogg", "audio/x-opus+ogg"),
    *("audio/mp4", "audio/x-m4a", "audio/aac", "audio/wav", "audio/x-wav", "audio/vnd.wave", "audio/aiff"),
    *("audio/x-aiff", "audio/x-ms-wma", "audio/x-wavpack", "audio/x-ape", "audio/x-matroska", "audio/webm"),
)
ENTRY = """\
[Desktop Entry]
Type=Application
Version=1.0
Name=retrotone
GenericName=Music restyler
Comment=Give songs the sound of another time, and find similar ones
Exec={command} %f
Icon=retrotone
Terminal=false
StartupWMClass=Retrotone
Categories=AudioVideo;Audio;
MimeType={types};
"""


def install() -> list[Path]:
    """Write the user's desktop entry and its icons, and return their paths.

    Raises
    ------
    OutputError
        The system has no desktop entries, or its folder cannot be written to.
    """
    if sys.platform in ("win32", "darwin"):
        raise OutputError("desktop entries are for Linux and BSD: on this system, make a shortcut to retrotone app")
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    icons = {data / f"icons/hicolor/{size}x{size}/apps/retrotone.png": icon_png(size) for size in ICON_SIZES}
    # in the folder that PyInstaller builds, the executable is retrotone itself
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "retrotone"]
    command = " ".join(map(_quoted, (*program, "app")))
    entry = data / "applications" / "retrotone.desktop"
    files = {entry: ENTRY.format(command=command, types=";".join(MIME_TYPES)).encode(), **icons}
    for path, content in files.items():
        make_folder(path.parent)
        write_whole(path, content)
    # file managers read a cache of what opens which files; without the tool they find the entry at the next login
    if update := shutil.which("update-desktop-database"):
        subprocess.run([update, str(entry.parent)], check=False, capture_output=True)
    return list(files)


def _quoted(argument: str) -> str:
    """Return an argument as the key Exec of a desktop entry wants it."""
    if all(c.isalnum() or c in "/._-+" for c in argument):
        return argument
    escaped = "".join(f"\\{c}" if c in '"`$\\' else c for c in argument)
    # once more, as every text of the file, and a percent sign stands for a field
    return '"' + escaped.replace("\\", "\\\\").replace("%", "%%") + '"'
