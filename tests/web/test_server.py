"""How the page is started, what it says when it cannot be, and the folder that it keeps."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from retrotone.cli.main import run
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
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 2
    assert said.count("\n") == 1
    assert "pip install 'retrotone[web]'" in said


def test_a_port_that_is_taken_and_a_strange_host_get_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for options in (("--port", str(taken.getsockname()[1])), ("--host", "192.0.2.1")):
            assert run(["web", *options]) == 2
            said = capsys.readouterr().err.splitlines()
            assert "cannot be listened on" in said[-1]
    # the strange host was not this machine's own
    assert "think of --password" in said[0]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--password-file", "nowhere"], "the password cannot be read from nowhere"),
        (["--cert", "nowhere"], "--cert and --key belong together"),
        (["--cert", "nowhere", "--key", "nowhere"], "cannot be used for HTTPS (No such file or directory)"),
        (["--cert", __file__, "--key", __file__], "not a PEM certificate with its unlocked key"),
    ],
)
def test_a_password_and_a_certificate_that_cannot_be_read_get_a_line(
    options: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["web", "--port", str(free_port()), *options]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A page with a password and HTTPS, as a process, and its port: one for all tests, as it takes 9 s to start."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, for a certificate")
    folder, port = tmp_path_factory.mktemp("secrets"), free_port()
    password, certificate, key = (folder / name for name in ("password", "cert.pem", "key.pem"))
    password.write_text("sesame\n")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    # a process in the background ignores Ctrl-C by default
    before = "import signal; signal.signal(2, signal.default_int_handler)"
    files = ("--password-file", str(password), "--cert", str(certificate), "--key", str(key))
    process = web("--port", str(port), *files, before=before)
    assert process.stdout
    assert f"https://127.0.0.1:{port}" in process.stdout.readline()
    yield process, port
    process.kill()
    process.communicate()


def test_a_password_guards_page_files_and_api(guarded: tuple[subprocess.Popen[str], int]) -> None:
    def ask(method: str, path: str, cookie: str = "", **form: str) -> tuple[int, str, str]:
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", guarded[1], timeout=60, context=context)
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
    visitor = client.Client(f"https://127.0.0.1:{port}", auth=("me", "sesame"), verbose=False, ssl_verify=False)
    job = visitor.submit(client.handle_file(made_music / "melody" / "Ada.flac"), api_name="/genre")
    while job.status().code.name not in ("PROCESSING", "ITERATING", "PROGRESS"):
        assert not job.done()
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in process.communicate(timeout=120)[1]


def test_wrong_passwords_take_longer_and_longer_and_lock_nobody_out_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    httpx = pytest.importorskip("httpx", reason="needs the extra web")
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from retrotone.web import passwords

    now = 0.0

    async def wait(seconds: float) -> None:
        nonlocal now
        now += seconds

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        right = await Request(scope, receive).body() == b"sesame"
        await Response(status_code=200 if right else 400)(scope, receive, send)

    monkeypatch.setattr(passwords, "sleep", wait)
    monkeypatch.setattr(passwords, "monotonic", lambda: now)
    limit = passwords.LoginLimit(page)

    def log_in(password: str, address: str = "192.0.2.1") -> int:
        """Try a password, and where it is not taken, wait and try again."""

        async def post() -> httpx.Response:
            visitor = httpx.ASGITransport(limit, client=(address, 1))
            async with httpx.AsyncClient(transport=visitor, base_url="http://page") as client:
                return await client.post("/login", content=password)

        response = asyncio.run(post())
        if response.status_code == 429:
            asyncio.run(wait(float(response.headers["retry-after"])))
            return log_in(password, address)
        return int(response.status_code)

    assert [log_in("guess") for _ in range(10)] == [400] * 10
    assert now > 60
    assert log_in("sesame", "192.0.2.2") == 200
    # IPv6 gives one visitor more addresses than anyone can count
    before = now
    assert {log_in("guess", f"2001:db8::{k}") for k in range(20)} == {400}
    assert now - before > 10 * 60
    before = now
    assert log_in("sesame") == 200
    assert now - before < 61


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
