"""What a node knows of names before it asks anybody: files in the format of hosts(5), and resolv.conf(5).

Read once, when a resolver is made. A line that makes no sense is skipped, as every resolver does.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from relay.errors import OperatorError
from relay.model.hosts import parse_literal, parse_name
from relay.model.network import Address, Node

SYSTEM_HOSTS = Path("/etc/hosts")
RESOLV_CONF = Path("/etc/resolv.conf")
DNS_PORT = 53
MOST_SERVERS = 3
"""resolv.conf(5) MAXNS: every server that does not answer costs a second."""

Hosts = Mapping[str, tuple[str, ...]]
"""Canonical name to addresses."""


def parse_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """The names in *text*; one that stands in several lines has all their addresses, in their order."""
    hosts: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        ip = parse_literal(address)
        for name in map(parse_name, names):
            if ip is not None and name is not None:
                hosts[name] = tuple(dict.fromkeys((*hosts.get(name, ()), str(ip))))
    return hosts


def parse_resolv_conf(text: str) -> tuple[Address, ...]:
    """The servers named in *text*; this machine's own, if none is (resolv.conf(5))."""
    words = (line.split() for line in text.splitlines())
    named = [line[1] for line in words if len(line) >= 2 and line[0] == "nameserver"]
    servers = tuple(Address(host, DNS_PORT) for host in named if parse_literal(host) is not None)
    return servers[:MOST_SERVERS] or (Address("127.0.0.1", DNS_PORT),)


def read_hosts(node: Node, base: Path, system: Path = SYSTEM_HOSTS) -> Hosts:
    """The names of the node's own file (seen from *base*) and of the system's; the node's file counts first.

    Raises:
        OperatorError: the node's own file cannot be read. A system without such a file has no names.
    """
    known = parse_hosts(_read_if_there(system))
    if node.hosts is not None:
        try:
            known.update(parse_hosts((base / node.hosts).read_text(encoding="utf-8", errors="replace")))
        except OSError as error:
            raise OperatorError(f"{node.hosts}: {error.strerror}; node.{node.name} names it as hosts") from error
    return known


def read_servers(node: Node, system: Path = RESOLV_CONF) -> Sequence[Address]:
    """The DNS servers that the node names, or else the system's."""
    if node.dns:
        return tuple(Address(host, DNS_PORT) for host in node.dns)
    return parse_resolv_conf(_read_if_there(system))


def _read_if_there(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
