"""Downloads arrive whole or not at all, whatever the server does, and are never used once they have changed."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rave_exports import make_export

import retrotone as rt
from retrotone.cli.main import run
from retrotone.errors import Cancelled, ModelError, OutputError
from retrotone.features import audioset
from retrotone.utils import pretrained

Capture = pytest.CaptureFixture[str]


class Server(ThreadingHTTPServer):
    """Serves one file, well or badly, by the first part of the path."""

    daemon_threads = True
    data = b""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        data = self.server.data
        manner = self.path.split("/")[1].partition("?")[0]
        first = self.path not in self.server.asked
        self.server.asked.append(self.path)
        if manner == "missing":
            self.send_error(404)
            return
        if manner == "corrupt":
            middle = len(data) // 2
            data = data[:middle] + bytes(255 - byte for byte in data[middle : middle + 64]) + data[middle + 64 :]
        if manner == "page":
            data = b"<html>Please log in</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        # the reader may have seen enough
        with suppress(ConnectionError):
            self._write(data, manner, first)

    def _write(self, data: bytes, manner: str, first: bool) -> None:
        if manner == "cut" or (manner == "cutonce" and first):
            self.wfile.write(data[: len(data) // 2])
        elif manner == "stall":
            self.wfile.write(data[:1000])
            self.wfile.flush()
            time.sleep(1.5)
        elif manner == "slow":
            for start in range(0, len(data), len(data) // 8):
                self.wfile.write(data[start : start + len(data) // 8])
                self.wfile.flush()
                time.sleep(0.02)
        else:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    export = make_export(tmp_path_factory.mktemp("served") / "model.ts")
    with Server() as server:
        server.data = export.read_bytes()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for downloads; retries do not wait."""
    monkeypatch.setenv(pretrained.FOLDER_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setattr(pretrained, "PAUSE_SECONDS", 0.0)
    return tmp_path / "models"


@pytest.fixture
def vintage(server: Server, monkeypatch: pytest.MonkeyPatch) -> pretrained.Entry:
    """The registry's "vintage", served from here."""
    entry = pretrained.Entry(**{**vars(pretrained.registry()["vintage"]), "url": server.url("whole/vintage")})
    monkeypatch.setattr(pretrained, "registry", lambda: {"vintage": entry})
    return entry


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_registry_holds_the_published_models_with_terms() -> None:
    published = {name: entry for name, entry in pretrained.rave_models().items() if entry.url is not None}
    assert len(published) == 10
    assert {"vintage", "percussion", "VCTK"} <= set(published)
    for name, entry in published.items():
        assert entry.url.endswith(f"model_name={name}")
        assert "licence" in entry.licence


def test_the_bundled_model_is_here_and_checked(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pretrained.find_entry(pretrained.DEFAULT_MODEL)
    assert entry.url is None
    path = pretrained.find_file(entry.name)
    assert path == pretrained.download(entry.name)
    assert path.stat().st_size < 12e6
    pretrained.check(path)
    assert files(models) == []
    monkeypatch.setattr(pretrained, "registry", lambda: {entry.name: replace(entry, sha256="0" * 64)})
    with pytest.raises(ModelError, match="install retrotone again"):
        pretrained.check(path)


@pytest.mark.parametrize("manner", ["whole", "slow", "cutonce"])
def test_a_download_arrives_and_runs(server: Server, models: Path, manner: str) -> None:
    reports: list[tuple[float, str]] = []
    url = server.url(f"{manner}/{manner}-a.ts")
    path = pretrained.download(url, lambda fraction, message: reports.append((fraction, message)))
    assert path.read_bytes() == server.data
    assert files(models) == [path.name, f"{path.name}.sha256"]
    assert reports[-1][0] == 1.0
    assert any(f"of {len(server.data) / 1e6:.1f} MB" in message for _, message in reports)
    assert rt.RaveModel.from_pretrained(url).generate(0.3).duration == pytest.approx(0.3, abs=0.01)
    asked = len(server.asked)
    assert pretrained.download(url) == path
    # once is enough
    assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        ("missing", "404"),
        ("cut", "broke off"),
        ("stall", "check the connection"),
        ("corrupt", "damaged"),
        ("page", "no model"),
    ],
)
def test_a_bad_download_says_why_and_leaves_nothing(
    server: Server, models: Path, monkeypatch: pytest.MonkeyPatch, manner: str, words: str
) -> None:
    if manner == "stall":
        # short for this one alone: on a busy machine an answer may take as long
        monkeypatch.setattr(pretrained, "TIMEOUT_SECONDS", 0.5)
    with pytest.raises(ModelError, match=words) as failure:
        pretrained.download(server.url(f"{manner}/b.ts"))
    assert "\n" not in str(failure.value)
    assert files(models) == []
    tries = server.asked.count(f"/{manner}/b.ts")
    assert tries == (pretrained.TRIES if manner in ("cut", "stall") else 1)


def test_offline_it_says_what_to_do(models: Path) -> None:
    # a port without a server
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/model.ts"
        with pytest.raises(ModelError, match=r"cannot be reached.*check the connection, or put the file into"):
            pretrained.download(url)


def test_a_known_checksum_must_hold(
    server: Server, vintage: pretrained.Entry, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = pretrained.Entry(**{**vars(vintage), "sha256": "0" * 64})
    monkeypatch.setattr(pretrained, "registry", lambda: {"vintage": wrong})
    with pytest.raises(ModelError, match="came damaged"):
        pretrained.download("vintage")
    assert files(models) == []


def test_the_second_ear_arrives_as_its_authors_published_it(
    server: Server, models: Path, shared_music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = shared_music.parent / "audioset" / "mn04_as_mAP_432.pt"
    if not published.is_file():
        pytest.skip(f"needs {published}, which is not part of the repository")
    entry = replace(pretrained.registry()["audioset"], url=server.url("whole/audioset"))
    monkeypatch.setattr(pretrained, "registry", lambda: {"audioset": entry})
    with pytest.raises(ModelError, match="came damaged"):
        pretrained.download("audioset")
    assert audioset.path() is None
    monkeypatch.setattr(server, "data", published.read_bytes())
    assert pretrained.download("audioset") == audioset.path() == models / "audioset.pt"
    with pytest.raises(ModelError, match="audioset plays no music"):
        rt.RaveModel.from_pretrained("audioset")


def test_a_model_that_changed_since_is_not_loaded(vintage: pretrained.Entry, models: Path) -> None:
    path = pretrained.download("vintage")
    rt.RaveModel.from_pretrained("vintage")
    with path.open("ab") as file:
        file.write(b"!")
    for load in (rt.RaveModel.load, lambda p: rt.RaveModel.from_pretrained("Vintage")):
        with pytest.raises(ModelError, match="has changed since"):
            load(path)


def test_stopping_leaves_nothing(server: Server, models: Path) -> None:
    def stop(fraction: float, message: str) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        pretrained.download(server.url("slow/c.ts"), stop)
    assert files(models) == []


def test_a_folder_that_cannot_be_made_says_so(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(pretrained.FOLDER_VARIABLE, str(tmp_path / "file" / "models"))
    with pytest.raises(OutputError, match=pretrained.FOLDER_VARIABLE):
        pretrained.download(server.url("whole/d.ts"))


def test_nothing_is_downloaded_without_being_asked_for(vintage: pretrained.Entry, server: Server) -> None:
    asked = len(server.asked)
    with pytest.raises(ModelError, match=r"not downloaded yet.*terms: No licence"):
        rt.RaveModel.from_pretrained("vintage")
    with pytest.raises(ModelError, match="no model is called 'vintge'"):
        rt.RaveModel.from_pretrained("vintge")
    assert len(server.asked) == asked
    assert rt.RaveModel.from_pretrained("vintage", accept_terms=True).name == "vintage"


def test_without_the_variable_models_go_to_the_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(pretrained.FOLDER_VARIABLE)
    assert pretrained.folder().parts[-2:] == ("retrotone", "models")


# On the command line


def test_models_are_listed_and_found(models: Path, capfd: Capture) -> None:
    assert run(["models", "where"]) == 0
    assert capfd.readouterr().out == f"{models}\n"
    assert run(["models", "list", "--json"]) == 0
    listed = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [each["name"] for each in listed] == list(pretrained.registry())
    assert [each["name"] for each in listed if each["here"]] == [pretrained.DEFAULT_MODEL]
    assert run(["models", "list"]) == 0
    table = capfd.readouterr().out
    assert "vintage" in table
    assert "non-commercial" in table


def test_terms_come_before_the_download(
    vintage: pretrained.Entry, server: Server, models: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no terminal to ask on
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run(["models", "download", "vintage"]) == 2
    out, err = capfd.readouterr()
    assert out.strip() == ""
    assert f"vintage: {len(server.data) / 1e6:.1f} MB" in err
    assert vintage.licence in err
    assert files(models) == []
    assert run(["models", "download", "vintage", "--yes"]) == 0
    assert capfd.readouterr().out == f"{models / 'vintage.ts'}\n"
    assert run(["models", "info", "vintage", "--json"]) == 0
    facts = json.loads(capfd.readouterr().out)
    assert facts["sample_rate"] == 44_100
    assert abs(facts["delay"] - 1600) < 100
    assert run(["models", "info", str(models / "vintage.ts")]) == 0
    assert "44,100" in capfd.readouterr().out
