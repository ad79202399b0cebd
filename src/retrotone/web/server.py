"""Start the page, keep it private, and delete its files at the end."""

from __future__ import annotations

import ipaddress
import logging
import os
import secrets
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any
from unittest import mock

from retrotone.errors import MissingExtraError, RetrotoneError
from retrotone.web.uploads import Uploads

HOST, PORT = "127.0.0.1", 7860
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
MAX_UPLOAD_MB = 100
# between two messages about a job's progress: Gradio's own, 0.01 s, keep the browser busy
PROGRESS_SECONDS = 0.2
# so many uploads of the largest size fit into the folder
UPLOADS_KEPT = 30
# Without these, Gradio and its libraries send usage data.
ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "GRADIO_SHARE": "False",
    # Gradio asks its own page whether it answers: that must not go through a proxy
    "NO_PROXY": "*",
    "no_proxy": "*",
    # no visitor can change the address that wrong passwords are counted by
    "FORWARDED_ALLOW_IPS": "",
}


def serve(
    host: str = HOST,
    port: int = PORT,
    library: str | os.PathLike[str] | None = None,
    password: str | None = None,
    max_upload: int = MAX_UPLOAD_MB,
    started: Callable[[str], None] = lambda address: None,
    tls: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
) -> None:
    """Serve the page until the process is stopped.

    Parameters
    ----------
    host : str
        The address to listen on; by default no other machine gets in.
    port : int
    library : path-like, optional
        Where similar tracks are looked for, by default the user's library.
    password : str, optional
        Asked of every visitor.
    max_upload : int
        Megabytes of an uploaded file.
    started : callable
        Called with the page's address once it answers.
    tls : (path-like, path-like), optional
        The files of a certificate and its key, both PEM: the page speaks HTTPS.

    Raises
    ------
    MissingExtraError
        Gradio is not installed.
    RetrotoneError
        The address cannot be listened on, the certificate cannot be used.
    """
    check_free(host, port)
    if tls:
        _check_certificate(*tls)
    largest = max_upload << 20
    uploads = Uploads(limit=UPLOADS_KEPT * largest)
    try:
        # Gradio reads them when it is imported
        os.environ.update(ENVIRONMENT, GRADIO_TEMP_DIR=str(uploads.path))
        import_gradio()
        _launch(uploads, host, port, library, password, largest, started, tls)
    finally:
        uploads.remove()


def import_gradio() -> None:
    """Import Gradio without the type stubs that it would write of its components each time: they take half as long.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    # Gradio writes no stub of a class whose file it cannot find.
    with mock.patch("inspect.getfile", side_effect=OSError):
        try:
            import gradio  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                f"the page needs Gradio ({error.name or error} is missing): pip install 'retrotone[web]'"
            ) from error


def _launch(
    uploads: Uploads,
    host: str,
    port: int,
    library: str | os.PathLike[str] | None,
    password: str | None,
    largest: int,
    started: Callable[[str], None],
    tls: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None,
) -> None:
    from starlette.middleware import Middleware

    from retrotone.web.handlers import Handlers
    from retrotone.web.middleware import RequestFilter
    from retrotone.web.page import page
    from retrotone.web.passwords import WRONG_BEFORE_LOCK, LoginLimit
    from retrotone.web.theme import CSS, HEAD, theme

    # warnings about visitors' songs are not for the console
    logging.getLogger("retrotone").setLevel(logging.ERROR)
    handlers = Handlers(uploads, library)
    blocks = page(handlers, uploads)
    blocks._queue.progress_update_sleep_when_free = PROGRESS_SECONDS
    middleware = [Middleware(RequestFilter, uploads=uploads, largest=largest, names=local_names(host))]
    options: dict[str, Any] = {}
    if tls:
        # whether the certificate is to be trusted is for the visitors to say
        options |= {"ssl_certfile": os.fspath(tls[0]), "ssl_keyfile": os.fspath(tls[1]), "ssl_verify": False}
    if password:
        middleware.append(Middleware(LoginLimit))
        options["auth"] = lambda _, given: secrets.compare_digest(given.encode(), password.encode())
        options["auth_message"] = (
            "Any name will do, but type one; the password is known to whoever started this page. "
            f"After {WRONG_BEFORE_LOCK} wrong ones in a row, it takes no more for a minute."
        )
    try:
        _, address, _ = blocks.launch(
            server_name=host,
            server_port=port,
            max_file_size=largest,
            theme=theme(),
            css=CSS,
            head=HEAD,
            app_kwargs={"middleware": middleware},
            share=False,
            quiet=True,
            show_error=False,
            prevent_thread_lock=True,
            run_history=False,
            pwa=False,
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
            footer_links=["api", "settings"],
            **options,
        )
        started(address)
        threading.Event().wait()
    finally:
        handlers.stop_all()
        if blocks.is_running:
            # `Blocks.close` waits 5 s for pages that follow their jobs; that they are cut off need not be printed
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            blocks.server.should_exit = True
            # an excerpt that is being rendered is still answered: Gradio would print that it was cut off
            blocks.server.thread.join(timeout=1.0)
            blocks.server.force_exit = True
            blocks.server.thread.join(timeout=0.5)


def is_local(host: str) -> bool:
    """Return whether only this machine reaches a host's name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def local_names(host: str) -> tuple[str, ...]:
    """Return the host names by which this machine alone reaches a server; none where others reach it, too."""
    return (*LOCAL_NAMES, host) if is_local(host) else ()


def check_free(host: str, port: int) -> None:
    """Refuse a port that is taken and an address that is not this machine's."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[0][4])
    except OSError as error:
        reason = error.strerror or str(error)
        raise RetrotoneError(f"{host}:{port} cannot be listened on ({reason}): try another port or host") from error


def _check_certificate(certificate: str | os.PathLike[str], key: str | os.PathLike[str]) -> None:
    """Refuse files that are no certificate and its key, and a key that asks for a passphrase."""
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password="")
    except OSError as error:
        # an error of TLS is one as well, and its reason is in the library's own capitals
        reason = error.strerror if error.filename or error.errno == 2 else "not a PEM certificate with its unlocked key"
        raise RetrotoneError(f"{certificate} and {key} cannot be used for HTTPS ({reason})") from error
