"""Nodes, lines, and the network they make. Values that exist are valid: relay.config checks while it makes them."""

import hashlib
import ipaddress
from collections.abc import Mapping
from functools import cached_property

import attrs

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@attrs.frozen
class Address:
    """Something that can be dialled: a name or a literal address, and a port from 1 to 65535."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@attrs.frozen
class Secret:
    """Where a password is found when it is needed: exactly one of the two is set."""

    file: str | None = None
    env: str | None = None


@attrs.frozen
class Proxy:
    """Somebody's SOCKS proxy in front of an address. `scheme` is socks4 or socks5 (names are resolved by the proxy)."""

    scheme: str
    address: Address
    user: str | None = None
    password: Secret | None = None


@attrs.frozen
class Allowed:
    """A range of addresses that an exit's policy would refuse and the operator has opened, and why."""

    cidr: IpNetwork
    reason: str


@attrs.frozen
class Node:
    """A machine that runs `relay serve`."""

    name: str
    address: Address
    listen: tuple[Address, ...]
    exit: bool = False
    allow: tuple[Allowed, ...] = ()
    upstream: Proxy | None = None
    dns: tuple[str, ...] = ()
    hosts: str | None = None
    """Path of a file of names, in the format of /etc/hosts, asked before DNS."""


@attrs.frozen
class Line:
    """One way to get from one node to another."""

    name: str
    start: str
    end: str
    address: Address
    """What `start` dials; it leads to `end`, perhaps through somebody's opaque forward."""
    both: bool = False
    group: str | None = None
    provider: str | None = None
    rate: float | None = None
    """Bytes per second it carries, or None if not told."""
    cost: float = 0.0
    """Money per GB."""
    backup: bool = False
    proxy: Proxy | None = None

    @cached_property
    def digest(self) -> bytes:
        """8 bytes over what both ends of TRANSIT must agree on: where the line starts, ends and is dialled."""
        proxy = "" if self.proxy is None else f"{self.proxy.scheme}:{self.proxy.address}"
        return digest("line", self.name, self.start, self.end, str(self.address), str(self.both), proxy)


@attrs.frozen
class Network:
    """All that every node has to know: names of ingresses, nodes, lines."""

    ingresses: tuple[str, ...]
    nodes: Mapping[str, Node]
    lines: Mapping[str, Line]

    @cached_property
    def digest(self) -> bytes:
        """8 bytes over the nodes and lines, told in HELLO; a difference is shown as `stale config`."""
        nodes = [f"{node.name} {node.address} {node.exit}" for _, node in sorted(self.nodes.items())]
        lines = [line.digest.hex() for _, line in sorted(self.lines.items())]
        return digest("network", *sorted(self.ingresses), "nodes", *nodes, "lines", *lines)


def digest(*parts: str) -> bytes:
    """The first 8 bytes of SHA-256 over *parts*, each led by its length."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode()
        sha.update(len(data).to_bytes(4, "big") + data)
    return sha.digest()[:8]
