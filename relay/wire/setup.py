"""The messages before a carrier carries streams: TRANSIT, PROCEED at relays, HELLO, WELCOME at the end, REFUSED.

Each is a frame like all others (relay.wire.frames), sent inside TLS. TRANSIT, HELLO and WELCOME begin with the newest
version that the sender speaks, and go on in fields; that much, and the whole of REFUSED, is the same in all versions.
"""

import struct
from collections.abc import Callable, Iterator

import attrs

from relay.model.families import ALL_FAMILIES, Families
from relay.wire.codes import OUR_FEATURES, Feature, Purpose, Reason, Tag, Verdict
from relay.wire.datagrams import HOP_KEY_SIZE, LABEL_SIZE, TO_INGRESS
from relay.wire.errors import ProtocolError, printable
from relay.wire.fields import Fields, join
from relay.wire.frames import HEADER_SIZE, Kind, frame
from relay.wire.versions import FIELDS_SINCE, NEWEST, OURS, Versions, agree

TOKEN_SIZE = 16
DIGEST_SIZE = 8
LATEST = 253_402_300_799
"""Seconds: the last second of the year 9999, beyond which no certificate goes (RFC 5280 section 4.1.2.5)."""
LONGEST_SETUP = 1024
"""Bytes of a set-up body: a stranger who got through TLS still cannot make us hold more."""
LONGEST_TEXT = LONGEST_SETUP // 2
"""Bytes of the text of REFUSED."""
_MICROS_SIZE = 4


@attrs.frozen
class Transit:
    """Dial this line of yours for me; *digest* is what I know of it."""

    line: str
    digest: bytes
    via: str
    """The line by which this connection comes: a node cannot know it by itself."""
    left: int
    """Lines that the path still has from the node on, this one included."""
    serial: int = 0
    """Of the file that I know it by: so that the node can say which of the two is the older."""
    versions: Versions = OURS
    label: bytes = b""
    """Of the datagrams that go along this path; nothing: none do."""
    place: int = 0
    """Which relay of the path the node is, from 1: so many MACs stand in a probe up to its own."""
    hop_key: bytes = b""
    """What its MAC is made with."""


@attrs.frozen
class Proceed:
    """The line is dialled, TLS ends here, the next bytes go to the line's end."""

    dial: float
    """Seconds that the dial took."""
    agreed: int = NEWEST
    takes: Verdict | None = None
    """What became of the label; None: the node knows none, or was told none."""


@attrs.frozen
class Hello:
    """A carrier ends here and belongs to the session named by *token*."""

    purpose: Purpose | int
    """A bare number is a purpose that is not known here."""
    token: bytes
    resume: bool
    """The session was welcomed before: if it is not known, refuse, and do not make a new one."""
    digest: bytes
    """Of what concerns the node, as the ingress's file has it."""
    serial: int
    """Of the ingress's file."""
    program: str
    via: str
    """The last line of the path."""
    features: Feature = OUR_FEATURES
    versions: Versions = OURS


@attrs.frozen
class Welcome:
    """The carrier is up."""

    digest: bytes
    """Of what concerns the node, as its own file has it."""
    serial: int
    program: str
    draining: bool
    not_after: float
    """When the node's certificate ends, seconds since 1970."""
    features: Feature = OUR_FEATURES
    agreed: int = NEWEST
    versions: Versions = OURS
    families: Families = ALL_FAMILIES
    """Those that the node reaches the world by, as it has tried."""


@attrs.frozen
class Refused:
    """It is not; *text* is for the operator."""

    reason: Reason
    text: str


@attrs.frozen
class OtherVersion:
    """A TRANSIT, HELLO or WELCOME of somebody with whom we share no version; nothing else of it was read."""

    kind: Kind
    versions: Versions


Message = Transit | Proceed | Hello | Welcome | Refused
Parsed = Message | OtherVersion


def encode(message: Message) -> bytes:
    """The whole frame of a set-up message."""
    match message:
        case Transit():
            return frame(Kind.TRANSIT, _led(message.versions, _of_transit(message)))
        case Proceed():
            return frame(Kind.PROCEED, _micros(message.dial) + join(_of_proceed(message)))
        case Hello():
            return frame(Kind.HELLO, _led(message.versions, _of_hello(message)))
        case Welcome():
            return frame(Kind.WELCOME, _led(message.versions, _of_welcome(message)))
        case Refused(reason, text):
            return frame(Kind.REFUSED, _byte(reason) + text.encode()[:LONGEST_TEXT])


def _led(versions: Versions, fields: dict[Tag, bytes]) -> bytes:
    return _byte(versions.newest) + join([(Tag.OLDEST, _byte(versions.oldest)), *fields.items()])


def _of_proceed(message: Proceed) -> Iterator[tuple[Tag, bytes]]:
    yield Tag.AGREED, _byte(message.agreed)
    if message.takes is not None:
        yield Tag.TAKES, _byte(message.takes)


def _of_transit(message: Transit) -> dict[Tag, bytes]:
    of_label = {Tag.LABEL: message.label, Tag.PLACE: _byte(message.place), Tag.HOP_KEY: message.hop_key}
    return {
        Tag.LINE: message.line.encode(),
        Tag.DIGEST: message.digest,
        Tag.VIA: message.via.encode(),
        Tag.LEFT: _byte(message.left),
        Tag.SERIAL: _long(message.serial),
        **(of_label if message.label else {}),
    }


def _of_hello(message: Hello) -> dict[Tag, bytes]:
    return {
        Tag.PURPOSE: _byte(message.purpose),
        Tag.TOKEN: message.token,
        Tag.RESUME: _byte(message.resume),
        Tag.DIGEST: message.digest,
        Tag.SERIAL: _long(message.serial),
        Tag.PROGRAM: message.program.encode(),
        Tag.VIA: message.via.encode(),
        Tag.FEATURES: _long(message.features),
    }


def _of_welcome(message: Welcome) -> dict[Tag, bytes]:
    return {
        Tag.AGREED: _byte(message.agreed),
        Tag.DIGEST: message.digest,
        Tag.SERIAL: _long(message.serial),
        Tag.PROGRAM: message.program.encode(),
        Tag.DRAINING: _byte(message.draining),
        Tag.NOT_AFTER: _long(int(message.not_after)),
        Tag.FEATURES: _long(message.features),
        Tag.FAMILIES: _byte(message.families),
    }


def _byte(value: int) -> bytes:
    return value.to_bytes(1, "big")


def _long(value: int) -> bytes:
    return value.to_bytes(8, "big")


def _micros(seconds: float) -> bytes:
    return min(round(seconds * 1e6), 0xFFFFFFFF).to_bytes(_MICROS_SIZE, "big")


def parse_setup(data: bytes) -> tuple[Parsed, int] | None:
    """Read one set-up message from the front of *data*.

    Returns:
        The message and the number of bytes it took, or None if *data* ends too soon.

    Raises:
        NotUnderstoodError: it holds a field that is not known here and may not be ignored.
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
    return _parse(Kind(data[0]), data[HEADER_SIZE : HEADER_SIZE + size]), HEADER_SIZE + size


def _parse(kind: Kind, body: bytes) -> Parsed:
    try:
        return _PARSERS[kind](body)
    except (struct.error, ValueError, IndexError) as error:
        raise ProtocolError(f"a malformed {kind.name}") from error


def _with_versions(kind: Kind, read: Callable[[Fields, Versions], Message]) -> Callable[[bytes], Parsed]:
    """A parser of messages that begin with a version."""

    def parse(body: bytes) -> Parsed:
        newest = body[0]
        if newest < FIELDS_SINCE:
            return OtherVersion(kind, Versions(newest, newest))
        fields = Fields(kind.name, body[1:])
        versions = Versions(fields.number(Tag.OLDEST, 1, newest), newest)
        if versions.oldest > newest:
            raise ProtocolError(f"a {kind.name} of somebody whose oldest version is above the newest")
        if agree(versions) is None:
            return OtherVersion(kind, versions)
        message = read(fields, versions)
        fields.finish()
        return message

    return parse


def _transit(fields: Fields, versions: Versions) -> Transit:
    return Transit(
        fields.text(Tag.LINE),
        fields.exactly(Tag.DIGEST, DIGEST_SIZE),
        fields.text(Tag.VIA),
        fields.number(Tag.LEFT, 1),
        fields.number(Tag.SERIAL, 8, 0),
        versions,
        *_label(fields),
    )


def _label(fields: Fields) -> tuple[bytes, int, bytes]:
    """Label, place and hop key; either all of them are there, or none counts."""
    label = fields.maybe(Tag.LABEL, LABEL_SIZE)
    if not label:
        return b"", 0, b""
    if label[0] & TO_INGRESS:
        raise ProtocolError("a label that leads to the ingress")
    return label, fields.number(Tag.PLACE, 1), fields.exactly(Tag.HOP_KEY, HOP_KEY_SIZE)


def _hello(fields: Fields, versions: Versions) -> Hello:
    return Hello(
        _purpose(fields.number(Tag.PURPOSE, 1)),
        fields.exactly(Tag.TOKEN, TOKEN_SIZE),
        bool(fields.number(Tag.RESUME, 1, 0)),
        fields.exactly(Tag.DIGEST, DIGEST_SIZE),
        fields.number(Tag.SERIAL, 8, 0),
        fields.text(Tag.PROGRAM),
        fields.text(Tag.VIA),
        Feature(fields.number(Tag.FEATURES, 8, 0)),
        versions,
    )


def _purpose(number: int) -> Purpose | int:
    return Purpose(number) if number in _PURPOSES else number


def _welcome(fields: Fields, versions: Versions) -> Welcome:
    return Welcome(
        fields.exactly(Tag.DIGEST, DIGEST_SIZE),
        fields.number(Tag.SERIAL, 8, 0),
        fields.text(Tag.PROGRAM),
        bool(fields.number(Tag.DRAINING, 1, 0)),
        _not_after(fields),
        Feature(fields.number(Tag.FEATURES, 8, 0)),
        fields.number(Tag.AGREED, 1),
        versions,
        Families(fields.number(Tag.FAMILIES, 1, ALL_FAMILIES)) & ALL_FAMILIES or ALL_FAMILIES,
    )


def _not_after(fields: Fields) -> float:
    seconds = fields.number(Tag.NOT_AFTER, 8)
    if seconds > LATEST:
        raise ProtocolError(f"a certificate that ends {seconds} s after 1970, which is beyond the year 9999")
    return float(seconds)


def _proceed(body: bytes) -> Proceed:
    if len(body) < _MICROS_SIZE:
        raise ProtocolError("a PROCEED without the time of its dial")
    fields = Fields(Kind.PROCEED.name, body[_MICROS_SIZE:])
    agreed, takes = fields.number(Tag.AGREED, 1), fields.maybe(Tag.TAKES, 1)
    dial = int.from_bytes(body[:_MICROS_SIZE], "big") / 1e6
    message = Proceed(dial, agreed, Verdict(takes[0]) if takes else None)
    fields.finish()
    return message


def _refused(body: bytes) -> Refused:
    return Refused(Reason(body[0]), printable(body[1:].decode("utf-8", "replace")))


_PURPOSES = frozenset(Purpose)
_PARSERS: dict[int, Callable[[bytes], Parsed]] = {
    Kind.TRANSIT: _with_versions(Kind.TRANSIT, _transit),
    Kind.PROCEED: _proceed,
    Kind.HELLO: _with_versions(Kind.HELLO, _hello),
    Kind.WELCOME: _with_versions(Kind.WELCOME, _welcome),
    Kind.REFUSED: _refused,
}
