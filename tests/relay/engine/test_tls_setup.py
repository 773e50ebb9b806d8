"""TLS as a carrier's set-up uses it: handshakes, small exchanges, and the end of one session before the next."""

import contextlib
import os
import socket
import ssl

import pytest
import trio

from relay.engine import sockopts, tls_setup


async def both(first, second) -> None:
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first)
            nursery.start_soon(second)


@pytest.mark.parametrize("is_held_back", [False, True])
async def test_a_second_session_starts_in_the_same_segment_as_the_end_of_the_first(
    sockets, contexts, is_held_back: bool
) -> None:
    """Dial, TRANSIT, unwrap, and at once the next handshake, all over one connection; what the dialler sends is also
    held back and delivered in one piece, so that its close_notify and its next ClientHello come together."""
    near, mid_near = sockets.pair()
    mid_far, far = sockets.pair()

    async def forward(source: socket.socket, sink: socket.socket, delay: float) -> None:
        while True:
            await trio.lowlevel.wait_readable(source)
            await trio.testing.wait_all_tasks_blocked(delay)
            data = source.recv(65536)
            if not data:
                break
            sink.send(data)
        with contextlib.suppress(OSError):  # reset meanwhile
            sink.shutdown(socket.SHUT_WR)

    async def dial() -> None:
        tls = await tls_setup.handshake(near, contexts[0], False, "node.test")
        await tls_setup.send_all(tls, b"TRANSIT")
        assert await tls_setup.read_exactly(tls, 2) == b"OK"
        bare = await tls_setup.unwrap(tls)
        assert type(bare) is socket.socket
        assert bare.gettimeout() == 0
        again = await tls_setup.handshake(bare, contexts[0], False, "node.test")
        await tls_setup.send_all(again, b"HELLO" * 5_000)
        assert await tls_setup.read_some(again, 100) == b"welcome"
        again.close()

    async def accept() -> None:
        tls = await tls_setup.handshake(far, contexts[1], True)
        assert await tls_setup.read_exactly(tls, 7) == b"TRANSIT"
        await tls_setup.send_all(tls, b"OK")
        bare = await tls_setup.unwrap(tls)
        again = await tls_setup.handshake(bare, contexts[1], True)
        assert await tls_setup.read_exactly(again, 25_000) == b"HELLO" * 5_000
        await tls_setup.send_all(again, b"welcome")
        assert await tls_setup.read_some(again, 1) == b""
        again.close()

    delay = 0.002 if is_held_back else 0.0
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(forward, mid_near, mid_far, delay)
            nursery.start_soon(forward, mid_far, mid_near, delay)
            await both(dial, accept)


async def test_a_close_notify_and_a_client_hello_in_one_segment(sockets, contexts) -> None:
    """The same, forced: the far end is not served until both are in its kernel."""
    near, far = sockets.pair()
    ready = trio.Event()

    async def dial() -> None:
        tls = await tls_setup.handshake(near, contexts[0], False, "node.test")
        with pytest.raises(ssl.SSLWantReadError):
            tls.tls.unwrap()
        assert tls.flush()  # close_notify is out
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        hello = contexts[0].wrap_bio(incoming, outgoing, server_hostname="node.test")
        with pytest.raises(ssl.SSLWantReadError):
            hello.do_handshake()
        near.send(outgoing.read())
        ready.set()
        bare = await tls_setup.unwrap(tls)
        while True:
            try:
                hello.do_handshake()
                break
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(bare)
                incoming.write(bare.recv(65536))
        bare.send(outgoing.read())

    async def accept() -> None:
        tls = await tls_setup.handshake(far, contexts[1], True)
        await ready.wait()
        bare = await tls_setup.unwrap(tls)
        await tls_setup.handshake(bare, contexts[1], True)

    await both(dial, accept)


async def test_a_failed_handshake_closes_its_socket_and_says_why(sockets, contexts) -> None:
    near, far = sockets.pair()

    async def dial() -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            await tls_setup.handshake(near, contexts[0], False, "another.test")

    async def accept() -> None:
        with pytest.raises(OSError):
            tls = await tls_setup.handshake(far, contexts[1], True)
            try:  # TLS 1.3: the server may learn of the refusal only when it reads
                await tls_setup.read_exactly(tls, 1)
            finally:
                tls.close()

    before = len(os.listdir("/proc/self/fd"))
    await both(dial, accept)
    assert len(os.listdir("/proc/self/fd")) == before - 2


async def test_rubbish_and_silence_are_refused(sockets, contexts) -> None:
    near, far = sockets.pair()
    near.send(b"GET / HTTP/1.1\r\n\r\n")
    with trio.fail_after(20), pytest.raises(ssl.SSLError):
        await tls_setup.handshake(far, contexts[1], True)
    near, far = sockets.pair()
    before = len(os.listdir("/proc/self/fd"))
    with trio.move_on_after(0.02) as scope:
        await tls_setup.handshake(far, contexts[1], True)
    assert scope.cancelled_caught
    assert len(os.listdir("/proc/self/fd")) == before - 1


async def test_a_peer_that_is_gone_before_the_handshake(sockets, contexts) -> None:
    near, far = sockets.pair()
    sockopts.reset_on_close(near)
    near.close()
    before = len(os.listdir("/proc/self/fd"))
    with trio.fail_after(20), pytest.raises(OSError):
        await tls_setup.handshake(far, contexts[1], True)
    assert len(os.listdir("/proc/self/fd")) == before - 1


async def test_an_end_in_the_middle_of_a_message_is_an_error(sockets, contexts) -> None:
    near, far = sockets.pair()

    async def dial() -> None:
        tls = await tls_setup.handshake(near, contexts[0], False, "node.test")
        await tls_setup.send_all(tls, b"abc")
        tls.close()

    async def accept() -> None:
        tls = await tls_setup.handshake(far, contexts[1], True)
        with pytest.raises(ConnectionResetError, match="3 of 10"):
            await tls_setup.read_exactly(tls, 10)

    await both(dial, accept)


async def test_closing_wakes_the_task_that_waits(sockets, contexts) -> None:
    near, far = sockets.pair()
    waiting = trio.Event()

    async def dial() -> None:
        tls = await tls_setup.handshake(near, contexts[0], False, "node.test")
        with pytest.RaisesGroup(trio.ClosedResourceError):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tls_setup.read_some, tls, 1)
                await trio.testing.wait_all_tasks_blocked()
                tls_setup.close(near)
                tls_setup.close(near)
        waiting.set()

    async def accept() -> None:
        tls = await tls_setup.handshake(far, contexts[1], True)
        await waiting.wait()
        assert await tls_setup.read_some(tls, 1) == b""

    await both(dial, accept)
