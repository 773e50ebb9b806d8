"""Dialling: one connect, and a race of several (RFC 8305 section 5). No names here: addresses are literal.

What must stay true: `on_done` is called once and never from inside `connect` or `race`; a socket is either handed
over or closed; after `cancel` nothing is called and nothing is open.
"""

import errno
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial

from relay.engine.loop import READABLE, Loop
from relay.engine.timers import Timer

SocketAddress = tuple[str, int]
"""A literal IPv4 or IPv6 address (a scope may follow a %) and a port."""
Done = Callable[[socket.socket | OSError], None]

STAGGER = 0.25
"""Seconds between the starts of a race: RFC 8305 section 8, "Connection Attempt Delay"."""

TELLING = {errno.ECONNREFUSED: 3, errno.ECONNRESET: 3, errno.ETIMEDOUT: 2, errno.EHOSTUNREACH: 1, errno.ENETUNREACH: 0}
"""How much an error says about the target. A host without IPv6 reports ENETUNREACH for half of the addresses at once;
that the other half refused is what the client should hear."""
TELLING_OTHER = 1


def connect(loop: Loop, address: SocketAddress, timeout: float, on_done: Done) -> "Connecting":
    """Dial *address*; *on_done* gets the connected socket (non-blocking, TCP_NODELAY), or an OSError with its errno.

    The socket is `on_done`'s: if that raises, it is closed. Best wrapped in its endpoint there, which then takes over
    the registration with the loop.
    """
    return Connecting(loop, address, timeout, on_done)


def race(
    loop: Loop, addresses: Sequence[SocketAddress], *, stagger: float = STAGGER, timeout: float, on_done: Done
) -> "Racing":
    """Dial *addresses* in order, one every *stagger* seconds, sooner when one fails; the first to connect is kept.

    *timeout* is for the whole race. If nothing connects, `on_done` gets the error that tells most, of equals the first.
    """
    return Racing(loop, addresses, stagger, timeout, on_done)


class Connecting:
    """A connect under way."""

    __slots__ = ("_loop", "_on_done", "_sock", "_timer", "address", "queued")

    def __init__(self, loop: Loop, address: SocketAddress, timeout: float, on_done: Done) -> None:
        self.queued = False
        self.address = address
        self._loop = loop
        self._on_done: Done | None = on_done
        self._sock: socket.socket | None = None
        self._timer = loop.call_at(loop.now + timeout, self._expire)
        try:
            self._sock = sock = _start(address)
            loop.register(sock, self)
        except OSError as error:
            loop.call_soon(partial(self._refuse, error))

    def cancel(self) -> None:
        """Stop; harmless when it is over."""
        self._on_done = None
        self._timer.cancel()
        sock, self._sock = self._sock, None
        if sock is not None:
            self._loop.forget(sock.fileno())
            sock.close()

    close = cancel

    def serve(self, events: int) -> None:
        """The kernel knows how the connect ended."""
        if self._sock is None:
            return
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._refuse(OSError(code, os.strerror(code)))
        else:
            self._succeed(self._sock, events & READABLE)

    def fail(self, error: OSError) -> None:
        """The owner raised: it has been told, and is told no more."""
        self.cancel()

    def __repr__(self) -> str:
        state = "over" if self._on_done is None else "waiting"
        return f"<Connecting to {self.address[0]} port {self.address[1]}, {state}>"

    def _succeed(self, sock: socket.socket, events: int) -> None:
        on_done, self._on_done, self._sock = self._on_done, None, None
        self._timer.cancel()
        if on_done is None:
            sock.close()
            return
        self._loop.offer(sock, events, partial(on_done, sock))

    def _expire(self) -> None:
        self._refuse(OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)))

    def _refuse(self, error: OSError) -> None:
        on_done = self._on_done
        self.cancel()
        if on_done is not None:
            on_done(error)


class Racing:
    """Several connects under way."""

    __slots__ = ("_addresses", "_connecting", "_errors", "_loop", "_next", "_on_done", "_stagger", "_step", "_until")

    def __init__(
        self, loop: Loop, addresses: Sequence[SocketAddress], stagger: float, timeout: float, on_done: Done
    ) -> None:
        self._loop = loop
        self._addresses = addresses
        self._next = 0
        self._connecting: list[Connecting] = []
        self._errors: list[OSError] = []
        self._on_done: Done | None = on_done
        self._stagger = stagger
        self._until = loop.now + timeout
        self._step: Timer | None = None
        if addresses:
            self._start_next()
        else:
            loop.call_soon(partial(self._end, OSError(errno.EADDRNOTAVAIL, "no address to connect to")))

    def cancel(self) -> None:
        """Stop all attempts; harmless when it is over."""
        self._on_done = None
        if self._step is not None:
            self._step.cancel()
        for attempt in self._connecting:
            attempt.cancel()
        self._connecting.clear()

    def __repr__(self) -> str:
        state = "over" if self._on_done is None else f"{self._next} started, {len(self._errors)} failed"
        return f"<Racing to {len(self._addresses)} addresses, {state}>"

    def _start_next(self) -> None:
        if self._step is not None:
            self._step.cancel()
        address = self._addresses[self._next]
        self._next += 1
        now = self._loop.now
        self._connecting.append(connect(self._loop, address, self._until - now, self._attempted))
        if self._next < len(self._addresses):
            self._step = self._loop.call_at(now + self._stagger, self._start_next)

    def _attempted(self, result: socket.socket | OSError) -> None:
        if isinstance(result, socket.socket):
            self._end(result)
            return
        self._errors.append(result)
        if self._next < len(self._addresses) and self._loop.now < self._until:
            self._start_next()
        elif len(self._errors) == self._next:
            self._end(max(self._errors, key=_telling))

    def _end(self, result: socket.socket | OSError) -> None:
        on_done = self._on_done
        self.cancel()
        if on_done is not None:
            on_done(result)


def _start(address: SocketAddress) -> socket.socket:
    """A socket that is connecting to *address*."""
    host = address[0]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host.partition("%")[0])  # a name would be looked up here, and everybody would wait
    except OSError:
        raise OSError(errno.EINVAL, f"not a literal address: {host!r}") from None
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
    except OSError:
        sock.close()
        raise
    return sock


def _telling(error: OSError) -> int:
    return TELLING.get(error.errno or 0, TELLING_OTHER)
