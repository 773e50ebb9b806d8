"""Reads files in the format of hosts(5), and resolv.conf(5). Pure: a text in, values out.

A line that makes no sense is skipped, as every resolver does.
"""

from collections.abc import Mapping

import attrs

from relay.model.hosts import parse_literal, parse_name
from relay.model.network import Address

DNS_PORT = 53
MOST_SERVERS = 3
"""resolv.conf(5) MAXNS: every server that does not answer costs a second."""

Hosts = Mapping[str, tuple[str, ...]]
"""Canonical name to addresses."""


def parse_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """The names in *text*; one that stands in several lines has all their addresses, in their order."""
    hosts: dict[str, dict[str, None]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        ip = parse_literal(address)
        for name in map(parse_name, names):
            if ip is not None and name is not None:
                hosts.setdefault(name, {})[str(ip)] = None
    return {name: tuple(addresses) for name, addresses in hosts.items()}


@attrs.frozen
class ResolvConf:
    """Whom to ask."""

    servers: tuple[Address, ...]
    over_tcp: bool = False
    """Never over UDP: `options use-vc`."""


def parse_resolv_conf(text: str) -> ResolvConf:
    """The servers named in *text*; this machine's own, if none is (resolv.conf(5))."""
    lines = [line.split() for line in text.splitlines()]
    named = [line[1] for line in lines if len(line) >= 2 and line[0] == "nameserver"]
    options = [word for line in lines if line[:1] == ["options"] for word in line[1:]]
    servers = tuple(Address(host, DNS_PORT) for host in named if parse_literal(host) is not None)
    return ResolvConf(servers[:MOST_SERVERS] or (Address("127.0.0.1", DNS_PORT),), "use-vc" in options)
