"""Whose allowance a client falls under, and what is left of it. The first `[[allowance]]` that fits counts."""

from collections.abc import Sequence
from typing import Protocol

from ingress.client.client_stream import ClientStream
from ingress.client.flows import AssociationClient
from ingress.client.owner import Key, Owner
from ingress.config.allowance import Allowance
from ingress.quota.tallies import KeptTallies
from ingress.quota.tally import Tally
from relay import log
from relay.engine import Loop

MOST_OWNERS = 4096
"""That are known at once; of more, those that have nothing open are forgotten, and begin anew with a full bucket."""


class Bounded(Protocol):
    """An association, or a client of a forward."""

    weight: int
    """How much of the allowance's `associations` it is: 1, or 0."""

    owner: Owner | None
    """Whose it is; None: no allowance is for him."""

    @property
    def who(self) -> AssociationClient:
        """Whose datagrams these are."""

    def use(self, owner: Owner | None) -> None:
        """It falls under the allowance of *owner* from now on."""


class Allowances:
    """One ingress's. Without any in the file it costs a stream one look."""

    def __init__(self, loop: Loop, tallies: KeptTallies | None = None) -> None:
        """*tallies* is where quotas are counted; None: they are not."""
        self._loop = loop
        self._tallies = tallies
        self.has_quotas = False
        """Whether any of them has one that is counted."""
        self._allowances: Sequence[Allowance] = ()
        self._owners: dict[Key, Owner] = {}

    def use(self, allowances: Sequence[Allowance]) -> None:
        """Go by these. Who is open now must be `moved` to them."""
        self._allowances = allowances
        self.has_quotas = self._tallies is not None and any(one.quota is not None for one in allowances)
        self._owners = {}

    def __len__(self) -> int:
        return len(self._owners)

    def find(self, user: str, client: str) -> Owner | None:
        """Whose is what *user* does at *client*; None if no allowance fits."""
        for at, allowance in enumerate(self._allowances):
            if allowance.fits(user, client):
                key = at, allowance.owner(user, client)
                return self._owners.get(key) or self._add(key, allowance)
        return None

    def _add(self, key: Key, allowance: Allowance) -> Owner:
        if len(self._owners) >= MOST_OWNERS:
            self._owners = {key: owner for key, owner in self._owners.items() if owner.is_open}
        owner = self._owners[key] = Owner(key, allowance, self._loop, self._tally(key, allowance))
        return owner

    def _tally(self, key: Key, allowance: Allowance) -> Tally | None:
        if self._tallies is None or allowance.quota is None:
            return None
        return self._tallies.tally((f"allowance {allowance.subject}", key[1]), allowance.quota)

    def used(self, user: str, client: str, up: int, down: int) -> None:
        """*user* has moved so many bytes at *client*: of a quota they are gone."""
        if self.has_quotas and self._tallies is not None:
            owner = self.find(user, client)
            if owner is not None and owner.tally is not None:
                owner.tally.add(up, down, self._tallies.wall())

    def quotas(self) -> list[tuple[Tally, str, str]]:
        """What was used of them, by whom (a user, an address), and by which allowance; of those that are known now."""
        return [(one.tally, one.name, one.allowance.place) for one in self._owners.values() if one.tally is not None]

    def near(self, least: float, most: int) -> list[tuple[Tally, str, str]]:
        """As `quotas`, of those who have used that share of theirs at *least*, whether they are here now or not; *most*
        of them, always the same ones."""
        if not self.has_quotas or self._tallies is None:
            return []
        found, now = list[tuple[Tally, str, str]](), self._tallies.wall()
        for at, one in enumerate(self._allowances):
            if one.quota is None or one.quota.amount is None:
                continue
            moved = least * one.quota.amount
            for who, tally in self._tallies.of(f"allowance {one.subject}", one.quota, moved):
                tally.look(now)
                if tally.fraction >= least and not self._is_for_an_earlier(at, who):
                    found.append((tally, who or one.place, one.place))
        return found[:most]

    def _is_for_an_earlier(self, at: int, who: str) -> bool:
        """Whether the user *who* falls under an allowance before that one now, whatever the address."""
        is_user = who and self._allowances[at].users
        return bool(is_user) and any(one.fits(who, "") for one in self._allowances[:at] if not one.clients)

    def heed_quotas(self) -> set[Owner]:
        """Once every few seconds: those who have used their quota since, or have another one. What is open of them has
        to be `paced` anew."""
        if not self.has_quotas or self._tallies is None:
            return set()
        found = set()
        for owner in self._owners.values():
            if owner.tally is not None:
                owner.tally.look(self._tallies.wall())
                if owner.heed_quota():
                    found.add(owner)
                    self._tell(owner, "quota", may=not owner.is_slow)
        return found

    def may_send(self, owner: Owner) -> bool:
        """Whether *owner* may send datagrams to a forward from one more port: of those none are counted, since a
        program may ask each of its questions from another. As `may_open`."""
        if owner.is_slow:
            self._tell(owner, "quota", may=False)
        return not owner.is_slow

    def may_open(self, owner: Owner, *, is_association: bool = False) -> bool:
        """Whether *owner* may have one more; if not, it is told once until it may again."""
        if owner.is_slow:
            what, may = "quota", False
        elif is_association:
            most = owner.allowance.associations
            what, may = "associations", most is None or owner.associations < most
        else:
            most = owner.allowance.streams
            what, may = "streams", most is None or owner.streams < most
        self._tell(owner, what, may=may)
        return may

    def _tell(self, owner: Owner, what: str, *, may: bool) -> None:
        if not may and not owner.is_told:
            log.event("allowance-used-up", about=owner.name, owner=owner.name, by=owner.allowance.place, what=what)
        owner.is_told = not may

    # ---- streams

    def joined(self, stream: ClientStream, owner: Owner) -> None:
        """*stream* is one of *owner*'s, until `left`."""
        stream.owner = owner
        owner.streams += 1
        self.paced(stream)

    def paced(self, stream: ClientStream) -> None:
        """Have *stream* go by the buckets that its owner has now, without losing what waits."""
        buckets = None if stream.owner is None else stream.owner.buckets
        if buckets is not None:
            stream.held_back().use(buckets)
        elif stream.pace is not None:
            stream.pace.use(None)

    def left(self, stream: ClientStream) -> None:
        """*stream* has ended. Harmless when repeated."""
        owner, stream.owner = stream.owner, None
        if stream.pace is not None:
            stream.pace.stop()
            stream.pace = None
        if owner is not None:
            owner.streams -= 1

    def moved(self, stream: ClientStream) -> None:
        """Have *stream*, which is open, go by the allowances that count now, without losing what waits."""
        owner = self.find(stream.demand.user, stream.demand.client)
        if owner is not None:
            self.joined(stream, owner)
        else:
            stream.owner = None
            self.paced(stream)

    # ---- associations

    def associated(self, association: Bounded) -> None:
        """*association* is open, or the file is another: it goes by the allowance that fits, until `dissociated`."""
        owner = self.find(association.who.user, association.who.address)
        if owner is not None:
            owner.associations += association.weight
            owner.senders += 1 - association.weight
        association.use(owner)

    def dissociated(self, association: Bounded) -> None:
        """It has ended."""
        if association.owner is not None:
            association.owner.associations -= association.weight
            association.owner.senders -= 1 - association.weight
            association.use(None)
