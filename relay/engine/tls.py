"""A carrier's end: TLS on a non-blocking descriptor. Reads whatever comes, and pulls from its owner what to send.

What must stay true: once OpenSSL has said "want write", a part of that buffer is committed, and exactly those bytes
are offered again until they are out; nothing is pulled meanwhile, so what waits at the owner can still change its
order or its path. Reading never waits for writing. OpenSSL may hold bytes that no descriptor signals, so a read ends
with "want read" or goes on the ready list.
"""

import errno
import os
import select
import socket
import ssl
from typing import Protocol

import attrs

from relay.engine.loop import FLUSH, READABLE, WRITABLE, Loop
from relay.engine.sockopts import error_of, reset_on_close

SEND_BUDGET = 512 * 1024
"""Bytes sent in one service. The kernel's TCP_NOTSENT_LOWAT ends it sooner, unless the path drains faster than that."""


class TlsOwner(Protocol):
    """Who speaks over a `Tls`. Any of these may close it."""

    def on_bytes(self, data: memoryview) -> None:
        """*data*, which may be many records, lies in the shared read buffer and is valid during the call only."""

    def data_to_send(self) -> bytes:
        """The next bytes to go out, b"" for none. Called when the kernel can take some.

        They cannot be taken back: 16 KiB (one record) at most where streams share the carrier, 64 KiB or more for bulk.
        """

    def on_closed(self, error: OSError | None) -> None:
        """It is over: None if the peer ended it (close_notify or FIN). Not called for what the owner closed itself."""


@attrs.frozen
class TlsStatistics:
    """One carrier's socket at one moment."""

    bytes_in: int
    bytes_out: int
    committed: int
    """Bytes pulled and not yet taken by the kernel."""
    last_read: float
    is_closed: bool


class Tls:
    """An endpoint over *sock*, which comes from `tls_setup.handshake` and belongs to it from now on."""

    __slots__ = (
        "_committed",
        "_is_asked",
        "_is_finishing",
        "_loop",
        "_lost",
        "_read_waits",
        "_sock",
        "_write_waits",
        "bytes_in",
        "bytes_out",
        "closed",
        "last_read",
        "owner",
        "queued",
    )

    def __init__(self, loop: Loop, sock: ssl.SSLSocket, owner: TlsOwner) -> None:
        self.owner = owner
        self.queued = False
        self.closed = False
        self.bytes_in = self.bytes_out = 0
        self.last_read = loop.now
        """`loop.now` when bytes last came; at first, when it was made."""
        self._loop = loop
        self._sock = sock
        self._committed: bytes | memoryview = b""
        self._is_asked = self._is_finishing = False
        self._lost: OSError | None = None
        self._read_waits = 0  # events without which a read is useless; 0 now: OpenSSL may hold what came already
        self._write_waits = 0  # the same for a write; something is committed unless it is 0
        loop.register(sock, self)
        loop.again(self)

    # for the owner

    def flush_soon(self) -> None:
        """Pull from the owner at the end of this round, or else once the kernel can take bytes again. Idempotent."""
        if not self._is_asked and not self.closed:
            self._is_asked = True
            self._loop.flush_soon(self)

    def finish(self) -> None:
        """Send what the owner still has, then FIN; `on_closed(None)` comes when the peer has ended too."""
        self._is_finishing = True
        self.flush_soon()

    def reset(self) -> None:
        """Close with a RST."""
        if not self.closed:
            reset_on_close(self._sock)
            self.close()

    def close(self) -> None:
        """Close now. With bytes here that were not read it is a RST, and the peer may lose our last: see `finish`."""
        if not self.closed:
            self.closed = True
            self._loop.forget(self._sock.fileno())
            self._sock.close()
            self._committed = b""

    @property
    def sock(self) -> ssl.SSLSocket:
        """For options, addresses and certificates; not for reading or writing."""
        return self._sock

    def statistics(self) -> TlsStatistics:
        return TlsStatistics(self.bytes_in, self.bytes_out, len(self._committed), self.last_read, self.closed)

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"fd {self._sock.fileno()}"
        return f"<Tls {state}, {self.bytes_in} in, {self.bytes_out} out, {len(self._committed)} committed>"

    # for the loop

    def serve(self, events: int) -> None:
        if self.closed:
            return
        if events & select.EPOLLERR and self._lost is None:
            self._lost = error_of(self._sock)
        if events & self._read_waits:
            self._read_waits = 0
        if not self._read_waits:
            self._read()
            events |= READABLE  # what was read may be what a write waited for
        if events & FLUSH:
            self._is_asked = False
        if events & (self._write_waits or FLUSH) and self._lost is None and not self.closed:
            self._write()

    def fail(self, error: OSError) -> None:
        if not self.closed:
            self.reset()
            self.owner.on_closed(error)

    def _read(self) -> None:
        """Hand over all that is there, up to one buffer, in one piece: frames larger than a record come whole."""
        buffer, receive = self._loop.buffer, self._sock.recv_into
        room = size = len(buffer)
        ending: OSError | None = None
        is_over = False
        try:
            while room and not is_over:
                count = receive(buffer[size - room :], room)
                room -= count
                is_over = count == 0
        except ssl.SSLWantReadError:
            self._read_waits = READABLE
        except ssl.SSLWantWriteError:
            self._read_waits = WRITABLE
        except OSError as error:
            ending, is_over = _ending(error), True
        if room < size:
            self.last_read = self._loop.now
            self.bytes_in += size - room
            self.owner.on_bytes(buffer[: size - room])
        if self.closed:
            return
        if is_over or (self._lost is not None and self._read_waits):
            self._end(self._lost or ending)
        elif not self._read_waits:
            self._loop.again(self)

    def _write(self) -> None:
        """Send what is committed, then what the owner has, until it has no more or the kernel or the budget is full."""
        send, pull = self._sock.send, self.owner.data_to_send
        budget = SEND_BUDGET
        self._write_waits = 0
        data = self._committed or pull()
        while data and not self.closed:
            try:
                sent = send(data)
            except ssl.SSLWantWriteError:
                self._commit(data, WRITABLE)
                return
            except ssl.SSLWantReadError:
                self._commit(data, READABLE)
                return
            except OSError as error:
                self._lose(_ending(error))
                return
            self.bytes_out += sent
            budget -= sent
            if sent < len(data):
                data = memoryview(data)[sent:]
            elif budget > 0:
                data = pull()
            else:
                self._committed = b""
                self.flush_soon()
                return
        self._committed = b""
        if self._is_finishing and not self.closed:
            self._send_fin()

    def _commit(self, data: bytes | memoryview, waits: int) -> None:
        self._committed = data
        self._write_waits = waits

    def _send_fin(self) -> None:
        try:
            # The plain socket's own: SSLSocket.shutdown would throw the session away, and with it what is still read.
            socket.socket.shutdown(self._sock, socket.SHUT_WR)
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError | None) -> None:
        """Writing failed: the peer may have said something before, so read to the end first."""
        self._lost = error or BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        self._committed = b""
        self._write_waits = READABLE  # nothing more is pulled
        self._read()

    def _end(self, error: OSError | None) -> None:
        self.close()
        self.owner.on_closed(error)


def _ending(error: OSError) -> OSError | None:
    """What *error*, raised by OpenSSL, says about the connection: None for a FIN without close_notify.

    CPython reports every failed system call inside OpenSSL as an SSLEOFError, and so does OpenSSL a bare FIN; only the
    latter has a reason. The call's errno is lost, but only a dead connection makes these calls fail.
    """
    if not isinstance(error, ssl.SSLEOFError):
        return error
    return None if error.reason else ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
