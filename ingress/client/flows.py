"""A client's datagrams on their way to an exit: those of an association of SOCKS5, or of one source of a forward."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import attrs

from ingress.choice.demand import Demand
from ingress.usage.usage import Counted
from relay.engine import Loop
from relay.model.network import Address


@attrs.frozen
class AssociationClient:
    """Whose it is, as rules know it."""

    address: str
    user: str = ""
    listen: Address | None = None
    """Where the client came in."""

    @property
    def owner(self) -> str:
        """Who shares exits and bounds with it."""
        return self.user or self.address


class FlowEnd(Protocol):
    """An association at an exit."""

    @property
    def exit(self) -> str:
        """Its name."""

    @property
    def within(self) -> frozenset[str] | None:
        """The paths that it may take; None for all."""

    @property
    def path(self) -> str:
        """The name of the path that it takes now; empty if there is none."""

    @property
    def is_direct(self) -> bool:
        """Whether it leaves from this machine, without an exit."""

    @property
    def goes_in_tcp(self) -> bool:
        """Whether datagrams go in TCP on a line of its way now."""

    def send(self, address: bytes, payloads: Sequence[bytes], redundant: bool | None = None) -> None:
        """Datagrams towards a target, of one size, but the last, which may be shorter. *redundant*: in two copies
        whatever the paths are like, or never; None: as they need."""

    def follow(self, within: frozenset[str] | None) -> bool:
        """Take the paths *within* only from now on, or all (None); False if none of them leads to the exit, and nothing
        has changed."""

    def close(self) -> None:
        """It is not used any more."""


class FlowHolder(Protocol):
    """Whoever a flow's datagrams are for."""

    def on_replies(self, inners: Sequence[bytes], start: int) -> None:
        """Datagrams have come: in each, address bytes begin at *start*, and the payload follows."""

    def on_gone(self, flow: FlowEnd) -> None:
        """The exit does not have it any more."""


class Dropped:
    """How many datagrams of clients were not passed on, and why. One for all associations."""

    __slots__ = ("foreign", "malformed", "not_in_tcp", "over_rate", "refused", "unrouted")

    def __init__(self) -> None:
        self.foreign = 0
        """They came from another address or port than the client's."""
        self.malformed = 0
        """Their header is wrong, or they are fragments."""
        self.over_rate = 0
        """They had waited for too long, because of their owner's rate."""
        self.not_in_tcp = 0
        """They would begin QUIC over a path on which datagrams go in TCP."""
        self.refused = 0
        """No exit may send to their target."""
        self.unrouted = 0
        """No exit that takes datagrams could be reached."""


class DatagramHome(Protocol):
    """Whoever begins flows, and judges their targets."""

    @property
    def loop(self) -> Loop:
        """In which they live."""

    @property
    def dropped(self) -> Dropped:
        """Where what is dropped is counted."""

    def judge(self, who: AssociationClient, host: str, port: int) -> Demand | None:
        """What is asked for this target; None if nothing may be sent there."""

    def again(self, who: AssociationClient, demand: Demand) -> Demand | None:
        """What is asked now for a target that was judged: *demand*; as `judge`."""

    def ask(self, host: str, then: Callable[[], None]) -> None:
        """A demand is `asking`: have *host* looked up; *then* is called when it is to be asked `again`."""

    def begin(
        self, holder: FlowHolder, who: AssociationClient, demand: Demand, flows: Iterable[FlowEnd]
    ) -> FlowEnd | None:
        """An association at an exit for *demand*, one of *flows* if it is there already; None if none can be
        reached."""

    def goes_on(self, flow: FlowEnd, demand: Demand) -> bool:
        """Whether *flow*, where it is, does what *demand* asks now; it takes the paths that this leaves."""

    def add_usage(self, who: AssociationClient, flow: FlowEnd, site: str, counted: Counted) -> None:
        """*who* has moved so much by *flow*, to and from *site*."""


def begin_flow(
    home: DatagramHome,
    holder: FlowHolder,
    who: AssociationClient,
    demand: Demand | None,
    count: int = 1,
    flows: Iterable[FlowEnd] = (),
) -> FlowEnd | None:
    """A flow of *who*, who has *flows*, for *count* datagrams whose target was judged: *demand*. If there is none to be
    had they are dropped, and counted."""
    if demand is None:
        home.dropped.refused += count
        return None
    flow = home.begin(holder, who, demand, flows)
    home.dropped.unrouted += 0 if flow is not None else count
    return flow
