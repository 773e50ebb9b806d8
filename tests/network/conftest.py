"""Networks of real processes for tests: the demo's, driven by plain calls.

A test that harms its network asks for `start_network`, which gives it one of its own; the others share `network`. When
a test fails, the end of every process's log is shown with it.
"""

import contextlib
import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

HOST = Path(__file__).with_name("host.py")
PATIENCE = 30.0
"""Seconds for anything that should happen at all; figures belong to bench/."""
LOOK = 0.05
TOLD = 40
"""Lines of each log that a failed test shows."""


class Network:
    """A running network: `proxy` and `target` are (host, port); `order` takes what can be typed in the demo."""

    def __init__(self, process: subprocess.Popen[str], told: dict[str, Any]) -> None:
        self._process = process
        self.folder = Path(told["folder"])
        self.control = told["control"]
        self.admin = told["admin"]
        self.nodes: list[str] = told["nodes"]
        self.lines: list[str] = told["lines"]
        self.ports: dict[str, int] = told["ports"]
        self.proxy = ("127.0.0.1", self.ports["shanghai"])
        self.target = ("target.test", self.ports["target.test"])
        self.target_by_address = ("127.0.0.1", self.ports["target.test"])

    # faults

    def order(self, text: str) -> None:
        """Have it done, or fail."""
        answer = self.ask(self.control, text)
        assert answer == "ok", f"{text}: {answer}"

    def kill(self, node: str) -> None:
        """SIGKILL."""
        self.order(f"kill {node}")

    def stop(self, node: str) -> None:
        """SIGSTOP: its kernel still acknowledges."""
        self.order(f"freeze {node}")

    def cont(self, node: str) -> None:
        """SIGCONT."""
        self.order(f"thaw {node}")

    def start(self, node: str) -> None:
        """Start again what was killed or drained; returns when it listens."""
        self.order(f"start {node}")

    # what the ingress says

    def paths(self) -> dict[str, Any]:
        """The answer to `paths` (docs/paths-json.md)."""
        answer: dict[str, Any] = json.loads(self.ask(self.admin, json.dumps({"ask": "paths"})))
        return answer

    def states(self) -> dict[str, str]:
        """Path to state."""
        return {path["path"]: path["state"] for path in self.paths()["paths"]}

    def until(self, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first answer to `paths` of which *is_so*."""
        ticks = threading.Event()
        for _ in range(int(PATIENCE / LOOK)):
            if is_so(answer := self.paths()):
                return answer
            ticks.wait(LOOK)
        raise AssertionError(f"it never was: {json.dumps(answer, indent=1)}")

    @staticmethod
    def ask(path: str, line: str) -> str:
        """One line to a Unix socket, one back."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(path)
            sock.sendall(line.encode() + b"\n")
            with sock.makefile("r") as file:
                return file.readline().strip()

    # clients

    def connect(self, door: str = "socks5", target: tuple[str, int] | None = None) -> socket.socket:
        """A connection to *target* (the demo's, by name) through one of DOORS; ConnectionError holds a refusal."""
        sock = socket.create_connection(self.proxy, timeout=PATIENCE)
        try:
            DOORS[door](sock, *(self.target if target is None else target))
        except BaseException:
            sock.close()
            raise
        return sock

    def get(self, path: str, body: bytes | None = None, door: str = "socks5") -> bytes:
        """The body of the target's answer; ConnectionError or AssertionError if it is not whole or not 200."""
        with self.connect(door) as sock:
            method = b"GET" if body is None else b"POST"
            length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
            head = b"%s %s HTTP/1.1\r\nHost: target.test\r\nConnection: close\r\n%s\r\n"
            sender = threading.Thread(
                target=sock.sendall, args=(head % (method, path.encode(), length) + (body or b""),)
            )
            sender.start()
            answer = b"".join(iter(lambda: sock.recv(1 << 18), b""))
            sender.join()
        return whole_body(answer)

    def logs(self) -> str:
        """The end of every log."""
        found = []
        for path in sorted(self.folder.glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()[-TOLD:]
            found.append("\n".join([f"--- {path.name}", *lines]))
        return "\n".join(found)


def whole_body(answer: bytes) -> bytes:
    """The body of an HTTP answer, which must be 200 and whole."""
    head, gap, body = answer.partition(b"\r\n\r\n")
    assert gap and head.startswith(b"HTTP/1.1 200"), head
    fields = {name.lower(): value for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n")[1:])}
    if b"content-length" in fields:
        assert len(body) == int(fields[b"content-length"])
        return body
    return unchunked(body)


def unchunked(body: bytes) -> bytes:
    """A chunked body, which must have its end."""
    found = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        assert len(body) >= length + 2
        if length == 0:
            return found
        found, body = found + body[:length], body[length + 2 :]


def receive(sock: socket.socket, size: int) -> bytes:
    """Exactly *size* bytes."""
    found = b""
    while len(found) < size:
        data = sock.recv(size - len(found))
        if not data:
            raise ConnectionError(f"closed after {len(found)} of {size} bytes")
        found += data
    return found


def open_socks5(sock: socket.socket, host: str, port: int) -> None:
    sock.sendall(b"\x05\x01\x00")
    receive(sock, 2)
    name = host.encode()
    address = b"\x01" + socket.inet_aton(host) if is_ipv4(host) else bytes([3, len(name)]) + name
    sock.sendall(b"\x05\x01\x00" + address + struct.pack(">H", port))
    _, code, _, kind = receive(sock, 4)
    if code:
        raise ConnectionError(code)
    receive(sock, 6 if kind == 1 else 18)


def open_socks4(sock: socket.socket, host: str, port: int) -> None:
    address, name = (socket.inet_aton(host), b"") if is_ipv4(host) else (b"\0\0\0\1", host.encode() + b"\0")
    sock.sendall(struct.pack(">BBH", 4, 1, port) + address + b"\0" + name)
    code = receive(sock, 8)[1]
    if code != 0x5A:
        raise ConnectionError(code)


def open_connect(sock: socket.socket, host: str, port: int) -> None:
    sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += receive(sock, 1)
    if int(head.split()[1]) != 200:
        raise ConnectionError(int(head.split()[1]))


def is_ipv4(host: str) -> bool:
    return host.replace(".", "").isdigit()


DOORS: dict[str, Callable[[socket.socket, str, int], None]] = {
    "socks5": open_socks5,
    "socks4": open_socks4,
    "connect": open_connect,
}


@contextlib.contextmanager
def running(lines: Sequence[dict[str, object]] | None, exits: Sequence[str]) -> Iterator[Network]:
    """A network from its first process to the end of its last."""
    words = [] if lines is None else [json.dumps(list(lines)), json.dumps(list(exits))]
    with subprocess.Popen(
        [sys.executable, str(HOST), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        told = process.stdout.readline()
        assert told, "the network has not started"
        yield Network(process, json.loads(told))
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


NETWORKS: pytest.StashKey[list[Network]] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Show the logs of a failed test's networks: they are gone afterwards."""
    report = yield
    if call.excinfo is not None and call.when == "call":
        for network in item.stash.get(NETWORKS, []):
            report.sections.append(("logs of the network", network.logs()))
    return report


@pytest.fixture(scope="session")
def shared() -> Iterator[Network]:
    with running(None, ()) as network:
        network.until(lambda answer: all(path["state"] == "up" for path in answer["paths"]))
        yield network


@pytest.fixture
def network(shared: Network, request: pytest.FixtureRequest) -> Network:
    """The reference network, all paths up; not to be harmed."""
    request.node.stash[NETWORKS] = [shared]
    return shared


@pytest.fixture
def start_network(request: pytest.FixtureRequest) -> Iterator[Callable[..., Network]]:
    """Starts a network for this test alone: the reference network, or `lines` (of DemoLine's fields) and `exits`."""
    with contextlib.ExitStack() as stack:
        request.node.stash[NETWORKS] = []

        def start(lines: Sequence[dict[str, object]] | None = None, exits: Sequence[str] = ()) -> Network:
            started = stack.enter_context(running(lines, exits))
            request.node.stash[NETWORKS].append(started)
            started.until(lambda answer: all(path["state"] == "up" for path in answer["paths"]))
            return started

        yield start
