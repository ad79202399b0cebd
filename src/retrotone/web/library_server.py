"""Serve a library to music servers, players and scripts."""

from __future__ import annotations

import os
from collections.abc import Callable

from retrotone.errors import MissingExtraError
from retrotone.library.session import default_path
from retrotone.web.server import HOST, check_free, local_names

PORT = 4541


def serve_library(
    library: str | os.PathLike[str] | None = None,
    host: str = HOST,
    port: int = PORT,
    password: str | None = None,
    started: Callable[[str], None] = lambda address: None,
) -> None:
    """Answer the calls of `retrotone.web.subsonic` until the process is stopped.

    Parameters
    ----------
    library : path-like, optional
        By default the user's library.
    host : str
        The address to listen on; by default no other machine gets in.
    port : int
    password : str, optional
        Asked of every caller.
    started : callable
        Called with the address once it answers.

    Raises
    ------
    MissingExtraError
        Starlette or uvicorn is not installed.
    LibraryError
        There is no library, or it cannot be read.
    RetrotoneError
        The address cannot be listened on.
    """
    try:
        import uvicorn

        from retrotone.web.subsonic import Subsonic
    except ImportError as error:
        raise MissingExtraError(
            f"the server needs Starlette and uvicorn ({error.name or error} is missing): pip install 'retrotone[web]'"
        ) from error
    check_free(host, port)
    app = Subsonic(os.fspath(default_path() if library is None else library), password, local_names(host))
    app.refresh()
    config = uvicorn.Config(
        app, host=host.strip("[]"), port=port, log_level="warning", lifespan="off", access_log=False
    )
    listening = config.bind_socket()
    listening.listen()
    started(f"http://{host}:{port}/rest")
    uvicorn.Server(config).run([listening])
