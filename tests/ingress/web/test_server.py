"""Connections to a page over real sockets: how many, whose, and over TLS."""

import errno
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
import trio
import trustme

from ingress.web import server
from ingress.web.server import WebServer
from relay.strangers import Strangers
from tests.ingress.web.sites import SECRET, TOKEN, Scene
from tests.ingress.web.visitor import Visit, exchange
from tests.world import Journal, until

BEARER = {"authorization": f"Bearer {TOKEN}"}


class Served:
    """A server, and the port that it listens at."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.server = WebServer(Scene().site)
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        self.port: int = sock.getsockname()[1]
        nursery.start_soon(self.server.listen, trio.socket.from_stdlib_socket(sock))

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)


@pytest.fixture
async def served(nursery: trio.Nursery) -> AsyncIterator[Served]:
    yield Served(nursery)
    nursery.cancel_scope.cancel()


async def test_strangers_make_room_for_each_other_and_not_for_who_is_known(served: Served) -> None:
    served.server.strangers = Strangers(2, 2)
    async with await served.connect() as known:
        host = {"host": "localhost"}
        assert (await exchange(known, "GET", "/api/look", b"", {**host, **BEARER})).body == SECRET
        assert (served.server.known, len(served.server.strangers)) == (1, 0)
        first, second, third = [await served.connect() for _ in range(3)]
        with trio.fail_after(10):
            assert await first.receive_some() == b""
        assert served.server.strangers.statistics().evicted == 1
        assert (await exchange(third, "GET", "/open/x", b"", host)).status == 200
        assert (await exchange(known, "GET", "/api/look", b"", {**host, **BEARER})).status == 200
        for stream in (first, second, third):
            await stream.aclose()
    await until(lambda: not served.server.known and not len(served.server.strangers))


async def test_more_who_are_known_than_may_be_stay_strangers(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_KNOWN", 0)
    assert (await Visit(served.port, BEARER).get("/api/look")).status == 200
    assert served.server.known == 0


async def test_a_mishap_is_one_visitors(served: Served, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(server.WebConnection, "serve", fail)
        async with await served.connect() as stream:
            with trio.fail_after(10):
                assert await stream.receive_some() == b""
    assert journal.of("handler-failed")
    assert (await Visit(served.port).get("/open/x")).status == 200


async def test_without_descriptors_it_waits(served: Served, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ACCEPT_PAUSE", 0.01)
    failing = [OSError(errno.EMFILE, "Too many open files")]

    class Short:
        async def accept(self) -> object:
            if failing:
                raise failing.pop()
            return await listener.accept()

        def __enter__(self) -> None:
            listener.__enter__()

        def __exit__(self, *_: object) -> None:
            listener.close()

    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    listener = trio.socket.from_stdlib_socket(sock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(served.server.listen, Short())
        assert (await Visit(sock.getsockname()[1]).get("/open/x")).status == 200
        nursery.cancel_scope.cancel()
    assert journal.of("web-accept-failed")


async def test_over_tls_the_cookie_is_secure(served: Served) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("proxy.example").configure_cert(context)
    served.server.context = context
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with trio.fail_after(10):
        stream = trio.SSLStream(
            await served.connect(), trusting, server_hostname="proxy.example", https_compatible=True
        )
        body = b'{"user": "ann", "password": "secret"}'
        headers = {"host": "proxy.example", "x-ingress": "none", "origin": "https://proxy.example"}
        got = await exchange(stream, "POST", "/api/v1/session", body, headers)
        assert got.status == 200
        assert got.headers["set-cookie"].startswith(f"__Host-ingress-{served.port}=")
        assert "; Secure" in got.headers["set-cookie"]
        await stream.aclose()
    async with await served.connect() as plain:
        await plain.send_all(b"GET / HTTP/1.1\r\nhost: proxy.example\r\n\r\n")
        with trio.fail_after(10):
            told = b""
            try:
                while more := await plain.receive_some():
                    told += more
            except trio.BrokenResourceError:
                pass
    assert b"200" not in told
