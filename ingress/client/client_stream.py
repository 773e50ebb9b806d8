"""One stream that a client asked for: from its demand, over waiting for a path, to CONNECTED or a cause.

While a door stays in between (plain HTTP, or success not yet told) it is the stream's sink. It knows the client that
holds it, and whoever opens it, by what it asks of them.
"""

from typing import Protocol

from ingress.choice.choice import Choice
from ingress.choice.demand import Demand
from ingress.client.owner import Owner
from ingress.client.pace import Pace, PacedSink
from relay.model.cause import Cause
from relay.session.initiator import InitiatorStream

EXIT_CAUSES = frozenset({Cause.EXIT_LOST, Cause.DRAINING, Cause.LIMIT, Cause.SESSION_EXPIRED, Cause.GONE})
"""Another exit may still do it, as long as the client's bytes have not begun to travel."""
TARGET_CAUSES = frozenset(
    {
        Cause.POLICY,
        Cause.NO_ROUTE,
        Cause.HOST_UNREACHABLE,
        Cause.NAME_NOT_FOUND,
        Cause.DNS_TIMEOUT,
        Cause.DNS_FAILED,
        Cause.REFUSED,
        Cause.CONNECT_TIMEOUT,
    }
)
"""What an exit found out about a target: remembered, so that the next answer waits for the truth."""
OTHERS_MAY = frozenset(
    {
        Cause.NO_ROUTE,
        Cause.POLICY,
        Cause.HOST_UNREACHABLE,
        Cause.DNS_TIMEOUT,
        Cause.DNS_FAILED,
        Cause.CONNECT_TIMEOUT,
    }
)
"""Of those: what may be the exit's own fault. It never connected, so that no target has had a byte."""
MOST_TRIES = 4


class StreamHolder(Protocol):
    """The client, as its stream sees it, until it lets go."""

    @property
    def has_unsent(self) -> bool:
        """Whether bytes for the client wait in this process."""

    @property
    def backlog(self) -> int:
        """Bytes for the client that wait in the kernel, or in this process."""

    def on_stream_data(self, data: memoryview) -> None:
        """Bytes of the target, in order; the view dies with the call."""

    def on_stream_fin(self) -> None:
        """The target's bytes have ended."""

    def on_stream_room(self) -> None:
        """The stream may be written to again."""

    def on_stream_opened(self) -> None:
        """There is a stream, or it was decided to say so."""

    def on_stream_refused(self, cause: Cause) -> None:
        """There is none. It is not held any more."""

    def on_stream_reset(self, cause: Cause) -> None:
        """It was told as opened, and is gone. It is not held any more."""


class Outcomes(Protocol):
    """Whoever opened the stream and learns what became of it."""

    def connected(self, stream: "ClientStream", took: float) -> None:
        """An exit has connected to the target, in *took* seconds."""

    def failed(self, stream: "ClientStream", cause: Cause) -> None:
        """The target could not be reached, because of *cause*: no exit takes the stream up again."""

    def refused(self, stream: "ClientStream", old: InitiatorStream, cause: Cause) -> None:
        """The exit of *old* could not connect the target, because of *cause*."""

    def reopen(self, stream: "ClientStream", old: InitiatorStream) -> bool:
        """Take another exit for what *old* was to be, none of `refused_by`, or wait for one; False if it cannot be."""

    def ended(self, stream: "ClientStream", old: InitiatorStream, cause: Cause) -> None:
        """It has ended before both its ends were done."""

    def over(self, stream: "ClientStream") -> None:
        """The client is done with it, however it ended, or never began."""


class ClientStream:
    """A `Sink` for the session, until the door lets go."""

    __slots__ = (
        "_holder",
        "_outcomes",
        "_taker",
        "asked_at",
        "choice",
        "counted_down",
        "counted_up",
        "demand",
        "is_answered",
        "is_counted",
        "owner",
        "pace",
        "refused_by",
        "stream",
        "tries",
    )

    def __init__(self, holder: StreamHolder, outcomes: Outcomes, demand: Demand, now: float) -> None:
        self._holder: StreamHolder | None = holder
        self.demand = demand
        self.asked_at = now
        self.choice: Choice | None = None
        """What it was opened as; None while it waits for its first path, and for what no path carries."""
        self.stream: InitiatorStream | None = None
        self.is_answered = False
        """The client was told that it is open."""
        self.tries = 0
        self.refused_by: tuple[str, ...] = ()
        """Exits that could not connect the target."""
        self.counted_up = self.counted_down = 0
        """How far it stands in the accounts, in bytes of the client and for it."""
        self.is_counted = False
        """It stands there as one stream."""
        self.owner: Owner | None = None
        """Whose allowance it falls under."""
        self.pace: Pace | None = None
        """What holds its bytes back, if that allowance has a rate, or had one."""
        self._taker: PacedSink | None = None
        """Who gets its bytes, once they pass without the holder."""
        self._outcomes = outcomes

    @property
    def is_current(self) -> bool:
        """Whether the client still holds it."""
        return self._holder is not None

    def let_go(self) -> None:
        """The client has no more to do with it, whatever becomes of it."""
        if self._holder is not None:
            self._holder = self._taker = None
            self._outcomes.over(self)

    def answer(self) -> None:
        """The client is told, or is to be told now, that it is open."""
        self.is_answered = True

    def tell_answered(self) -> None:
        """Tell the client, if it was decided that it is to be told before the exit has connected."""
        if self.is_answered and self._holder is not None:
            self._holder.on_stream_opened()

    def refuse(self, cause: Cause) -> None:
        """There will be no stream."""
        if self._holder is not None:
            self._holder.on_stream_refused(cause)

    def begin(self, stream: InitiatorStream, choice: Choice | None) -> None:
        """It was opened as *choice* says, for the first time or again; None: from this machine."""
        self.stream, self.choice = stream, choice
        self.tries += 1

    def must_wait(self) -> bool:
        """Whether the client is to send no more for now; then `on_room` follows."""
        if self.pace is not None and not self.pace.most:
            return True
        return self.stream is not None and self.stream.must_wait()

    def write(self, data: bytes) -> None:
        """Bytes of the client."""
        if self.pace is not None:
            self.pace.took(len(data))
        if self.stream is not None:
            self.stream.write(data)

    def pass_on(self, data: memoryview) -> None:
        """Give bytes of the target, which the holder was told, to the sink that has taken its place meanwhile."""
        if self.pace is not None:
            self.pace.sink.deliver(data)
        elif self.stream is not None:
            self.stream.sink.on_data(data)

    def finish(self) -> None:
        """The client's bytes have ended."""
        if self.stream is not None:
            self.stream.finish()

    def consume_all(self) -> None:
        """All that came has left for the client."""
        if self.stream is not None and (self._holder is None or not self._holder.has_unsent):
            self.stream.consume(self.stream.receiver.received - (0 if self.pace is None else len(self.pace.held)))

    def reset(self) -> None:
        """The client has no more use for it."""
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.reset(Cause.CLIENT_RESET)
            self._outcomes.ended(self, stream, Cause.CLIENT_RESET)

    # ---- as a sink

    def on_data(self, data: memoryview) -> None:
        """Bytes of the target: for the holder, and consumed once they have left it; dropped if nobody holds it."""
        if self.pace is not None and self._holder is not None:
            self.pace.pass_on(data)
        else:
            self.deliver(data)

    def backlog(self) -> int:
        """What the kernel has not sent of what the holder was given."""
        return 0 if self._holder is None else self._holder.backlog

    def on_fin(self) -> None:
        """The target's bytes have ended. If nobody holds the stream, or not any more after it was told, it ends."""
        if self.pace is not None and self.pace.held:
            self.pace.fin_waits = True
            return
        if self._holder is not None:
            self._holder.on_stream_fin()
        if self._holder is None:
            self.finish()

    def on_connected(self, took: float) -> None:
        """An exit has connected: noted, and told to the holder unless it was told before."""
        self.note_connected(took)
        if self._holder is not None and not self.is_answered:
            self.is_answered = True
            self._holder.on_stream_opened()

    def on_room(self) -> None:
        """The stream takes more: the holder may go on."""
        if self._holder is not None:
            self._holder.on_stream_room()

    def on_reset(self, cause: Cause) -> None:
        """The stream is gone. If no other exit takes it up, the holder hears of it: as a refusal, or as a reset if it
        was told that the stream was open."""
        stream, self.stream = self.stream, None
        if stream is None or self.take_up_again(stream, cause):
            return
        self._outcomes.ended(self, stream, cause)
        if self._holder is not None:
            tell = self._holder.on_stream_reset if self.is_answered else self._holder.on_stream_refused
            tell(cause)

    # ---- what an allowance holds back

    def taken_by(self, sink: PacedSink) -> None:
        """Its bytes pass between the session and the client without the holder: *sink* has them."""
        self._taker = sink
        if self.pace is not None:
            self.pace.sink = sink

    def held_back(self) -> Pace:
        """What holds it back, from now on at least."""
        if self.pace is None:
            self.pace = Pace(self._taker or self)
        return self.pace

    def deliver(self, data: memoryview) -> None:
        """As `PacedSink.deliver`."""
        if self._holder is not None:
            self._holder.on_stream_data(data)
        self.consume_all()

    def on_all_delivered(self) -> None:
        """As `PacedSink.on_all_delivered`."""
        if self.pace is not None and self.pace.fin_waits:
            self.pace.fin_waits = False
            self.on_fin()

    def on_may_read(self) -> None:
        """As `PacedSink.on_may_read`."""
        self.on_room()

    # ---- what became of it

    def note_connected(self, took: float) -> None:
        """An exit has connected to the target, in *took* seconds."""
        self._outcomes.connected(self, took)

    def note_end(self, cause: Cause) -> None:
        """It has ended before both its ends were done."""
        if self.stream is not None:
            self._outcomes.ended(self, self.stream, cause)

    def take_up_again(self, old: InitiatorStream, cause: Cause) -> bool:
        """*old* was reset because of *cause*, which is noted; whether another exit has, or will have, it."""
        if cause in TARGET_CAUSES and self.choice is not None:
            self.refused_by = (*self.refused_by, self.choice.exit)
            self._outcomes.refused(self, old, cause)
        is_taken = self.is_current and self.may_reopen(old, cause) and self._outcomes.reopen(self, old)
        # also of an exit that is full: the retry hears the truth
        if cause is Cause.LIMIT or (cause in TARGET_CAUSES and not is_taken):
            self._outcomes.failed(self, cause)
        return is_taken

    @property
    def may_be_withdrawn(self) -> bool:
        """Whether its exit may be asked to let go of it for another."""
        stream = self.stream
        return stream is not None and self.is_current and self.tries < MOST_TRIES and stream.may_be_withdrawn

    def may_reopen(self, stream: InitiatorStream, cause: Cause) -> bool:
        """Whether another exit may take the stream: no target has had a byte of it, and all of them are here."""
        if stream.is_connected or self.tries >= MOST_TRIES:
            return False
        return (cause in OTHERS_MAY and stream.withdrawn is not None) or (cause in EXIT_CAUSES and not stream.has_sent)
