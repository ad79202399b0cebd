"""What visitors rendered: it is there when they load the page again.

A visitor is known by a random cookie. A render is forgotten with its file, which the page's folder keeps for an hour.
"""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from retrotone.utils.files import file_sha256

COOKIE = "retrotone_visitor"
# of the cookie, from the last visit on; renders are deleted sooner
LIFETIME_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Render:
    """A file that was rendered."""

    path: str
    digest: str

    @property
    def name(self) -> str:
        """The file's name."""
        return Path(self.path).name

    @property
    def address(self) -> str:
        """The file's address, as the page sees it."""
        return addresses(self.path)[0]

    def is_same(self, other: Render) -> bool:
        """Return whether nothing differs from another render."""
        return (self.name, self.digest) == (other.name, other.digest)


class Renders:
    """The renders of all visitors."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._renders: dict[str, list[Render]] = {}

    def add(self, visitor: str, path: str) -> None:
        """Add a file as a visitor's newest render, in place of an older one that is the same."""
        render = Render(path, file_sha256(path))
        with self._lock:
            older = [each for each in self._renders.get(visitor, ()) if not each.is_same(render)]
            self._renders[visitor] = [render, *older]
            # those whose files were deleted are forgotten
            self._renders = {each: kept for each in self._renders if (kept := self.of(each))}

    def of(self, visitor: str) -> list[Render]:
        """Return a visitor's renders whose files are still there, the newest first."""
        return [render for render in self._renders.get(visitor, ()) if Path(render.path).exists()]


def visitor(request: Any) -> str:
    """Return who makes a request: a program and a browser without cookies are known by their session alone."""
    return str(request.cookies.get(COOKIE) or request.session_hash)


def cookie(known: str, is_secure: bool) -> str:
    """Return the header that makes a visitor known for another day, and that gives a new one a name."""
    name = known if re.fullmatch(r"[A-Za-z0-9_-]{43}", known) else secrets.token_urlsafe()
    secure = "; Secure" if is_secure else ""
    return f"{COOKIE}={name}; Path=/; Max-Age={LIFETIME_SECONDS}; HttpOnly; SameSite=Strict{secure}"


def addresses(*paths: str) -> list[str]:
    """Return the addresses of files in the page's folder, as the page sees them."""
    return [f"gradio_api/file={quote(path)}" for path in paths]
