"""``retrotone library serve``: a library for music servers, players and scripts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from retrotone.cli.console import complain, password_in
from retrotone.utils.text import printable

VARIABLE = "RETROTONE_PASSWORD"


def serve_library(
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Address to listen on; by default no other machine gets in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="N", help="The port.")] = 4541,
    library: Annotated[
        str | None, typer.Option("--library", metavar="FILE", help="The library. By default your own.")
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"The first line is the password asked of every caller. By default that in {VARIABLE}, if any.",
        ),
    ] = None,
) -> None:
    """Answer the OpenSubsonic calls about similar songs. Ctrl-C ends it."""
    from retrotone.web.library_server import serve_library as serve
    from retrotone.web.server import is_local

    password = os.environ.get(VARIABLE) if password_file is None else password_in(password_file)
    if not is_local(host) and not password:
        complain(f"whoever reaches {host}:{port} can read the names of your songs: think of --password-file")

    def started(address: str) -> None:
        typer.echo(printable(f"The library answers at {address} until you press Ctrl-C."))

    serve(library, host, port, password or None, started)
