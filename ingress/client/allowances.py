"""Whose allowance a client falls under, and what is left of it. The first `[[allowance]]` that fits counts."""

from collections.abc import Sequence

from ingress.client.association import ClientAssociation
from ingress.client.client_stream import ClientStream
from ingress.client.owner import Key, Owner
from ingress.config.allowance import Allowance
from relay import log
from relay.engine import Loop

MOST_OWNERS = 4096
"""That are known at once; of more, those that have nothing open are forgotten, and begin anew with a full bucket."""


class Allowances:
    """One ingress's. Without any in the file it costs a stream one look."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._allowances: Sequence[Allowance] = ()
        self._owners: dict[Key, Owner] = {}

    def use(self, allowances: Sequence[Allowance]) -> None:
        """Go by these. Who is open now must be `moved` to them."""
        self._allowances = allowances
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
        owner = self._owners[key] = Owner(key, allowance, self._loop)
        return owner

    def may_open(self, owner: Owner, *, is_association: bool = False) -> bool:
        """Whether *owner* may have one more; if not, it is told once until it may again."""
        if is_association:
            count, most, what = owner.associations, owner.allowance.associations, "associations"
        else:
            count, most, what = owner.streams, owner.allowance.streams, "streams"
        may = most is None or count < most
        if not may and not owner.is_told:
            log.event("allowance-used-up", about=owner.name, owner=owner.name, by=owner.allowance.place, what=what)
        owner.is_told = not may
        return may

    # ---- streams

    def joined(self, stream: ClientStream, owner: Owner) -> None:
        """*stream* is one of *owner*'s, until `left`."""
        stream.owner = owner
        owner.streams += 1
        if owner.buckets is not None:
            stream.held_back().use(owner.buckets)

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
        if stream.pace is not None and (owner is None or owner.buckets is None):
            stream.pace.use(None)

    # ---- associations

    def associated(self, association: ClientAssociation) -> None:
        """*association* is open, or the file is another: it goes by the allowance that fits, until `dissociated`."""
        owner = self.find(association.who.user, association.who.address)
        if owner is not None:
            owner.associations += 1
        association.use(owner)

    def dissociated(self, association: ClientAssociation) -> None:
        """It has ended."""
        if association.owner is not None:
            association.owner.associations -= 1
            association.use(None)
