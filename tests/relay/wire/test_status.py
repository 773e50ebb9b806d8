"""STATUS: what a node tells is read back; what is read is bounded and printable, or a protocol error."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.wire.errors import ProtocolError
from relay.wire.frames import HEADER_SIZE, LONGEST_BODY, Kind
from relay.wire.setup import DIGEST_SIZE
from relay.wire.status import (
    HIGHEST_SERIAL,
    LONGEST_DIAL,
    LONGEST_ERROR,
    LONGEST_NAME,
    LineReport,
    Status,
    parse_status,
    status,
)

NAME = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True)
TEXT = st.text(max_size=LONGEST_ERROR).filter(str.isprintable)
REPORT = st.builds(LineReport, NAME, st.floats(0, LONGEST_DIAL)) | st.builds(LineReport, NAME, st.none(), TEXT)
DIGEST = st.binary(min_size=DIGEST_SIZE, max_size=DIGEST_SIZE)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=8), some, max_size=3),
    max_leaves=8,
)


def read(**changes: Any) -> Status:
    """What is read of a STATUS in which all is well but for *changes*."""
    return parse_status(json.dumps({"digest": "00" * DIGEST_SIZE, "serial": 5, "lines": {}, **changes}).encode())


@given(DIGEST, st.integers(0, HIGHEST_SERIAL), st.lists(REPORT, unique_by=lambda report: report.line))
def test_round_trips(digest: bytes, serial: int, reports: list[LineReport]) -> None:
    whole = status(digest, serial, reports)
    assert whole[0] == Kind.STATUS and int.from_bytes(whole[1:HEADER_SIZE], "big") == len(whole) - HEADER_SIZE
    assert parse_status(whole[HEADER_SIZE:]) == Status(digest, serial, tuple(reports))


@given(JSON)
def test_keys_that_are_not_known_are_ignored(what: Any) -> None:
    lines = {"ix": {"dial": 0.03, "TCP": what}, "sea": {"error": "refused", "health": what}}
    told = read(lines=lines, udp=what)
    assert told.lines == (LineReport("ix", 0.03), LineReport("sea", None, "refused"))


def test_what_may_be_left_out() -> None:
    assert parse_status(b'{"digest": "0001020304050607"}') == Status(bytes(range(8)), 0)
    assert read(lines={"ix": {}, "sea": {"health": 7}}).lines == ()  # nothing of them is understood


@given(st.binary(max_size=60) | JSON.map(lambda some: json.dumps(some).encode()))
def test_any_bytes_are_a_status_or_a_protocol_error(body: bytes) -> None:
    try:
        parse_status(body)
    except ProtocolError:
        pass


@given(st.sampled_from(["digest", "serial", "lines"]), JSON)
def test_whatever_a_key_holds_what_is_read_is_within_its_bounds(key: str, value: Any) -> None:
    try:
        told = read(**{key: value})
    except ProtocolError:
        return
    assert len(told.digest) == DIGEST_SIZE and 0 <= told.serial <= HIGHEST_SERIAL
    for report in told.lines:
        assert report.line.isprintable() and 0 < len(report.line) <= LONGEST_NAME
        assert (report.dial is None) != (report.error is None)
        assert report.dial is None or (math.isfinite(report.dial) and 0 <= report.dial <= LONGEST_DIAL)
        assert report.error is None or (report.error.isprintable() and len(report.error) <= LONGEST_ERROR)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"7",
        b'{"digest": 5}',
        b'{"digest": "zz"}',
        b'{"digest": "00"}',
        b'{"digest": "0001020304050607", "serial": -1}',
        b'{"digest": "0001020304050607", "serial": 9223372036854775808}',
        b'{"digest": "0001020304050607", "serial": 1.0}',
        b'{"digest": "0001020304050607", "serial": true}',
        b'{"digest": "0001020304050607", "lines": []}',
        b'{"digest": "0001020304050607", "lines": {"": {"dial": 1}}}',
        b'{"digest": "0001020304050607", "lines": {"a\\u001b[2J": {"dial": 1}}}',
        b'{"digest": "0001020304050607", "lines": {"a": 1}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"dial": "1"}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"dial": true}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"dial": -1}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"dial": NaN}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"dial": 1e400}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"error": 1}}}',
        b'{"digest": "0001020304050607", "udp": Infinity}',
        b'{"digest": "0001020304050607", "lines": {"' + b"a" * (LONGEST_NAME + 1) + b'": {"dial": 1}}}',
        b'{"digest": "0001020304050607", "serial": ' + b"9" * 5000 + b"}",
        b"[" * 60_000,
        b"\xff\xfe",
        '{"digest": "0001020304050607"}'.encode("utf-16"),
    ],
)
def test_what_is_no_status(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_status(body)


def test_what_a_node_writes_steers_no_terminal_and_is_not_long() -> None:
    long = "x" * (LONGEST_ERROR + 1)
    assert read(lines={"a": {"error": "b\nc"}, "b": {"error": long}}).lines == (
        LineReport("a", None, "b?c"),
        LineReport("b", None, long[:-1]),
    )


def test_hundreds_of_lines_fit_and_thousands_are_cut_short() -> None:
    hundreds = [LineReport(f"line-{number:027}", None, "é" * 200) for number in range(150)]
    assert len(parse_status(status(bytes(8), 1, hundreds)[HEADER_SIZE:]).lines) == 150
    thousands = [LineReport(f"line-{number:027}", 0.1) for number in range(5000)]
    whole = status(bytes(8), 1, thousands)
    assert len(whole) <= HEADER_SIZE + LONGEST_BODY
    assert len(parse_status(whole[HEADER_SIZE:]).lines) > 500
