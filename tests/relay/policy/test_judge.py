"""What an exit refuses: the IANA registries row by row, hidden IPv4, our own nodes, and what `allow` opens."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.addresses import IpAddress
from relay.model.hosts import parse_literal
from relay.model.network import Address, Allowed, IpNetwork, Node
from relay.policy import Policy, told_addresses
from relay.policy.ranges import NOT_COMPATIBLE, embedded, prohibition

NOT_GLOBAL = [
    # IANA IPv4 special-purpose address registry, "globally reachable" false or not applicable
    *["0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"],
    *["192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24"],
    *["192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
    *["240.0.0.0/4", "255.255.255.255/32"],
    # IANA IPv6 special-purpose address registry, the same
    *["::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32"],
    *["2001:2::/48", "2001:db8::/32", "2001:10::/28", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10"],
    # multicast registries, RFC 3879, RFC 4291 2.5.5.1, RFC 6052
    *["224.0.0.0/4", "ff00::/8", "fec0::/10", "::/96", "64:ff9b::/96"],
    # not given out by IANA (IPv6 global unicast address space)
    *["::/8", "100::/8", "200::/7", "4000::/2", "8000::/2", "e000::/4", "f000::/5", "fe00::/9"],
]
METADATA = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254"]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"]
PUBLIC += ["192.31.196.1", "192.52.193.1", "192.175.48.1", "198.17.255.255", "198.20.0.0", "223.255.255.255"]
PUBLIC += ["2606:4700::1111", "2001:4860:4860::8888", "2001:200::", "2620:4f:8000::1", "2a00:1450::1"]


def opened(*cidrs: str) -> tuple[Allowed, ...]:
    return tuple(Allowed(ip_network(cidr), "for the test") for cidr in cidrs)


def edges(network: IpNetwork) -> Iterable[IPv4Address | IPv6Address]:
    return network[0], network[network.num_addresses // 2], network[-1]


@pytest.mark.parametrize("cidr", NOT_GLOBAL)
def test_every_row_of_the_registries_is_refused(cidr: str) -> None:
    assert all(Policy().refusal(ip, 443) for ip in edges(ip_network(cidr)))


@pytest.mark.parametrize("address", METADATA)
def test_metadata_services_are_refused(address: str) -> None:
    assert Policy().refusal(address, 80)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert Policy().refusal(address, 443) is None
    assert Policy().refusal(ip_address(address), 443) is None


@given(st.ip_addresses())
def test_nothing_that_python_knows_to_be_special_is_permitted(ip: IPv4Address | IPv6Address) -> None:
    read = parse_literal(str(ip))
    assert read is not None
    if Policy().refusal(ip, 443) is None:
        assert not (read.is_private or read.is_loopback or read.is_link_local or read.is_multicast or read.is_reserved)


PYTHON_CALLS_GLOBAL = ["64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "::7f00:1", "224.0.0.1", "ff02::1"]
PYTHON_CALLS_GLOBAL += ["239.255.255.250", "fec0::1", "192.88.99.1"]


@pytest.mark.parametrize("address", PYTHON_CALLS_GLOBAL)
def test_the_holes_of_is_global_are_closed(address: str) -> None:
    assert Policy().refusal(address, 443)


@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    assert Policy().refusal("1.1.1.1", port) == "no such port"


def test_a_text_that_is_no_address_is_refused() -> None:
    assert Policy().refusal("example.com", 443) == "not an address"
    assert Policy(opened("fe80::/10")).refusal("fe80::1%eth0", 443) == "an address with a zone"


def test_allow_opens_exactly_its_range() -> None:
    policy = Policy(opened("192.168.7.0/24", "198.18.0.0/15", "fd00:1::/32"))
    assert policy.refusal("192.168.7.255", 443) is None
    assert policy.refusal("198.19.255.255", 443) is None
    assert policy.refusal("fd00:1::9", 443) is None
    assert policy.refusal("192.168.8.0", 443)
    assert policy.refusal("fd00:2::9", 443)


HIDING = {
    "mapped": lambda v4: (0xFFFF << 32) | v4,
    "compatible": lambda v4: v4,
    "nat64": lambda v4: int(IPv6Address("64:ff9b::")) | v4,
    "local nat64": lambda v4: int(IPv6Address("64:ff9b:1::")) | v4,
    "6to4": lambda v4: (0x2002 << 112) | (v4 << 80) | 1,
    "teredo server": lambda v4: (0x20010000 << 96) | (v4 << 64) | (~0x01010101 & 0xFFFFFFFF),
    "teredo client": lambda v4: (0x20010000 << 96) | (0x01010101 << 64) | (~v4 & 0xFFFFFFFF),
}
EVERY_CARRIER = opened("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
INNER = st.one_of(
    st.ip_addresses(v=4), *(st.ip_addresses(network=net) for net in ("127.0.0.0/8", "10.0.0.0/8", "169.254.0.0/16"))
)


@given(INNER, st.sampled_from(sorted(HIDING)))
def test_hidden_ipv4_is_judged_even_where_its_carrier_is_opened(inner: IPv4Address | IPv6Address, how: str) -> None:
    ip = IPv6Address(HIDING[how](int(inner)))
    assert how == "mapped" or Policy().refusal(ip, 443)
    if Policy().refusal(inner, 443) and ip not in NOT_COMPATIBLE:
        assert Policy(EVERY_CARRIER).refusal(ip, 443)
    both = Policy((*EVERY_CARRIER, *opened("0.0.0.0/0", "::/0")))
    assert both.refusal(ip, 443) is None


def test_an_opened_nat64_reaches_public_servers_only() -> None:
    policy = Policy(opened("64:ff9b::/96"))
    assert policy.refusal("64:ff9b::8.8.8.8", 443) is None
    assert policy.refusal("64:ff9b::127.0.0.1", 443) == "loopback"


HERE = [IPv4Address("93.184.216.34"), IPv4Address("192.168.7.2"), IPv6Address("2606:4700::1")]
EVERYWHERE = [(IPv4Address("0.0.0.0"), 7443), (IPv6Address("::"), 7443)]


@pytest.mark.parametrize("address", ["93.184.216.34", "::ffff:93.184.216.34", "64:ff9b::93.184.216.34", "2606:4700::1"])
def test_f5_the_machine_itself_is_refused_at_every_port(address: str) -> None:
    policy = Policy(opened("64:ff9b::/96"), here=HERE)
    assert {policy.refusal(address, port) for port in (22, 80, 443, 9100)} == {"this machine itself"}
    assert policy.refusal("93.184.216.35", 22) is None


def test_f5_what_is_allowed_of_the_machine_is_dialled_but_never_its_nodes_port() -> None:
    policy = Policy(opened("93.184.216.34/32", "192.168.7.0/24"), EVERYWHERE, HERE)
    for address in ("93.184.216.34", "192.168.7.2"):
        assert policy.refusal(address, 80) is None
        assert policy.refusal(address, 7443) == "our own node's port"
    assert policy.refusal("2606:4700::1", 80) == "this machine itself"
    assert policy.refusal("93.184.216.35", 7443) is None


def test_f5_the_unspecified_address_is_this_machine() -> None:
    policy = Policy(opened("0.0.0.0/32", "127.0.0.0/8"), [(IPv4Address("127.0.0.1"), 7443)])
    assert policy.refusal("0.0.0.0", 80) is None
    assert policy.refusal("0.0.0.0", 7443) == "our own node"
    assert Policy(opened("0.0.0.0/32")).refusal("0.0.0.0", 80) == "loopback"


def test_f7_loopback_of_ipv6_is_opened_by_its_range() -> None:
    """It lies in ::/96, and hides no IPv4 (RFC 4291 section 2.5.5.1)."""
    assert Policy(opened("::1/128")).refusal("::1", 443) is None
    assert Policy().refusal("::1", 443)


def test_f5_and_so_is_that_of_ipv6() -> None:
    assert Policy(opened("::/127")).refusal("::", 443) is None
    assert Policy(opened("::/128")).refusal("::", 443) == "loopback"
    assert Policy().refusal("::", 443)


def test_the_file_tells_where_a_node_is_reached() -> None:
    node = Node("us", Address("93.184.216.34", 48350), (), exit=True, advertise=("2606:4700::1",))
    assert told_addresses(node) == {IPv4Address("93.184.216.34"), IPv6Address("2606:4700::1")}
    assert told_addresses(Node("us", Address("us.example", 48350), ())) == frozenset()


OWN: list[tuple[IpAddress, int]] = [
    (IPv4Address("127.0.0.1"), 7443),
    (IPv4Address("93.184.216.34"), 48350),
    (IPv6Address("2606:4700::1"), 48350),
]


def test_our_own_nodes_are_refused_even_in_an_opened_range() -> None:
    policy = Policy(opened("127.0.0.0/8", "64:ff9b::/96"), OWN)
    for address, port in [("127.0.0.1", 7443), ("93.184.216.34", 48350), ("2606:4700::1", 48350)]:
        assert policy.refusal(address, port) == "our own node"
    assert policy.refusal("::ffff:127.0.0.1", 7443) == "our own node"
    assert policy.refusal("64:ff9b::127.0.0.1", 7443) == "our own node"
    assert policy.refusal("64:ff9b::93.184.216.34", 48350) == "our own node"
    assert policy.refusal("127.0.0.1", 7444) is None
    assert policy.refusal("93.184.216.34", 443) is None


@pytest.mark.parametrize("listener", ["0.0.0.0", "::"])
def test_a_listener_on_all_addresses_is_refused_at_every_address_that_may_be_ours(listener: str) -> None:
    everywhere = parse_literal(listener)
    assert everywhere is not None
    policy = Policy(opened("127.0.0.0/8", "192.168.7.0/24"), [(everywhere, 7443)])
    assert policy.refusal("127.5.5.5", 7443) == "our own node's port"
    assert policy.refusal("192.168.7.1", 7443) == "our own node's port"
    assert policy.refusal("192.168.7.1", 443) is None
    assert policy.refusal("93.184.216.34", 7443) is None


def test_what_is_remembered_is_bounded_and_stays_right() -> None:
    policy = Policy()
    for number in range(5000):
        assert policy.refusal(str(IPv4Address(0x01000000 + number)), 443) is None
    assert policy.refusal("1.0.0.0", 443) is None
    assert policy.refusal("127.0.0.1", 443) == "loopback"


def test_a_mapped_address_is_judged_as_the_ipv4_it_is() -> None:
    assert prohibition(IPv6Address("::ffff:1.1.1.1")) == "IPv4-mapped"
    assert embedded(IPv6Address("::ffff:1.1.1.1")) == (IPv4Address("1.1.1.1"),)
    assert Policy().refusal("::ffff:1.1.1.1", 443) is None
    assert Policy().refusal("::ffff:10.0.0.1", 443) == "private"
