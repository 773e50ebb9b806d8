"""Bodies: what is encoded is parsed back, and any other bytes are a body or a protocol error, nothing else."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.cause import Cause
from relay.wire import bodies
from relay.wire.bodies import LineReport
from relay.wire.errors import ProtocolError
from relay.wire.frames import HEADER_SIZE, Kind

U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)
U16 = st.integers(0, 2**16 - 1)
U8 = st.integers(0, 255)
HOST = st.text(min_size=1, max_size=63).filter(lambda host: not any(0xD800 <= ord(char) < 0xE000 for char in host))
SECONDS = st.integers(0, 2**32 - 1).map(lambda micros: micros / 1e6)

TABLE: list[tuple[Kind, Callable[..., bytes], Callable[[bytes], Any], tuple[st.SearchStrategy[Any], ...]]] = [
    (Kind.OPEN, bodies.open_stream, bodies.parse_open, (U64, U32, HOST, U16)),
    (Kind.ATTACH, bodies.attach, bodies.parse_attach, (U64, U32, U64, U64, U8)),
    (Kind.ATTACHED, bodies.attached, bodies.parse_attached, (U64, U32, U64, U64, U64)),
    (Kind.CONNECTED, bodies.connected, bodies.parse_connected, (U64, SECONDS)),
    (Kind.FIN, bodies.fin, bodies.parse_fin, (U64, U64)),
    (Kind.ACK, bodies.ack, bodies.parse_ack, (U64, U64, U64)),
    (Kind.RESET, bodies.reset, bodies.parse_reset, (U64, U8)),
    (Kind.TIME, bodies.time_target, bodies.parse_time, (U32, HOST, U16)),
    (Kind.TIMED, bodies.timed, bodies.parse_timed, (U32, SECONDS, U8)),
]
PARSERS = [row[2] for row in TABLE] + [bodies.parse_ping, bodies.parse_pong, bodies.parse_lines]


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


@given(U32, SECONDS, st.booleans())
def test_ping_and_pong(number: int, srtt: float, streams: bool) -> None:
    asked = bodies.parse_ping(body_of(Kind.PING, bodies.ping(number, srtt, streams)))
    assert asked == (number, pytest.approx(srtt, abs=2e-6))
    assert bodies.parse_pong(body_of(Kind.PONG, bodies.pong(number))) == number


def test_times_too_long_for_the_wire_are_the_longest() -> None:
    longest: Any = pytest.approx(0xFFFFFFFF / 1e6)
    assert bodies.parse_connected(bodies.connected(1, 1e9)[HEADER_SIZE:]) == (1, longest)
    assert bodies.parse_ping(bodies.ping(1, 1e9, True)[HEADER_SIZE:]) == (1, longest)
    assert bodies.parse_timed(bodies.timed(1, 1e9, 0)[HEADER_SIZE:]) == (1, longest, 0)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(body=st.one_of(st.binary(max_size=60), st.text(alphabet='[]{}",:0123nulltruefalse \\').map(str.encode)))
def test_any_bytes_are_a_body_or_a_protocol_error(parse: Callable[[bytes], Any], body: bytes) -> None:
    try:
        assert parse(body) is not None
    except ProtocolError:
        pass


@pytest.mark.parametrize("row", [row for row in TABLE if row[0] not in (Kind.OPEN, Kind.TIME)], ids=lambda r: r[0].name)
def test_a_byte_more_or_less_is_a_protocol_error(row: Any) -> None:
    kind, encode, parse, strategies = row
    body = body_of(kind, encode(*(0 for _ in strategies)))
    for wrong in (body[:-1], body + b"\0", b""):
        with pytest.raises(ProtocolError):
            parse(wrong)


@pytest.mark.parametrize(
    ("parse", "front"),
    [(bodies.parse_open, struct.pack("!QIH", 1, 1, 80)), (bodies.parse_time, struct.pack("!IH", 1, 80))],
)
def test_hosts_are_bounded_and_utf_8(parse: Callable[[bytes], Any], front: bytes) -> None:
    assert "é" * 127 in parse(front + "é".encode() * 127)
    for wrong in (b"", b"x" * (bodies.LONGEST_HOST + 1), b"\xff"):
        with pytest.raises(ProtocolError):
            parse(front + wrong)


def test_every_cause_travels() -> None:
    for cause in Cause:
        assert Cause.of_code(bodies.parse_reset(bodies.reset(1, cause)[HEADER_SIZE:])[1]) is cause


TEXT = st.text().filter(str.isprintable)
REPORTS = st.builds(LineReport, TEXT, st.none() | st.floats(0, 1e5), st.none() | TEXT)


def test_what_a_node_writes_steers_no_terminal() -> None:
    told = bodies.lines(bytes(8), [LineReport("a\x1b[2J", None, "b\nc")])
    assert bodies.parse_lines(body_of(Kind.LINES, told))[1] == [LineReport("a?[2J", None, "b?c")]


@given(st.binary(min_size=8, max_size=8), st.lists(REPORTS))
def test_line_reports(digest: bytes, reports: list[LineReport]) -> None:
    assert bodies.parse_lines(body_of(Kind.LINES, bodies.lines(digest, reports))) == (digest, reports)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"network": "00"}',
        b'{"network": 5, "lines": []}',
        b'{"network": "zz", "lines": []}',
        b'{"network": "", "lines": [["a", 1]]}',
        b'{"network": "", "lines": [["a", "1", null]]}',
        b'{"network": "", "lines": [["a", -1, null]]}',
        b'{"network": "", "lines": [["a", NaN, null]]}',
        b'{"network": "", "lines": [["a", 1e400, null]]}',
        b'{"network": "", "lines": {"abc": 1}}',
        b'{"network": "", "lines": 7}',
        b"[" * 60_000,
        b"\xff\xfe",
    ],
)
def test_lines_that_are_no_reports(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        bodies.parse_lines(body)
