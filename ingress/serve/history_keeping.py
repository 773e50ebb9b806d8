"""An ingress's history: what its fleet shows is watched round by round, what the log tells is kept."""

from collections.abc import Callable, Mapping, Sequence

from ingress.history.happened import Happenings
from ingress.history.said import KEPT
from ingress.history.watch import Watcher
from ingress.measure.blame import Blame
from ingress.measure.evidence import Planned
from ingress.measure.figures import PathFigures
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.traffic import Traffic
from ingress.paths.fleet import Fleet
from ingress.state.history import HistoryPart
from relay import log


class FleetSight:
    """A fleet as `Sight`."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    @property
    def network_monitor(self) -> NetworkMonitor:
        """As `Sight.network_monitor`."""
        return self._fleet.network_monitor

    @property
    def traffic(self) -> Mapping[str, Traffic]:
        """As `Sight.traffic`."""
        return self._fleet.traffic

    def figures(self) -> Sequence[PathFigures]:
        """As `Sight.figures`."""
        return [entry.figures for entry in self._fleet.chooser.ranking.order]

    def datagrams(self) -> Mapping[str, tuple[int, int]]:
        """As `Sight.datagrams`."""
        carried = {name: live.carried.datagrams for name, live in self._fleet.live.items()}
        return {name: (one.datagrams_out, one.datagrams_in) for name, one in carried.items()}

    def blames(self, now: float) -> Sequence[Blame]:
        """As `Sight.blames`."""
        exits = frozenset(path.end for path in self.network_monitor.paths)
        return self.network_monitor.blame(exits, now, planned(self._fleet, now))


def planned(fleet: Fleet, now: float) -> list[Planned]:
    """Nodes that are known to drain, or to have come back from that a moment ago."""
    return [told for peer in fleet.peers.values() if (told := peer.planned(now)) is not None]


class History:
    """One ingress's. `part` is to be kept; `each_round` to be called in every round."""

    def __init__(self, ingress: str, fleet: Fleet, wall: Callable[[], float]) -> None:
        self.watch = Watcher(ingress, FleetSight(fleet), wall)
        self.happenings = Happenings(wall)
        self.part = HistoryPart(self.watch, self.happenings, wall)
        self._fleet = fleet
        self._leader = ""
        self._end: Callable[[], None] | None = None

    def begin(self) -> None:
        """Keep what the log tells, until `end`."""
        self._end = log.subscribe(KEPT, self.happenings.told)

    def end(self) -> None:
        """Harmless when repeated."""
        if self._end is not None:
            self._end()

    def each_round(self) -> None:
        """What a round brought; and, as an event, that new streams take another path now."""
        self._note_leader()
        self.watch.each_round(self._fleet.loop.now)

    def _note_leader(self) -> None:
        order = self._fleet.chooser.ranking.order
        leader = order[0].name if order else ""
        if leader != self._leader:
            before, self._leader = self._leader, leader
            if before and leader:
                old = next((entry for entry in order if entry.name == before), None)
                why = "it is gone" if old is None else old.reason
                log.event("leader-changed", about=leader, path=leader, before=before, why=why)

    @property
    def dropped(self) -> int:
        """Minutes, events and outages that were not kept, because there were too many or the file did not take them."""
        watch = self.watch
        return watch.dropped + watch.outages.dropped + self.happenings.left_out + self.part.dropped
