"""One TCP endpoint against a plain socket: every byte, every ending, and what an owner may do inside a callback."""

import errno
import hashlib
import random
import socket
import struct

import pytest
import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from relay.engine import Loop, Tcp
from relay.engine.sockopts import reset_on_close
from relay.engine.tcp import CUT
from tests.relay.engine.conftest import alive, collector_off, read
from tests.world import until

RESET = struct.pack("ii", 1, 0)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


async def read_end(sock: socket.socket) -> None:
    """See that EOF comes next."""
    assert await read(sock, 1) == b""


async def test_bytes_go_both_ways(loop: Loop, sockets, owner) -> None:
    mine = owner()
    sock, peer = sockets.pair()
    tcp = Tcp(loop, sock, mine)
    tcp.write(b"ab")
    tcp.write(memoryview(b"cd"))
    assert tcp.unsent == 0
    assert await read(peer, 4) == b"abcd"
    peer.send(b"x" * 1000)
    await mine.until(lambda: mine.data == b"x" * 1000)
    figures = tcp.statistics()
    assert (figures.bytes_in, figures.bytes_out, figures.is_closed) == (1000, 4, False)
    assert "1000 in, 4 out" in repr(tcp)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(sizes=[40_000, 0, 1, 0], shared=False, reads=[9_000])
@given(
    sizes=st.lists(st.integers(0, 40_000), max_size=12),
    shared=st.booleans(),
    reads=st.lists(st.integers(500, 9_000), min_size=1, max_size=5),
)
def test_whatever_the_kernel_takes_arrives_in_order(sockets, sizes: list[int], shared: bool, reads: list[int]) -> None:
    """Writes of any size into tiny kernel buffers; with *shared*, from one buffer that is overwritten at once."""
    content = random.Random(len(sizes)).randbytes(sum(sizes))

    async def main() -> bytes:
        loop = Loop()
        told: list[int] = []
        sock, peer = sockets.pair(4096)

        class Writer:
            def on_writable(self) -> None:
                told.append(tcp.unsent)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(loop.run)
            tcp = Tcp(loop, sock, Writer())
            buffer = bytearray(40_000)
            start = 0
            for size in sizes:
                piece = content[start : start + size]
                buffer[:size] = piece
                tcp.write(memoryview(buffer)[:size] if shared else piece)
                start += size
            assert tcp.bytes_out + tcp.unsent == len(content)
            was_queued = tcp.unsent > 0
            tcp.finish()
            received = b""
            while True:
                with trio.fail_after(10):
                    await trio.lowlevel.wait_readable(peer)
                more = peer.recv(reads[len(received) % len(reads)])
                if not more:
                    break
                received += more
            assert told == [0] * was_queued
            assert tcp.unsent == 0
            nursery.cancel_scope.cancel()
        return received

    assert trio.run(main) == content


async def test_a_paused_socket_reads_nothing_and_its_edge_is_kept(loop: Loop, sockets, owner) -> None:
    mine = owner()
    sock, peer = sockets.pair()
    tcp = Tcp(loop, sock, mine)
    tcp.pause()
    peer.send(b"x" * 100)
    peer.shutdown(socket.SHUT_WR)
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert mine.calls == []
    tcp.resume()
    await mine.until(lambda: "eof" in mine.calls)
    assert mine.data == b"x" * 100
    assert mine.calls == ["bytes", "eof"]


async def test_a_pause_inside_on_bytes_holds_the_rest_back(loop: Loop, sockets, owner) -> None:
    mine = owner()
    sock, peer = sockets.pair(1 << 20)
    tcp = Tcp(loop, sock, mine)
    tcp.pause()
    size = peer.send(bytes(600_000))
    mine.react = lambda call: tcp.pause()
    for count in range(1, 100):
        if len(mine.data) == size:
            break
        tcp.resume()
        await mine.until(lambda count=count: len(mine.calls) == count)
        await trio.testing.wait_all_tasks_blocked()
        assert len(mine.calls) == count
    assert len(mine.data) == size


@pytest.mark.parametrize("we_first", [True, False])
async def test_half_close_both_ways(loop: Loop, sockets, owner, we_first: bool) -> None:
    mine = owner()
    sock, peer = sockets.pair()
    tcp = Tcp(loop, sock, mine)
    if we_first:
        tcp.write(b"request")
        tcp.finish()
        tcp.finish()
        assert await read(peer, 8) == b"request"
        peer.send(b"answer")
        peer.close()
        assert await mine.closed() is None
        assert mine.data == b"answer"
        assert mine.calls[-2:] == ["eof", "closed"]
    else:
        peer.send(b"request")
        peer.shutdown(socket.SHUT_WR)
        await mine.until(lambda: "eof" in mine.calls)
        tcp.write(b"answer")
        assert await read(peer, 6) == b"answer"
        tcp.write(b"!")
        tcp.finish()
        assert "closed" not in mine.calls  # never from inside finish
        assert await read(peer, 2) == b"!"
        assert await mine.closed() is None
    assert tcp.closed
    tcp.close()
    tcp.reset()


async def test_fin_waits_for_what_is_queued(loop: Loop, sockets, owner) -> None:
    mine = owner()
    sock, peer = sockets.pair(4096)
    tcp = Tcp(loop, sock, mine)
    content = random.Random(1).randbytes(3_000_000)
    tcp.write(content)
    tcp.finish()
    assert tcp.unsent > 0
    with pytest.raises(RuntimeError):
        tcp.write(b"x")
    received = await read(peer, len(content))
    assert hashlib.sha256(received).digest() == hashlib.sha256(content).digest()
    await read_end(peer)
    peer.close()
    assert await mine.closed() is None
    assert mine.calls == ["writable", "eof", "closed"]


async def test_a_reset_is_told_with_its_errno_behind_the_bytes_before_it(loop: Loop, sockets, owner) -> None:
    mine = owner()
    sock, peer = sockets.pair()
    peer.send(b"last words")
    reset(peer)
    Tcp(loop, sock, mine)
    error = await mine.closed()
    assert error is not None
    assert error.errno == errno.ECONNRESET
    assert mine.data == b"last words"
    assert "eof" not in mine.calls


async def test_a_reset_after_eof_is_told(loop: Loop, sockets, owner) -> None:
    mine = owner()
    sock, peer = sockets.pair()
    Tcp(loop, sock, mine)
    peer.shutdown(socket.SHUT_WR)
    await mine.until(lambda: "eof" in mine.calls)
    reset(peer)
    assert isinstance(await mine.closed(), OSError)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.engine.tcp.PATIENCE", 0.05)


async def test_a_failed_write_is_told_later_once_and_behind_the_last_words(loop: Loop, sockets, owner) -> None:
    mine = owner()
    sock, peer = sockets.pair()
    tcp = Tcp(loop, sock, mine)
    tcp.pause()
    peer.send(b"last words")
    reset(peer)
    tcp.write(b"x")
    tcp.write(b"y")
    tcp.finish()
    assert mine.calls == []
    assert tcp.unsent == 0
    tcp.resume()
    assert isinstance(await mine.closed(), OSError)
    assert mine.data == b"last words"
    assert "eof" not in mine.calls


@pytest.mark.parametrize("writes", [True, False])
async def test_a1_what_came_before_a_reset_waits_for_an_owner_that_pauses(loop, sockets, owner, writes: bool) -> None:
    """Whether the failure shows itself by a write or by an event."""
    mine = owner()
    sock, peer = sockets.pair()
    tcp = Tcp(loop, sock, mine)
    mine.react = lambda call: tcp.pause()
    for piece in (b"one", b"two"):
        peer.send(piece)
        await mine.until(lambda: len(mine.data) > 0)
    reset(peer)
    if writes:
        tcp.write(b"x")
    await until(lambda: tcp._look is not None)
    assert mine.data == b"one" and mine.calls == ["bytes"]
    mine.react = lambda call: None
    tcp.resume()
    assert isinstance(await mine.closed(), ConnectionError)
    assert mine.data == b"onetwo" and "eof" not in mine.calls


async def test_a1_an_owner_that_pauses_for_too_long_is_told_all_the_same(loop, sockets, owner, impatient) -> None:
    mine = owner()
    sock, peer = sockets.pair()
    tcp = Tcp(loop, sock, mine)
    tcp.pause()
    peer.send(b"last words")
    reset(peer)
    assert isinstance(await mine.closed(), ConnectionError)
    assert mine.data == b""


async def test_a1_a_cut_resets_behind_what_was_written(loop: Loop, sockets, owner) -> None:
    """Some of it is queued here, some in the kernel, and a greeting lies unread."""
    mine = owner()
    sock, peer = sockets.pair(4096)
    tcp = Tcp(loop, sock, mine)
    mine.react = lambda call: tcp.pause()
    peer.send(b"greeting")
    tcp.write(bytes(300_000))
    assert tcp.unsent
    tcp.cut()
    tcp.cut()
    tcp.write(b"too late")
    tcp.resume()
    data = await read(peer, 300_000)
    assert data == bytes(300_000)
    with pytest.raises(ConnectionResetError):
        await read(peer, 1)
    assert await mine.closed() is CUT
    assert mine.data == b"" and "eof" not in mine.calls


async def test_a1_a_cut_behind_a_fin_leaves_the_fin_before_it(loop: Loop, sockets, owner) -> None:
    mine = owner()
    sock, peer = sockets.pair(4096)
    tcp = Tcp(loop, sock, mine)
    tcp.write(bytes(300_000))
    tcp.finish()
    tcp.cut()
    assert len(await read(peer, 300_001)) == 300_000  # and then the end, by a FIN
    assert await mine.closed() is CUT
    await until(lambda: _is_reset(peer))


def _is_reset(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


async def test_a1_a_cut_waits_no_longer_than_for_a_while(loop: Loop, sockets, owner, impatient) -> None:
    mine = owner()
    sock, peer = sockets.pair(4096)
    tcp = Tcp(loop, sock, mine)
    tcp.write(bytes(300_000))
    tcp.cut()
    assert await mine.closed() is CUT
    with pytest.raises(ConnectionResetError):
        await read(peer, 300_000)


async def test_a1_a_cut_ends_when_the_peer_does(loop: Loop, sockets, owner) -> None:
    mine = owner()
    sock, peer = sockets.pair(4096)
    tcp = Tcp(loop, sock, mine)
    tcp.write(bytes(300_000))
    tcp.cut()
    reset(peer)
    assert isinstance(await mine.closed(), OSError)
    assert loop.statistics().endpoints == 0


@pytest.mark.parametrize("goes_first", [True, False])
async def test_a3_what_has_ended_cleanly_closes_with_a_fin(loop: Loop, sockets, owner, goes_first: bool) -> None:
    """Of a socket that resets when its process is killed, whoever ends first."""
    mine = owner()
    sock, peer = sockets.pair()
    reset_on_close(sock)
    tcp = Tcp(loop, sock, mine, is_armed=True)
    tcp.write(b"all of it")
    if goes_first:
        tcp.finish()
        assert await read(peer, 100) == b"all of it"
    peer.shutdown(socket.SHUT_WR)
    if not goes_first:
        await mine.until(lambda: "eof" in mine.calls)
        tcp.finish()
        assert await read(peer, 100) == b"all of it"
    assert await mine.closed() is None
    assert not _is_reset(peer)


def is_armed(sock: socket.socket) -> bool:
    """Whether its kernel resets it if this process is killed."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(RESET)) == RESET


@pytest.mark.parametrize("first", ["a piece out", "a piece in"])
async def test_a3_a_socket_is_armed_with_the_second_piece_that_passes_it(loop: Loop, sockets, owner, first) -> None:
    mine = owner()
    sock, peer = sockets.pair()
    tcp = Tcp(loop, sock, mine)
    if first == "a piece out":
        tcp.write(b"half")
    else:
        peer.send(b"hello")
        await mine.until(lambda: mine.data)
    assert not is_armed(sock)
    tcp.write(b"and half")
    assert is_armed(sock)
    tcp.finish()
    peer.shutdown(socket.SHUT_WR)
    assert await mine.closed() is None
    assert not _is_reset(peer)


async def test_a3_a_socket_that_lasts_is_armed_and_asked_whether_it_lives(loop: Loop, sockets, owner) -> None:
    sock, _ = sockets.pair()
    tcp = Tcp(loop, sock, owner())
    tcp.settle(40)
    keepalive = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in keepalive] == [40, 10, 3]
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) and is_armed(sock)


async def test_a_socket_that_is_gone_before_it_is_settled_is_left_alone(loop: Loop, sockets, owner) -> None:
    sock, _ = sockets.pair()
    tcp = Tcp(loop, sock, owner())
    tcp.close()
    tcp.settle(40)


async def test_a_write_that_failed_keeps_nothing_alive(loop: Loop, sockets, owner) -> None:
    with collector_off():
        mine = owner()
        sock, peer = sockets.pair()
        tcp = Tcp(loop, sock, mine)
        reset(peer)
        tcp.write(b"x")
        assert isinstance(await mine.closed(), OSError)
        assert alive(Tcp) == 1
        del tcp
        assert alive(Tcp) == 0


async def test_a_queue_behind_which_the_peer_resets_is_dropped(loop: Loop, sockets, owner) -> None:
    mine = owner()
    sock, peer = sockets.pair(4096)
    tcp = Tcp(loop, sock, mine)
    tcp.write(bytes(1_000_000))
    assert tcp.unsent
    reset(peer)
    assert isinstance(await mine.closed(), OSError)
    assert tcp.unsent == 0
    assert mine.calls == ["closed"]
    tcp.write(b"dropped in silence")
    tcp.finish()


@pytest.mark.parametrize("ending", ["reset", "close"])
async def test_what_the_owner_ends_itself_is_not_told(loop: Loop, sockets, owner, ending: str) -> None:
    mine = owner()
    sock, peer = sockets.pair()
    tcp = Tcp(loop, sock, mine)
    mine.react = lambda call: getattr(tcp, ending)()
    peer.send(b"x")
    await mine.until(lambda: bool(mine.calls))
    with pytest.raises(ConnectionResetError):  # nobody has finished
        await read(peer, 1)
    assert mine.calls == ["bytes"]
    assert "closed" in repr(tcp)
    assert loop.statistics().endpoints == 0


@pytest.mark.parametrize("callback", ["eof", "writable"])
async def test_it_may_be_closed_in_any_callback(loop: Loop, sockets, owner, callback: str) -> None:
    mine = owner()
    sock, peer = sockets.pair(4096)
    tcp = Tcp(loop, sock, mine)
    mine.react = lambda call: tcp.close() if call == callback else None
    if callback == "eof":
        peer.shutdown(socket.SHUT_WR)
    else:
        tcp.write(bytes(100_000))
        tcp.finish()
        await read(peer, 100_000)
    await mine.until(lambda: callback in mine.calls)
    await trio.testing.wait_all_tasks_blocked()
    assert mine.calls == [callback]


async def test_a_new_owner_is_told_from_then_on(loop: Loop, sockets, owner) -> None:
    door, binding = owner(), owner()
    sock, peer = sockets.pair()
    tcp = Tcp(loop, sock, door)
    peer.send(b"hello")
    await door.until(lambda: door.data == b"hello")
    tcp.owner = binding
    peer.send(b"world")
    await binding.until(lambda: binding.data == b"world")
    assert door.data == b"hello"


async def test_urgent_data_does_not_hide_what_follows(loop: Loop, sockets, owner) -> None:
    mine = owner()
    sock, peer = sockets.pair()
    peer.send(b"before")
    peer.send(b"!", socket.MSG_OOB)
    peer.send(b"after")
    Tcp(loop, sock, mine)
    await mine.until(lambda: mine.data == b"beforeafter")
