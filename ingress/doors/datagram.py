"""A client's datagrams as SOCKS5 wraps them (RFC 1928 section 7). Pure; asked for every datagram.

    RSV 2 | FRAG 1 | ATYP 1 | DST.ADDR | DST.PORT 2 | DATA

ATYP, address and port, here called the *address bytes*, travel to the exit as they are: nothing is resolved here.
"""

from socket import AF_INET, AF_INET6, inet_ntoa, inet_pton
from typing import Final

from ingress.doors.names import BadHost, parse_host, spell_ipv6

_IPV4, _NAME, _IPV6 = 0x01, 0x03, 0x04
LED: Final = 3
"""Bytes before the address bytes: RSV and FRAG."""
PREFIX: Final = bytes(LED)
"""What they say, in either direction: no datagram is a fragment of another."""
_IPV4_END, _IPV6_END = LED + 7, LED + 19
_LEAST = LED + 5
"""Bytes of the shortest there is: a name of one letter, and nothing behind it."""


def address_end(data: bytes | memoryview) -> int:
    """Where the address bytes end and the payload begins, which may be empty; 0 if the datagram must be dropped.

    That is what is cut short, has bytes that are reserved, an unknown type, an empty name, port 0; and every fragment,
    since who does not put fragments together must drop them (RFC 1928 section 7).
    """
    size = len(data)
    if size < _LEAST or data[0] or data[1] or data[2]:
        return 0
    kind = data[3]
    if kind == _IPV4:
        end = _IPV4_END
    elif kind == _IPV6:
        end = _IPV6_END
    elif kind == _NAME and data[4]:
        end = LED + 4 + data[4]
    else:
        return 0
    return end if size >= end and (data[end - 2] or data[end - 1]) else 0


def read_address(raw: bytes) -> tuple[str, int] | None:
    """The host and port that address bytes mean, the host as `parse_host` spells it; None for what cannot exist.

    *raw* is what `address_end` has found.
    """
    kind, port = raw[0], raw[-2] << 8 | raw[-1]
    if kind == _IPV4:
        return inet_ntoa(raw[1:5]), port
    if kind == _IPV6:
        return spell_ipv6(raw[1:17]), port
    try:
        return parse_host(raw[2:-2]), port
    except BadHost:
        return None


def address_bytes(host: str, port: int) -> bytes:
    """The address bytes of a literal address."""
    kind, family = (_IPV6, AF_INET6) if ":" in host else (_IPV4, AF_INET)
    return bytes((kind,)) + inet_pton(family, host) + port.to_bytes(2, "big")
