"""The calls of OpenSubsonic about similar songs, answered from a library: https://opensubsonic.netlify.app/docs/."""

from __future__ import annotations

import hashlib
import json
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from retrotone import __version__
from retrotone.errors import AudioError, RetrotoneError
from retrotone.library.files import Place
from retrotone.library.library import Library
from retrotone.library.records import Track
from retrotone.library.search.neighbours import between
from retrotone.library.search.song_index import SongIndex
from retrotone.library.session import LibrarySession
from retrotone.web.middleware import is_foreign

VERSION = "1.16.1"
NAMESPACE = "http://subsonic.org/restapi"
# the codes of errors: https://opensubsonic.netlify.app/docs/responses/error/
GENERIC, MISSING, WRONG_PASSWORD, NOT_FOUND = 0, 10, 40, 70
# songs in one answer; and the largest other number
MOST, MANY = 500, 999_999_999
# songs of an artist that stand for all of them
ARTIST_SONGS = 20
ARTIST = "ar-"

Parameters = Mapping[str, str]
Answer = dict[str, Any]


class CallError(RetrotoneError):
    """A call that is answered with an error of the protocol."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Subsonic:
    """The calls, as an ASGI application.

    Parameters
    ----------
    location : str
        The library's file, or the address of a database.
    password : str, optional
        Asked of every caller, as the parameter ``p`` or as a token.
    names : sequence of str
        Host names of this server; empty for any.

    Raises
    ------
    LibraryError
        By `refresh`: there is no library, or it cannot be read.
    """

    def __init__(self, location: str, password: str | None = None, names: Sequence[str] = ()) -> None:
        self._library, self._session = Library(location), LibrarySession(location)
        self._password, self._host_names = password, frozenset(names)
        self._revision: object = None
        # when the names may be read again
        self._next_reading = 0.0
        self._calls: dict[str, Callable[[Parameters], Answer]] = {
            "ping": lambda _: {},
            "getOpenSubsonicExtensions": lambda _: {
                "openSubsonicExtensions": [{"name": "sonicSimilarity", "versions": [1]}]
            },
            "getSimilarSongs": lambda given: {"similarSongs": {"song": self._similar_songs(given)}},
            "getSimilarSongs2": lambda given: {"similarSongs2": {"song": self._similar_songs(given)}},
            "getTopSongs": lambda given: {"topSongs": {"song": self._top_songs(given)}},
            "getRandomSongs": lambda given: {"randomSongs": {"song": self._random_songs(given)}},
            "search3": lambda given: {"searchResult3": {"song": self._search(given)}},
            "getSonicSimilarTracks": lambda given: {"sonicMatch": self._sonic_matches(given)},
            "findSonicPath": lambda given: {"sonicMatch": self._sonic_path(given)},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; each takes milliseconds, so that one thread answers all."""
        if scope["type"] != "http":
            return
        if is_foreign(Headers(scope=scope), self._host_names):
            response = Response("This server is for the machine that it runs on.", 421)
        else:
            # the bytes of a path need not be text
            query = parse_qsl(scope["query_string"].decode("latin-1"), errors="surrogateescape", keep_blank_values=True)
            response = self.respond(scope["path"], dict(query))
        await response(scope, receive, send)

    def refresh(self) -> None:
        """Read the library's names and vectors where it changed; during a scan for a tenth of the time at most."""
        catalogue, began = self._session.up_to_date(), time.monotonic()
        if began >= self._next_reading and self._revision != catalogue.revision:
            self._revision, self._index = catalogue.revision, SongIndex(catalogue)
            # so that the first answer need not wait for the vectors
            if number := next(iter(self._index.names), None):
                with suppress(AudioError):
                    self._library.similar(self._tracks([number]), 1)
            self._next_reading = time.monotonic() + 10 * (time.monotonic() - began)

    def respond(self, path: str, given: Parameters) -> Response:
        """Answer a call.

        Parameters
        ----------
        path : str
            As ``/rest/ping``, with or without ``.view``.
        given : mapping of str to str
            Its parameters.
        """
        name = path.removeprefix("/rest/").removesuffix(".view")
        answer: Answer = {"status": "ok"}
        try:
            if name not in self._calls:
                raise CallError(GENERIC, f"there is no call {name}: use one of {', '.join(self._calls)}")
            if name != "getOpenSubsonicExtensions":
                self._check_password(given)
            self.refresh()
            answer |= self._calls[name](given)
        except RetrotoneError as error:
            answer = {"status": "failed", "error": {"code": getattr(error, "code", GENERIC), "message": str(error)}}
        answer |= {"version": VERSION, "type": "retrotone", "serverVersion": __version__, "openSubsonic": True}
        if given.get("f") == "json":
            return Response(json.dumps({"subsonic-response": answer}), media_type="application/json")
        root = _element("subsonic-response", {"xmlns": NAMESPACE, **answer})
        return Response(ElementTree.tostring(root, "utf-8", xml_declaration=True), media_type="application/xml")

    def _check_password(self, given: Parameters) -> None:
        if self._password is None:
            return
        if "t" in given and "s" in given:
            wanted = hashlib.md5((self._password + given["s"]).encode("utf-8", "surrogateescape")).hexdigest()
            told = given["t"]
        elif "p" in given:
            wanted, told = self._password, given["p"]
            if told.startswith("enc:"):
                wanted, told = wanted.encode().hex(), told.removeprefix("enc:").lower()
        else:
            raise CallError(MISSING, "the parameter p is missing: give the password")
        if not secrets.compare_digest(told.encode("utf-8", "surrogateescape"), wanted.encode()):
            raise CallError(WRONG_PASSWORD, "wrong user name or password")

    # Calls

    def _similar_songs(self, given: Parameters) -> list[Answer]:
        """Return songs like a song, or like the middle of an artist's."""
        wanted = self._asked_for(given)
        found = self._library.similar(self._tracks(wanted), _number(given, "count", 50))
        return [_song(match.track) for match in found]

    def _top_songs(self, given: Parameters) -> list[Answer]:
        """Return the songs of an artist, the most typical first, as nothing is known of how often they are played."""
        found = self._index.by_artist(_wanted(given, "artist"))
        if not found:
            return []
        numbers, vectors = self._session.catalogue().vectors_of(found)
        order = (-(vectors @ between(list(vectors)))).argsort(kind="stable")[: _number(given, "count", 50)]
        return self._songs(numbers[order].tolist())

    def _random_songs(self, given: Parameters) -> list[Answer]:
        names, found = self._index.names, list(self._index.names)
        if genre := given.get("genre", "").casefold():
            found = [number for number in found if genre in names[number].genre.casefold()]
        if "fromYear" in given or "toYear" in given:
            first, last = _number(given, "fromYear", 0, 0, MANY), _number(given, "toYear", MANY, 0, MANY)
            found = [number for number in found if first <= _year(names[number].year) <= last]
        return self._songs(random.sample(found, min(_number(given, "size", 10), len(found))))

    def _search(self, given: Parameters) -> list[Answer]:
        # some clients write an empty query as two quotes
        found = self._index.search(_wanted(given, "query").strip('"'))
        start = _number(given, "songOffset", 0, 0, MANY)
        return self._songs(found[start : start + _number(given, "songCount", 20, 0)])

    def _sonic_matches(self, given: Parameters) -> list[Answer]:
        found = self._library.similar(self._tracks(self._asked_for(given)), _number(given, "count", 10))
        return [{"entry": _song(match.track), "similarity": _similarity(match.similarity)} for match in found]

    def _sonic_path(self, given: Parameters) -> list[Answer]:
        """Return the songs of a path, with their similarities to the first."""
        ends = [self._known(_wanted(given, name)) for name in ("startSongId", "endSongId")]
        start, end = self._tracks(ends)
        path = self._library.path(start, end, _number(given, "count", 25, 2))
        numbers, vectors = self._session.catalogue().vectors_of([track.id for track in path])
        rows = dict(zip(numbers.tolist(), vectors, strict=True))
        return [
            {"entry": _song(track), "similarity": _similarity(float(rows[track.id] @ rows[start.id]))} for track in path
        ]

    # Songs

    def _asked_for(self, given: Parameters) -> list[int]:
        """Return the song that is asked for, by its id, path, or title and artist; or the songs of an artist's id."""
        name = given.get("id", "")
        if name.startswith(ARTIST):
            found = self._index.by_artist(name.removeprefix(ARTIST))
            if not found:
                raise CallError(NOT_FOUND, f"there is no artist {name}")
            return found[:: -(-len(found) // ARTIST_SONGS)]
        if name:
            return [self._known(name)]
        if path := given.get("path"):
            known = self._session.catalogue().lookup(Place.from_name(path))
            number = known.id if known else None
        elif title := given.get("title"):
            number = self._index.find(title, given.get("artist", ""))
        else:
            raise CallError(MISSING, "the parameter id is missing: give an id, a path, or a title and an artist")
        return [self._known(str(number))]

    def _known(self, name: str) -> int:
        if not name.isdecimal() or int(name) not in self._index.names:
            raise CallError(NOT_FOUND, "the library holds no such song")
        return int(name)

    def _songs(self, numbers: Sequence[int]) -> list[Answer]:
        return [_song(track) for track in self._tracks(numbers)]

    def _tracks(self, numbers: Sequence[int]) -> list[Track]:
        return self._session.catalogue().tracks(numbers)


def _song(track: Track) -> Answer:
    """Return a track as a ``Child`` of the protocol, without what is not known of it."""
    names = {
        "album": track.album,
        "artist": track.artist,
        "artistId": track.artist_key and ARTIST + track.artist_key,
        "genre": track.best_genre,
        "year": _year(track.year),
        "duration": round(track.duration or 0),
        "bpm": round(track.tempo or 0),
        "track": track.number,
        "suffix": Path(track.path).suffix.removeprefix("."),
    }
    return {
        "id": str(track.id),
        "isDir": False,
        "title": track.title or Path(track.path).stem,
        "path": str(track.place),
        "type": "music",
        "mediaType": "song",
        **{name: value for name, value in names.items() if value},
    }


def _similarity(cosine: float) -> float:
    """Return a cosine as the protocol has it, from 0 to 1."""
    return round(min(max(cosine, 0.0), 1.0), 4)


def _wanted(given: Parameters, name: str) -> str:
    if name not in given:
        raise CallError(MISSING, f"the parameter {name} is missing")
    return given[name]


def _year(text: str) -> int:
    """Return a year, 0 where it is not known."""
    return int(text) if text.isdecimal() else 0


def _number(given: Parameters, name: str, default: int, least: int = 1, most: int = MOST) -> int:
    text = given.get(name, str(default))
    if not (text.isdecimal() and text.isascii()):
        raise CallError(GENERIC, f"{name} is {text!r}: give a whole number")
    return max(least, min(int(text[:9]), most))


def _element(name: str, value: Any) -> ElementTree.Element:
    """Return a value of an answer as XML: single values become attributes, others elements."""
    element = ElementTree.Element(name)
    if not isinstance(value, dict):
        element.text = _text(value)
        return element
    for key, each in value.items():
        if isinstance(each, list):
            element.extend(_element(key, one) for one in each)
        elif isinstance(each, dict):
            element.append(_element(key, each))
        else:
            element.set(key, _text(each))
    return element


def _text(value: Any) -> str:
    """Return an attribute's text; XML holds no control characters, and no bytes that are not text."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(c if c.isprintable() else " " for c in text)
