"""Joins a carrier's end to its TLS connection in the engine, and a session's deadlines to the engine's timers."""

from collections.abc import Callable

from relay.engine import Loop, Timer, Tls
from relay.session.carrier import CarrierEnd
from relay.session.session import Session
from relay.wire.errors import ProtocolError


class Link:
    """One carrier that is up. When it is lost, for whatever reason, `on_lost(link, why)` is called once."""

    __slots__ = ("_loop", "_on_lost", "end", "tls")

    def __init__(self, loop: Loop, on_lost: Callable[["Link", str], None]) -> None:
        self._loop = loop
        self._on_lost: Callable[[Link, str], None] | None = on_lost
        self.end: CarrierEnd
        self.tls: Tls

    def on_bytes(self, data: memoryview) -> None:
        try:
            self.end.receive(data, self._loop.now)
        except ProtocolError as error:
            self.close(f"protocol error: {error}")

    def data_to_send(self) -> bytes:
        return self.end.data_to_send(self._loop.now)

    def on_closed(self, error: OSError | None) -> None:
        self._tell("closed by the peer" if error is None else str(error) or type(error).__name__)

    def close(self, why: str) -> None:
        """Close the carrier now; what waited for it goes elsewhere."""
        self.tls.close()
        self._tell(why)

    def _tell(self, why: str) -> None:
        told, self._on_lost = self._on_lost, None
        if told is not None:
            self.end.on_ready = _nobody_listens
            told(self, why)


def _nobody_listens() -> None:
    """Of a lost carrier or a session that is over nothing is asked any more."""


class SessionClock:
    """Calls `Session.handle_deadline` when it is due: one timer for all of a session's streams."""

    __slots__ = ("_loop", "_session", "_timer")

    def __init__(self, loop: Loop, session: Session) -> None:
        self._loop = loop
        self._session = session
        self._timer: Timer | None = None
        session.on_deadline_changed = self.rearm
        self.rearm()

    def rearm(self) -> None:
        """The session's deadline may have moved earlier."""
        when = self._session.next_deadline()
        if when is None:
            return
        if self._timer is not None:
            if self._timer.when <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._fire)

    def stop(self) -> None:
        """The session is over."""
        self._session.on_deadline_changed = _nobody_listens
        if self._timer is not None:
            self._timer.cancel()

    def _fire(self) -> None:
        self._timer = None
        self._session.handle_deadline(self._loop.now)
        self.rearm()
