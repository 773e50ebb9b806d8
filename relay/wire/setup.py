"""The messages before a carrier carries streams: TRANSIT, PROCEED at relays, HELLO, WELCOME at the end, REFUSED.

Each is a frame like all others (relay.wire.frames), sent inside TLS. TRANSIT, HELLO and WELCOME begin with the
version; of another version nothing but the version is read, since its layout is not ours to know.
"""

import enum
import struct
from collections.abc import Callable
from typing import TypeVar

import attrs

from relay.wire.errors import ProtocolError, printable
from relay.wire.frames import HEADER_SIZE, Kind, frame

VERSION = 1
TOKEN_SIZE = 16
DIGEST_SIZE = 8
LONGEST_SETUP = 1024
"""Bytes of a set-up body: a stranger who got through TLS still cannot make us hold more."""


class Refusal(enum.IntEnum):
    """Why a node refuses a TRANSIT or HELLO; the value is the wire code."""

    VERSION = 1
    NOT_AN_INGRESS = 2
    UNKNOWN_LINE = 3
    STALE_CONFIG = 4
    DIAL_FAILED = 5
    UNKNOWN_SESSION = 6
    LIMIT = 7
    DRAINING = 8
    PROTOCOL = 9
    NOT_AN_EXIT = 10
    DIAL_REFUSED = 11
    """The line's end answered the dial with a refusal: nothing listens there."""


class Purpose(enum.IntEnum):
    """What the ingress wants a carrier for."""

    THIN = 1
    BULK = 2
    PREFIX = 3
    """It ends at a node to measure and to hear of it; it carries no streams."""


@attrs.frozen
class Transit:
    """Dial this line of yours for me; *digest* is what I know of it."""

    line: str
    digest: bytes
    version: int = VERSION


@attrs.frozen
class Proceed:
    """The line is dialled, TLS ends here, the next bytes go to the line's end."""

    dial: float
    """Seconds that the dial took."""


@attrs.frozen
class Hello:
    """A carrier ends here and belongs to the session named by *token*."""

    purpose: Purpose
    token: bytes
    resume: bool
    """The session was welcomed before: if it is not known, refuse, and do not make a new one."""
    digest: bytes
    program: str
    version: int = VERSION


@attrs.frozen
class Welcome:
    """The carrier is up."""

    digest: bytes
    """The node's own digest of the network."""
    program: str
    draining: bool
    not_after: float
    """When the node's certificate ends, seconds since 1970."""
    version: int = VERSION


@attrs.frozen
class Refused:
    """It is not; *text* is for the operator."""

    reason: Refusal
    text: str


Message = Transit | Proceed | Hello | Welcome | Refused

_HELLO = struct.Struct(f"!BBB{TOKEN_SIZE}s{DIGEST_SIZE}s")
_WELCOME = struct.Struct(f"!BB{DIGEST_SIZE}sQ")
_TRANSIT = struct.Struct(f"!B{DIGEST_SIZE}s")
_PROCEED = struct.Struct("!I")
M = TypeVar("M")


def encode(message: Message) -> bytes:
    """The whole frame of a set-up message."""
    match message:
        case Transit(line, digest, version):
            return frame(Kind.TRANSIT, _TRANSIT.pack(version, digest) + line.encode())
        case Proceed(dial):
            return frame(Kind.PROCEED, _PROCEED.pack(min(round(dial * 1e6), 0xFFFFFFFF)))
        case Hello(purpose, token, resume, digest, program, version):
            return frame(Kind.HELLO, _HELLO.pack(version, purpose, resume, token, digest) + program.encode())
        case Welcome(digest, program, draining, not_after, version):
            return frame(Kind.WELCOME, _WELCOME.pack(version, draining, digest, int(not_after)) + program.encode())
        case Refused(reason, text):
            return frame(Kind.REFUSED, bytes([reason]) + text.encode()[: LONGEST_SETUP // 2])


def parse_setup(data: bytes) -> tuple[Message, int] | None:
    """Read one set-up message from the front of *data*.

    Returns:
        The message and the number of bytes it took, or None if *data* ends too soon.

    Raises:
        ProtocolError: the bytes can never become a set-up message.
    """
    if not data:
        return None
    if data[0] not in _PARSERS:
        raise ProtocolError(f"frame kind {data[0]} during set-up")
    if len(data) < HEADER_SIZE:
        return None
    size = int.from_bytes(data[1:HEADER_SIZE], "big")
    if size > LONGEST_SETUP:
        raise ProtocolError(f"a set-up body of {size} bytes")
    if len(data) < HEADER_SIZE + size:
        return None
    return _parse(data[0], data[HEADER_SIZE : HEADER_SIZE + size]), HEADER_SIZE + size


def _parse(kind: int, body: bytes) -> Message:
    try:
        return _PARSERS[kind](body)
    except (struct.error, ValueError, IndexError) as error:
        raise ProtocolError(f"a malformed {Kind(kind).name}") from error


def _transit(body: bytes) -> Transit:
    if body[0] != VERSION:
        return Transit("", b"", body[0])
    version, digest = _TRANSIT.unpack_from(body)
    return Transit(body[_TRANSIT.size :].decode("ascii"), digest, version)


def _proceed(body: bytes) -> Proceed:
    return Proceed(_PROCEED.unpack(body)[0] / 1e6)


def _hello(body: bytes) -> Hello:
    if body[0] != VERSION:
        return Hello(Purpose.THIN, b"", False, b"", "", body[0])
    version, purpose, resume, token, digest = _HELLO.unpack_from(body)
    return Hello(Purpose(purpose), token, bool(resume), digest, _text(body[_HELLO.size :]), version)


def _welcome(body: bytes) -> Welcome:
    if body[0] != VERSION:
        return Welcome(b"", "", False, 0.0, body[0])
    version, draining, digest, not_after = _WELCOME.unpack_from(body)
    return Welcome(digest, _text(body[_WELCOME.size :]), bool(draining), float(not_after), version)


def _refused(body: bytes) -> Refused:
    return Refused(Refusal(body[0]), _text(body[1:]))


def _text(data: bytes) -> str:
    return printable(data.decode("ascii", "replace"))


_PARSERS: dict[int, Callable[[bytes], Message]] = {
    Kind.TRANSIT: _transit,
    Kind.PROCEED: _proceed,
    Kind.HELLO: _hello,
    Kind.WELCOME: _welcome,
    Kind.REFUSED: _refused,
}
