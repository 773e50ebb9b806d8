"""A `[[forward]]` for datagrams: what comes to one address goes to one target, and back to whom it came from.

There is no connection that would say how long a client is there. Each source has a mapping, an association of its own
at an exit, until it was idle for too long; where there are too many, one that never got a reply goes first.
"""

import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from ingress.choice.demand import Demand
from ingress.client.client_accounts import Relayed
from ingress.client.datagram_pace import Paces, pace_anew
from ingress.client.flows import AssociationClient, DatagramHome, FlowEnd, begin_flow
from ingress.client.held import HeldDatagrams
from ingress.client.owner import Owner
from ingress.config import DatagramForward
from ingress.doors.datagram import address_bytes
from ingress.usage.usage import Counted
from relay.engine import Timer
from relay.engine.udp import DatagramAddress, UdpOut, UdpPort
from relay.model.addresses import is_inside, is_loopback
from relay.model.hosts import parse_literal
from relay.wire.datagrams import address_end

MOST_MAPPINGS = 1024
SLICE = 250
"""Mappings that are judged anew in one turn of the loop: a few milliseconds."""
LOOKS = 4
"""How often in `idle` mappings are looked at: so long over it one may last."""
Source = tuple[DatagramAddress, bytes]
"""Of a client, and the address of ours that it sends to."""


class ForwardHome(DatagramHome, Protocol):
    """Whoever keeps the forwards."""

    def may_begin(self, client: str) -> bool:
        """Whether the allowance of *client*, an address, has anything left."""

    def began_mapping(self, mapping: "Mapping") -> None:
        """*mapping* is there, and is to be counted."""

    def ended_mapping(self, mapping: "Mapping") -> None:
        """It is about to end."""


class Mapping:
    """One client of a forward."""

    weight = 0
    """As `Bounded.weight`."""

    __slots__ = (
        "_begun_at",
        "_counted",
        "_demand",
        "_down",
        "_flow",
        "_forget",
        "_forward",
        "_held",
        "_home",
        "_is_closed",
        "_is_counted",
        "_out",
        "_paces",
        "_redundant",
        "_rule",
        "_site",
        "_target",
        "_up",
        "has_reply",
        "owner",
        "used_at",
        "who",
    )

    def __init__(
        self, home: ForwardHome, forward: DatagramForward, client: str, out: UdpOut, forget: Callable[[], None]
    ) -> None:
        """*forget* has it closed, by whoever keeps it."""
        self.owner: Owner | None = None
        """As `Bounded.owner`."""
        self._paces: Paces | None = None
        """Up and down, if the owner has a rate."""
        self.has_reply = False
        self.used_at = self._begun_at = home.loop.now
        self._home = home
        self._forward = forward
        self._target = _spelled(forward)
        self.who = AssociationClient(client, listen=forward.listen)
        self._out = out
        self._flow: FlowEnd | None = None
        self._demand: Demand | None = None
        """What was asked for the target when it was judged last."""
        self._held = HeldDatagrams()
        self._redundant: bool | None = None
        """A rule's wish."""
        self._site = ""
        self._up = self._down = 0
        """Bytes that do not stand in the accounts yet."""
        self._counted = 0, 0
        """Those that do."""
        self._is_counted = False
        self._is_closed = False
        self._rule = ""
        self._forget = forget
        home.began_mapping(self)

    def send(self, payloads: Sequence[bytes]) -> None:
        """Datagrams of the client."""
        if self._paces is None:
            self._send(payloads)
        else:
            self._paces[0].put(payloads)

    def _send(self, payloads: Sequence[bytes]) -> None:
        if self._target in self._held:
            self._home.dropped.unrouted += self._held.put(self._target, payloads)
            return
        flow = self._flow or self._begin(payloads)
        if flow is not None:
            self._pass_on(flow, payloads)

    def _pass_on(self, flow: FlowEnd, payloads: Sequence[bytes]) -> None:
        self.used_at = self._home.loop.now
        self._up += sum(map(len, payloads))
        flow.send(self._target, payloads, self._redundant)

    def _begin(self, payloads: Sequence[bytes]) -> FlowEnd | None:
        target = self._forward.target
        demand = self._home.judge(self.who, target.host, target.port)
        if demand is not None and demand.asking:
            self._held.begin(self._target)
            self._home.dropped.unrouted += self._held.put(self._target, payloads)
            self._home.ask(target.host, partial(self._asked, demand))
            return None
        return self._begin_by(demand, len(payloads))

    def _begin_by(self, demand: Demand | None, count: int) -> FlowEnd | None:
        self._judge_by(demand)
        self._flow = begin_flow(self._home, self, self.who, demand, count)
        return self._flow

    def _judge_by(self, demand: Demand | None) -> None:
        """*demand* is asked for the target from now on; None: nothing is sent there."""
        self._demand = demand
        self._site, self._rule = ("", "") if demand is None else (demand.site, demand.rule_title)
        self._redundant = None if demand is None or demand.match is None else demand.match.rule.redundant

    def use(self, owner: Owner | None) -> None:
        """As `Bounded.use`; what waits is let go of."""
        self.owner = owner
        buckets = None if owner is None else owner.buckets
        send = self._send_alone, self._out.put
        self._paces = pace_anew(self._paces, self._home.loop, buckets, send, self._count_late)

    def _send_alone(self, payload: bytes) -> None:
        self._send((payload,))

    def _count_late(self) -> None:
        self._home.dropped.over_rate += 1

    def rule_anew(self) -> None:
        """Other rules are in force: what flows goes on where it is if it may, over the paths that are left to it."""
        flow, demand = self._flow, self._demand
        if flow is None or demand is None:
            return
        self.count()
        self._judge_by(self._home.again(self.who, demand))
        if self._demand is None or not self._home.goes_on(flow, self._demand):
            self._flow = None
            flow.close()

    def _asked(self, demand: Demand) -> None:
        """It is known what the target's name means, or was waited for long enough."""
        payloads = self._held.take(self._target)
        if self._is_closed or not payloads:
            return
        flow = self._begin_by(self._home.again(self.who, demand), len(payloads))
        if flow is not None:
            for payload in payloads:
                self._pass_on(flow, (payload,))

    def on_replies(self, inners: Sequence[bytes], start: int) -> None:
        """Datagrams have come. The client cannot tell from whom: what others send than its target is none of its."""
        source, payloads = b"", list[bytes]()
        for inner in inners:
            if not source or not inner.startswith(source, start):
                source = inner[start : address_end(inner, start)]
                if not self._is_target(source):
                    source = b""
                    self._home.dropped.foreign += 1
                    continue
            payloads.append(inner[start + len(source) :])
        if payloads:
            self.has_reply = True
            self.used_at = self._home.loop.now
            self._down += sum(map(len, payloads))
            if self._paces is None:
                self._out.put_all(payloads)
            else:
                self._paces[1].put(payloads)

    def _is_target(self, source: bytes) -> bool:
        """Of a target that has a name, the exit knows the address; its port is known."""
        is_name = parse_literal(self._forward.target.host) is None
        return source[-2:] == self._target[-2:] if is_name else source == self._target

    def on_gone(self, flow: FlowEnd) -> None:
        """The exit does not have it any more: the next datagram begins it anew."""
        if flow is self._flow:
            self.count()
            self._flow = None

    def count(self) -> None:
        """As `Countable.count`."""
        if self._flow is not None and (self._up or self._down):
            counted = Counted(0, 0, 0, self._up, self._down, not self._is_counted)
            self._counted = self._counted[0] + self._up, self._counted[1] + self._down
            self._up, self._down, self._is_counted = 0, 0, True
            self._home.add_usage(self.who, self._flow, self._site, counted)

    def look(self) -> Relayed:
        """As `Countable.look`."""
        target, flow = self._forward.target, self._flow
        up, down = self._up + self._counted[0], self._down + self._counted[1]
        return Relayed(self.who, target.host, target.port, self._rule, flow, self._begun_at, up, down)

    def end(self) -> None:
        """As `Countable.end`: the client's next datagram begins another."""
        self._forget()

    def close(self) -> None:
        """The client is gone."""
        self._is_closed = True
        self._home.ended_mapping(self)
        if self._flow is not None:
            self._flow.close()
            self._flow = None


class ForwardPort:
    """Where one forward listens. The owner of its socket."""

    def __init__(self, home: ForwardHome, sock: socket.socket, forward: DatagramForward) -> None:
        """*sock* is bound and tells the local address; it belongs to the port from now on."""
        self.forward = forward
        self.evicted = 0
        """Mappings that made room for others."""
        self._home = home
        self._mappings: dict[Source, Mapping] = {}
        """What was used longest ago comes first, roughly."""
        self._udp = UdpPort(home.loop, sock, self)
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        return f"<ForwardPort {self.forward.listen} to {self.forward.target}, {len(self._mappings)} mappings>"

    def __len__(self) -> int:
        return len(self._mappings)

    def use(self, forward: DatagramForward) -> None:
        """Go by another entry of the file for the same address."""
        if forward.target != self.forward.target or forward.clients != self.forward.clients:
            self._end_all()
        self.forward = forward

    def on_datagrams(self, data: memoryview, size: int, source: DatagramAddress, local: bytes) -> None:
        """As `DatagramOwner.on_datagrams`."""
        mapping = self._mappings.get((source, local))
        if mapping is None:
            if not self._may_use(source[0]):
                self._home.dropped.foreign += -(-len(data) // (size or 1))
                return
            if not self._home.may_begin(source[0]):
                self._home.dropped.over_rate += -(-len(data) // (size or 1))
                return
            mapping = self._add(source, local)
        together = bytes(data)
        mapping.send([together[start : start + size] for start in range(0, len(data) or 1, size or 1)])

    def _may_use(self, address: str) -> bool:
        clients = self.forward.clients
        return not clients or is_inside(address, clients) or is_loopback(address)

    def _add(self, source: DatagramAddress, local: bytes) -> Mapping:
        if len(self._mappings) >= MOST_MAPPINGS:
            self._make_room()
        forget = partial(self._end, (source, local))
        mapping = Mapping(self._home, self.forward, source[0], self._udp.out(source, local), forget)
        self._mappings[source, local] = mapping
        if self._timer is None:
            self._look_later()
        return mapping

    def _make_room(self) -> None:
        """Whoever got no reply is first to go; of those, and else of all, who was idle longest."""
        self.evicted += 1
        source = min(self._mappings, key=lambda one: (self._mappings[one].has_reply, self._mappings[one].used_at))
        self._mappings.pop(source).close()

    def rule_anew(self) -> None:
        """Other rules are in force."""
        self._rule_anew(list(self._mappings.values()))

    def _rule_anew(self, left: list[Mapping]) -> None:
        for mapping in left[:SLICE]:
            mapping.rule_anew()
        if len(left) > SLICE:
            self._home.loop.call_soon(lambda: self._rule_anew(left[SLICE:]))

    # ---- idle ones

    def _look_later(self) -> None:
        self._timer = self._home.loop.call_at(self._home.loop.now + self.forward.idle / LOOKS, self._look)

    def _look(self) -> None:
        self._timer, oldest = None, self._home.loop.now - self.forward.idle
        for source in [source for source, mapping in self._mappings.items() if mapping.used_at <= oldest]:
            self._mappings.pop(source).close()
        if self._mappings:
            self._look_later()

    def _end(self, source: Source) -> None:
        mapping = self._mappings.pop(source, None)
        if mapping is not None:
            mapping.close()

    def _end_all(self) -> None:
        for mapping in self._mappings.values():
            mapping.close()
        self._mappings.clear()

    def close(self) -> None:
        """Listen no more."""
        self._end_all()
        self._udp.close()
        if self._timer is not None:
            self._timer.cancel()


def _spelled(forward: DatagramForward) -> bytes:
    """The target as address bytes."""
    host, port = forward.target.host, forward.target.port
    literal = parse_literal(host)
    if literal is not None:
        return address_bytes(str(literal), port)
    name = host.encode()
    return bytes((3, len(name))) + name + port.to_bytes(2, "big")
