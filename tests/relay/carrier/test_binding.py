"""A real socket at one end of a session whose carriers are scripted: backpressure, half-close, reset, and the order."""

import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest
import trio

from relay.carrier.binding import PIECE, Binding
from relay.engine import Loop, Tcp
from relay.model.cause import Cause
from relay.session.stream import Stream
from relay.session.window import INITIAL_WINDOW
from tests.relay.session.pair import INGRESS, SessionPair
from tests.world import until


class End:
    """The exit's end of one stream, bound to a socket whose other end is `target`."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.pair = SessionPair()
        self.stream = self.pair.open(0)
        self.sink = self.pair.sinks[INGRESS][self.stream.id]
        self.pair.run()
        self.done: list[Cause | None] = []
        self.binding = Binding(self.at_exit, Cause.TARGET_RESET, lambda _, cause: self.done.append(cause))
        self.at_exit.bind(self.binding)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            self.near = socket.create_connection(listener.getsockname())
            self.near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            self.target = listener.accept()[0]
        for sock in (self.near, self.target):
            sock.setblocking(False)

    @property
    def at_exit(self) -> Stream:
        return self.pair.at_exit(self.stream)

    def attach(self) -> None:
        self.binding.attach(Tcp(self.loop, self.near, self.binding))

    async def until(self, condition: Callable[[], object]) -> None:
        """Deliver on the carrier until *condition* holds."""

        def holds() -> object:
            self.pair.run()
            return condition()

        await until(holds)

    async def read(self, count: int) -> bytes:
        """Read *count* bytes at the target, while the carrier delivers."""
        data = bytearray()

        def took() -> bool:
            while len(data) < count and (more := _receive(self.target, count - len(data))):
                data.extend(more)
            return len(data) == count

        await self.until(took)
        return bytes(data)


def _receive(sock: socket.socket, most: int) -> bytes:
    try:
        return sock.recv(most)
    except BlockingIOError:
        return b""


@pytest.fixture
async def loop(nursery: trio.Nursery) -> AsyncIterator[Loop]:
    made = Loop()
    nursery.start_soon(made.run)
    yield made
    nursery.cancel_scope.cancel()


@pytest.fixture
async def end(loop: Loop) -> AsyncIterator[End]:
    made = End(loop)
    yield made
    made.near.close()
    made.target.close()


@pytest.fixture
def short_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.carrier.binding.TAIL_IDLE", 0.3)


async def test_bytes_and_ends_pass_both_ways(end: End) -> None:
    end.attach()
    end.stream.write(b"question")
    end.stream.finish()
    assert await end.read(8) == b"question"
    end.target.send(b"answer")
    end.target.shutdown(socket.SHUT_WR)
    await end.until(lambda: end.sink.fins)
    assert end.sink.data == b"answer"
    await end.until(lambda: end.done == [None])
    assert end.target.recv(1) == b""
    assert end.pair.exit.streams == {}


async def test_what_comes_before_the_socket_is_kept_unconsumed_and_goes_first(end: End) -> None:
    end.stream.write(b"a" * 300_000)
    end.stream.finish()
    end.pair.run()
    assert end.at_exit.receiver.received == INITIAL_WINDOW  # the window bounds what is kept
    assert end.at_exit.receiver.consumed == 0
    end.attach()
    assert await end.read(300_000) == b"a" * 300_000
    await end.until(lambda: not _is_open(end.target))
    assert end.at_exit.receiver.is_complete


async def test_the_end_may_come_before_the_socket(end: End) -> None:
    end.stream.finish()
    end.pair.run()
    end.attach()
    await end.until(lambda: not _is_open(end.target))
    end.target.send(b"late answer")
    await end.until(lambda: end.sink.data == b"late answer")


async def test_a_slow_reader_slows_the_writer(end: End) -> None:
    end.attach()
    end.stream.write(b"b" * (2 * INITIAL_WINDOW))
    await end.until(lambda: end.at_exit.receiver.received >= INITIAL_WINDOW)
    assert end.at_exit.receiver.consumed < 64 * 1024
    assert end.stream.sender.end - end.stream.sender.acked >= INITIAL_WINDOW - 64 * 1024
    assert await end.read(2 * INITIAL_WINDOW) == b"b" * (2 * INITIAL_WINDOW)
    await end.until(lambda: end.at_exit.receiver.consumed == 2 * INITIAL_WINDOW)


async def test_a_slow_carrier_slows_the_socket(end: End) -> None:
    end.attach()
    end.pair.hold(0)
    sent = 0

    def push() -> bool:
        nonlocal sent
        try:
            sent += end.target.send(b"c" * 65536)
        except BlockingIOError:
            return not end.at_exit.room
        return False

    await until(push)
    kept = end.at_exit.sender.end
    assert kept == INITIAL_WINDOW  # not a byte beyond what the peer takes
    end.pair.release(0)
    await end.until(lambda: len(end.sink.data) == sent)
    assert end.sink.rooms == 0  # that is the other end's
    assert end.sink.data == b"c" * sent


async def test_bytes_are_kept_in_pieces(end: End) -> None:
    written: list[int] = []
    end.binding.stream = type("Spy", (), {"write": lambda _, data: written.append(len(data)) or 1})()  # type: ignore[assignment]
    end.binding.on_bytes(memoryview(bytes(2 * PIECE + 1)))
    end.binding.on_bytes(memoryview(bytes(PIECE)))
    assert written == [PIECE, PIECE, 1, PIECE]


async def test_a_dead_socket_resets_the_stream(end: End) -> None:
    end.attach()
    end.target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.target.close()
    await end.until(lambda: end.sink.cause is not None)
    assert end.sink.cause is Cause.TARGET_RESET
    assert end.done == [Cause.TARGET_RESET]
    assert end.pair.exit.memory.used == 0


async def test_a_reset_of_the_stream_resets_the_socket(end: End) -> None:
    end.attach()
    end.stream.reset(Cause.CLIENT_RESET)
    await end.until(lambda: end.done == [Cause.CLIENT_RESET])
    with pytest.raises(ConnectionResetError):
        end.target.recv(1)


async def test_an_end_before_the_socket_lets_go_of_everything(end: End) -> None:
    end.stream.write(b"d" * 1000)
    end.pair.run()
    end.binding.close(Cause.REFUSED)
    end.binding.close(None)
    assert end.done == [Cause.REFUSED]
    assert end.binding._held == b""


@pytest.mark.usefixtures("short_tail")
async def test_who_never_takes_the_last_bytes_is_reset(end: End) -> None:
    """The session is done with the stream, and only the socket knows that somebody is owed something."""
    end.attach()
    end.stream.write(b"e" * INITIAL_WINDOW)
    end.stream.finish()
    end.target.shutdown(socket.SHUT_WR)
    await end.until(lambda: not end.pair.exit.streams)
    assert end.done == []
    await until(lambda: end.done)
    assert end.done != [None]


def _is_open(sock: socket.socket) -> bool:
    """Whether no FIN has come."""
    try:
        return sock.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True


async def test_a_reset_does_not_wait_for_a_reader(end: End) -> None:
    """What is still queued for the socket has had its time."""
    end.attach()
    end.stream.write(b"d" * INITIAL_WINDOW)
    await end.until(lambda: end.at_exit.receiver.received == INITIAL_WINDOW)
    tcp = end.binding.tcp
    assert tcp is not None and tcp.unsent
    end.binding.on_reset(Cause.CLIENT_RESET)
    assert end.done == [Cause.CLIENT_RESET]
    with pytest.raises(ConnectionResetError):
        await end.read(INITIAL_WINDOW)


async def test_room_before_the_socket_is_there_is_used_once_it_is(end: End) -> None:
    end.binding.on_room()
    end.attach()
    end.target.send(b"answer")
    await end.until(lambda: end.sink.data == b"answer")


async def test_a_socket_that_dies_after_the_end_changes_nothing(end: End) -> None:
    end.attach()
    end.binding.close(Cause.DRAINING)
    end.binding.on_closed(ConnectionResetError())
    end.binding.close(None)
    end.pair.run()
    assert end.done == [Cause.DRAINING]
    assert end.sink.cause is None
