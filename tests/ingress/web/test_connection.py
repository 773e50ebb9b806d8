"""One connection: requests as they may come, bounds in size and time, and whatever else comes in."""

import json
from collections.abc import AsyncGenerator, Callable

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, memory_stream_pair

from ingress.web.connection import (
    IDLE_SECONDS,
    LARGEST_BODY,
    LARGEST_HEAD,
    REQUEST_SECONDS,
    TAKE_SECONDS,
    WebConnection,
)
from ingress.web.exchange import WebRequest, WebResponse
from tests.ingress.web.sites import SECRET, Scene
from tests.ingress.web.visitor import Got, exchange

HOST = {"host": "127.0.0.1:9090"}
LOCAL = ("127.0.0.1", 9090)


class Line:
    """A connection to *answer*, and whether it has ended."""

    def __init__(self, nursery: trio.Nursery, answer: Callable[..., object]) -> None:
        self.here, there = memory_stream_pair()
        self.there = there
        self.ended = trio.Event()
        self._connection = WebConnection(there, answer, "127.0.0.1", LOCAL)  # type: ignore[arg-type]
        nursery.start_soon(self._run)

    async def _run(self) -> None:
        await self._connection.serve()
        await self.there.aclose()
        self.ended.set()

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Got:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await exchange(self.here, method, path, body, {**HOST, **named})

    async def said(self, data: bytes) -> bytes:
        """All that comes for *data*, to the end."""
        await self.here.send_all(data)
        return await self.rest()

    async def rest(self) -> bytes:
        told = b""
        try:
            async for more in self.here:
                told += more
        except trio.BrokenResourceError:
            pass
        return told


@pytest.fixture
def line(nursery: trio.Nursery) -> Line:
    return Line(nursery, Scene().site.answer)


async def test_requests_follow_each_other_on_one_connection(autojump_clock: MockClock, line: Line) -> None:
    first = await line.ask("GET", "/open/a%20b?x=1&x=2&y")
    assert first.status == 200 and first.json() == {"path": "/open/a b", "query": {"x": "2", "y": ""}, "size": 0}
    second = await line.ask("POST", "/open/c", b"z" * LARGEST_BODY)
    assert second.json()["size"] == LARGEST_BODY
    assert (await line.ask("GET", "/api/look")).status == 401


async def test_requests_may_stand_behind_each_other(autojump_clock: MockClock, line: Line) -> None:
    one = b"GET /open/%d HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    told = await line.said(one % 1 + one % 2 + b"GET /open/3 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    assert [told.count(b'"path": "/open/%d"' % number) or told.count(b'"path":"/open/%d"' % number)
            for number in (1, 2, 3)] == [1, 1, 1]  # fmt: skip


async def test_a_visitor_of_http_1_0_is_answered_and_left(autojump_clock: MockClock, line: Line) -> None:
    told = await line.said(b"GET /open/x HTTP/1.0\r\nhost: localhost\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 200") and line.ended.is_set()


async def test_head_has_no_body_and_the_length_of_one(autojump_clock: MockClock, line: Line) -> None:
    await line.here.send_all(b"HEAD /open/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    told = await line.rest()
    assert b"content-length: " in told.lower() and told.endswith(b"\r\n\r\n")


async def test_who_waits_to_be_told_to_go_on_is_told(autojump_clock: MockClock, line: Line) -> None:
    await line.here.send_all(
        b"POST /open/x HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"
    )
    assert (await line.here.receive_some()).startswith(b"HTTP/1.1 100 ")
    await line.here.send_all(b"abc")
    assert b'"size":3' in await line.here.receive_some()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x00", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"y" * (3 * LARGEST_HEAD) + b"\r\n\r\n", 431),
        (b"GET http://localhost/ HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
        (b"GET /%00 HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
        (b"GET /open/?" + b"&".join([b"a=1"] * 65) + b" HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"POST /open/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 70000\r\n\r\n" + bytes(66000), 413),
        (b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip\r\n\r\n", 501),
    ],
)
async def test_what_cannot_be_read_is_told_so_and_ends(
    autojump_clock: MockClock, line: Line, data: bytes, status: int
) -> None:
    told = await line.said(data)
    assert told.startswith(b"HTTP/1.1 %d " % status) and b"content-security-policy: " in told
    await line.ended.wait()


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", b"POST /open/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nx"]
)
async def test_who_is_slow_to_ask_is_left(autojump_clock: MockClock, line: Line, sent: bytes) -> None:
    began = trio.current_time()
    told = await line.said(sent)
    took = trio.current_time() - began
    assert (took < IDLE_SECONDS) is bool(sent) and took >= REQUEST_SECONDS
    assert told.startswith(b"HTTP/1.1 408") if b"\r\n\r\n" in sent else not told.startswith(b"HTTP/1.1 2")


async def test_who_sends_byte_by_byte_gains_no_time(autojump_clock: MockClock, line: Line) -> None:
    began = trio.current_time()
    with pytest.raises(trio.BrokenResourceError):
        while True:
            await line.here.send_all(b"a")
            await trio.sleep(1)
    assert trio.current_time() - began <= REQUEST_SECONDS + 3


async def test_a_connection_without_requests_is_left_after_a_while(autojump_clock: MockClock, line: Line) -> None:
    assert (await line.ask("GET", "/open/x")).status == 200
    began = trio.current_time()
    assert await line.rest() == b""
    assert trio.current_time() - began == pytest.approx(IDLE_SECONDS, abs=2)


async def test_who_takes_nothing_is_left(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    ended: list[bool] = []

    async def drip() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield bytes(100_000)
        finally:
            ended.append(True)

    async def answer(_: WebRequest) -> WebResponse:
        return WebResponse(drip())

    line = Line(nursery, answer)

    async def hang() -> None:
        await trio.sleep_forever()

    line.there.send_stream.send_all_hook = hang
    await line.here.send_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
    began = trio.current_time()
    await line.ended.wait()
    assert trio.current_time() - began == pytest.approx(TAKE_SECONDS, abs=2)
    assert ended in ([], [True])


async def test_a_stream_ends_when_the_visitor_leaves(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    ended = trio.Event()

    async def drip() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield SECRET
                await trio.sleep(1)
        finally:
            ended.set()

    async def answer(_: WebRequest) -> WebResponse:
        return WebResponse(drip())

    line = Line(nursery, answer)
    await line.here.send_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
    while SECRET not in await line.here.receive_some():
        pass
    await line.here.send_all(b"noise that nobody reads")
    await line.here.aclose()
    await ended.wait()
    await line.ended.wait()


async def test_a_stream_that_ends_is_whole(nursery: trio.Nursery) -> None:
    async def few() -> AsyncGenerator[bytes, None]:
        for number in range(3):
            yield json.dumps(number).encode()

    async def answer(request: WebRequest) -> WebResponse:
        return WebResponse(few(), is_messages=request.path == "/lines")

    for path, body in (("/", b"012"), ("/lines", b"0\n1\n2\n")):
        line = Line(nursery, answer)
        got = await line.ask("GET", path)
        assert (got.body, got.headers["connection"]) == (body, "close")


async def test_a_long_answer_comes_whole(nursery: trio.Nursery) -> None:
    body = bytes(range(256)) * 1000

    async def answer(_: WebRequest) -> WebResponse:
        return WebResponse(body)

    got = await Line(nursery, answer).ask("GET", "/")
    assert got.body == body and got.headers["content-length"] == str(len(body))


async def test_the_head_of_a_stream_does_not_begin_it(nursery: trio.Nursery) -> None:
    async def never() -> AsyncGenerator[bytes, None]:
        raise AssertionError("it was begun")
        yield b""

    async def answer(_: WebRequest) -> WebResponse:
        return WebResponse(never())

    line = Line(nursery, answer)
    told = await line.said(b"HEAD / HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 200")


@given(data=st.lists(st.one_of(
    st.binary(max_size=200),
    st.sampled_from([
        b"GET / HTTP/1.1\r\n", b"POST /api/look HTTP/1.1\r\n", b"host: 127.0.0.1\r\n", b"\r\n",
        b"content-length: 5\r\n",
        b"transfer-encoding: chunked\r\n", b"5\r\nabcde\r\n", b"0\r\n\r\n", b"connection: upgrade\r\n",
        b"upgrade: websocket\r\n", b"expect: 100-continue\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]),
), max_size=12))  # fmt: skip
async def test_nothing_that_comes_in_leaks_or_kills(data: list[bytes]) -> None:
    scene = Scene()
    async with trio.open_nursery() as nursery:
        line = Line(nursery, scene.site.answer)
        for piece in data:
            try:
                await line.here.send_all(piece)
            except trio.BrokenResourceError:
                break
        await line.here.send_eof()
        told = await line.rest()
        await line.ended.wait()
    assert SECRET not in told and scene.called == []
    if told:
        assert told.startswith(b"HTTP/1.1 ")
