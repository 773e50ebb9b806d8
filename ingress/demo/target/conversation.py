"""One connection to the target: HTTP/1.1 by h11, a handler for each page.

What must stay true: bodies are streamed both ways and never kept; what the other side broke ends this connection alone.
"""

import hashlib
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import attrs
import h11
import trio

from ingress.demo.target.content import content, sha256_of
from ingress.demo.target.report import TargetCounts

READ = 256 * 1024
"""Bytes of one read and of one write."""
LARGEST = 10**11
"""Bytes of the longest download: whoever asks for more has mistyped the number."""
DRIP = 0.1
"""Seconds between the lines of /slow."""

HELP = """
  /bytes/N         N bytes, always the same ones     /sha256/N   their SHA-256
  /echo            what you send, as it comes        /hash       SHA-256 of what you send
  /slow/SECONDS    ten short lines a second          /report     what this target saw, as JSON
"""

Body = AsyncGenerator[bytes, None]


class NoSuchPage(Exception):
    """The path names nothing, or a number is missing."""


class Conversation:
    """Serves the requests of one connection, one after another."""

    def __init__(self, stream: trio.SocketStream, report: TargetCounts, exit_name: str | None) -> None:
        self._stream = stream
        self._report = report
        self._exit_name = exit_name
        self._http = h11.Connection(h11.SERVER)
        self._pages: dict[str, Callable[[str], Body]] = {
            "": self._page,
            "bytes": self._bytes,
            "sha256": self._sha256,
            "echo": self._echo,
            "hash": self._hash,
            "slow": self._slow,
            "report": self._told,
        }

    async def serve(self) -> None:
        """Until the client ends the connection or breaks it."""
        try:
            while isinstance(request := await self._next_event(), h11.Request):
                self._report.add_request()
                await self._answer(request)
                if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                    break
                self._http.start_next_cycle()
            await self._stream.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
            self._report.add_broken()

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._stream.receive_some(READ))
        assert not isinstance(event, type) or event is h11.PAUSED
        return event

    async def _answer(self, request: h11.Request) -> None:
        _, name, argument = (request.target.decode("latin-1").partition("?")[0] + "/").split("/", 2)
        argument = argument.rstrip("/")
        try:
            if name not in self._pages:
                raise NoSuchPage
            length, body = self._length(name, argument), self._pages[name](argument)
        except NoSuchPage:
            await self._head(404, None)
            body = self._lines("There is no such page. There are:", HELP)
        else:
            await self._head(200, length)
        if request.method != b"HEAD":
            async with aclosing(body):
                async for data in body:
                    self._report.add_sent(len(data))
                    await self._send(h11.Data(data=data))
        await self._skip_body()
        await self._send(h11.EndOfMessage())

    def _length(self, name: str, argument: str) -> int | None:
        """How long the answer will be, where that is known; a client that was cut short can tell."""
        return number(argument) if name == "bytes" else None

    async def _head(self, status: int, length: int | None) -> None:
        framing = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
        kind = "application/octet-stream" if length is not None else "text/plain; charset=utf-8"
        await self._send(h11.Response(status_code=status, headers=[("Content-Type", kind), framing]))

    async def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            await self._stream.send_all(data)

    async def _uploaded(self) -> Body:
        while isinstance(event := await self._next_event(), h11.Data):
            self._report.add_received(len(event.data))
            yield bytes(event.data)

    async def _skip_body(self) -> None:
        if self._http.their_state is h11.SEND_BODY:
            async for _ in self._uploaded():
                pass

    async def _lines(self, *lines: str) -> Body:
        yield ("\n".join(lines) + "\n").encode()

    def _page(self, _argument: str) -> Body:
        came = f"through the exit {self._exit_name}" if self._exit_name else "by address, which hides the exit"
        return self._lines("Hello from the target in the US.", f"You came {came}.", HELP)

    def _bytes(self, argument: str) -> Body:
        return known_bytes(number(argument))

    def _sha256(self, argument: str) -> Body:
        return known_sha256(number(argument))

    def _slow(self, argument: str) -> Body:
        return drip(number(argument) * round(1 / DRIP))

    def _echo(self, _argument: str) -> Body:
        return self._uploaded()

    async def _hash(self, _argument: str) -> Body:
        sha, size = hashlib.sha256(), 0
        async for data in self._uploaded():
            sha.update(data)
            size += len(data)
        yield json.dumps({"bytes": size, "sha256": sha.hexdigest()}).encode() + b"\n"

    def _told(self, _argument: str) -> Body:
        return self._lines(json.dumps(attrs.asdict(self._report)))


async def known_bytes(size: int) -> Body:
    """The first *size* of the bytes that everyone knows."""
    for offset in range(0, size, READ):
        yield content(offset, min(READ, size - offset))


async def known_sha256(size: int) -> Body:
    """Their digest."""
    yield (await trio.to_thread.run_sync(sha256_of, size) + "\n").encode()


async def drip(lines: int) -> Body:
    """Short lines, one every DRIP seconds."""
    for count in range(lines):
        yield f"{count}\n".encode()
        await trio.sleep(DRIP)


def number(text: str) -> int:
    """The number in a path."""
    if not text.isascii() or not text.isdigit() or int(text) > LARGEST:
        raise NoSuchPage
    return int(text)
