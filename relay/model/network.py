"""Nodes, lines, and the network they make. Values that exist are valid: relay.config checks while it makes them."""

import enum
import hashlib
import ipaddress
from collections.abc import Iterator, Mapping

import attrs

from relay.model.limits import Limits
from relay.model.quota import Quota

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


class UdpFilter(enum.StrEnum):
    """From whom an exit takes replies to an association (RFC 4787 section 5)."""

    NONE = "none"
    """Anybody: what games and calls ask for."""
    ADDRESS = "address"
    """Addresses that the client has sent to."""
    ADDRESS_PORT = "address-port"
    """The same, and from the port that it has sent to."""


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
    advertise: tuple[str, ...] = ()
    """Literal addresses at which the world reaches this machine, where its interfaces do not have them (behind NAT)."""
    udp_filter: UdpFilter = UdpFilter.NONE
    group: str | None = None
    """What it may be named by together with others, wherever an exit may be named."""
    limits: Limits = attrs.Factory(Limits)


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
    udp: Address | bool = True
    """Where `start` sends datagrams, or whether they go where it dials. It is no matter of the digest: who carries
    none says so, and carriers go on."""
    is_lean: bool = False
    """Probed no more than needed while nobody rides on it: a line of which each byte is paid."""
    quota: Quota | None = None
    """What it may carry in a period. A matter of ingresses, and none of the digest."""

    def touches(self, node: str) -> bool:
        """Whether it begins or ends at *node*."""
        return node in (self.start, self.end)


@attrs.frozen
class Network:
    """All that every node has to know: names of ingresses, nodes, lines."""

    ingresses: tuple[str, ...]
    nodes: Mapping[str, Node]
    lines: Mapping[str, Line]
    serial: int = 0
    """Of the file: the higher one is the newer; 0 if it does not say."""

    def digest_for(self, node: str) -> bytes:
        """8 bytes over what concerns *node*, which it and an ingress must have alike: itself, the lines that it dials,
        the names of those that end at it, the ingresses. A node that is not in the file has one as well."""
        me = self.nodes.get(node)
        entry = () if me is None else (me.name, str(me.address), str(me.exit))
        lines = [line for _, line in sorted(self.lines.items())]
        dialled = [walk.hex() for line in lines for walk in self._walks(line, node)]
        ending = [line.name for line in lines if node == line.end or (line.both and node == line.start)]
        return digest("node", *entry, "dials", *dialled, "ends", *ending, "ingresses", *sorted(self.ingresses))

    def _walks(self, line: Line, node: str) -> Iterator[bytes]:
        """The digest of *line* as *node* walks it away from itself, if it may."""
        if line.start == node:
            yield digest_of_walk(line, node, line.end, line.address)
        elif line.both and line.end == node and line.start in self.nodes:
            yield digest_of_walk(line, node, line.start, self.nodes[line.start].address)


def digest_of_walk(line: Line, start: str, end: str, address: Address) -> bytes:
    """8 bytes over what both ends of TRANSIT must agree on: from where to where *line* is walked, what is dialled."""
    proxy = "" if line.proxy is None else f"{line.proxy.scheme}:{line.proxy.address}"
    return digest("line", line.name, start, end, str(address), str(line.both), proxy)


def digest(*parts: str) -> bytes:
    """The first 8 bytes of SHA-256 over *parts*, each led by its length."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode()
        sha.update(len(data).to_bytes(4, "big") + data)
    return sha.digest()[:8]


def whom_to_update(them: str, theirs: int, ours: int) -> str:
    """What to say behind what our file does not have, to *them* who ask for it; arguments as in `who_is_behind`."""
    if theirs < ours:
        return f"update {them}, whose file is older (serial {theirs}, here {ours})"
    return "update it"


def who_is_behind(them: str, theirs: int, us: str, ours: int) -> str:
    """What to say when two files differ: *theirs* and *ours* are their serials, and the lower one is to be
    updated. An order, behind which what comes next may stand."""
    if theirs == ours:
        which = f"with the same serial ({ours})" if ours else "without a serial, as here"
        return f"{them} has another paths.toml {which}: bring it the right one and raise `serial`"
    which, behind = ("an older", them) if theirs < ours else ("a newer", us)
    return f"{them} has {which} paths.toml (serial {theirs}, here {ours}): update {behind}"
