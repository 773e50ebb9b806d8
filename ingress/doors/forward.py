"""A `[[forward]]`: a listener whose clients speak no proxy protocol; each goes to the one target of its entry."""

from ingress.doors.door import DoorSettings
from ingress.doors.handshake import Events, Handshake, HandshakeState
from relay.model.cause import Cause


class ForwardDoor(Handshake):
    """One client of a forward. `start` comes before everything else, also before the client's first byte."""

    __slots__ = ("_target",)

    def __init__(self, settings: DoorSettings, host: str, port: int) -> None:
        super().__init__(settings, HandshakeState.REQUEST)
        self._target = host, port

    def start(self) -> Events:
        """Ask for the target at once: in many protocols it speaks first."""
        events: Events = []
        self._ask(*self._target, events)
        return events

    def receive_eof(self) -> Events:
        """A client may end its side before the stream is there, with or without bytes, as it may on any connection."""
        return []

    def refused(self, cause: Cause, lane: int = 0, rule: str = "") -> Events:
        """A reset is all that this client can understand of it."""
        return self._fail(cause.word, reset=True)
