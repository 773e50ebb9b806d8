"""Proxy-Authorization: Basic (RFC 7617). What is not exactly one well-formed field counts as none at all."""

import base64
import binascii
from typing import NamedTuple

from ingress.doors.headers import Fields, values

MOST_ENCODED = 1024
"""Characters of base64: two texts of 255 bytes, as SOCKS5 could carry, take 684."""


class Credentials(NamedTuple):
    """A user and a password as bytes; compared as bytes."""

    user: bytes
    password: bytes

    def __repr__(self) -> str:
        return f"<Credentials of {self.user!r}>"


def parse_credentials(fields: Fields) -> Credentials | None:
    """What the client says it is, or None."""
    given = values(fields, b"proxy-authorization")
    if len(given) != 1:
        return None
    scheme, _, encoded = given[0].partition(b" ")
    if scheme.lower() != b"basic" or len(encoded) > MOST_ENCODED:
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except binascii.Error:
        return None
    return Credentials(user, password) if colon else None
