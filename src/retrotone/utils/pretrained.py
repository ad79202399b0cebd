"""Pretrained models: the registry, the paths of their files, the download, and the check of their SHA-256.

``assets/models.json`` is the registry. Downloads go into one folder, each with a checksum file in the format of
``sha256sum``; `check` compares the two at every load.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from retrotone.errors import ModelError, OutputError
from retrotone.progress import Progress, silent
from retrotone.utils.assets import asset
from retrotone.utils.files import file_sha256, is_file, write_whole
from retrotone.utils.temporary import temporary_beside

if TYPE_CHECKING:
    import requests

# of the files of each kind
SUFFIXES = {"rave": ".ts", "ear": ".pt"}
FOLDER_VARIABLE = "RETROTONE_MODELS"
# ships with retrotone
DEFAULT_MODEL = "parlour"
UNKNOWN_TERMS = "Unknown: ask whoever publishes it."
TRIES = 3
# before the second try; twice as long before the third
PAUSE_SECONDS = 1.0
# without receiving a byte
TIMEOUT_SECONDS = 30.0
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Entry:
    """A model in the registry, or one with a URL of its own.

    Attributes
    ----------
    name, kind, description : str
        `kind` is "rave", or "ear" for a network that analyses.
    url : str or None
        None for a model that ships with retrotone.
    sha256 : str or None
        Of the file, if known.
    licence : str
        The terms, to be shown before the download.
    sample_rate : int or None
        In Hz; None if only the file states it.
    """

    name: str
    kind: str
    description: str
    url: str | None
    sha256: str | None
    licence: str
    sample_rate: int | None


@cache
def registry() -> dict[str, Entry]:
    """Return the models known by name."""
    text = asset("models.json").read_text("utf-8")
    return {entry.name: entry for entry in (Entry(**fields) for fields in json.loads(text))}


def rave_models() -> dict[str, Entry]:
    """Return the RAVE models known by name."""
    return {name: entry for name, entry in registry().items() if entry.kind == "rave"}


def folder() -> Path:
    """Return where downloads go: ``RETROTONE_MODELS``, or this system's folder for caches."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("retrotone", appauthor=False)) / "models"


def find_entry(name: str) -> Entry:
    """Return a model by its name (case does not matter) or by its URL.

    Raises
    ------
    ModelError
        There is no such model.
    """
    if is_url(name):
        stem = Path(unquote(urlsplit(name).path)).stem or "model"
        # two URLs may end in the same name
        unique = f"{stem}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        return Entry(unique, "rave", name, name, None, UNKNOWN_TERMS, None)
    known = {entry.name.lower(): entry for entry in registry().values()}
    if name.lower() not in known:
        raise ModelError(f"no model is called {name!r}: use a file, a URL, or one of {', '.join(registry())}")
    return known[name.lower()]


def model_path(entry: Entry) -> Path:
    """Return the path of a model that ships with retrotone, or of the download, which may not exist yet."""
    if entry.url is None:
        return asset(f"{entry.name}.safetensors")
    return folder() / f"{entry.name}{SUFFIXES[entry.kind]}"


def find_file(name: str) -> Path:
    """Return the path of a RAVE model's file, which must be on this machine.

    Parameters
    ----------
    name : str
        A file, or a registry name or URL that was downloaded.

    Raises
    ------
    ModelError
        It is none of these; the message states the terms and how to download it.
    """
    if is_file(name):
        return Path(name)
    if not is_url(name) and (Path(name).suffix or len(Path(name).parts) > 1):
        raise ModelError(f"{name} does not exist: name a model's file, or see retrotone models list")
    entry = find_entry(name)
    if entry.kind != "rave":
        raise ModelError(f"{name} plays no music: choose among {', '.join(rave_models())}")
    path = model_path(entry)
    if not path.is_file():
        raise ModelError(f"{name} is not downloaded yet: run retrotone models download {name} (terms: {entry.licence})")
    return path


def offer(entry: Entry) -> str:
    """Return what a download is, to be shown before its terms: name, size as the server tells it, and URL."""
    import requests

    url = entry.url or ""
    try:
        # the size of the file itself, not of a compressed answer
        headers = {"Accept-Encoding": "identity"}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
            size = int(answer.headers.get("Content-Length", 0)) if answer.ok else 0
    # the download itself tells what is wrong
    except (requests.RequestException, ValueError):
        size = 0
    return f"{entry.name}: {f'{size / 1e6:.1f} MB' if size else 'of unknown size'}, from {url}"


def download(name: str, progress: Progress = silent) -> Path:
    """Return the path of a model's file, downloading it if necessary. Show `Entry.licence` to the user first.

    Parameters
    ----------
    name : str
        As for `find_file`.
    progress : Progress
        Called as the download advances; `Cancelled` raised in it stops it, and the partial file is deleted.

    Raises
    ------
    ModelError
        No connection, no such file at the URL, or a file that is damaged or not a model.
    OutputError
        The folder cannot be written to.
    """
    if is_file(name):
        return Path(name)
    entry = find_entry(name)
    path = model_path(entry)
    if path.is_file():
        check(path)
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_beside(path) as temporary:
            _fetch(entry, temporary, progress)
            digest = file_sha256(temporary)
            if entry.sha256 is not None and digest != entry.sha256:
                raise ModelError(f"{entry.name} came damaged from {_host(entry)}: try again later")
            _check_whole(temporary, entry)
            write_whole(_checksum_path(path), f"{digest}  {path.name}\n".encode())
            temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path.parent} cannot be written to ({error.strerror}): set {FOLDER_VARIABLE} to another folder"
        ) from error
    return path


def check(path: Path) -> None:
    """Raise ModelError if a file has changed since it was downloaded or installed; other files pass."""
    for entry in registry().values():
        if entry.sha256 is not None and path == model_path(entry) and file_sha256(path) != entry.sha256:
            again = "download it" if entry.url else "install retrotone"
            raise ModelError(f"{path} is not what was published: delete it and {again} again")
    checksum = _checksum_path(path)
    if not checksum.is_file():
        return
    if checksum.read_text("utf-8", errors="replace").split(maxsplit=1)[:1] != [file_sha256(path)]:
        raise ModelError(f"{path} has changed since it was downloaded: delete it and download it again")


def is_url(name: str) -> bool:
    """Return whether a model's name is a URL."""
    return name.startswith(("http://", "https://"))


def _checksum_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _host(entry: Entry) -> str:
    return urlsplit(entry.url or "").netloc


def _check_whole(path: Path, entry: Entry) -> None:
    """Check the CRC of each part: TorchScript files are zip archives."""
    try:
        with zipfile.ZipFile(path) as archive:
            whole = archive.testzip() is None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError):
        whole = False
    if not whole:
        raise ModelError(f"what came from {_host(entry)} is damaged or no model: try again, or another address")


def _fetch(entry: Entry, path: Path, progress: Progress) -> None:
    """Download a model to a path; after a failed connection, start again, up to TRIES times."""
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    for attempt in range(1, TRIES + 1):
        bar = _Bar(entry.name, progress)
        get = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK_BYTES, timeout=TIMEOUT_SECONDS)
        try:
            get(entry.url, str(path), None)
            return
        except requests.HTTPError as error:
            raise ModelError(
                f"{_host(entry)} answers {_status(error)} for {entry.name}: check the address or try later"
            ) from error
        except requests.RequestException as error:
            # a ValueError: the URL is not valid
            if attempt == TRIES or isinstance(error, ValueError):
                raise ModelError(
                    f"{entry.name} could not be downloaded from {_host(entry)} ({_reason(error)}): check the "
                    f"connection, or put the file into {folder()} as {model_path(entry).name}"
                ) from error
            progress(0.0, f"{entry.name}: {_reason(error)}, trying again")
            time.sleep(PAUSE_SECONDS * attempt)
    raise AssertionError("unreachable")


def _status(error: requests.HTTPError) -> str:
    return "an error" if error.response is None else f"{error.response.status_code} {error.response.reason}"


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return "it does not answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, ValueError):
        return "not a valid address"
    return "it cannot be reached"


class _Bar:
    """The progress bar that pooch calls."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name, self._progress = name, progress
        self.total, self._done = 0, 0

    def update(self, count: int) -> None:
        self._done += count
        size = f" of {self.total / 1e6:.1f}" if self.total else ""
        fraction = min(self._done / self.total, 1.0) if self.total else 0.0
        self._progress(fraction, f"downloading {self._name}, {self._done / 1e6:.1f}{size} MB")

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing to close."""
