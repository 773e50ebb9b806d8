"""Dialling targets: one connect, and a race of several (`happy_eyeballs`). No names here: addresses are literal.

What must stay true: the last descriptors are left to others (`descriptors`); `on_done` is called once and never from
inside `connect` or `race`; a socket is either handed over or closed; after `cancel` nothing is called and nothing is
open.
"""

import errno
import os
import select
import socket
from collections.abc import Callable, Sequence
from functools import partial

from relay.engine.descriptors import spare_reserve
from relay.engine.happy_eyeballs import STAGGER, Race
from relay.engine.loop import READABLE, Loop
from relay.engine.timers import Timer

SocketAddress = tuple[str, int]
"""A literal IPv4 or IPv6 address (a scope may follow a %) and a port."""
Done = Callable[[socket.socket | OSError], None]


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

    waited = 0.0
    """As of `Racing`: nothing was tried before."""

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
        if self._sock is None or self._on_done is None:
            return
        error = _failure(self._sock) if events & select.EPOLLERR else None
        if error is not None:
            self._refuse(error)
        else:
            self._succeed(self._sock, self._on_done, events & READABLE)

    def fail(self, error: OSError) -> None:
        """The owner raised: it has been told, and is told no more."""
        self.cancel()

    def __repr__(self) -> str:
        state = "over" if self._on_done is None else "waiting"
        return f"<Connecting to {self.address[0]} port {self.address[1]}, {state}>"

    def _succeed(self, sock: socket.socket, on_done: Done, events: int) -> None:
        self._on_done = self._sock = None
        self._timer.cancel()
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

    __slots__ = ("_connecting", "_loop", "_on_done", "_race", "_started", "_step", "_until", "waited")

    def __init__(
        self, loop: Loop, addresses: Sequence[SocketAddress], stagger: float, timeout: float, on_done: Done
    ) -> None:
        self._loop = loop
        self._connecting: list[Connecting] = []
        self._on_done: Done | None = on_done
        self.waited = 0.0
        """Seconds between the first attempt and the one that connected, once it has."""
        self._started = loop.now
        self._until = loop.now + timeout
        self._race = Race(addresses, stagger, self._until)
        self._step: Timer | None = None
        if addresses:
            self._go_on()
        else:
            loop.call_soon(partial(self._end, self._race.error))

    def cancel(self) -> None:
        """Stop all attempts; harmless when it is over."""
        self._on_done = None
        if self._step is not None:
            self._step.cancel()
        for attempt in self._connecting:
            attempt.cancel()
        self._connecting.clear()

    def __repr__(self) -> str:
        return f"<Racing, {'over' if self._on_done is None else self._race}>"

    def _go_on(self) -> None:
        """Begin the attempt that is due, and come back when the next one is."""
        now = self._loop.now
        address = self._race.start(now)
        if address is not None:
            attempted = partial(self._attempted, now - self._started)
            self._connecting.append(connect(self._loop, address, self._until - now, attempted))
        if self._step is not None:
            self._step.cancel()
        at = self._race.next_at
        self._step = None if at is None else self._loop.call_at(at, self._go_on)

    def _attempted(self, waited: float, result: socket.socket | OSError) -> None:
        if isinstance(result, socket.socket):
            self.waited = waited
            self._end(result)
            return
        self._race.fail(result)
        self._go_on()
        if self._race.is_lost:
            self._end(self._race.error)

    def _end(self, result: socket.socket | OSError) -> None:
        on_done = self._on_done
        self.cancel()
        if on_done is not None:
            on_done(result)


def _failure(sock: socket.socket) -> OSError | None:
    """Why the connect failed; None if it did not, and the peer has sent something and reset already. That is left where
    it is, the error behind it: SO_ERROR would take the error, and the reset would read as a clean end."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return None
    except OSError as error:
        return error.with_traceback(None)
    return None


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
        spare_reserve(sock.fileno())
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
    except OSError:
        sock.close()
        raise
    return sock
