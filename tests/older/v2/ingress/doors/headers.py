"""Which header fields pass a proxy (RFC 9110 section 7.6), both ways, and what is added.

Rules: fields meant for one hop end here, together with all that Connection names; framing and Host are written anew
and cannot be named away; credentials for this proxy never leave it. Fields keep their order and their spelling.
"""

from collections.abc import Iterable
from typing import Final

Field = tuple[bytes, bytes]
Fields = list[Field]

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authorization",
        b"proxy-authenticate",
        b"te",  # trailers are not handed on, so we must not say that we take them
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_CANNOT_BE_NAMED: Final = frozenset({b"host", b"content-length", b"via", b"max-forwards"})
"""What `Connection: content-length` and its like may not remove."""


def values(fields: Iterable[Field], name: bytes) -> list[bytes]:
    """The values of every field called *name* (lower case), in their order."""
    return [value for field, value in fields if field.lower() == name]


def members(fields: Iterable[Field], name: bytes) -> list[bytes]:
    """The members of the comma lists in every field called *name*."""
    stripped = (member.strip() for value in values(fields, name) for member in value.split(b","))
    return [member for member in stripped if member]


def tokens(fields: Iterable[Field], name: bytes) -> list[bytes]:
    """The same in lower case, for lists in which case means nothing."""
    return [member.lower() for member in members(fields, name)]


def end_to_end(fields: Fields) -> Fields:
    """The fields that are meant for the other end."""
    named = frozenset(tokens(fields, b"connection")) - _CANNOT_BE_NAMED
    ends = HOP_BY_HOP | named if named else HOP_BY_HOP
    return [field for field in fields if field[0].lower() not in ends]


def without(fields: Fields, *names: bytes) -> Fields:
    """*fields* without those called by one of *names*."""
    return [field for field in fields if field[0].lower() not in names]


def upgrade_asked(fields: Fields) -> list[bytes]:
    """The protocols that a message wants to change to, or changes to; empty if none.

    `h2c` is not counted: it needs HTTP2-Settings, which is for one hop, and HTTP/2 is not spoken here.
    """
    if b"upgrade" not in tokens(fields, b"connection"):
        return []
    return [protocol for protocol in members(fields, b"upgrade") if protocol.lower() != b"h2c"]


def upgrade_fields(protocols: list[bytes]) -> Fields:
    """The fields that pass an upgrade on."""
    return [(b"Connection", b"Upgrade"), (b"Upgrade", b", ".join(protocols))]


def via(version: bytes, pseudonym: str) -> Field:
    """Our entry, in a field of its own behind the others: the same as one more member of their list."""
    return b"Via", b"%b %b" % (version, pseudonym.encode("ascii"))


def passed_here(fields: Fields, pseudonym: str) -> bool:
    """Whether Via tells that this proxy has already forwarded the message."""
    own = pseudonym.lower().encode("ascii")
    return any(member.split()[1:2] == [own] for member in tokens(fields, b"via"))
