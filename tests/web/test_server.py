"""How the page is started, what it says when it cannot be, and the folder that it keeps."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from retrotone.web.uploads import Uploads


def web(*options: str, before: str = "", **environment: str) -> subprocess.Popen[str]:
    code = f"import sys; {before or 'pass'}; from retrotone.cli.main import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "web", *options],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_without_gradio_one_line_says_what_to_install() -> None:
    process = web("--port", str(free_port()), before="sys.modules['gradio'] = None")
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert said.count("\n") == 1
    assert "pip install 'retrotone[web]'" in said


def test_a_port_that_is_taken_and_a_strange_host_get_a_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for options in (("--port", str(taken.getsockname()[1])), ("--host", "192.0.2.1")):
            process = web(*options)
            said = process.communicate(timeout=60)[1].splitlines()
            assert process.returncode == 2
            assert "cannot be listened on" in said[-1]
    # the strange host was not this machine's own
    assert "think of --password" in said[0]


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A page with a password, in a process of its own, and its port: one for all tests, as it takes 9 s to start."""
    port = free_port()
    # a process in the background ignores Ctrl-C by default
    before = "import signal; signal.signal(2, signal.default_int_handler)"
    process = web("--port", str(port), before=before, RETROTONE_PASSWORD="sesame")
    assert process.stdout
    assert str(port) in process.stdout.readline()
    yield process, port
    process.kill()
    process.communicate()


def test_a_password_guards_page_files_and_api(guarded: tuple[subprocess.Popen[str], int]) -> None:
    def ask(method: str, path: str, cookie: str = "", **form: str) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", guarded[1], timeout=60)
        headers = {"content-type": "application/x-www-form-urlencoded", "cookie": cookie}
        connection.request(method, path, urlencode(form), headers)
        response = connection.getresponse()
        cookies = [line.split(";")[0] for line in response.headers.get_all("set-cookie", [])]
        return response.status, response.read().decode(), "; ".join(cookies)

    assert '"auth_required":true' in ask("GET", "/")[1].replace(" ", "")
    for path in ("/config", "/gradio_api/info"):
        assert ask("GET", path)[0] == 401
    for path in ("/gradio_api/upload", "/gradio_api/queue/join"):
        assert ask("POST", path, a="b")[0] == 401
    assert ask("POST", "/login", username="me", password="guess")[0] == 400
    status, _, cookie = ask("POST", "/login", username="me", password="sesame")
    assert status == 200
    assert "retrotone" in json.loads(ask("GET", "/config", cookie)[1])["title"]


def test_ctrl_c_ends_it_without_a_traceback_while_a_job_runs(
    guarded: tuple[subprocess.Popen[str], int], made_music: Path
) -> None:
    """Last of those that use the page, which it ends."""
    client = pytest.importorskip("gradio_client", reason="needs the extra web")
    process, port = guarded
    visitor = client.Client(f"http://127.0.0.1:{port}", auth=("me", "sesame"), verbose=False)
    job = visitor.submit(client.handle_file(made_music / "melody" / "Ada.flac"), api_name="/genre")
    while job.status().code.name not in ("PROCESSING", "ITERATING", "PROGRESS"):
        assert not job.done()
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in process.communicate(timeout=60)[1]


def test_the_folder_forgets_the_oldest_and_keeps_what_the_page_shows(tmp_path: Path) -> None:
    shown = tmp_path / "shown.ogg"
    shown.write_bytes(bytes(10))
    folder = Uploads(limit=100)
    try:
        kept = folder.keep(shown)
        files = [folder.new_folder() / f"{name}.wav" for name in "abc"]
        for file in files:
            file.write_bytes(bytes(30))
        folder.forget(incoming=30)
        assert kept.exists()
        assert sum(file.exists() for file in files) == 2
        folder.forget(age=-1)
        assert kept.exists()
        assert not any(file.exists() for file in files)
        assert folder.holds(kept)
        (folder.path / "link").symlink_to("/etc")
        for outside in ("/etc/passwd", folder.path / "link" / "passwd", folder.path / ".." / "x", "a\0b"):
            assert not folder.holds(outside)
        assert folder.without_paths(f"{kept} is broken") == "shown.ogg is broken"
    finally:
        folder.remove()
    assert not folder.path.exists()
