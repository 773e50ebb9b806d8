"""Who is who: one answer to each question about a literal address, whatever clothes it wears."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.addresses import group_of, is_inside, is_localhost, is_loopback, plain


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1%eth0", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::1", "::1"),
    ],
)
def test_an_address_without_its_clothes(address: str, meant: str) -> None:
    assert str(plain(address)) == meant
    assert str(plain(ip_address(address))) == meant


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "[::1]", "1.2.3.4:80"])
def test_what_is_no_literal_address(text: str) -> None:
    with pytest.raises(ValueError):
        plain(text)


@given(st.ip_addresses())
def test_plain_is_plain_already_the_second_time(ip: IPv4Address | IPv6Address) -> None:
    assert plain(plain(ip)) == plain(ip) == plain(str(ip))


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_who_shares_a_count(address: str, group: str) -> None:
    assert group_of(address) == group


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.168.1.9", True),
        ("::ffff:192.168.1.9", True),
        ("192.168.2.9", False),
        ("fd00::1", True),
        ("fd00::1%eth0", True),
        ("fe80::1", False),
    ],
)
def test_ranges(address: str, inside: bool) -> None:
    networks = (ip_network("192.168.1.0/24"), ip_network("fd00::/8"))
    assert is_inside(address, networks) is inside
    assert is_inside(ip_address(address), networks) is inside
    assert not is_inside(address, ())


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
    ],
)
def test_loopback(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


@pytest.mark.parametrize(
    ("host", "means_us"),
    [
        ("localhost", True),
        ("LocalHost.", True),
        ("a.b.localhost", True),
        ("notlocalhost", False),
        ("localhost.example", False),
        ("127.0.0.1", False),
    ],
)
def test_names_of_the_machine_itself(host: str, means_us: bool) -> None:
    assert is_localhost(host) is means_us
