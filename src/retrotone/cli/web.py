"""``retrotone web``: the page."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from retrotone.cli.console import complain, password_in
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
        typer.Option(
            metavar="TEXT",
            envvar="RETROTONE_PASSWORD",
            show_envvar=True,
            help="Asked of every visitor. Other users of this machine can see it in the list of processes, "
            "but not if it is in the environment or a file.",
        ),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file whose first line is the password.")
    ] = None,
    cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A certificate (PEM): with --key, the page speaks HTTPS.")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key (PEM).")] = None,
    max_upload: Annotated[int, typer.Option(min=1, metavar="MB", help="Largest file that visitors may upload.")] = 100,
) -> None:
    """Serve the page for browsers: restyle, genre, similar tracks, comparison, clips, study. Ctrl-C ends it."""
    from retrotone.web.server import is_local, serve

    if (cert is None) != (key is None):
        raise typer.BadParameter("--cert and --key belong together: give both, or neither")
    if password_file:
        password = password_in(password_file)
    if not is_local(host) and not password:
        complain(f"whoever reaches {host}:{port} can use this page and hear the library: think of --password-file")

    def started(address: str) -> None:
        typer.echo(printable(f"The page is at {address} until you press Ctrl-C."))

    try:
        serve(host, port, library, password, max_upload, started, (cert, key) if cert and key else None)
    except KeyboardInterrupt:
        _leave(128 + signal.SIGINT)
    except SystemExit as ended:
        _leave(int(ended.code or 0))


def _leave(code: int) -> NoReturn:
    """End the process now, once all is cleaned up: Python would take seconds to take Gradio apart."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)
