"""A monitor driven by its own deadlines over a line whose round trip each test says."""

import heapq
from collections.abc import Callable
from itertools import pairwise

import pytest

from ingress.measure.health import PathState
from ingress.measure.monitor import Due, PathMonitor
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path

LINE = Line("ix", "shanghai", "jp", Address("ix.example", 1))
PATH = Path((Hop(LINE, "shanghai", "jp", LINE.address),))


class Drive:
    """Runs one monitor; `trip(now)` is the round trip of a ping sent now, None if it is never answered."""

    def __init__(self, trip: Callable[[float], float | None], interval: float = 0.25) -> None:
        self.trip = trip
        self.now = 0.0
        self.monitor = PathMonitor(PATH, 0.0)
        self.monitor.connected(0.0)
        self.monitor.every(interval, 0.0)
        self.seen: list[tuple[float, Due]] = []
        self.pings: list[float] = []
        self._answers: list[tuple[float, int]] = []
        self._last = 0.0

    def run(self, until: float) -> "Drive":
        while (at := self._next()) is not None and at <= until:
            self.now = max(self.now, at)
            while self._answers and self._answers[0][0] <= self.now:
                self.monitor.answered(heapq.heappop(self._answers)[1], self.now)
            for due in self.monitor.tick(self.now):
                self._act(due)
        self.now = until
        return self

    def _next(self) -> float | None:
        deadline = self.monitor.deadline()
        answer = self._answers[0][0] if self._answers and self.monitor.is_connected else None
        return min((at for at in (deadline, answer) if at is not None), default=None)

    def _act(self, due: Due) -> None:
        if due is not Due.PING:
            self.seen.append((self.now, due))
            return
        self.pings.append(self.now)
        number, trip = self.monitor.ping(self.now, 0.5), self.trip(self.now)
        if trip is not None:
            self._last = max(self._last, self.now + trip)  # TCP keeps the order
            heapq.heappush(self._answers, (self._last, number))

    def kinds(self) -> list[Due]:
        return [due for _, due in self.seen]


def test_a_quiet_path_is_pinged_and_up() -> None:
    drive = Drive(lambda now: 0.13).run(60.0)
    assert drive.kinds() == [Due.RELEASED]
    gaps = [later - earlier for earlier, later in pairwise(drive.pings)]
    assert gaps == pytest.approx([0.2375] * len(gaps))
    assert drive.monitor.health.state is PathState.UP


def test_a_lost_segment_of_600_ms_and_more_is_a_stall_and_never_a_death() -> None:
    drive = Drive(lambda now: 0.9 if 30 < now < 30.25 else 0.18).run(60.0)
    assert drive.kinds() == [Due.RELEASED, Due.LATE, Due.STALLED, Due.RECOVERED]
    stalled, recovered = drive.seen[2][0], drive.seen[3][0]
    sent = next(at for at in drive.pings if at > 30)
    assert stalled - sent == pytest.approx(0.18 * 2.25 + 0.25, abs=0.01)
    assert recovered - sent == pytest.approx(0.9)
    assert drive.monitor.health.state is PathState.UP


def test_a_lost_segment_that_the_next_ping_mends_is_no_stall() -> None:
    drive = Drive(lambda now: 0.25 + 2.25 * 0.18 if 30 < now < 30.25 else 0.18).run(60.0)
    assert drive.kinds() == [Due.RELEASED, Due.LATE]


def test_silence_is_a_stall_then_a_death() -> None:
    drive = Drive(lambda now: 0.13 if now < 30 else None).run(60.0)
    assert drive.kinds()[-2:] == [Due.STALLED, Due.DEAD]
    assert Due.RECOVERED not in drive.kinds()
    first_lost = next(at for at in drive.pings if at >= 30)
    assert drive.seen[-1][0] - first_lost == pytest.approx(3.0)
    assert drive.monitor.health.reason == "silent for 3 s"
    assert drive.monitor.deadline() is None
    assert drive.monitor.tick(100.0) == ()


def test_bytes_keep_a_carrier_alive_that_answers_nothing() -> None:
    drive = Drive(lambda now: 0.13 if now < 30 else None)
    for second in range(31, 40):
        drive.run(float(second))
        drive.monitor.heard(drive.now)
    assert drive.kinds()[-1] is Due.STALLED
    drive.run(50.0)
    assert drive.kinds()[-1] is Due.DEAD


def test_a_path_that_is_seldom_asked_does_not_die_between_two_pings() -> None:
    drive = Drive(lambda now: 0.13, interval=5.0).run(120.0)
    assert drive.kinds() == [Due.RELEASED]
    assert len(drive.pings) == pytest.approx(120 / 4.75, abs=1)


def test_our_own_loop_standing_still_is_nobodys_fault() -> None:
    drive = Drive(lambda now: 0.13 if now < 30 else 20.0).run(30.2)
    drive.monitor.lagged(40.0)
    drive.now = 40.0
    assert Due.DEAD not in drive.monitor.tick(40.0)
    assert drive.monitor.health.state is PathState.UP


def test_doubt_asks_at_once_but_not_twice() -> None:
    drive = Drive(lambda now: 0.13, interval=5.0).run(12.0)
    drive.monitor.doubt(12.0)
    assert drive.monitor.deadline() == 12.0
    drive.run(12.01)
    drive.monitor.doubt(12.02)
    assert drive.monitor.deadline() == pytest.approx(12.1)


def test_a_carrier_that_comes_back_is_on_trial_and_old_answers_are_ignored() -> None:
    drive = Drive(lambda now: 0.13).run(10.0)
    drive.monitor.ping(10.0, 0.0)
    drive.monitor.lost("reset", 10.01)
    drive.monitor.connected(11.0)
    assert drive.monitor.answered(drive.monitor._number, 11.0) is None
    drive.seen.clear()
    drive.run(15.9)
    assert drive.kinds() == []
    drive.run(16.1)
    assert drive.kinds() == [Due.RELEASED]


def test_tick_says_nothing_twice() -> None:
    drive = Drive(lambda now: 0.13 if now < 5 else None).run(30.0)
    assert drive.kinds() == [Due.RELEASED, Due.LATE, Due.STALLED, Due.DEAD]


def test_a_monitor_says_how_its_path_is() -> None:
    monitor = Drive(lambda now: 0.1).run(2.0).monitor
    assert repr(monitor.health).startswith(f"<Health up since {monitor.health.since:.3f}, 0 deaths")
    assert repr(monitor) == f"<PathMonitor {PATH.name} {monitor.health!r} {monitor.pings!r}>"
