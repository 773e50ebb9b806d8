"""A network of real processes whose lines carry datagrams: no proxies are in front of them. Two disjoint paths lead to
one exit, which is also a relay's neighbour; the targets are echoes on this machine."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from ingress.demo.ports import free_ports
from tests.child import child
from tests.network.clients import PATIENCE, receive
from tests.network.network import LIFE, until

FILE = """version = 1
[ingress.shanghai]
listen = ["127.0.0.1:{shanghai}", "[::1]:{shanghai}"]
{ingress}
[node.jp]
address = "127.0.0.1:{jp}"
listen = "127.0.0.1:{jp}"
[node.us]
exit = true
address = "127.0.0.1:{us}"
listen = "127.0.0.1:{us}"
hosts = "hosts"
allow = [{{ cidr = "127.0.0.0/8", reason = "the targets" }}, {{ cidr = "::1/128", reason = "the targets" }}]
{exit}
[line.direct]
from = "shanghai"
to = "us"
[line.ix]
from = "shanghai"
to = "jp"
[line.pacific]
from = "jp"
to = "us"
"""
NAMES = ("shanghai", "jp", "us")


class EchoServer:
    """A UDP server that sends back what it gets, and knows who sent it."""

    def __init__(self, family: int = socket.AF_INET, host: str = "127.0.0.1") -> None:
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.bind(("::1" if family == socket.AF_INET6 else host, 0))
        self.port: int = self.sock.getsockname()[1]
        self.came: list[tuple[Any, bytes]] = []
        self.echoes = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def sources(self) -> set[Any]:
        """Addresses that sent something."""
        return {source for source, _ in self.came}

    def _serve(self) -> None:
        while True:
            try:
                data, source = self.sock.recvfrom(65536)
            except OSError:
                return
            if self.sock.fileno() < 0 or data == b"stop":
                return
            self.came.append((source, data))
            if self.echoes:
                self.sock.sendto(data, source)

    def close(self) -> None:
        with socket.socket(self.sock.family, socket.SOCK_DGRAM) as other:
            other.sendto(b"stop", self.sock.getsockname())
        self._thread.join(PATIENCE)
        self.sock.close()


class UdpClient:
    """A program that speaks SOCKS5 UDP ASSOCIATE, byte by byte."""

    def __init__(self, proxy: tuple[str, int], *, asks: bytes = b"\x01\0\0\0\0\0\0") -> None:
        self.control = socket.create_connection(proxy, timeout=PATIENCE)
        self.control.sendall(b"\x05\x01\x00")
        receive(self.control, 2)
        self.control.sendall(b"\x05\x03\x00" + asks)
        _, self.code, _, kind = receive(self.control, 4)
        raw = receive(self.control, 18 if kind == 4 else 6)
        family = socket.AF_INET6 if kind == 4 else socket.AF_INET
        self.bound = socket.inet_ntop(family, raw[:-2]), int.from_bytes(raw[-2:], "big")
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.settimeout(PATIENCE)

    def send(self, host: str, port: int, payload: bytes, *, header: bytes = b"\0\0\0") -> None:
        self.sock.sendto(header + address(host, port) + payload, self.bound)

    def receive(self) -> tuple[str, int, bytes]:
        """True source and payload of the next datagram."""
        data = self.sock.recv(65536)
        assert data[:3] == b"\0\0\0"
        family, end = (socket.AF_INET6, 20) if data[3] == 4 else (socket.AF_INET, 8)
        return socket.inet_ntop(family, data[4:end]), int.from_bytes(data[end : end + 2], "big"), data[end + 2 :]

    def ask(self, host: str, port: int, payload: bytes) -> tuple[str, int, bytes]:
        """One round trip, tried again until the way is there: datagrams are nobody's promise."""
        self.sock.settimeout(0.5)
        for _ in range(int(PATIENCE / 0.5)):
            self.send(host, port, payload)
            with contextlib.suppress(TimeoutError):
                return self.receive()
        raise AssertionError("nothing came back")

    def close(self) -> None:
        self.control.close()
        self.sock.close()


def address(host: str, port: int) -> bytes:
    """As SOCKS5 writes it."""
    for kind, family in ((1, socket.AF_INET), (4, socket.AF_INET6)):
        with contextlib.suppress(OSError):
            return bytes([kind]) + socket.inet_pton(family, host) + port.to_bytes(2, "big")
    return b"\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2, "big")


@attrs.define
class UdpPlace:
    """The processes and files; `start` before use."""

    folder: Path
    ports: dict[str, int]
    file: str = FILE
    names: tuple[str, ...] = NAMES
    """Of those that run, the ingress first."""
    pids: dict[str, int] = attrs.Factory(dict)

    def write(self, ingress: str = "", exit_: str = "", behind: str = "") -> None:
        """Write paths.toml; *behind* comes at its end."""
        (self.folder / "paths.toml").write_text(self.file.format(ingress=ingress, exit=exit_, **self.ports) + behind)
        (self.folder / "hosts").write_text("127.0.0.1 target.test\n")

    def command(self, program: str, *words: str) -> list[str]:
        files = ["--config", str(self.folder / "paths.toml"), "--keys", str(self.folder / "keys")]
        return [sys.executable, "-m", program, *words, *files]

    def start(self, stack: contextlib.ExitStack) -> None:
        subprocess.run(self.command("ingress", "keys"), check=True, capture_output=True)
        for name in (*self.names[1:], "shanghai"):
            program = "ingress" if name == "shanghai" else "relay"
            command = self.command(program, "serve", name, "--admin", str(self.folder / name))
            log = stack.enter_context((self.folder / f"{name}.log").open("wb"))
            process = stack.enter_context(child(command, LIFE, stderr=log, stdout=log))
            self.pids[name] = process.pid
        until((self.folder / "shanghai").exists, self.logs)
        until(self.is_up, self.logs)

    def is_up(self) -> bool:
        """Whether every path is that leads to an exit that runs; not while the admin socket is there, and not heard."""
        try:
            found = [path["state"] for path in self.paths()["paths"] if path["exit"] in self.names]
        except ConnectionRefusedError:
            return False
        return all(state in ("up", "held") for state in found)

    def can_associate(self) -> bool:
        """Whether a client of datagrams is let in."""
        client = UdpClient(self.proxy)
        client.close()
        return client.code == 0

    def signal(self, name: str, number: signal.Signals) -> None:
        os.kill(self.pids[name], number)

    def ask(self, name: str, question: str, **more: object) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(str(self.folder / name))
            sock.sendall(json.dumps({"ask": question, **more}).encode() + b"\n")
            with sock.makefile("r") as file:  # the other end stays open for a while
                found: dict[str, Any] = json.loads(file.readline())
            return found

    def paths(self) -> dict[str, Any]:
        return self.ask("shanghai", "paths")

    @property
    def proxy(self) -> tuple[str, int]:
        return "127.0.0.1", self.ports["shanghai"]

    def logs(self) -> str:
        return "\n".join(f"--- {name}\n" + (self.folder / f"{name}.log").read_text()[-3000:] for name in self.names)


@contextlib.contextmanager
def running_place(folder: Path, **words: str) -> Iterator[UdpPlace]:
    """A place whose paths are all up, until it is left."""
    with contextlib.ExitStack() as stack:
        place = UdpPlace(folder, dict(zip(NAMES, free_ports(len(NAMES)), strict=True)))
        place.write(**words)
        place.start(stack)
        yield place
