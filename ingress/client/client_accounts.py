"""Who of the clients moved how much: counted when a stream or an association ends, and now and then while it lives.

Nothing is counted as bytes pass: streams and flows know anyhow how far they have come, and what was not counted yet is
the difference.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import attrs

from ingress.client.client_stream import ClientStream
from ingress.client.flows import AssociationClient, FlowEnd
from ingress.usage.usage import Counted, Usage
from relay.callbacks import ignore
from relay.session.initiator import InitiatorStream

DIRECT = "direct"
"""What stands for the exit of what this machine dials itself."""


@attrs.frozen
class Relayed:
    """A relay of datagrams at one moment, for people to look at."""

    who: AssociationClient
    host: str
    port: int
    """What was sent to last; empty and 0 before the first."""
    rule: str
    """The one that decided there, if one did."""
    flow: FlowEnd | None
    """By which that went."""
    begun_at: float
    up: int
    down: int
    """Bytes."""


class Countable(Protocol):
    """Somebody's relay of datagrams."""

    def count(self) -> None:
        """Add what was moved since this was called last, by `ClientAccounts.add_datagrams`."""

    def look(self) -> Relayed:
        """How it is now."""

    def end(self) -> None:
        """Somebody does not want it any more: whoever has it finds it gone."""


class ClientAccounts:
    """One ingress's."""

    def __init__(self, usage: Usage, *, sites: bool) -> None:
        """*sites*: whether it is noted where clients go."""
        self.sites = sites
        self.on_moved: Callable[[str, str, int, int], None] = ignore
        """Called with the user and the address of who has moved so many bytes up and down."""
        self._usage = usage
        self._streams: dict[ClientStream, int] = {}
        """Those that are open, with a number that no other stream or association of this process has."""
        self._associations: dict[Countable, int] = {}
        self._number = 0

    def sweep(self) -> None:
        """Add what was moved since the last time by all that is open."""
        for stream in self._streams:
            if stream.stream is not None:
                self._count(stream, stream.stream)
        for association in self._associations:
            association.count()

    # ---- streams

    @property
    def streams(self) -> list[ClientStream]:
        """Those that are open."""
        return list(self._streams)

    @property
    def numbered(self) -> Mapping[ClientStream, int]:
        """The same, with their numbers."""
        return self._streams

    def began(self, stream: ClientStream) -> None:
        """*stream* was opened, for the first time or again."""
        if stream not in self._streams:
            self._number += 1
            self._streams[stream] = self._number

    def broke(self, stream: ClientStream, old: InitiatorStream) -> None:
        """*old* is gone, which *stream* was."""
        self._count(stream, old)

    def over(self, stream: ClientStream) -> None:
        """The client is done with *stream*, or there is none. Harmless when repeated."""
        if self._streams.pop(stream, None) is not None and stream.stream is not None:
            self._count(stream, stream.stream)

    def _count(self, stream: ClientStream, counted: InitiatorStream) -> None:
        up, down = counted.sender.end, counted.receiver.received
        if up <= stream.counted_up and down <= stream.counted_down and stream.is_counted:
            return
        demand, choice = stream.demand, stream.choice
        moved = Counted(max(0, up - stream.counted_up), max(0, down - stream.counted_down), not stream.is_counted)
        site = demand.site if self.sites else ""
        self._usage.add(demand.user, demand.client, DIRECT if choice is None else choice.exit, site, moved)
        self.on_moved(demand.user, demand.client, moved.up, moved.down)
        stream.counted_up, stream.counted_down, stream.is_counted = up, down, True

    # ---- associations

    @property
    def associations(self) -> Mapping[Countable, int]:
        """Those that are open, with their numbers."""
        return self._associations

    def associated(self, association: Countable) -> None:
        """*association* was begun."""
        self._number += 1
        self._associations[association] = self._number

    def dissociated(self, association: Countable) -> None:
        """It has ended: it is counted once more. Harmless when repeated."""
        if self._associations.pop(association, None) is not None:
            association.count()

    def add_datagrams(self, who: AssociationClient, flow: FlowEnd, site: str, counted: Counted) -> None:
        """*who* has moved so much by *flow*, to and from *site*."""
        exit_ = DIRECT if flow.is_direct else flow.exit
        self._usage.add(who.user, who.address, exit_, site if self.sites else "", counted)
        self.on_moved(who.user, who.address, counted.udp_up, counted.udp_down)
