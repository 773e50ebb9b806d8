"""The target over real sockets, asked by a client of the standard library."""

import hashlib
import http.client
import json
import socket
from collections.abc import Iterator
from functools import partial

import pytest
import trio

from ingress.demo.target.__main__ import listen, serve
from ingress.demo.target.content import content
from ingress.demo.target.report import TargetCounts


class Target:
    """A target in this process."""

    def __init__(self, port: int, report: TargetCounts) -> None:
        self.port = port
        self.report = report

    async def ask(self, method: str, path: str, body: object = None, address: str = "127.0.0.1") -> tuple[int, bytes]:
        """The status and body of the answer; in a thread, for the client knows nothing of trio."""
        return await trio.to_thread.run_sync(self._ask, method, path, body, address)

    def _ask(self, method: str, path: str, body: object, address: str) -> tuple[int, bytes]:
        client = http.client.HTTPConnection(address, self.port, timeout=10)
        try:
            client.request(method, path, body)  # type: ignore[arg-type]
            answer = client.getresponse()
            return answer.status, answer.read()
        finally:
            client.close()


@pytest.fixture
async def target(nursery: trio.Nursery) -> Target:
    report = TargetCounts()
    listeners = listen(0, ["127.0.0.1", "127.0.1.1"])
    handler = partial(serve, report=report, exits={"127.0.1.1": "us-one"})
    await nursery.start(trio.serve_listeners, handler, listeners)
    return Target(listeners[0].socket.getsockname()[1], report)


async def test_the_page_says_which_exit_came(target: Target) -> None:
    assert b"through the exit us-one" in (await target.ask("GET", "/", address="127.0.1.1"))[1]
    assert b"hides the exit" in (await target.ask("GET", "/"))[1]
    assert target.report.exits == {"us-one": 1, "unknown": 1}


async def test_bytes_are_the_known_ones(target: Target) -> None:
    status, body = await target.ask("GET", "/bytes/2000000")
    assert (status, len(body)) == (200, 2_000_000)
    assert body[1_500_000:1_600_000] == content(1_500_000, 100_000)
    assert (await target.ask("GET", "/sha256/2000000"))[1].decode().strip() == hashlib.sha256(body).hexdigest()


async def test_what_is_sent_comes_back_or_is_hashed(target: Target) -> None:
    data = content(0, 700_000)
    assert (await target.ask("POST", "/echo", data))[1] == data
    told = json.loads((await target.ask("PUT", "/hash", data))[1])
    assert told == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


async def test_chunked_uploads_are_understood(target: Target) -> None:
    def chunks() -> Iterator[bytes]:
        yield from (b"one ", b"two ", b"three")

    assert (await target.ask("POST", "/echo", chunks()))[1] == b"one two three"


async def test_echo_answers_while_it_is_still_asked(target: Target) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", target.port) as stream:
        await stream.send_all(b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n")
        answer = b""
        with trio.fail_after(10):
            while b"ping" not in answer:
                answer += await stream.receive_some()


async def test_slow_takes_its_time_line_by_line(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingress.demo.target.conversation.DRIP", 0.02)
    assert (await target.ask("GET", "/slow/1"))[1].splitlines()[-1] == b"49"


@pytest.mark.parametrize("path", ["/nothing", "/bytes", "/bytes/x", "/bytes/-1", "/sha256/9999999999999999"])
async def test_what_is_not_there_is_404_with_help(target: Target, path: str) -> None:
    status, body = await target.ask("GET", path)
    assert status == 404 and b"/bytes/N" in body


async def test_one_connection_serves_many_requests(target: Target) -> None:
    def three() -> list[bytes]:
        client = http.client.HTTPConnection("127.0.0.1", target.port, timeout=10)
        bodies = []
        for method, path in (("GET", "/bytes/10"), ("HEAD", "/bytes/10"), ("GET", "/nothing")):
            client.request(method, path)
            bodies.append(client.getresponse().read())
        client.close()
        return bodies

    first, head, _ = await trio.to_thread.run_sync(three)
    assert (first, head) == (content(0, 10), b"")
    assert (target.report.connections, target.report.requests) == (1, 3)


async def test_broken_connections_are_counted_and_harm_nobody(target: Target) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", target.port)
    await stream.send_all(b"GET /bytes/100000000 HTTP/1.1\r\nHost: t\r\n\r\n")
    await stream.receive_some()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    await stream.aclose()
    async with await trio.open_tcp_stream("127.0.0.1", target.port) as rubbish:
        await rubbish.send_all(b"\x16\x03\x01\r\n\r\n")
        while await rubbish.receive_some():
            pass
    told = {"broken": 0}
    with trio.fail_after(10):
        while told["broken"] < 2:
            told = json.loads((await target.ask("GET", "/report"))[1])
    assert told["broken"] == 2
