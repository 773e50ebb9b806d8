"""Every range that is opened in vain is named, with why; none that does something is."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.addresses import plain_network
from relay.model.network import Address, Allowed, Node
from relay.policy import Policy, idle


def node(*cidrs: str) -> Node:
    allow = tuple(Allowed(plain_network(ip_network(cidr)), "for the test") for cidr in cidrs)
    return Node("us", Address("93.184.216.34", 48350), (), exit=True, allow=allow, advertise=("2606:4700::1",))


def why_idle(*cidrs: str) -> dict[str, str]:
    return {str(one.cidr): why for one, why in idle(node(*cidrs))}


@pytest.mark.parametrize(
    "cidrs",
    [
        ("::1/128",),
        ("127.0.0.0/8",),
        ("127.0.0.1/32",),
        ("::ffff:10.0.0.0/104",),
        ("10.0.0.0/8",),
        ("fd00::/8",),
        ("0.0.0.0/0",),
        ("::/0",),
        ("8.0.0.0/6",),
        ("64:ff9b::/96",),
        ("64:ff9b::a00:0/104", "10.0.0.0/8"),
        ("2002:a00::/24", "10.0.0.0/8"),
        ("169.254.169.254/32",),
        ("93.184.216.34/32",),
        ("2606:4700::/32",),
    ],
)
def test_what_opens_something_is_not_named(cidrs: tuple[str, ...]) -> None:
    assert why_idle(*cidrs) == {}


@pytest.mark.parametrize(
    ("cidr", "why"),
    [
        ("224.0.0.0/8", "multicast"),
        ("ff02::/16", "multicast"),
        ("fe80::/64", "zone"),
        ("64:ff9b::a00:0/104", "hides IPv4 addresses that stay refused (private)"),
        ("64:ff9b::7f00:1/128", "stay refused (loopback)"),
        ("2002:c0a8::/32", "stay refused (private)"),
        ("0.0.0.0/32", "stay refused (loopback)"),
        ("8.8.8.0/24", "dialled without it"),
        ("2a00::/16", "dialled without it"),
    ],
)
def test_f7_what_opens_nothing_is_named_with_why(cidr: str, why: str) -> None:
    found = why_idle(cidr)
    assert list(found) == [cidr]
    assert why in found[cidr]


@given(st.ip_addresses(), st.integers(0, 128))
def test_any_range_is_judged(ip: object, bits: int) -> None:
    """Whatever is written: of a single address that is named nothing is opened by it."""
    network = plain_network(ip_network((str(ip), min(bits, 32 if "." in str(ip) else 128)), strict=False))
    for one, _ in idle(node(str(network))):
        first = one.cidr[0]
        before, after = Policy().refusal(first, 443), Policy(node(str(network)).allow).refusal(first, 443)
        assert (before is None) == (after is None) or first.is_multicast or first.is_link_local
