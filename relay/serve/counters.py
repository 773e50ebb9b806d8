"""What every bound of a node has counted so far, by the names that `relay status --json` and docs/threats.md use.

This is the one place where they are gathered. A counter is an integer that only grows, kept by the object that
enforces the bound and told by its `statistics()`; its name here is for ever, since graphs are made of it.
"""

from collections.abc import Iterable

import attrs

from relay import log
from relay.engine import Listener, Loop
from relay.exit.targets import Targets
from relay.node.accounts import Accounts
from relay.node.datagrams import NodeDatagrams
from relay.node.node import RelayNode
from relay.serve.vanished import Vanished
from relay.session.window import MemoryStatistics
from relay.wire.codes import Reason


@attrs.frozen
class NodeParts:
    """The objects of one `relay serve` that have something to tell of it."""

    loop: Loop
    accounts: Accounts
    node: RelayNode
    listeners: Iterable[Listener]
    since: float
    """When it began, on trio's clock."""
    targets: Targets | None = None
    """What an exit reaches its targets by."""
    vanished: Vanished | None = None


def process_counters(loop: Loop, listeners: Iterable[Listener], memory: MemoryStatistics) -> dict[str, int]:
    """Those that an ingress has as well."""
    accepting = [listener.statistics() for listener in listeners]
    return {
        "accepted": sum(one.accepted for one in accepting),
        "accept_pauses": sum(one.pauses for one in accepting),
        "handler_failures": loop.statistics().failures,
        "windows_denied": memory.denied,
        "resets_cut_short": memory.cut_short,
        "lost_log_lines": log.dropped(),
        "log_lines_left_out": log.left_out(),
    }


def node_counters(parts: NodeParts) -> dict[str, int]:
    """All of a node's."""
    strangers, sessions = parts.node.strangers.statistics(), parts.node.sessions.statistics()
    return {
        **process_counters(parts.loop, parts.listeners, parts.accounts.statistics()),
        "strangers_evicted": strangers.evicted,
        "peers_vanished": 0 if parts.vanished is None else parts.vanished.count,
        "targets_without_descriptor": parts.node.sessions.dial_shortages,
        "streams_refused": sessions.refused,
        "sessions_evicted": sessions.evicted,
        "protocol_errors": sessions.broken,
        "carriers_unread": sessions.unread,
        "carriers_over_limit": parts.node.refusals[Reason.LIMIT],
        **_datagram_counters(parts.node.datagrams),
    }


def _datagram_counters(datagrams: NodeDatagrams) -> dict[str, int]:
    labels = datagrams.labels.statistics()
    associations = None if datagrams.associations is None else datagrams.associations.statistics()
    return {
        "labels_refused": labels.refused,
        "datagrams_strange": labels.strange,
        "datagrams_misplaced": labels.misplaced,
        "datagrams_forged": labels.forged,
        "datagrams_unsent": datagrams.unsent,
        "associations_evicted": 0 if associations is None else associations.evicted,
        "datagrams_refused": 0 if associations is None else associations.refused,
        "replies_unasked": 0 if associations is None else associations.unasked,
    }
