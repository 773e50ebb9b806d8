"""Listens for the page: connections in, bounded, each served in a task of its own.

Who has not shown that he may look is a stranger: of those there are few, and one makes room for the next.
"""

import ssl
from typing import Final

import trio

from ingress.web.connection import WebConnection
from ingress.web.exchange import WebRequest, WebResponse
from ingress.web.site import Site
from relay import log
from relay.strangers import Stranger, Strangers

MOST_STRANGERS: Final = 64
MOST_EACH: Final = 32
"""Of one address: a browser opens six, and several people may look."""
MOST_KNOWN: Final = 128
"""Connections of visitors who are known; more stay strangers."""
HANDSHAKE_SECONDS: Final = 10.0
ACCEPT_PAUSE: Final = 1.0
"""Seconds between attempts when nobody can be accepted."""


class WebServer:
    """Serves what *site* says on listeners that are handed to it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.strangers = Strangers(MOST_STRANGERS, MOST_EACH)
        self.known = 0
        """Connections of visitors who are known."""
        self.context: ssl.SSLContext | None = None
        """For the next connection; None: without TLS."""

    async def listen(self, listener: trio.socket.SocketType) -> None:
        """Serve *listener* until cancelled; it is closed then, and its connections with it."""
        with listener:
            async with trio.open_nursery() as nursery:
                while True:
                    try:
                        sock, address = await listener.accept()
                    except OSError as error:
                        log.event("web-accept-failed", level="warning", why=error.strerror)
                        await trio.sleep(ACCEPT_PAUSE)
                    else:
                        nursery.start_soon(self._serve, sock, str(address[0]))

    async def _serve(self, sock: trio.socket.SocketType, address: str) -> None:
        with trio.CancelScope() as scope, sock:
            guest = _Guest(self, self.strangers.admit(address, scope.cancel))
            try:
                await self._serve_stream(sock, address, guest)
            except Exception as error:  # noqa: BLE001 - one connection's mishap must not end the process; it is logged
                log.event("handler-failed", level="error", what="a connection of the page", error=repr(error))
            finally:
                guest.leave()

    async def _serve_stream(self, sock: trio.socket.SocketType, address: str, guest: "_Guest") -> None:
        local = sock.getsockname()
        stream: trio.abc.Stream = trio.SocketStream(sock)
        is_secure = self.context is not None
        if self.context is not None:
            stream = trio.SSLStream(stream, self.context, server_side=True, https_compatible=True)
            with trio.move_on_after(HANDSHAKE_SECONDS):
                try:
                    await stream.do_handshake()
                except trio.BrokenResourceError:
                    return

        async def answer(request: WebRequest) -> WebResponse:
            return await self._site.answer(request, guest.is_known)

        place = (str(local[0]), int(local[1]))
        await WebConnection(stream, answer, address, place, is_secure=is_secure).serve()


class _Guest:
    """One connection, a stranger's until it is known to be somebody's."""

    def __init__(self, server: WebServer, stranger: Stranger) -> None:
        self._server = server
        self._stranger: Stranger | None = stranger

    def is_known(self) -> None:
        """Who may look is no stranger any more."""
        if self._stranger is not None and self._server.known < MOST_KNOWN:
            self._server.strangers.leave(self._stranger)
            self._server.known += 1
            self._stranger = None

    def leave(self) -> None:
        """It has ended."""
        if self._stranger is None:
            self._server.known -= 1
        else:
            self._server.strangers.leave(self._stranger)
