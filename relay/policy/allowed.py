"""Which of an exit's `allow` do nothing, and why: who opens a range in vain is mistaken about what will happen."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network

from relay.model.addresses import IpAddress
from relay.model.network import Allowed, IpNetwork, Node
from relay.policy.judge import Policy, told_addresses
from relay.policy.ranges import is_wholly_public

MULTICAST = (IPv4Network("224.0.0.0/4"), IPv6Network("ff00::/8"))
LINK_LOCAL = IPv6Network("fe80::/10")
PORT = 443
"""Any will do: ranges are opened for all."""


def idle(node: Node) -> Iterator[tuple[Allowed, str]]:
    """Each `allow` of *node* that does nothing, and why in a few words."""
    for one in node.allow:
        why = _why_idle(one.cidr, node)
        if why is not None:
            yield one, why


def _why_idle(cidr: IpNetwork, node: Node) -> str | None:
    if any(_is_within(cidr, multicast) for multicast in MULTICAST):
        return "no TCP connection leads to a multicast address"
    if _is_within(cidr, LINK_LOCAL):
        return "a link-local IPv6 address is reached by its zone, and a target with a zone is never dialled"
    policy = Policy(node.allow)
    reasons = [policy.refusal(ip, PORT) for ip in _samples(cidr)]
    if None not in reasons:
        return f"it hides IPv4 addresses that stay refused ({reasons[0]}): they have to be allowed as well"
    if is_wholly_public(cidr) and not any(ip in cidr for ip in told_addresses(node)):
        return "its addresses are public, and dialled without it; only a public address of this machine needs it"
    return None


def _is_within(cidr: IpNetwork, other: IpNetwork) -> bool:
    if isinstance(cidr, IPv4Network):
        return isinstance(other, IPv4Network) and cidr.subnet_of(other)
    return isinstance(other, IPv6Network) and cidr.subnet_of(other)


def _samples(cidr: IpNetwork) -> Sequence[IpAddress]:
    """The ends of *cidr*, and addresses in between that differ from its beginning in one bit each."""
    bits = cidr.max_prefixlen - cidr.prefixlen
    return [cidr[0], *(cidr[1 << bit] for bit in range(bits)), cidr[-1]]
