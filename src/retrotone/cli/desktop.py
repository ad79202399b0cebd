"""``retrotone app``: the desktop window."""

from __future__ import annotations

from typing import Annotated

import typer

from retrotone.cli.library.options import File


def open_window(
    song: Annotated[str | None, typer.Argument(metavar="SONG", help="A song to open at once.")] = None,
    library: File = None,
) -> None:
    """Open the window: drop songs in, hear them in another sound, find similar tracks."""
    from retrotone.desktop.app import run

    run(song, library)
