"""``retrotone web``: the page."""

from __future__ import annotations

from typing import Annotated

import typer

from retrotone.cli.console import complain
from retrotone.utils.text import printable


def serve_page(
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Address to listen on; by default no other machine gets in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="N", help="The port.")] = 7860,
    library: Annotated[
        str | None,
        typer.Option(
            "--library", metavar="FILE", help="Where similar tracks are looked for. By default your own library."
        ),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(metavar="TEXT", envvar="RETROTONE_PASSWORD", show_envvar=True, help="Asked of every visitor."),
    ] = None,
    max_upload: Annotated[int, typer.Option(min=1, metavar="MB", help="Largest file that visitors may upload.")] = 100,
) -> None:
    """Serve the page for browsers: restyle, genre, similar tracks, comparison, clips, study. Ctrl-C ends it."""
    from retrotone.web.server import is_local, serve

    if not is_local(host) and not password:
        complain(f"whoever reaches {host}:{port} can use this page and hear the library: think of --password")

    def started(address: str) -> None:
        typer.echo(printable(f"The page is at {address} until you press Ctrl-C."))

    serve(host, port, library, password, max_upload, started)
