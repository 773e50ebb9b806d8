"""The addresses of this machine's interfaces, asked of the kernel by rtnetlink(7): one datagram there, some back.

Nothing in Python's library tells them (getaddrinfo of the machine's own name tells what a file says).
"""

import contextlib
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator

from relay.model.addresses import IpAddress

NLMSG_ERROR, NLMSG_DONE, RTM_NEWADDR, RTM_GETADDR = 2, 3, 20, 22
REQUEST_DUMP = 0x301
"""NLM_F_REQUEST and NLM_F_DUMP: all that there are."""
IFA_ADDRESS, IFA_LOCAL = 1, 2
"""The second is the machine's own where the first is the other end of a point-to-point link; IPv6 mostly has the first
alone."""
PATIENCE = 0.05
"""Seconds, in which all else stands still. The kernel answers within the call; a sandbox that imitates one may not."""
LONGEST = 1 << 16
"""Bytes of one datagram; the kernel takes 32 KiB at most."""

_HEADER = struct.Struct("=IHHII")
_ADDRESS = struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_QUESTION = _HEADER.pack(_HEADER.size + _ADDRESS.size, RTM_GETADDR, REQUEST_DUMP, 1, 0) + bytes(_ADDRESS.size)


def interface_addresses() -> frozenset[IpAddress]:
    """Every address of every interface, loopback included.

    Raises:
        OSError: the kernel does not tell.
    """
    found: set[IpAddress] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(PATIENCE)
        kernel.send(_QUESTION)
        is_over = False
        while not is_over:
            is_over, addresses = parse_answer(kernel.recv(LONGEST))
            found |= addresses
    return frozenset(found)


def parse_answer(data: bytes) -> tuple[bool, set[IpAddress]]:
    """Whether one datagram of the answer is the last, and the addresses in it. What makes no sense is passed over.

    Raises:
        OSError: it says that the kernel does not answer.
    """
    found: set[IpAddress] = set()
    for kind, body in _messages(data):
        if kind == NLMSG_ERROR:
            raise OSError(-int.from_bytes(body[:4], sys.byteorder, signed=True), "rtnetlink(7) does not answer")
        if kind == NLMSG_DONE:
            return True, found
        if kind == RTM_NEWADDR:
            found |= _address_in(body)
    return not data, found


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        size, kind, *_ = _HEADER.unpack_from(data, at)
        if size < _HEADER.size:
            return
        yield kind, data[at + _HEADER.size : at + size]
        at += _aligned(size)


def _address_in(body: bytes) -> set[IpAddress]:
    at, values = _ADDRESS.size, dict[int, bytes]()
    while at + _ATTRIBUTE.size <= len(body):
        size, kind = _ATTRIBUTE.unpack_from(body, at)
        if size < _ATTRIBUTE.size:
            break
        values[kind] = body[at + _ATTRIBUTE.size : at + size]
        at += _aligned(size)
    with contextlib.suppress(ValueError):  # of a family that has no such addresses
        return {ipaddress.ip_address(values.get(IFA_LOCAL) or values.get(IFA_ADDRESS, b""))}
    return set()


def _aligned(size: int) -> int:
    return (size + 3) & ~3
