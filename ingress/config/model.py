"""What the file says to an ingress, as values. One that exists is valid: it was checked while it was made."""

from collections.abc import Mapping
from pathlib import Path

import attrs

from ingress.config.alert import Alert
from ingress.config.allowance import Allowance
from ingress.config.chains import Chain, Found
from ingress.config.left import left_by
from ingress.config.rule import Rule
from relay.model.limits import Limits
from relay.model.network import Address, IpNetwork, Network, Node, Secret
from relay.model.walk import Paths


@attrs.frozen
class Forward:
    """A port forward: what connects to `listen` gets to `target` over the best path."""

    listen: Address
    target: Address
    clients: tuple[IpNetwork, ...] = ()
    """Who may connect; empty means whoever can, which is allowed on loopback only."""


@attrs.frozen
class DatagramForward:
    """A port forward for datagrams."""

    listen: Address
    target: Address
    clients: tuple[IpNetwork, ...] = ()
    """As of a `Forward`."""
    idle: float = 3600.0
    """Seconds without a datagram after which a client is forgotten."""


@attrs.frozen
class Web:
    """Where the page is served, and who may look."""

    listen: tuple[Address, ...]
    users: Path | None = None
    """Of a file that `ingress user` writes; None: only addresses of `ingress page` let in."""
    hosts: tuple[str, ...] = ()
    """Names that it may be asked by, besides its addresses."""
    token: Secret | None = None
    """What programs show; None: nobody can."""
    certificate: Path | None = None
    """Of a file in PEM, with what leads to its CA; None: without TLS."""
    key: Path | None = None
    """Of its key; the same file, if it has both."""
    origins: tuple[str, ...] = ()
    """Pages of others that may ask what is below /clash, with the token."""


@attrs.frozen
class Doors:
    """What stands in one `[ingress.NAME]`, and the forwards that belong to it."""

    name: str
    listen: tuple[Address, ...]
    users: Path | None = None
    """Of a file that `ingress user` writes; None: no passwords."""
    clients: tuple[IpNetwork, ...] = ()
    """Addresses that need no password."""
    answer: str = "auto"
    """`auto` or `true`: whether success may be told before the exit has connected."""
    state: Path | None = None
    """The folder for what is kept over a restart; None: the usual one."""
    sites: bool = True
    """Whether the accounts hold to which sites bytes went."""
    via: str | None = None
    """What Via calls this ingress on plain requests and their answers; None: no Via."""
    forwards: tuple[Forward, ...] = ()
    listen_names: Mapping[Address, str] = attrs.Factory(dict)
    """Those of `listen` that have a name, which rules may say."""
    countries: Path | None = None
    """Of a database in MaxMind's format, for rules that name a `country`."""
    machine: Node | None = None
    """This machine, as what dials for rules that say `direct`; None if it listens nowhere."""
    udp: bool = True
    """Whether datagrams are relayed (SOCKS5 UDP ASSOCIATE)."""
    datagram_forwards: tuple[DatagramForward, ...] = ()
    advertise: tuple[str, ...] = ()
    """Literal addresses that clients from the internet are told to send datagrams to, where it is not the one that
    they have connected to (behind NAT)."""
    web: Web | None = None
    """None: no page is served."""


@attrs.frozen
class NetworkFile:
    """All of a file, checked."""

    file: Path
    ingresses: Mapping[str, Doors]
    network: Network
    rules: tuple[Rule, ...]
    limits: Limits
    found: Mapping[str, Found]
    """The paths, by the name of the ingress they start at."""
    warnings: tuple[str, ...]
    """What works, and is probably not meant."""
    chains: tuple[Chain, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    alerts: tuple[Alert, ...] = ()

    @property
    def paths(self) -> Mapping[str, Paths]:
        """Of each ingress."""
        return {name: each.paths for name, each in self.found.items()}


@attrs.frozen
class IngressConfig:
    """What one ingress needs to run."""

    name: str
    listen: tuple[Address, ...]
    users: Path | None
    clients: tuple[IpNetwork, ...]
    answer: str
    state: Path | None
    via: str | None
    forwards: tuple[Forward, ...]
    rules: tuple[Rule, ...]
    limits: Limits
    network: Network
    paths: Paths
    warnings: tuple[str, ...]
    listen_names: Mapping[Address, str] = attrs.Factory(dict)
    machine: Node | None = None
    udp: bool = True
    advertise: tuple[str, ...] = ()
    datagram_forwards: tuple[DatagramForward, ...] = ()
    countries: Path | None = None
    usual: frozenset[str] | None = None
    """The names of the paths that are for what no rule sends over others; None: all."""
    sites: bool = True
    allowances: tuple[Allowance, ...] = ()
    web: Web | None = None
    alerts: tuple[Alert, ...] = ()

    def leaves(self, rule: Rule) -> frozenset[str] | None:
        """The names of the paths that *rule* leaves; None for all."""
        return left_by(rule, self.network, self.paths.used, self.usual)

    @property
    def web_addresses(self) -> tuple[Address, ...]:
        """Those of the page."""
        return () if self.web is None else self.web.listen

    @property
    def listen_addresses(self) -> tuple[Address, ...]:
        """All that clients may come in by, forwards included."""
        forwards: tuple[Forward | DatagramForward, ...] = (*self.forwards, *self.datagram_forwards)
        return (*self.listen, *(forward.listen for forward in forwards))

    def find_listen(self, text: str) -> Address | None:
        """The first of them that *text* names: by its name, its port, or whole; None if none is so called."""
        for address in self.listen_addresses:
            if text in (self.listen_names.get(address), str(address.port), str(address)):
                return address
        return None
