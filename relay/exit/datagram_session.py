"""The datagrams of one session at an exit: its labels, its associations, and by which labels replies go.

An association's replies go by its own label, which is the one that the newest generation came by; besides by those
over which its client sends copies, and, while its own label is silent or not heard, by all that are active, if it is
thin: a copy costs little, a gap is felt. What the ingress says decides; the exit only follows.
"""

from collections.abc import Callable

import attrs

from relay.datagram.pieces import Joiner, split
from relay.datagram.window import fresh_of
from relay.engine import Loop, Timer
from relay.exit.association import Association
from relay.exit.label_end import DEAF_FOR, LabelEnd
from relay.model.cause import Cause
from relay.session.acceptor import SeenIds
from relay.wire import bodies
from relay.wire.datagrams import (
    BOUND,
    COPY,
    DATA,
    INNER,
    KIND,
    PART,
    PIECE,
    Heartbeat,
    address_end,
    newer,
    orders_of,
)

LOOK = 0.02
"""Seconds between two looks at labels that are active, at least."""
COPIES_FOR = 2.0
"""Seconds for which replies go by a label that a copy has come by."""
FORSAKEN = 1.0
"""Seconds of silence on its own label after which replies of a client that says nothing go by another: the ingress has
left that path, as it does one that drains."""
UNHEARD_FOR = 1.0
"""Seconds for which a label is taken not to be heard after the ingress has said so."""
AGAIN = 0.02
"""Seconds after which a reply is sent once more, where copies have no path of their own."""
THIN_DATAGRAMS, THIN_BYTES = 200, 64_000
"""Datagrams and bytes a second up to which an association is thin."""

_pack = INNER.pack
_ALIKE = 6
"""Bytes of what is sealed that datagrams of one association have in common: kind, generation, association."""


@attrs.define(eq=False)
class _Flow:
    """How the replies to one association go."""

    association: Association
    own: LabelEnd | None = None
    copies: dict[LabelEnd, float] = attrs.Factory(dict)
    """Until when."""
    ways: tuple[LabelEnd, ...] = ()
    until: float = 0.0
    """When `ways` have to be found anew."""
    count: int = 0
    size: int = 0
    since: float = 0.0
    is_thin: bool = True
    is_bound: bool = False
    """Replies go by no label but those that it came by."""

    def note(self, count: int, size: int, now: float) -> None:
        """So much went to the client: over each second it is found out whether that is little."""
        self.count += count
        self.size += size
        passed = now - self.since
        if passed >= 1.0:
            self.is_thin = self.count <= THIN_DATAGRAMS * passed and self.size <= THIN_BYTES * passed
            self.count, self.size, self.since = 0, 0, now
        elif self.count > THIN_DATAGRAMS or self.size > THIN_BYTES:
            self.is_thin = False


class DatagramSession:
    """All of one session's. *begin* makes an association; *tell* sends a frame to the
    ingress."""

    def __init__(
        self,
        loop: Loop,
        begin: Callable[["DatagramSession", int], Association],
        tell: Callable[[bytes], None],
    ) -> None:
        self.labels: dict[bytes, LabelEnd] = {}
        self.copies = 0
        """Datagrams that had come already, over another path or out of time."""
        self._loop = loop
        self._begin = begin
        self._tell = tell
        self._flows: dict[int, _Flow] = {}
        self._seen = SeenIds()
        self._joiner = Joiner()
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._flows)

    @property
    def unsent(self) -> int:
        """Datagrams of those that live, which the kernel did not take."""
        return sum(flow.association.unsent for flow in self._flows.values())

    # ---- ends

    def oldest(self) -> Association:
        """The association that was idle for longest."""
        return min((flow.association for flow in self._flows.values()), key=lambda one: one.used_at)

    def end(self, number: int) -> None:
        """The ingress is done with an association; what comes of it later is dropped."""
        self._seen.add(number)
        flow = self._flows.pop(number, None)
        if flow is not None:
            flow.association.close()

    def give_up(self, association: Association, cause: Cause) -> None:
        """End *association* from here, and say so."""
        self.end(association.id)
        self._tell(bodies.assoc_gone(association.id, cause))

    def close(self) -> None:
        """All is over."""
        for flow in list(self._flows.values()):
            self.end(flow.association.id)
        if self._timer is not None:
            self._timer.cancel()

    def announce_end(self, cause: Cause) -> None:
        """Say of every association that it ends; for as long as this process lives, it still takes what is under
        way."""
        for number in self._flows:
            self._tell(bodies.assoc_gone(number, cause))

    def are_used(self, since: float) -> bool:
        """Whether anything has come or gone *since* then."""
        return any(flow.association.used_at >= since for flow in self._flows.values())

    # ---- from the ingress

    def receive(self, end: LabelEnd, inners: list[bytes], now: float) -> None:
        """As `DatagramReceiver.receive`. What is of the same association, to the same target, as the one before goes
        the short way with it."""
        count, index = len(inners), 0
        while index < count:
            first, address = inners[index], self._receive_one(end, inners[index], now)
            index += 1
            if not address:
                continue
            alike, begun = first[:_ALIKE], index
            while index < count and inners[index].startswith(alike) and inners[index].startswith(address, INNER.size):
                index += 1
            if index > begun:
                self._receive_alike(end, inners[begun:index], address, now)

    def _receive_alike(self, end: LabelEnd, inners: list[bytes], address: bytes, now: float) -> None:
        """Take data for *address* that is of the same association as data that was taken just now."""
        flow = self._flows.get(int.from_bytes(inners[0][2:_ALIKE], "big"))
        send_all = None if flow is None else flow.association.sending(address)
        if flow is None or send_all is None:
            for inner in inners:
                self._receive_one(end, inner, now)
            return
        fresh, stop = fresh_of(flow.association.window, orders_of(inners), inners), INNER.size + len(address)
        self.copies += len(inners) - len(fresh)
        send_all([inner[stop:] for inner in fresh])

    def _receive_one(self, end: LabelEnd, inner: bytes, now: float) -> bytes:
        """Take *inner*; where it goes, if more of its kind may go the short way."""
        kind = inner[0] & KIND
        start = INNER.size if kind == DATA else INNER.size + PIECE.size
        stop = address_end(inner, start)
        if not stop or kind not in (DATA, PART):
            return b""
        _, generation, number, order = INNER.unpack_from(inner)
        flow = self._flows.get(number) or self._begin_flow(number)
        if flow is None:
            return b""
        association = flow.association
        association.used_at = now
        flow.is_bound = bool(inner[0] & BOUND)
        if inner[0] & COPY:
            self._note_copy(flow, end, now)
        elif generation != association.generation or flow.own is None:
            self._move(flow, end, generation)
        if not association.window.fresh(order):
            self.copies += 1
        elif kind == DATA:
            association.send(inner[start:stop], inner[stop:])
        else:
            joined = self._joiner.join(inner, now)
            if joined is not None:
                association.send(*joined)
        return inner[start:stop] if kind == DATA else b""

    def _begin_flow(self, number: int) -> _Flow | None:
        if number in self._seen:
            return None
        association = self._begin(self, number)
        self._seen.add(number)
        flow = self._flows[number] = _Flow(association, since=self._loop.now)
        return flow

    def _note_copy(self, flow: _Flow, end: LabelEnd, now: float) -> None:
        if end not in flow.copies or flow.own is None:
            flow.until = 0.0
        flow.copies[end] = now + COPIES_FOR

    def _move(self, flow: _Flow, end: LabelEnd, generation: int) -> None:
        """Follow what is no copy and has a newer generation."""
        association = flow.association
        if association.generation < 0 or newer(generation, association.generation, 8):
            association.generation = generation
            flow.own, flow.until = end, 0.0

    def told(self, end: LabelEnd, beat: Heartbeat, now: float) -> None:
        """As `DatagramReceiver.told`."""
        for label in beat.deaf:
            unheard = self.labels.get(label)
            if unheard is not None:
                unheard.unheard_until = now + UNHEARD_FOR
                self._find_ways_anew(unheard)
        if end.is_active:
            self._look_by(end.silent_at)

    # ---- time

    def _look_by(self, when: float) -> None:
        """Look at *when* at the latest, but not at once."""
        when = max(when, self._loop.now + LOOK)
        if self._timer is not None:
            if self._timer.when <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        """Say of what is active and silent that it is, there and elsewhere, so that the ingress can act."""
        now, self._timer = self._loop.now, None
        active = [end for end in self.labels.values() if end.is_active]
        for end in active:
            if now - end.end.heard_at > DEAF_FOR:
                end.is_active = False
        deaf = [end for end in active if end.is_active and end.is_silent(now)]
        for end in deaf:
            if end.deaf_told_at < end.end.heard_at:
                self._find_ways_anew(end)
        if any(now - end.deaf_told_at >= max(end.interval, LOOK) for end in deaf):
            for end in deaf:
                end.deaf_told_at = now
            labels = tuple(end.end.label for end in deaf)
            for end in active:
                end.say_deaf(labels, now)
        for end in active:
            self._look_by(end.silent_at)

    def _find_ways_anew(self, end: LabelEnd) -> None:
        for flow in self._flows.values():
            if flow.own is end:
                flow.until = 0.0

    # ---- to the ingress

    def reply(self, association: Association, source: bytes, data: memoryview, size: int) -> None:
        """As `Replies.reply`."""
        flow = self._flows[association.id]
        now = association.used_at = self._loop.now
        flow.note(-(-len(data) // size) if size else 1, len(data), now)
        ways = flow.ways if now < flow.until else self._find_ways(flow, now)
        if not ways:
            return
        room = min(way.room for way in ways) - INNER.size - len(source)
        if size > room:
            for at in range(0, len(data), size):
                self._reply_in_pieces(association, source, data[at : at + size], room - PIECE.size, ways)
            return
        generation, number, order = association.generation & 0xFF, association.id, association.order
        inners = []
        for at in range(0, len(data), size) if size else (0,):
            order = order % 0xFFFFFFFF + 1
            inners.append(b"".join((_pack(DATA, generation, number, order), source, data[at : at + size])))
        association.order = order
        for way in ways:
            way.send(inners)
        if flow.own in flow.copies and flow.own is not None:
            self._send_again(flow.own, inners, now)

    def _send_again(self, way: LabelEnd, inners: list[bytes], now: float) -> None:
        """The client copies, and has one path only: so do we, a little later, since losses come in bursts."""
        copies = [bytes([inner[0] | COPY]) + inner[1:] for inner in inners]
        self._loop.call_at(now + AGAIN, lambda: way.send(copies))

    def _reply_in_pieces(
        self, association: Association, source: bytes, payload: memoryview, room: int, ways: tuple[LabelEnd, ...]
    ) -> None:
        order = association.order % 0xFFFFFFFF + 1
        head = (DATA, association.generation & 0xFF, association.id, order)
        pieces = split(head, source, payload, room) or [b"".join((_pack(*head), source, payload))]
        association.order = (order + len(pieces) - 1) % 2**32
        for way in ways:
            way.send(pieces)

    def _find_ways(self, flow: _Flow, now: float) -> tuple[LabelEnd, ...]:
        own = flow.own
        flow.copies = {end: until for end, until in flow.copies.items() if until > now and end.out is not None}
        ways = dict.fromkeys([own] if own is not None and own.out is not None else ())
        ways |= dict.fromkeys(flow.copies)
        is_doubted = own is None or own.out is None or own.is_silent(now) or now < own.unheard_until
        if is_doubted and not flow.is_bound:
            active = [end for end in self.labels.values() if end.is_active and end.out is not None]
            if flow.is_thin:
                ways |= dict.fromkeys(active)
            elif own is not None and now - own.end.heard_at > FORSAKEN:
                ways = dict.fromkeys([end for end in active if not end.is_silent(now)][:1] or ways)
        flow.ways = tuple(ways)
        flow.until = now + (LOOK if is_doubted else min((until - now for until in flow.copies.values()), default=60.0))
        return flow.ways
