"""The answers to `paths` and `why`, filled from running objects and turned into JSON."""

import json
import re
from pathlib import Path as FilePath

import attrs
import pytest

from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.traffic import NO_TRAFFIC, Counters, Traffic
from ingress.report import rows as reports
from ingress.report.line_rows import node_state
from ingress.report.report import report
from ingress.report.rows import NodeRow, Report, Why, to_json
from ingress.report.snapshot import Snapshot
from ingress.report.why import NO_PATH, explain
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import find_paths, find_prefixes

HERE = Address("x", 1)
NODES = {name: Node(name, HERE, (HERE,), exit=name.startswith("us")) for name in ("jp1", "jp2", "us1")}
LINES = {
    "ix1": Line("ix1", "sh", "jp1", HERE, provider="seller"),
    "ix2": Line("ix2", "sh", "jp2", HERE),
    "j1u": Line("j1u", "jp1", "us1", HERE),
    "j2u": Line("j2u", "jp2", "us1", HERE),
    "back": Line("back", "us1", "sh", HERE),
}
FOUND = find_paths(Network(("sh",), NODES, LINES), "sh")


class Running:
    """An ingress after five seconds: ix1/j1u costs 130 ms and carries a stream, ix2/j2u costs 150."""

    def __init__(self) -> None:
        self.network_monitor = NetworkMonitor(FOUND.used, find_prefixes(FOUND), 0.0)
        self.traffic = {path.name: NO_TRAFFIC for path in FOUND.used}
        self.counters = {path.name: Counters() for path in FOUND.used}
        self.chooser = Chooser(["us1"])
        for name, trip in {"ix1": 0.03, "ix2": 0.03, "ix1/j1u": 0.13, "ix2/j2u": 0.15}.items():
            self.network_monitor.monitors[name].connected(0.0)
            self.answer(name, trip, 0.0, 10)
        self.traffic["ix1/j1u"] = Traffic(streams=1, bytes_down=1000)
        counters = self.counters["ix1/j1u"]
        counters.moves = 2
        counters.count_rescue(0.2)
        counters.count_lost("exit-lost")
        self.rank(5.0)

    def answer(self, name: str, trip: float, start: float, count: int) -> None:
        monitor = self.network_monitor.monitors[name]
        for step in range(count):
            monitor.answered(monitor.ping(start + step / 2, 0.0), start + step / 2 + trip)

    def rank(self, now: float) -> None:
        self.chooser.rank(self.network_monitor.figures(self.traffic, now), now)

    def report(self, now: float) -> Report:
        nodes = [NodeRow("us1", True, node_state("us1", self.network_monitor), "0.1.0")]
        return report(
            Snapshot(
                ingress="sh",
                time="2030-01-01T00:00:00+00:00",
                now=now,
                network_monitor=self.network_monitor,
                ranking=self.chooser.ranking,
                lines=tuple(LINES.values()),
                traffic=self.traffic,
                counters=self.counters,
                dial_times={"ix1": 0.031},
                nodes=nodes,
                spare=[FOUND.used[0].prefix(1)],
                warnings=["us1: its certificate ends in 9 days"],
            )
        )


def test_paths_are_told_best_first_with_all_that_is_known() -> None:
    first, second, spare = Running().report(5.0).paths
    assert (first.rank, first.path, first.exit, first.state) == (1, "ix1/j1u", "us1", "up")
    assert (first.round_trip, first.p95, first.late) == (pytest.approx(0.13), pytest.approx(0.13), 0.0)
    assert (first.streams, first.bytes_down, first.moves, first.longest_pause) == (1, 1000, 2, 0.2)
    assert (first.age, first.reason, first.lost) == (pytest.approx(0.37), "best", {"exit-lost": 1})
    assert (second.rank, second.reason) == (2, "costs 150 ms")
    assert (spare.rank, spare.path, spare.state) == (None, "ix1", "spare")


def test_lines_are_told_with_their_own_piece_and_what_pings_cost() -> None:
    told = Running().report(5.0)
    lines = {row.line: row for row in told.lines}
    assert list(lines) == ["ix1", "ix2", "j1u", "j2u"]  # no path of this ingress walks `back`
    assert lines["ix1"].dial_time == 0.031 and lines["ix1"].provider == "seller"
    assert lines["j1u"].round_trip == pytest.approx(0.1)
    assert (lines["j1u"].streams, lines["j1u"].bytes_down, lines["j2u"].streams) == (1, 1000, 0)
    assert lines["ix1"].probe_bytes_per_day == pytest.approx(2 * lines["j1u"].probe_bytes_per_day, rel=1e-6)
    assert {row.state for row in told.lines} == {"up"}
    assert told.totals.probe_bytes_per_day == sum(row.probe_bytes_per_day for row in told.lines)
    assert (told.totals.streams, told.totals.lost, told.blame) == (1, {"exit-lost": 1}, [])


def test_the_broken_line_is_named() -> None:
    running = Running()
    running.network_monitor.monitors["ix1/j1u"].lost("reset", 5.0)
    running.answer("ix1", 0.03, 5.0, 1)
    running.rank(5.5)
    told = running.report(5.5)
    states = {row.line: row.state for row in told.lines}
    assert states == {"ix1": "up", "ix2": "up", "j1u": "broken", "j2u": "up"}
    assert told.blame == ["line j1u: jp1 is well and us1 answers over other lines, not over this one"]
    assert [(row.path, row.state, row.reason, row.deaths) for row in told.paths[:2]] == [
        ("ix2/j2u", "up", "best", 0),
        ("ix1/j1u", "down", "reset", 1),
    ]


def test_before_the_first_answer_nothing_is_invented() -> None:
    network_monitor = NetworkMonitor(FOUND.used, find_prefixes(FOUND), 0.0)
    ranking = Chooser(["us1"]).ranking
    told = report(Snapshot("sh", "now", 1.0, network_monitor, ranking, tuple(LINES.values())))
    row = told.paths[0]
    assert (row.rank, row.state, row.reason) == (None, "down", "not connected yet")
    assert (row.round_trip, row.deviation, row.late, row.cost, row.age) == (None, None, None, None, None)
    assert {line.state for line in told.lines} == {"unknown"}
    assert node_state("us1", network_monitor) == "down"


def test_why_adds_up() -> None:
    running = Running()
    running.chooser.connect_times.used("www.example.com", 443, 4.0)
    demand = Demand("www.example.com", 443, "10.0.0.1")
    running.chooser.connected(demand, "us1", 0.004, 4.0)
    choice = running.chooser.decide(demand, 4.0)
    assert choice is not None
    running.chooser.opened(choice, 4.0)
    told = explain(running.chooser, Demand("www.example.com", 443), 6.0)
    assert (told.target, told.site, told.paths, told.exit) == ("www.example.com:443", "example.com", ["ix1/j1u"], "us1")
    assert told.reason == "best for this site (best)"
    first, second = told.candidates
    assert [(term.name, term.source) for term in first.terms] == [
        ("round trip", "measured"),
        ("2 x deviation", "measured"),
        ("late", "measured"),
        ("exit to target", "used"),
    ]
    for candidate in told.candidates:
        assert candidate.cost == pytest.approx(sum(term.value for term in candidate.terms))
    assert second.cost - first.cost == pytest.approx(0.02, abs=0.001)
    assert (
        told.would_switch[0] == "ix2/j2u takes over when it is 3.0 ms cheaper for 3 s on end (now it is 20.0 ms dearer)"
    )
    assert told.would_switch[1] == "at once when ix1/j1u stalls or dies: to ix2/j2u"
    assert (told.margin, told.kept, told.answers_early) == (pytest.approx(0.003), {"us1": 1}, True)


def test_why_counts_down_to_a_switch_and_remembers_it() -> None:
    running = Running()
    running.answer("ix2/j2u", 0.11, -55.0, 120)  # long enough for the change itself to be forgotten
    for now in (6.0, 7.5, 9.5, 10.0):
        running.rank(now)
        if now == 7.5:
            said = explain(running.chooser, Demand("::1", 22), now)
            assert said.would_switch[0] == "ix2/j2u is 20.0 ms cheaper for 1.5 s: it takes over after 3 s"
            assert (said.target, said.answers_early) == ("[::1]:22", False)
    (switch,) = explain(running.chooser, Demand("example.com", 443), 12.0).switches
    assert (switch.age, switch.old, switch.new) == (2.5, "ix1/j1u", "ix2/j2u")


def test_why_asks_without_leaving_a_trace() -> None:
    running = Running()
    explain(running.chooser, Demand("example.com", 443), 5.0)
    assert len(running.chooser.affinity) == 0
    assert [entry.given for entry in running.chooser.ranking.order] == [0, 0]


def test_why_with_no_path_says_so() -> None:
    told = explain(Chooser(["us1"]), Demand("example.com", 443), 0.0)
    assert (told.paths, told.exit, told.reason, told.candidates) == ([], None, NO_PATH, [])


@pytest.mark.parametrize("answer", [Running().report(5.0), explain(Running().chooser, Demand("example.com", 443), 5.0)])
def test_answers_are_json(answer: Report | Why) -> None:
    plain = to_json(answer)
    assert json.loads(json.dumps(plain)) == plain
    assert plain["version"] == 1


def test_every_field_is_documented() -> None:
    text = (FilePath(__file__).parents[3] / "docs" / "paths-json.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    classes = [value for value in vars(reports).values() if isinstance(value, type) and attrs.has(value)]
    fields = {field.name for one in classes for field in attrs.fields(one)}
    assert fields - documented == set()
    assert documented - fields == {"done", "error"}
