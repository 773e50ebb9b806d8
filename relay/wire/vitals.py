"""What a node tells of itself, as JSON objects: made from relay.model.vitals and read back within stated ranges.

docs/protocol.md section 7 has the keys. A key that is not known is ignored, one that is missing reads as not told, and
a value that cannot be raises ValueError: what was read is finite, in range, printable and short.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs

from relay.model.sent import Sent
from relay.model.vitals import ConnectedIngress, InUse, LineReport, Vitals
from relay.wire.errors import printable

LONGEST_NAME = 64
"""Characters of the name of a line, an ingress or a counter."""
LONGEST_ERROR = 160
"""Characters of an error's text; what is longer is cut, at both ends."""
LONGEST_DIAL = 3600.0
"""Seconds."""
LARGEST_NUMBER = 1e12
"""Of every other number that is no count."""
LARGEST_COUNT = 2**63 - 1
MOST_NAMES = 256
"""Counters, reasons or ingresses that are read; what is beyond is left out."""

Object = dict[str, Any]
Value = TypeVar("Value")

HELD = ("sessions", "carriers", "streams", "passed_on")
CARRIED = ("carriers", "bytes_in", "bytes_out")
SENT = ("segments", "retransmitted", "needless", "delivered")
TIMED = ("rate", "round_trip", "least")


def vitals_object(vitals: Vitals) -> Object:
    """*vitals* for json.dumps; what is not known is left out."""
    known = {name: value for name, value in attrs.asdict(vitals).items() if value is not None}
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in known.items()}


def parse_vitals(told: Object) -> Vitals:
    """The inverse of `vitals_object`. ValueError: a value cannot be."""
    return Vitals(
        up=_maybe(told, "up", number),
        cpu=_maybe(told, "cpu", number),
        load=_maybe(told, "load", number),
        lag=_maybe(told, "lag", number),
        worst_lag=_maybe(told, "worst_lag", number),
        resident=_maybe(told, "resident", count),
        memory=_maybe(told, "memory", _in_use),
        descriptors=_maybe(told, "descriptors", _in_use),
        time=_maybe(told, "time", number),
    )


def connected_object(connected: Iterable[ConnectedIngress]) -> Object:
    """By the name of the ingress, without zeros."""
    return {one.ingress: _counted(one, HELD) for one in connected}


def parse_connected(told: Object) -> tuple[ConnectedIngress, ...]:
    """The inverse of `connected_object`. ValueError: a name or value cannot be."""
    return tuple(ConnectedIngress(name_of(name), **_counts_in(one, HELD)) for name, one in _some(told))


def counts_object(counts: Mapping[str, int]) -> Object:
    """Without zeros."""
    return {name: value for name, value in counts.items() if value}


def parse_counts(told: Object) -> dict[str, int]:
    """The inverse of `counts_object`. ValueError: a name or value cannot be."""
    return {name_of(name): count(value) for name, value in _some(told)}


def line_object(report: LineReport) -> Object:
    """All but its name."""
    found: Object = {}
    if report.dial is not None:
        found["dial"] = report.dial
    elif report.error is not None:
        found["error"] = printable(report.error)[:LONGEST_ERROR]
    if report.age is not None:
        found["age"] = round(report.age, 3)
    found |= _counted(report, CARRIED)
    return found if report.sent is None else found | {"sent": _sent_object(report.sent)}


def parse_line(name: str, told: Object) -> LineReport | None:
    """What is told of the line *name*; None if nothing of it is understood. ValueError: a name or value cannot be."""
    line, dial = name_of(name), _maybe(told, "dial", _dial)
    error = _maybe(told, "error", _text) if dial is None else None
    age, sent = _maybe(told, "age", number), _maybe(told, "sent", _sent)
    report = LineReport(line, dial, error, age, **_counts_in(told, CARRIED), sent=sent)
    return None if report == LineReport(line) else report


def _sent_object(sent: Sent) -> Object:
    found = _counted(sent, SENT)
    for name in TIMED:
        if (value := getattr(sent, name)) is not None:
            found[name] = round(min(value, LARGEST_NUMBER), 6)
    return found


def _sent(told: Object) -> Sent | None:
    rate, trip, least = (_maybe(told, name, number) for name in TIMED)
    sent = Sent(**_counts_in(told, SENT), rate=rate, round_trip=trip, least=least)
    return sent if sent.segments else None


# ---- single values


def count(value: object) -> int:
    """A whole number from 0 on."""
    if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
        raise ValueError("not a count")
    return value


def number(value: object, most: float = LARGEST_NUMBER) -> float:
    """A number from 0 to *most*."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError("not a number, or out of its range")
    return float(value)


def name_of(value: str) -> str:
    """A name that can be shown."""
    if not 0 < len(value) <= LONGEST_NAME or not value.isprintable():
        raise ValueError("no name")
    return value


def _dial(value: object) -> float:
    return number(value, LONGEST_DIAL)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return printable(value[:LONGEST_ERROR])


def _in_use(told: Object) -> InUse:
    return InUse(count(told["used"]), count(told["limit"]))


def _maybe(told: Object, name: str, read: Callable[[Any], Value]) -> Value | None:
    return None if told.get(name) is None else read(told[name])


def _counted(one: object, names: Iterable[str]) -> Object:
    return counts_object({name: getattr(one, name) for name in names})


def _counts_in(told: Object, names: Iterable[str]) -> dict[str, int]:
    return {name: count(told.get(name, 0)) for name in names}


def _some(told: Object) -> list[tuple[str, Any]]:
    return list(told.items())[:MOST_NAMES]
