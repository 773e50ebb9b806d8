"""One client's connection inside a session: a sender, a receiver, a window, a state, and the legs it rides on.

A stream composes the parts, which do not know each other, and says what to put on a carrier when the carrier asks
(`emit`): everything that waits can still change carriers, and the stream outlives all of them. What differs between the
ends is in two subclasses, `InitiatorStream` at the ingress and `AcceptorStream` at the exit: how the stream is
announced on a new leg (`announcement`), how it is given up at once (`abort`), and who has the last word (`complete`).

Who calls what:
- The near side, whoever has the client's or target's socket: `write`, `finish`, `consume`, `reset`, `abort`, at any
  time, also from inside the sink's own methods. After the end they do nothing.
- The session: `receive…` with what the peer said, `ride`, `add_leg` and `lose` when carriers change, `expire` when
  bytes before a reset have not arrived for too long, `on_forgotten`.
- Carriers, for one of the legs: `emit`.
No call is told the time: a stream reads `session.now`, which the session's entry points have set.
"""

from collections.abc import Callable
from typing import Protocol

from relay.model.cause import Cause
from relay.session.carrier import CarrierEnd
from relay.session.ledger import Ledger, LedgerSession
from relay.session.riding import CarrierLeg
from relay.session.sender import Parts, Range
from relay.session.sink import CLOSED, Sink
from relay.session.states import HALF_CLOSED, MAY_FINISH, TRANSITIONS, Reach, StateError, StreamEvent, StreamState
from relay.session.window import LARGEST_WINDOW
from relay.wire import bodies
from relay.wire.bodies import INITIAL_WINDOW
from relay.wire.frames import DATA_HEADER_SIZE

# Members that every connection needs, found once: to look one up in its class takes Python 3.11 as long as two calls.
_OPEN, _CLOSED, _OPENING, _CONNECTED = StreamState.OPEN, StreamState.CLOSED, Reach.OPENING, Reach.CONNECTED
_RESET_ARRIVED, _RESET_WRITTEN = StreamState.RESET_ARRIVED, StreamState.RESET_WRITTEN
_RESETTING = StreamState.RESETTING
_FINISH, _FIN_ACKED, _FIN_ARRIVED = StreamEvent.FINISH, StreamEvent.FIN_ACKED, StreamEvent.FIN_ARRIVED


class StreamSession(LedgerSession, Protocol):
    """The session, as its streams see it."""

    on_heavy: Callable[["Stream"], None]
    """Told of a stream that fills its window."""
    resets_in_order: bool
    """The peer delivers what was written before a RESET."""

    def expect_end(self, stream: "Stream") -> None:
        """Have `stream.expire` called when it has waited too long for what was written before a reset."""

    def forget(self, stream: "Stream") -> None:
        """*stream* is no longer one of the session's; calls `on_forgotten`. Harmless when repeated."""

    def say_last(self, words: list[bytes]) -> None:
        """Last words, for the next carrier that can take them."""

    def say_last_later(self, word: bytes) -> None:
        """A last word that may wait as an acknowledgement does."""


class Stream(Ledger):
    """The state of one stream at one end. Made by its session, which holds it in `streams` as long as it is known."""

    __slots__ = ("cause", "generation", "has_had_fin", "has_sent", "is_held_back", "reach", "state", "took")

    session: StreamSession

    def __init__(self, session: StreamSession, number: int, sink: Sink, start: int, allowed: int) -> None:
        """*number* was never used in this session. *sink* hears of everything from now on; see `bind`. The stream
        rides on nothing yet. The peer may write *start* bytes before it hears of us, and we *allowed*."""
        super().__init__(session, number, sink, start, allowed)
        self.state = _OPEN
        """How far its end has come. Changed by `advance` alone."""
        self.reach = _OPENING
        """How far its opening has come, as this end knows."""
        self.generation = 1
        """Counts the attachments that the ingress has made; the greatest says where the stream rides."""
        self.cause: Cause | None = None
        """Why it was given up, by this end or the other; set on the way to the states of a reset."""
        self.has_had_fin = False
        """The sink was told that the peer's bytes have ended."""
        self.took = 0.0
        """Seconds in which the exit connected; 0 until then."""
        self.has_sent = False
        """Some of what was written here was put on a carrier: only this exit may go on with it."""
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

    def advance(self, event: StreamEvent) -> bool:
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
        self.is_cut = state >= _RESET_ARRIVED
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

    def must_wait(self) -> bool:
        """Whether the writer must wait now; if so, `sink.on_room` follows. It may have become so since the last
        `write`, by what other streams hold of the memory."""
        if self.room:
            return False
        self.is_held_back = True
        return True

    def write(self, data: bytes | memoryview) -> int:
        """Send a copy of *data*. Returns at once: how many bytes may follow; after a 0, wait for `sink.on_room`.

        Raises:
            RuntimeError: after `finish`, while the stream lives.
        """
        if self.is_cut or not data:
            return INITIAL_WINDOW
        self.sender.write(data)
        self.session.memory.used += len(data)
        self.wake()
        room = self.room
        if not room:
            self.is_held_back = True
            self.session.on_heavy(self)
        return room

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
        if self.is_cut:
            self._consume_last(upto)
            return
        receiver, window = self.receiver, self.window
        receiver.consumed = upto
        if receiver.held:
            self.count()
        elif self.over:  # the same, as it is nearly always
            over = receiver.limit - upto - self.start
            if over < 0:
                over = 0
            self.session.memory.used += over - self.over
            self.over = over
        half = window.size >> 1
        if upto - window.mark >= half:
            if self.judge_window():
                self.session.on_heavy(self)
            half = self.window.size >> 1
        if receiver.limit - upto <= half and self.promise(1):
            self.ack_now()

    def _consume_last(self, upto: int) -> None:
        """As `consume`, once the peer has given up behind what it wrote, or the stream is complete and its socket slow
        to take the last of it. When that has left, it is told. Otherwise its bytes were let go of."""
        receiver = self.receiver
        if self.start and upto > receiver.consumed:
            receiver.consumed = upto
            self.count()
            if self.state is _RESET_ARRIVED:
                self.promise(1)
                self.ack_now()
                self._end_if_delivered()
            elif not receiver.kept:
                self.drop_bytes()

    def reset(self, cause: Cause) -> None:
        """Give the stream up, at both ends, behind what was written here: the peer gets that first, and then *cause*,
        whatever becomes of the carriers. What comes from the peer is dropped from now on.

        At once, as `abort` does, if nothing was written, if the peer does not know such resets or has given the stream
        up itself. The sink is not called. Harmless when repeated: the first cause counts.
        """
        if self.is_over or not self.session.resets_in_order or not self.sender.total or self.state is _RESET_ARRIVED:
            self.abort(cause)
        elif not self.is_cut:
            self.advance(StreamEvent.CUT)
            self.cause = cause
            self.sink = CLOSED
            self.session.take_ack(self)
            self.drop_received()
            self.sender.cut()
            self.session.expect_end(self)
            self.wake()

    def abort(self, cause: Cause) -> None:
        """Give the stream up at once, at both ends; bytes may be missing. The peer is told *cause*, whatever becomes of
        the carriers. The sink is not called. Harmless when repeated: the first cause counts."""
        raise NotImplementedError

    # ---- carriers (see `Riding`)

    def add_leg(self, carrier: CarrierEnd) -> None:
        """Ride on *carrier*, on which it does not ride, as well: it gets all that the peer is not known to have. Of a
        stream that is forgotten it changes nothing: nobody would take it off the carrier again."""
        if self.state is not _CLOSED and self.state is not StreamState.RESET:
            self.board(carrier, self.sender.acked)
            self.wake()

    # ---- the far side: what arrives

    def receive(self, offset: int, data: memoryview) -> None:
        """Payload from the peer, from *offset* on, perhaps not for the first time. What is in order goes to the sink at
        once. An acknowledgement is due now if a good part of the window has come since the last, else soon.

        Raises:
            ProtocolError: beyond what was allowed, or behind the peer's FIN.
        """
        receiver = self.receiver
        held = receiver.held
        piece = receiver.receive(offset, data)
        if piece is None:
            if receiver.held != held:
                self.count()
            self.session.ack_later(self)  # early or doubled: the peer may not know what we have
            return
        self.sink.on_data(piece)
        if receiver.held:
            self._deliver_early()
        if self.is_cut and self.is_deaf:
            return  # the sink gave it up, or that was the last of it
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
            piece = receiver.next_early()
            if piece is None:
                self.count()
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
        self.has_had_fin = True
        self.sink.on_fin()
        if self.is_deaf:
            return
        self.session.ack_later(self)
        if self.is_cut:
            self._end_if_delivered()
        elif self.advance(_FIN_ARRIVED):
            self.complete()

    @property
    def is_deaf(self) -> bool:
        """Whether nothing is taken from the peer any more: it is over, or given up at this end."""
        return self.is_cut and self.state is not _RESET_ARRIVED

    def receive_reset(self, offset: int, cause: Cause) -> None:
        """The peer has given the stream up, behind all that lies below *offset*; some of it may still be under way.
        What was written here goes nowhere any more.

        Raises:
            ProtocolError: it contradicts what came before.
        """
        self.receiver.cut(offset)
        if not self.is_cut:
            self.advance(StreamEvent.CUT_HEARD)
            self.cause = cause
            self.session.memory.used -= self.sender.clear()
            self.forget_drained()
            self.session.expect_end(self)
        self.session.ack_later(self)
        self._end_if_delivered()

    def _end_if_delivered(self) -> None:
        """Tell the sink of the peer's reset, if all that was written before it is here and has left us."""
        receiver = self.receiver
        is_told = receiver.fin_at is None or self.has_had_fin
        if receiver.is_cut_whole and receiver.consumed == receiver.received and is_told:
            self._end_by_reset()

    def _end_by_reset(self) -> None:
        """The peer's reset has its turn: acknowledge it if that is true, else give up what is missing."""
        sink, cause = self.sink, self.cause or Cause.INTERNAL
        if self.receiver.is_cut_whole:
            self.complete()
        else:
            self.abort(cause)
        sink.on_reset(cause)

    def expire(self) -> None:
        """What was written before a reset has not gone all the way in time: it is reset all the same."""
        if self.state is _RESET_ARRIVED:
            self._end_by_reset()
        else:
            self.abort(self.cause or Cause.INTERNAL)

    def receive_ack(self, received: int, limit: int) -> None:
        """The peer's session has everything below *received* and takes everything below *limit*.

        Raises:
            ProtocolError: *received* was never sent.
        """
        sender = self.sender
        if self.is_cut and self.state is not _RESET_WRITTEN:
            return
        if limit > sender.limit:  # a late ACK may say less than an earlier one did
            sender.limit = max(sender.limit, min(limit, received + LARGEST_WINDOW))
            self.wake()
        if received > sender.acked:
            self.session.memory.used -= sender.acknowledge(received)
            if self.drains:
                self.forget_drained()
            if sender.is_complete:
                if self.is_cut:
                    self.session.forget(self)
                elif self.advance(_FIN_ACKED):
                    self.complete()
                return
        if self.is_held_back and self.room:
            self.is_held_back = False
            self.sink.on_room()

    # ---- what goes onto a carrier

    def emit(self, leg: CarrierLeg, parts: Parts, most: int) -> int:
        """Append to *parts* what *leg* has to carry now, about *most* bytes of payload, and count it as sent.

        The order matters to the peer: it must know the stream before it hears of it, and that the target is connected
        before it gets the target's bytes. `leg.has_more` says afterwards whether some of the payload had to stay.

        Returns:
            The bytes appended.
        """
        size = 0
        if leg.announce:
            leg.announce = False
            words = self.announcement(leg)
            parts.append(words)
            size = len(words)
        leg.has_more = False
        if self.state is _RESETTING:  # nothing else is of account
            return size + _put(parts, self.farewell())
        if leg.must_connect:
            leg.must_connect = False
            size += _put(parts, bodies.connected(self.id, self.took))
        span = self.sender.next_range(leg, most)
        if leg.must_ack or (span is not None and self.may_ack_along()):
            leg.must_ack = False
            words = self.ack()
            parts.append(words)
            size += len(words)
        if span is not None:
            size += self._put_range(span, parts)
            leg.has_more = self.sender.has_more(leg)
            if self.drains:
                self.forget_drained()
        return size

    def farewell(self) -> bytes:
        """What is said of a stream that this end has given up at once, until the peer is known to have heard it."""
        return bodies.reset(self.id, self.cause or Cause.INTERNAL)

    def announcement(self, leg: CarrierLeg) -> bytes:
        """The first words about the stream on *leg*, which is new: whatever else it says follows them."""
        raise NotImplementedError

    def _put_range(self, span: Range, parts: Parts) -> int:
        """A DATA frame of these bytes; or FIN or RESET, if *span* is the offset of one."""
        start, stop = span
        self.has_sent = True
        if start >= self.sender.end:
            is_fin = self.sender.is_fin(start)
            word = bodies.fin(self.id, start) if is_fin else bodies.reset(self.id, self.cause or Cause.INTERNAL, start)
            return _put(parts, word)
        parts += self.sender.frame(start, stop)
        return DATA_HEADER_SIZE + stop - start

    # ---- ends

    def complete(self) -> None:
        """All that the peer wrote has arrived, and nothing is owed to it: acknowledge the last of it so that the peer
        hears it, and be forgotten."""
        raise NotImplementedError

    def on_forgotten(self) -> None:
        """The session knows the stream no longer: leave the carriers, and let go of bytes and sink. What a complete
        stream has still to bring to its socket counts until it was consumed, or dropped."""
        self.leave()
        receiver = self.receiver
        if self.state is not _CLOSED:
            self.advance(StreamEvent.FORGET)
            self.drop_bytes()
        elif receiver.kept:
            receiver.limit = receiver.received  # its socket has still to take the rest
            self.count()
        else:
            self.give_back()
        self.sink = CLOSED


def _put(parts: Parts, data: bytes) -> int:
    parts.append(data)
    return len(data)
