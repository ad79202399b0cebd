"""The check of every request before Gradio sees it. Unknown routes, big requests and other files are refused.

Gradio checks most of this too, but it fetches addresses that are given in place of uploads and offers routes that this
page does not use.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retrotone.web.renders import COOKIE, cookie
from retrotone.web.uploads import Uploads

log = logging.getLogger(__name__)

MB = 1 << 20
# bytes of a request that is no upload
LARGEST_REQUEST = MB
# files that are uploaded for a comparison
FILES_AT_ONCE = 3
API = "/gradio_api"
OPEN = re.compile(
    r"/|/(config|theme\.css|robots\.txt|favicon\.ico|manifest\.json|login|logout)/?|/(assets|static|svelte)/.*"
    rf"|{API}/(info|startup-events|user|login_check|token|app_id|upload|upload_progress|cancel|reset|theme\.css)/?"
    rf"|{API}/(queue/(join|data|status)|(call|run|heartbeat)/.*|file=.*)"
)
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self' data: blob:; font-src 'self' data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
HEADERS = {
    # the browser itself refuses to contact other hosts
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class RequestFilter:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
        The application that gets the requests that pass.
    uploads : Uploads
        The only folder that files are served from or taken from.
    largest : int
        Bytes of an uploaded file.
    names : iterable of str
        Host names of this page; empty for any. Other names that were made to point here are refused (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, uploads: Uploads, largest: int, names: Iterable[str] = ()) -> None:
        self.app, self.uploads, self.largest, self.names = app, uploads, largest, frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a sentence."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        answered, extra = False, dict(HEADERS)

        async def labelled(message: Message) -> None:
            nonlocal answered
            answered = True
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in extra.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        try:
            refusal, receive = await self._check(scope, receive)
            # browsers send the cookie with requests of the page itself only, not where a link leads to it
            if scope["method"] == "POST" and not refusal:
                known = cookie_parser(Headers(scope=scope).get("cookie", "")).get(COOKIE, "")
                extra["set-cookie"] = cookie(known, is_secure=scope["scheme"] == "https")
            await (refusal or self.app)(scope, receive, labelled)
        except ClientDisconnect:
            # the visitor has gone in the middle of an upload: nobody is left to answer
            log.debug("an upload broke off")
        except Exception:
            if answered:
                raise
            # Gradio does not check what it looks up: calls and numbers that do not exist
            log.debug("%s was not understood", scope["path"], exc_info=True)
            refusal = _refusal(400, "This page does not understand that: Use via API, at its bottom, lists its calls.")
            await refusal(scope, receive, labelled)

    async def _check(self, scope: Scope, receive: Receive) -> tuple[PlainTextResponse | None, Receive]:
        """Return why a request is refused, if it is, and its body, which may have been read."""
        headers, path = Headers(scope=scope), scope["path"]
        if _has_other_origin(headers) and not _is_link(scope["method"], headers):
            return _refusal(403, "This page does not answer to other pages."), receive
        # the origin was checked: behind a proxy, the browser knows this page by another name
        if self.names and _host(headers.get("host", "")) not in self.names:
            return _refusal(421, "This page is for the machine that it runs on."), receive
        if not OPEN.fullmatch(path):
            return _refusal(404, "There is nothing here."), receive
        if path.startswith(f"{API}/file=") and not self.uploads.holds(path.removeprefix(f"{API}/file=")):
            return _refusal(403, "This page serves no such file."), receive
        if scope["method"] != "POST":
            return None, receive
        size = headers.get("content-length", "")
        if not size.isdecimal():
            return _refusal(411, "Say how long the request is."), receive
        if path.rstrip("/") == f"{API}/upload":
            if int(size) > FILES_AT_ONCE * self.largest + LARGEST_REQUEST:
                return _refusal(413, too_big(self.largest)), receive
            self.uploads.forget(incoming=int(size))
            return None, receive
        if int(size) > LARGEST_REQUEST:
            return _refusal(413, "That is too long: upload files, do not write them into the request."), receive
        body = await _read(receive)
        files = _files(body)
        if any(map(self.uploads.held_before, files)):
            return _refusal(410, "The server was started again and has no files of yours any more."), receive
        if not all(map(self.uploads.holds, files)):
            return _refusal(403, "Upload a file: this page reads no others and fetches no addresses."), receive
        return None, _again(body, receive)


def is_foreign(headers: Headers, names: Collection[str]) -> bool:
    """Return whether a request was meant for another host than `names` (DNS rebinding), or is of another one's page.

    Parameters
    ----------
    headers : Headers
    names : collection of str
        Host names of this server; empty for any.
    """
    hosts = [headers.get("host", "")]
    if "origin" in headers:
        hosts.append(urlsplit(headers["origin"]).netloc)
    return bool(names) and not all(_host(host) in names for host in hosts)


def too_big(largest: int) -> str:
    """Return the sentence that refuses a file that is too big."""
    return f"That file is too big: this page takes up to {largest / MB:g} MB."


def _refusal(status: int, sentence: str) -> PlainTextResponse:
    return PlainTextResponse(sentence, status)


def _host(header: str) -> str:
    """Return a Host header without its port."""
    return re.sub(r":\d*$", "", header).lower()


def _has_other_origin(headers: Headers) -> bool:
    """Return whether a page of another origin sends the request; a program names no origin.

    Another port of this machine is another origin too. Browsers send Sec-Fetch-Site over connections that they trust,
    and Origin with everything that may change something.
    """
    if site := headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def _is_link(method: str, headers: Headers) -> bool:
    """Return whether the browser follows a link to this page, which any page may hold."""
    return method == "GET" and headers.get("sec-fetch-mode") == "navigate"


def _files(body: bytes) -> list[str]:
    """Return all that a JSON request names as files, however deep."""
    try:
        left: list[Any] = [json.loads(body)]
    except (ValueError, RecursionError):
        # Gradio takes no files from what is no JSON
        return []
    found = []
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if value.get("path"):
                found.append(str(value["path"]))
            left += value.values()
        elif isinstance(value, list):
            left += value
    return found


async def _read(receive: Receive) -> bytes:
    """Return the body of a request; no server lets it be longer than its Content-Length."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body again that was read already."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
