"""Lists with a URL are fetched as a client of this ingress would fetch them: by its rules, over its paths. The last
good one stays in the state folder, whatever comes instead."""

import email.utils
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import SplitResult, urljoin

import attrs
import h11
import trio

from ingress.config import Forward
from ingress.lists.load import Lists, forget_failure, load_one, note_failure
from ingress.lists.source import ListSource, LoadedList, split_url
from ingress.serve.list_watch import Use, look
from relay import log
from relay.config.values import shown
from relay.errors import OperatorError
from relay.files import LARGEST
from relay.model.network import Address

LOOK = 30.0
"""Seconds between looks at what is due."""
AGAIN = 300.0
"""Seconds until what failed is tried again, if something of it is there."""
PATIENCE = 60.0
"""Seconds that one fetch may take, redirects included."""
AT_ONCE = 8
"""Lists that are fetched at once; a server that is silent holds up no more than its own place."""
MOST_REDIRECTS = 5
HERE = "127.0.0.1"
CONTINUES, UNCHANGED = (301, 302, 303, 307, 308), 304

Accept = Callable[[Forward, socket.socket, tuple[str, int]], None]
"""Takes a client's connection, that came from an address, to a target."""
Connect = Callable[[str, int], trio.SocketStream]


class FetchFailed(Exception):
    """Why there is nothing, in a sentence."""


class ListFetcher:
    """One ingress's. *accept* must be called in the loop, by *soon*; *lists* are those in force, *use* gets others."""

    def __init__(
        self, lists: Callable[[], Lists], use: Use, accept: Accept, soon: Callable[[Callable[[], None]], object]
    ) -> None:
        self.failed: dict[str, str] = {}
        """By URL, why the last attempt has failed."""
        self._lists = lists
        self._use = use
        self._accept = accept
        self._soon = soon
        self._not_before: dict[str, float] = {}
        self._under_way: set[str] = set()
        self._places = trio.CapacityLimiter(AT_ONCE)
        self._looking = trio.Lock()

    async def run(self) -> None:
        """Fetch what is due, for ever."""
        async with trio.open_nursery() as nursery:
            while True:
                nursery.start_soon(self.fetch_due)
                await trio.sleep(LOOK)

    async def fetch_due(self) -> None:
        """Fetch what is due and not under way, all at once, and go by each as soon as it is here."""
        async with trio.open_nursery() as nursery:
            for url, asked in self._due(self._lists().loaded.values(), time.time()).items():
                self._under_way.add(url)
                nursery.start_soon(self._fetch, url, asked)

    async def _fetch(self, url: str, asked: Sequence[LoadedList]) -> None:
        try:
            async with self._places:
                is_new = await self._try(url, asked)
        finally:
            self._under_way.discard(url)
        if is_new:
            async with self._looking:
                await look(self._lists, self._use)

    def _due(self, loaded: Iterable[LoadedList], now: float) -> dict[str, list[LoadedList]]:
        """The lists of each URL that is due: a file may hold several, by name or attribute."""
        every: dict[str, list[LoadedList]] = {}
        for one in loaded:
            if one.source.url is not None:
                every.setdefault(one.source.url, []).append(one)
        return {url: asked for url, asked in every.items() if self._is_due(url, asked, now)}

    def _is_due(self, url: str, asked: Iterable[LoadedList], now: float) -> bool:
        if url in self._under_way or now < self._not_before.get(url, 0.0):
            return False
        return any(one.modified is None or not 0 <= now - one.modified < one.source.every for one in asked)

    async def _try(self, url: str, asked: Sequence[LoadedList]) -> bool:
        """Fetch one; whether there is news."""
        loaded = asked[0]
        try:
            with trio.move_on_after(PATIENCE):
                content = await fetch(url, self._connect, loaded.modified)
                await trio.to_thread.run_sync(_keep, [one.source for one in asked], loaded.file, content)
                self.failed.pop(url, None)
                log.event("list-fetched", list=url, size=None if content is None else len(content))
                return True
            raise FetchFailed(f"nothing came within {PATIENCE:g} s")
        except (FetchFailed, OperatorError, OSError) as error:
            self._not_before[url] = time.time() + (LOOK if loaded.modified is None else AGAIN)
            if self.failed.get(url) != str(error):
                log.event("list-not-fetched", level="warning", list=url, why=str(error))
                await trio.to_thread.run_sync(note_failure, loaded.file, str(error))
            self.failed[url] = str(error)
        return False

    def _connect(self, host: str, port: int) -> trio.SocketStream:
        near, far = loopback_pair()
        forward, address = Forward(Address(HERE, 0), Address(host, port)), near.getsockname()
        self._soon(lambda: self._accept(forward, far, address))
        return trio.SocketStream(trio.socket.from_stdlib_socket(near))


def loopback_pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection within this machine, non-blocking."""
    with socket.create_server((HERE, 0), backlog=1) as server:
        near = socket.create_connection(server.getsockname())
        far, address = server.accept()
    if address != near.getsockname():
        near.close()
        far.close()
        raise ConnectionRefusedError("another program connected first")
    near.setblocking(False)
    far.setblocking(False)
    return near, far


def _keep(sources: Iterable[ListSource], file: Path, content: bytes | None) -> None:
    """*content* takes the place of *file* if it is a list for each of *sources*; None says that what is there is good
    still."""
    if content is None:
        os.utime(file)
        forget_failure(file)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_bytes(content)
    try:
        for source in sources:
            load_one(attrs.evolve(source, file=new, url=None))
    except OperatorError as error:
        raise FetchFailed(str(error).replace(str(new), "what came")) from error
    os.replace(new, file)
    forget_failure(file)


# ---- HTTP


async def fetch(url: str, connect: Connect, since: float | None = None) -> bytes | None:
    """What *url* has, redirects followed; None if it has not changed *since*, in seconds since 1970.

    Raises:
        FetchFailed: it could not be had, or is larger than LARGEST.
        OSError: there is no socket left.
    """
    for _ in range(MOST_REDIRECTS + 1):
        parts = split_url(url)
        if parts is None or parts.hostname is None:
            raise FetchFailed(f"leads on to {shown(url)}, which is no HTTP")
        stream: trio.abc.Stream = connect(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
        try:
            if parts.scheme == "https":
                context = ssl.create_default_context()
                stream = trio.SSLStream(stream, context, server_hostname=parts.hostname, https_compatible=True)
            found = await _get(stream, parts, since)
        except (trio.BrokenResourceError, ssl.SSLError, h11.ProtocolError) as error:
            raise FetchFailed(f"{parts.hostname}: {error.__cause__ or error or 'the connection ended'}") from error
        finally:
            await trio.aclose_forcefully(stream)
        if not isinstance(found, str):
            return found
        url = _joined(url, found)
        if parts.scheme == "https" and url.lower().startswith("http:"):
            raise FetchFailed(f"leads on from https to {shown(url)}, which anybody on the way could change")
    raise FetchFailed(f"leads on more than {MOST_REDIRECTS} times")


def _joined(url: str, where: str) -> str:
    """*where*, which may be rubbish, as it is meant at *url*."""
    try:
        return urljoin(url, where)
    except ValueError:
        return where


async def _get(stream: trio.abc.Stream, url: SplitResult, since: float | None) -> bytes | str | None:
    """The content of *url*, None if it is unchanged, or where it leads on to."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=65_536)
    headers = [("Host", url.netloc.rpartition("@")[2]), ("User-Agent", "ingress"), ("Connection", "close")]
    headers += [] if since is None else [("If-Modified-Since", email.utils.formatdate(since, usegmt=True))]
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    asked = connection.send(h11.Request(method="GET", target=target, headers=headers))
    await stream.send_all((asked or b"") + (connection.send(h11.EndOfMessage()) or b""))
    content = bytearray()
    status, where = 0, ""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            received = bytes(await stream.receive_some())
            if not received and not status:
                raise FetchFailed(f"{url.hostname} ends the connection without an answer")
            connection.receive_data(received)
        elif isinstance(event, h11.Response):
            status = event.status_code
            where = next((value.decode("ascii", "replace") for key, value in event.headers if key == b"location"), "")
            if status in CONTINUES and where:
                return where
            if status == UNCHANGED and since is not None:
                return None
            if status != 200:
                raise FetchFailed(f"{url.hostname} answers {status}")
        elif isinstance(event, h11.Data):
            content += event.data
            if len(content) > LARGEST:
                raise FetchFailed(f"is larger than {LARGEST >> 20} MiB")
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return bytes(content)
