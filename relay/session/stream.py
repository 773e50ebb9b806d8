"""One client's connection inside a session: a sender, a receiver, a window, and the legs it rides on.

A stream says what to put on a carrier when the carrier asks (`emit`), so that everything that waits can
still change carriers. It outlives all of them. What differs between the ends is in `announcement`.
"""

from typing import TYPE_CHECKING, Protocol

from relay.model.cause import Cause
from relay.session.receiver import Receiver
from relay.session.sender import Leg, Range, Sender
from relay.session.window import FLOOR, INITIAL_WINDOW, Window
from relay.wire import bodies
from relay.wire.frames import DATA_HEADER_SIZE

if TYPE_CHECKING:
    from relay.session.carrier import CarrierEnd
    from relay.session.session import Session


class Sink(Protocol):
    """Whoever stands at this end of a stream. Calls come from inside `CarrierEnd.receive` and must not raise.

    After `on_reset` or when both directions have ended no call comes any more.
    """

    def on_data(self, data: memoryview) -> None:
        """Bytes in order; the view dies with the call. Say `stream.consume` when they have left."""

    def on_fin(self) -> None:
        """The peer's bytes have ended."""

    def on_connected(self, took: float) -> None:
        """The exit has connected to the target in *took* seconds (never called at an exit)."""

    def on_room(self) -> None:
        """`may_write` is true again."""

    def on_reset(self, cause: Cause) -> None:
        """The stream is gone; bytes may be missing."""


class Nobody:
    """The sink of a stream that is over. With it a stream and its sink make no cycle, and are freed at once."""

    def on_data(self, data: memoryview) -> None: ...

    def on_fin(self) -> None: ...

    def on_connected(self, took: float) -> None: ...

    def on_room(self) -> None: ...

    def on_reset(self, cause: Cause) -> None: ...


NOBODY = Nobody()


class Stream:
    """The state of one stream at one end. Made by the session; `sink` is set before the first byte can come."""

    __slots__ = (
        "ack_told",
        "cause",
        "drains",
        "generation",
        "has_sent",
        "id",
        "is_connected",
        "is_held_back",
        "is_over",
        "legs",
        "limit_told",
        "receiver",
        "sender",
        "session",
        "sink",
        "took",
        "window",
    )

    def __init__(self, session: "Session", number: int) -> None:
        self.session = session
        self.id = number
        self.generation = 1
        self.sender = Sender(number, INITIAL_WINDOW)
        self.receiver = Receiver(INITIAL_WINDOW)
        self.window = Window()
        self.legs: list[Leg] = []
        self.drains: list[tuple[CarrierEnd, int, int]] = []
        """Ranges that an earlier carrier still delivers after a planned move: carrier, first offset, end."""
        self.sink: Sink
        self.cause: Cause | None = None
        """Set when the stream was reset at this end."""
        self.is_over = False
        """It has ended at this end, whichever way: what its socket still says or does is of no account."""
        self.has_sent = False
        """Some of what was written here was put on a carrier: only this exit may go on with it."""
        self.is_connected = False
        self.took = 0.0
        self.ack_told = 0
        """What the peer was told to have arrived, the FIN counted."""
        self.limit_told = INITIAL_WINDOW
        self.is_held_back = False

    def __repr__(self) -> str:
        sender, receiver = self.sender, self.receiver
        legs = ",".join(str(leg.carrier.number) for leg in self.legs) or "none"
        return (
            f"<Stream {self.id} on {legs}, sent {sender.acked}..{sender.end}"
            f" of {sender.limit}, received {receiver.consumed}..{receiver.received} of {receiver.limit}>"
        )

    # ---- the near side: whoever holds the client's or target's socket

    @property
    def may_write(self) -> bool:
        """Whether the writer should go on; what it writes in spite of it is kept, beyond every bound.

        To be asked right after `write`: only then is `sink.on_room` sure to follow.
        """
        return self.sender.end < self.sender.limit and not (self.session.memory.is_full and self.sender.kept >= FLOOR)

    def write(self, data: bytes | memoryview) -> None:
        """Send a copy of *data*. Returns at once; when `may_write` turns false, wait for `sink.on_room`."""
        if self.is_over or not data:
            return
        self.sender.write(data)
        self.session.memory.used += len(data)
        self.wake()
        if not self.may_write:
            self.is_held_back = True
            self.session.on_heavy(self)

    def finish(self) -> None:
        """No more bytes will be written."""
        if not self.sender.is_finished and not self.is_over:
            self.sender.finish()
            self.wake()

    def consume(self, upto: int) -> None:
        """All bytes below *upto* have left for the client or target: the peer may send as many more."""
        receiver, session = self.receiver, self.session
        if self.is_over:
            return
        session.memory.used -= upto - receiver.consumed
        receiver.consumed = upto
        base = self.legs[0].carrier.base_rtt if self.legs else 0.0
        if self.window.consume(upto, session.now, session.srtt, base or session.srtt, session.memory):
            session.on_heavy(self)
        receiver.limit = self.window.limit(upto, receiver.limit, session.memory)
        if receiver.limit - self.limit_told >= (FLOOR if session.memory.is_full else self.window.size) // 2:
            self.ack_now()

    def reset(self, cause: Cause) -> None:
        """End the stream at once, at both ends. The sink is not called."""
        self.session.reset(self, cause)

    # ---- legs

    def wake(self) -> None:
        """Ask every carrier that the stream rides on to pull, if there is something for it."""
        for leg in self.legs:
            if not leg.is_queued:
                leg.carrier.enqueue(leg)

    def ride(self, carriers: "tuple[CarrierEnd, ...]", *, planned: bool) -> None:
        """Go on over *carriers* and no others; each is told before anything else (`announce`).

        A planned move is one from one carrier to one: it sends on from the next offset and leaves what is in flight
        to the old carrier. Any other sends again from the first offset that the peer is not known to have.
        """
        old = self.legs[0] if planned else None
        self._leave_legs()
        if old is not None:
            self._change_over(old, carriers[0])
        else:
            self.drains.clear()
            for carrier in carriers:
                self.board(carrier, self.sender.acked)
        self.wake()

    def _change_over(self, old: Leg, carrier: "CarrierEnd") -> None:
        leg = self.board(carrier, old.cursor)
        leg.repair(old.repairs)
        if carrier is old.carrier:
            leg.since = min(leg.since, old.since)
        elif old.cursor > max(old.since, self.sender.acked):
            self.drains.append((old.carrier, old.since, old.cursor))

    def board(self, carrier: "CarrierEnd", cursor: int = 0) -> Leg:
        """Ride on *carrier* as well, from *cursor* on; nothing is said of it yet."""
        leg = Leg(self, carrier, cursor)
        self.legs.append(leg)
        carrier.legs[self.id] = leg
        return leg

    def add_leg(self, carrier: "CarrierEnd") -> None:
        """Ride on *carrier* as well: it gets all that the peer is not known to have."""
        if self.session.streams.get(self.id) is not self:
            return
        self.board(carrier, self.sender.acked)
        self.wake()

    def _leave_legs(self) -> None:
        for leg in self.legs:
            if leg.carrier.legs.get(self.id) is leg:
                del leg.carrier.legs[self.id]
        self.legs = []

    def leave_all(self) -> None:
        """Ride on nothing: the stream has ended here."""
        self._leave_legs()
        self.drains.clear()

    def lose(self, carrier: "CarrierEnd") -> bool:
        """*carrier* is gone. Send again what it owed, if the stream rides elsewhere. Returns whether it is adrift."""
        self.legs = [leg for leg in self.legs if leg.carrier is not carrier]
        owed = [(start, stop) for at, start, stop in self.drains if at is carrier]
        if owed:
            self.drains = [drain for drain in self.drains if drain[0] is not carrier]
            for leg in self.legs:
                leg.repair(owed)
            self.wake()
        return not self.legs

    # ---- the far side: what arrives

    def receive(self, offset: int, data: memoryview) -> None:
        receiver = self.receiver
        kept = receiver.kept
        piece = receiver.receive(offset, data)
        self.session.memory.used += receiver.kept - kept
        if piece is None:
            self.session.ack_later(self)  # early or doubled: the peer may not know what we have
            return
        self.sink.on_data(piece)
        if receiver.held:
            self._deliver_early()
        if self.is_over:
            return  # the sink gave it up
        if receiver.is_done:
            self._on_fin()
        elif receiver.received - self.ack_told >= self.window.ack_after:
            self.ack_now()
        else:
            self.session.ack_later(self)

    def _deliver_early(self) -> None:
        receiver = self.receiver
        while not self.is_over:
            kept = receiver.kept
            piece = receiver.next_early()
            self.session.memory.used += receiver.kept - kept
            if piece is None:
                return
            self.sink.on_data(piece)

    def receive_fin(self, offset: int) -> None:
        was_done = self.receiver.is_done
        self.receiver.finish(offset)
        if self.receiver.is_done and not was_done:
            self._on_fin()
        else:
            self.session.ack_later(self)

    def _on_fin(self) -> None:
        self.sink.on_fin()
        if not self.is_over:
            self.session.ack_later(self)
            self.session.settle(self)

    def receive_ack(self, received: int, limit: int) -> None:
        """The peer's session has everything below *received* and takes everything below *limit*."""
        sender = self.sender
        if self.is_over:
            return
        if limit > sender.limit:
            sender.limit = limit
            self.wake()
        if received > sender.acked:
            self.session.memory.used -= sender.acknowledge(received)
            self.drains = [drain for drain in self.drains if drain[2] > received] if self.drains else self.drains
            if sender.is_done:
                self.session.settle(self)
                return
        if self.is_held_back and self.may_write:
            self.is_held_back = False
            self.sink.on_room()

    def ack_now(self) -> None:
        """Tell the peer what has arrived and how far it may write, at the next pull."""
        for leg in self.legs:
            leg.must_ack = True
        self.wake()

    def tell_connected(self) -> None:
        """Say CONNECTED on every leg, as long as the ingress is not known to know it."""
        for leg in self.legs:
            leg.must_connect = True
        self.wake()

    # ---- what goes onto a carrier

    def emit(self, leg: Leg, parts: "list[bytes | memoryview]", most: int) -> int:
        """Append to *parts* what *leg* has to carry now, about *most* bytes of payload. Returns the bytes appended."""
        size = 0
        if leg.announce:
            leg.announce = False
            size += self.session.announce(leg, parts)
        if self.cause is not None:
            return size + _put(parts, bodies.reset(self.id, self.cause))
        if leg.must_connect:
            leg.must_connect = False
            size += _put(parts, bodies.connected(self.id, self.took))
        if leg.must_ack or self._may_ack_along(leg):
            leg.must_ack = False
            size += _put(parts, self.ack())
        span = self.sender.next_range(leg, most)
        if span is not None:
            size += self._put_data(span, parts)
            if self.drains:
                self._forget_drained()
        return size

    def _may_ack_along(self, leg: Leg) -> bool:
        """Whether an acknowledgement that waits goes with what *leg* sends now: a record less is a wake-up less at each
        hop. Of two legs either may die, so there both say it, by the clock."""
        return len(self.legs) == 1 and self.sender.has_more(leg) and self.session.take_ack(self)

    def ack(self) -> bytes:
        """An ACK of all there is to acknowledge."""
        receiver = self.receiver
        self.ack_told, self.limit_told = receiver.acknowledged, receiver.limit
        return bodies.ack(self.id, receiver.acknowledged, receiver.limit)

    def _put_data(self, span: Range, parts: "list[bytes | memoryview]") -> int:
        start, stop = span
        self.has_sent = True
        if start == self.sender.end:
            return _put(parts, bodies.fin(self.id, start))
        parts += self.sender.frame(start, stop)
        return DATA_HEADER_SIZE + stop - start

    def _forget_drained(self) -> None:
        self.drains = [drain for drain in self.drains if drain[2] > self.sender.acked]

    # ---- ends

    def shed(self) -> None:
        """End here, and let go of all bytes: nothing of them will be asked for again."""
        self.is_over = True
        self.session.memory.used -= self.sender.shed() + self.receiver.shed()

    @property
    def is_done(self) -> bool:
        """Whether both directions have ended and everything has arrived."""
        return self.receiver.is_done and self.sender.is_done


def _put(parts: "list[bytes | memoryview]", data: bytes) -> int:
    parts.append(data)
    return len(data)
