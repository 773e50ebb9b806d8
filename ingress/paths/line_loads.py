"""What the lines under a fleet carry: what passes now, what they were seen to deliver, which are full."""

from collections.abc import Iterable, Mapping

from ingress.choice.offers import Bulk, Offers
from ingress.measure.capacity import Capacities, LineWay, Way, routes_of
from ingress.measure.deliveries import Deliveries
from ingress.measure.fullness import Fullness
from ingress.measure.traffic import Traffic
from relay.model.walk import Path


class LineLoads:
    """One fleet's. *since* is the wall's clock at the moment 0 of the loop's."""

    def __init__(self, since: float) -> None:
        self.capacities = Capacities()
        self.full: frozenset[str] = frozenset()
        """Names of lines that carry nearly all that they can."""
        self.limits: Mapping[LineWay, float] = {}
        """The most that lines carry, where it is known, in bytes per second."""
        self._since = since
        self._routes = routes_of(())
        self._deliveries = Deliveries()
        self._fullness = Fullness()

    def replan(self, paths: Iterable[Path]) -> None:
        """These are the paths from now on."""
        self._routes = routes_of(paths)

    def each_round(self, traffic: Mapping[str, Traffic], acked: Mapping[str, int], now: float) -> None:
        """*traffic* is what came over the paths so far, *acked* what is known to have arrived at their exits."""
        moved = {(path, Way.DOWN): one.bytes_down for path, one in traffic.items()}
        moved |= {(path, Way.UP): acked.get(path, 0) for path in traffic}
        for line, speed in self._deliveries.note(self._routes, moved, now).items():
            self.capacities.saw(line, speed, self.wall(now))

    def each_second(self, now: float) -> None:
        """Which lines are full, by what they carry at most."""
        self.limits = self.capacities.limits(self._routes, self.wall(now))
        self.full = self._fullness.note(self.speeds, self.limits, now)

    @property
    def speeds(self) -> Mapping[LineWay, float]:
        """What passes over the lines now, in bytes per second."""
        return self._deliveries.speeds

    def offers(self, riders: Iterable[Bulk], now: float) -> Offers:
        """What the paths have to offer bulk now."""
        return Offers(self._routes, self.capacities, self.speeds, riders, self.wall(now))

    def wall(self, now: float) -> float:
        """The moment *now* of the loop's clock on the wall's."""
        return self._since + now

    def __repr__(self) -> str:
        return f"<LineLoads: {self.capacities!r}, full {sorted(self.full)}>"
