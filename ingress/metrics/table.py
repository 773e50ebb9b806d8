"""Every metric: how it is called, what it counts, by what it is told apart. docs/metrics.md shows the same table.

Names follow Prometheus: base units, `_total` for what only grows, `_ratio` for shares from 0 to 1.
"""

import enum

import attrs


class Sort(enum.Enum):
    """As Prometheus knows them."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@attrs.frozen
class Metric:
    """One of them."""

    name: str
    sort: Sort
    labels: tuple[str, ...]
    help: str


def _gauge(name: str, labels: str, help_: str) -> Metric:
    return Metric(f"ingress_{name}", Sort.GAUGE, tuple(labels.split()), help_)


def _counter(name: str, labels: str, help_: str) -> Metric:
    return Metric(f"ingress_{name}_total", Sort.COUNTER, tuple(labels.split()), help_)


def _histogram(name: str, help_: str) -> Metric:
    return Metric(f"ingress_{name}", Sort.HISTOGRAM, (), help_)


WHOLE = (
    _gauge("info", "ingress version", "1, with the name and the version of the ingress"),
    _gauge("uptime_seconds", "", "Since the process began"),
    _gauge("loop_lag_seconds", "", "How late the loop served, at worst, in the last second or two"),
    _gauge("loop_worst_lag_seconds", "", "The same in the last minute or two"),
    _gauge("resident_memory_bytes", "", "Memory that the kernel has given the process"),
    _counter("cpu_seconds", "", "Processor time used since the process began"),
    _gauge("descriptors", "", "Open file descriptors"),
    _gauge("descriptors_limit", "", "File descriptors that may be open"),
    _gauge("window_bytes", "", "What streams keep until it is acknowledged, and have promised to take"),
    _gauge("window_limit_bytes", "", "What they may, by `memory` of the file"),
    _gauge("streams", "", "Streams that are open"),
    _counter("streams_opened", "", "Streams that were opened"),
    _counter("streams_moved", "", "Streams that left a path by plan"),
    _counter("streams_rescued", "", "Streams that went on over another path after theirs had failed"),
    _counter("streams_lost", "cause", "Streams that ended with their path, by cause"),
    _histogram("open_seconds", "From a client's request until the exit had connected"),
    _histogram("pause_seconds", "How long rescued streams stood still"),
    _counter(
        "bound_reached", "bound", "What each bound has counted (docs/threats.md): refusals, penalties and the like"
    ),
    _gauge("exit_sick", "exit", "1 while the exit answers and reaches no targets"),
    _gauge("faults", "", "Sentences of blame: what is broken, poor or planned now"),
    _gauge("warnings", "", "Warnings that `ingress paths` shows"),
    _gauge("certificate_expiry_timestamp_seconds", "", "When the ingress's own certificate ends"),
    _counter("reloads", "result", "Reloads of the files: `done`, or `refused` because they have mistakes"),
    _counter("log_lines_dropped", "reason", "Lines of the log that were not written: `lost`, or too many of a kind"),
    _gauge("state_kept", "", "1 while what is learned and counted is kept over a restart"),
)
PATHS = (
    _gauge("path_state", "path exit state", "1 for the state that the path is in, 0 for the others"),
    _gauge("path_rank", "path exit", "From 1, the path that new streams take"),
    _gauge("path_round_trip_seconds", "path exit", "Round trip to the exit, median of the last five"),
    _gauge("path_round_trip_p95_seconds", "path exit", "95 % of the last hundred round trips"),
    _gauge("path_deviation_seconds", "path exit", "Mean deviation of the round trip"),
    _gauge("path_late_ratio", "path exit", "Share of the last hundred pings that came late"),
    _gauge("path_cost_seconds", "path exit", "What ranking compares"),
    _gauge("path_streams", "path exit kind", "Streams on it now: `thin`, `bulk` or `redundant`"),
    _counter("path_bytes", "path exit direction", "Bytes carried, `up` towards the exit and `down`, pings included"),
    _counter("path_streams_moved", "path exit", "Streams that left it by plan"),
    _counter("path_streams_rescued", "path exit", "Streams rescued from it"),
    _counter("path_streams_lost", "path exit cause", "Streams that ended with it, by cause"),
    _counter("path_deaths", "path exit", "Deaths of its carrier"),
    _counter("path_datagrams", "path exit", "Datagrams of clients that it carried as the primary"),
    _gauge("path_datagram_loss_ratio", "path exit direction", "Share of datagrams lost of late, `up` or `down`"),
    _gauge("path_datagram_jitter_seconds", "path exit", "How much datagrams vary from one to the next"),
)
LINES = (
    _gauge("line_state", "line state", "1 for the state that the line is in, 0 for the others"),
    _gauge("line_held", "line", "1 while it is held by hand (`ingress hold`)"),
    _gauge("line_round_trip_seconds", "line", "Round trip of its own piece of the way"),
    _gauge("line_deviation_seconds", "line", "Deviation of its own piece"),
    _gauge("line_late_ratio", "line", "Share of pings that came late, and were not late before it"),
    _gauge("line_dial_seconds", "line", "How long the last dial of its address took"),
    _gauge("line_streams", "line", "Streams on the paths over it"),
    _gauge("line_loss_ratio", "line sender", "Share of segments lost of what the sender sends over it (TCP)"),
    _gauge("line_probe_bytes_per_day", "line", "What measuring puts on it in a day at the present pace"),
    _gauge("line_quota_used_ratio", "line", "Share of its quota that is used in the running period"),
    _gauge("line_quota_end_timestamp_seconds", "line", "When the running period of its quota ends"),
    _counter("line_bytes", "line direction", "Bytes carried by the paths over it, `up` from the ingress and `down`"),
)
NODES = (
    _gauge("node_state", "node state", "1 for the state that the node is in, 0 for the others"),
    _gauge("node_info", "node version role", "1, with the version and the role, `exit` or `relay`"),
    _gauge("node_stale_config", "node", "1 while its file differs from that of the ingress"),
    _gauge("node_draining", "node", "1 while it is about to stop"),
    _gauge("node_certificate_expiry_timestamp_seconds", "node", "When its certificate ends"),
    _gauge("node_told_age_seconds", "node", "Since it last told how it is"),
    _gauge("node_clock_offset_seconds", "node", "By which its clock is ahead, to within half a round trip"),
    _gauge("node_uptime_seconds", "node", "Since its program began"),
    _gauge("node_load", "node", "Its machine's load average of a minute"),
    _gauge("node_loop_worst_lag_seconds", "node", "How late its loop served, at worst, in the last minutes"),
    _gauge("node_resident_memory_bytes", "node", "Memory that its kernel has given it"),
    _gauge("node_window_bytes", "node", "What its streams keep and have promised to take"),
    _gauge("node_window_limit_bytes", "node", "What they may"),
    _gauge("node_descriptors", "node", "Open file descriptors"),
    _gauge("node_descriptors_limit", "node", "File descriptors that may be open"),
    _gauge("node_streams", "node", "Streams of all ingresses that end there"),
    _gauge("node_carriers", "node", "Carriers of all ingresses that end there"),
    _counter("node_refusals", "node reason", "Carriers that it refused, by reason"),
    _counter("node_failures", "node cause", "Targets that it did not reach, by cause"),
)
METRICS = {metric.name: metric for metric in (*WHOLE, *PATHS, *LINES, *NODES)}
