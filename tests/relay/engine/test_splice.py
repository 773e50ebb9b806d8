"""A relay between two sockets: every byte, every ending, copying and splicing."""

import errno
import hashlib
import random
import socket
import struct
from collections.abc import Callable

import pytest
import trio

from relay.engine import Loop, Splice, connect, pipes, splice
from tests.relay.engine.conftest import send

RESET = struct.pack("ii", 1, 0)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


class Relay:
    """client <-> (left, right) <-> target, and what on_closed told."""

    def __init__(self, loop: Loop, sockets, notes, idle: float | None, buffers: int) -> None:
        self.client, left = sockets.pair(buffers)
        right, self.target = sockets.pair(buffers)
        self.closings = 0
        self.notes = notes
        self.splice = Splice(loop, left, right, self.on_closed, idle=idle)

    def on_closed(self) -> None:
        self.closings += 1
        self.notes.note()

    async def closed(self) -> None:
        await self.notes.until(lambda: self.closings > 0)
        await trio.testing.wait_all_tasks_blocked()
        assert self.closings == 1
        assert self.splice.closed


@pytest.fixture
def relay(loop: Loop, sockets, notes: Callable) -> Callable[..., Relay]:
    return lambda idle=None, buffers=0: Relay(loop, sockets, notes(), idle, buffers)


async def receive(sock: socket.socket, count: int) -> bytes:
    """*count* bytes, or what comes until EOF."""
    data = bytearray()
    with trio.fail_after(20):
        while len(data) < count:
            await trio.lowlevel.wait_readable(sock)
            more = sock.recv(count - len(data))
            if not more:
                break
            data += more
    return bytes(data)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("has_pipes", [True, False])
@pytest.mark.parametrize("buffers", [0, 16_384])
async def test_bulk_both_ways_arrives_whole(relay, monkeypatch, has_pipes: bool, buffers: int) -> None:
    made = relay(buffers=buffers)
    was_splicing: list[bool] = []
    if not has_pipes:
        monkeypatch.setattr(splice, "_pipes", pipes.Pipes())
        monkeypatch.setattr(pipes, "SIZES", ())
    contents = {made.client: random.Random(4).randbytes(24 << 20), made.target: random.Random(5).randbytes(12 << 20)}
    if buffers:
        contents = {sock: content[: 2 << 20] for sock, content in contents.items()}
    received: dict[socket.socket, bytes] = {}

    async def talk(sock: socket.socket) -> None:
        await send(sock, contents[sock])
        was_splicing.append(made.splice.statistics().is_splicing)
        sock.shutdown(socket.SHUT_WR)

    async def listen(sock: socket.socket, size: int) -> None:
        received[sock] = await receive(sock, size + 1)

    async with trio.open_nursery() as nursery:
        for sock, other in ((made.client, made.target), (made.target, made.client)):
            nursery.start_soon(talk, sock)
            nursery.start_soon(listen, sock, len(contents[other]))
    assert digest(received[made.target]) == digest(contents[made.client])
    assert digest(received[made.client]) == digest(contents[made.target])
    await made.closed()
    assert made.splice.error is None
    figures = made.splice.statistics()
    assert (figures.bytes_forth, figures.bytes_back) == (len(contents[made.client]), len(contents[made.target]))
    assert figures.is_closed
    if not buffers:
        assert any(was_splicing)
    assert "0 lent" in repr(splice._pipes)


async def test_small_messages_are_copied_and_not_kept(relay) -> None:
    made = relay()
    for number in range(50):
        await send(made.client, b"question %d" % number)
        assert await receive(made.target, len(b"question %d" % number)) == b"question %d" % number
        await send(made.target, b"answer")
        assert await receive(made.client, 6) == b"answer"
    assert not made.splice.statistics().is_splicing
    made.splice.close()
    made.splice.close()
    assert made.closings == 0


async def test_a_flow_that_becomes_small_again_is_copied_again(relay) -> None:
    made = relay()
    content = bytes(8 << 20)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send, made.client, content)
        assert len(await receive(made.target, len(content))) == len(content)
    for _ in range(3):
        await send(made.client, b"small")
        assert await receive(made.target, 5) == b"small"
    assert not made.splice.statistics().is_splicing
    made.splice.close()


@pytest.mark.parametrize("is_client_first", [True, False])
async def test_half_close_goes_through_one_direction_at_a_time(relay, is_client_first: bool) -> None:
    made = relay()
    first, second = (made.client, made.target) if is_client_first else (made.target, made.client)
    await send(first, b"request")
    first.shutdown(socket.SHUT_WR)
    assert await receive(second, 100) == b"request"
    for _ in range(3):
        await send(second, b"answer")
        assert await receive(first, 6) == b"answer"
    assert made.closings == 0
    second.shutdown(socket.SHUT_WR)
    assert await receive(first, 1) == b""
    await made.closed()
    assert made.splice.error is None


@pytest.mark.parametrize("is_client", [True, False])
@pytest.mark.parametrize("is_blocked", [True, False])
async def test_a_reset_becomes_a_reset_behind_what_came_before(relay, is_client: bool, is_blocked: bool) -> None:
    made = relay(buffers=4096)
    first, second = (made.client, made.target) if is_client else (made.target, made.client)
    if is_blocked:
        with pytest.raises(BlockingIOError):
            while True:
                first.send(bytes(4096))
                await trio.testing.wait_all_tasks_blocked()
    else:
        await send(first, b"last words")
    reset(first)
    await made.closed()
    assert made.splice.error is not None
    assert made.splice.error.errno == errno.ECONNRESET
    with pytest.raises(ConnectionResetError):
        if not is_blocked:
            assert await receive(second, 10) == b"last words"
        await receive(second, 1_000_000)


async def test_a_reset_behind_a_half_close_goes_through(relay) -> None:
    made = relay()
    made.client.shutdown(socket.SHUT_WR)
    assert await receive(made.target, 1) == b""
    reset(made.client)
    await made.closed()
    assert made.target.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # after EOF no read tells


async def test_a_sink_that_reset_ends_it(relay) -> None:
    made = relay()
    reset(made.target)
    await made.closed()
    with pytest.raises(ConnectionResetError):
        await receive(made.client, 1)


async def test_a_relay_made_when_a_connect_is_done_reads_what_came_with_it(loop: Loop, sockets, notes) -> None:
    listener = sockets.listener()
    client, left = sockets.pair()
    made: list[Splice] = []

    def on_done(right: socket.socket | OSError) -> None:
        assert isinstance(right, socket.socket)
        made.append(Splice(loop, left, right, lambda: None))

    connect(loop, listener.getsockname(), 5, on_done)
    far = sockets.keep(listener.accept()[0])  # the kernel has connected already, so that both events come as one
    far.send(b"banner")
    assert await receive(client, 6) == b"banner"
    made[0].close()


async def test_an_idle_relay_is_reset_and_a_used_one_is_not(relay, loop: Loop) -> None:
    made = relay(idle=0.05)
    start = trio.current_time()
    for _ in range(4):
        with trio.move_on_after(0.02):
            await trio.sleep_forever()
        await send(made.client, b"x")
        assert await receive(made.target, 1) == b"x"
    assert made.closings == 0
    await made.closed()
    assert trio.current_time() - start >= 0.12
    assert isinstance(made.splice.error, TimeoutError)
    for sock in (made.client, made.target):
        with pytest.raises(ConnectionResetError):
            await receive(sock, 1)


async def test_an_on_closed_that_raises_is_logged(loop: Loop, sockets, events: list, notes) -> None:
    client, left = sockets.pair()
    right, target = sockets.pair()
    reader = notes()

    def explode() -> None:
        reader.note()
        raise ValueError

    made = Splice(loop, left, right, explode)
    client.close()
    target.close()
    await reader.until(lambda: made.closed)
    await trio.testing.wait_all_tasks_blocked()
    assert [name for name, _ in events] == ["handler-failed"]
    assert "closed" in repr(made)


async def test_a_loop_that_ends_closes_what_it_moved_bytes_for(sockets) -> None:
    loop = Loop()
    (client, left), (right, target) = sockets.pair(), sockets.pair()
    told: list[bool] = []
    made = Splice(loop, left, right, lambda: told.append(True))
    loop.close()
    assert made.closed
    assert told == []
    for end in (client, target):
        with pytest.raises((ConnectionResetError, BlockingIOError)):
            end.recv(1)


async def test_a_watcher_sees_what_comes_from_the_first_until_it_has_seen_enough(loop: Loop, sockets) -> None:
    (client, left), (right, target) = sockets.pair(), sockets.pair()
    seen = bytearray()

    def watch(data: memoryview) -> bool:
        seen.extend(data)
        return len(seen) < 200_000

    made = Splice(loop, left, right, lambda: None, watch=watch)
    data = random.Random(7).randbytes(3 << 20)
    await send(target, b"back")
    assert await receive(client, 4) == b"back"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send, client, data)
        assert digest(await receive(target, len(data))) == digest(data)
    assert bytes(seen) == data[: len(seen)] and 200_000 <= len(seen) <= 200_000 + splice.WATCHED_SIZE
    made.close()


async def test_a_watcher_that_objects_resets_both_sides(loop: Loop, sockets, notes) -> None:
    (client, left), (right, target) = sockets.pair(), sockets.pair()
    reader = notes()

    def object_to(data: memoryview) -> bool:
        raise OSError(errno.EPROTO, f"{len(data)} bytes too many")

    made = Splice(loop, left, right, reader.note, watch=object_to)
    await send(client, b"x")
    await reader.until(lambda: made.closed)
    assert made.error is not None and made.error.errno == errno.EPROTO
    for end in (client, target):
        with pytest.raises(ConnectionResetError):
            await receive(end, 1)
