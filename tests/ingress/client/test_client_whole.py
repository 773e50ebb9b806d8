"""Clients as programs are and as they should not be, through every door, over a real network in this process."""

import os
from collections.abc import Callable

import pytest
import trio

from relay.model.network import Address
from tests.world import NAME, PATIENCE, Journal, World, abort, free_ports, is_reset, read, read_all, reply, until

HTTP = b"GET http://%s:%d/ HTTP/1.1\r\nHost: x\r\n\r\n"
FORWARD = '[[forward]]\nlisten = "127.0.0.1:{listen}"\ntarget = "127.0.0.1:{target}"\n'
FAST = '[limits]\nhandshake = "300ms"\n'


@pytest.fixture
async def world(make_world: Callable[..., World]) -> World:
    made = await make_world(extra=FAST).start()
    await made.up()
    return made


def socks5(world: World) -> bytes:
    name = NAME.encode()
    return b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name + world.target.port.to_bytes(2, "big")


def socks4(world: World) -> bytes:
    return b"\x04\x01" + world.target.port.to_bytes(2, "big") + b"\0\0\0\1me\0" + NAME.encode() + b"\0"


def connect(world: World) -> bytes:
    return f"CONNECT {NAME}:{world.target.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


DOORS = [(socks5, 12), (socks4, 8), (connect, len(b"HTTP/1.1 200 Connection established\r\n\r\n"))]


@pytest.mark.parametrize(("words", "size"), DOORS)
async def test_bytes_and_the_end_behind_the_handshake_arrive(
    world: World, words: Callable[[World], bytes], size: int
) -> None:
    client = await world.client()
    await client.send_all(words(world) + b"question")
    await client.send_eof()
    target = await world.target.accept()
    assert await read_all(target) == b"question"
    await target.send_all(b"answer")
    await target.send_eof()
    assert (await read_all(client))[size:] == b"answer"


async def test_a_forward_takes_bytes_and_the_end_at_once(make_world: Callable[..., World]) -> None:
    world = make_world()
    (listen,) = free_ports(1)
    world.extra = FORWARD.format(listen=listen, target=world.target.port)
    world.write()
    await world.start()
    client = await trio.open_tcp_stream("127.0.0.1", listen)
    async with client:
        await client.send_all(b"at once")
        await client.send_eof()
        target = await world.target.accept()
        assert await read_all(target) == b"at once"
        await target.send_all(b"answer")
        await target.send_eof()
        assert await read_all(client) == b"answer"


HALF = [
    (b"", b""),
    (b"\x05", b""),
    (b"\x05\x01\x00", b"\x05\x00"),
    (b"\x04\x01", b""),
    (b"GET / HT", b"HTTP/1.1 408 "),
    (b"\x16\x03\x01\x02\x00\x01\x00", b""),
    (b"\x80\x00\xff", b""),
]
"""What clients begin with and never go on with, and how what they hear begins."""


async def test_a_handshake_that_does_not_come_ends(world: World) -> None:
    clients = [await world.client() for _ in HALF]
    for client, (words, _) in zip(clients, HALF, strict=True):
        await client.send_all(words)
    for client, (_, answer) in zip(clients, HALF, strict=True):
        assert (await read_all(client)).startswith(answer)
        await client.aclose()
    await until(lambda: world.running.entrance.clients == 0)


async def test_the_deadline_is_for_the_whole_handshake(world: World) -> None:
    client = await world.client()
    with trio.fail_after(PATIENCE), pytest.raises(trio.ClosedResourceError):
        while True:
            await client.send_all(b"\x05")
            with trio.move_on_after(0.05):
                await read_all(client)
                await client.aclose()


async def test_the_deadline_is_over_with_the_handshake(world: World, black_hole: Address) -> None:
    client = await world.ask("127.0.0.1", black_hole.port)
    await until(lambda: world.running.fleet.stream_count == 1)
    witness = await world.client()
    assert await read_all(witness) == b""  # a handshake's time has passed
    await witness.aclose()
    await until(lambda: world.running.entrance.clients == 1)
    assert world.running.fleet.stream_count == 1
    await client.aclose()


async def test_a_client_that_leaves_while_the_exit_dials_cancels_the_dial(world: World, black_hole: Address) -> None:
    client = await world.ask("127.0.0.1", black_hole.port)
    sessions = world.nodes["us"].sessions
    await until(lambda: len(sessions._dials._dialling) == 1)
    await client.aclose()
    await until(lambda: not sessions._dials._dialling and sessions.streams == 0)
    await until(lambda: world.running.fleet.stream_count == 0 and world.running.entrance.clients == 0)


async def test_a_refusal_is_read_although_the_client_talks_on(world: World) -> None:
    client = await world.ask("169.254.169.254", 80)
    await client.send_all(b"x" * 1_000_000)
    assert await reply(client) == 2
    assert await client.receive_some() == b""
    await client.aclose()
    await until(lambda: world.running.entrance.clients == 0)


async def test_who_was_told_its_last_and_leaves_is_forgotten_at_once(world: World) -> None:
    client = await world.client()
    await client.send_all(b"BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await read_all(client)).startswith(b"HTTP/1.1 400 ")
    await client.send_eof()
    with trio.fail_after(1):  # sooner than LINGER
        await until(lambda: world.running.entrance.clients == 0)


async def test_plain_requests_over_one_connection(world: World) -> None:
    client = await world.client()
    for number in range(3):
        await client.send_all(HTTP % (NAME.encode(), world.target.port))
        if number == 0:
            target = await world.target.accept()
        head = await read_head(target)
        assert head.startswith(b"GET / HTTP/1.1\r\n")
        await target.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        assert (await read_head(client)).startswith(b"HTTP/1.1 200 OK")
        assert await read(client, 2) == b"ok"
    assert world.target.dialled == 1


async def test_a_large_answer_through_the_gateway_waits_for_its_reader(world: World) -> None:
    client = await world.client(buffer=16_384)
    await client.send_all(HTTP % (NAME.encode(), world.target.port))
    target = await world.target.accept()
    await read_head(target)
    body = os.urandom(4_000_000)
    await target.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))

    async def send() -> None:
        await target.send_all(body)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        (stream,) = (one for peer in world.running.fleet.peers.values() for one in peer.session.streams.values())
        await until(lambda: stream.session._look_at is not None)
        assert stream.receiver.limit < 3_000_000  # it is promised no more while it waits in the kernel
        await read_head(client)
        assert await read(client, len(body)) == body


async def test_an_upload_through_the_gateway_waits_for_the_target(world: World) -> None:
    client = await world.client()
    body = os.urandom(3_000_000)
    head = b"POST http://%s:%d/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"

    async def send() -> None:
        await client.send_all(head % (NAME.encode(), world.target.port, len(body)) + body)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        target = await world.target.accept()
        (stream,) = (one for peer in world.running.fleet.peers.values() for one in peer.session.streams.values())
        await until(lambda: not stream.room)
        await read_head(target)
        assert await read(target, len(body)) == body
    await target.send_all(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await read_head(client)).startswith(b"HTTP/1.1 204")


async def read_head(stream: trio.SocketStream) -> bytes:
    """One HTTP head, and not a byte more."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += await read(stream, 1)
    return data


@pytest.mark.parametrize("method", ["receive_upstream", "opened"])
async def test_a_door_that_raises_loses_its_client_and_nobody_else(
    world: World, journal: Journal, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    other, target = await world.pair()
    monkeypatch.setattr(f"ingress.doors.http.HttpDoor.{method}", lambda *_: 1 / 0)
    client = await world.client()
    await client.send_all(HTTP % (NAME.encode(), world.target.port))
    if method == "receive_upstream":
        await (await world.target.accept()).send_all(b"HTTP/1.1 200 OK\r\n\r\n")
    assert await is_reset(client)
    await journal.until("handler-failed", level="error")
    assert journal.of("carrier-lost") == []
    await other.send_all(b"unharmed")
    assert await read(target, 8) == b"unharmed"
    await until(lambda: world.running.fleet.stream_count == 1)


async def test_a_target_that_resets_resets_the_client(world: World) -> None:
    client, target = await world.pair()
    abort(target)
    assert await is_reset(client)
    await until(lambda: world.running.fleet.stream_count == 0 and world.running.entrance.clients == 0)


async def test_a_client_that_resets_resets_the_target(world: World) -> None:
    client, target = await world.pair()
    abort(client)
    assert await is_reset(target)


async def test_a_thousand_connects_and_aborts_leave_nothing(world: World) -> None:
    before, tasks = len(os.listdir("/proc/self/fd")), trio.lowlevel.current_statistics().tasks_living
    for _ in range(10):
        clients = [await world.ask() for _ in range(100)]
        for index, client in enumerate(clients):
            if index % 3 == 0:
                assert await reply(client) == 0
        for index, client in enumerate(clients):
            if index % 2:
                abort(client)
            else:
                client.socket.close()
        world.target.close_accepted()
    entrance, fleet = world.running.entrance, world.running.fleet
    await until(lambda: world.target.close_accepted() and (entrance.clients == 0 and fleet.stream_count == 0))
    assert fleet.memory.used == 0
    await until(
        lambda: world.target.close_accepted() and len(os.listdir("/proc/self/fd")) <= before + 40
    )  # spares, datagrams: what a slow machine took for lost was set up again
    assert trio.lowlevel.current_statistics().tasks_living <= tasks + 4
    client, target = await world.pair()
    await client.send_all(b"well")
    assert await read(target, 4) == b"well"
