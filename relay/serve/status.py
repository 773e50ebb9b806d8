"""What `relay status` is told: what a node holds at one moment."""

import datetime

from relay import __version__
from relay.admin.server import Answer
from relay.serve.counters import NodeParts, node_counters
from relay.wire.status import LineReport


def node_status(parts: NodeParts) -> Answer:
    """The answer to `status`: names to figures, in the order in which the command prints them."""
    node, sessions = parts.node, parts.node.sessions
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
        "line_dials": ", ".join(_show(report) for report in node.reports) or "none yet",
        "serial": node.network.serial,
        "digest": node.digest.hex(),
        "certificate_ends": datetime.datetime.fromtimestamp(node.identity.expires, datetime.UTC).isoformat(),
        "counters": node_counters(parts),
    }


def _show(report: LineReport) -> str:
    return f"{report.line} {report.error}" if report.dial is None else f"{report.line} {report.dial * 1000:.1f} ms"
