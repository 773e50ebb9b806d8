"""STATUS: what a node tells of itself and of its own lines. A JSON object, so that it may grow without a new kind.

What is read is bounded and printable whatever was sent: a key that is not known is ignored, a line of which nothing
is understood is left out, and a value that cannot be is a protocol error. What the keys hold is relay.wire.vitals.
"""

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any

import attrs

from relay.model.families import ALL_FAMILIES, Families
from relay.model.vitals import ConnectedIngress, LineReport, Vitals
from relay.wire.errors import ProtocolError
from relay.wire.frames import LONGEST_BODY, Kind, frame
from relay.wire.setup import DIGEST_SIZE
from relay.wire.vitals import (
    connected_object,
    count,
    counts_object,
    line_object,
    parse_connected,
    parse_counts,
    parse_line,
    parse_vitals,
    vitals_object,
)

LONGEST_OWN = 4096
"""Bytes of all but the lines; ingresses too many are left out."""
MOST_LINES = 512
"""Lines of which anything is read: each takes 30 microseconds, during which nothing else is done."""


@attrs.frozen
class Status:
    """What a node told last. An older node tells no more than its digest, its serial and its dials."""

    digest: bytes
    """Of what concerns the node, as its own file has it."""
    serial: int = 0
    lines: tuple[LineReport, ...] = ()
    vitals: Vitals | None = None
    connected: tuple[ConnectedIngress, ...] = ()
    counters: Mapping[str, int] = {}
    """What each of its bounds has counted; on the wire without zeros."""
    refusals: Mapping[str, int] = {}
    """Carriers that it refused, by reason."""
    failures: Mapping[str, int] = {}
    """Targets that it did not reach, by cause."""
    families: Families | None = None
    """Those that the node reaches the world by; None if it did not say."""


def status(told: Status) -> bytes:
    """The frame that a node sends every 10 s, and when it has read its file again; lines too many are left out."""
    own, lines = _own(told), [(one.line, line_object(one)) for one in told.lines]
    while len(body := _dump({**own, "lines": dict(lines)})) > LONGEST_BODY:
        lines = lines[: len(lines) // 2]
    return frame(Kind.STATUS, body)


def _own(told: Status) -> dict[str, Any]:
    connected = told.connected
    while len(_dump(own := _but_lines(told, connected))) > LONGEST_OWN and connected:
        connected = connected[: len(connected) // 2]
    return own


def _but_lines(told: Status, connected: tuple[ConnectedIngress, ...]) -> dict[str, Any]:
    return {
        "digest": told.digest.hex(),
        "serial": told.serial,
        "families": None if told.families is None else told.families.words,
        "vitals": None if told.vitals is None else vitals_object(told.vitals),
        "connected": connected_object(connected),
        "counters": counts_object(told.counters),
        "refusals": counts_object(told.refusals),
        "failures": counts_object(told.failures),
    }


def _dump(whole: dict[str, Any]) -> bytes:
    filled = {name: value for name, value in whole.items() if value or name == "serial"}
    return json.dumps(filled, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def parse_status(body: bytes) -> Status:
    """What *body* says.

    Raises:
        ProtocolError: it is no such object, or a value in it cannot be.
    """
    try:
        return _read(json.loads(body.decode(), parse_constant=_no_number))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ProtocolError("a STATUS that is not as it has to be") from error


def _read(told: dict[str, Any]) -> Status:
    digest = bytes.fromhex(told["digest"])
    if len(digest) != DIGEST_SIZE:
        raise ValueError("no digest")
    reports = [parse_line(name, one) for name, one in islice(told.get("lines", {}).items(), MOST_LINES)]
    vitals = told.get("vitals")
    return Status(
        digest,
        count(told.get("serial", 0)),
        tuple(report for report in reports if report is not None),
        None if vitals is None else parse_vitals(vitals),
        parse_connected(told.get("connected", {})),
        parse_counts(told.get("counters", {})),
        parse_counts(told.get("refusals", {})),
        parse_counts(told.get("failures", {})),
        _families(told["families"]) if "families" in told else None,
    )


def _families(told: object) -> Families | None:
    if not isinstance(told, list) or not all(isinstance(word, str) for word in told):
        raise ValueError("no list of words")
    found = Families(0)
    for family in ALL_FAMILIES:
        if family.words[0] in told:
            found |= family
    return found or None


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")
