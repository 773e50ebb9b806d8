"""Accepting, and what happens when descriptors run out."""

import errno
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import trio

from relay.engine import Listener, Loop, Tcp
from relay.engine.listener import SHARE
from relay.engine.loop import EVENTS_AT_ONCE, FEWEST_AT_ONCE
from relay.listen import open_listener


@pytest.fixture
def accepted(notes: Callable) -> Iterator["Accepted"]:
    made = Accepted(notes())
    yield made
    made.close()


class Accepted:
    """What a listener handed over."""

    def __init__(self, notes) -> None:
        self.notes = notes
        self.socks: list[socket.socket] = []

    def __call__(self, sock: socket.socket, address: tuple[str, int]) -> None:
        assert sock.gettimeout() == 0
        assert sock.getpeername() == address
        self.socks.append(sock)
        self.notes.note()

    async def count(self, count: int) -> None:
        await self.notes.until(lambda: len(self.socks) >= count)

    def close(self) -> None:
        while self.socks:
            self.socks.pop().close()


def dial(sockets, address: tuple[str, int]) -> socket.socket:
    sock = sockets.keep(socket.socket())
    sock.setblocking(False)
    sock.connect_ex(address)
    return sock


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_callers_are_handed_over(loop: Loop, sockets, accepted: Accepted, host: str) -> None:
    sock = open_listener((host, 0))
    address = sock.getsockname()[:2]
    seen: list[object] = []
    listener = Listener(loop, sock, lambda client, address: (seen.append((client, address)), accepted.notes.note()))
    peers = [sockets.keep(socket.create_connection(address)) for _ in range(150)]  # more than one batch
    await accepted.notes.until(lambda: len(seen) == 150)
    assert [address[1] for _, address in seen] == [peer.getsockname()[1] for peer in peers]
    for client, _ in seen:
        client.close()
    assert listener.statistics().accepted == 150
    assert "accepting, 150" in repr(listener)
    listener.stop()
    listener.stop()
    assert "stopped" in repr(listener)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


async def test_of_many_callers_a_turn_takes_a_few_and_fewer_when_turns_take_long(
    loop: Loop, sockets, accepted: Accepted
) -> None:
    """The others wait in the kernel: what is done for each would hold up those who are here."""
    sock = open_listener(("127.0.0.1", 0))
    for _ in range(100):
        dial(sockets, sock.getsockname())
    turns: list[int] = []
    loop.pace = FEWEST_AT_ONCE
    listener = Listener(
        loop,
        sock,
        lambda client, address: (sockets.keep(client), turns.append(loop.statistics().turns), accepted.notes.note()),
    )
    await accepted.notes.until(lambda: len(turns) == 100)
    counts = [turns.count(turn) for turn in sorted(set(turns))]
    assert counts[0] == FEWEST_AT_ONCE // SHARE and max(counts) <= EVENTS_AT_ONCE // SHARE
    listener.stop()


def test_an_address_in_use_is_an_error_that_leaves_nothing_open(sockets) -> None:
    taken = sockets.listener()
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError) as caught:
        open_listener(taken.getsockname())
    assert caught.value.errno == errno.EADDRINUSE
    assert os.listdir("/proc/self/fd") == before


def test_an_ipv6_listener_leaves_ipv4_alone() -> None:
    with open_listener(("::", 0)) as sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


async def test_an_on_accept_that_raises_loses_its_caller_only(loop, sockets, accepted, owner, events: list) -> None:
    mine = owner()
    calls: list[socket.socket] = []

    def on_accept(sock: socket.socket, address: tuple[str, int]) -> None:
        calls.append(sock)
        if len(calls) == 1:
            raise ValueError
        if len(calls) == 2:
            Tcp(loop, sock, mine)
            raise ValueError
        accepted(sock, address)

    sock = open_listener(("127.0.0.1", 0))
    peers = [sockets.keep(socket.create_connection(sock.getsockname())) for _ in range(3)]
    listener = Listener(loop, sock, on_accept)
    await accepted.count(1)
    assert await mine.closed() is not None
    assert calls[0].fileno() == calls[1].fileno() == -1
    assert [name for name, _ in events] == ["handler-failed"] * 2
    assert peers[0].recv(1) == b""
    accepted.close()
    listener.stop()


async def test_it_may_be_stopped_by_on_accept(loop: Loop, sockets, notes) -> None:
    sock = open_listener(("127.0.0.1", 0))
    for _ in range(2):
        dial(sockets, sock.getsockname())
    reader = notes()
    calls: list[socket.socket] = []

    def on_accept(client: socket.socket, address: tuple[str, int]) -> None:
        calls.append(sockets.keep(client))
        listener.stop()
        reader.note()

    listener = Listener(loop, sock, on_accept)
    await reader.until(lambda: bool(calls))
    await trio.testing.wait_all_tasks_blocked()
    assert len(calls) == 1


CALLERS = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
peers = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(60)]
for peer in peers:
    assert peer.recv(1) == b""
"""


def call_from_outside(port: int) -> subprocess.Popen:
    """60 callers whose descriptors are not ours."""
    return subprocess.Popen([sys.executable, "-c", CALLERS, str(port)])


@pytest.fixture
def few_descriptors(sockets) -> Iterator[int]:
    """Room for 40 more descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = {int(name) for name in os.listdir("/proc/self/fd")}
    limit = [number for number in range(soft) if number not in used][40]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_accepting_stops_before_the_last_descriptors_and_goes_on_when_some_are_free(
    loop: Loop, sockets, accepted: Accepted, few_descriptors: int, events: list
) -> None:
    sock = open_listener(("127.0.0.1", 0))
    callers = call_from_outside(sock.getsockname()[1])
    listener = Listener(loop, sock, accepted)
    await accepted.notes.until(lambda: listener.statistics().is_paused)
    assert "paused" in repr(listener)
    free = set(range(few_descriptors)) - {int(name) for name in os.listdir("/proc/self/fd")}
    assert len(free) >= few_descriptors // 8 - 2  # two of the reserve: the last accepted, and the listing of /proc
    wakeups = loop.statistics().wakeups
    later: list[bool] = []
    loop.call_at(loop.now + 0.25, lambda: (later.append(True), accepted.notes.note()))
    await accepted.notes.until(lambda: bool(later))
    assert loop.statistics().wakeups - wakeups < 100  # no spinning: at most one for each that still called
    while (count := listener.statistics().accepted) < 60:
        accepted.close()
        await accepted.notes.until(lambda count=count: listener.statistics().accepted > count)
    assert [name for name, _ in events] == ["accept-paused"]  # one line an episode
    accepted.close()
    listener.stop()
    assert await trio.to_thread.run_sync(callers.wait) == 0


class FailingSocket:
    """A listening socket whose accept fails as its script says."""

    def __init__(self, sock: socket.socket, errors: list[int]) -> None:
        self.sock = sock
        self.errors = errors
        self.family, self.type, self.proto = sock.family, sock.type, sock.proto

    def _accept(self) -> tuple[int, tuple[str, int]]:
        if self.errors:
            raise OSError(self.errors.pop(0), "scripted")
        return self.sock._accept()

    def fileno(self) -> int:
        return self.sock.fileno()

    def close(self) -> None:
        self.sock.close()


@pytest.mark.parametrize(
    ("errors", "pauses"),
    [([errno.ECONNABORTED] * 3, 0), ([errno.EPROTO, errno.EPERM], 0), ([errno.EMFILE], 1), ([errno.ENOBUFS] * 2, 2)],
)
async def test_errors_of_accept(loop, sockets, accepted, events, errors: list[int], pauses: int) -> None:
    sock = open_listener(("127.0.0.1", 0))
    peer = dial(sockets, sock.getsockname())
    listener = Listener(loop, FailingSocket(sock, list(errors)), accepted)
    await accepted.count(1)
    assert listener.statistics().pauses == pauses
    assert len(events) == min(pauses, 1)
    accepted.close()
    peer.close()
    listener.stop()


async def test_a_paused_listener_can_be_stopped(loop: Loop, sockets, accepted: Accepted, events: list) -> None:
    sock = open_listener(("127.0.0.1", 0))
    dial(sockets, sock.getsockname())
    listener = Listener(loop, FailingSocket(sock, [errno.ENFILE] * 100), accepted)
    await trio.testing.wait_all_tasks_blocked()
    assert listener.statistics().is_paused
    listener.stop()
    assert loop.statistics().endpoints == 0
