"""``retrotone app``: the desktop window."""

from __future__ import annotations

from typing import Annotated

import typer

from retrotone.cli.library.options import File
from retrotone.utils.text import printable


def open_window(
    song: Annotated[str | None, typer.Argument(metavar="SONG", help="A song to open at once.")] = None,
    library: File = None,
    install: Annotated[
        bool, typer.Option("--install", help="Add the window to the desktop's menu and to Open with (Linux).")
    ] = False,
) -> None:
    """Open the window: drop songs in, hear them in another sound, find similar tracks."""
    if install:
        from retrotone.desktop.install import install as install_entry

        for path in install_entry():
            typer.echo(printable(f"wrote {path}"))
        return
    from retrotone.desktop.app import run

    run(song, library)
