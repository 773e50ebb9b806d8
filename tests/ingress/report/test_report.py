"""The answer to `paths` as a whole."""

import pytest

from ingress.choice.chooser import Chooser
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.states import node_state
from ingress.measure.traffic import Counters
from ingress.report.report import report, totals
from ingress.report.snapshot import Snapshot
from relay.model.walk import find_prefixes
from tests.ingress.report.running import FOUND, LINES, Running


def test_before_the_first_answer_nothing_is_invented() -> None:
    network_monitor = NetworkMonitor(FOUND.used, find_prefixes(FOUND), 0.0)
    ranking = Chooser(["us1"]).ranking
    told = report(Snapshot("sh", "now", 1.0, network_monitor, ranking, tuple(LINES.values())))
    row = told.paths[0]
    assert (row.rank, row.state, row.reason) == (None, "down", "not connected yet")
    assert (row.round_trip, row.deviation, row.late, row.cost, row.age) == (None, None, None, None, None)
    assert {line.state for line in told.lines} == {"unknown"}
    assert node_state("us1", network_monitor) == "down"


def test_the_sums_have_what_is_and_what_was() -> None:
    running = Running()
    past = Counters()
    past.opened, past.moves = 7, 1
    past.count_bytes(10, 100)
    past.count_lost("exit-lost")
    past.count_lost("gone")
    past.count_rescue(0.7)
    snapshot = Snapshot(
        "sh",
        "now",
        5.0,
        running.network_monitor,
        running.chooser.ranking,
        (),
        running.traffic,
        running.counters,
        past,
        warnings=["one"],
    )
    told = totals(snapshot, [])
    assert (told.opened, told.moves, told.resumes, told.longest_pause) == (7, 3, 2, 0.7)
    assert (told.streams, told.bytes_up, told.bytes_down) == (1, 10, 1100)
    assert told.lost == {"exit-lost": 2, "gone": 1}
    assert report(snapshot).warnings == ["one"]


def test_what_rides_on_a_path_that_was_never_counted_is_nothing() -> None:
    running = Running()
    snapshot = Snapshot("sh", "now", 5.0, running.network_monitor, running.chooser.ranking, ())
    assert snapshot.traffic_of("ix1/j1u").streams == 0
    assert totals(snapshot, []).probe_bytes_per_day == 0
    assert report(snapshot).paths[0].longest_pause == pytest.approx(0.0)
