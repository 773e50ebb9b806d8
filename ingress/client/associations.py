"""All clients' associations: who gets one, where it listens, at which exit it is, and who makes room.

A client's associations share an exit, for as long as it works and something of them was heard of late: programs that
open one for each target (tun2socks) are one machine on the internet all the same.
"""

import socket
from collections.abc import Callable, Collection, Iterable
from itertools import chain
from typing import Protocol

import attrs

from ingress.choice.choice import Choice
from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand, Demands, NameFinder, demands_of
from ingress.choice.sites import UDP
from ingress.choice.wishes import Wishes
from ingress.client.allowances import Allowances, Bounded
from ingress.client.association import ClientAssociation
from ingress.client.client_accounts import ClientAccounts
from ingress.client.datagram_forward import Mapping
from ingress.client.flows import AssociationClient, Dropped, FlowEnd, FlowHolder
from ingress.client.owner import Owner
from ingress.client.permits import Permits
from ingress.config import IngressConfig
from ingress.lists.load import NO_LISTS, Lists
from ingress.lru import Lru
from ingress.messages.message import Message
from ingress.usage.usage import Counted
from relay import log
from relay.engine import Loop
from relay.engine.udp_options import TARGET_BUFFER, open_udp
from relay.model.addresses import plain
from relay.model.cause import Cause

MOST = 4096
MOST_EACH = 256
"""Associations at once, of all and of one user (or of one address, where nobody logs in). Each takes a descriptor here
and one or two at an exit."""
KEPT = 1800.0
"""Seconds for which a client's next association takes the exit of its last."""
MOST_KEPT = 16_384
SLICE = 500
"""Targets of associations that are judged anew in one turn of the loop, roughly: a few milliseconds."""


KEEPS = Message("udp.keeps")


@attrs.frozen
class Picked:
    """At which exit an association would begin, and why there."""

    exit: str
    choice: Choice | None
    """What a stream would be given; None if a client keeps the exit of its last association."""
    paths: frozenset[str] | None
    """Those that it may take; None for all."""

    @property
    def why(self) -> Message:
        """Put into words only when somebody asks."""
        return KEEPS if self.choice is None else Message("udp.as-stream", why=self.choice.why)


class DatagramNetwork(Protocol):
    """Whoever carries datagrams to exits."""

    @property
    def may_carry(self) -> bool:
        """Whether any exit takes datagrams, or may, for all that is known."""

    def exits(self, within: frozenset[str] | None = None) -> frozenset[str]:
        """Those that can be reached by datagrams now, *within* some paths or all."""

    def open(self, exit_: str, owner: FlowHolder, within: frozenset[str] | None = None) -> FlowEnd:
        """An association at one of these, that takes these paths only."""


class DirectFlows(Protocol):
    """Whoever sends datagrams from this machine, for rules that say so."""

    def associate(self, owner: FlowHolder) -> FlowEnd:
        """An association from here."""


@attrs.frozen
class ClientAssociationsStatistics:
    """Now, and since the start."""

    open: int
    evicted: int
    """That made room for others."""
    foreign: int
    malformed: int
    refused: int
    unrouted: int
    not_in_tcp: int
    over_rate: int
    """As `Dropped`."""


class ClientAssociations:
    """The home of every association. `use` comes first."""

    def __init__(
        self,
        loop: Loop,
        chooser: Chooser,
        network: DatagramNetwork,
        accounts: ClientAccounts,
        allowances: Allowances,
        config: IngressConfig,
        lists: Lists = NO_LISTS,
        wishes: Wishes | None = None,
        names: NameFinder | None = None,
    ) -> None:
        self.loop = loop
        self.direct: DirectFlows | None = None
        """Set by whoever made it, if a rule says `direct`."""
        self.dropped = Dropped()
        self._chooser = chooser
        self._network = network
        self._accounts = accounts
        self._allowances = allowances
        self._held: dict[ClientAssociation, Callable[[], None]] = {}
        """With what ends the client of each."""
        self._by_owner: dict[str, set[ClientAssociation]] = {}
        self._mappings: set[Mapping] = set()
        """Clients of forwards."""
        self._exits: Lru[str, tuple[str, float]] = Lru(MOST_KEPT)
        """By owner: the exit of its last association, and when that was begun."""
        self._evicted = 0
        self.wishes = wishes
        self._names = names
        self.use(config, demands_of(config, lists, wishes, names))

    def use(self, config: IngressConfig, demands: Demands | None = None) -> None:
        """Go by *config* from the next association and target on, and by its allowances, which were exchanged before;
        *demands* as in `Opener.use`."""
        self._permits = Permits(config)
        self._demands = demands or demands_of(config, NO_LISTS, self.wishes, self._names)
        self._advertise = config.advertise
        for bounded in self._bounded():
            self._allowances.associated(bounded)

    def _bounded(self) -> Iterable[Bounded]:
        return chain[Bounded](self._held, self._mappings)

    def pace(self, owners: Collection[Owner]) -> None:
        """As `Opener.pace`."""
        for bounded in self._bounded():
            if bounded.owner in owners:
                bounded.use(bounded.owner)

    def statistics(self) -> ClientAssociationsStatistics:
        """What its bounds have counted."""
        dropped = self.dropped
        counts = dropped.foreign, dropped.malformed, dropped.refused, dropped.unrouted
        return ClientAssociationsStatistics(
            len(self._held), self._evicted, *counts, dropped.not_in_tcp, dropped.over_rate
        )

    def add(
        self, local: str, who: AssociationClient, port: int, on_evicted: Callable[[], None]
    ) -> tuple[ClientAssociation, tuple[str, int]] | Cause | None:
        """An association for *who*, who has connected to the address *local* and says that it sends from *port* (0: it
        does not say); and where it is told to send to. ALLOWANCE if it has as many as it may have, None if there is
        none to be had."""
        if not self._network.may_carry:
            return None
        owner = self._allowances.find(who.user, who.address)
        if owner is not None and not self._allowances.may_open(owner, is_association=True):
            return Cause.ALLOWANCE
        sock = _bind(local)
        if sock is None:
            return None
        self._make_room(who.owner)
        association = ClientAssociation(self, sock, who, port)
        self._held[association] = on_evicted
        self._accounts.associated(association)
        self._allowances.associated(association)
        self._by_owner.setdefault(who.owner, set()).add(association)
        return association, self._told(association)

    def _told(self, association: ClientAssociation) -> tuple[str, int]:
        """A client that comes from the internet may have to be told another address than the one of its connection."""
        host, port = association.bound
        if not plain(association.who.address).is_global:
            return host, port
        version = plain(host).version
        return next((each for each in self._advertise if plain(each).version == version), host), port

    def _make_room(self, owner: str) -> None:
        held = self._by_owner.get(owner, set())
        if len(held) >= MOST_EACH:
            self._evict(min(held, key=lambda one: one.used_at))
        elif len(self._held) >= MOST:
            self._evict(min(self._held, key=lambda one: one.used_at))

    def _evict(self, association: ClientAssociation) -> None:
        self._evicted += 1
        self.end(association)

    def end(self, association: ClientAssociation) -> None:
        """As `AssociationHome.end`."""
        end = self._held.get(association)
        if end is not None:
            association.close()
            end()

    # ---- as their home

    def judge(self, who: AssociationClient, host: str, port: int) -> Demand | None:
        """What the rules ask for this target; None if they deny it, or if no exit may send there, as far as the file
        tells."""
        demand, refusal = self.asked(who, host, port)
        return demand if refusal is None else None

    def asked(self, who: AssociationClient, host: str, port: int) -> tuple[Demand, Cause | None]:
        """What the rules ask for this target, and why nothing may be sent there; None if it may, or while it is not
        known yet."""
        exits = self._permits.judge(host, port).exits
        demand = self._demands.make(host, port, who.address, who.user, exits, who.listen, UDP)
        return demand, None if demand.asking else self._refusal(demand)

    def _refusal(self, demand: Demand) -> Cause | None:
        refusal = self._permits.judge(demand.host, demand.port).refusal
        if demand.is_direct and refusal is Cause.POLICY:  # this machine's policy may differ
            refusal = None
        return demand.refusal or refusal

    def again(self, who: AssociationClient, demand: Demand) -> Demand | None:
        """As `DatagramHome.again`."""
        made = self._demands.again(demand, self._permits.judge(demand.host, demand.port).exits)
        return made if self._refusal(made) is None else None

    def ask(self, host: str, then: Callable[[], None]) -> None:
        """As `DatagramHome.ask`."""
        assert self._names is not None
        self._names.ask(host, then)

    def begin(
        self, holder: FlowHolder, who: AssociationClient, demand: Demand, flows: Iterable[FlowEnd] = ()
    ) -> FlowEnd | None:
        """An association at the exit of the client's others, or else at the best for its first target."""
        if demand.is_direct:
            return None if self.direct is None else self.direct.associate(holder)
        picked = self.pick(who, demand)
        if picked is None:
            return None
        for flow in flows:
            if not flow.is_direct and (flow.exit, flow.within) == (picked.exit, picked.paths):
                return flow
        self._exits.put(who.owner, (picked.exit, self.loop.now))
        log.event("association-begun", level="debug", client=who.address, exit=picked.exit)
        return self._network.open(picked.exit, holder, picked.paths)

    def pick(self, who: AssociationClient, demand: Demand) -> Picked | None:
        """At which exit an association would begin now; None if none can be reached. Nothing is remembered."""
        asked: Demand | None = demand
        while asked is not None:
            picked = self._pick(who, asked)
            if picked is not None:
                return picked
            asked = asked.otherwise
        return None

    def _reached(self, demand: Demand) -> frozenset[str]:
        """The exits that may have it and can be reached by datagrams now."""
        exits = self._network.exits(demand.paths)
        return exits if demand.exits is None else exits & demand.exits

    def _pick(self, who: AssociationClient, demand: Demand) -> Picked | None:
        exits, now = self._reached(demand), self.loop.now
        kept = self._exits.get(who.owner)
        if kept is not None and kept[0] in exits and now - kept[1] < KEPT:
            return Picked(kept[0], None, demand.paths)
        if not exits:
            return None
        wanted = Demand(demand.host, demand.port, who.address, who.user, exits, paths=demand.paths)
        choice = self._chooser.decide(wanted, now)
        return None if choice is None else Picked(choice.exit, choice, demand.paths)

    def goes_on(self, flow: FlowEnd, demand: Demand) -> bool:
        """As `DatagramHome.goes_on`."""
        if flow.is_direct or demand.is_direct:
            return flow.is_direct == demand.is_direct
        asked: Demand | None = demand
        while asked is not None:
            reached, is_last = self._reached(asked), asked.otherwise is None
            is_asked = asked.exits is None or flow.exit in asked.exits
            if flow.exit in reached or (is_asked and is_last and not reached):
                return flow.follow(asked.paths)
            if reached:
                return False
            asked = asked.otherwise
        return False

    def rule_anew(self) -> None:
        """Other rules are in force, or another wish: whatever flows goes by them, soon."""
        self._rule_anew(list(self._held))

    def _rule_anew(self, left: list[ClientAssociation]) -> None:
        judged = 0
        while left and judged < SLICE:
            judged += left.pop().rule_anew()
        if left:
            self.loop.call_soon(lambda: self._rule_anew(left))

    def may_begin(self, client: str) -> bool:
        """As `ForwardHome.may_begin`."""
        owner = self._allowances.find("", client)
        return owner is None or self._allowances.may_send(owner)

    def began_mapping(self, mapping: Mapping) -> None:
        """As `ForwardHome.began_mapping`."""
        self._mappings.add(mapping)
        self._accounts.associated(mapping)
        self._allowances.associated(mapping)

    def ended_mapping(self, mapping: Mapping) -> None:
        """As `ForwardHome.ended_mapping`."""
        self._mappings.discard(mapping)
        self._accounts.dissociated(mapping)
        self._allowances.dissociated(mapping)

    def add_usage(self, who: AssociationClient, flow: FlowEnd, site: str, counted: Counted) -> None:
        """As `AssociationHome.add_usage`."""
        self._accounts.add_datagrams(who, flow, site, counted)

    def over(self, association: ClientAssociation) -> None:
        """It is about to end."""
        self._accounts.dissociated(association)
        self._allowances.dissociated(association)
        self._held.pop(association, None)
        held = self._by_owner.get(association.who.owner)
        if held is not None:
            held.discard(association)
            if not held:
                del self._by_owner[association.who.owner]


def _bind(local: str) -> socket.socket | None:
    """A socket for datagrams at the literal address *local*; None if there is none left."""
    try:
        return open_udp((local, 0), buffer=TARGET_BUFFER, may_fragment=True)
    except OSError as error:
        log.event("association-failed", level="warning", error=error.strerror)
        return None
