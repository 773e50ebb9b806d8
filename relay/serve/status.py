"""What a node tells of itself: to `relay status`, which asks, and to every ingress, every 10 s (STATUS)."""

import datetime

import attrs
import trio

from relay import __version__
from relay.admin.server import Answer
from relay.serve.counters import NodeParts, node_counters
from relay.serve.vitals import process_vitals
from relay.wire.status import Status, status

EVERY = 10.0
"""Seconds between two STATUS. At some 1,300 bytes each they are 11 MB a day for each ingress and node."""


def node_status(parts: NodeParts) -> Status:
    """All of it, as of now."""
    node = parts.node
    return Status(
        node.digest,
        node.network.serial,
        tuple(node.lines()),
        process_vitals(parts.loop, parts.accounts.statistics(), parts.since),
        tuple(node.connected()),
        node_counters(parts),
        {reason.name.lower(): count for reason, count in node.refusals.items()},
        {cause.name.lower(): count for cause, count in node.sessions.failures.items()},
        node.families,
    )


def tell_status(parts: NodeParts) -> None:
    """Tell every ingress that has a session here."""
    parts.node.sessions.tell_status(status(node_status(parts)))


async def keep_telling(parts: NodeParts) -> None:
    """Tell them again and again, until cancelled."""
    while True:
        await trio.sleep(EVERY)
        tell_status(parts)


def answer_status(parts: NodeParts) -> Answer:
    """The answer to `status` on the admin socket."""
    node, sessions = parts.node, parts.node.sessions
    told = attrs.asdict(node_status(parts))
    return {
        "version": 1,
        "node": node.name,
        "program": __version__,
        "exit": node.is_exit,
        "draining": node.is_draining,
        "sessions": sessions.count,
        "carriers": sessions.carriers,
        "streams": sessions.streams,
        "passed_on": len(node.transits),
        "datagrams": attrs.asdict(node.datagrams.status()),
        "certificate_ends": datetime.datetime.fromtimestamp(node.identity.expires, datetime.UTC).isoformat(),
        **told,
        "digest": node.digest.hex(),
        "families": node.families.words,
    }
