"""A running loop, real sockets, and owners that write down what they are told."""

import ctypes
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import trio
import trustme

from relay.engine import Loop

PATIENCE = 20.0


@contextmanager
def collector_off() -> Iterator[None]:
    """In it nothing goes that is held by a circle, as in a process whose collector comes seldom."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def alive(kind: type) -> int:
    """How many objects of a class there are."""
    return sum(type(one) is kind for one in gc.get_objects())


async def send(sock: socket.socket, data: bytes) -> None:
    """All of *data*, with patience. What poll calls writable may take nothing, where the kernel is short of memory."""
    rest = memoryview(data)
    with trio.fail_after(PATIENCE):
        while rest:
            await trio.lowlevel.wait_writable(sock)
            with suppress(BlockingIOError):
                rest = rest[sock.send(rest) :]


async def read(sock: socket.socket, count: int) -> bytes:
    """Exactly *count* bytes, or what came until EOF."""
    data = b""
    with trio.fail_after(PATIENCE):
        while len(data) < count:
            await trio.lowlevel.wait_readable(sock)
            more = sock.recv(count - len(data))
            if not more:
                break
            data += more
    return data


class Notes:
    """Somebody whom a test can wait for: each call from the engine is a change."""

    def __init__(self) -> None:
        self._changed = trio.Event()

    def note(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(PATIENCE):
            while not condition():
                await self._changed.wait()


class Owner(Notes):
    """An owner of a Tcp or a Tls. `react` may be set to do something inside a callback."""

    def __init__(self) -> None:
        super().__init__()
        self.data = bytearray()
        self.calls: list[str] = []
        self.error: OSError | None = None
        self.outbox: list[bytes] = []
        self.react: Callable[[str], None] = lambda call: None
        self.is_full = False
        self.turns = 0
        """In how many turns more it has to be called before it has worked off what it was given."""

    def _told(self, call: str) -> None:
        self.calls.append(call)
        self.note()
        self.react(call)

    def on_bytes(self, data: memoryview, now: float = 0.0) -> bool:
        self.data += data
        self.turns -= self.turns > 0 and not self.is_full
        self._told("bytes")
        return self.is_full or self.turns > 0

    def on_eof(self) -> None:
        self._told("eof")

    def on_writable(self) -> None:
        self._told("writable")

    def data_to_send(self, now: float) -> bytes:
        self.react("pull")
        return self.outbox.pop(0) if self.outbox else b""

    def on_closed(self, error: OSError | None) -> None:
        self.error = error
        self._told("closed")

    async def closed(self) -> OSError | None:
        await self.until(lambda: "closed" in self.calls)
        assert self.calls.count("closed") == 1
        assert self.calls[-1] == "closed"
        return self.error


class Sockets:
    """Makes sockets, and closes them at the end of the test."""

    def __init__(self) -> None:
        self._made: list[socket.socket] = []

    def keep(self, sock: socket.socket) -> socket.socket:
        self._made.append(sock)
        return sock

    def listener(self, **options: int) -> socket.socket:
        return self.keep(socket.create_server(("127.0.0.1", 0), **options))

    def pair(self, buffers: int = 0) -> tuple[socket.socket, socket.socket]:
        """Two ends of one TCP connection, non-blocking; *buffers* sets all four kernel buffers."""
        with socket.socket() as listener:
            near = self.keep(socket.socket())
            for sock in (listener, near) if buffers else ():
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffers)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffers)
                # loopback's 64 KiB segments would not fit, and wait for the persist timer
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            near.connect(listener.getsockname())
            far = self.keep(listener.accept()[0])
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
        return near, far

    def black_hole(self) -> tuple[str, int]:
        """An address that never answers: its socket's filter drops every packet."""
        drop_all = ctypes.create_string_buffer(b"\x06\0\0\0\0\0\0\0", 8)  # BPF: return 0

        class Program(ctypes.Structure):
            _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

        sock = self.listener()
        sock.setsockopt(socket.SOL_SOCKET, 26, bytes(Program(1, ctypes.addressof(drop_all))))  # SO_ATTACH_FILTER
        return sock.getsockname()

    def refuser(self) -> tuple[str, int]:
        """An address where nobody listens."""
        sock = self.keep(socket.socket())
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()

    def close(self) -> None:
        for sock in self._made:
            sock.close()


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    made = Sockets()
    yield made
    made.close()


@pytest.fixture
async def loop(nursery: trio.Nursery) -> AsyncIterator[Loop]:
    """A loop that runs for the whole test."""
    made = Loop()
    nursery.start_soon(made.run)
    await trio.testing.wait_all_tasks_blocked()
    yield made
    nursery.cancel_scope.cancel()


@pytest.fixture
def owner() -> Callable[[], Owner]:
    return Owner


@pytest.fixture
def notes() -> Callable[[], Notes]:
    return Notes


@pytest.fixture(scope="session")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Client's and server's, as carriers use them: TLS 1.3, no tickets."""
    authority = trustme.CA()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.configure_trust(client)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    server.num_tickets = 0
    authority.issue_cert("node.test").configure_cert(server)
    return client, server


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """The log's events, instead of the log."""
    written: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr("relay.log.event", lambda name, /, **fields: written.append((name, fields)))
    return written
