"""Joins a carrier's end to its TLS connection in the engine, and a session's deadlines to the engine's timers."""

from typing import Protocol

from relay.callbacks import ignore
from relay.engine import Loop, Timer, Tls
from relay.engine.secured import Secured
from relay.session.session import Session
from relay.session.stream import Stream
from relay.wire.errors import ProtocolError


class LinkOwner(Protocol):
    """Who has carriers: a path at the ingress, a session's keeper at a node. Each call says of which link it is."""

    def on_pong(self, link: "Link", name: int) -> None:
        """The PING that was asked as *name* was answered on *link* (never called at a node: it does not ping)."""

    def on_notice(self, link: "Link", kind: int, body: bytes) -> None:
        """A frame that concerns no stream has come on *link*, see `CarrierOwner.on_notice`."""

    def on_lost(self, link: "Link", detached: list[Stream], why: str) -> None:
        """*link* is gone, for whatever reason. Called once; the session knows. *detached* are the streams that ride on
        nothing now."""


class Link:
    """One carrier that is up: its end in the session, its connection, and the owner, who is told what becomes of it.

    Whole from the first moment: to make one is to put the carrier into the session. It lives until the connection ends,
    the peer breaks the protocol, or `close` is called; then the session loses the carrier, and then the owner is told.
    """

    __slots__ = ("_loop", "_owner", "data_to_send", "end", "is_broken", "made_at", "pings", "session", "tls")

    def __init__(
        self,
        loop: Loop,
        secured: Secured,
        session: Session[Stream],
        owner: LinkOwner,
        name: str,
        *,
        is_bulk: bool = False,
    ) -> None:
        """*secured* belongs to the link from now on. *name* is the path it takes, or whose it is, for logs."""
        self._loop = loop
        self.made_at = loop.now
        self.session = session
        self._owner: LinkOwner | None = owner
        self.is_broken = False
        """What came on it broke the protocol: that is why it ends."""
        self.pings = 0
        """That were asked on it."""
        self.tls = Tls(loop, secured, self, is_bulk=is_bulk)
        self.end = session.add_carrier(name, is_bulk, self.tls.flush_soon, self, loop.now)
        self.data_to_send = self.end.data_to_send
        """As `TlsOwner.data_to_send`."""

    @property
    def riders(self) -> list[Stream]:
        """The streams that ride on it, in the order in which they came to it."""
        return list(self.session.riders(self.end))

    # ---- for the connection

    def on_bytes(self, data: memoryview, now: float) -> bool:
        """As `TlsOwner.on_bytes`. What breaks the protocol closes the carrier; the streams go on elsewhere."""
        try:
            return self.end.receive(data, now)
        except ProtocolError as error:
            self._break(error)
            return False

    @property
    def is_full(self) -> bool:
        """As `TlsOwner.is_full`."""
        return self.end.is_full

    def on_closed(self, error: OSError | None) -> None:
        """As `TlsOwner.on_closed`."""
        self._tell("closed by the peer" if error is None else str(error) or type(error).__name__)

    # ---- for the session

    def on_pong(self, name: int) -> None:
        """As `CarrierOwner.on_pong`."""
        if self._owner is not None:
            self._owner.on_pong(self, name)

    def on_notice(self, kind: int, body: bytes) -> None:
        """As `CarrierOwner.on_notice`."""
        if self._owner is not None:
            self._owner.on_notice(self, kind, body)

    def ping(self, name: int) -> None:
        """As `CarrierEnd.ping`; who answers none has his carrier closed."""
        self.pings += 1
        try:
            self.end.ping(name)
        except ProtocolError as error:
            self._break(error)

    # ---- the end

    def _break(self, error: ProtocolError) -> None:
        self.is_broken = True
        self.close(f"protocol error: {error}")

    def close(self, why: str) -> None:
        """Close the carrier now; what waited for it goes elsewhere. Harmless when repeated."""
        self.tls.close()
        self._tell(why)

    def _tell(self, why: str) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            self.end.on_ready = ignore
            owner.on_lost(self, self.session.lose(self.end, self._loop.now), why)


class SessionClock:
    """Calls `Session.handle_deadline` when it is due: one timer for all of a session's streams."""

    __slots__ = ("_loop", "_session", "_timer")

    def __init__(self, loop: Loop, session: Session[Stream]) -> None:
        self._loop = loop
        self._session = session
        self._timer: Timer | None = None
        session.on_deadline_changed = self.expect
        self._rearm()

    def expect(self, when: float) -> None:
        """The session has a deadline at *when*, which may be the next."""
        if self._timer is not None:
            if self._timer.when <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._fire)

    def stop(self) -> None:
        """The session is over: its deadlines are nobody's concern any more."""
        self._session.on_deadline_changed = ignore
        if self._timer is not None:
            self._timer.cancel()

    def _fire(self) -> None:
        self._timer = None
        self._session.handle_deadline(self._loop.now)
        self._rearm()

    def _rearm(self) -> None:
        when = self._session.next_deadline()
        if when is not None:
            self.expect(when)
