"""A carrier's end: TLS on a non-blocking descriptor. Reads whatever comes, and pulls from its owner what to send.

What must stay true: what was pulled is encrypted, and then leaves whole and in order; nothing is pulled while the
kernel has not taken it all, so what waits at the owner can still change its order or its path. Reading never waits for
writing, unless the owner says that the peer does not read its answers. All that was received is decrypted at once:
between two services OpenSSL holds at most a part of a record. What the owner has not worked off in one service it
works off in the next, before more is read.
"""

import select
import socket
import ssl
from collections.abc import Callable
from typing import Any, Protocol

import attrs

from relay.engine.endpoint import FLUSH
from relay.engine.loop import READABLE, WRITABLE, Loop
from relay.engine.secured import Secured
from relay.engine.sockopts import BULK_NOTSENT_LOWAT, error_of, notsent_lowat, reset_on_close
from relay.engine.tcp import DRAIN
from relay.engine.tcp_info import parse_moved, parse_sent, tcp_info
from relay.model.moved import Moved
from relay.model.sent import Sent

SEND_BUDGET = 512 * 1024
"""Bytes sent in one service. The kernel's TCP_NOTSENT_LOWAT ends it sooner, unless the path drains faster than that."""
BULK_BATCH = 256 * 1024
"""Bytes encrypted for one system call where nothing waits behind them. Sent record by record they would go through
every hop in pieces of 16 KiB, and wake each of them four times as often."""
FEED = 64 * 1024
"""Bytes given to OpenSSL at a time, so that what it keeps for each carrier stays about as small."""
NOTHING = memoryview(b"")


class TlsOwner(Protocol):
    """Who speaks over a `Tls`. Any of these may close it."""

    def on_bytes(self, data: memoryview, now: float) -> bool:
        """*data*, which may be many records, lies in the shared read buffer and is valid during the call only.

        Returns:
            Whether it has kept some of it for its next turn, so as not to hold up others: then it is called again soon,
            with nothing, and nothing more is read until it says False. The end is told after that as well.
        """

    @property
    def is_full(self) -> bool:
        """Asked while `on_bytes` says True: whether it can go on only when the kernel has taken what it has to send."""

    def data_to_send(self, now: float) -> bytes:
        """The next bytes to go out, b"" for none. Called when the kernel can take some.

        They cannot be taken back: 16 KiB (one record) at most where streams share the carrier, 64 KiB for bulk.
        """

    def on_closed(self, error: OSError | None) -> None:
        """It is over: None if the peer ended it (close_notify or FIN). Not called for what the owner closed itself."""


@attrs.frozen
class TlsStatistics:
    """One carrier's socket at one moment."""

    bytes_in: int
    bytes_out: int
    committed: int
    """Bytes encrypted and not yet taken by the kernel."""
    last_read: float
    is_closed: bool


class Tls:
    """An endpoint over *secured*, which comes from `tls_setup.handshake` and belongs to it from now on."""

    __slots__ = (
        "_batch",
        "_is_asked",
        "_is_behind",
        "_is_blocked",
        "_is_finishing",
        "_is_over",
        "_is_readable",
        "_last_info",
        "_loop",
        "_lost",
        "_reads_to_end",
        "_secured",
        "_sock",
        "bytes_in",
        "bytes_out",
        "closed",
        "last_read",
        "owner",
        "queued",
    )

    def __init__(self, loop: Loop, secured: Secured, owner: TlsOwner, *, is_bulk: bool = False) -> None:
        """With *is_bulk*, what the owner has is pulled and encrypted BULK_BATCH at a time; else one pull at a time."""
        self.owner = owner
        self.queued = False
        self.closed = False
        self.bytes_in = self.bytes_out = 0
        self.last_read = loop.now
        """`loop.now` when bytes last came; at first, when it was made."""
        self._loop = loop
        self._secured = secured
        self._sock = secured.sock
        self._batch = BULK_BATCH if is_bulk else 1
        self._is_asked = self._is_finishing = False
        self._is_behind = False  # the owner has kept some of what it was given
        self._is_over = False  # the peer has ended; told once the owner has worked off what came before
        self._is_blocked = False  # the kernel is full; its edge will come
        self._is_readable = self._reads_to_end = True  # at first OpenSSL may hold what no descriptor signals
        self._lost: OSError | None = None
        self._last_info = b""  # what its kernel knew at the end
        if is_bulk:
            notsent_lowat(self._sock, BULK_NOTSENT_LOWAT)
        loop.register(self._sock, self)
        loop.again(self)

    # for the owner

    def flush_soon(self) -> None:
        """Pull from the owner at the end of this turn, or else once the kernel can take bytes again. Idempotent."""
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
            self._last_info = tcp_info(self._sock)
            self._sock.close()

    @property
    def sock(self) -> socket.socket:
        """For options and addresses; not for reading or writing."""
        return self._sock

    def statistics(self) -> TlsStatistics:
        """Bytes are counted before encryption, those out as they are committed."""
        return TlsStatistics(self.bytes_in, self.bytes_out, self._committed, self.last_read, self.closed)

    def sent(self) -> Sent:
        """What its kernel knows of what was sent over it; once it is closed, of all."""
        return parse_sent(self._last_info).counts if self.closed else parse_sent(tcp_info(self._sock))

    def moved(self) -> Moved:
        """What its kernel knows of all that went over it, both ways, since it was dialled or accepted."""
        return parse_moved(self._last_info if self.closed else tcp_info(self._sock))

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"fd {self._sock.fileno()}"
        return f"<Tls {state}, {self.bytes_in} in, {self.bytes_out} out, {self._committed} committed>"

    @property
    def _committed(self) -> int:
        return 0 if self.closed else self._secured.unsent

    # for the loop

    def serve(self, events: int) -> None:
        """Reads first: acknowledgements that come in now may go out with what is written."""
        if self.closed:
            return
        if events & READABLE:
            self._is_readable = True
            if events & DRAIN:
                self._reads_to_end = True
                if events & select.EPOLLERR and self._lost is None:
                    self._lost = error_of(self._sock)
        if self._is_behind:
            self._catch_up()
        elif self._is_readable:
            self._read()
        if events & FLUSH:
            self._is_asked = False
        if events & (WRITABLE if self._is_blocked else FLUSH) and self._lost is None and not self.closed:
            self._write()

    def fail(self, error: OSError) -> None:
        """Close with a RST and tell the owner."""
        if not self.closed:
            self.reset()
            self.owner.on_closed(error)

    # reading

    def _read(self) -> None:
        """Receive once, and hand over all that it makes whole."""
        raw = self._loop.raw
        count = 0
        ending: OSError | None = None
        is_over = False
        try:
            count = self._sock.recv_into(raw)
            is_over = count == 0
        except BlockingIOError:
            self._is_readable = self._reads_to_end = False
        except OSError as error:
            ending, is_over = error.with_traceback(None), True
        if count < len(raw) and not self._reads_to_end:
            self._is_readable = False  # rule 1: a short read
        now = self._loop.now
        if count:
            self.last_read = now
        try:
            is_over |= self._decrypt(raw[:count], now)
        except ssl.SSLError as error:
            ending, is_over = error.with_traceback(None), True
        if self.closed:
            return
        if is_over or (self._lost is not None and not self._is_readable):
            self._lost, self._is_over = self._lost or ending, True
        if self._secured.outgoing.pending:  # the peer has asked for something, such as new keys
            self.flush_soon()
        self._go_on()

    def _catch_up(self) -> None:
        """Have the owner work on what it has kept."""
        if self._lost is None and self._is_stuck():
            return
        self._is_behind = self.owner.on_bytes(NOTHING, self._loop.now)
        if not self.closed:
            self._go_on()

    def _is_stuck(self) -> bool:
        """Whether the owner can go on only when more has left, which nothing can now: then `_write` has it go on."""
        return self._is_blocked and self.owner.is_full

    def _go_on(self) -> None:
        """What is next: the owner catches up, the end is told, or more is read."""
        if self._is_behind:
            if self._lost is not None and self.owner.is_full:  # what it has to send can no longer leave
                self._end(self._lost)
            elif not self._is_stuck():
                self._loop.again(self)
        elif self._is_over:
            self._end(self._lost)
        elif self._is_readable:
            self._loop.again(self)

    def _decrypt(self, raw: memoryview, now: float) -> bool:
        """Hand over what *raw* makes whole; True if the peer has ended the session.

        Raises:
            ssl.SSLError: what came is not good; what came before it was handed over.
        """
        feed, buffer = self._secured.incoming.write, self._loop.buffer
        read: Callable[[int, memoryview], Any] = self._secured.tls.read  # into a buffer: how much
        filled, most = 0, len(buffer)
        try:
            for start in range(0, len(raw) or 1, FEED):
                feed(raw[start : start + FEED])
                try:
                    while count := read(most - filled, buffer[filled:]):
                        filled += count
                        if filled == most:
                            filled = 0  # first: what an owner does not bear is not given to it again
                            self._hand_over(most, now)
                except ssl.SSLWantReadError:  # what is left is a part of a record
                    continue
                return True
        except ssl.SSLZeroReturnError:
            return True
        finally:
            self._hand_over(filled, now)
        return False

    def _hand_over(self, filled: int, now: float) -> None:
        if filled and not self.closed:
            self.bytes_in += filled
            self._is_behind = self.owner.on_bytes(self._loop.buffer[:filled], now)

    # writing

    def _write(self) -> None:
        """Send what is encrypted, then what the owner has, until it has no more or the kernel or the budget is full."""
        budget, now, outgoing = SEND_BUDGET, self._loop.now, self._secured.outgoing
        try:
            while not self.closed:
                if self._is_blocked or outgoing.pending:
                    self._is_blocked = not self._secured.flush()
                    if self._is_blocked:
                        return
                    if self._is_behind:
                        self._loop.again(self)
                if budget <= 0:
                    self.flush_soon()
                    return
                filled = self._encrypt(now)
                if not filled:
                    break
                budget -= filled
        except OSError as error:
            self._lose(error)
            return
        if self._is_finishing and not self.closed:
            self._send_fin()

    def _encrypt(self, now: float) -> int:
        """Pull from the owner and encrypt a batch; how many bytes it was."""
        pull, write = self.owner.data_to_send, self._secured.tls.write
        filled = 0
        while filled < self._batch:
            data = pull(now)
            if not data or self.closed:
                break
            filled += write(data)
        self.bytes_out += filled
        return filled

    def _send_fin(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        """Writing failed: the peer may have said something before, so read to the end first."""
        self._lost = error.with_traceback(None)  # see Tcp
        self._is_readable = self._reads_to_end = True
        self._read()

    def _end(self, error: OSError | None) -> None:
        self.close()
        self.owner.on_closed(error)
