"""The samples, read off facts: a name of the table, the values of its labels, a number. What is not known has none."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from ingress.metrics.facts import Facts
from ingress.metrics.ledger import CounterLedger
from ingress.report.rows import LineRow, NodeRow, PathRow
from relay.model.cause import Cause
from relay.model.vitals import InUse, Vitals
from relay.wire.codes import Reason

Sample = tuple[str, tuple[str, ...], float]

OTHER = "refused"
"""For states that a node's refusal names: `auth`, `version`, `stale config`."""
PATH_STATES = ("up", "held", "stalled", "down", "spare", OTHER)
LINE_STATES = ("up", "poor", "broken", "suspect", "unknown")
NODE_STATES = ("up", "held", "stalled", "down", "unused", OTHER)
REASONS = frozenset(reason.name.lower() for reason in Reason)
CAUSES = frozenset(cause.name.lower() for cause in Cause)
"""What nodes tell is counted under names that are known here: no node makes up labels."""
PATH_BYTES = "ingress_path_bytes_total"


def samples(facts: Facts, ledger: CounterLedger) -> Iterator[Sample]:
    """All of them. Counters stand as *ledger* has them."""
    count = _counting(ledger)
    yield from _whole(facts, count)
    for path in facts.report.paths:
        yield from _path(path, count)
    held = {row.line for row in facts.report.holds}
    bytes_ = _line_bytes(ledger)
    for line in facts.report.lines:
        yield from _line(line, line.line in held, bytes_)
    for node in facts.report.nodes:
        yield (
            "ingress_node_info",
            (node.node, ledger.word(node.version or ""), "exit" if node.is_exit else "relay"),
            1.0,
        )
        yield from _node(node, facts.node_certificates.get(node.node), count)


Counting = Callable[[str, tuple[str, ...], float], Sample]


def _counting(ledger: CounterLedger) -> Counting:
    def count(name: str, labels: tuple[str, ...], value: float) -> Sample:
        return name, labels, ledger.count(name, labels, value)

    return count


def _known(samples_: Iterable[tuple[str, tuple[str, ...], float | None]]) -> Iterator[Sample]:
    return ((name, labels, float(value)) for name, labels, value in samples_ if value is not None)


def _states(name: str, labels: tuple[str, ...], state: str, states: tuple[str, ...]) -> Iterator[Sample]:
    now = state if state in states else OTHER
    return ((name, (*labels, one), float(one == now)) for one in states)


# ---- the ingress as a whole


def _whole(facts: Facts, count: Counting) -> Iterator[Sample]:
    report, totals = facts.report, facts.report.totals
    yield "ingress_info", (report.ingress, facts.version), 1.0
    yield from _known(_vitals("ingress", (), report.vitals))
    yield from _known([("ingress_loop_lag_seconds", (), report.vitals.lag)])
    yield count("ingress_cpu_seconds_total", (), report.vitals.cpu or 0.0)
    yield "ingress_streams", (), float(totals.streams)
    yield count("ingress_streams_opened_total", (), totals.opened)
    yield count("ingress_streams_moved_total", (), totals.moves)
    yield count("ingress_streams_rescued_total", (), totals.resumes)
    yield from (count("ingress_streams_lost_total", (cause,), lost) for cause, lost in totals.lost.items())
    yield from (count("ingress_bound_reached_total", (bound,), n) for bound, n in report.counters.items())
    yield from (("ingress_exit_sick", (exit_,), float(exit_ in facts.sick)) for exit_ in _exits(report.nodes))
    yield "ingress_faults", (), float(len(report.blame))
    yield "ingress_warnings", (), float(len(report.warnings))
    yield "ingress_certificate_expiry_timestamp_seconds", (), facts.certificate_ends
    yield from (count("ingress_reloads_total", (result,), n) for result, n in facts.reloads.items())
    yield from (count("ingress_log_lines_dropped_total", (why,), n) for why, n in facts.log_dropped.items())
    yield "ingress_state_kept", (), float(facts.is_kept)


def _exits(nodes: Iterable[NodeRow]) -> Iterator[str]:
    return (node.node for node in nodes if node.is_exit)


def _vitals(prefix: str, labels: tuple[str, ...], one: Vitals) -> Iterator[tuple[str, tuple[str, ...], float | None]]:
    yield f"{prefix}_uptime_seconds", labels, one.up
    yield f"{prefix}_loop_worst_lag_seconds", labels, one.worst_lag
    yield f"{prefix}_resident_memory_bytes", labels, one.resident
    yield from _in_use(f"{prefix}_descriptors", f"{prefix}_descriptors_limit", labels, one.descriptors)
    yield from _in_use(f"{prefix}_window_bytes", f"{prefix}_window_limit_bytes", labels, one.memory)


def _in_use(
    used: str, limit: str, labels: tuple[str, ...], one: InUse | None
) -> Iterator[tuple[str, tuple[str, ...], float | None]]:
    if one is not None:
        yield used, labels, one.used
        yield limit, labels, one.limit


# ---- paths


def _path(row: PathRow, count: Counting) -> Iterator[Sample]:
    labels = row.path, row.exit
    yield from _states("ingress_path_state", labels, row.state, PATH_STATES)
    yield from _known(_path_figures(row, labels))
    kinds = {"bulk": row.bulk, "redundant": row.redundant, "thin": row.streams - row.bulk - row.redundant}
    yield from (("ingress_path_streams", (*labels, kind), float(n)) for kind, n in kinds.items())
    yield count(PATH_BYTES, (*labels, "up"), row.bytes_up)
    yield count(PATH_BYTES, (*labels, "down"), row.bytes_down)
    yield count("ingress_path_streams_moved_total", labels, row.moves)
    yield count("ingress_path_streams_rescued_total", labels, row.resumes)
    yield from (count("ingress_path_streams_lost_total", (*labels, cause), n) for cause, n in row.lost.items())
    yield count("ingress_path_deaths_total", labels, row.deaths)
    yield count("ingress_path_datagrams_total", labels, row.datagrams_up)


def _path_figures(row: PathRow, labels: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...], float | None]]:
    yield "ingress_path_rank", labels, row.rank
    yield "ingress_path_round_trip_seconds", labels, row.round_trip
    yield "ingress_path_round_trip_p95_seconds", labels, row.p95
    yield "ingress_path_deviation_seconds", labels, row.deviation
    yield "ingress_path_late_ratio", labels, row.late
    yield "ingress_path_cost_seconds", labels, row.cost
    if row.datagrams is not None:
        yield "ingress_path_datagram_loss_ratio", (*labels, "up"), row.datagrams.loss_up
        yield "ingress_path_datagram_loss_ratio", (*labels, "down"), row.datagrams.loss_down
        yield "ingress_path_datagram_jitter_seconds", labels, row.datagrams.jitter


# ---- lines


def _line_bytes(ledger: CounterLedger) -> Mapping[tuple[str, str], float]:
    """By line and direction: what all paths over it have carried, those that are gone as well."""
    found: dict[tuple[str, str], float] = {}
    for (path, _, direction), total in ledger.totals(PATH_BYTES):
        for line in path.split("/"):
            found[line, direction] = found.get((line, direction), 0.0) + total
    return found


def _line(row: LineRow, is_held: bool, bytes_: Mapping[tuple[str, str], float]) -> Iterator[Sample]:
    labels = (row.line,)
    yield from _states("ingress_line_state", labels, row.state, LINE_STATES)
    yield "ingress_line_held", labels, float(is_held)
    yield from _known(
        [
            ("ingress_line_round_trip_seconds", labels, row.round_trip),
            ("ingress_line_deviation_seconds", labels, row.deviation),
            ("ingress_line_late_ratio", labels, row.late),
            ("ingress_line_dial_seconds", labels, row.dial_time),
        ]
    )
    yield "ingress_line_streams", labels, float(row.streams)
    yield "ingress_line_probe_bytes_per_day", labels, float(row.probe_bytes_per_day)
    yield from (("ingress_line_loss_ratio", (*labels, one.start), one.loss) for one in row.directions)
    if row.quota is not None:
        yield "ingress_line_quota_used_ratio", labels, row.quota.fraction
        yield "ingress_line_quota_end_timestamp_seconds", labels, row.quota.ends
    for direction in ("up", "down"):
        yield "ingress_line_bytes_total", (*labels, direction), bytes_.get((row.line, direction), 0.0)


# ---- nodes


def _node(row: NodeRow, certificate_ends: float | None, count: Counting) -> Iterator[Sample]:
    labels = (row.node,)
    yield from _states("ingress_node_state", labels, row.state, NODE_STATES)
    yield "ingress_node_stale_config", labels, float(row.stale_config)
    yield "ingress_node_draining", labels, float(row.draining)
    yield from _known(
        [
            ("ingress_node_certificate_expiry_timestamp_seconds", labels, certificate_ends),
            ("ingress_node_clock_offset_seconds", labels, row.clock_offset),
        ]
    )
    told = row.told
    if told is None:
        return
    yield "ingress_node_told_age_seconds", labels, told.age
    if told.vitals is not None:
        yield from _known(_vitals("ingress_node", labels, told.vitals))
        yield from _known([("ingress_node_load", labels, told.vitals.load)])
    yield "ingress_node_streams", labels, float(sum(one.streams for one in told.connected))
    yield "ingress_node_carriers", labels, float(sum(one.carriers for one in told.connected))
    for name, told_of, known in (("refusals", told.refusals, REASONS), ("failures", told.failures, CAUSES)):
        for word in sorted(known.intersection(told_of)):
            yield count(f"ingress_node_{name}_total", (row.node, word), told_of[word])
