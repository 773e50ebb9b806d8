"""Lists that are fetched: what comes takes the place of the last good one only if it is one."""

import os
import socket
import ssl
import time
from pathlib import Path

import attrs
import pytest
import trio
import trustme
from trio.testing import MockClock

from ingress.cli.rules import describe
from ingress.config import Forward
from ingress.lists.load import Lists, load_lists
from ingress.lists.source import ListSource
from ingress.serve import list_fetch
from ingress.serve.list_fetch import AGAIN, FetchFailed, ListFetcher, fetch, loopback_pair
from tests.world import Journal

URL = "http://lists.example/cn.txt?v=1"
LIST = b"one.example\ntwo.example\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n" + LIST


class Web:
    """A web server: each connection gets the next answer."""

    def __init__(self, nursery: trio.Nursery, *answers: bytes) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []
        self.hosts: list[tuple[str, int]] = []
        self.tls: ssl.SSLContext | None = None
        self._nursery = nursery

    def connect(self, host: str, port: int) -> trio.SocketStream:
        self.hosts.append((host, port))
        near, far = loopback_pair()
        self._nursery.start_soon(self._serve, far)
        return trio.SocketStream(trio.socket.from_stdlib_socket(near))

    def accept(self, forward: Forward, sock: socket.socket, address: tuple[str, int]) -> None:
        """As an entrance does."""
        assert sock.getpeername() == address
        self.hosts.append((forward.target.host, forward.target.port))
        self._nursery.start_soon(self._serve, sock)

    async def _serve(self, sock: socket.socket) -> None:
        stream: trio.abc.Stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        if self.tls is not None:
            stream = trio.SSLStream(stream, self.tls, server_side=True, https_compatible=True)
        answer = self.answers.pop(0)
        try:
            self.asked.append(bytes(await stream.receive_some()))
            await stream.send_all(answer)
        except trio.BrokenResourceError:
            assert self.tls is not None, "who asked did not believe who this is"
        finally:
            await trio.aclose_forcefully(stream)


def moved(where: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_what_is_there_is_had_and_where_it_leads_on_is_followed(nursery: trio.Nursery) -> None:
    web = Web(nursery, moved("/elsewhere"), moved("http://other.example:8080/x"), OK)
    assert await fetch(URL, web.connect) == LIST
    assert web.hosts == [("lists.example", 80), ("lists.example", 80), ("other.example", 8080)]
    assert web.asked[0].startswith(b"GET /cn.txt?v=1 HTTP/1.1\r\nHost: lists.example\r\n")
    assert web.asked[2].startswith(b"GET /x HTTP/1.1\r\nHost: other.example:8080\r\n")


async def test_what_has_not_changed_is_not_sent_again(nursery: trio.Nursery) -> None:
    web = Web(nursery, b"HTTP/1.1 304 Not Modified\r\n\r\n")
    assert await fetch(URL, web.connect, 1_700_000_000.0) is None
    assert b"\r\nIf-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n" in web.asked[0]


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_by_https_it_is_asked_who_answers(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, is_trusted: bool
) -> None:
    authority, ours = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    web = Web(nursery, OK)
    web.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("lists.example").configure_cert(web.tls)
    if is_trusted:
        authority.configure_trust(ours)
    monkeypatch.setattr(ssl, "create_default_context", lambda: ours)
    url = URL.replace("http:", "https:")
    if is_trusted:
        assert await fetch(url, web.connect) == LIST
        assert web.hosts == [("lists.example", 443)]
    else:
        with pytest.raises(FetchFailed, match=r"lists.example: .*certificate verify failed"):
            await fetch(url, web.connect)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "lists.example answers 404"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "lists.example answers 304"),
        (b"", "lists.example ends the connection without an answer"),
        (OK[:-3], "lists.example: "),
        (b"SSH-2.0-x\r\n\r\n", "lists.example: "),
        (moved("ftp://x/y"), 'leads on to "ftp://x/y", which is no HTTP'),
        (moved("http://x:99999/"), 'leads on to "http://x:99999/", which is no HTTP'),
        (moved("http://[::1/"), 'leads on to "http://[::1/", which is no HTTP'),
        (moved("https://.x/"), 'leads on to "https://.x/", which is no HTTP'),
        (moved("/é"), 'leads on to "http://lists.example/\N{REPLACEMENT CHARACTER}'),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(2000), "is larger than 0 MiB"),
    ],
)
async def test_what_cannot_be_had_is_told(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, answer: bytes, told: str
) -> None:
    monkeypatch.setattr(list_fetch, "LARGEST", 1000)
    with pytest.raises(FetchFailed) as failed:
        await fetch(URL, Web(nursery, answer).connect)
    assert str(failed.value).startswith(told)


async def test_from_https_nobody_leads_to_what_anybody_could_change(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, ours = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    web = Web(nursery, moved("HTTP://lists.example/cn.txt"))
    web.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("lists.example").configure_cert(web.tls)
    authority.configure_trust(ours)
    monkeypatch.setattr(ssl, "create_default_context", lambda: ours)
    with pytest.raises(FetchFailed, match=r'leads on from https to "HTTP://lists.example/cn.txt", which anybody'):
        await fetch(URL.replace("http:", "https:"), web.connect)
    assert web.hosts == [("lists.example", 443)]


async def test_a_circle_ends(nursery: trio.Nursery) -> None:
    web = Web(nursery, *[moved("/cn.txt")] * 6)
    with pytest.raises(FetchFailed, match="leads on more than 5 times"):
        await fetch(URL, web.connect)


def test_whoever_connects_first_is_not_taken_for_ourselves(monkeypatch: pytest.MonkeyPatch) -> None:
    other = socket.socket()
    real = socket.create_connection

    def late(address: tuple[str, int]) -> socket.socket:
        other.connect(address)
        return real(address)

    monkeypatch.setattr(socket, "create_connection", late)
    with other, pytest.raises(ConnectionRefusedError):
        loopback_pair()


# ---- the fetcher

SOURCE = ListSource(Path("0123"), "plain", url=URL, every=3600.0)


class Bed:
    def __init__(self, folder: Path, web: Web, source: ListSource = SOURCE) -> None:
        self.file = folder / "lists" / source.file
        self.lists = load_lists([source], fetched=folder / "lists")
        self.fetcher = ListFetcher(lambda: self.lists, self._use, web.accept, lambda call: call())

    def _use(self, lists: Lists) -> None:
        self.lists = lists

    @property
    def names(self) -> int:
        (loaded,) = self.lists.loaded.values()
        return len(loaded.targets)

    async def round(self) -> None:
        """What is due is fetched."""
        await self.fetcher.fetch_due()


async def test_the_first_one_is_had_at_once_and_then_when_it_is_old(
    nursery: trio.Nursery, tmp_path: Path, journal: Journal
) -> None:
    web = Web(nursery, OK, b"HTTP/1.1 304 Not Modified\r\n\r\n", OK.replace(b"two.example", b"two.exampl3"))
    bed = Bed(tmp_path, web)
    assert bed.names == 0
    await bed.round()
    assert (bed.names, web.hosts) == (2, [("lists.example", 80)])
    await bed.round()
    assert len(web.hosts) == 1
    for count in (2, 3):
        os.utime(bed.file, (1e9, 1e9))
        bed.lists = load_lists([SOURCE], fetched=tmp_path / "lists")
        await bed.round()
        assert len(web.hosts) == count and time.time() - bed.file.stat().st_mtime < 60
    assert b"exampl3" in bed.file.read_bytes()
    assert len(journal.of("list-fetched")) == 3


async def test_what_is_no_list_leaves_the_last_good_one(
    nursery: trio.Nursery, tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = Web(nursery, OK, b"HTTP/1.1 200 OK\r\n\r\n<html>log in here</html>", b"")
    bed = Bed(tmp_path, web)
    await bed.round()
    monkeypatch.setattr(time, "time", lambda clock=time.time: clock() + 7200.0)
    await bed.round()
    assert bed.names == 2 and "what came" in bed.fetcher.failed[URL]
    await bed.round()
    assert len(web.hosts) == 2, "not again at once"
    monkeypatch.setattr(time, "time", lambda clock=time.time: clock() + AGAIN)
    await bed.round()
    assert len(web.hosts) == 3
    assert [one["why"] for one in journal.of("list-not-fetched")][1].startswith("lists.example")


async def test_one_that_never_ends_is_given_up(
    nursery: trio.Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_fetch, "PATIENCE", 0.05)
    web = Web(nursery)
    held: list[socket.socket] = []
    monkeypatch.setattr(web, "accept", lambda forward, sock, address: held.append(sock))
    bed = Bed(tmp_path, web)
    await bed.round()
    held[0].close()
    assert bed.fetcher.failed == {URL: "nothing came within 0.05 s"}


async def test_a_silent_server_holds_up_nobody_else(
    nursery: trio.Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [f"http://{name}.example/" for name in ("silent", "one", "two")]
    sources = [attrs.evolve(SOURCE, file=Path(url[7:10]), url=url) for url in urls]
    web, held = Web(nursery, OK, OK), list[socket.socket]()
    accept = web.accept
    monkeypatch.setattr(
        web,
        "accept",
        lambda forward, sock, address: (
            held.append(sock) if forward.target.host == "silent.example" else accept(forward, sock, address)
        ),
    )
    bed = Bed(tmp_path, web)
    bed.lists = load_lists(sources, fetched=tmp_path / "lists")
    nursery.start_soon(bed.fetcher.fetch_due)
    while sum(len(one.targets) for one in bed.lists.loaded.values()) < 4:
        await trio.lowlevel.checkpoint()
    assert len(held) == 1
    await bed.round()  # what is under way is not asked for again
    assert len(held) == 1 and not bed.fetcher.failed
    held[0].close()


async def test_a_file_that_holds_several_lists_is_fetched_once_and_must_be_good_for_all(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    text = b"a.example @cn\nb.example @ads\n"
    good = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
    sources = [attrs.evolve(SOURCE, format="v2fly", attributes=(mark,)) for mark in ("cn", "ads")]
    web = Web(nursery, OK[:-1] + b"!", good)
    bed = Bed(tmp_path, web)
    bed.lists = load_lists(sources, fetched=tmp_path / "lists")
    await bed.round()
    assert "what came" in bed.fetcher.failed[URL] and not bed.file.exists()
    assert describe(bed.lists.loaded[sources[0]], 0.0).endswith(f"has failed: {bed.fetcher.failed[URL]}")
    bed.fetcher._not_before.clear()
    await bed.round()
    assert [len(one.targets) for one in bed.lists.loaded.values()] == [1, 1] and len(web.hosts) == 2
    assert "failed" not in describe(bed.lists.loaded[sources[0]], time.time())


async def test_it_looks_again_and_again(nursery: trio.Nursery, tmp_path: Path, mock_clock: MockClock) -> None:
    web = Web(nursery, b"", OK)
    bed = Bed(tmp_path, web)
    nursery.start_soon(bed.fetcher.run)
    while not bed.fetcher.failed:
        await trio.lowlevel.checkpoint()
    bed.fetcher._not_before.clear()
    while bed.fetcher.failed:
        mock_clock.jump(0.5)
        await trio.lowlevel.checkpoint()
    assert bed.file.read_bytes() == LIST
    nursery.cancel_scope.cancel()


def test_a_file_is_never_fetched(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_bytes(LIST)
    own = attrs.evolve(SOURCE, file=tmp_path / "own.txt", url=None)
    fetcher = ListFetcher(lambda: load_lists([own]), lambda lists: None, lambda *_: None, lambda call: None)
    assert fetcher._due(load_lists([own]).loaded.values(), time.time() + 1e6) == {}
