"""TLS while a carrier is made: the tasks that dial and accept wait for the WAN, so they are ordinary trio.

What must stay true: no byte beyond the TLS session is read. OpenSSL reads record by record, so after `unwrap` the
peer's next ClientHello is still in the kernel, also when it came in the same segment as the close_notify.
"""

import errno
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio

Result = TypeVar("Result")


async def handshake(
    sock: socket.socket, context: ssl.SSLContext, server_side: bool, server_hostname: str | None = None
) -> ssl.SSLSocket:
    """Do a TLS handshake over *sock* (non-blocking), which is used up: it is in the result, or closed on failure.

    *context* is set to take a FIN for an end: OpenSSL would answer one without close_notify with an alert, and our
    own frames say where a stream ends.

    Raises:
        ssl.SSLError, OSError: refused, not TLS, or the connection broke.
    """
    tls = _wrap(sock, context, server_side, server_hostname)
    try:
        await _until_done(tls, tls.do_handshake)
    except BaseException:
        close(tls)
        raise
    return tls


async def read_some(tls: ssl.SSLSocket, most: int) -> bytes:
    """At least 1 and at most *most* bytes; b"" when the peer has ended the session or the connection."""
    return await _until_done(tls, partial(tls.recv, most))


async def read_exactly(tls: ssl.SSLSocket, count: int) -> bytes:
    """*count* bytes.

    Raises:
        ConnectionResetError: the peer ended before; what came until then is lost.
    """
    data = b""
    while len(data) < count:
        more = await read_some(tls, count - len(data))
        if not more:
            raise ConnectionResetError(errno.ECONNRESET, f"the peer ended after {len(data)} of {count} bytes")
        data += more
    return data


async def send_all(tls: ssl.SSLSocket, data: bytes) -> None:
    """Send all of *data*. Cancelled or failed, it has sent any part, and the session is of no more use."""
    rest = memoryview(data)
    while rest:
        sent = await _until_done(tls, partial(tls.send, rest))  # what OpenSSL refused is offered again unchanged
        rest = rest[sent:]


async def unwrap(tls: ssl.SSLSocket) -> socket.socket:
    """End the TLS session with close_notify both ways and return the bare socket; *tls* is used up.

    The peer must do the same and have said all it had to. The contexts of both have `num_tickets = 0`: a ticket would
    come behind the close_notify, and be taken for the next session's.

    Raises:
        OSError: the peer did not end cleanly; *tls* is still to be closed by the caller, as after a cancel.
    """
    await _until_done(tls, tls.unwrap)
    bare = socket.socket(tls.family, tls.type, tls.proto, fileno=tls.detach())
    bare.setblocking(False)
    return bare


def close(sock: socket.socket) -> None:
    """Close a socket for which trio tasks may be waiting: they get trio.ClosedResourceError."""
    if sock.fileno() >= 0:
        trio.lowlevel.notify_closing(sock)
        sock.close()


def _wrap(
    sock: socket.socket, context: ssl.SSLContext, server_side: bool, server_hostname: str | None
) -> ssl.SSLSocket:
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    try:
        sock.getpeername()  # a socket that is not connected any more would be lost in wrap_socket, not closed
        return context.wrap_socket(
            sock,
            server_side=server_side,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,  # under which CPython hides resets
            server_hostname=server_hostname,
        )
    except BaseException:
        sock.close()
        raise


async def _until_done(tls: ssl.SSLSocket, attempt: Callable[[], Result]) -> Result:
    """Repeat *attempt* each time the socket can do what OpenSSL waits for. A checkpoint, always."""
    await trio.lowlevel.checkpoint()
    while True:
        try:
            return attempt()
        except ssl.SSLWantReadError:
            await trio.lowlevel.wait_readable(tls)
        except ssl.SSLWantWriteError:
            await trio.lowlevel.wait_writable(tls)
