"""Carriers that bring datagrams over lines that are deaf to UDP; each stands for the port and the source in one."""

from collections.abc import Callable, Sequence

from relay.carrier.datagram_link import DatagramLink
from relay.engine import DatagramAddress, DatagramOut, Loop, Where
from relay.engine.secured import Secured

NOWHERE: DatagramAddress = ()


class _Way:
    """As `DatagramOut`: everything goes back by one carrier."""

    address: DatagramAddress | None = NOWHERE

    def __init__(self, link: DatagramLink) -> None:
        self._link = link

    def put(self, part: bytes | memoryview) -> None:
        self._link.send(part)

    def put_all(self, parts: Sequence[bytes | memoryview]) -> None:
        for part in parts:
            self._link.send(part)

    def pass_on(self, data: bytes | memoryview, size: int) -> None:
        for at in range(0, len(data), size):
            self._link.send(data[at : at + size])


class CarrierPort:
    """As `DatagramPort`: what comes by one carrier, whose ingress is *owner*, and what goes back by it."""

    def __init__(self, loop: Loop, secured: Secured, owner: str, via: str, carriers: "CarrierPorts") -> None:
        self.owner = owner
        self.via = via
        """The line by which it came."""
        self._carriers = carriers
        self.link = DatagramLink(loop, secured, self)

    def out(self, address: DatagramAddress | None = None, local: bytes = b"") -> DatagramOut:
        """As `DatagramPort.out`; there is one way only."""
        return _Way(self.link)

    def send(
        self, parts: Sequence[bytes | memoryview], size: int, address: DatagramAddress | None, local: bytes
    ) -> None:
        """As `DatagramPort.send`."""
        for part in parts:
            self.link.send(part)

    def on_datagram(self, link: DatagramLink, data: bytes) -> None:
        """As `DatagramLinkOwner.on_datagram`."""
        self._carriers.take(self.owner, data, (self, NOWHERE, b""))

    def on_pong(self, link: DatagramLink, name: int) -> None:
        """Nothing: a node does not ask."""

    def on_lost(self, link: DatagramLink, why: str) -> None:
        """As `DatagramLinkOwner.on_lost`."""
        self._carriers.lost(self)


class CarrierPorts:
    """All of a node's."""

    def __init__(self, loop: Loop, take: Callable[[str, bytes, Where], None]) -> None:
        """*take* gets what comes, with the ingress that said it."""
        self.take = take
        self.broken = 0
        """That were closed because something on them broke the protocol."""
        self._dropped = 0
        self._loop = loop
        self._ports: set[CarrierPort] = set()

    def __len__(self) -> int:
        return len(self._ports)

    @property
    def dropped(self) -> int:
        """Datagrams that would have been late, or were too many."""
        return self._dropped + sum(port.link.dropped for port in self._ports)

    def of(self, owner: str) -> int:
        """How many the ingress *owner* has."""
        return sum(port.owner == owner for port in self._ports)

    def adopt(self, secured: Secured, owner: str, via: str) -> None:
        """*secured* brings datagrams of *owner* from now on."""
        self._ports.add(CarrierPort(self._loop, secured, owner, via, self))

    def lost(self, port: CarrierPort) -> None:
        """It is gone."""
        self.broken += port.link.is_broken
        self._dropped += port.link.dropped
        self._ports.discard(port)

    def sweep(self, silence: float) -> None:
        """Close those on which nothing came for so long."""
        for port in [port for port in self._ports if self._loop.now - port.link.heard_at > silence]:
            port.link.close(f"silent for {silence:g} s")

    def expel(self, ingresses: tuple[str, ...]) -> None:
        """Close those of all but *ingresses*."""
        for port in [port for port in self._ports if port.owner not in ingresses]:
            port.link.close("its ingress is no longer in the file")
