"""A network of real processes for rules and allowances: two exits over five lines of their own, a third exit that does
not run, clients at every door, targets that know which process has come to them."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingress.demo.ports import free_ports
from tests.network.clients import DOORS, PATIENCE, receive
from tests.network.network import until
from tests.network.udp_place import EchoServer, UdpClient, UdpPlace

FILE = """version = 1
[ingress.shanghai]
listen = ["127.0.0.1:{shanghai}", {{ address = "127.0.0.1:{second}", name = "second" }}]
allow = [{{ cidr = "127.0.0.0/8", reason = "the targets" }}]
state = "state"
hosts = "hosts"
{ingress}
[node.jp]
address = "127.0.0.1:{jp}"
listen = "127.0.0.1:{jp}"
[node.us]
exit = true
address = "127.0.0.1:{us}"
listen = "127.0.0.1:{us}"
hosts = "hosts"
allow = [{{ cidr = "127.0.0.0/8", reason = "the targets" }}]
[node.eu]
exit = true
address = "127.0.0.1:{eu}"
listen = "127.0.0.1:{eu}"
hosts = "hosts"
allow = [{{ cidr = "127.0.0.0/8", reason = "the targets" }}]
[node.gone]
exit = true
address = "127.0.0.1:{gone}"
[line.direct]
from = "shanghai"
to = "us"
[line.far]
from = "shanghai"
to = "eu"
[line.ix]
from = "shanghai"
to = "jp"
[line.pacific]
from = "jp"
to = "us"
[line.atlantic]
from = "jp"
to = "eu"
[line.nowhere]
from = "shanghai"
to = "gone"
{exit}
"""
NAMES = ("shanghai", "jp", "us", "eu")
TCP_DOORS = (*DOORS, "plain", "forward")
UDP_DOORS = ("associate", "forward")


class Target:
    """A TCP server that says to everybody which process has come: of *pids*, by its name."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        """What is asked for by HTTP is answered so; an echo otherwise, behind the name."""
        with sock, contextlib.suppress(OSError):
            who = whose(self._pids, sock.getpeername()[1], "tcp", self.port).encode()
            first = sock.recv(65536)
            if first.startswith(b"GET /"):
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(who), who))
                return
            sock.sendall(who + b"\n")
            while first:
                sock.sendall(first)
                first = sock.recv(65536)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def whose(pids: dict[str, int], port: int, protocol: str, to: int = 0) -> str:
    """Which of the processes *pids* has the socket that is bound to this port, and connected *to* that one (0: to
    none); the kernel knows."""
    found = set()
    for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
        fields = line.split()
        if [int(field.rpartition(":")[2], 16) for field in fields[1:3]] == [port, to]:
            found.add(f"socket:[{fields[9]}]")
    for name, pid in pids.items():
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if os.readlink(descriptor) in found:
                    return name
    return "nobody"


class RulesPlace(UdpPlace):
    """`rule` exchanges the rules; `come` and `send` go through a door to the target and say what became of it."""

    target: Target
    echo: EchoServer

    def rule(self, *tables: str, ingress: str = "") -> None:
        """These are the rules, allowances and chains from now on, behind the forwards."""
        forwards = [
            f'[[forward]]\nlisten = "127.0.0.1:{self.ports["tcp"]}"\ntarget = "target.test:{self.target.port}"',
            f'[[forward]]\nprotocol = "udp"\nlisten = "127.0.0.1:{self.ports["udp"]}"\n'
            f'target = "target.test:{self.echo.port}"',
        ]
        self.write(ingress=ingress, behind="\n".join([*forwards, *tables, ""]))
        (self.folder / "hosts").write_text("127.0.0.1 target.test lists.test\n")

    def reload(self, *tables: str, ingress: str = "") -> None:
        self.rule(*tables, ingress=ingress)
        answer = self.ask("shanghai", "reload")
        assert "done" in answer, answer

    def dial(self, door: str = "socks5", port: int | None = None, *, client: str = "127.0.0.1") -> socket.socket:
        """A connection to the target through *door*, of a client at that address. ConnectionError: a refusal."""
        to = self.ports["tcp"] if door == "forward" else port or self.ports["shanghai"]
        sock = socket.create_connection(("127.0.0.1", to), PATIENCE, source_address=(client, 0))
        try:
            if door in DOORS:
                DOORS[door](sock, "target.test", self.target.port)
        except BaseException:
            sock.close()
            raise
        return sock

    def come(self, door: str, port: int | None = None) -> str:
        """Who has come to the target, or how this was refused."""
        try:
            with self.dial(door, port) as sock:
                if door == "plain":
                    host = f"target.test:{self.target.port}"
                    sock.sendall(f"GET http://{host}/ HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
                    answer = b"".join(iter(lambda: sock.recv(65536), b""))
                    status = answer.split(b" ")[1:2]
                    if status in ([b"200"], []):
                        return answer.rpartition(b"\r\n")[2].decode() or "silence"
                    return status[0].decode()
                sock.sendall(b"x")
                return b"".join(iter(lambda: receive(sock, 1), b"\n")).decode()
        except ConnectionError as error:
            return "silence" if "closed" in str(error) or "reset" in str(error) else str(error)

    def why(self, *, udp: bool = False) -> dict[str, Any]:
        """What `ingress paths --why` is told of the target."""
        at = f"target.test:{self.echo.port}/udp" if udp else f"target.test:{self.target.port}"
        return self.ask("shanghai", "why", target=at)

    def udp(self, door: str) -> "Sender":
        """A client that sends datagrams to the target through *door*."""
        return Sender(self, door)

    def counter(self, name: str) -> int:
        """What a bound of the ingress has counted so far."""
        return int(self.paths()["counters"][name])


class Sender:
    """One client of datagrams."""

    def __init__(self, place: RulesPlace, door: str) -> None:
        self._place = place
        self._client = UdpClient(place.proxy) if door == "associate" else None
        if self._client is None:
            self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._sock.settimeout(0.5)
            self._sock.connect(("127.0.0.1", place.ports["udp"]))

    def send(self, payload: bytes) -> None:
        if self._client is not None:
            self._client.send("target.test", self._place.echo.port, payload)
        else:
            self._sock.send(payload)

    def receive(self) -> bytes:
        """The next one; TimeoutError if none comes for half a second."""
        if self._client is not None:
            self._client.sock.settimeout(0.5)
            return self._client.receive()[2]
        return self._sock.recv(65536)

    def ask(self, payload: bytes) -> tuple[str, int]:
        """One round trip, tried again until the way is there: which process brought it to the target, by which port."""
        for _ in range(int(PATIENCE / 0.5)):
            self.send(payload)
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                while self.receive() != payload:
                    pass
                port = next(source[1] for source, data in reversed(self._place.echo.came) if data == payload)
                return whose(self._place.pids, port, "udp"), port
        raise AssertionError("nothing came back")

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        else:
            self._sock.close()


@contextlib.contextmanager
def ruled_place(folder: Path) -> Iterator[RulesPlace]:
    """A place without rules whose paths are all up but that to the exit that does not run."""
    names = (*NAMES, "gone", "second", "tcp", "udp")
    with contextlib.ExitStack() as stack:
        place = RulesPlace(folder, dict(zip(names, free_ports(len(names)), strict=True)), FILE, NAMES)
        place.target, place.echo = Target(place.pids), EchoServer()
        stack.callback(place.target.close)
        stack.callback(place.echo.close)
        place.rule()
        place.start(stack)
        until(place.can_associate, place.logs)
        yield place
