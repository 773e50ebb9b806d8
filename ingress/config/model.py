"""What the file says to an ingress, as values. One that exists is valid: it was checked while it was made."""

from collections.abc import Mapping
from pathlib import Path

import attrs

from relay.model.limits import Limits
from relay.model.network import Address, IpNetwork, Network
from relay.model.walk import Paths


@attrs.frozen
class Forward:
    """A port forward: what connects to `listen` gets to `target` over the best path."""

    listen: Address
    target: Address
    clients: tuple[IpNetwork, ...] = ()
    """Who may connect; empty means whoever can, which is allowed on loopback only."""


@attrs.frozen
class Rule:
    """What to do with some streams: those that meet every condition that is set, by any one of its values."""

    hosts: tuple[str, ...] = ()
    """Host names in lower case; `*.broker.example` stands for every name below broker.example, not for itself."""
    cidrs: tuple[IpNetwork, ...] = ()
    ports: tuple[int, ...] = ()
    users: tuple[str, ...] = ()
    redundant: bool = False
    """The bytes travel over two disjoint paths at once."""


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
    via: str | None = None
    """What Via calls this ingress on plain requests and their answers; None: no Via."""
    forwards: tuple[Forward, ...] = ()


@attrs.frozen
class NetworkFile:
    """All of a file, checked."""

    file: Path
    ingresses: Mapping[str, Doors]
    network: Network
    rules: tuple[Rule, ...]
    limits: Limits
    paths: Mapping[str, Paths]
    """By the name of the ingress they start at."""
    warnings: tuple[str, ...]
    """What works, and is probably not meant."""


@attrs.frozen
class IngressConfig:
    """What one ingress needs to run."""

    name: str
    listen: tuple[Address, ...]
    users: Path | None
    clients: tuple[IpNetwork, ...]
    answer: str
    via: str | None
    forwards: tuple[Forward, ...]
    rules: tuple[Rule, ...]
    limits: Limits
    network: Network
    paths: Paths
    warnings: tuple[str, ...]
