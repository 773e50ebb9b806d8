"""One connection of the page: requests out of bytes, answers into bytes, by h11.

What must stay true: what a visitor can make us hold or wait for is bounded: the head and the body of a request, the
time that each may take, the time in which some of an answer has to be taken. Who is slow harms himself.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final
from urllib.parse import parse_qsl, unquote_to_bytes

import h11
import trio

from ingress.web.exchange import BadRequest, Visitor, WebRequest, WebResponse, error_response
from ingress.web.guards import ALWAYS
from ingress.web.websocket import serve_websocket

LARGEST_HEAD: Final = 16 * 1024
LARGEST_BODY: Final = 64 * 1024
IDLE_SECONDS: Final = 75.0
"""For which a connection without a request is kept."""
REQUEST_SECONDS: Final = 10.0
"""From the first byte of a request to its last."""
TAKE_SECONDS: Final = 30.0
"""In which a visitor has to take each PIECE of an answer."""
PIECE: Final = 64 * 1024
LINGER_SECONDS: Final = 1.0
"""In which the rest of what a visitor sends is thrown away, so that he can read why."""
LINGER_BYTES: Final = 1024 * 1024

Answerer = Callable[[WebRequest], Awaitable[WebResponse]]


class WebConnection:
    """Serves *stream* until it ends. Who owns it closes the stream."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        answer: Answerer,
        address: str,
        local: tuple[str, int],
        *,
        is_secure: bool = False,
    ) -> None:
        self._stream = stream
        self._answer = answer
        self._address = address
        self._local = local
        self._is_secure = is_secure
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD)

    async def serve(self) -> None:
        """One request after another. Returns when the connection is done with; never raises for what came on it."""
        try:
            while await self._serve_one():
                self._h11.start_next_cycle()
        except* (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            pass  # gone, or takes nothing

    async def _serve_one(self) -> bool:
        """Whether there may be another."""
        try:
            request = await self._read()
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint, "that is no request that can be read here")
            return False
        except BadRequest as error:
            await self._refuse(error.status, str(error))
            return False
        except trio.TooSlowError:
            if self._h11.their_state is not h11.IDLE:
                await self._refuse(408, "the request took too long")
            return False
        if request is None:
            return False
        response = await self._answer(request)
        if response.is_messages and request.wants_websocket and not isinstance(response.body, bytes):
            await serve_websocket(self._stream, request, response.body, bytes(self._h11.trailing_data[0]))
            return False
        await self._send(response, is_head=request.method == "HEAD")
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    # ---- reading

    async def _read(self) -> WebRequest | None:
        """The next request, whole; None if no more come.

        Raises:
            BadRequest: it is too large, or makes no sense.
            TooSlowError: it did not come in time.
        """
        with trio.fail_after(IDLE_SECONDS) as patience:
            head = await self._event(patience)
            if not isinstance(head, h11.Request):
                return None
            body = bytearray()
            while isinstance(event := await self._event(patience), h11.Data):
                body += event.data
                if len(body) > LARGEST_BODY:
                    raise BadRequest(f"a body has at most {LARGEST_BODY} bytes", 413)
        return self._request(head, bytes(body))

    async def _event(self, patience: trio.CancelScope) -> object:
        while True:
            event = self._h11.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._h11.they_are_waiting_for_100_continue:
                await self._put(self._h11.send(h11.InformationalResponse(status_code=100, headers=[])))
            data = await self._stream.receive_some(LARGEST_HEAD)
            if data and self._h11.their_state is h11.IDLE and not self._h11.trailing_data[0]:
                patience.deadline = min(patience.deadline, trio.current_time() + REQUEST_SECONDS)
            self._h11.receive_data(bytes(data))

    def _request(self, head: h11.Request, body: bytes) -> WebRequest:
        path, _, query = head.target.partition(b"?")
        text = unquote_to_bytes(path).decode("utf-8", "replace")
        if not text.startswith("/") or "\0" in text:
            raise BadRequest("that is no path")
        headers: dict[str, str] = {}
        for name, value in head.headers:
            key, found = name.decode("ascii"), value.decode("latin-1")
            headers[key] = f"{headers[key]}, {found}" if key in headers else found
        try:
            parsed = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=64)
        except ValueError as error:
            raise BadRequest("a query has at most 64 fields") from error
        return WebRequest(
            head.method.decode("ascii"),
            text,
            dict(parsed),
            headers,
            body,
            Visitor(self._address),
            local=self._local,
            is_secure=self._is_secure,
        )

    # ---- writing

    async def _send(self, response: WebResponse, *, is_head: bool) -> None:
        body = response.body
        headers = dict(response.headers)
        if isinstance(body, bytes):
            if response.status not in (204, 304):
                headers["content-length"] = str(len(body))
            head = self._head(response.status, headers)
            await self._put(head if is_head or not body else head + self._piece(body[:PIECE]))
            for at in range(PIECE, 0 if is_head else len(body), PIECE):
                await self._put(self._piece(body[at : at + PIECE]))
        else:
            await self._put(self._head(response.status, {**headers, "connection": "close"}))
            if not is_head:
                await self._stream_out(body, b"\n" if response.is_messages else b"")
        await self._put(self._h11.send(h11.EndOfMessage()))

    def _head(self, status: int, headers: Mapping[str, str]) -> bytes:
        pairs = [(name.encode("ascii"), value.encode("latin-1", "replace")) for name, value in headers.items()]
        return self._h11.send(h11.Response(status_code=status, headers=pairs)) or b""

    async def _stream_out(self, body: AsyncGenerator[bytes, None], end: bytes) -> None:
        """Send the pieces of *body*, *end* behind each, until there are no more or the visitor leaves."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_leaving, nursery.cancel_scope)
            async with aclosing(body):
                async for piece in body:
                    await self._put(self._piece(piece + end))
            nursery.cancel_scope.cancel()

    async def _watch_leaving(self, scope: trio.CancelScope) -> None:
        try:
            while await self._stream.receive_some(PIECE):
                pass  # nothing is awaited from there any more
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()

    def _piece(self, data: bytes) -> bytes:
        return self._h11.send(h11.Data(data=data)) or b""

    async def _put(self, data: bytes | None) -> None:
        if data:
            with trio.fail_after(TAKE_SECONDS):
                await self._stream.send_all(data)

    async def _refuse(self, status: int, text: str) -> None:
        """Say why nothing more is read here."""
        if self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            response = error_response(status, text)
            headers = {**ALWAYS, **response.headers, "connection": "close"}
            await self._send(WebResponse(response.body, status, headers), is_head=False)
        await self._linger()

    async def _linger(self) -> None:
        if isinstance(self._stream, trio.SocketStream):
            await self._stream.send_eof()
        left = LINGER_BYTES
        with trio.move_on_after(LINGER_SECONDS):
            while left > 0 and (data := await self._stream.receive_some(PIECE)):
                left -= len(data)
