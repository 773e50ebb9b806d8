"""Bytes in number: whole, unchanged, both ways, a thousand streams at once; ends and resets as they were meant."""

import hashlib
import json
import random
import socket
from collections.abc import Iterator

import pytest
import trio

from ingress.demo.target.content import content, sha256_of
from tests.network.clients import PATIENCE, read_all, reset
from tests.network.network import Network

pytestmark = pytest.mark.network
SIZE = 30_000_000


def test_a_large_download_is_whole(network: Network) -> None:
    assert hashlib.sha256(network.get(f"/bytes/{SIZE}")).hexdigest() == sha256_of(SIZE)


def test_a_large_upload_is_whole(network: Network) -> None:
    data = random.Random(1).randbytes(SIZE)
    told = json.loads(network.get("/hash", body=data))
    assert told == {"bytes": SIZE, "sha256": hashlib.sha256(data).hexdigest()}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A target of the test's own."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.settimeout(PATIENCE)
        yield sock


def both_ends(network: Network, listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    client = network.connect("socks5", listener.getsockname())
    target, _ = listener.accept()
    target.settimeout(PATIENCE)
    return client, target


@pytest.mark.parametrize("first", ["client", "target"])
def test_half_close_crosses_and_the_other_way_goes_on(network: Network, listener: socket.socket, first: str) -> None:
    client, target = both_ends(network, listener)
    one, other = (client, target) if first == "client" else (target, client)
    with one, other:
        one.sendall(b"question")
        one.shutdown(socket.SHUT_WR)
        assert read_all(other) == b"question"
        other.sendall(content(0, 500_000))
        other.shutdown(socket.SHUT_WR)
        assert read_all(one) == content(0, 500_000)


@pytest.mark.parametrize("first", ["client", "target"])
def test_a_reset_crosses_as_a_reset(network: Network, listener: socket.socket, first: str) -> None:
    client, target = both_ends(network, listener)
    one, other = (client, target) if first == "client" else (target, client)
    with other:
        reset(one)
        with pytest.raises(ConnectionResetError):
            other.recv(1)


def test_a_slow_reader_slows_its_writer_and_nobody_else(network: Network, listener: socket.socket) -> None:
    client, target = both_ends(network, listener)
    with client, target:
        target.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):
            while True:
                sent += target.send(bytes(1 << 20))
        assert sent < 100_000_000
        assert network.get("/bytes/1000000") == content(0, 1_000_000)


async def test_a_thousand_streams_at_once_each_get_their_own(network: Network) -> None:
    host, port = network.target
    request = b"\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2, "big")
    opened, all_open = [0], trio.Event()

    async def one(number: int) -> None:
        async with await trio.open_tcp_stream(*network.proxy) as stream:
            await stream.send_all(b"\x05\x01\x00" + request)
            answer = b""
            while len(answer) < 12:
                answer += await stream.receive_some(12 - len(answer))
            assert answer[3] == 0
            opened[0] += 1
            if opened[0] == 1000:
                all_open.set()
            await all_open.wait()
            await stream.send_all(b"GET /bytes/%d HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" % number)
            body = b"".join([data async for data in stream]).partition(b"\r\n\r\n")[2]
            assert body == content(0, number)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(1000, 2000):
                nursery.start_soon(one, number)
