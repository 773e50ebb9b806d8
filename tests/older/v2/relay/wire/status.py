"""STATUS: what a node tells of itself and of its own lines. A JSON object, so that it may grow without a new kind.

What is read is bounded and printable whatever was sent: a key that is not known is ignored, a line of which nothing
is understood is left out, and a value that cannot be is a protocol error.
"""

import json
from collections.abc import Sequence
from typing import Any

import attrs

from relay.wire.errors import ProtocolError, printable
from relay.wire.frames import LONGEST_BODY, Kind, frame
from relay.wire.setup import DIGEST_SIZE

LONGEST_NAME = 64
"""Characters of a line's name."""
LONGEST_ERROR = 160
"""Characters of an error's text; what is longer is cut, at both ends."""
LONGEST_DIAL = 3600.0
"""Seconds."""
HIGHEST_SERIAL = 2**63 - 1


@attrs.frozen
class LineReport:
    """What a node says of one of its own lines: how long the last dial of its address took, or why it failed."""

    line: str
    dial: float | None
    error: str | None = None


@attrs.frozen
class Status:
    """What a node told last."""

    digest: bytes
    """Of what concerns the node, as its own file has it."""
    serial: int
    lines: tuple[LineReport, ...] = ()


def status(digest: bytes, serial: int, reports: Sequence[LineReport]) -> bytes:
    """The frame that a node sends once a minute, and when it has read its file again; lines too many are left out."""
    told = [(one.line, _of_line(one)) for one in reports]
    while len(body := _body(digest, serial, dict(told))) > LONGEST_BODY:
        told = told[: len(told) // 2]
    return frame(Kind.STATUS, body)


def _body(digest: bytes, serial: int, lines: dict[str, Any]) -> bytes:
    whole = {"digest": digest.hex(), "serial": serial, "lines": lines}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _of_line(report: LineReport) -> dict[str, Any]:
    if report.dial is not None:
        return {"dial": report.dial}
    return {"error": printable(report.error or "")[:LONGEST_ERROR]}


def parse_status(body: bytes) -> Status:
    """What *body* says.

    Raises:
        ProtocolError: it is no such object, or a value in it cannot be.
    """
    try:
        told = json.loads(body.decode(), parse_constant=_no_number)
        digest = bytes.fromhex(told["digest"])
        serial, lines = told.get("serial", 0), told.get("lines", {})
        if len(digest) != DIGEST_SIZE or type(serial) is not int or not 0 <= serial <= HIGHEST_SERIAL:
            raise ValueError("no digest or no serial")
        reports = [_report(name, one) for name, one in lines.items()]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ProtocolError("a STATUS that is not as it has to be") from error
    return Status(digest, serial, tuple(report for report in reports if report is not None))


def _report(name: str, told: dict[str, Any]) -> LineReport | None:
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise ValueError("no name")
    if told.get("dial") is not None:
        return LineReport(name, _seconds(told["dial"]))
    return None if told.get("error") is None else LineReport(name, None, _text(told["error"]))


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= LONGEST_DIAL:
        raise ValueError("not a duration")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return printable(value[:LONGEST_ERROR])


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")
