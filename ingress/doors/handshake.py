"""What the doors share that lead to a transparent stream (SOCKS4, SOCKS5, forwards): states, kept bytes, the end.

Rules: a state is left only by a step that the table has; a request is read only in REQUEST, which a door that needs a
password reaches only through an accepted one; bytes behind the handshake are kept, and handed over once.
"""

import enum
from typing import Final

from ingress.doors.door import KEPT_HARD, KEPT_SOFT, DoorSettings
from ingress.doors.events import Close, Event, Open, Send, Transparent
from relay.model.cause import Cause


class HandshakeState(enum.IntEnum):
    """Where the client is in its handshake. Integers, because a plain enum hashes in Python code."""

    METHODS = 0
    PASSWORD = 1
    CHECKING = 2
    REQUEST = 3
    OPENING = 4
    TRANSPARENT = 5
    ASSOCIATED = 6
    CLOSED = 7


class Step(enum.IntEnum):
    """What takes a client from one state to the next."""

    NO_PASSWORD_CHOSEN = 0
    PASSWORD_CHOSEN = 1
    PASSWORD_READ = 2
    PASSWORD_ACCEPTED = 3
    REQUEST_READ = 4
    OPENED = 5
    ASSOCIATED = 6
    FAILED = 7


TRANSITIONS: Final[dict[HandshakeState, dict[Step, HandshakeState]]] = {
    HandshakeState.METHODS: {
        Step.NO_PASSWORD_CHOSEN: HandshakeState.REQUEST,
        Step.PASSWORD_CHOSEN: HandshakeState.PASSWORD,
        Step.FAILED: HandshakeState.CLOSED,
    },
    HandshakeState.PASSWORD: {Step.PASSWORD_READ: HandshakeState.CHECKING, Step.FAILED: HandshakeState.CLOSED},
    HandshakeState.CHECKING: {Step.PASSWORD_ACCEPTED: HandshakeState.REQUEST, Step.FAILED: HandshakeState.CLOSED},
    HandshakeState.REQUEST: {Step.REQUEST_READ: HandshakeState.OPENING, Step.FAILED: HandshakeState.CLOSED},
    HandshakeState.OPENING: {
        Step.OPENED: HandshakeState.TRANSPARENT,
        Step.ASSOCIATED: HandshakeState.ASSOCIATED,
        Step.FAILED: HandshakeState.CLOSED,
    },
    HandshakeState.TRANSPARENT: {},
    HandshakeState.ASSOCIATED: {Step.FAILED: HandshakeState.CLOSED},
    HandshakeState.CLOSED: {},
}

Events = list[Event]


class Handshake:
    """Base of those doors. A subclass reads its messages and words its replies."""

    __slots__ = ("_kept", "_settings", "_state", "user")

    gateway: Final = None

    def __init__(self, settings: DoorSettings, state: HandshakeState) -> None:
        self._settings = settings
        self._state = state
        self._kept = bytearray()
        self.user: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state.name.lower()}, {len(self._kept)} bytes kept>"

    @property
    def wants_client_bytes(self) -> bool:
        """False while a client has sent KEPT_SOFT bytes ahead of its stream."""
        return len(self._kept) < KEPT_SOFT

    @property
    def in_handshake(self) -> bool:
        """Until the target is known; how long its stream takes is not the client's fault."""
        return self._state < HandshakeState.OPENING

    def receive(self, data: bytes) -> Events:
        """A client that runs more than KEPT_HARD bytes ahead is reset. Raises RuntimeError once transparent."""
        if self._state >= HandshakeState.TRANSPARENT:
            return self._receive_late()
        self._kept += data
        events = self._advance()
        if len(self._kept) > KEPT_HARD:
            events += self._fail("client ran too far ahead", reset=True)
        return events

    def receive_eof(self) -> Events:
        """A client that has sent its data ahead may end its side early; one that has not, has left."""
        if self._state == HandshakeState.CLOSED or (self._state == HandshakeState.OPENING and self._kept):
            return []
        return self._fail("client left during the handshake")

    def timed_out(self) -> Events:
        """Close without a word: none of these protocols has a reply for it."""
        return self._fail("handshake took too long")

    def authenticated(self, accepted: bool) -> Events:
        """Nothing here has asked; SOCKS5 does."""
        return []

    def opening(self, lane: int = 0) -> Events:
        """Nothing can be done before the stream is there."""
        return []

    def opened(self, lane: int = 0) -> Events:
        """Hands over what the client sent ahead, behind the reply; empty if the client has left meanwhile."""
        if self._state == HandshakeState.CLOSED:
            return []
        self._go(Step.OPENED)
        early, self._kept = bytes(self._kept), bytearray()
        return [*self._granted(), Transparent(early)]

    def refused(self, cause: Cause, lane: int = 0, rule: str = "") -> Events:
        """Reply with the code that the protocol has for *cause*, if any, and close."""
        return self._fail(cause.word, self._rejected(cause))

    def associated(self, bound: tuple[str, int] | None) -> Events:
        """Nothing here has asked; SOCKS5 does."""
        return []

    def _granted(self) -> Events:
        """The reply to a client whose stream is open."""
        return []

    def _rejected(self, cause: Cause) -> bytes:
        """The reply to a client whose stream failed."""
        return b""

    def _receive_late(self) -> Events:
        if self._state == HandshakeState.TRANSPARENT:
            raise RuntimeError("bytes given to a transparent door would be lost")
        return []

    def _go(self, step: Step) -> None:
        self._state = TRANSITIONS[self._state][step]

    def _advance(self) -> Events:
        events: Events = []
        while self._read(events):
            pass
        return events

    def _read(self, events: Events) -> bool:
        """Take one whole message from `_kept`; False if there is none, or none is expected in this state."""
        return False

    def _ask(self, host: str, port: int, events: Events) -> bool:
        self._go(Step.REQUEST_READ)
        events.append(Open(host, port))
        return True

    def _fail(self, reason: str, reply: bytes = b"", *, reset: bool = False) -> Events:
        if self._state == HandshakeState.CLOSED:
            return []
        self._go(Step.FAILED)
        self._kept.clear()
        close = Close(reset, reason)
        return [Send(reply), close] if reply else [close]
