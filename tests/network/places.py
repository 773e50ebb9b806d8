"""A network whose targets fail in every way there is: the first word of a target's name says how.

Three ingresses have one exit each: a plain one with a name server of ours, one behind somebody's SOCKS5 server, and one
that does not run.
"""

import contextlib
import ctypes
import json
import random
import socket
import socketserver
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import attrs
import dns.message
import dns.rcode
import pytest

from ingress.demo.ports import free_ports
from tests.child import child
from tests.network.clients import PATIENCE, receive
from tests.network.network import LIFE, LOOK, Network, until

EXITS = {"shanghai": "us", "beijing": "landing", "nanjing": "gone"}
"""By ingress."""
BY_NAMES = {"nobody": dns.rcode.NXDOMAIN, "broken": dns.rcode.SERVFAIL, "silent": None}
"""What the name server answers."""
BY_LANDING = {"noroute": 3, "unreachable": 4}
"""What the SOCKS5 server answers."""
WEB_PORTS = (8443, 8080)
"""Those that `auto` answers early and that need no privilege."""


class NameServer(socketserver.BaseRequestHandler):
    """Has no address for anybody."""

    def handle(self) -> None:
        data, sock = self.request
        query = dns.message.from_wire(data)
        code = BY_NAMES[query.question[0].name.to_text().partition("-")[0]]
        if code is not None:
            answer = dns.message.make_response(query)
            answer.set_rcode(code)
            sock.sendto(answer.to_wire(), self.client_address)


class Landing(socketserver.BaseRequestHandler):
    """Reaches nothing."""

    def handle(self) -> None:
        receive(self.request, receive(self.request, 2)[1])
        self.request.sendall(b"\x05\x00")
        name = receive(self.request, receive(self.request, 5)[4]).decode()
        receive(self.request, 2)
        self.request.sendall(b"\x05%c\x00\x01" % BY_LANDING[name.partition("-")[0]] + bytes(6))


def bound(host: str, *ports: int) -> socket.socket:
    """The first of *ports* that can be had, without a listener: it refuses, and nobody else gets it."""
    for port in ports:
        sock = socket.socket()
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
        else:
            return sock
    pytest.skip(f"somebody else listens on {ports}")


def drop_everything(sock: socket.socket) -> None:
    """Make *sock* a black hole, by a filter of one instruction."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    sock.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HL", 1, ctypes.addressof(program)))  # SO_ATTACH_FILTER
    sock.listen()


@contextlib.contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    """*server*, in a thread of its own; gives its port."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": LOOK})
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


@attrs.define
class Place:
    """The processes and files of the network; `start` before use."""

    folder: Path
    address: str
    """Of the targets, and of the name server."""
    has_names: bool
    """Whether there is a name server: its port takes privileges."""
    ports: dict[str, int]
    """Of ingresses and nodes, and `web` (it refuses), `hole`, and `proxy` of the landing."""

    def write(self, answer: str, limits: str = "") -> None:
        """Write paths.toml."""
        tables = ["version = 1", f"[limits]\n{limits}"]
        for name, exit_ in EXITS.items():
            tables.append(f'[ingress.{name}]\nlisten = "127.0.0.1:{self.ports[name]}"\nanswer = "{answer}"')
            tables.append(f'[line.to-{exit_}]\nfrom = "{name}"\nto = "{exit_}"')
            tables.append(f'[node.{exit_}]\nexit = true\naddress = "127.0.0.1:{self.ports[exit_]}"')
            tables.append(f'listen = "127.0.0.1:{self.ports[exit_]}"')
            if exit_ == "us":
                tables.append(f'hosts = "hosts"\ndns = ["{self.address}"]')
                tables.append('allow = [{ cidr = "127.0.0.0/8", reason = "the targets are here" }]')
            if exit_ == "landing":
                tables.append(f'upstream = {{ url = "socks5://127.0.0.1:{self.ports["proxy"]}" }}')
        (self.folder / "paths.toml").write_text("\n".join(tables) + "\n")

    def name(self, names: list[str]) -> None:
        """Write the file of names: those that can be looked up, and what they lead to."""
        addresses = {"policy": "10.0.0.1", "refused": self.address, "hole": self.address}
        known = [(addresses[word], name) for name in names if (word := name.partition("-")[0]) in addresses]
        (self.folder / "hosts").write_text("".join(f"{address} {name}\n" for address, name in known))

    def command(self, program: str, *words: str) -> list[str]:
        """As a user would say it."""
        files = ["--config", str(self.folder / "paths.toml"), "--keys", str(self.folder / "keys")]
        return [sys.executable, "-m", program, *words, *files]

    def start(self, stack: contextlib.ExitStack) -> None:
        """Start all but the exit that is gone, until *stack* is closed; wait for the paths."""
        subprocess.run(self.command("ingress", "keys"), check=True, capture_output=True)
        for program, name in [("relay", "us"), ("relay", "landing"), *(("ingress", name) for name in EXITS)]:
            command = self.command(program, "serve", name, "--admin", str(self.folder / name))
            with (self.folder / f"{name}.log").open("wb") as log:
                stack.enter_context(child(command, LIFE, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        for name in EXITS:
            state = "down" if name == "nanjing" else "up"
            until(partial(self.is_in, name, state), (self.folder / f"{name}.log").read_text)

    def is_in(self, ingress: str, state: str) -> bool:
        """Whether that is the state of the path of *ingress*; not while it does not listen yet."""
        try:
            answer = json.loads(Network.ask(str(self.folder / ingress), '{"ask": "paths"}'))
        except OSError:
            return False
        return [path["state"] for path in answer["paths"]] == [state]

    def reload(self) -> None:
        """Have every ingress read its file again."""
        for ingress in EXITS:
            command = self.command("ingress", "reload", "--admin", str(self.folder / ingress))
            subprocess.run(command, check=True, capture_output=True)

    def connect(self, ingress: str = "shanghai") -> socket.socket:
        """A client's connection."""
        return socket.create_connection(("127.0.0.1", self.ports[ingress]), PATIENCE)


@contextlib.contextmanager
def open_place(folder: Path, names: list[str]) -> Iterator[Place]:
    """A place with `answer = "true"`, in which *names* have a fate."""
    address = "127." + ".".join(str(random.randint(64, 250)) for _ in range(3))
    with contextlib.ExitStack() as stack:
        web, hole = stack.enter_context(bound(address, *WEB_PORTS)), stack.enter_context(bound(address, 0))
        drop_everything(hole)
        landing = stack.enter_context(serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Landing)))
        try:
            stack.enter_context(serving(socketserver.UDPServer((address, 53), NameServer)))
            has_names = True
        except OSError:
            has_names = False
        nodes = [*EXITS, *EXITS.values()]
        ports = dict(zip(nodes, free_ports(len(nodes)), strict=True))
        ports |= {"web": web.getsockname()[1], "hole": hole.getsockname()[1], "proxy": landing}
        place = Place(folder, address, has_names, ports)
        place.write("true")
        place.name(names)
        place.start(stack)
        yield place
