"""One stream that a client asked for: from the question, over waiting for a path, to CONNECTED or a cause.

While the door stays in between (plain HTTP, or success not yet told) it is the stream's sink.
"""

from typing import TYPE_CHECKING

from ingress.choice.choice import Choice
from ingress.doors.door import BEST_PIECE
from relay.model.cause import Cause
from relay.session.initiator import InitiatorStream

if TYPE_CHECKING:
    from ingress.client.client import Client
    from ingress.client.entrance import Front

EXIT_CAUSES = frozenset({Cause.EXIT_LOST, Cause.DRAINING, Cause.LIMIT, Cause.SESSION_EXPIRED, Cause.GONE})
"""Another exit may still do it, as long as the client's bytes have not begun to travel."""
TARGET_CAUSES = frozenset(
    {
        Cause.POLICY,
        Cause.NO_ROUTE,
        Cause.HOST_UNREACHABLE,
        Cause.NAME_NOT_FOUND,
        Cause.DNS_TIMEOUT,
        Cause.REFUSED,
        Cause.CONNECT_TIMEOUT,
    }
)
"""What an exit found out about a target: remembered, so that the next answer waits for the truth."""
MOST_TRIES = 4


class Opening:
    """A `Sink`, until the door lets go."""

    __slots__ = ("answered", "at", "choice", "client", "host", "port", "stream", "tries", "user")

    def __init__(self, client: "Client", host: str, port: int, user: str, now: float) -> None:
        self.client = client
        self.host = host
        self.port = port
        self.user = user
        self.at = now
        self.choice: Choice | None = None
        self.stream: InitiatorStream | None = None
        self.answered = False
        self.tries = 0

    @property
    def front(self) -> "Front":
        return self.client.front

    @property
    def is_current(self) -> bool:
        """Whether the door still has to do with this stream."""
        return self.client.upstream is self

    @property
    def is_full(self) -> bool:
        """Whether the stream takes no more for now; `on_room` tells when it does."""
        stream = self.stream
        if stream is None or stream.may_write:
            return False
        stream.is_held_back = True  # it may have become full since it was written to
        return True

    def consume_all(self) -> None:
        """All that came has left for the client."""
        if self.stream is not None and not self.client.tcp.unsent:
            self.stream.consume(self.stream.receiver.received)

    def abandon(self) -> None:
        """The client has no more use for it."""
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.reset(Cause.CLIENT_RESET)
            self.front.ended(self, stream, Cause.CLIENT_RESET)

    # ---- as a sink

    def on_data(self, data: memoryview) -> None:
        gateway = self.client.door.gateway if self.client.door is not None else None
        for start in range(0, len(data), BEST_PIECE):
            if self.is_current and gateway is not None:
                self.client.drive(gateway.receive_upstream, bytes(data[start : start + BEST_PIECE]))
        if self.stream is not None and (not self.is_current or not self.client.tcp.unsent):
            self.stream.consume(self.stream.receiver.received)

    def on_fin(self) -> None:
        gateway = self.client.door.gateway if self.client.door is not None else None
        if self.is_current and gateway is not None:
            self.client.drive(gateway.upstream_eof)
        if not self.is_current and self.stream is not None:
            self.stream.finish()

    def on_connected(self, took: float) -> None:
        self.front.connected(self, took)
        if self.is_current and not self.answered:
            self.answered = True
            self.client.opened()

    def on_room(self) -> None:
        if self.is_current:
            self.client.settle()

    def on_reset(self, cause: Cause) -> None:
        stream, self.stream = self.stream, None
        if stream is None:
            return
        self.note_failure(cause)
        if self.is_current and self.may_reopen(stream, cause) and self.front.reopen(self, stream):
            return
        self.front.ended(self, stream, cause)
        gateway = self.client.door.gateway if self.client.door is not None else None
        if not self.is_current:
            return
        if not self.answered:
            self.client.refused(cause)
        elif gateway is not None:
            self.client.upstream = None
            self.client.drive(gateway.upstream_reset, cause)

    def note_failure(self, cause: Cause) -> None:
        """Remember it, if it says something of the target."""
        if cause in TARGET_CAUSES or cause is Cause.LIMIT:  # also of an exit that is full: the retry hears the truth
            self.front.failed(self)

    def may_reopen(self, stream: InitiatorStream, cause: Cause) -> bool:
        """Whether another exit may take the stream: nothing of the client has travelled, and no exit has connected."""
        return cause in EXIT_CAUSES and not stream.has_sent and not stream.is_connected and self.tries < MOST_TRIES
