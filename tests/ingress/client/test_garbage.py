"""What a connection leaves behind is freed when it ends: nothing of it waits for the collector."""

import gc
import socket
import struct
from collections.abc import Callable, Iterator

import pytest

from ingress.client.client import Client
from ingress.client.client_stream import ClientStream
from relay.carrier.binding import Binding
from relay.engine import Tcp
from relay.session.stream import Stream
from tests.world import NAME, World, is_reset, read, read_all, until

Make = Callable[..., World]
OURS = (Binding, Client, ClientStream, Stream, Tcp)


@pytest.fixture
def garbage() -> Iterator[Callable[[], list[object]]]:
    """What only a collection would free, of all that a connection is made of."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)

    def found() -> list[object]:
        gc.collect()
        return [type(one) for one in gc.garbage if isinstance(one, OURS)]

    yield found
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


async def by_client(world: World) -> None:
    client, target = await world.pair()
    await client.send_all(b"question")
    assert await read(target, 8) == b"question"
    await client.send_eof()
    await target.send_all(b"answer")
    await target.aclose()
    assert await read_all(client) == b"answer"
    await client.aclose()


async def by_reset(world: World) -> None:
    client, target = await world.pair()
    await client.send_all(b"question")
    assert await read(target, 8) == b"question"
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await client.aclose()
    assert await is_reset(target)
    await target.aclose()


async def by_target(world: World) -> None:
    client, target = await world.pair()
    await target.aclose()
    assert await read_all(client) == b""
    await client.aclose()


async def by_gateway(world: World) -> None:
    client = await world.client()
    await client.send_all(f"GET http://{NAME}:{world.target.port}/ HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
    target = await world.target.accept()
    await target.receive_some()
    await target.send_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    await target.aclose()
    assert (await client.receive_some()).startswith(b"HTTP/1.1 204")
    await client.aclose()


@pytest.mark.parametrize("ending", [by_client, by_reset, by_target, by_gateway])
async def test_a_connection_leaves_no_garbage(make_world: Make, garbage, ending) -> None:
    world = await make_world().start()
    await world.up()
    for _ in range(2):
        await ending(world)
    await until(lambda: world.running.fleet.stream_count == 0 and world.running.entrance.clients == 0)
    await until(lambda: all(node.sessions.streams == 0 for node in world.nodes.values()))
    await until(lambda: not world.running.opener.unacknowledged)  # which are looked at every round
    assert garbage() == []
