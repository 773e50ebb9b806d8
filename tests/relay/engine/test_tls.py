"""A carrier's end: committed bytes, reading while writing is stuck, endings. Real TLS over real sockets."""

import random
import socket
import ssl
import struct
from collections.abc import Callable

import pytest
import trio

from relay.engine import HandlerFailed, Loop, Tls, tls_setup

RESET = struct.pack("ii", 1, 0)


async def tls_pair(sockets, contexts, buffers: int = 0) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    near, far = sockets.pair(buffers)
    made: dict[str, ssl.SSLSocket] = {}

    async def shake(name: str, sock: socket.socket, context: ssl.SSLContext, hostname: str | None) -> None:
        made[name] = sockets.keep(await tls_setup.handshake(sock, context, hostname is None, hostname))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shake, "near", near, contexts[0], "node.test")
            nursery.start_soon(shake, "far", far, contexts[1], None)
    return made["near"], made["far"]


async def test_every_byte_arrives_both_ways_through_tiny_buffers(loop: Loop, sockets, contexts, owner) -> None:
    """Each refused write is a committed buffer: offering anything else later would lose or double bytes."""
    source = random.Random(3)
    near_sock, far_sock = await tls_pair(sockets, contexts, 4096)
    owners, ends, sent = [owner(), owner()], [], []
    for mine, sock in zip(owners, (near_sock, far_sock), strict=True):
        pieces = [source.randbytes(source.choice((1, 100, 16_384, 16_385, 70_000, 300_000))) for _ in range(150)]
        sent.append(b"".join(pieces))
        mine.outbox = pieces
        ends.append(Tls(loop, sock, mine))
        ends[-1].flush_soon()
    for index in (0, 1):
        await owners[index].until(lambda index=index: len(owners[index].data) >= len(sent[1 - index]))
        assert owners[index].data == sent[1 - index]
    for index, end in enumerate(ends):
        assert (end.bytes_in, end.bytes_out) == (len(sent[1 - index]), len(sent[index]))
        end.close()


async def test_nothing_is_pulled_while_bytes_are_committed_and_reading_goes_on(loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts, 4096)
    mine = owner()
    mine.outbox = [b"a" * 16_384 for _ in range(100)]
    tls = Tls(loop, near_sock, mine)
    tls.flush_soon()
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert 0 < tls.statistics().committed <= 16_384
    waiting = len(mine.outbox)
    assert waiting > 80
    mine.outbox[:] = [b"b" * 10]  # what waits at the owner can still change
    tls.flush_soon()
    await tls_setup.send_all(far_sock, b"heard")
    await mine.until(lambda: mine.data == b"heard")
    assert mine.outbox == [b"b" * 10]
    count = (100 - waiting) * 16_384
    with trio.fail_after(20):
        assert await tls_setup.read_exactly(far_sock, count + 10) == b"a" * count + b"b" * 10
    assert tls.statistics().committed == 0


async def test_frames_asked_for_in_one_round_are_pulled_together_at_its_end(loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    mine = owner()
    pulls: list[int] = []
    mine.react = lambda call: pulls.append(len(mine.outbox)) if call == "pull" else None
    tls = Tls(loop, near_sock, mine)

    def ask(piece: bytes) -> None:
        mine.outbox.append(piece)
        tls.flush_soon()
        tls.flush_soon()

    for piece in (b"one", b"two", b"three"):
        loop.call_soon(lambda piece=piece: ask(piece))
    with trio.fail_after(20):
        assert await tls_setup.read_exactly(far_sock, 11) == b"onetwothree"
    assert pulls == [3, 2, 1, 0]


async def test_what_came_with_the_handshake_is_read(loop: Loop, sockets, contexts, owner) -> None:
    """OpenSSL holds it already: no descriptor will ever signal it."""
    near_sock, far_sock = await tls_pair(sockets, contexts)
    await tls_setup.send_all(far_sock, b"0123456789")
    with trio.fail_after(20):
        assert await tls_setup.read_exactly(near_sock, 4) == b"0123"
    mine = owner()
    tls = Tls(loop, near_sock, mine)
    await mine.until(lambda: mine.data == b"456789")
    assert tls.last_read >= loop.now - 5


async def test_a_close_is_clean_for_the_peer(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    near, far = owner(), owner()
    tls, other = Tls(loop, near_sock, near), Tls(loop, far_sock, far)
    await trio.testing.wait_all_tasks_blocked()
    tls.close()
    tls.close()
    assert await far.closed() is None
    assert near.calls == []
    assert other.closed
    assert loop.statistics().endpoints == 0
    assert "closed" in repr(tls)


async def test_close_notify_is_a_clean_end(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    mine = owner()
    Tls(loop, near_sock, mine)
    with pytest.raises(ssl.SSLWantReadError):
        far_sock.unwrap()
    assert await mine.closed() is None


async def test_finish_sends_what_waits_and_ends_when_the_peer_does(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts, 4096)
    near, far = owner(), owner()
    near.outbox = [b"x" * 50_000, b"goodbye"]
    tls = Tls(loop, near_sock, near)
    tls.finish()
    Tls(loop, far_sock, far)
    assert await far.closed() is None
    assert far.data == b"x" * 50_000 + b"goodbye"
    assert await near.closed() is None


async def test_a_reset_is_an_error_behind_the_last_words(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    await tls_setup.send_all(far_sock, b"last words")
    far_sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    far_sock.close()
    mine = owner()
    mine.outbox = [b"too late", b"never pulled"]
    tls = Tls(loop, near_sock, mine)
    tls.flush_soon()
    assert isinstance(await mine.closed(), OSError)
    assert mine.data == b"last words"
    tls.flush_soon()
    tls.finish()


async def test_a_write_that_fails_first_still_reads_the_last_words(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    mine = owner()
    tls = Tls(loop, near_sock, mine)
    await trio.testing.wait_all_tasks_blocked()
    mine.outbox = [b"never arrives"]
    await tls_setup.send_all(far_sock, b"last words")
    far_sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    far_sock.close()
    tls._write()  # before the loop has seen either
    assert isinstance(await mine.closed(), OSError)
    assert mine.data == b"last words"


async def test_bytes_that_are_not_tls_end_it(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    mine = owner()
    Tls(loop, near_sock, mine)
    sockets.keep(socket.socket(fileno=far_sock.detach())).send(b"\x17\x03\x03\x00\x20" + bytes(32))
    assert isinstance(await mine.closed(), ssl.SSLError)


@pytest.mark.parametrize("where", ["bytes", "pull"])
async def test_an_owner_that_raises_resets_its_carrier_only(loop, sockets, contexts, owner, events, where) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    near, far = owner(), owner()

    def explode(call: str) -> None:
        if call == where:
            raise ValueError(call)

    near.react = explode
    tls = Tls(loop, near_sock, near)
    other = Tls(loop, far_sock, far)
    far.outbox = [b"x"]
    other.flush_soon()
    tls.flush_soon()
    assert isinstance(await near.closed(), HandlerFailed)
    assert isinstance(await far.closed(), ConnectionResetError)
    assert [name for name, _ in events] == ["handler-failed"]


class ScriptedTls:
    """Stands for an SSLSocket: each call takes the next answer of its script, an exception or a number of bytes."""

    def __init__(self, sock: socket.socket, told: Callable[[], None]) -> None:
        self._sock = sock
        self.told = told
        self.reads: list = []
        self.writes: list = []
        self.sent: list[bytes] = []

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def recv_into(self, buffer: memoryview, count: int) -> int:
        self.told()
        answer = self.reads.pop(0) if self.reads else ssl.SSLWantReadError()
        if isinstance(answer, Exception):
            raise answer
        buffer[: len(answer)] = answer
        return len(answer)

    def send(self, data: bytes | memoryview) -> int:
        self.sent.append(bytes(data))
        answer = self.writes.pop(0) if self.writes else len(data)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_write_that_wants_to_read_and_a_read_that_wants_to_write(loop: Loop, sockets, owner) -> None:
    sock, peer = sockets.pair()
    mine = owner()
    scripted = ScriptedTls(sock, mine.note)
    tls = Tls(loop, scripted, mine)
    await trio.testing.wait_all_tasks_blocked()
    scripted.writes = [2, ssl.SSLWantReadError(), 4]
    mine.outbox = [b"abcdef", b"gh"]
    tls.flush_soon()
    await trio.testing.wait_all_tasks_blocked()
    assert scripted.sent == [b"abcdef", b"cdef"]
    scripted.reads = [b"x"]
    peer.send(b"!")
    await mine.until(lambda: mine.data == b"x")
    await trio.testing.wait_all_tasks_blocked()
    assert scripted.sent == [b"abcdef", b"cdef", b"cdef", b"gh"]
    scripted.reads = [ssl.SSLWantWriteError(), b"y"]
    peer.send(b"!")
    await mine.until(lambda: len(scripted.reads) == 1)
    peer.send(b"!")  # an event that says "writable" again, as after a full kernel
    await mine.until(lambda: mine.data == b"xy")
    tls.close()


async def test_a_full_budget_of_sending_leaves_turns_to_others(loop: Loop, sockets, owner, notes) -> None:
    sock, _ = sockets.pair()
    mine = owner()
    scripted = ScriptedTls(sock, mine.note)
    mine.outbox = [bytes(64 * 1024)] * 40
    tls = Tls(loop, scripted, mine)
    reader = notes()
    left: list[int] = []
    tls.flush_soon()
    loop.call_soon(lambda: loop.call_soon(lambda: (left.append(len(mine.outbox)), reader.note())))
    await reader.until(lambda: bool(left))
    assert left[0] > 0
    await trio.testing.wait_all_tasks_blocked()
    assert mine.outbox == []
    tls.close()
