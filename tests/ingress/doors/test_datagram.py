"""The header of a client's datagrams: cases U01, U06, U07, U08, and every other way to be wrong."""

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.doors.datagram import LED, PREFIX, address_bytes, address_end, read_address

PORTS = st.integers(1, 65535)
NAMES = st.from_regex(r"[a-z]{1,20}(\.[a-z]{1,20}){0,3}", fullmatch=True)


def named(name: bytes, port: int) -> bytes:
    return b"\x03" + bytes((len(name),)) + name + port.to_bytes(2, "big")


ADDRESSES = st.one_of(
    st.builds(lambda ip, port: (address_bytes(str(ip), port), (str(ip), port)), st.ip_addresses(v=4), PORTS),
    st.builds(
        lambda ip, port: (address_bytes(str(ip), port), (str(ip.ipv4_mapped or ip), port)), st.ip_addresses(v=6), PORTS
    ),
    st.builds(lambda name, port: (named(name.encode(), port), (name, port)), NAMES, PORTS),
)


@given(address=ADDRESSES, payload=st.binary(max_size=100))
def test_u01_u08_any_target_and_any_payload_even_none(address: tuple[bytes, tuple[str, int]], payload: bytes) -> None:
    raw, meant = address
    data = PREFIX + raw + payload
    end = address_end(data)
    assert data[LED:end] == raw and data[end:] == payload
    assert address_end(memoryview(data)) == end
    assert read_address(raw) == meant


@given(address=ADDRESSES, cut=st.integers(0, 300))
def test_u07_a_header_that_is_cut_short_is_dropped(address: tuple[bytes, tuple[str, int]], cut: int) -> None:
    data = PREFIX + address[0]
    assert not address_end(data[: min(cut, len(data) - 1)])


@given(address=ADDRESSES, place=st.integers(0, LED - 1), value=st.integers(1, 255))
def test_u06_u07_fragments_and_reserved_bytes_are_dropped(
    address: tuple[bytes, tuple[str, int]], place: int, value: int
) -> None:
    data = bytearray(PREFIX + address[0] + b"payload")
    data[place] = value
    assert not address_end(data)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x03\x00\x01\xbb" + bytes(9),
        b"\x00" + bytes(19),
        b"\x02" + b"x" * 19,
        b"\xff" * 30,
        b"\x01\x01\x02\x03\x04\0\0",
    ],
    ids=["empty name", "type 0", "type 2", "type 255", "port 0"],
)
def test_u07_what_leads_nowhere_is_dropped(raw: bytes) -> None:
    assert not address_end(PREFIX + raw)


@given(data=st.binary(max_size=300))
def test_u07_whatever_comes_is_dropped_or_read(data: bytes) -> None:
    end = address_end(data)
    assert 0 <= end <= len(data)
    if end:
        found = read_address(bytes(data[LED:end]))
        assert found is None or (found[0] and found[1])


@pytest.mark.parametrize("name", [b"a b", b"a..b", b"\xff\xfe", b"1.2.3.400"])
def test_a_name_that_cannot_exist_is_none(name: bytes) -> None:
    raw = named(name, 53)
    assert address_end(PREFIX + raw) and read_address(raw) is None


def test_a_name_that_spells_an_address_is_one() -> None:
    assert read_address(named(b"127.1", 53)) == ("127.0.0.1", 53)
    assert read_address(named(b"[::1]", 53)) == ("::1", 53)


@given(ip=st.ip_addresses(), port=st.integers(0, 65535))
def test_address_bytes_are_those_of_rfc_1928(ip: IPv4Address | IPv6Address, port: int) -> None:
    family, kind = (socket.AF_INET, 1) if ip.version == 4 else (socket.AF_INET6, 4)
    assert address_bytes(str(ip), port) == bytes((kind,)) + socket.inet_pton(family, str(ip)) + port.to_bytes(2, "big")
