"""Answers that are hardly HTTP: what real curl gets of them by itself, and through the network."""

import contextlib
import socket
import socketserver
import subprocess

import attrs
import pytest

from tests.interop.conftest import ADDRESS, Room
from tests.network.places import serving
from tests.odd_answers import ODD

pytestmark = pytest.mark.network


@attrs.frozen
class Got:
    """What curl made of an answer."""

    status: int
    body: bytes
    is_whole: bool


class Answers(socketserver.ThreadingTCPServer):
    """Gives each request the same bytes, whatever they are, and ends."""

    daemon_threads = True

    def __init__(self, raw: bytes) -> None:
        super().__init__((ADDRESS, 0), Answer)
        self.raw = raw


class Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += self.request.recv(65536)
        with contextlib.suppress(OSError):  # who cannot read it may leave early
            self.request.sendall(self.server.raw)
            self.request.shutdown(socket.SHUT_WR)
            while self.request.recv(65536):
                pass


def ask(url: str, *options: str) -> Got:
    command = ["curl", "-sS", "-m", "30", "-w", "|%{http_code}", *options, url]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    body, _, status = done.stdout.rpartition(b"|")
    return Got(int(status), body, done.returncode == 0)


@pytest.mark.parametrize("case", ODD)
def test_e5_through_the_network_as_without_it(case: str, room: Room) -> None:
    odd = ODD[case]
    with serving(Answers(odd.raw)) as port:
        url = f"http://{ADDRESS}:{port}/"
        alone, through = ask(url), ask(url, "-x", f"http://{room.proxy}")
    if odd.body is None:
        assert through.status == 502 or not through.is_whole
    else:
        assert through == Got(200, odd.body, is_whole=True)
    if not odd.unlike_curl:
        assert alone == through if odd.body is not None else not alone.is_whole
