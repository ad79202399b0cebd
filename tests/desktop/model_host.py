"""A server on this machine that answers as the host of the models does, with one file."""

from __future__ import annotations

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "play.forum.ircam.fr"


class ModelHost(ThreadingHTTPServer):
    """A proxy: programs that get its `environment` find the host there, and trust its certificate.

    Attributes
    ----------
    data : bytes
        The file; while it is empty, nothing can be reached.
    missing_bytes : int
        Of the file, which never come.
    environment : dict of str to str
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data, self.missing_bytes = b"", 0
        certificate, key = str(folder / "host.pem"), str(folder / "host.key")
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={HOST}", "-days", "2"]
        command += ["-addext", f"subjectAltName=DNS:{HOST}", "-keyout", key, "-out", certificate]
        subprocess.run(command, check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        address = f"http://127.0.0.1:{self.server_address[1]}"
        self.environment = {"HTTPS_PROXY": address, "NO_PROXY": "", "REQUESTS_CA_BUNDLE": certificate}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: ModelHost

    def do_CONNECT(self) -> None:
        if not self.server.data:
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.setup()
        self.handle_one_request()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.data) + self.server.missing_bytes))
        self.end_headers()
        self.wfile.write(self.server.data)
        if self.server.missing_bytes:
            threading.Event().wait()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""
