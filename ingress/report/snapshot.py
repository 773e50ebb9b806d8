"""What a report is made from: the running objects of an ingress, as they are at one moment."""

from collections.abc import Mapping, Sequence

import attrs

from ingress.choice.ranking import Ranking
from ingress.measure.capacity import Capacities, LineWay
from ingress.measure.evidence import Planned
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.traffic import NO_TRAFFIC, Counters, Traffic
from ingress.paths.way import ExitWay
from ingress.quota.tally import Tally
from ingress.report.rows import HoldRow, NodeRow
from relay.dial.lines import LineDial
from relay.model.network import Line
from relay.model.vitals import Vitals
from relay.model.walk import Path


@attrs.frozen
class Snapshot:
    """Read by the functions that make rows, and changed by none of them."""

    ingress: str
    time: str
    """The wall clock, ISO 8601."""
    now: float
    """The same moment on the clock of everything else here."""
    network_monitor: NetworkMonitor
    ranking: Ranking
    lines: Sequence[Line]
    """Those of the network, in file order."""
    traffic: Mapping[str, Traffic] = {}
    """By path, as is what follows; a path may be missing."""
    counters: Mapping[str, Counters] = {}
    past: Counters = attrs.Factory(Counters)
    """What was counted on paths that are no longer in the file."""
    dials: Mapping[str, LineDial] = {}
    """The last one, by line."""
    nodes: Sequence[NodeRow] = ()
    spare: Sequence[Path] = ()
    """Paths that are not measured, because there are too many."""
    warnings: Sequence[str] = ()
    wishes: Sequence[str] = ()
    """What was asked for by hand."""
    holds: Sequence[HoldRow] = ()
    """The lines that an operator holds."""
    counted: Mapping[str, int] = {}
    """By every bound of this process."""
    vitals: Vitals = attrs.Factory(Vitals)
    """Of this process."""
    capacities: Capacities = attrs.Factory(Capacities)
    limits: Mapping[LineWay, float] = {}
    """The most that lines carry, where it is known; bytes per second."""
    speeds: Mapping[LineWay, float] = {}
    """What passes over them now."""
    wall: float = 0.0
    """The same moment as `now`, on the clock of the capacities."""
    ways: Mapping[str, ExitWay] = {}
    """What carries datagrams, by exit."""
    behind_exits: Sequence[str] = ()
    """What is wrong behind exits that answer, in sentences."""
    quotas: Mapping[str, Tally] = {}
    """By line."""
    planned: Sequence[Planned] = ()
    """Nodes that are known to drain, or to have come back from that a moment ago."""

    def traffic_of(self, path: str) -> Traffic:
        """What rides on *path*."""
        return self.traffic.get(path, NO_TRAFFIC)
