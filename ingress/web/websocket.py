"""A connection that has become a WebSocket (RFC 6455), by wsproto: messages out; of what comes in, only that the
visitor leaves, or asks whether we are there."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from ingress.web.exchange import WebRequest

TAKE_SECONDS: Final = 30.0
"""In which a visitor has to take each message."""
PIECE: Final = 16 * 1024
LARGEST_COMING: Final = 1024 * 1024
"""Bytes that a visitor may send in all: he has nothing to say."""


async def serve_websocket(
    stream: trio.abc.Stream, request: WebRequest, messages: AsyncGenerator[bytes, None], early: bytes
) -> None:
    """Answer *request* on *stream*, and send *messages* until there are no more or the visitor leaves. *early* came
    behind the request. *messages* are closed in the end, the stream is not."""
    async with aclosing(messages):
        await _Socket(stream).serve(request, messages, early)


class _Socket:
    """One of them."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._side = WSConnection(ConnectionType.SERVER)
        self._turn = trio.Lock()
        """Of those who send."""

    async def serve(self, request: WebRequest, messages: AsyncGenerator[bytes, None], early: bytes) -> None:
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers.items()]
        try:
            self._side.initiate_upgrade_connection(headers, "/")
        except RemoteProtocolError:
            await self._refuse()
            return
        list(self._side.events())
        await self._say(AcceptConnection())
        self._side.receive_data(early)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hear, nursery.cancel_scope)
            try:
                async for message in messages:
                    await self._say(TextMessage(message.decode()))
                await self._say(CloseConnection(1000))
            except LocalProtocolError:
                pass  # the visitor has just left, and was answered
            nursery.cancel_scope.cancel()

    async def _refuse(self) -> None:
        with trio.fail_after(TAKE_SECONDS):
            await self._stream.send_all(
                b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n"
                b"sec-websocket-version: 13\r\n\r\n"
            )

    async def _hear(self, scope: trio.CancelScope) -> None:
        """Until the visitor leaves, says something that cannot be read, or too much."""
        came = 0
        try:
            while await self._answer_events() and came <= LARGEST_COMING:
                data = await self._stream.receive_some(PIECE)
                if not data:
                    break
                came += len(data)
                self._side.receive_data(bytes(data))
        except (RemoteProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()

    async def _answer_events(self) -> bool:
        """Whether the visitor stays."""
        for event in self._side.events():
            if isinstance(event, Ping):
                await self._say(event.response())
            elif isinstance(event, CloseConnection):
                await self._say(event.response())
                return False
        return True

    async def _say(self, event: Event) -> None:
        async with self._turn:
            with trio.fail_after(TAKE_SECONDS):
                await self._stream.send_all(self._side.send(event))
