"""Addresses that are nobody's public server, each range with its reason, and the IPv4 addresses hidden in IPv6.

Our own table, after the IANA special-purpose and multicast registries: Python's `is_global` says True of multicast,
NAT64, 6to4, IPv4-compatible, site-local and documentation addresses, and changes between its releases.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPV4 = {
    IPv4Network("0.0.0.0/8"): "this network",
    IPv4Network("10.0.0.0/8"): "private",
    IPv4Network("100.64.0.0/10"): "shared by carrier-grade NAT",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("168.63.129.16/32"): "cloud metadata",  # Azure's host service: a public address, reachable from guests
    IPv4Network("169.254.0.0/16"): "link-local, cloud metadata",
    IPv4Network("172.16.0.0/12"): "private",
    IPv4Network("192.0.0.0/24"): "protocol assignments, cloud metadata",
    IPv4Network("192.0.2.0/24"): "documentation",
    IPv4Network("192.88.99.0/24"): "6to4 relays",
    IPv4Network("192.168.0.0/16"): "private",
    IPv4Network("198.18.0.0/15"): "benchmarking",
    IPv4Network("198.51.100.0/24"): "documentation",
    IPv4Network("203.0.113.0/24"): "documentation",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("240.0.0.0/4"): "reserved, broadcast",
}
IPV6 = {
    IPv6Network("::/128"): "unspecified",
    IPv6Network("::1/128"): "loopback",
    IPv6Network("::ffff:0:0/96"): "IPv4-mapped",
    IPv6Network("::/96"): "IPv4-compatible",
    IPv6Network("64:ff9b::/96"): "NAT64",
    IPv6Network("64:ff9b:1::/48"): "NAT64, local",
    IPv6Network("100::/64"): "discard",
    IPv6Network("2001::/32"): "Teredo",
    IPv6Network("2001::/23"): "protocol assignments",  # some are global, none is a server of the public's
    IPv6Network("2001:db8::/32"): "documentation",
    IPv6Network("2002::/16"): "6to4",
    IPv6Network("3fff::/20"): "documentation",
    IPv6Network("5f00::/16"): "segment routing",
    IPv6Network("fc00::/7"): "private, cloud metadata",
    IPv6Network("fe80::/10"): "link-local",
    IPv6Network("fec0::/10"): "site-local",
    IPv6Network("ff00::/8"): "multicast",
}
GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA has given out for hosts to reach each other. Refusing the rest keeps the table right when new
special ranges appear in it."""

LOW_32_BITS = (
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("::/96"),
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),  # RFC 6052 section 2.2 as a /96; whoever opens it for another layout owns the gap
)
UNSPECIFIED = IPv4Address("0.0.0.0")
LOOPBACK = IPv4Address("127.0.0.1")
UNSPECIFIED_6 = IPv6Address("::")
LOOPBACK_6 = IPv6Address("::1")
NOT_COMPATIBLE = (UNSPECIFIED_6, LOOPBACK_6)
"""In ::/96, and no IPv4 in them (RFC 4291 section 2.5.5.1)."""
SIX_TO_FOUR = IPv6Network("2002::/16")
TEREDO = IPv6Network("2001::/32")


def prohibition(ip: IPv4Address | IPv6Address) -> str | None:
    """Why *ip* itself, whatever hides in it, is nobody's public server; None if it may be one."""
    if isinstance(ip, IPv4Address):
        return next((reason for network, reason in IPV4.items() if ip in network), None)
    named = next((reason for network, reason in IPV6.items() if ip in network), None)
    return named if named is not None or ip in GLOBAL_UNICAST else "not global unicast"


def is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Whether *ip* may be a public server's."""
    return prohibition(ip) is None


def is_wholly_public(cidr: IPv4Network | IPv6Network) -> bool:
    """Whether `prohibition` names no address in *cidr*."""
    if isinstance(cidr, IPv4Network):
        return not any(cidr.overlaps(network) for network in IPV4)
    return cidr.subnet_of(GLOBAL_UNICAST) and not any(cidr.overlaps(network) for network in IPV6)


def embedded(ip: IPv4Address | IPv6Address) -> tuple[IPv4Address | IPv6Address, ...]:
    """The addresses that a packet to *ip* may end up at: a translator or tunnel takes IPv4 out of its bits, and Linux
    takes what is unspecified for this machine."""
    if isinstance(ip, IPv4Address):
        return (LOOPBACK,) if ip == UNSPECIFIED else ()
    if ip in NOT_COMPATIBLE:
        return (LOOPBACK_6,) if ip == UNSPECIFIED_6 else ()
    bits = int(ip)
    if any(ip in network for network in LOW_32_BITS):
        return (IPv4Address(bits & 0xFFFFFFFF),)
    if ip in SIX_TO_FOUR:
        return (IPv4Address(bits >> 80 & 0xFFFFFFFF),)
    if ip in TEREDO:  # RFC 4380 section 4: the server, and the client with every bit inverted
        return (IPv4Address(bits >> 64 & 0xFFFFFFFF), IPv4Address(~bits & 0xFFFFFFFF))
    return ()
