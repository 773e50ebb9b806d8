"""STATUS: what a node tells is read back; what is read is bounded and printable, or a protocol error."""

import json
import math
import re
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.families import ALL_FAMILIES, Families
from relay.model.sent import Sent
from relay.model.vitals import ConnectedIngress, InUse, LineReport, Vitals
from relay.wire.errors import ProtocolError
from relay.wire.frames import HEADER_SIZE, LONGEST_BODY, Kind
from relay.wire.setup import DIGEST_SIZE
from relay.wire.status import LONGEST_OWN, MOST_LINES, Status, parse_status, status
from relay.wire.vitals import (
    LARGEST_COUNT,
    LARGEST_NUMBER,
    LONGEST_DIAL,
    LONGEST_ERROR,
    LONGEST_NAME,
    MOST_NAMES,
)

NAME = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True)
TEXT = st.text(max_size=LONGEST_ERROR).filter(str.isprintable)
COUNT = st.integers(0, LARGEST_COUNT)
NUMBER = st.integers(0, 10**12).map(lambda micros: micros / 1e6)
MILLIS = st.integers(0, 10**9).map(lambda millis: millis / 1e3)
TIMED = st.none() | NUMBER
SENT = st.none() | st.builds(Sent, st.integers(1, LARGEST_COUNT), COUNT, COUNT, COUNT, TIMED, TIMED, TIMED)
DIALLED = st.builds(LineReport, NAME, st.floats(0, LONGEST_DIAL), st.none(), MILLIS, COUNT, COUNT, COUNT, SENT)
REPORT = DIALLED | st.builds(LineReport, NAME, st.none(), TEXT)
IN_USE = st.none() | st.builds(InUse, COUNT, COUNT)
NUMBERS = [st.none() | NUMBER] * 5
VITALS = st.none() | st.builds(Vitals, *NUMBERS, st.none() | COUNT, IN_USE, IN_USE).filter(lambda one: one != Vitals())
INGRESS = st.builds(ConnectedIngress, NAME, COUNT, COUNT, COUNT, COUNT)
COUNTS = st.dictionaries(NAME, st.integers(1, LARGEST_COUNT), max_size=5)
DIGEST = st.binary(min_size=DIGEST_SIZE, max_size=DIGEST_SIZE)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=8), some, max_size=3),
    max_leaves=8,
)


def read(**changes: Any) -> Status:
    """What is read of a STATUS in which all is well but for *changes*."""
    return parse_status(json.dumps({"digest": "00" * DIGEST_SIZE, "serial": 5, "lines": {}, **changes}).encode())


@given(
    st.builds(
        Status,
        DIGEST,
        COUNT,
        st.lists(REPORT, unique_by=lambda report: report.line, max_size=5).map(tuple),
        VITALS,
        st.lists(INGRESS, unique_by=lambda one: one.ingress, max_size=5).map(tuple),
        COUNTS,
        COUNTS,
        COUNTS,
    )
)
def test_round_trips(told: Status) -> None:
    whole = status(told)
    assert whole[0] == Kind.STATUS and int.from_bytes(whole[1:HEADER_SIZE], "big") == len(whole) - HEADER_SIZE
    assert parse_status(whole[HEADER_SIZE:]) == told


def test_every_key_is_in_the_protocol_and_no_other() -> None:
    text = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text().partition("**STATUS**")[2]
    documented = set(re.findall(r"^\| `([\w.]+)` \|", text, re.MULTILINE))
    known = {field.name for field in attrs.fields(Status)} | {f"vitals.{one.name}" for one in attrs.fields(Vitals)}
    known |= {f"lines.NAME.{field.name}" for field in attrs.fields(LineReport) if field.name != "line"}
    known |= {f"lines.NAME.sent.{field.name}" for field in attrs.fields(Sent)}
    assert documented == known - {"vitals", "lines.NAME.sent"}
    ingress = next(line for line in text.splitlines() if line.startswith("| `connected`"))
    fields = {field.name for field in attrs.fields(ConnectedIngress)} - {"ingress"}
    assert all(f"`{name}`" in ingress for name in fields)


def test_what_a_node_tells_is_as_the_protocol_has_it() -> None:
    told = Status(
        bytes(8),
        5,
        (LineReport("pacific", 0.1, None, 31.5, 2, 0, 7, Sent(9000, 12, 0, 11, 5e4, 0.1301, 0.13)),),
        Vitals(up=86400.5, memory=InUse(1, 2)),
        (ConnectedIngress("shanghai", 1, 4, 17),),
        {"accepted": 12, "accept_pauses": 0},
    )
    sent = {"segments": 9000, "retransmitted": 12, "delivered": 11, "rate": 5e4, "round_trip": 0.1301, "least": 0.13}
    assert json.loads(status(told)[HEADER_SIZE:]) == {
        "digest": "0000000000000000",
        "serial": 5,
        "lines": {"pacific": {"dial": 0.1, "age": 31.5, "carriers": 2, "bytes_out": 7, "sent": sent}},
        "vitals": {"up": 86400.5, "memory": {"used": 1, "limit": 2}},
        "connected": {"shanghai": {"sessions": 1, "carriers": 4, "streams": 17}},
        "counters": {"accepted": 12},
    }


@pytest.mark.parametrize("families", [Families.IPV4, Families.IPV6, ALL_FAMILIES])
def test_f2_the_families_of_a_node_are_told(families: Families) -> None:
    whole = status(Status(bytes(DIGEST_SIZE), families=families))
    assert parse_status(whole[HEADER_SIZE:]).families is families


def test_f2_of_families_what_is_not_known_is_ignored() -> None:
    assert read().families is None
    assert read(families=["ipv6", "ipv7"]).families is Families.IPV6
    assert read(families=["ipv7"]).families is None
    assert read(families=[]).families is None
    for wrong in ("ipv4", 3, None, [4], {"ipv4": True}):
        with pytest.raises(ProtocolError):
            read(families=wrong)


@given(JSON)
def test_keys_that_are_not_known_are_ignored(what: Any) -> None:
    lines = {"ix": {"dial": 0.03, "TCP": what}, "sea": {"error": "refused", "health": what}}
    told = read(lines=lines, udp=what, vitals={"UP": what}, connected={"sh": {"who": what}})
    assert (told.vitals, told.connected) == (Vitals(), (ConnectedIngress("sh"),))
    assert told.lines == (LineReport("ix", 0.03), LineReport("sea", None, "refused"))


def test_what_may_be_left_out() -> None:
    assert parse_status(b'{"digest": "0001020304050607"}') == Status(bytes(range(8)), 0)
    assert read(vitals={}).vitals == Vitals()
    assert read(vitals=None).vitals is None
    assert read(lines={"ix": {}, "sea": {"health": 7}}).lines == ()  # nothing of them is understood
    assert read(lines={"ix": {"sent": {}}, "sea": {"sent": {"lost": 7}}}).lines == ()
    assert read(lines={"ix": {"sent": {"segments": 7}}}).lines == (LineReport("ix", sent=Sent(7)),)


@given(st.binary(max_size=60) | JSON.map(lambda some: json.dumps(some).encode()))
def test_any_bytes_are_a_status_or_a_protocol_error(body: bytes) -> None:
    try:
        parse_status(body)
    except ProtocolError:
        pass


KEYS = ["digest", "serial", "lines", "vitals", "connected", "counters", "refusals", "failures"]
INNER = [
    "up",
    "cpu",
    "load",
    "lag",
    "worst_lag",
    "resident",
    "memory",
    "descriptors",
    "time",
    "sessions",
    "dial",
    "age",
    "used",
    "sent",
    *(field.name for field in attrs.fields(Sent)),
]
LINE = st.dictionaries(st.sampled_from(INNER), JSON | st.dictionaries(st.sampled_from(INNER), JSON))


@given(st.dictionaries(NAME, LINE, max_size=2))
def test_whatever_a_line_holds_what_is_read_is_within_its_bounds(lines: dict[str, Any]) -> None:
    try:
        told = read(lines=lines)
    except ProtocolError:
        return
    for sent in (report.sent for report in told.lines if report.sent is not None):
        assert 0 < sent.segments <= LARGEST_COUNT and 0 <= sent.lost <= sent.retransmitted <= LARGEST_COUNT
        assert 0 <= min(sent.needless, sent.delivered) <= max(sent.needless, sent.delivered) <= LARGEST_COUNT
        for figure in (sent.rate, sent.round_trip, sent.least):
            assert figure is None or (math.isfinite(figure) and 0 <= figure <= LARGEST_NUMBER)


def test_what_a_kernel_may_count_is_within_the_range() -> None:
    wild = Sent(1, 0, 0, 0, 2.0**64, 2.0**32, 2.0**32)
    (told,) = parse_status(status(Status(bytes(8), 1, (LineReport("ix", sent=wild),)))[HEADER_SIZE:]).lines
    assert told.sent is not None and told.sent.rate == LARGEST_NUMBER


@given(st.sampled_from(KEYS), JSON | st.dictionaries(st.sampled_from(INNER), JSON | st.just({"used": 1, "limit": 2})))
def test_whatever_a_key_holds_what_is_read_is_within_its_bounds(key: str, value: Any) -> None:
    try:
        told = read(**{key: value})
    except ProtocolError:
        return
    assert len(told.digest) == DIGEST_SIZE and 0 <= told.serial <= LARGEST_COUNT
    for report in told.lines:
        assert report.line.isprintable() and 0 < len(report.line) <= LONGEST_NAME
        assert report.dial is None or report.error is None
        assert report.age is None or 0 <= report.age <= LARGEST_NUMBER
        assert report.dial is None or (math.isfinite(report.dial) and 0 <= report.dial <= LONGEST_DIAL)
        assert report.error is None or (report.error.isprintable() and len(report.error) <= LONGEST_ERROR)

    for name, value in [*told.counters.items(), *told.refusals.items(), *told.failures.items()]:
        assert name.isprintable() and 0 < len(name) <= LONGEST_NAME and 0 <= value <= LARGEST_COUNT
    for one in told.connected:
        assert one.ingress.isprintable() and 0 < len(one.ingress) <= LONGEST_NAME
    for figure in attrs.astuple(told.vitals or Vitals(), recurse=False):
        assert figure is None or isinstance(figure, InUse) or 0 <= figure <= LARGEST_COUNT


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
        b'{"digest": "0001020304050607", "lines": {"a": {"age": -1}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"bytes_in": 0.5}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"sent": 7}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"sent": {"segments": -1}}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"sent": {"retransmitted": 1.5}}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"sent": {"needless": true}}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"sent": {"round_trip": "1"}}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"sent": {"least": -1}}}}',
        b'{"digest": "0001020304050607", "lines": {"a": {"sent": {"rate": 1e13}}}}',
        b'{"digest": "0001020304050607", "vitals": 7}',
        b'{"digest": "0001020304050607", "vitals": {"up": -1}}',
        b'{"digest": "0001020304050607", "vitals": {"load": 1e13}}',
        b'{"digest": "0001020304050607", "vitals": {"resident": 1.5}}',
        b'{"digest": "0001020304050607", "vitals": {"memory": {"used": 1}}}',
        b'{"digest": "0001020304050607", "vitals": {"memory": {"used": 1, "limit": -1}}}',
        b'{"digest": "0001020304050607", "connected": []}',
        b'{"digest": "0001020304050607", "connected": {"sh": 1}}',
        b'{"digest": "0001020304050607", "connected": {"": {}}}',
        b'{"digest": "0001020304050607", "connected": {"sh": {"streams": true}}}',
        b'{"digest": "0001020304050607", "counters": {"a": null}}',
        b'{"digest": "0001020304050607", "counters": {"a\\u001b": 1}}',
        b'{"digest": "0001020304050607", "refusals": {"a": 9223372036854775808}}',
        b'{"digest": "0001020304050607", "failures": {"a": "1"}}',
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
    hundreds = tuple(LineReport(f"line-{number:027}", None, "é" * 200) for number in range(150))
    assert len(parse_status(status(Status(bytes(8), 1, hundreds))[HEADER_SIZE:]).lines) == 150
    thousands = tuple(LineReport(f"line-{number:027}", 0.1) for number in range(5000))
    whole = status(Status(bytes(8), 1, thousands))
    assert len(whole) <= HEADER_SIZE + LONGEST_BODY
    assert len(parse_status(whole[HEADER_SIZE:]).lines) > 500


def test_what_concerns_the_node_itself_stays_below_4_kib() -> None:
    crowd = tuple(ConnectedIngress(f"ingress-{number}", 1, 4, 17) for number in range(500))
    whole = status(Status(bytes(8), 1, (), None, crowd))
    assert len(whole) <= HEADER_SIZE + LONGEST_OWN
    assert len(parse_status(whole[HEADER_SIZE:]).connected) > 20


def test_names_without_end_are_left_out() -> None:
    many = {f"n{number}": 1 for number in range(1000)}
    told = read(counters=many, connected={name: {} for name in many})
    assert (len(told.counters), len(told.connected)) == (MOST_NAMES, MOST_NAMES)


def test_c3_of_lines_without_end_the_first_are_read() -> None:
    told = read(lines={f"line-{number}": {"dial": 0.1} for number in range(2000)})
    assert [report.line for report in told.lines] == [f"line-{number}" for number in range(MOST_LINES)]
