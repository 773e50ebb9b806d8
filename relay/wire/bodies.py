"""The bodies of the frames that travel after set-up: one pair of functions each, encode whole frames, parse bodies.

Every parser takes one body and raises ProtocolError for what is none. What stands behind the fields that it knows is
from a later version, and ignored; so are flags that it does not know. Integers are unsigned, big-endian.
"""

import struct
from collections.abc import Callable
from typing import Any

from relay.wire.errors import ProtocolError
from relay.wire.frames import Kind, frame

_PING = struct.Struct("!IIB")
_NUMBER = struct.Struct("!I")
_OPEN = struct.Struct("!QIHB")
_ATTACH = struct.Struct("!QIQQB")
_ATTACHED = struct.Struct("!QIQQQ")
_CONNECTED = struct.Struct("!QI")
_FIN = struct.Struct("!QQ")
_ACK = struct.Struct("!QQQ")
_RESET = struct.Struct("!QQB")
_TIMED = struct.Struct("!IIB")
_TIME = struct.Struct("!IHB")
_TWO_WINDOWS = struct.Struct("!II")
_WINDOWS_AND_FLAGS = struct.Struct("!IIB")
_STREAM = struct.Struct("!Q")
_WITHDRAWN = struct.Struct("!QQB")
_LABEL = struct.Struct("!8sHBB32s")
_LABELED = struct.Struct("!8sHB")
_ASSOC_GONE = struct.Struct("!IB")
LONGEST_HOST = 255
INITIAL_WINDOW = 256 * 1024
"""Bytes that either side of a stream may write before it hears from the other, unless OPEN says less. Smaller costs a
round trip on every middling answer (256 KiB is 10 Mbit/s at 200 ms), larger lets idle-looking streams promise more
memory than there is."""

STARTS = (INITIAL_WINDOW, INITIAL_WINDOW)
"""What an OPEN says that says nothing of it: the node's window, and the ingress's."""
STREAMS_RIDE = 1
"""PING flag: streams ride on this carrier."""
TELL_FIRST_BYTE = 1
"""OPEN flag: the node is to say when the target's first byte came."""
PLANNED = 1
"""ATTACH flag: the old carrier still delivers what it was given; go on from the next offset."""
KNOWS_CONNECTED = 2
"""ATTACH flag: CONNECTED has arrived, it need not be sent again."""


def _whole(kind: Kind, body: struct.Struct) -> tuple[Callable[..., bytes], int]:
    """A packer for header and body in one go, for the frames that are many; and the header."""
    return struct.Struct("!I" + body.format[1:]).pack, kind << 24 | body.size


_pack_attach, _ATTACH_HEADER = _whole(Kind.ATTACH, _ATTACH)
_pack_attached, _ATTACHED_HEADER = _whole(Kind.ATTACHED, _ATTACHED)
_pack_connected, _CONNECTED_HEADER = _whole(Kind.CONNECTED, _CONNECTED)
_pack_fin, _FIN_HEADER = _whole(Kind.FIN, _FIN)
_pack_ack, _ACK_HEADER = _whole(Kind.ACK, _ACK)
_pack_reset, _RESET_HEADER = _whole(Kind.RESET, _RESET)
_FIN_SIZE, _ACK_SIZE = _FIN.size, _ACK.size


def _fields(layout: struct.Struct, body: bytes) -> tuple[Any, ...]:
    if len(body) == layout.size:
        return layout.unpack(body)
    if len(body) < layout.size:
        raise ProtocolError(f"a body of {len(body)} bytes where {layout.size} belong")
    return layout.unpack_from(body)


def _host(body: bytes, start: int, size: int) -> str:
    """The host of *size* bytes at *start*, behind the fields of an OPEN or TIME."""
    host = body[start : start + size]
    if not size or len(host) < size:
        raise ProtocolError("a frame whose host is missing, or cut short")
    try:
        return host.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError("a frame whose host is not UTF-8") from error


def ping(number: int, trip: float, streams: bool) -> bytes:
    """*trip* (seconds) tells the node the path's round trip; *streams* whether any ride here."""
    return frame(Kind.PING, _PING.pack(number, min(round(trip * 1e6), 0xFFFFFFFF), STREAMS_RIDE * streams))


def parse_ping(body: bytes) -> tuple[int, float]:
    """Number and round trip in seconds."""
    number, micros, _ = _fields(_PING, body)
    return number, micros / 1e6


def pong(number: int) -> bytes:
    """PONG: the answer to the PING of that number."""
    return frame(Kind.PONG, _NUMBER.pack(number))


def parse_pong(body: bytes) -> int:
    """Number."""
    number: int = _fields(_NUMBER, body)[0]
    return number


def open_stream(
    stream: int, generation: int, host: str, port: int, starts: tuple[int, int] = STARTS, flags: int = 0
) -> bytes:
    """OPEN: *host* is a name or a literal address, 1 to LONGEST_HOST bytes in UTF-8. *starts* are the bytes that the
    node may write before it hears from the ingress, and the ingress before it hears from the node. *flags* is
    TELL_FIRST_BYTE, or 0."""
    name = host.encode()
    if flags:
        behind = _WINDOWS_AND_FLAGS.pack(*starts, flags)
    else:
        behind = b"" if starts == STARTS else _TWO_WINDOWS.pack(*starts)
    return frame(Kind.OPEN, _OPEN.pack(stream, generation, port, len(name)) + name + behind)


def parse_open(body: bytes) -> tuple[int, int, str, int, tuple[int, int], int]:
    """Stream, generation, host, port, how far the node and the ingress may write at first, and flags."""
    stream, generation, port, size = _fields(_OPEN, body)
    host, end = _host(body, _OPEN.size, size), _OPEN.size + size
    if len(body) == end:
        return stream, generation, host, port, STARTS, 0
    ours, theirs = _fields(_TWO_WINDOWS, body[end:])
    flags = body[end + _TWO_WINDOWS.size :][:1]
    if max(ours, theirs) > INITIAL_WINDOW:
        raise ProtocolError("an OPEN that starts with more than there is")
    return stream, generation, host, port, (ours, theirs), flags[0] if flags else 0


def start(window: int) -> bytes:
    """START: streams opened from now on may write *window* bytes before they hear from the node."""
    return frame(Kind.START, _NUMBER.pack(window))


def parse_start(body: bytes) -> int:
    """Bytes, as much as every stream may have at most."""
    return min(int(_fields(_NUMBER, body)[0]), INITIAL_WINDOW)


def attach(stream: int, generation: int, received: int, limit: int, flags: int) -> bytes:
    """ATTACH: go on over this carrier. *flags* are PLANNED and KNOWS_CONNECTED; what is told is as in ACK."""
    return _pack_attach(_ATTACH_HEADER, stream, generation, received, limit, flags)


def parse_attach(body: bytes) -> tuple[int, int, int, int, int]:
    """Stream, generation, received, limit, flags."""
    return _fields(_ATTACH, body)


def attached(stream: int, generation: int, received: int, limit: int, sent: int) -> bytes:
    """The answer to OPEN and ATTACH; what lies below *sent* travels on earlier carriers."""
    return _pack_attached(_ATTACHED_HEADER, stream, generation, received, limit, sent)


def parse_attached(body: bytes) -> tuple[int, int, int, int, int]:
    """Stream, generation, received, limit, sent."""
    return _fields(_ATTACHED, body)


def connected(stream: int, took: float) -> bytes:
    """The exit has connected to the target; the connect took *took* seconds."""
    return _pack_connected(_CONNECTED_HEADER, stream, min(round(took * 1e6), 0xFFFFFFFF))


def parse_connected(body: bytes) -> tuple[int, float]:
    """Stream, seconds."""
    stream, micros = _fields(_CONNECTED, body)
    return stream, micros / 1e6


def first_byte(stream: int, took: float) -> bytes:
    """FIRST_BYTE: from the client's last byte to the target's first it took *took* seconds at the exit."""
    return frame(Kind.FIRST_BYTE, _CONNECTED.pack(stream, min(round(took * 1e6), 0xFFFFFFFF)))


def parse_first_byte(body: bytes) -> tuple[int, float]:
    """Stream, seconds."""
    stream, micros = _fields(_CONNECTED, body)
    return stream, micros / 1e6


def fin(stream: int, offset: int) -> bytes:
    """FIN: the bytes end at *offset*."""
    return _pack_fin(_FIN_HEADER, stream, offset)


def parse_fin(body: bytes) -> tuple[int, int]:
    """Stream, offset."""
    return _FIN.unpack(body) if len(body) == _FIN_SIZE else _fields(_FIN, body)


def ack(stream: int, received: int, limit: int) -> bytes:
    """ACK: everything below *received* has arrived, and everything below *limit* may be written."""
    return _pack_ack(_ACK_HEADER, stream, received, limit)


def parse_ack(body: bytes) -> tuple[int, int, int]:
    """Stream, received, limit."""
    return _ACK.unpack(body) if len(body) == _ACK_SIZE else _fields(_ACK, body)


def reset(stream: int, cause: int, offset: int = 0) -> bytes:
    """RESET: all that was written lies below *offset* and comes before it; 0: at once, whatever is on the way."""
    return _pack_reset(_RESET_HEADER, stream, offset, cause)


def parse_reset(body: bytes) -> tuple[int, int, int]:
    """Stream, offset, cause."""
    return _fields(_RESET, body)


def withdraw(stream: int) -> bytes:
    """WITHDRAW: another exit is to have the stream, unless a target has had something of it."""
    return frame(Kind.WITHDRAW, _STREAM.pack(stream))


def parse_withdraw(body: bytes) -> int:
    """Stream."""
    stream: int = _fields(_STREAM, body)[0]
    return stream


def withdrawn(stream: int, given: int, cause: int) -> bytes:
    """The answer to WITHDRAW: bytes that a target was given, at least 1 once it is connected; then the stream goes on.
    With 0 it is over, and *cause* is what the exit was still waiting for."""
    return frame(Kind.WITHDRAWN, _WITHDRAWN.pack(stream, given, cause))


def parse_withdrawn(body: bytes) -> tuple[int, int, int]:
    """Stream, bytes, code of the cause."""
    return _fields(_WITHDRAWN, body)


def time_target(number: int, host: str, port: int) -> bytes:
    """TIME: connect to a target once, only to learn how long it takes."""
    name = host.encode()
    return frame(Kind.TIME, _TIME.pack(number, port, len(name)) + name)


def parse_time(body: bytes) -> tuple[int, str, int]:
    """Number, host, port."""
    number, port, size = _fields(_TIME, body)
    return number, _host(body, _TIME.size, size), port


def timed(number: int, took: float, cause: int) -> bytes:
    """The answer to TIME; *cause* is 0 when the connect succeeded."""
    return frame(Kind.TIMED, _TIMED.pack(number, min(round(took * 1e6), 0xFFFFFFFF), cause))


def parse_timed(body: bytes) -> tuple[int, float, int]:
    """Number, seconds, code of the cause."""
    number, micros, cause = _fields(_TIMED, body)
    return number, micros / 1e6, cause


def label(name: bytes, epoch: int, cipher: int, relays: int, secret: bytes) -> bytes:
    """LABEL: the datagrams of this path have the label *name*, come through *relays* relays, and are sealed by keys
    that come from *secret*."""
    return frame(Kind.LABEL, _LABEL.pack(name, epoch, cipher, relays, secret))


def parse_label(body: bytes) -> tuple[bytes, int, int, int, bytes]:
    """Label, epoch, code of the cipher, number of relays, secret."""
    return _fields(_LABEL, body)


def labeled(name: bytes, epoch: int, verdict: int) -> bytes:
    """The answer to LABEL; *verdict* is 0 when the label is taken, else a `Verdict` that says why not."""
    return frame(Kind.LABELED, _LABELED.pack(name, epoch, verdict))


def parse_labeled(body: bytes) -> tuple[bytes, int, int]:
    """Label, epoch, code of the verdict."""
    return _fields(_LABELED, body)


def assoc_end(association: int) -> bytes:
    """ASSOC_END: nobody uses this association any more."""
    return frame(Kind.ASSOC_END, _NUMBER.pack(association))


def parse_assoc_end(body: bytes) -> int:
    """Association."""
    number: int = _fields(_NUMBER, body)[0]
    return number


def assoc_gone(association: int, cause: int) -> bytes:
    """ASSOC_GONE: the exit has given this association up, or will not have it."""
    return frame(Kind.ASSOC_GONE, _ASSOC_GONE.pack(association, cause))


def parse_assoc_gone(body: bytes) -> tuple[int, int]:
    """Association, code of the cause."""
    return _fields(_ASSOC_GONE, body)
