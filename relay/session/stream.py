"""One client's connection inside a session: a sender, a receiver, a window, a state, and the legs it rides on.

A stream composes the parts, which do not know each other, and says what to put on a carrier when the carrier asks
(`emit`): everything that waits can still change carriers, and the stream outlives all of them. What differs between the
ends is in two subclasses, `InitiatorStream` at the ingress and `AcceptorStream` at the exit: how the stream is
announced on a new leg (`announcement`), how it is given up (`reset`), and who has the last word (`complete`).

Who calls what:

- The near side, a `Sink`'s owner with a client's or target's socket: `write`, `finish`, `consume`, `reset`, at any
  time,
  also from inside the sink's own methods. After the end they do nothing.
- The session: `receive…` with what the peer said, `ride`, `add_leg` and `lose` when carriers change, `on_forgotten`.
- Legs, on behalf of carriers: `emit`.

No call is told the time: a stream reads `session.now`, which the session's entry points have set.
"""

from collections.abc import Callable
from typing import Protocol

from relay.model.cause import Cause
from relay.session.carrier import CarrierEnd
from relay.session.leg import Leg
from relay.session.receiver import Receiver
from relay.session.sender import Parts, Range, Sender
from relay.session.states import HALF_CLOSED, MAY_FINISH, TRANSITIONS, Event, Reach, State, StateError
from relay.session.window import FLOOR, INITIAL_WINDOW, Memory, Window
from relay.wire import bodies
from relay.wire.frames import DATA_HEADER_SIZE

CarrierLeg = Leg[CarrierEnd]
Drain = tuple[CarrierEnd, int, int]
"""A range that a carrier still delivers which the stream has left by plan: carrier, first offset, one behind the
last."""

# Members that every connection needs, found once: to look one up in its class takes Python 3.11 as long as two calls.
_OPEN, _CLOSED, _OPENING, _CONNECTED = State.OPEN, State.CLOSED, Reach.OPENING, Reach.CONNECTED
_FINISH, _FIN_ACKED, _FIN_ARRIVED = Event.FINISH, Event.FIN_ACKED, Event.FIN_ARRIVED


class Sink(Protocol):
    """Whoever stands at this end of a stream. Calls come from inside `CarrierEnd.receive` and must not raise.

    Any of them may call the stream, also to reset it. After `on_reset`, after the sink's own reset, or when both
    directions have ended, no call comes any more.
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


class ClosedSink:
    """The sink of a stream that is over, or that nobody has taken yet. Everything it is told is dropped.

    With it in place a stream and the sink that it had make no cycle, and both are freed at once.
    """

    def on_data(self, data: memoryview) -> None:
        """Nobody reads."""

    def on_fin(self) -> None:
        """Nobody reads."""

    def on_connected(self, took: float) -> None:
        """Nobody waits."""

    def on_room(self) -> None:
        """Nobody writes."""

    def on_reset(self, cause: Cause) -> None:
        """It is over already."""


CLOSED = ClosedSink()


class StreamSession(Protocol):
    """The session, as its streams see it."""

    now: float
    """The time last told, in seconds."""
    srtt: float
    """Round trip to the peer in seconds, a guess at first, never 0."""
    on_heavy: Callable[["Stream"], None]
    """Told of a stream that fills its window."""

    @property
    def memory(self) -> Memory:
        """What all streams of the process share."""

    def ack_later(self, stream: "Stream") -> None:
        """Have `stream.ack_now` called within a quarter round trip, unless `take_ack` comes before."""

    def take_ack(self, stream: "Stream") -> bool:
        """Whether an acknowledgement of *stream* waits. It does so no longer: the caller says it."""

    def has_ack_waiting(self, stream: "Stream") -> bool:
        """Whether an acknowledgement of *stream* waits for the clock."""

    def forget(self, stream: "Stream") -> None:
        """*stream* is no longer one of the session's; calls `on_forgotten`. Harmless when repeated."""

    def say_last(self, words: list[bytes]) -> None:
        """Last words, for the next carrier that can take them."""

    def say_last_later(self, word: bytes) -> None:
        """A last word that may wait as an acknowledgement does."""


class Stream:
    """The state of one stream at one end. Made by its session, which holds it in `streams` as long as it is known."""

    __slots__ = (
        "ack_told",
        "cause",
        "drains",
        "generation",
        "has_sent",
        "id",
        "is_held_back",
        "is_over",
        "legs",
        "limit_told",
        "reach",
        "receiver",
        "sender",
        "session",
        "sink",
        "state",
        "took",
        "window",
    )

    def __init__(self, session: StreamSession, number: int, sink: Sink) -> None:
        """*number* was never used in this session. *sink* hears of everything from now on; see `bind`."""
        self.session = session
        self.id = number
        self.sink = sink
        self.state = _OPEN
        """Changed by `advance` alone."""
        self.is_over = False
        """It has ended at this end, whichever way: what its socket still says or does is of no account. This is `state`
        from CLOSED on, kept beside it because it is asked for every frame."""
        self.reach = _OPENING
        self.generation = 1
        """Counts the attachments that the ingress has made; the greatest says where the stream rides."""
        self.sender = Sender(number, INITIAL_WINDOW)
        self.receiver = Receiver(INITIAL_WINDOW)
        self.window = Window()
        self.legs: list[CarrierLeg] = []
        """Where it rides: none while it is detached, one as a rule, two if it is redundant."""
        self.drains: list[Drain] = []
        """What earlier carriers still deliver after planned moves."""
        self.cause: Cause | None = None
        """Why this end gave it up; set on the way to RESETTING."""
        self.took = 0.0
        """Seconds in which the exit connected; 0 until then."""
        self.has_sent = False
        """Some of what was written here was put on a carrier: only this exit may go on with it."""
        self.ack_told = 0
        """What the peer was told to have arrived, the FIN counted."""
        self.limit_told = INITIAL_WINDOW
        """Below which offset the peer was told that it may write."""
        self.is_held_back = False
        """`may_write` was found false: `sink.on_room` is due once it is true."""

    def __repr__(self) -> str:
        sender, receiver = self.sender, self.receiver
        legs = ",".join(str(leg.carrier.number) for leg in self.legs) or "none"
        return (
            f"<Stream {self.id} {self.state.name} on {legs}, sent {sender.acked}..{sender.end}"
            f" of {sender.limit}, received {receiver.consumed}..{receiver.received} of {receiver.limit}>"
        )

    # ---- the state

    def advance(self, event: Event) -> bool:
        """*event* has happened. For this stream and its subclasses alone.

        Returns:
            Whether the stream is over now.

        Raises:
            StateError: it cannot happen now; nothing has changed.
        """
        try:
            self.state = state = TRANSITIONS[self.state][event]
        except KeyError:
            raise StateError(f"{event.name} of a stream that is {self.state.name}") from None
        self.is_over = is_over = state >= _CLOSED
        return is_over

    @property
    def is_connected(self) -> bool:
        """Whether the exit has reached the target, as far as this end knows."""
        return self.reach is _CONNECTED

    @property
    def is_half_closed(self) -> bool:
        """Whether one side has finished and the other has not."""
        return self.state in HALF_CLOSED

    # ---- the near side: whoever holds the client's or target's socket

    def bind(self, sink: Sink) -> None:
        """From now on *sink* hears what happens, and the one before hears nothing more. What was told is not told
        again: whoever takes a stream over looks at `is_over`, `is_connected` and `receiver` first."""
        self.sink = sink

    @property
    def may_write(self) -> bool:
        """Whether the writer should go on; what it writes in spite of it is kept, beyond every bound.

        To be asked right after `write`: only then is `sink.on_room` sure to follow.
        """
        return self.sender.end < self.sender.limit and not (self.session.memory.is_full and self.sender.kept >= FLOOR)

    def write(self, data: bytes | memoryview) -> None:
        """Send a copy of *data*. Returns at once; when `may_write` turns false, wait for `sink.on_room`.

        Raises:
            RuntimeError: after `finish`, while the stream lives.
        """
        if self.is_over or not data:
            return
        self.sender.write(data)
        self.session.memory.used += len(data)
        self.wake()
        if not self.may_write:
            self.is_held_back = True
            self.session.on_heavy(self)

    def finish(self) -> None:
        """No more bytes will be written: FIN goes behind the last of them. Harmless when repeated."""
        if self.state in MAY_FINISH:
            self.advance(_FINISH)
            self.sender.finish()
            self.wake()

    def consume(self, upto: int) -> None:
        """All bytes below *upto* have left for the client or target: the peer may send as many more.

        *upto* is an offset, at most `receiver.received`, and never goes back.
        """
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
        """Give the stream up at once, at both ends; bytes may be missing. The peer is told *cause*, whatever becomes of
        the carriers. The sink is not called. Harmless when repeated: the first cause counts."""
        raise NotImplementedError

    # ---- legs

    def wake(self) -> None:
        """Ask every carrier that the stream rides on to pull, if it was not asked already."""
        for leg in self.legs:
            if not leg.is_queued:
                leg.carrier.enqueue(leg)

    def ride(self, carriers: tuple[CarrierEnd, ...], *, planned: bool) -> None:
        """Go on over *carriers* and no others; each is told before anything else (`announcement`).

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

    def _change_over(self, old: CarrierLeg, carrier: CarrierEnd) -> None:
        """What *old* had in flight is its carrier's to deliver; what it had still to repair goes over *carrier*."""
        was = old.cursor
        cursor = self.board(carrier, was.position).cursor
        cursor.repair(was.repairs)
        if carrier is old.carrier:
            cursor.since = min(cursor.since, was.since)
        elif was.position > max(was.since, self.sender.acked):
            self.drains.append((old.carrier, was.since, was.position))

    def board(self, carrier: CarrierEnd, position: int = 0) -> CarrierLeg:
        """Ride on *carrier* as well, from offset *position* on; the carrier is not asked to pull yet."""
        leg = Leg(self, carrier, position)
        self.legs.append(leg)
        carrier.legs[self.id] = leg
        return leg

    def add_leg(self, carrier: CarrierEnd) -> None:
        """Ride on *carrier*, on which it does not ride, as well: it gets all that the peer is not known to have."""
        if self.state is _CLOSED or self.state is State.RESET:
            return
        self.board(carrier, self.sender.acked)
        self.wake()

    def _leave_legs(self) -> None:
        for leg in self.legs:
            if leg.carrier.legs.get(self.id) is leg:
                del leg.carrier.legs[self.id]
        self.legs = []

    def lose(self, carrier: CarrierEnd) -> bool:
        """*carrier* is gone. What it still had to deliver from planned moves goes out again over the other legs.

        What it had of the current attachment needs no repair: another leg, if there is one, has all of it; without one
        the stream is detached, and the next `ride` begins at what was acknowledged.

        Returns:
            Whether it is detached: it rides on nothing, and waits for the ingress to attach it.
        """
        self.legs = [leg for leg in self.legs if leg.carrier is not carrier]
        owed = [(start, stop) for at, start, stop in self.drains if at is carrier]
        if owed:
            self.drains = [drain for drain in self.drains if drain[0] is not carrier]
            for leg in self.legs:
                leg.cursor.repair(owed)
            self.wake()
        return not self.legs

    def drains_from(self, carrier: CarrierEnd) -> bool:
        """Whether *carrier*, left by a planned move, still has to deliver some of what was written here."""
        return bool(self.drains) and any(at is carrier for at, _, _ in self.drains)

    # ---- the far side: what arrives

    def receive(self, offset: int, data: memoryview) -> None:
        """Payload from the peer, from *offset* on, perhaps not for the first time.

        Raises:
            ProtocolError: beyond what was allowed, or behind the peer's FIN.
        """
        receiver = self.receiver
        held = receiver.held
        piece = receiver.receive(offset, data)
        if piece is None:
            self.session.memory.used += receiver.held - held
            self.session.ack_later(self)  # early or doubled: the peer may not know what we have
            return
        self.session.memory.used += len(piece)
        self.sink.on_data(piece)
        if receiver.held:
            self._deliver_early()
        if self.is_over:
            return  # the sink gave it up
        if receiver.is_complete:
            self._fin_arrived()
        elif receiver.received - self.ack_told >= self.window.ack_after:
            self.ack_now()
        else:
            self.session.ack_later(self)

    def _deliver_early(self) -> None:
        """Bytes that came before those they follow, and wait for nothing any more."""
        receiver = self.receiver
        while not self.is_over:
            kept = receiver.kept
            piece = receiver.next_early()
            self.session.memory.used += receiver.kept - kept
            if piece is None:
                return
            self.sink.on_data(piece)

    def receive_fin(self, offset: int) -> None:
        """The peer's bytes end at *offset*; some of them may still be under way.

        Raises:
            ProtocolError: it contradicts what came before.
        """
        if self.receiver.finish(offset):
            self._fin_arrived()
        else:
            self.session.ack_later(self)

    def _fin_arrived(self) -> None:
        """The sink hears of it before the state changes: while it does, the stream can still be reset."""
        self.sink.on_fin()
        if not self.is_over:
            self.session.ack_later(self)
            if self.advance(_FIN_ARRIVED):
                self.complete()

    def receive_ack(self, received: int, limit: int) -> None:
        """The peer's session has everything below *received* and takes everything below *limit*.

        Raises:
            ProtocolError: *received* was never sent.
        """
        sender = self.sender
        if self.is_over:
            return
        if limit > sender.limit:
            sender.limit = limit
            self.wake()
        if received > sender.acked:
            self.session.memory.used -= sender.acknowledge(received)
            if self.drains:
                self._forget_drained()
            if sender.is_complete:
                if self.advance(_FIN_ACKED):
                    self.complete()
                return
        if self.is_held_back and self.may_write:
            self.is_held_back = False
            self.sink.on_room()

    def ack_now(self) -> None:
        """Tell the peer what has arrived and how far it may write, at the next pull."""
        for leg in self.legs:
            leg.must_ack = True
        self.wake()

    # ---- what goes onto a carrier

    def emit(self, leg: CarrierLeg, parts: Parts, most: int) -> int:
        """Append to *parts* what *leg* has to carry now, about *most* bytes of payload, and count it as sent.

        The order matters to the peer: it must know the stream before it hears of it, and that the target is connected
        before it gets the target's bytes.

        Returns:
            The bytes appended.
        """
        size = 0
        if leg.announce:
            leg.announce = False
            words = self.announcement(leg)
            parts.append(words)
            size = len(words)
        if self.cause is not None:
            return size + _put(parts, bodies.reset(self.id, self.cause))
        if leg.must_connect:
            leg.must_connect = False
            size += _put(parts, bodies.connected(self.id, self.took))
        if leg.must_ack or self._may_ack_along(leg):
            leg.must_ack = False
            size += _put(parts, self.ack())
        span = self.sender.next_range(leg.cursor, most)
        if span is not None:
            size += self._put_range(span, parts)
            if self.drains:
                self._forget_drained()
        return size

    def announcement(self, leg: CarrierLeg) -> bytes:
        """The first words about the stream on *leg*, which is new: whatever else it says follows them."""
        raise NotImplementedError

    def _may_ack_along(self, leg: CarrierLeg) -> bool:
        """Whether an acknowledgement that waits goes with what *leg* sends now: a record less is a wake-up less at each
        hop. Of two legs either may die, so there both say it, by the clock."""
        return len(self.legs) == 1 and self.sender.has_more(leg.cursor) and self.session.take_ack(self)

    def ack(self) -> bytes:
        """An ACK of all there is to acknowledge; the caller sends it."""
        receiver = self.receiver
        self.ack_told, self.limit_told = receiver.acknowledged, receiver.limit
        return bodies.ack(self.id, receiver.acknowledged, receiver.limit)

    def _put_range(self, span: Range, parts: Parts) -> int:
        start, stop = span
        self.has_sent = True
        if start == self.sender.end:
            return _put(parts, bodies.fin(self.id, start))
        parts += self.sender.frame(start, stop)
        return DATA_HEADER_SIZE + stop - start

    def _forget_drained(self) -> None:
        """What was acknowledged no carrier has to deliver any more."""
        self.drains = [drain for drain in self.drains if drain[2] > self.sender.acked]

    # ---- ends

    def complete(self) -> None:
        """Both directions are complete: say what the peer may still need to hear, and be forgotten."""
        raise NotImplementedError

    def on_forgotten(self) -> None:
        """The session knows the stream no longer: leave the carriers, and let go of bytes and sink."""
        self._leave_legs()
        self.drains.clear()
        if self.state is not _CLOSED:
            self.advance(Event.FORGET)
        self.drop_bytes()
        self.sink = CLOSED

    def drop_bytes(self) -> None:
        """Let go of all bytes, in both directions: nothing of them will be asked for again."""
        self.session.memory.used -= self.sender.clear() + self.receiver.clear()


def _put(parts: Parts, data: bytes) -> int:
    parts.append(data)
    return len(data)
