"""One association at one exit: its orders, its window, and over which paths its datagrams go.

Every datagram of an association has an order, the same in each of its copies, so that however many arrive, one is
delivered. It never looks into a payload.
"""

import struct
from collections.abc import Sequence
from typing import Protocol

from ingress.choice.datagrams import YOUNG, Rate
from ingress.paths.datagram_path import DatagramPath
from ingress.paths.way import ExitWay
from relay.datagram.pieces import Joiner, split
from relay.datagram.window import ReplayWindow, fresh_of
from relay.engine import Loop
from relay.model.cause import Cause
from relay.wire.datagrams import COPY, DATA, INNER, KIND, PART, PIECE, address_end, orders_of

ORDERS = (1 << 32) - 1
LATER = 0.02
"""Seconds after which the copy follows where no second path is there: losses come in bursts."""
UNANSWERED = 1.0
"""Seconds without a reply after which an exit that reaches no targets is taken to reach none of this flow's."""
_head = struct.Struct("!BBI").pack
"""What is sealed begins with it, and the order follows: `INNER`."""


class FlowOwner(Protocol):
    """Whoever the datagrams are for."""

    def on_replies(self, inners: Sequence[bytes], start: int) -> None:
        """Datagrams have come: in each, address bytes begin at *start*, and the payload follows."""

    def on_gone(self, flow: "DatagramFlow") -> None:
        """The exit has lost the association, or is lost itself: another flow must be begun for what is to be sent."""


class FlowHome(Protocol):
    """Whoever keeps the flows."""

    @property
    def joiner(self) -> Joiner:
        """Where their pieces wait for each other."""

    def moved(self, flow: "DatagramFlow", within: frozenset[str] | None) -> ExitWay | None:
        """*flow* is to take the paths *within* only: by which way to its exit; None if none of them leads there."""

    def closed(self, flow: "DatagramFlow") -> None:
        """Nobody uses *flow* any more."""

    def woken(self) -> None:
        """Datagrams flow to an exit again: its paths are to be asked more often."""


class DatagramFlow:
    """Made by `Datagrams.open`; `close` when nobody uses it any more."""

    __slots__ = (
        "_came",
        "_grows_up",
        "_home",
        "_is_young",
        "_joiner",
        "_loop",
        "_order",
        "_unanswered",
        "_went",
        "_window",
        "detour",
        "dropped",
        "id",
        "many_at",
        "owner",
        "turns",
        "way",
    )

    def __init__(self, number: int, way: ExitWay, owner: FlowOwner, loop: Loop, home: FlowHome) -> None:
        self.id = number
        self.way = way
        self.owner: FlowOwner | None = owner
        self.dropped = 0
        """Datagrams for which there was no path, or that were too large."""
        self.detour: DatagramPath | None = None
        """What it goes by instead of the primary, as long as that polices UDP."""
        self.turns = 0
        """How often that has changed: as the moves of the primary, they count in its generation."""
        self.many_at = float("-inf")
        """When it last was more than thin, for all that `is_many` knows."""
        self._loop = loop
        self._home = home
        self._joiner = home.joiner
        self._order = 0
        self._window = ReplayWindow(32)
        self._unanswered = 0, 0, loop.now
        """What had gone and come when it was last heard, or had said nothing, as far as `is_unanswered` knows."""
        self._went, self._came = Rate(loop.now), Rate(loop.now)
        self._is_young = True
        self._grows_up = loop.call_at(loop.now + YOUNG, self._grow_up)

    def __repr__(self) -> str:
        return f"<DatagramFlow {self.id} to {self.way.exit}, {self._order} out, {self._window.top} in>"

    @property
    def exit(self) -> str:
        """Its name."""
        return self.way.exit

    @property
    def within(self) -> frozenset[str] | None:
        """The paths that it may take; None for all."""
        return self.way.within

    @property
    def path(self) -> str:
        """The name of the one that it takes now; empty if there is none."""
        path = self.detour or self.way.primary
        return "" if path is None else path.live.name

    @property
    def is_direct(self) -> bool:
        """Never: it leads to an exit."""
        return False

    def _grow_up(self) -> None:
        self._is_young = False

    @property
    def goes_in_tcp(self) -> bool:
        """Whether datagrams go in TCP on a line of its way now."""
        return self.way.primary is not None and bool(self.way.primary.in_tcp)

    def is_many(self, now: float) -> bool:
        """Whether it is more than thin, either way."""
        went, came = self._went.is_thin(now), self._came.is_thin(now)
        if not (went and came):
            self.many_at = now
        return self.many_at == now

    @property
    def lately(self) -> tuple[int, int]:
        """Datagrams and bytes of the last second or two, both ways."""
        went, came = self._went.lately, self._came.lately
        return went[0] + came[0], went[1] + came[1]

    def go_by(self, detour: DatagramPath | None) -> None:
        """Go by *detour*, or by the primary again: the exit follows with its replies."""
        if detour is self.detour:
            return
        if self.detour is not None:
            self.detour.riders -= 1
        if detour is not None:
            detour.riders += 1
        self.detour = detour
        self.turns += 1

    def follow(self, within: frozenset[str] | None) -> bool:
        """Take the paths *within* only from now on, or all (None); False if none of them leads to the exit, and nothing
        has changed. The association and its port at the exit stay."""
        if self.owner is None or within == self.within:
            return self.owner is not None
        old, way = self.way, self._home.moved(self, within)
        if way is None:
            return False
        self.go_by(None)
        self.turns += 1 + old.generation - way.generation  # the exit follows what is newer
        self.way = way
        return True

    # ---- towards the exit

    def send(self, address: bytes, payloads: Sequence[bytes], redundant: bool | None = None) -> None:
        """Datagrams of one size (the last may be shorter) for one target; *address* are its address bytes.

        Dropped, and counted, if nothing leads to the exit. *redundant*: in two copies whatever the paths are like, or
        never; None: as they need.
        """
        way, count = self.way, len(payloads)
        primary = self.detour or way.primary
        way.was_used = True
        if not way.is_awake:
            self._home.woken()
        size = len(address) + len(payloads[0])
        self._went.count += count
        self._went.size += count * size
        if primary is None or primary.out is None:
            self.dropped += count
        elif size > way.room:
            for payload in payloads:
                self._send_pieces(primary, address, payload)
        else:
            inners = self._inners(address, payloads)
            primary.out.put_all(primary.end.seal_all(inners))
            primary.payloads += count
            if way.is_suspect or (way.copies or self._is_young if redundant is None else redundant):
                for inner in inners:
                    self._copy(inner, redundant=bool(redundant))

    def _inners(self, address: bytes, payloads: Sequence[bytes]) -> list[bytes]:
        """What is sealed, each with the next order."""
        head, first = _head(DATA | self.way.mark, self.way.generation + self.turns & 0xFF, self.id), self._order + 1
        self._order = self._order + len(payloads) & ORDERS
        return [
            b"".join((head, (order & ORDERS).to_bytes(4, "big"), address, payload))
            for order, payload in enumerate(payloads, first)
        ]

    def _send_pieces(self, primary: DatagramPath, address: bytes, payload: bytes) -> None:
        """One that may be too large for a datagram of the path."""
        way, room = self.way, self.way.room - PIECE.size - len(address)
        head = (PART | way.mark, way.generation + self.turns & 0xFF, self.id, self._order + 1 & ORDERS)
        parts = split(head, address, payload, room)
        self.dropped += not parts
        primary.payloads += bool(parts)
        for inner in parts:
            self._order = self._order + 1 & ORDERS
            if primary.out is not None:
                primary.out.put(primary.end.seal(inner))
            if way.is_suspect:
                self._copy(inner, redundant=False)

    def _copy(self, inner: bytes, *, redundant: bool) -> None:
        """Thin flows go over the spare as well; without one, what loses datagrams gets the copy a little later. No copy
        goes over a backup, which the spare is only if the primary is one."""
        way, now = self.way, self._loop.now
        if way.primary is None or way.primary.live.is_backup:
            return
        if not redundant and not (self._went.is_thin(now) and self._came.is_thin(now)):
            return
        copy = bytes((inner[0] | COPY,)) + inner[1:]
        if way.spare is not None:
            if redundant or way.copies or way.is_suspect or way.route.is_near:
                _put(way.spare, copy)
        elif redundant or way.copies:
            self._loop.call_at(now + LATER, lambda: self._put_later(copy))

    def _put_later(self, copy: bytes) -> None:
        if self.owner is not None and self.way.primary is not None:
            _put(self.way.primary, copy)

    # ---- from the exit

    def deliver(self, inners: list[bytes], now: float) -> None:
        """What has come for this association, whichever path it took."""
        inners = fresh_of(self._window, orders_of(inners), inners)
        if not inners or self.owner is None:
            return
        self.way.was_used = True
        self._came.count += len(inners)
        self._came.size += len(inners) * len(inners[0])
        whole = self._whole(inners, now)
        if whole:
            self.owner.on_replies(whole, INNER.size)

    def _whole(self, inners: list[bytes], now: float) -> list[bytes]:
        """Those that have an address, and what became whole by one of them."""
        found, known = [], b""
        for inner in inners:
            if inner[0] & KIND == DATA:
                if not known or not inner.startswith(known, INNER.size):
                    known = inner[INNER.size : address_end(inner, INNER.size)]
                if known:
                    found.append(inner)
            elif inner[0] & KIND == PART:
                joined = self._joiner.join(inner, now)
                if joined is not None:
                    found.append(b"".join((inner[: INNER.size], *joined)))
        return found

    def is_unanswered(self, now: float) -> bool:
        """Whether it has sent, and was not answered, for UNANSWERED seconds in which this was asked."""
        order, top, since = self._unanswered
        if self._window.top != top or self._order == order:
            self._unanswered = self._order, self._window.top, now
            return False
        return now - since >= UNANSWERED

    # ---- the end

    def replace(self) -> None:
        """The exit stops: what is to be sent begins another flow, and what still comes by this one is delivered."""
        if self.owner is not None:
            self.owner.on_gone(self)

    def gone(self, cause: Cause) -> None:
        """The exit does not know it any more."""
        owner, self.owner = self.owner, None
        self._grows_up.cancel()
        self.go_by(None)
        if owner is not None:
            owner.on_gone(self)

    def close(self) -> None:
        """Nobody uses it any more: the exit is told."""
        if self.owner is not None:
            self.owner = None
            self._grows_up.cancel()
            self.go_by(None)
            self._home.closed(self)


def _put(path: DatagramPath, inner: bytes) -> None:
    if path.out is not None and path.end.can_seal:
        path.out.put(path.end.seal(inner))
