"""Where an attack takes place, seen by whoever attacks: addresses, keys, time, chance, and plain sockets.

All of it runs in the attack's own process, in threads, with a seed: the same seed says the same in the same order, as
far as those who are attacked answer alike.
"""

import base64
import contextlib
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

import attrs

LISTED = "127.0.0.2"
"""An address of `clients`, from which whoever has a password comes."""
GUESSER = "127.0.0.5"
"""One of `clients` too, of somebody without a password."""
OUTSIDER = "127.0.0.9"
"""Not one of `clients`."""
HERE = "127.0.6.1"
"""Where the attacker's own targets listen; only the exit that is attacked may dial it."""
PATIENCE = 3.0
"""Seconds for one call on a socket."""

Kept = TypeVar("Kept")


class Keep(Protocol):
    """Keeps something until its time."""

    def __call__(self, one: AbstractContextManager[Kept], /) -> Kept:
        """*one*, which will be closed."""


@attrs.frozen
class Facts:
    """What an attacker knows of the network."""

    config: str
    keys: str
    proxy: int
    ports: dict[str, int]
    """By node."""
    user: str
    password: str
    seed: int
    seconds: float


class Ground:
    """One attack while it lasts; moves draw from `random`, tell `did` what they did, and end when `is_over`."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.random = random.Random(facts.seed)
        self.did: Counter[str] = Counter()
        self._ends = time.monotonic() + facts.seconds

    @property
    def is_over(self) -> bool:
        """Whether its time is up."""
        return time.monotonic() >= self._ends

    def wait(self, seconds: float) -> None:
        """So long, or until it is over."""
        time.sleep(max(0.0, min(seconds, self._ends - time.monotonic())))

    def times(self, count: int) -> Iterator[int]:
        """0, 1, 2 … *count* - 1, unless it is over before."""
        for number in range(count):
            if self.is_over:
                return
            yield number

    @property
    def keys(self) -> Path:
        """The folder of all keys."""
        return Path(self.facts.keys)

    def node(self, name: str) -> tuple[str, int]:
        """Where *name* listens."""
        return ("127.0.0.1", self.facts.ports[name])

    # sockets

    def dial(self, source: str, port: int | None = None) -> socket.socket:
        """A connection to the proxy, or to a node's *port*."""
        address = ("127.0.0.1", self.facts.proxy if port is None else port)
        return socket.create_connection(address, PATIENCE, (source, 0))

    @contextlib.contextmanager
    def crowd(self) -> Iterator["Keep"]:
        """Keeps what it is given until the block ends."""
        with contextlib.ExitStack() as stack:
            yield stack.enter_context

    def socks(self, host: str, port: int) -> bytes:
        """All that a client with the password says to open a stream, at once."""
        words = b"".join(bytes([len(word)]) + word.encode() for word in (self.facts.user, self.facts.password))
        return b"\x05\x01\x02\x01" + words + b"\x05\x01\x00" + socks_host(host) + struct.pack("!H", port)

    def authorization(self) -> bytes:
        """The field that carries the password in HTTP."""
        return basic(self.facts.user, self.facts.password)

    def open(self, host: str, port: int) -> socket.socket:
        """A stream that was asked for; the answer (2, 2, and 10 bytes if all is well) is not waited for."""
        sock = self.dial(LISTED)
        sock.sendall(self.socks(host, port))
        return sock


def basic(user: str, password: str) -> bytes:
    """RFC 7617, for a proxy."""
    pair = base64.b64encode(f"{user}:{password}".encode())
    return b"Proxy-Authorization: Basic " + pair + b"\r\n"


def socks_host(host: str) -> bytes:
    """Type and address of a SOCKS5 request."""
    if host.replace(".", "").isdigit():
        return b"\x01" + socket.inet_aton(host)
    return bytes([3, len(host)]) + host.encode()


def reset(sock: socket.socket) -> None:
    """Close with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@contextlib.contextmanager
def serving(serve: Callable[[socket.socket], None], backlog: int = 256) -> Iterator[int]:
    """A target HERE that gives each connection to *serve*, in a thread of its own; gives its port."""
    listener = socket.create_server((HERE, 0), backlog=backlog)

    def one(sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        with contextlib.suppress(OSError), sock:
            serve(sock)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=one, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port HERE that answers no SYN: its queue is full, and nobody accepts."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HERE, 0), backlog=0))
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
