"""One client's relay of datagrams (RFC 1928 section 7): its socket, its targets, and its association at an exit.

The first datagram from the client's address tells its port, and the socket is connected to it: from then on the kernel
drops what others send. The exit is chosen by the first target, and kept for all that may go there; what a rule or an
exit's policy sends elsewhere has another exit beside it. Whatever cannot be passed on is dropped, and counted.
"""

import socket
from collections.abc import Sequence
from typing import Protocol

from ingress.choice.demand import Demand
from ingress.choice.sites import UDP
from ingress.client.client_accounts import Relayed
from ingress.client.datagram_pace import Paces, pace_anew
from ingress.client.flows import AssociationClient, DatagramHome, FlowEnd, begin_flow
from ingress.client.held import HeldDatagrams
from ingress.client.owner import Owner
from ingress.doors.datagram import LED, PREFIX, address_end, read_address
from ingress.lru import Lru
from ingress.usage.usage import Counted
from relay.engine.udp import DatagramAddress, UdpPort

QUIC = 443
MOST_TARGETS = 1024
"""Targets of one association that are remembered; what was used longest ago is judged anew."""


class AssociationHome(DatagramHome, Protocol):
    """Whoever made the association."""

    def over(self, association: "ClientAssociation") -> None:
        """It is about to end."""

    def end(self, association: "ClientAssociation") -> None:
        """End it, and the connection that it belongs to."""


class _Target:
    """One target of an association, judged."""

    __slots__ = ("address", "demand", "flow", "head", "redundant")

    def __init__(self, address: bytes, demand: Demand | None) -> None:
        self.address = address
        self.head = PREFIX + address
        """How datagrams to it begin."""
        self.flow: FlowEnd | None = None
        """By which it is reached, once something was sent."""
        self.rule(demand)

    def rule(self, demand: Demand | None) -> None:
        """*demand* is asked for it from now on; None: nothing is sent there."""
        self.demand = demand
        self.redundant = None if demand is None or demand.match is None else demand.match.rule.redundant
        """A rule's wish; None if none says anything."""


_NOWHERE = _Target(b"", None)
"""That of a datagram that has none."""


class ClientAssociation:
    """Belongs to a client's control connection, which closes it. The owner of its socket and of its flows."""

    weight = 1
    """As `Bounded.weight`."""

    __slots__ = (
        "_begun_at",
        "_counted",
        "_flows",
        "_held",
        "_home",
        "_last",
        "_out",
        "_paces",
        "_port",
        "_source",
        "_targets",
        "_udp",
        "owner",
        "used_at",
        "who",
    )

    def __init__(self, home: AssociationHome, sock: socket.socket, who: AssociationClient, port: int) -> None:
        """*sock* is bound, and belongs to it from now on. *port* is the one that the client has announced, 0 if it has
        not."""
        self.who = who
        self.used_at = self._begun_at = home.loop.now
        """When a datagram last went or came."""
        self._home = home
        self._port = port
        self._source: DatagramAddress | None = None
        """The client's, once it has sent something."""
        self._flows: list[FlowEnd] = []
        """One for each exit, nearly always one."""
        self._last = _NOWHERE
        """The target of the last datagram, which nearly always is that of the next."""
        self._targets: Lru[bytes, _Target] = Lru(MOST_TARGETS)
        """By their address bytes."""
        self._held = HeldDatagrams()
        self._udp = UdpPort(home.loop, sock, self)
        self._out = self._udp.out()
        self.owner: Owner | None = None
        """Whose allowance it falls under."""
        self._paces: Paces | None = None
        """What holds datagrams back, from the client and to it, if that allowance has a rate."""
        self._counted: tuple[int, int] | None = None
        """Bytes of its socket that stand in the accounts, in and out; None while it does not stand there at all."""

    def __repr__(self) -> str:
        return f"<ClientAssociation of {self.who.owner} at {self.bound}, {len(self._targets)} targets>"

    @property
    def bound(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._udp.sock.getsockname()[:2]
        return _without_zone(host), port

    # ---- from the client

    def on_datagrams(self, data: memoryview, size: int, source: DatagramAddress, local: bytes) -> None:
        """The client, or somebody else, has sent some; each of *size* bytes but the last."""
        if source != self._source and not self._pin(source):
            self._home.dropped.foreign += -(-len(data) // (size or 1))
            return
        self.used_at = self._home.loop.now
        if self._paces is not None:
            self._paces[0].put([bytes(data[at : at + size]) for at in range(0, len(data) or 1, size or 1)])
        elif len(data) <= size:
            self._pass_on(bytes(data))
        else:
            self._pass_on_run(bytes(data), size or 1)

    def _pass_on(self, one: bytes) -> None:
        target = self._last
        if target.flow is None or not one.startswith(target.head):
            target = self._find_target(one)
        if target.flow is not None:
            target.flow.send(target.address, (one[len(target.head) :],), target.redundant)

    def _pass_on_run(self, together: bytes, size: int) -> None:
        target, payloads = self._last, list[bytes]()
        for start in range(0, len(together), size):
            if target.flow is None or not together.startswith(target.head, start, start + size):
                _send(target, payloads)
                payloads = []
                target = self._find_target(together[start : start + size])
                if target.flow is None:
                    continue
            payloads.append(together[start + len(target.head) : start + size])
        _send(target, payloads)

    def _pin(self, source: DatagramAddress) -> bool:
        """Whether *source* is the client; then nobody else is heard any more."""
        if self._source is not None:  # it was there before the kernel knew whom to listen to
            return False
        if _without_zone(source[0]) != _without_zone(self.who.address) or self._port not in (0, source[1]):
            return False
        self._udp.sock.connect(source)
        self._source = source
        return True

    def _find_target(self, one: bytes) -> _Target:
        """That of a datagram, which is the last one now; it is counted if nothing leads there."""
        end = address_end(one)
        if not end:
            self._home.dropped.malformed += 1
            return _NOWHERE
        address = one[LED:end]
        target = self._last = self._targets.use(address) or self._judge(address)
        if address in self._held:
            self._home.dropped.unrouted += self._held.put(address, (one[end:],))
        elif target.flow is None:
            self._route(target)
        return target

    def _route(self, target: _Target) -> None:
        """Give *target* a flow, if there is one for it."""
        demand = target.demand
        flow = self._find(demand)
        if flow is None or demand is None:
            return
        if flow.goes_in_tcp and _is_quic(demand):
            self._home.dropped.not_in_tcp += 1
        else:
            target.flow = flow

    def _judge(self, address: bytes) -> _Target:
        meant = read_address(address)
        target = _Target(address, None if meant is None else self._home.judge(self.who, *meant))
        self._targets.put(address, target)
        if target.demand is not None and target.demand.asking:
            self._held.begin(address)
            self._home.ask(target.demand.host, lambda: self._asked(target))
        return target

    def _asked(self, target: _Target) -> None:
        """It is known what the target's name means, or was waited for long enough."""
        payloads = self._held.take(target.address)
        if target.demand is None or self._udp.closed:
            return
        target.rule(self._home.again(self.who, target.demand))
        self._route(target)
        if target.flow is not None:
            for payload in payloads:
                target.flow.send(target.address, (payload,), target.redundant)

    def _find(self, demand: Demand | None) -> FlowEnd | None:
        """The flow by which *demand* is met: the first that may, or a new one."""
        flow = next((one for one in self._flows if demand is not None and _may_carry(one, demand)), None)
        if flow is None:
            flow = begin_flow(self._home, self, self.who, demand, flows=self._flows)
            if flow is not None and flow not in self._flows:
                self._flows.append(flow)
        return flow

    # ---- other rules

    def rule_anew(self) -> int:
        """Judge every target again; what may go on where it is does, over the paths that are left to it. How many there
        are."""
        self.count()
        targets = [one for one in self._targets.values() if one is not self._last]
        targets += [self._last] if self._last is not _NOWHERE else []
        for target in targets:
            if target.demand is None:
                self._forget(target)
            elif target.address not in self._held:
                target.rule(self._home.again(self.who, target.demand))
        for flow in list(self._flows):
            mine = [target for target in targets if target.flow is flow]
            if mine:
                self._rule_flow(flow, mine)
        return len(targets) + 1

    def _forget(self, target: _Target) -> None:
        """It is judged when something is sent there again."""
        self._targets.pop(target.address)
        if self._last is target:
            self._last = _NOWHERE

    def _rule_flow(self, flow: FlowEnd, mine: Sequence[_Target]) -> None:
        """*flow* goes by what the last of *mine* asks that it can serve; the others look for another, if they ask
        something else."""
        served = (one for one in reversed(mine) if one.demand is not None and self._home.goes_on(flow, one.demand))
        leader = next(served, None)
        for target in mine:
            is_met = target is leader or (target.demand is not None and _may_carry(flow, target.demand))
            if leader is None or not is_met:
                target.flow = None
        if leader is None:
            self._flows.remove(flow)
            flow.close()

    # ---- from the exit

    def on_replies(self, inners: Sequence[bytes], start: int) -> None:
        """Datagrams have come for the client: address bytes and payload begin at *start*."""
        if self._source is not None:
            self.used_at = self._home.loop.now
            found = [PREFIX + inner[start:] for inner in inners]
            if self._paces is None:
                self._out.put_all(found)
            else:
                self._paces[1].put(found)

    def on_gone(self, flow: FlowEnd) -> None:
        """The exit does not have it any more: the next datagram begins it anew."""
        self.count()
        if flow in self._flows:
            self._flows.remove(flow)
        for target in (self._last, *self._targets.values()):  # the last one may be forgotten by now
            if target.flow is flow:
                target.flow = None

    def use(self, owner: Owner | None) -> None:
        """It falls under the allowance of *owner* from now on; what waits goes, or is dropped when it is over."""
        self.owner = owner
        buckets = None if owner is None else owner.buckets
        send = self._pass_on, self._out.put
        self._paces = pace_anew(self._paces, self._home.loop, buckets, send, self._count_late)

    def _count_late(self) -> None:
        self._home.dropped.over_rate += 1

    # ---- the end

    def count(self) -> None:
        """As `Countable.count`: all goes to the account of the site that was sent to last, at the exit of that."""
        udp, flow, demand = self._udp, self._last.flow, self._last.demand
        before = self._counted or (0, 0)
        if flow is None or demand is None or (udp.bytes_in, udp.bytes_out) == before:
            return
        counted = Counted(0, 0, 0, udp.bytes_in - before[0], udp.bytes_out - before[1], self._counted is None)
        self._counted = udp.bytes_in, udp.bytes_out
        self._home.add_usage(self.who, flow, demand.site, counted)

    def look(self) -> Relayed:
        """As `Countable.look`."""
        last, udp = self._last, self._udp
        host, port = (read_address(last.address) if last.address else None) or ("", 0)
        rule = "" if last.demand is None else last.demand.rule_title
        return Relayed(self.who, host, port, rule, last.flow, self._begun_at, udp.bytes_in, udp.bytes_out)

    def end(self) -> None:
        """As `Countable.end`: the client's connection ends with it."""
        self._home.end(self)

    def close(self) -> None:
        """The client's connection has ended, or it made room: nothing is passed on any more. Harmless when repeated."""
        if self._udp.closed:
            return
        self._home.over(self)
        self._udp.close()
        for flow in self._flows:
            flow.close()
        self._flows.clear()


def _send(target: _Target, payloads: list[bytes]) -> None:
    if payloads and target.flow is not None:
        target.flow.send(target.address, payloads, target.redundant)


def _may_carry(flow: FlowEnd, demand: Demand) -> bool:
    if flow.is_direct or demand.is_direct:
        return flow.is_direct == demand.is_direct
    return flow.within == demand.paths and (demand.exits is None or flow.exit in demand.exits)


def _is_quic(demand: Demand) -> bool:
    """Whether it is what browsers try before TCP, which is better than UDP in TCP: silence makes them take it. A rule
    that names UDP knows better."""
    return demand.port == QUIC and (demand.match is None or UDP not in demand.match.rule.protocols)


def _without_zone(host: str) -> str:
    """A literal address as it stands in protocols: what a zone names is of this machine."""
    return host.partition("%")[0]
