"""The exit's end of a session: follows the ingress's attachments, and never opens a stream twice.

A stream that was reset here stays, empty, until the ingress says that it knows (its RESET comes): until then it says
its RESET on whatever carrier the ingress attaches it to. Every id that was ever used is remembered, so that an OPEN
that arrives late, behind the end of its stream, dials nobody (ids come in sequence, so that is one number and a few
exceptions).
"""

from collections.abc import Callable
from functools import partial

from relay.model.cause import Cause
from relay.session.carrier import CarrierEnd, CarrierOwner, tell_owner
from relay.session.ledger import holds_all
from relay.session.riding import CarrierLeg
from relay.session.session import Session
from relay.session.sink import CLOSED, Sink
from relay.session.states import REACHES, Reach, StreamEvent
from relay.session.stream import Stream, StreamSession
from relay.session.window import FLOOR, Memory
from relay.wire import bodies
from relay.wire.bodies import INITIAL_WINDOW
from relay.wire.frames import Kind

BEHIND = 131_072
"""Ids below the highest that was heard of, beyond which an id counts as used whether it was or not. An OPEN that is so
late would have been overtaken by all that an ingress opens in a minute; its carrier is given up within 10 s. More costs
a bit each."""

_KNOWN, _CONNECTED = Reach.ATTACHED, StreamEvent.CONNECTED  # found once, as in stream.py


class SeenIds:
    """The stream ids that were used, of a sequence that begins at 1 and may arrive in any order.

    All up to a floor are used, and of BEHIND above it a bit each says so: streams open in order on one carrier, and out
    of it only by what two carriers make of it. Who leaves ids out has the floor rise all the same, so that it stays
    small whatever is said.
    """

    __slots__ = ("_above", "_floor")

    def __init__(self) -> None:
        self._floor = 0
        self._above = 0
        """Bit 0 is the id behind the floor; it is never set between two calls."""

    def __contains__(self, number: int) -> bool:
        """Whether *number* was added, or lies too far below one that was."""
        at = number - self._floor - 1
        return at < 0 or bool(self._above >> at & 1)

    def add(self, number: int) -> None:
        """*number* is used."""
        at = number - self._floor - 1
        if at == 0 and not self._above:  # the rule
            self._floor = number
        elif at >= 0:
            if at >= BEHIND:
                self._raise(at - BEHIND + 1)
                at = BEHIND - 1
            self._above |= 1 << at
            lowest_clear = ~self._above & (self._above + 1)
            self._raise(lowest_clear.bit_length() - 1)

    def _raise(self, by: int) -> None:
        self._floor += by
        self._above >>= by


class AcceptorStream(Stream):
    """A stream as the exit sees it: it follows, and is told what became of the dial.

    Its life: made by OPEN, bound to the sink that `on_open` returned; `connected` or `reset`, once, by whoever dials;
    then bytes, until it is complete, or the ingress resets it, or we do and the ingress confirms.
    """

    __slots__ = ("is_withdrawn", "tells_first_byte")

    def __init__(self, session: StreamSession, number: int, generation: int, start: int, allowed: int) -> None:
        """Its sink is bound once its opener has given one. *start* and *allowed* as OPEN says (see Stream)."""
        super().__init__(session, number, CLOSED, start, allowed)
        self.generation = generation
        self.reach = _KNOWN
        self.is_withdrawn = False
        """Given up because the ingress has withdrawn it: no target is dialled, or ever will be."""
        self.tells_first_byte = False
        """The ingress has asked when the target's first byte came."""

    def connected(self, took: float, now: float) -> None:
        """The target was connected, in *took* seconds: tell the ingress. Harmless if the stream is over."""
        self.session.now = now
        self.reach, self.took = REACHES[self.reach][_CONNECTED], took
        self.tell_connected()

    def tell_connected(self) -> None:
        """Say CONNECTED, again if need be, on every leg."""
        for leg in self.legs:
            leg.must_connect = True
        self.wake()

    def tell_first_byte(self, took: float) -> None:
        """From the client's last byte to the target's first it took *took* seconds: tell the ingress, once. It gets
        lost with its carrier."""
        for leg in self.legs[:1]:
            leg.carrier.send(bodies.first_byte(self.id, took))

    def announcement(self, leg: CarrierLeg) -> bytes:
        """ATTACHED, which is an acknowledgement as well. What earlier carriers still deliver ends at its `sent`."""
        receiver = self.receiver
        sent = max((stop for _, _, stop in self.drains), default=0)
        self.ack_told, self.limit_told = told, limit = receiver.acknowledged, receiver.limit
        leg.must_ack = False
        if len(self.legs) == 1:
            self.session.take_ack(self)
        return bodies.attached(self.id, self.generation, told, limit, sent)

    def follow(self, carrier: CarrierEnd, generation: int, *, planned: bool) -> None:
        """Ride where the newest ATTACH says; equal generations add up (redundant streams), older ones mean nothing.

        A planned move is one from where the ingress believes the stream to be. If an ATTACH before it was
        overtaken, that is not where it is, and the carrier it rides on may be dead: then all is sent again.
        """
        if generation > self.generation:
            is_next = generation == self.generation + 1 and len(self.legs) == 1
            self.generation = generation
            self.ride((carrier,), planned=planned and is_next)
        elif generation == self.generation and self.id not in carrier.legs:
            self.add_leg(carrier)

    # ---- ends

    def withdraw(self, cause: Cause) -> None:
        """The ingress gives it to another exit, since this one still waits, for what *cause* says. Not to be called
        once the target is connected, or the stream is cut."""
        sink, self.is_withdrawn = self.sink, True
        self.abort(cause)
        sink.on_reset(cause)

    def farewell(self) -> bytes:
        """As `Stream.farewell`; of a stream that was withdrawn, that no target has had a byte of it."""
        return bodies.withdrawn(self.id, 0, self.cause or 0) if self.is_withdrawn else super().farewell()

    def abort(self, cause: Cause) -> None:
        """As `Stream.abort`. The stream stays known, without its bytes, until the ingress's RESET comes; unless that is
        here already, with all that it follows: then nobody may be there to say another."""
        if self.is_over:
            self.drop_bytes()
            return
        if self.receiver.is_cut_whole:
            self.complete()
            return
        self.advance(StreamEvent.GIVE_UP)
        self.cause = cause
        self.session.take_ack(self)
        self.drop_bytes()
        self.wake()

    def complete(self) -> None:
        """As `Stream.complete`: the last ACK is said on every carrier that it rides on, unless all were given it. It is
        no last word: if all of them are lost, the ingress attaches the stream, hears GONE, and understands."""
        if self._is_told():
            self.session.forget(self)
            return
        word, carriers = self.ack(), [leg.carrier for leg in self.legs]
        self.session.forget(self)
        for carrier in carriers:
            carrier.send(word)

    def _is_told(self) -> bool:
        """Whether the last acknowledgement was given to every carrier that the stream rides on now: what was given to
        one that is gone, or left, may never arrive."""
        if self.ack_told != self.receiver.acknowledged or self.session.has_ack_waiting(self):
            return False
        return not any(leg.must_ack or leg.announce for leg in self.legs)


OnOpen = Callable[[AcceptorStream, str, int], Sink]
WaitsFor = Callable[[Sink], Cause]


def _connect(_: Sink) -> Cause:
    return Cause.CONNECT_TIMEOUT


class Acceptor(Session[AcceptorStream]):
    """The session's end at the exit (or at a relay, where no stream may be opened)."""

    def __init__(
        self,
        token: bytes,
        owner: str,
        memory: Memory,
        now: float,
        on_open: OnOpen,
        has_room: Callable[[], bool],
        waits_for: WaitsFor = _connect,
    ) -> None:
        """*token* is the ingress's choice. *owner* is the name in its certificate: the caller lets no other join.

        *on_open(stream, host, port)* begins to dial and returns the sink; once the dial has ended it says
        `stream.connected` or `stream.reset`, which it may do at once. While *has_room* says no, an OPEN is answered
        by RESET with LIMIT, and nothing is kept of it; so is one that takes more than FLOOR, against what its ingress
        was told or because that is of a time before START, when all memory is held.

        *waits_for(sink)* says what a dial still waits for, by the cause that it would end with.
        """
        super().__init__(token, memory, now)
        self.owner = owner
        self._start_told = INITIAL_WINDOW
        """What the ingress was told last of how much a stream may write at first."""
        self._seen = SeenIds()
        self._on_open_told = on_open
        self._has_room = has_room
        self._waits_for = waits_for
        self._handlers |= {
            Kind.PING: self._on_ping,
            Kind.OPEN: self._on_open,
            Kind.ATTACH: self._on_attach,
            Kind.WITHDRAW: self._on_withdraw,
            **{kind: partial(tell_owner, kind) for kind in (Kind.TIME, Kind.LABEL, Kind.ASSOC_END)},
        }

    # ---- frames

    def _on_ping(self, carrier: CarrierEnd, body: bytes) -> None:
        """Answered before anything else leaves. What it tells of the round trip is all that an exit knows of it; a bulk
        carrier's is that of its queues, and no measure for acknowledgements."""
        number, carrier.base_rtt = bodies.parse_ping(body)
        if carrier.base_rtt and not carrier.is_bulk:
            self.srtt = carrier.base_rtt
        carrier.send(bodies.pong(number))

    def _on_open(self, carrier: CarrierEnd, body: bytes) -> None:
        """The first OPEN of an id dials; another, over a second carrier or from a hedge, is read as an attachment by an
        ingress that has heard nothing yet; one behind the end of its stream is answered with GONE."""
        number, generation, host, port, (allowed, start), flags = bodies.parse_open(body)
        stream = self.streams.get(number)
        if stream is not None:
            stream.follow(carrier, generation, planned=False)
            if stream.is_connected:
                stream.tell_connected()  # an ingress that says OPEN again has not heard it
        elif number in self._seen:
            carrier.send(bodies.reset(number, Cause.GONE))
        else:
            self._seen.add(number)
            lacks_memory = start > FLOOR and holds_all(self.memory, self.streams.values())
            if lacks_memory or not self._has_room():
                carrier.send(bodies.reset(number, Cause.LIMIT))
            else:
                stream = AcceptorStream(self, number, generation, start, allowed)
                stream.tells_first_byte = bool(flags & bodies.TELL_FIRST_BYTE)
                self._begin(stream, carrier, host, port)
                self._tell_start()

    def _begin(self, stream: AcceptorStream, carrier: CarrierEnd, host: str, port: int) -> None:
        self.streams[stream.id] = stream
        stream.board(carrier)
        self.ack_later(stream)  # ATTACHED goes with what comes first: CONNECTED, RESET, or the acknowledgements
        sink = self._on_open_told(stream, host, port)
        if not stream.is_over:
            stream.bind(sink)

    def add_carrier(
        self, name: str, is_bulk: bool, on_ready: Callable[[], None], owner: CarrierOwner, now: float
    ) -> CarrierEnd:
        """As in Session; the ingress may not have heard what an earlier carrier was told."""
        carrier = super().add_carrier(name, is_bulk, on_ready, owner, now)
        if self._start_told < INITIAL_WINDOW:
            carrier.send(bodies.start(self._start_told))
        return carrier

    def _tell_start(self) -> None:
        """Say how much newcomers may write at first, if it is half or twice of what was said, or at either end."""
        start, told = self.memory.start(), self._start_told
        if start != told and (start in (FLOOR, INITIAL_WINDOW) or not told < 2 * start < 4 * told):
            self._start_told = start
            for carrier in self.carriers.values():
                carrier.send(bodies.start(start))

    def _on_attach(self, carrier: CarrierEnd, body: bytes) -> None:
        """What the ingress has is taken first: it may be the last acknowledgement, and then there is nothing to attach.

        An id that was never seen is noted as used: an OPEN that this ATTACH has overtaken would dial for nobody.
        """
        number, generation, received, limit, flags = bodies.parse_attach(body)
        stream = self.streams.get(number)
        if stream is not None:
            stream.receive_ack(received, limit)
        if stream is None or self.streams.get(number) is not stream:
            # Not known; or that was its end, and the old carriers may not bring the news.
            self._seen.add(number)
            carrier.send(bodies.reset(number, Cause.GONE))
            return
        stream.follow(carrier, generation, planned=bool(flags & bodies.PLANNED))
        if stream.is_connected and not flags & bodies.KNOWS_CONNECTED:
            stream.tell_connected()

    def _on_withdraw(self, carrier: CarrierEnd, body: bytes) -> None:
        """Another exit is to have the stream. What was withdrawn stays known until the ingress's RESET comes, as what
        was reset does, so that whoever asks twice is told the same; also if its OPEN has not come yet."""
        number = bodies.parse_withdraw(body)
        stream = self.streams.get(number)
        if stream is not None and stream.is_connected:
            carrier.send(bodies.withdrawn(number, max(stream.receiver.received, 1), 0))
        elif stream is not None:
            if not stream.is_cut:
                stream.withdraw(self._waits_for(stream.sink))
            if stream.is_over:  # else the ingress has reset it since
                carrier.send(stream.farewell())
        elif number in self._seen:
            carrier.send(bodies.reset(number, Cause.GONE))
        else:
            self._seen.add(number)
            if self._has_room():
                stream = self.streams[number] = AcceptorStream(self, number, 0, 0, 0)
                stream.withdraw(Cause.CONNECT_TIMEOUT)
            carrier.send(bodies.withdrawn(number, 0, Cause.CONNECT_TIMEOUT))

    def _on_reset(self, _: CarrierEnd, body: bytes) -> None:
        """The ingress has given a stream up, or answers our own RESET; an OPEN of it that comes later finds it seen."""
        number, offset, code = bodies.parse_reset(body)
        self._seen.add(number)
        stream, cause = self.streams.get(number), Cause.of_code(code)
        if stream is None:
            return
        if not offset:
            self._end_at_once(stream, cause)
        elif not stream.is_deaf:
            stream.receive_reset(offset, cause)
        else:
            stream.abort(stream.cause or cause)  # both gave up: ours is said at once as well, and answered

    def _end_at_once(self, stream: AcceptorStream, cause: Cause) -> None:
        sink, was_deaf = stream.sink, stream.is_deaf
        self.forget(stream)
        if not was_deaf:
            sink.on_reset(cause)
