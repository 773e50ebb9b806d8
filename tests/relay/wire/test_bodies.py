"""Bodies: what is encoded is parsed back, and any other bytes are a body or a protocol error, nothing else."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.cause import Cause
from relay.wire import bodies
from relay.wire.errors import ProtocolError
from relay.wire.frames import HEADER_SIZE, Kind

U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)
U16 = st.integers(0, 2**16 - 1)
U8 = st.integers(0, 255)
LABEL = st.binary(min_size=8, max_size=8)
SECRET = st.binary(min_size=32, max_size=32)
HOST = st.text(min_size=1, max_size=63).filter(lambda host: not any(0xD800 <= ord(char) < 0xE000 for char in host))
START = st.integers(0, bodies.INITIAL_WINDOW)
STARTS = st.tuples(START, START)
SECONDS = st.integers(0, 2**32 - 1).map(lambda micros: micros / 1e6)

TABLE: list[tuple[Kind, Callable[..., bytes], Callable[[bytes], Any], tuple[st.SearchStrategy[Any], ...]]] = [
    (Kind.OPEN, bodies.open_stream, bodies.parse_open, (U64, U32, HOST, U16, STARTS, U8)),
    (Kind.START, bodies.start, lambda body: (bodies.parse_start(body),), (START,)),
    (Kind.ATTACH, bodies.attach, bodies.parse_attach, (U64, U32, U64, U64, U8)),
    (Kind.ATTACHED, bodies.attached, bodies.parse_attached, (U64, U32, U64, U64, U64)),
    (Kind.CONNECTED, bodies.connected, bodies.parse_connected, (U64, SECONDS)),
    (Kind.FIRST_BYTE, bodies.first_byte, bodies.parse_first_byte, (U64, SECONDS)),
    (Kind.FIN, bodies.fin, bodies.parse_fin, (U64, U64)),
    (Kind.ACK, bodies.ack, bodies.parse_ack, (U64, U64, U64)),
    (Kind.WITHDRAW, bodies.withdraw, lambda body: (bodies.parse_withdraw(body),), (U64,)),
    (Kind.WITHDRAWN, bodies.withdrawn, bodies.parse_withdrawn, (U64, U64, U8)),
    (Kind.TIME, bodies.time_target, bodies.parse_time, (U32, HOST, U16)),
    (Kind.TIMED, bodies.timed, bodies.parse_timed, (U32, SECONDS, U8)),
    (Kind.LABEL, bodies.label, bodies.parse_label, (LABEL, U16, U8, U8, SECRET)),
    (Kind.LABELED, bodies.labeled, bodies.parse_labeled, (LABEL, U16, U8)),
    (Kind.ASSOC_GONE, bodies.assoc_gone, bodies.parse_assoc_gone, (U32, U8)),
    (Kind.ASSOC_END, bodies.assoc_end, lambda body: (bodies.parse_assoc_end(body),), (U32,)),
]
PARSERS = [row[2] for row in TABLE if row[0] not in (Kind.START, Kind.WITHDRAW, Kind.ASSOC_END)]
PARSERS += [bodies.parse_reset, bodies.parse_ping, bodies.parse_pong, bodies.parse_start]
PARSERS += [bodies.parse_withdraw, bodies.parse_assoc_end]
WHOLE = [
    bodies.open_stream(1, 1, "host", 80, (0, 1), bodies.TELL_FIRST_BYTE),
    bodies.attach(1, 1, 0, 0, 0),
    bodies.attached(1, 1, 0, 0, 0),
    bodies.connected(1, 0.0),
    bodies.first_byte(1, 0.0),
    bodies.fin(1, 0),
    bodies.ack(1, 0, 0),
    bodies.withdrawn(1, 0, 7),
    bodies.time_target(1, "host", 80),
    bodies.timed(1, 0.0, 0),
    bodies.label(bytes(8), 1, 1, 0, bytes(32)),
    bodies.labeled(bytes(8), 1, 0),
    bodies.assoc_gone(1, 1),
    bodies.reset(1, 1),
    bodies.ping(1, 0.0, False),
    bodies.pong(1),
    bodies.start(1),
    bodies.withdraw(1),
    bodies.assoc_end(1),
]
"""One of each kind, in the order of PARSERS."""


def body_of(kind: Kind, whole: bytes) -> bytes:
    """The body, once the header is checked."""
    assert whole[0] == kind and int.from_bytes(whole[1:HEADER_SIZE], "big") == len(whole) - HEADER_SIZE
    return whole[HEADER_SIZE:]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0].name)
@given(data=st.data())
def test_round_trips(row: Any, data: st.DataObject) -> None:
    kind, encode, parse, strategies = row
    fields = tuple(data.draw(one) for one in strategies)
    told = parse(body_of(kind, encode(*fields)))
    assert told == tuple(pytest.approx(one, abs=2e-6) if isinstance(one, float) else one for one in fields)


@given(U64, U64, U8)
def test_reset(stream: int, offset: int, cause: int) -> None:
    body = body_of(Kind.RESET, bodies.reset(stream, cause, offset))
    assert bodies.parse_reset(body) == (stream, offset, cause)
    assert bodies.parse_reset(bodies.reset(stream, cause)[HEADER_SIZE:]) == (stream, 0, cause)  # at once


@given(U32, SECONDS, st.booleans())
def test_ping_and_pong(number: int, srtt: float, streams: bool) -> None:
    asked = bodies.parse_ping(body_of(Kind.PING, bodies.ping(number, srtt, streams)))
    assert asked == (number, pytest.approx(srtt, abs=2e-6))
    assert bodies.parse_pong(body_of(Kind.PONG, bodies.pong(number))) == number


def test_layouts() -> None:
    assert bodies.open_stream(1, 2, "ab", 80) == bytes.fromhex("20000011 0000000000000001 00000002 0050 02 6162")
    assert bodies.time_target(1, "ab", 80) == bytes.fromhex("14000009 00000001 0050 02 6162")
    assert bodies.reset(1, 36, 2) == bytes.fromhex("27000011 0000000000000001 0000000000000002 24")
    assert bodies.ping(1, 0.001, True) == bytes.fromhex("10000009 00000001 000003e8 01")


def test_times_too_long_for_the_wire_are_the_longest() -> None:
    longest: Any = pytest.approx(0xFFFFFFFF / 1e6)
    assert bodies.parse_connected(bodies.connected(1, 1e9)[HEADER_SIZE:]) == (1, longest)
    assert bodies.parse_ping(bodies.ping(1, 1e9, True)[HEADER_SIZE:]) == (1, longest)
    assert bodies.parse_timed(bodies.timed(1, 1e9, 0)[HEADER_SIZE:]) == (1, longest, 0)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(body=st.binary(max_size=60))
def test_any_bytes_are_a_body_or_a_protocol_error(parse: Callable[[bytes], Any], body: bytes) -> None:
    try:
        assert parse(body) is not None
    except ProtocolError:
        pass


@pytest.mark.parametrize(("parse", "whole"), list(zip(PARSERS, WHOLE, strict=True)))
@given(more=st.binary(min_size=1, max_size=20))
def test_what_stands_behind_is_of_a_later_version_and_ignored(
    parse: Callable[[bytes], Any], whole: bytes, more: bytes
) -> None:
    body = whole[HEADER_SIZE:]
    assert parse(body + more) == parse(body)
    for size in range(len(body)):
        if parse is bodies.parse_open and size in (len(body) - 9, len(body) - 1):
            continue  # the flags may be left out, and both windows with them
        with pytest.raises(ProtocolError):
            parse(body[:size])


@pytest.mark.parametrize(
    ("parse", "front"),
    [(bodies.parse_open, struct.pack("!QIH", 1, 1, 80)), (bodies.parse_time, struct.pack("!IH", 1, 80))],
)
def test_hosts_are_bounded_and_utf_8(parse: Callable[[bytes], Any], front: bytes) -> None:
    assert "é" * 127 in parse(front + bytes([254]) + "é".encode() * 127)
    for wrong in (b"", b"\0", b"\0x", b"\x02x", b"\x01\xff"):
        with pytest.raises(ProtocolError):
            parse(front + wrong)


def test_every_cause_travels() -> None:
    for cause in Cause:
        assert Cause.of_code(bodies.parse_reset(bodies.reset(1, cause)[HEADER_SIZE:])[2]) is cause


def test_an_open_without_windows_starts_with_all() -> None:
    everything = (bodies.INITIAL_WINDOW, bodies.INITIAL_WINDOW)
    plain = bodies.open_stream(1, 1, "host", 80)
    assert bodies.open_stream(1, 1, "host", 80, everything) == plain
    assert bodies.parse_open(plain[HEADER_SIZE:])[4:] == (everything, 0)
    asking = bodies.open_stream(1, 1, "host", 80, everything, bodies.TELL_FIRST_BYTE)
    assert bodies.parse_open(asking[HEADER_SIZE:])[4:] == (everything, bodies.TELL_FIRST_BYTE)


@pytest.mark.parametrize("starts", [(bodies.INITIAL_WINDOW + 1, 0), (0, bodies.INITIAL_WINDOW + 1)])
def test_b2_nobody_starts_with_more_than_there_is(starts: tuple[int, int]) -> None:
    with pytest.raises(ProtocolError, match="more than there is"):
        bodies.parse_open(bodies.open_stream(1, 1, "host", 80, starts)[HEADER_SIZE:])
    assert bodies.parse_start(bodies.start(max(starts))[HEADER_SIZE:]) == bodies.INITIAL_WINDOW
