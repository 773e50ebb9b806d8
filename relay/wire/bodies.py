"""The bodies of the frames that travel after set-up: one pair of functions each, encode whole frames, parse bodies.

Every parser takes exactly one body and raises ProtocolError for any other. Integers are unsigned, big-endian.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

import attrs

from relay.wire.errors import ProtocolError, printable
from relay.wire.frames import Kind, frame

_PING = struct.Struct("!IIB")
_NUMBER = struct.Struct("!I")
_OPEN = struct.Struct("!QIH")
_ATTACH = struct.Struct("!QIQQB")
_ATTACHED = struct.Struct("!QIQQQ")
_CONNECTED = struct.Struct("!QI")
_FIN = struct.Struct("!QQ")
_ACK = struct.Struct("!QQQ")
_RESET = struct.Struct("!QB")
_TIMED = struct.Struct("!IIB")
_TIME = struct.Struct("!IH")
LONGEST_HOST = 255

PLANNED = 1
"""ATTACH flag: the old carrier still delivers what it was given; go on from the next offset."""
KNOWS_CONNECTED = 2
"""ATTACH flag: CONNECTED has arrived, it need not be sent again."""


def _whole(kind: Kind, body: struct.Struct) -> Callable[..., bytes]:
    """A packer for header and body in one go, for the frames that are many."""
    pack = struct.Struct("!I" + body.format[1:]).pack
    header = kind << 24 | body.size
    return lambda *fields: pack(header, *fields)


_pack_attach = _whole(Kind.ATTACH, _ATTACH)
_pack_attached = _whole(Kind.ATTACHED, _ATTACHED)
_pack_connected = _whole(Kind.CONNECTED, _CONNECTED)
_pack_fin = _whole(Kind.FIN, _FIN)
_pack_ack = _whole(Kind.ACK, _ACK)
_pack_reset = _whole(Kind.RESET, _RESET)


def _fields(layout: struct.Struct, body: bytes) -> tuple[Any, ...]:
    if len(body) != layout.size:
        raise ProtocolError(f"a body of {len(body)} bytes where {layout.size} belong")
    return layout.unpack(body)


def ping(number: int, trip: float, streams: bool) -> bytes:
    """*trip* (seconds) tells the node the path's round trip; *streams* whether any ride here."""
    return frame(Kind.PING, _PING.pack(number, min(round(trip * 1e6), 0xFFFFFFFF), streams))


def parse_ping(body: bytes) -> tuple[int, float]:
    """Number and round trip in seconds."""
    number, micros, _ = _fields(_PING, body)
    return number, micros / 1e6


def pong(number: int) -> bytes:
    return frame(Kind.PONG, _NUMBER.pack(number))


def parse_pong(body: bytes) -> int:
    number: int = _fields(_NUMBER, body)[0]
    return number


def open_stream(stream: int, generation: int, host: str, port: int) -> bytes:
    """OPEN: *host* is a name or a literal address, at most LONGEST_HOST bytes in UTF-8."""
    return frame(Kind.OPEN, _OPEN.pack(stream, generation, port) + host.encode())


def parse_open(body: bytes) -> tuple[int, int, str, int]:
    """Stream, generation, host, port."""
    if not _OPEN.size < len(body) <= _OPEN.size + LONGEST_HOST:
        raise ProtocolError("an OPEN without a host, or with one too long")
    stream, generation, port = _OPEN.unpack_from(body)
    try:
        return stream, generation, body[_OPEN.size :].decode(), port
    except UnicodeDecodeError as error:
        raise ProtocolError("an OPEN whose host is not UTF-8") from error


def attach(stream: int, generation: int, received: int, limit: int, flags: int) -> bytes:
    return _pack_attach(stream, generation, received, limit, flags)


def parse_attach(body: bytes) -> tuple[int, int, int, int, int]:
    """Stream, generation, received, limit, flags."""
    return _fields(_ATTACH, body)


def attached(stream: int, generation: int, received: int, limit: int, sent: int) -> bytes:
    """The answer to OPEN and ATTACH; what lies below *sent* travels on earlier carriers."""
    return _pack_attached(stream, generation, received, limit, sent)


def parse_attached(body: bytes) -> tuple[int, int, int, int, int]:
    """Stream, generation, received, limit, sent."""
    return _fields(_ATTACHED, body)


def connected(stream: int, took: float) -> bytes:
    """The exit has connected to the target; the connect took *took* seconds."""
    return _pack_connected(stream, min(round(took * 1e6), 0xFFFFFFFF))


def parse_connected(body: bytes) -> tuple[int, float]:
    stream, micros = _fields(_CONNECTED, body)
    return stream, micros / 1e6


def fin(stream: int, offset: int) -> bytes:
    return _pack_fin(stream, offset)


def parse_fin(body: bytes) -> tuple[int, int]:
    return _fields(_FIN, body)


def ack(stream: int, received: int, limit: int) -> bytes:
    return _pack_ack(stream, received, limit)


def parse_ack(body: bytes) -> tuple[int, int, int]:
    return _fields(_ACK, body)


def reset(stream: int, cause: int) -> bytes:
    return _pack_reset(stream, cause)


def parse_reset(body: bytes) -> tuple[int, int]:
    return _fields(_RESET, body)


def time_target(number: int, host: str, port: int) -> bytes:
    """TIME: connect to a target once, only to learn how long it takes."""
    return frame(Kind.TIME, _TIME.pack(number, port) + host.encode())


def parse_time(body: bytes) -> tuple[int, str, int]:
    if not _TIME.size < len(body) <= _TIME.size + LONGEST_HOST:
        raise ProtocolError("a TIME without a host, or with one too long")
    number, port = _TIME.unpack_from(body)
    try:
        return number, body[_TIME.size :].decode(), port
    except UnicodeDecodeError as error:
        raise ProtocolError("a TIME whose host is not UTF-8") from error


def timed(number: int, took: float, cause: int) -> bytes:
    """The answer to TIME; *cause* is 0 when the connect succeeded."""
    return frame(Kind.TIMED, _TIMED.pack(number, min(round(took * 1e6), 0xFFFFFFFF), cause))


def parse_timed(body: bytes) -> tuple[int, float, int]:
    number, micros, cause = _fields(_TIMED, body)
    return number, micros / 1e6, cause


@attrs.frozen
class LineReport:
    """What a node says of one of its own lines: how long the last dial of its address took, or why it failed."""

    line: str
    dial: float | None
    error: str | None = None


def lines(digest: bytes, reports: list[LineReport]) -> bytes:
    """What a node tells once a minute, and when it has read its file again: its network's digest, its lines' dials."""
    rows = [[one.line, one.dial, one.error] for one in reports]
    return frame(Kind.LINES, json.dumps({"network": digest.hex(), "lines": rows}).encode())


def parse_lines(body: bytes) -> tuple[bytes, list[LineReport]]:
    """The node's digest of the network, and its reports."""
    try:
        told = json.loads(body)
        reports = [
            LineReport(printable(str(line)), _seconds(dial), None if error is None else printable(str(error)))
            for line, dial, error in told["lines"]
        ]
        return bytes.fromhex(told["network"]), reports
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ProtocolError("a LINES body that is not a digest and a list of reports") from error


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise ValueError("not a duration")
    return float(value)
