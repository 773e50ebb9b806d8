"""A WebSocket whose visitor breaks the rules, or whose messages end."""

from collections.abc import AsyncGenerator

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from ingress.web import websocket
from ingress.web.exchange import Visitor, WebRequest
from ingress.web.websocket import serve_websocket

ASKED = {
    "host": "localhost",
    "upgrade": "websocket",
    "connection": "keep-alive, Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "x3JJHMbDL1EzLkh9GBhXDw==",
}


async def few() -> AsyncGenerator[bytes, None]:
    for number in range(2):
        yield str(number).encode()


async def many() -> AsyncGenerator[bytes, None]:
    while True:
        yield b"x"
        await trio.sleep(1)


def asked() -> WebRequest:
    return WebRequest("GET", "/any where", {}, ASKED, b"", Visitor("127.0.0.1"))


async def test_messages_that_end_are_followed_by_a_close(nursery: trio.Nursery) -> None:
    here, there = memory_stream_pair()
    nursery.start_soon(serve_websocket, there, asked(), few(), b"")
    data = b""
    while b"\x88" not in data:
        data += await here.receive_some()
    told = data.partition(b"\r\n\r\n")[2]
    assert told == b"\x81\x010\x81\x011\x88\x02\x03\xe8"


@pytest.mark.parametrize("noise", [b"\xff\xff\xff\xff", b"\x81\x05hello", b"\x8a\x80\x00\x00\x00\x00" * 300])
async def test_noise_ends_it_or_is_borne(
    autojump_clock: MockClock, nursery: trio.Nursery, noise: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "LARGEST_COMING", 1000)
    here, there = memory_stream_pair()
    ended = trio.Event()

    async def serve() -> None:
        await serve_websocket(there, asked(), many(), b"")
        ended.set()

    nursery.start_soon(serve)
    assert b" 101 " in await here.receive_some()
    await here.send_all(noise)
    await ended.wait()
