"""A carrier that has datagrams in frames, for lines that are deaf to UDP: sealed as they are, label and all.

It belongs to no session: what a datagram is, its label says. What must stay true: nothing waits for long (see
`Backlog`), and little of it in the kernel, so that a datagram that is late is dropped and does not make others late.
"""

from collections import deque
from typing import Protocol

from relay.datagram.backlog import Backlog
from relay.engine import Loop, Tls
from relay.engine.secured import Secured
from relay.engine.sockopts import notsent_lowat
from relay.session.carrier import MOST_WAITING
from relay.session.unanswered import Unanswered
from relay.wire import bodies
from relay.wire.errors import ProtocolError
from relay.wire.frames import BUDGET, FrameReader, Kind, frame

LOWAT = 16 * 1024
"""Bytes that may wait in the kernel, unsent."""
PULL = 16 * 1024 - 64
"""Bytes of one pull, about a TLS record."""


class DatagramLinkOwner(Protocol):
    """Who gets what comes on it."""

    def on_datagram(self, link: "DatagramLink", data: bytes) -> None:
        """A datagram has come, from its label on."""

    def on_pong(self, link: "DatagramLink", name: int) -> None:
        """The PING that was asked as *name* was answered (at the ingress; a node never asks)."""

    def on_lost(self, link: "DatagramLink", why: str) -> None:
        """It is gone, for whatever reason. Called once."""


class DatagramLink:
    """One end of it, from the answered HELLO to `on_lost`."""

    __slots__ = ("_backlog", "_control", "_loop", "_owner", "_reader", "_unanswered", "heard_at", "is_broken", "tls")

    def __init__(self, loop: Loop, secured: Secured, owner: DatagramLinkOwner) -> None:
        """*secured* belongs to it from now on."""
        self._loop = loop
        self._owner: DatagramLinkOwner | None = owner
        self._backlog = Backlog()
        self._control: deque[bytes] = deque()
        self._unanswered = Unanswered()
        self._reader = FrameReader(_refuse_data, self._on_frame)
        self.heard_at = loop.now
        self.is_broken = False
        """What came on it broke the protocol: that is why it ends."""
        notsent_lowat(secured.sock, LOWAT)
        self.tls = Tls(loop, secured, self)

    def __repr__(self) -> str:
        return f"<DatagramLink {len(self._backlog)} waiting, {self._backlog.dropped} dropped>"

    @property
    def dropped(self) -> int:
        """Datagrams that waited for too long, or were too many."""
        return self._backlog.dropped

    # ---- for its owner

    def send(self, data: bytes | memoryview) -> None:
        """Send a datagram, unless it would be late."""
        self._backlog.put(frame(Kind.DATAGRAM, bytes(data)), self._loop.now)
        self.tls.flush_soon()

    def ping(self, name: int) -> None:
        """Ask for a PONG, which brings *name*; who answers none has his carrier closed."""
        try:
            self._control.append(bodies.ping(self._unanswered.ask(name), 0.0, False))
        except ProtocolError as error:
            self._break(error)
        self.tls.flush_soon()

    def close(self, why: str) -> None:
        """Close it now. Harmless when repeated."""
        self.tls.close()
        self._tell(why)

    # ---- for the connection

    def on_bytes(self, data: memoryview, now: float) -> bool:
        """As `TlsOwner.on_bytes`."""
        if data:
            self.heard_at = now
        try:
            return self._reader.receive(data, 0 if self.is_full else BUDGET)
        except ProtocolError as error:
            self._break(error)
            return False

    @property
    def is_full(self) -> bool:
        """As `TlsOwner.is_full`."""
        return len(self._control) > MOST_WAITING

    def data_to_send(self, now: float) -> bytes:
        """As `TlsOwner.data_to_send`."""
        control, self._control = self._control, deque()
        return b"".join((*control, *self._backlog.take(now, PULL)))

    def on_closed(self, error: OSError | None) -> None:
        """As `TlsOwner.on_closed`."""
        self._tell("closed by the peer" if error is None else str(error) or type(error).__name__)

    # ---- inside

    def _on_frame(self, kind: int, body: bytes) -> None:
        owner = self._owner
        if owner is None:
            return
        match kind:
            case Kind.DATAGRAM:
                owner.on_datagram(self, body)
            case Kind.PING:
                number, _ = bodies.parse_ping(body)
                self._control.append(bodies.pong(number))
                self.tls.flush_soon()
            case Kind.PONG:
                owner.on_pong(self, self._unanswered.answer(bodies.parse_pong(body)))
            case _:
                raise ProtocolError(f"a {Kind(kind).name} frame on a carrier for datagrams")

    def _break(self, error: ProtocolError) -> None:
        self.is_broken = True
        self.close(f"protocol error: {error}")

    def _tell(self, why: str) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.on_lost(self, why)


def _refuse_data(stream: int, offset: int, data: memoryview) -> None:
    raise ProtocolError("DATA on a carrier for datagrams")
