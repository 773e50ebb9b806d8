"""What a line's port understands: a SOCKS5 CONNECT to a literal address, without a password (RFC 1928). Pure."""

import ipaddress
import struct

SUCCEEDED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
REFUSED = b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"
NO_PASSWORD = b"\x05\x00"
ADDRESS_SIZES = {1: 4, 4: 16}


class NotSocks(Exception):
    """The client speaks something else, or asks for what no line gives."""


def parse_greeting(data: bytes) -> int | None:
    """The size of the greeting at the front of *data*, None if it stops short."""
    if data[:1] not in (b"", b"\x05"):
        raise NotSocks(f"version {data[0]}")
    if len(data) < 2 or len(data) < 2 + data[1]:
        return None
    if 0 not in data[2 : 2 + data[1]]:
        raise NotSocks("a line takes no password")
    return 2 + data[1]


def parse_connect(data: bytes) -> tuple[tuple[str, int], int] | None:
    """The address to dial and the size of the request at the front of *data*, None if it stops short."""
    if not b"\x05\x01\x00".startswith(data[:3]):
        raise NotSocks("not a CONNECT")
    if len(data) < 4:
        return None
    if (size := ADDRESS_SIZES.get(data[3])) is None:
        raise NotSocks("a line dials literal addresses only")
    end = 4 + size + 2
    if len(data) < end:
        return None
    host = ipaddress.ip_address(data[4 : 4 + size])
    (port,) = struct.unpack_from(">H", data, 4 + size)
    return (str(host), port), end
