"""A web site for strangers' programs: files, git repositories, an echo over WebSocket. Plain, or with TLS.

Serves folders `files` and `git` of its own folder. Reads no byte that it did not mean to: what a proxy would add to a
request, or take away, breaks it.
"""

import base64
import hashlib
import http.server
import os
import ssl
import subprocess
import threading
from functools import partial
from pathlib import Path

WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 section 1.3."""
HELD = 20.0
"""Seconds for which /held is held at most."""


class Site(http.server.ThreadingHTTPServer):
    """Serves *folder* at a free port of *address*."""

    def __init__(self, address: str, folder: Path, tls: ssl.SSLContext | None = None) -> None:
        super().__init__((address, 0), partial(Page, directory=str(folder / "files")))
        self.files = folder / "files"
        self.repositories = folder / "git"
        self.released = threading.Event()
        """Set when /release is asked for; /held answers then."""
        self.scheme = "http" if tls is None else "https"
        if tls is not None:  # the handshake belongs to the thread of its connection
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def url(self, host: str) -> str:
        """What a program that knows the site as *host* is given."""
        return f"{self.scheme}://{host}:{self.server_address[1]}"


class Page(http.server.SimpleHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Site

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        if self.path.startswith("/git/"):
            self._git()
        elif self.headers.get("Upgrade") == "websocket":
            self._websocket()
        elif self.path == "/held":
            self.server.released.wait(HELD)
            self._answer(204)
        elif self.path == "/release":
            self.server.released.set()
            self._answer(204)
        else:
            super().do_GET()

    def do_POST(self) -> None:
        self._git()

    def _answer(self, status: int, fields: list[tuple[str, str]] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in fields or []:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            assert self.rfile.readline() == b"\r\n"
        assert self.rfile.readline() == b"\r\n"
        return body

    def _git(self) -> None:
        """As git-http-backend(1) asks for it: a CGI program."""
        path, _, query = self.path.removeprefix("/git").partition("?")
        body = self._body()
        environment = os.environ | {
            "GIT_PROJECT_ROOT": str(self.server.repositories),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "somebody",
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, check=True, stdout=subprocess.PIPE)
        head, _, page = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self._answer(int(fields.pop("Status", "200").split()[0]), list(fields.items()), page)

    def _websocket(self) -> None:
        """Send every message back, until one says that it is the last."""
        key = self.headers["Sec-WebSocket-Key"].encode() + WEBSOCKET
        accept = base64.b64encode(hashlib.sha1(key).digest()).decode()
        self.send_response(101)
        for name, value in ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept):
            self.send_header(name, value)
        self.end_headers()
        while (head := self.rfile.read(2)) and head[0] & 15 != 8:
            size, mask = head[1] & 127, self.rfile.read(4)
            assert size < 126, "only short messages are understood here"
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(size)))
            self.wfile.write(head[:1] + bytes([size]) + data)
        self.close_connection = True
