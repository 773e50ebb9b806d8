"""Accounts against what sockets carried, between real processes: a user's bytes, a line's bytes, and what a SIGKILL
loses."""

import contextlib
import re
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from relay.admin.client import NoAnswer, ask
from relay.errors import OperatorError
from tests.child import child
from tests.network.clients import open_socks5, receive
from tests.network.network import LIFE, until
from tests.network.udp_place import EchoServer, UdpClient, UdpPlace, running_place

pytestmark = pytest.mark.network
SIZE = 20_000_000
PIECE = 100_000
GONE = 50_000
"""Bytes that carriers may have had which nobody rode on, and which are gone by now."""
SEEN = re.compile(r"\bbytes_sent:(\d+).*?\bbytes_received:(\d+)")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UdpPlace]:
    with running_place(tmp_path_factory.mktemp("usage"), ingress='state = "state"') as place:
        yield place


class TcpEcho:
    """A TCP server that sends back what it gets."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(sock,), daemon=True).start()

    def _echo(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(ConnectionError):
            while data := sock.recv(1 << 18):
                sock.sendall(data)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[TcpEcho]:
    made = TcpEcho()
    yield made
    made.close()


def usage(place: UdpPlace, by: str) -> dict[str, dict[str, Any]]:
    for _ in range(10):
        with contextlib.suppress(NoAnswer):  # a machine that is busy answers late
            found = ask(place.folder / "shanghai", {"ask": "usage", "by": by}, "ingress")
            return {row["name"]: row for row in found["rows"]}
    raise AssertionError("no answer")


def exchange(place: UdpPlace, echo: TcpEcho, size: int) -> None:
    """Send *size* bytes through the proxy, and get them back."""
    with socket.create_connection(place.proxy) as sock:
        open_socks5(sock, "target.test", echo.port)
        for _ in range(size // PIECE):
            sock.sendall(bytes(PIECE))
            receive(sock, PIECE)


def carried(place: UdpPlace, node: str) -> int:
    """Bytes of the ingress's own sockets to *node*, both ways, as the kernel counts them."""
    words = ["ss", "-tinpOH", "state", "established", f"( dport = :{place.ports[node]} )"]
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    mine = [SEEN.search(line) for line in found if f"pid={place.pids['shanghai']}," in line]
    return sum(int(each[1]) + int(each[2]) for each in mine if each is not None)


def of_line(row: dict[str, Any]) -> int:
    return sum(row[f"{kind}_{way}"] for kind in ("tcp", "probes") for way in ("up", "down"))


def test_a_users_bytes_are_those_of_his_sockets_and_a_lines_those_of_its_own(place: UdpPlace, echo: TcpEcho) -> None:
    before = usage(place, "user").get("127.0.0.1", {})
    exchange(place, echo, SIZE)
    until(lambda: usage(place, "user")["127.0.0.1"]["down"] - before.get("down", 0) == SIZE)
    row = usage(place, "user")["127.0.0.1"]
    assert (row["up"] - before.get("up", 0), row["streams"] - before.get("streams", 0)) == (SIZE, 1)
    lines = usage(place, "line")
    for line, node in (("direct", "us"), ("ix", "jp")):
        assert of_line(lines[line]) == pytest.approx(carried(place, node), rel=0.01, abs=GONE)
    assert sum(map(of_line, lines.values())) > 2 * SIZE
    assert usage(place, "exit")["us"]["down"] == row["down"]


def test_a_users_datagrams_are_those_of_his_socket(place: UdpPlace) -> None:
    with contextlib.closing(EchoServer()) as echo, contextlib.closing(UdpClient(place.proxy)) as client:
        client.ask("127.0.0.1", echo.port, b"hello")
        before = usage(place, "user")["127.0.0.1"]
        received = 0
        for _ in range(200):
            client.send("127.0.0.1", echo.port, bytes(1000))
            with contextlib.suppress(TimeoutError):  # datagrams are nobody's promise
                received += len(client.sock.recv(65536))
        after = usage(place, "user")["127.0.0.1"]
    assert after["udp_up"] - before["udp_up"] == pytest.approx(200 * (1000 + 10), rel=0.01)
    assert after["udp_down"] - before["udp_down"] == pytest.approx(received, rel=0.01)
    assert received > 100 * (1000 + 10)
    lines = usage(place, "line").values()
    assert sum(row["udp_up"] for row in lines) >= 200 * 1000


def test_what_stands_in_the_file_is_there_after_a_kill(place: UdpPlace, echo: TcpEcho) -> None:
    exchange(place, echo, PIECE)
    wanted = usage(place, "user")["127.0.0.1"]["up"] + PIECE
    with socket.create_connection(place.proxy) as sock:
        open_socks5(sock, "target.test", echo.port)
        sock.sendall(bytes(PIECE))
        receive(sock, PIECE)
        until(lambda: in_file(place) >= wanted, place.logs)  # nobody asks, and the stream has not ended
        place.signal("shanghai", signal.SIGKILL)
    with contextlib.ExitStack() as stack:
        (place.folder / "shanghai").unlink()
        log = stack.enter_context((place.folder / "shanghai.log").open("ab"))
        command = place.command("ingress", "serve", "shanghai", "--admin", str(place.folder / "shanghai"))
        stack.enter_context(child(command, LIFE, stderr=log, stdout=log))
        until((place.folder / "shanghai").exists, place.logs)
        until(lambda: "127.0.0.1" in usage_or_nothing(place), place.logs)
        assert usage(place, "user")["127.0.0.1"]["up"] == wanted


def in_file(place: UdpPlace) -> int:
    with contextlib.closing(sqlite3.connect(place.folder / "state" / "shanghai.sqlite")) as connection:
        return int(connection.execute("SELECT SUM(up) FROM usage").fetchone()[0] or 0)


def usage_or_nothing(place: UdpPlace) -> dict[str, dict[str, Any]]:
    """The file may not be open yet."""
    with contextlib.suppress(OperatorError):
        return usage(place, "user")
    return {}
