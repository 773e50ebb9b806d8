"""What a host means: every spelling that getaddrinfo takes for an address is read as the same address."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.model import hosts
from relay.model.hosts import MOST_REMEMBERED, NoHost, asked_host, parse_literal, parse_name, read_host, spell_literal

LOOPBACK_SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "0X7F000001",
    "2130706433",
    "017700000001",
    "127.0.0.1.",
    "[127.0.0.1]",
    "１２７.０.０.１",  # full-width digits
    "127。0．0｡1",  # the dots of East Asian input methods
    "127.0.0.①",
    "127.0.0\u00ad.1",  # a soft hyphen
    "::ffff:127.0.0.1",
    "::FFFF:7f00:1",
    "[::ffff:127.0.0.1]",
]


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
def test_every_spelling_of_loopback_is_loopback(host: str) -> None:
    assert parse_literal(host) == IPv4Address("127.0.0.1")
    assert parse_name(host) is None


@pytest.mark.parametrize("host", ["::1", "[::1]", "0:0:0:0:0:0:0:1", "::0.0.0.1", "：：１"])
def test_every_spelling_of_loopback_in_ipv6_is_loopback(host: str) -> None:
    assert parse_literal(host) == IPv6Address("::1")
    assert parse_name(host) is None


def test_a_zone_is_kept_for_the_policy_to_see() -> None:
    ip = parse_literal("fe80::1%eth0")
    assert isinstance(ip, IPv6Address)
    assert ip.scope_id == "eth0"
    mapped = parse_literal("::ffff:127.0.0.1%lo")
    assert isinstance(mapped, IPv6Address)
    assert mapped.scope_id == "lo"


NEITHER = [
    "",
    ".",
    "..",
    "a..b",
    ".a",
    "1.2.3.4.5",
    "256.256.256.256",
    "1.2.3.256",
    "host.1",
    "host.0x1f",
    "host.0x",
    "08",
    "a" * 64 + ".example",
    "a." * 128,
    "x" * 256,
    "nul\0.example",
    "line\r\nfeed.example",
    "spa ce.example",
    "tab\t.example",
    "1:2",
    "[::1",
    "::1]",
    "1::2::3",
    "user@host.example",
    "host.example:80",
    "\ud800.example",
    "\u0378.example",
]


@pytest.mark.parametrize("host", NEITHER)
def test_what_is_no_host_is_neither_address_nor_name(host: str) -> None:
    assert parse_literal(host) is None
    assert parse_name(host) is None


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com.", "example.com"),
        ("localhost", "localhost"),
        ("_service._tcp.example", "_service._tcp.example"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("MÜNCHEN。example", "xn--mnchen-3ya.example"),
        ("ｅｘａｍｐｌｅ．ｃｏｍ", "example.com"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("1.example", "1.example"),
        ("jow-.github.io", "jow-.github.io"),
        ("-a.-b-.c_", "-a.-b-.c_"),
        ("_dmarc.münchen.example", "_dmarc.xn--mnchen-3ya.example"),
        ("0xface.club", "0xface.club"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
    ],
)
def test_a_name_is_made_canonical(host: str, name: str) -> None:
    assert parse_literal(host) is None
    assert parse_name(host) == name


@given(st.text(max_size=300))
@example("㎯" * 255)
def test_no_text_is_both_and_no_text_raises(host: str) -> None:
    address, name = parse_literal(host), parse_name(host)
    assert address is None or name is None
    if name is not None:
        assert parse_name(name) == name
        assert parse_literal(name) is None


@pytest.mark.parametrize("host", ["0", "0x", "0X", "0x.0.0.0"])
def test_a_hexadecimal_number_without_digits_is_0_as_in_urls(host: str) -> None:
    assert parse_literal(host) == IPv4Address("0.0.0.0")


@pytest.mark.parametrize(
    ("host", "is_malformed"),
    [
        ("", True),
        ("a b", True),
        ("[a.example]", True),
        ("1:2", True),
        ("é é", True),
        ("\u00ad", True),
        ("：é", True),
        ("a..b", False),
        ("a" * 64, False),
        ("a." * 126 + "ab", False),
        ("é" * 200, False),
        ("x" * 256, False),
        ("1.2.3.256", False),
        ("é..b", False),
    ],
)
def test_why_a_text_means_nothing(host: str, is_malformed: bool) -> None:
    meaning = read_host(host)
    assert isinstance(meaning, NoHost)
    assert meaning.is_malformed is is_malformed
    assert meaning.why
    assert asked_host(host) == meaning


def test_what_a_client_asks_for_has_one_spelling_and_no_zone() -> None:
    assert asked_host("[::FFFF:7f00:1]") == "127.0.0.1"
    assert asked_host("jow-.GitHub.io.") == "jow-.github.io"
    assert isinstance(asked_host("fe80::1%eth0"), NoHost)


def test_what_is_remembered_is_bounded_and_changes_no_answer() -> None:
    for number in range(MOST_REMEMBERED + 2):
        assert parse_name(f"n{number}.０é") == f"n{number}.xn--0-bga"
    assert len(hosts._meanings) <= MOST_REMEMBERED


def resolve_numeric(host: str) -> set[str]:
    """What the system's resolver reads *host* as without asking anybody."""
    try:
        found = socket.getaddrinfo(host, 1, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError, ValueError):
        return set()
    return {str(info[4][0]) for info in found}


PARTS = st.one_of(
    st.integers(0, 2**33).map(str),
    st.integers(0, 2**33).map(hex),
    st.integers(0, 2**33).map(lambda number: f"0{number:o}"),
    st.integers(0, 300).map(str),
    st.text("0123456789abxX", max_size=4),
    st.text("０１２３４５６７８９", max_size=3),
)


@given(st.one_of(st.lists(PARTS, max_size=5).map(".".join), st.text("0127xf.:%[]１。", max_size=24)))
@example("0x")
@example("0x.1")
@example("1.2.3.4 x")
def test_whatever_the_system_takes_for_an_address_is_taken_for_the_same(host: str) -> None:
    for found in resolve_numeric(host):
        meant = ip_address(found)
        mapped = meant.ipv4_mapped if isinstance(meant, IPv6Address) else None
        assert parse_literal(host) == (mapped or meant)


@given(st.ip_addresses())
def test_the_canonical_text_of_an_address_is_that_address(ip: IPv4Address | IPv6Address) -> None:
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    assert parse_literal(str(ip)) == (mapped or ip)
    assert parse_literal(f"[{ip.exploded}]") == (mapped or ip)


@given(
    st.one_of(st.ip_addresses().map(str), st.text(max_size=20), st.sampled_from(["127.1", "[::1]", "::FFFF:1.2.3.4"]))
)
def test_an_address_is_spelled_in_one_way_and_a_name_in_none(host: str) -> None:
    ip = parse_literal(host)
    assert spell_literal(host) == (None if ip is None else str(ip))
