"""The connections of a fleet under test: socket pairs with real TLS, between which bytes take their time, or stop."""

import socket
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import trustme

from relay.engine.secured import Secured

DELAYS = {"direct": 0.03, "ix": 0.02, "pacific": 0.03, "a": 0.03, "b": 0.04, "c": 0.05}
"""Seconds one way; what is not here takes as long as `direct`."""
PIECE = 65536
"""Bytes that are taken from a socket at a time."""


@cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Client's and server's, as carriers use them: TLS 1.3, no tickets, a FIN is an end."""
    authority = trustme.CA()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    authority.configure_trust(client)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.num_tickets = 0
    authority.issue_cert("node.test").configure_cert(server)
    for context in (client, server):
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    return client, server


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection, non-blocking."""
    pair = socket.socketpair()
    for sock in pair:
        sock.setblocking(False)
    return pair


class VirtualLine:
    """What a line is like at the moment."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.delay = DELAYS.get(name, DELAYS["direct"])
        self.rate: float | None = None
        """Bytes per second that pass each way on one connection; None for as many as there are."""
        self.is_held = False
        """A black hole, also for set-ups: what is on its way stays there until it is released."""
        self.refuses = False
        """Nothing listens at its address."""
        self.leads_to: str | None = None
        """Another node than it should, which answers there."""


class VirtualConnection:
    """The connection below one carrier, over some lines: it takes what each end sends to the other, a delay later."""

    def __init__(self, lines: tuple[VirtualLine, ...]) -> None:
        self.lines = lines
        self.is_held = False
        """A black hole for this carrier alone."""
        near, self._near = socket_pair()
        far, self._far = socket_pair()
        client, server = contexts()
        self.near, self.far = Secured(near, client, False, None), Secured(far, server, True, None)
        _shake_hands(self.near, self.far)
        self._queues: tuple[deque[tuple[float, bytes]], ...] = (deque(), deque())
        self._free = [0.0, 0.0]
        """Each way, when the last byte so far has passed the narrowest line."""

    @property
    def is_open(self) -> bool:
        """Whether it was neither cut nor closed at both ends."""
        return self._near.fileno() >= 0 or self._far.fileno() >= 0

    def cut(self) -> None:
        """Both ends hear at once that it is over; what is under way is lost."""
        self._near.close()
        self._far.close()

    def next_moment(self) -> float:
        """When something arrives next, unless it is held; infinity if nothing is on its way."""
        dues = [queue[0][0] for queue in self._queues if queue and not self._is_held()]
        return min(dues, default=float("inf"))

    def pump(self, now: float) -> bool:
        """Take what was sent, and deliver what is due. Returns whether anything moved."""
        delay = sum(line.delay for line in self.lines)
        rate = min((line.rate for line in self.lines if line.rate is not None), default=float("inf"))
        moved = False
        for way, (source, target) in enumerate(((self._near, self._far), (self._far, self._near))):
            queue = self._queues[way]
            for data in _drain(source):
                self._free[way] = max(now, self._free[way]) + len(data) / rate
                queue.append((self._free[way] + delay, data))
                moved = True
            while queue and queue[0][0] <= now and not self._is_held() and _pass_on(target, queue):
                moved = True
        return moved

    def _is_held(self) -> bool:
        return self.is_held or any(line.is_held for line in self.lines)


def _shake_hands(near: Secured, far: Secured) -> None:
    """TLS between the two in memory; their sockets stay empty."""
    for _ in range(3):
        for end, other in ((near, far), (far, near)):
            with suppress(ssl.SSLWantReadError):
                end.tls.do_handshake()
            other.incoming.write(end.outgoing.read())


def _drain(source: socket.socket) -> Iterator[bytes]:
    """All that was sent into *source*; b"" for its end, with which it is closed."""
    while source.fileno() >= 0:
        try:
            data = source.recv(PIECE)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            source.close()
        yield data


def _pass_on(target: socket.socket, queue: deque[tuple[float, bytes]]) -> bool:
    """Deliver the first of *queue*; False if *target* takes nothing now."""
    due, data = queue.popleft()
    if target.fileno() < 0:
        return True
    if not data:
        target.close()
        return True
    try:
        taken = target.send(data)
    except BlockingIOError:
        taken = 0
    except OSError:
        return True  # its end has gone, and what is sent to it is lost
    if taken < len(data):
        queue.appendleft((due, data[taken:]))
    return taken > 0
