"""Two endpoints of the engine back to back: every byte and every end gets through."""

import random
import socket
import struct
from collections.abc import Callable

import trio

from relay.engine import Loop, Tcp
from tests.relay.engine.conftest import read, send


async def test_two_endpoints_make_a_relay_that_keeps_every_byte(loop: Loop, sockets, owner) -> None:
    """Backpressure as a binding does it: pause the source while the sink has bytes unsent."""
    left, right = owner(), owner()
    (left_sock, client), (right_sock, target) = sockets.pair(16_384), sockets.pair(4096)
    ends = {left: Tcp(loop, left_sock, left), right: Tcp(loop, right_sock, right)}
    most_unsent = 0

    def wire(source, sink) -> Callable[[str], None]:
        def react(call: str) -> None:
            nonlocal most_unsent
            if call == "bytes":
                ends[sink].write(memoryview(source.data))
                source.data.clear()
                most_unsent = max(most_unsent, ends[sink].unsent)
                if ends[sink].unsent:
                    ends[source].pause()
            elif call == "eof":
                ends[sink].finish()
            elif call == "writable":
                ends[sink].resume()

        return react

    left.react, right.react = wire(left, right), wire(right, left)
    content = random.Random(2).randbytes(2_000_000)
    received: dict[str, bytes] = {}

    async def talk(sock: socket.socket) -> None:
        await send(sock, content)
        sock.shutdown(socket.SHUT_WR)

    async def receive(name: str, sock: socket.socket) -> None:
        received[name] = await read(sock, len(content) + 1)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for name, sock in (("client", client), ("target", target)):
                nursery.start_soon(talk, sock)
                nursery.start_soon(receive, name, sock)
    assert received == {"client": content, "target": content}
    assert most_unsent < 300_000
    assert await left.closed() is None
    assert await right.closed() is None


async def test_a_fin_for_one_who_has_reset_ends_with_an_error(loop: Loop, sockets, owner) -> None:
    near, far = sockets.pair()
    mine = owner()
    tcp = Tcp(loop, near, mine)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    tcp.finish()
    assert isinstance(await mine.closed(), OSError)
    tcp.fail(OSError("too late"))
    assert mine.calls.count("closed") == 1
