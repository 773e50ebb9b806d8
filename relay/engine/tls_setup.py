"""TLS while a carrier is made: the tasks that dial and accept wait for the WAN, so they are ordinary trio.

What must stay true: no byte beyond the TLS session is read (`Secured.fetch` goes record by record), so after `unwrap`
the peer's next ClientHello is still in the kernel, also when it came in the same segment as the close_notify.
"""

import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio

from relay.engine.secured import Secured

Result = TypeVar("Result")

MOST_SETUP = 32 * 1024
"""Bytes of one TLS session's set-up, as they come over the wire: ten times what ours takes. Whoever sends more is told
nothing else."""


async def handshake(
    sock: socket.socket, context: ssl.SSLContext, server_side: bool, server_hostname: str | None = None
) -> Secured:
    """Do a TLS handshake over *sock* (non-blocking), which is used up: it is in the result, or closed on failure.

    *context* is set to take a FIN for an end: OpenSSL would answer one without close_notify with an alert, and our
    own frames say where a stream ends.

    Raises:
        ssl.SSLError, OSError: refused, not TLS, or the connection broke.
    """
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    try:
        secured = Secured(sock, context, server_side, server_hostname)
        await _until_done(secured, secured.tls.do_handshake)
    except BaseException:
        close(sock)
        raise
    return secured


async def read_some(secured: Secured, most: int) -> bytes:
    """At least 1 and at most *most* bytes; b"" when the peer has ended the session or the connection."""
    return await _until_done(secured, partial(secured.tls.read, most))


async def read_exactly(secured: Secured, count: int) -> bytes:
    """*count* bytes.

    Raises:
        ConnectionResetError: the peer ended before; what came until then is lost.
    """
    data = b""
    while len(data) < count:
        more = await read_some(secured, count - len(data))
        if not more:
            raise ConnectionResetError(errno.ECONNRESET, f"the peer ended after {len(data)} of {count} bytes")
        data += more
    return data


async def send_all(secured: Secured, data: bytes) -> None:
    """Send all of *data*. Cancelled or failed, it has sent any part, and the session is of no more use."""
    await _until_done(secured, partial(secured.tls.write, data))


async def unwrap(secured: Secured) -> socket.socket:
    """End the TLS session with close_notify both ways and return the bare socket; *secured* is used up.

    The peer must do the same and have said all it had to. The contexts of both have `num_tickets = 0`: a ticket would
    come behind the close_notify, and be taken for the next session's.

    Raises:
        OSError: the peer did not end cleanly; the socket is still to be closed by the caller, as after a cancel.
    """
    await _until_done(secured, secured.tls.unwrap)
    return secured.sock


def close(sock: socket.socket) -> None:
    """Close a socket for which trio tasks may be waiting: they get trio.ClosedResourceError."""
    if sock.fileno() >= 0:
        trio.lowlevel.notify_closing(sock)
        sock.close()


async def _until_done(secured: Secured, attempt: Callable[[], Result]) -> Result:
    """Repeat *attempt* each time more has come, and send all that it has to say. A checkpoint, always."""
    await trio.lowlevel.checkpoint()
    while True:
        try:
            result = attempt()
        except ssl.SSLWantReadError:
            await _flush(secured)
            await _fetch(secured)
        except ssl.SSLError:
            with contextlib.suppress(OSError):  # an alert that says why; who cannot hear it has gone
                secured.flush()
            raise
        else:
            await _flush(secured)
            return result


async def _flush(secured: Secured) -> None:
    while not secured.flush():
        await trio.lowlevel.wait_writable(secured.sock)


async def _fetch(secured: Secured) -> None:
    if secured.fetched >= MOST_SETUP:
        raise OSError(errno.EMSGSIZE, f"a set-up of more than {MOST_SETUP} bytes")
    while True:
        try:
            secured.fetch()
            return
        except BlockingIOError:
            await trio.lowlevel.wait_readable(secured.sock)
