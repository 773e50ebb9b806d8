"""Connections that end by a reset (A1, A3): what was sent before arrives, and nobody takes a part for the whole.

Targets of the tests' own, behind the demo's lines; every case as often as one in ten that fails would show.
"""

import contextlib
import http.server
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.network.clients import PATIENCE, receive
from tests.network.network import Network, second_ingress
from tests.network.places import serving

pytestmark = pytest.mark.network

TIMES = 40
RESET = struct.pack("ii", 1, 0)
PIECE = b"0123456789" * 100


def reset(sock: socket.socket) -> None:
    """Close it with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


def read_until_reset(sock: socket.socket) -> bytes:
    """All that comes before a reset, which must be the end."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := sock.recv(65536):
            found += data
        raise AssertionError(f"a clean end after {len(found)} bytes")
    return found


class Abrupt(socketserver.BaseRequestHandler):
    """Sends a piece, and resets."""

    def handle(self) -> None:
        self.request.sendall(PIECE)
        reset(self.request)


class Greeting(socketserver.BaseRequestHandler):
    """Greets, and notes what comes until the reset."""

    notes: list[bytes | str]
    has_more: threading.Semaphore

    def handle(self) -> None:
        self.request.settimeout(PATIENCE)
        self.request.sendall(b"220 ready\r\n")
        try:
            self.notes.append(read_until_reset(self.request))
        except (AssertionError, OSError) as error:
            self.notes.append(repr(error))
        self.has_more.release()


def noting(handler: Any) -> Any:
    """A class of its own, whose notes no other test makes."""
    return type(handler.__name__, (handler,), {"notes": [], "has_more": threading.Semaphore(0)})


class Server(socketserver.ThreadingTCPServer):
    """Does not wait for those whose end nobody tells."""

    daemon_threads = True


def served(handler: type[socketserver.BaseRequestHandler]) -> contextlib.AbstractContextManager[int]:
    """The port of a server with *handler*."""
    return serving(Server(("127.0.0.1", 0), handler))


def through(network: Network, port: int) -> socket.socket:
    return network.connect(target=("127.0.0.1", port))


def directly(_: Network, port: int) -> socket.socket:
    """The connect blocks: with a time limit, Python's own takes the reset for its failure."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.settimeout(PATIENCE)
    return sock


WAYS = pytest.mark.parametrize("connect", [through, directly])
Connect = Callable[[Network, int], socket.socket]


@WAYS
def test_a1_what_a_target_sends_before_it_resets_arrives(network: Network, connect: Connect) -> None:
    with served(Abrupt) as port:
        for _ in range(TIMES):
            with connect(network, port) as sock:
                assert read_until_reset(sock) == PIECE


@WAYS
def test_a1_what_a_client_sends_before_it_resets_arrives(network: Network, connect: Connect) -> None:
    """While a greeting of the target lies unread."""
    handler = noting(Greeting)
    with served(handler) as port:
        for _ in range(TIMES):
            sock = connect(network, port)
            assert sock.recv(1, socket.MSG_PEEK) == b"2"
            sock.sendall(PIECE)
            reset(sock)
            assert handler.has_more.acquire(timeout=PATIENCE)
    assert handler.notes == [PIECE] * TIMES


class Unwilling(http.server.BaseHTTPRequestHandler):
    """Answers a POST with 501 and closes, its body unread: the kernel resets."""

    def log_message(self, *_: object) -> None:
        """Not to the tests' output."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("proxy", ["socks5h", "http"])
def test_a1_curl_sees_the_refusal_of_an_upload_that_nobody_reads(network: Network, tmp_path: Path, proxy: str) -> None:
    body = tmp_path / "body"
    body.write_bytes(bytes(300_000))
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Unwilling)) as port:
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10"]
        command += ["--proxy", f"{proxy}://{network.proxy[0]}:{network.proxy[1]}", "--data-binary", f"@{body}"]
        command += ["-H", "Expect:", f"http://127.0.0.1:{port}/"]
        said = [subprocess.run(command, capture_output=True, text=True, check=False).stdout for _ in range(20)]
    assert said == ["501"] * 20


class HalfAnAnswer(socketserver.BaseRequestHandler):
    """Answers without a length, and resets."""

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + PIECE)
        reset(self.request)


def test_a1_an_answer_that_a_reset_cuts_short_arrives_and_is_cut(network: Network) -> None:
    """At the HTTP door, from an origin whose answer has no length."""
    with served(HalfAnAnswer) as port:
        for _ in range(TIMES):
            with socket.create_connection(network.proxy, PATIENCE) as sock:
                sock.sendall(b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (port, port))
                answer = read_until_reset(sock)
                assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.count(PIECE) == 1
                assert not answer.endswith(b"0\r\n\r\n"), "a clean end of what was cut"


# ---- A3: processes that are killed


class Silent(socketserver.BaseRequestHandler):
    """Says a word, and then waits for the end."""

    notes: list[bytes | str]
    has_more: threading.Semaphore

    def handle(self) -> None:
        self.request.sendall(b"half")
        try:
            self.notes.append(receive(self.request, len(PIECE)))
            self.has_more.release()
            self.notes.append(read_until_reset(self.request))
        except ConnectionResetError:
            self.notes.append("reset before anything came")
        except AssertionError as error:
            self.notes.append(str(error))
        self.has_more.release()


def test_a3_a_client_of_an_ingress_that_is_killed_is_reset(breakable: Network) -> None:
    with served(noting(Silent)) as port, second_ingress(breakable) as (network, process):
        socks = [through(network, port) for _ in range(3)]
        for sock in socks:
            assert receive(sock, 4) == b"half"
        process.send_signal(signal.SIGKILL)
        for sock in socks:
            with sock:
                assert read_until_reset(sock) == b""


def test_a3_a_target_of_an_exit_that_is_killed_is_reset(breakable: Network) -> None:
    """It must not take half an upload for all of it."""
    silent = noting(Silent)
    with served(silent) as port, through(breakable, port) as sock:
        assert receive(sock, 4) == b"half"
        sock.sendall(PIECE)
        assert silent.has_more.acquire(timeout=PATIENCE)
        for name in ("us-one", "us-two"):
            breakable.kill(name)
        assert silent.has_more.acquire(timeout=PATIENCE)
        assert silent.notes == [PIECE, b""]
