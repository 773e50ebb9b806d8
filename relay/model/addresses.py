"""What a literal address is: the plain form of one in disguise, the group that shares a count, loopback or not.

The one place for these questions, so that two parts of the program cannot disagree about who is who.
"""

import functools
import ipaddress
from collections.abc import Iterable

from relay.model.network import IpNetwork

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MAPPED_BITS = 96
"""Of an IPv6 address with IPv4 mapped into it, before the IPv4 address (RFC 4291 section 2.5.5.2)."""
LOCALHOST = "localhost"
"""The name of the machine itself; every name below it means the same (RFC 6761 section 6.3)."""
LOCALHOST_ADDRESSES = ("::1", "127.0.0.1")
"""What it means."""


def plain(address: str | IpAddress) -> IpAddress:
    """*address* without its zone; IPv4 that is written in IPv6 (as sockets of both families tell it) as IPv4.

    Raises:
        ValueError: it is no literal address.
    """
    ip = ipaddress.ip_address(address.partition("%")[0]) if isinstance(address, str) else address
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip if ip.scope_id is None else ipaddress.IPv6Address(ip.packed)


def plain_network(network: IpNetwork) -> IpNetwork:
    """*network*, as IPv4 if it is IPv4 that is written in IPv6: what is compared with it is `plain` as well."""
    if isinstance(network, ipaddress.IPv4Network) or network.prefixlen < MAPPED_BITS:
        return network
    mapped = network.network_address.ipv4_mapped
    return network if mapped is None else ipaddress.IPv4Network((mapped, network.prefixlen - MAPPED_BITS))


def is_inside(address: str | IpAddress, networks: Iterable[IpNetwork]) -> bool:
    """Whether *address* lies in one of *networks*."""
    ip = plain(address)
    return any(ip in network for network in networks if network.version == ip.version)


def is_loopback(address: str | IpAddress) -> bool:
    """Whether *address* is of this machine alone."""
    return plain(address).is_loopback


@functools.lru_cache(maxsize=4096)
def group_of(address: str) -> str:
    """Who shares a count with *address*: one IPv4 address; in IPv6 a /64, which one customer has whole."""
    ip = plain(address)
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))


def is_localhost(host: str) -> bool:
    """Whether *host* is a name that means the machine itself, and must not be asked of DNS (RFC 6761 section 6.3)."""
    name = host.lower().rstrip(".")
    return name == LOCALHOST or name.endswith("." + LOCALHOST)
