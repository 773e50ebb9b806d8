"""An hour of pings in virtual time: what the whole of measuring and ranking makes of it."""

import heapq
import random
from collections.abc import Callable

import pytest

from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand
from ingress.measure.monitor import Due
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.traffic import NO_TRAFFIC, Traffic
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path

Trip = Callable[[str, float, random.Random], float | None]


def path(name: str) -> Path:
    line = Line(name, "sh", "us", Address("x", 1))
    return Path((Hop(line, "sh", "us", line.address),))


class Hour:
    """Drives a network_monitor and a chooser as the shell does, over paths whose round trips *trip* says."""

    def __init__(self, names: str, trip: Trip, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.trip = trip
        self.now = 0.0
        self.network_monitor = NetworkMonitor([path(name) for name in names], [], 0.0)
        self.traffic = dict.fromkeys(names, NO_TRAFFIC)
        self.chooser = Chooser({"us"})
        self.seen: list[tuple[float, str, Due]] = []
        self._answers: list[tuple[float, str, int]] = []
        self._last = dict.fromkeys(names, 0.0)
        self._round = 0.0
        for monitor in self.network_monitor.monitors.values():
            monitor.connected(0.0)

    def run(self, until: float) -> "Hour":
        while self.now < until:
            self._wait()
            for name, monitor in self.network_monitor.monitors.items():
                for due in monitor.tick(self.now):
                    self._act(name, due)
            if self.now >= self._round:
                self._rank()
        return self

    def _wait(self) -> None:
        deadlines = [at for monitor in self.network_monitor.monitors.values() if (at := monitor.deadline()) is not None]
        answer = [self._answers[0][0]] if self._answers else []
        self.now = max(self.now, min([*deadlines, *answer, self._round]))
        while self._answers and self._answers[0][0] <= self.now:
            _, name, number = heapq.heappop(self._answers)
            self.network_monitor.monitors[name].answered(number, self.now)

    def _act(self, name: str, due: Due) -> None:
        if due is Due.PING:
            number = self.network_monitor.monitors[name].ping(self.now, self.random.random())
            trip = self.trip(name, self.now, self.random)
            if trip is not None:
                self._last[name] = max(self._last[name], self.now + trip)
                heapq.heappush(self._answers, (self._last[name], name, number))
            return
        self.seen.append((self.now, name, due))
        if due is Due.LATE:
            self.network_monitor.doubt(self.now)
        if due in (Due.STALLED, Due.DEAD):
            self._rank()

    def _rank(self) -> None:
        self._round = self.now + 0.5
        self.chooser.rank(self.network_monitor.figures(self.traffic, self.now), self.now)
        self.network_monitor.schedule(
            [entry.figures.path for entry in self.chooser.ranking.order], self.traffic, self.now
        )

    def count(self, due: Due) -> int:
        return sum(one is due for _, _, one in self.seen)


def test_two_equal_paths_with_5_ms_of_jitter_do_not_trade_places() -> None:
    hour = Hour("ab", lambda name, now, chance: 0.13 + chance.uniform(-0.005, 0.005))
    hour.traffic = dict.fromkeys("ab", Traffic(streams=1))
    hour.run(3600.0)
    assert hour.chooser.ranking.switches == ()
    assert (hour.count(Due.STALLED), hour.count(Due.DEAD)) == (0, 0)


def lossy(share: float, trip: float) -> Trip:
    """Segments lost, *share* each way, and mended as TCP does: by the next ping, or later if that is lost as well."""

    def once(name: str, now: float, chance: random.Random) -> float:
        if chance.random() >= 2 * share:
            return trip + chance.uniform(0, 0.002)
        again = sum(wait for wait in (0.25, 0.38) if chance.random() < share)
        return 0.25 + 2.25 * trip + chance.uniform(-0.025, 0.0) + again

    return once


@pytest.mark.parametrize(("share", "most"), [(0.0, 0), (0.01, 9)])
def test_loss_gives_few_stalls_and_no_death(share: float, most: int) -> None:
    hour = Hour("a", lossy(share, 0.18))
    hour.traffic["a"] = Traffic(streams=1)
    hour.run(3600.0)
    assert hour.count(Due.STALLED) <= most
    assert hour.count(Due.RECOVERED) == hour.count(Due.STALLED)
    assert hour.count(Due.DEAD) == 0


def test_a_path_that_becomes_uneven_is_left() -> None:
    def trip(name: str, now: float, chance: random.Random) -> float:
        return 0.13 + (abs(chance.gauss(0, 0.05)) if name == "a" and now > 60 else 0.01 * (name == "b"))

    hour = Hour("ab", trip).run(90.0)
    assert [(switch.old, switch.new) for switch in hour.chooser.ranking.switches] == [("a", "b")]


def test_a_black_line_is_left_within_a_stall_and_never_the_last_one() -> None:
    hour = Hour("ab", lambda name, now, chance: None if name == "a" and now > 30 else {"a": 0.13, "b": 0.2}[name])
    hour.traffic["a"] = Traffic(streams=1, spoke_at=32.0)
    hour.run(32.0)
    stalled = next(at for at, _, due in hour.seen if due is Due.STALLED)
    assert stalled - 30 < 0.25 + 2.25 * 0.13 + 0.25 + 0.01
    assert [(switch.at, switch.new) for switch in hour.chooser.ranking.switches] == [(stalled, "b")]
    chosen = hour.chooser.decide(Demand("example.com", 443), hour.now)
    assert chosen is not None and chosen.paths == ("b",)
