"""Dialling and racing on real sockets: whom it reaches, what it says, and that nothing stays open."""

import errno
import os
import socket
from collections.abc import Callable

import pytest
import trio

from relay.engine import Loop, Tcp, connect, race


class Result:
    """What on_done was given."""

    def __init__(self, notes) -> None:
        self.notes = notes
        self.results: list[socket.socket | OSError] = []

    def __call__(self, result: socket.socket | OSError) -> None:
        self.results.append(result)
        self.notes.note()

    async def get(self) -> socket.socket | OSError:
        await self.notes.until(lambda: bool(self.results))
        [result] = self.results
        return result

    async def socket(self, sockets) -> socket.socket:
        result = await self.get()
        assert isinstance(result, socket.socket), result
        return sockets.keep(result)


@pytest.fixture
def done(notes: Callable) -> Result:
    return Result(notes())


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_connected_socket_is_ready_for_use(loop: Loop, sockets, done: Result) -> None:
    listener = sockets.listener()
    attempt = connect(loop, listener.getsockname(), 5, done)
    assert done.results == []
    assert "waiting" in repr(attempt)
    sock = await done.socket(sockets)
    assert sock.getpeername() == listener.getsockname()
    assert sock.gettimeout() == 0
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert loop.statistics().endpoints == 0
    assert "over" in repr(attempt)
    with trio.fail_after(5):
        await trio.lowlevel.wait_writable(sock)  # the loop has let go of it


async def test_an_endpoint_made_in_on_done_gets_what_came_with_the_connect(loop: Loop, sockets, owner) -> None:
    listener = sockets.listener()
    mine = owner()
    made: list[Tcp] = []

    def on_done(result: socket.socket | OSError) -> None:
        assert isinstance(result, socket.socket)
        far = sockets.keep(listener.accept()[0])
        far.send(b"banner")
        made.append(Tcp(loop, result, mine))
        made[0].write(b"question")
        mine.note()

    connect(loop, listener.getsockname(), 5, on_done)
    await mine.until(lambda: mine.data == b"banner")
    made[0].reset()


async def test_a_refusal_has_its_errno(loop: Loop, sockets, done: Result) -> None:
    connect(loop, sockets.refuser(), 5, done)
    result = await done.get()
    assert isinstance(result, ConnectionRefusedError)


@pytest.mark.parametrize("host", ["localhost", "example.com", "", "1.2.3", "::g"])
async def test_names_are_not_looked_up(loop: Loop, done: Result, host: str) -> None:
    connect(loop, (host, 80), 5, done)
    assert done.results == []
    result = await done.get()
    assert isinstance(result, OSError)
    assert result.errno == errno.EINVAL


async def test_silence_times_out(loop: Loop, sockets, done: Result) -> None:
    before = open_descriptors() + 1  # the black hole itself
    start = trio.current_time()
    connect(loop, sockets.black_hole(), 0.05, done)
    result = await done.get()
    assert isinstance(result, TimeoutError)
    assert result.errno == errno.ETIMEDOUT
    assert trio.current_time() - start >= 0.05
    assert open_descriptors() == before


async def test_a_cancelled_connect_says_nothing_and_leaves_nothing(loop: Loop, sockets, done: Result, notes) -> None:
    hole = sockets.black_hole()
    before = open_descriptors()
    attempts = [connect(loop, hole, 0.01, done), race(loop, [hole, hole], stagger=0.001, timeout=0.02, on_done=done)]
    attempts += [connect(loop, ("no address", 1), 1, done), race(loop, [], timeout=1, on_done=done)]
    for attempt in attempts:
        attempt.cancel()
        attempt.cancel()
    assert open_descriptors() == before
    later = notes()
    passed: list[bool] = []
    loop.call_at(loop.now + 0.05, lambda: (passed.append(True), later.note()))
    await later.until(lambda: bool(passed))
    assert done.results == []


async def test_a_socket_whose_on_done_raises_is_closed(loop: Loop, sockets, events: list, notes) -> None:
    listener = sockets.listener()
    given: list[socket.socket] = []
    reader = notes()

    def on_done(result: socket.socket | OSError) -> None:
        assert isinstance(result, socket.socket)
        given.append(result)
        reader.note()
        raise ValueError

    connect(loop, listener.getsockname(), 5, on_done)
    await reader.until(lambda: bool(given))
    await trio.testing.wait_all_tasks_blocked()
    assert given[0].fileno() == -1
    assert [name for name, _ in events] == ["handler-failed"]


async def test_an_endpoint_whose_on_done_raises_fails(loop: Loop, sockets, events: list, owner) -> None:
    listener = sockets.listener()
    mine = owner()

    def on_done(result: socket.socket | OSError) -> None:
        assert isinstance(result, socket.socket)
        Tcp(loop, result, mine)
        raise ValueError

    connect(loop, listener.getsockname(), 5, on_done)
    assert await mine.closed() is not None
    assert [name for name, _ in events] == ["handler-failed"]


async def test_a_race_is_won_by_the_first_that_answers(loop: Loop, sockets, done: Result) -> None:
    listener = sockets.listener()
    hole = sockets.black_hole()
    before = open_descriptors()
    start = trio.current_time()
    addresses = [hole, hole, listener.getsockname(), sockets.refuser()]
    racing = race(loop, addresses, stagger=0.02, timeout=5, on_done=done)
    sock = await done.socket(sockets)
    assert sock.getpeername() == listener.getsockname()
    assert 0.04 <= trio.current_time() - start < 4
    assert open_descriptors() == before + 2  # the socket and the refuser
    assert "over" in repr(racing)


async def test_a_race_does_not_wait_for_the_stagger_when_an_attempt_fails(loop: Loop, sockets, done: Result) -> None:
    listener = sockets.listener()
    addresses = [sockets.refuser(), ("not an address", 1), listener.getsockname()]
    start = trio.current_time()
    race(loop, addresses, stagger=30, timeout=60, on_done=done)
    assert (await done.socket(sockets)).getpeername() == listener.getsockname()
    assert trio.current_time() - start < 10


async def test_a_lost_race_tells_the_error_that_says_most(loop: Loop, sockets, done: Result) -> None:
    addresses = [("not an address", 1), sockets.black_hole(), sockets.refuser(), sockets.black_hole()]
    race(loop, addresses, stagger=0.001, timeout=0.05, on_done=done)
    assert isinstance(await done.get(), ConnectionRefusedError)


async def test_a_race_ends_with_its_time_however_many_are_left(loop: Loop, sockets, done: Result) -> None:
    hole = sockets.black_hole()
    racing = race(loop, [hole] * 5, stagger=0.04, timeout=0.05, on_done=done)
    assert "started" in repr(racing)
    assert isinstance(await done.get(), TimeoutError)


async def test_a_race_to_nowhere_fails(loop: Loop, done: Result) -> None:
    race(loop, [], timeout=1, on_done=done)
    assert isinstance(await done.get(), OSError)


async def test_what_the_kernel_will_not_even_try_fails_soon(loop: Loop, done: Result) -> None:
    before = open_descriptors()
    connect(loop, ("255.255.255.255", 1), 5, done)  # a broadcast address
    assert done.results == []
    result = await done.get()
    assert isinstance(result, OSError)
    assert result.errno
    assert open_descriptors() == before


async def test_a_connect_that_is_over_takes_no_more_news(loop: Loop, sockets, done: Result) -> None:
    attempt = connect(loop, sockets.black_hole(), 5, done)
    attempt.fail(OSError(errno.EIO, "a mistake of the owner"))
    attempt.serve(0)
    await trio.testing.wait_all_tasks_blocked()
    assert done.results == []
    assert "over" in repr(attempt)
