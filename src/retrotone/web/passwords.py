"""What a wrong password costs: each makes the next answer slower, and many in a row lock an address for a minute."""

from __future__ import annotations

import ipaddress
from asyncio import Lock, sleep
from dataclasses import dataclass, field
from time import monotonic

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# the answer to the first wrong password, doubled with each further one
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 10.0
# wrong passwords in a row after which no more are taken for a while
WRONG_BEFORE_LOCK = 10
LOCK_SECONDS = 60.0
# after so long without a try, an address starts anew
FORGOTTEN_SECONDS = 15 * 60.0


@dataclass
class Tries:
    """The wrong passwords of one address, and from when on it may try again (`time.monotonic`)."""

    wrong: int = 0
    open_from: float = 0.0
    lock: Lock = field(default_factory=Lock)

    def add_wrong(self) -> float:
        """Count one more wrong password, and return the seconds until it is answered."""
        self.wrong += 1
        wait = min(FIRST_WAIT_SECONDS * 2.0 ** (self.wrong - 1), LONGEST_WAIT_SECONDS)
        self.open_from = monotonic() + wait + (LOCK_SECONDS if self.wrong >= WRONG_BEFORE_LOCK else 0.0)
        return wait


class LoginLimit:
    """ASGI middleware. One address gets its passwords checked one after the other, so that none is guessed in parallel.

    Who is signed in already is not asked, and so notices nothing of another's wrong passwords.

    Parameters
    ----------
    app : ASGI application
        It answers ``POST /login`` by status 200 where the password is right.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._tries: dict[str, Tries] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; where it is a wrong password, answer late, and where there were many, refuse it."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"].rstrip("/") != "/login":
            await self.app(scope, receive, send)
            return
        self._forget()
        tries = self._tries.setdefault(_network(scope), Tries())
        wait = tries.open_from - monotonic()
        if wait > 0 or tries.lock.locked():
            seconds = max(1, round(wait))
            sentence = f"There were wrong passwords from your address: try again in {seconds} s."
            await PlainTextResponse(sentence, 429, {"retry-after": str(seconds)})(scope, receive, send)
            return

        async def late(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 200:
                    tries.wrong = 0
                else:
                    await sleep(tries.add_wrong())
            await send(message)

        async with tries.lock:
            await self.app(scope, receive, late)

    def _forget(self) -> None:
        before = monotonic() - FORGOTTEN_SECONDS
        self._tries = {
            address: tries for address, tries in self._tries.items() if tries.open_from > before or tries.lock.locked()
        }


def _network(scope: Scope) -> str:
    """Return the address of a visitor; of IPv6 the network, as one visitor has 2^64 addresses in it."""
    host = scope["client"][0] if scope["client"] else ""
    return str(ipaddress.ip_network(f"{host}/64", strict=False)) if ":" in host else host
