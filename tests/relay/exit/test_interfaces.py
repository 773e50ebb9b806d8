"""What the kernel says of interfaces, and any bytes in its place."""

import errno
import ipaddress
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.exit.interfaces import IFA_ADDRESS, IFA_LOCAL, interface_addresses, parse_answer
from relay.model.addresses import IpAddress

DONE = struct.pack("=IHHII", 20, 3, 2, 1, 7) + bytes(4)


def message(*attributes: tuple[int, bytes], kind: int = 20) -> bytes:
    body = bytes(8) + b"".join(
        struct.pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4) for number, value in attributes
    )
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 7) + body


def test_this_machines_loopback_is_among_them() -> None:
    assert ipaddress.ip_address("127.0.0.1") in interface_addresses()


@given(st.lists(st.ip_addresses(), max_size=20))
def test_all_addresses_are_read(addresses: list[IpAddress]) -> None:
    data = b"".join(message((3, b"eth0\0"), (IFA_ADDRESS, one.packed)) for one in addresses)
    assert parse_answer(data + DONE) == (True, set(addresses))
    assert parse_answer(data) == (not data, set(addresses))


def test_of_a_point_to_point_link_the_own_end_counts() -> None:
    own, other = ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("10.0.0.2")
    data = message((IFA_ADDRESS, other.packed), (IFA_LOCAL, own.packed)) + message(kind=16) + message()
    assert parse_answer(data + DONE) == (True, {own})


def test_a_refusal_is_an_error() -> None:
    refusal = struct.pack("=IHHIIi", 20, 2, 0, 1, 7, -errno.EPERM)
    with pytest.raises(OSError, match="rtnetlink") as caught:
        parse_answer(refusal)
    assert caught.value.errno == errno.EPERM
    assert sys.byteorder in ("little", "big")


@given(st.binary(max_size=200), st.integers(0, 60))
def test_no_bytes_raise_but_a_refusal(noise: bytes, cut: int) -> None:
    whole = message((IFA_ADDRESS, bytes(4))) + DONE
    for data in (noise, whole[:cut] + noise, whole[:cut]):
        try:
            parse_answer(data)
        except OSError as error:
            assert "rtnetlink" in str(error)


def test_what_says_that_it_is_shorter_than_its_head_ends_there() -> None:
    """Or it would be read for ever."""
    first, second = ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("10.0.0.2")
    known = message((IFA_ADDRESS, first.packed))
    stuck = struct.pack("=IHHII", 0, 20, 2, 1, 7)
    assert parse_answer(known + stuck + message((IFA_ADDRESS, second.packed))) == (False, {first})
    body = (
        bytes(8) + struct.pack("=HH", 4 + 4, IFA_ADDRESS) + first.packed + struct.pack("=HH", 0, IFA_LOCAL) + bytes(4)
    )
    assert parse_answer(struct.pack("=IHHII", 16 + len(body), 20, 2, 1, 7) + body) == (False, {first})
