"""A carrier's end: committed bytes, reading while writing is stuck, endings. Real TLS over real sockets."""

import random
import socket
import ssl
import struct

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.engine import HandlerFailed, Loop, Tls, tls_setup
from relay.engine.secured import Secured
from tests.relay.engine.conftest import Owner, Sockets, alive, collector_off, send

RESET = struct.pack("ii", 1, 0)


async def tls_pair(sockets, contexts, buffers: int = 0) -> tuple[Secured, Secured]:
    near, far = sockets.pair(buffers)
    made: dict[str, Secured] = {}

    async def shake(name: str, sock: socket.socket, context: ssl.SSLContext, hostname: str | None) -> None:
        made[name] = await tls_setup.handshake(sock, context, hostname is None, hostname)

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


async def test_c2_what_an_owner_has_not_worked_off_goes_on_after_others_and_before_more_is_read(
    loop: Loop, sockets, contexts, owner
) -> None:
    order: list[str] = []
    names = ("slow", "quick")
    owners = {name: owner() for name in names}
    near_socks = []
    for name in names:
        near_sock, far_sock = await tls_pair(sockets, contexts)
        owners[name].react = lambda call, name=name: order.append(f"{name} {call}")
        near_socks.append(near_sock)
        await tls_setup.send_all(far_sock, b"x" * 100)
        far_sock.close()
    owners["slow"].turns = 5
    for name, near_sock in zip(names, near_socks, strict=True):
        Tls(loop, near_sock, owners[name])
    await owners["slow"].closed()
    await owners["quick"].closed()
    assert order.index("quick closed") < order.index("slow closed")
    assert order.count("slow bytes") == 5 and order[-1] == "slow closed"
    assert owners["slow"].data == b"x" * 100


async def test_c5_an_owner_whose_answers_are_not_read_is_given_nothing_until_they_have_left(
    loop: Loop, sockets, contexts, owner
) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts, 4096)
    mine = owner()
    mine.outbox = [b"a" * 16_384 for _ in range(20)]
    mine.react = lambda call: setattr(mine, "is_full", len(mine.outbox) > 5)
    tls = Tls(loop, near_sock, mine)
    tls.flush_soon()
    await trio.testing.wait_all_tasks_blocked(0.01)
    await tls_setup.send_all(far_sock, b"asked")
    await mine.until(lambda: "bytes" in mine.calls)
    await tls_setup.send_all(far_sock, b"again")
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert mine.calls == ["bytes"], "neither called in vain nor given more"
    theirs = owner()
    Tls(loop, far_sock, theirs)
    await theirs.until(lambda: theirs.data == b"a" * 20 * 16_384)
    await mine.until(lambda: mine.data == b"askedagain")
    tls.close()


async def test_c5_one_who_asked_and_left_without_reading_is_let_go(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts, 4096)
    mine = owner()
    mine.is_full = True
    mine.outbox = [b"a" * 16_384 for _ in range(20)]
    tls = Tls(loop, near_sock, mine)
    tls.flush_soon()
    await tls_setup.send_all(far_sock, b"asked")
    await mine.until(lambda: "bytes" in mine.calls)
    far_sock.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    far_sock.close()
    assert isinstance(await mine.closed(), OSError)


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
        far_sock.tls.unwrap()
    assert far_sock.flush()
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
    far_sock.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    far_sock.close()
    mine = owner()
    mine.outbox = [b"too late", b"never pulled"]
    tls = Tls(loop, near_sock, mine)
    tls.flush_soon()
    assert isinstance(await mine.closed(), OSError)
    assert mine.data == b"last words"
    tls.flush_soon()
    tls.finish()


async def test_a_carrier_whose_write_failed_keeps_nothing_alive(loop: Loop, sockets, contexts, owner) -> None:
    with collector_off():
        near_sock, far_sock = await tls_pair(sockets, contexts)
        far_sock.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        far_sock.close()
        mine = owner()
        mine.outbox = [b"too late", b"never pulled"]
        tls = Tls(loop, near_sock, mine)
        tls._write()  # before the loop has seen the reset
        assert isinstance(await mine.closed(), OSError)
        assert alive(Tls) == 1
        del tls
        loop.call_soon(lambda: None)  # the loop lets go of whom it was to serve in its next turn
        await trio.testing.wait_all_tasks_blocked()
        assert alive(Tls) == 0


async def test_a_write_that_fails_first_still_reads_the_last_words(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    mine = owner()
    tls = Tls(loop, near_sock, mine)
    await trio.testing.wait_all_tasks_blocked()
    mine.outbox = [b"never arrives"]
    await tls_setup.send_all(far_sock, b"last words")
    far_sock.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    far_sock.close()
    tls._write()  # before the loop has seen either
    assert isinstance(await mine.closed(), OSError)
    assert mine.data == b"last words"


async def test_bytes_that_are_not_tls_end_it(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    mine = owner()
    Tls(loop, near_sock, mine)
    far_sock.sock.send(b"\x17\x03\x03\x00\x20" + bytes(32))
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


async def test_a_full_budget_of_sending_leaves_turns_to_others(loop, sockets, contexts, owner, monkeypatch) -> None:
    monkeypatch.setattr("relay.engine.tls.SEND_BUDGET", 100_000)
    near_sock, far_sock = await tls_pair(sockets, contexts)
    near, far = owner(), owner()
    near.outbox = [bytes(50_000)] * 10
    left: list[int] = []
    tls = Tls(loop, near_sock, near)
    await trio.testing.wait_all_tasks_blocked()
    tls.flush_soon()
    loop.call_soon(lambda: loop.call_soon(lambda: left.append(len(near.outbox))))
    Tls(loop, far_sock, far)
    await far.until(lambda: len(far.data) == 500_000)
    assert left == [8]


async def test_a_bulk_carrier_sends_its_pulls_together(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    near, far = owner(), owner()
    pieces = [bytes([number]) * 65_000 for number in range(8)]
    near.outbox = list(pieces)
    committed: list[int] = []
    tls = Tls(loop, near_sock, near, is_bulk=True)
    near.react = lambda call: committed.append(near_sock.unsent) if call == "pull" else None
    Tls(loop, far_sock, far)
    tls.flush_soon()
    await far.until(lambda: len(far.data) == 8 * 65_000)
    assert far.data == b"".join(pieces)
    assert [size // 65_000 for size in committed[:6]] == [0, 1, 2, 3, 4, 0]


async def test_new_keys_that_the_peer_asks_for_are_sent(loop: Loop, sockets, contexts, owner) -> None:
    """What OpenSSL says of its own accord while it reads goes out, though the owner has nothing to send."""
    near_sock, far_sock = await tls_pair(sockets, contexts)
    mine = owner()
    tls = Tls(loop, near_sock, mine)
    await trio.testing.wait_all_tasks_blocked()
    near_sock.outgoing.write(b"as OpenSSL would")
    await tls_setup.send_all(far_sock, b"!")
    await mine.until(lambda: mine.data == b"!")
    await trio.testing.wait_all_tasks_blocked()
    assert far_sock.sock.recv(100) == b"as OpenSSL would"
    assert tls.statistics().committed == 0


@given(cuts=st.lists(st.integers(1, 70_000), max_size=40), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_any_split_of_the_wire_gives_the_same_bytes(contexts, cuts: list[int], seed: int) -> None:
    """The engine's own splitting: whatever part of whatever record came, all that is whole is handed over, in order."""
    source = random.Random(seed)
    sent = source.randbytes(source.choice((1, 16_384, 50_000, 300_000)))

    async def run() -> bytes:
        made, mine = Sockets(), Owner()
        async with trio.open_nursery() as nursery:
            loop = Loop()
            nursery.start_soon(loop.run)
            near_sock, far_sock = await tls_pair(made, contexts)
            Tls(loop, near_sock, mine)
            far_sock.tls.write(sent)
            wire = far_sock.outgoing.read()
            for cut in cuts:
                await send(far_sock.sock, wire[:cut])
                wire = wire[cut:]
                await trio.lowlevel.checkpoint()
            await send(far_sock.sock, wire)
            await mine.until(lambda: len(mine.data) >= len(sent))
            nursery.cancel_scope.cancel()
        made.close()
        return bytes(mine.data)

    assert trio.run(run) == sent


async def test_a_reset_before_the_first_service_is_told(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    far_sock.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    far_sock.close()
    mine = owner()
    tls = Tls(loop, near_sock, mine)
    assert tls.sock is near_sock.sock
    assert isinstance(await mine.closed(), ConnectionResetError)
    tls.reset()
    tls.fail(OSError("too late"))
    assert mine.calls == ["closed"]


async def test_an_owner_may_close_while_it_is_asked_for_bytes(loop: Loop, sockets, contexts, owner) -> None:
    near_sock, far_sock = await tls_pair(sockets, contexts)
    mine = owner()
    mine.outbox = [b"never sent"]
    tls = Tls(loop, near_sock, mine)
    mine.react = lambda call: tls.close() if call == "pull" else None
    tls.flush_soon()
    with trio.fail_after(20):
        assert await tls_setup.read_some(far_sock, 100) == b""
    assert tls.closed
    assert mine.calls == []
