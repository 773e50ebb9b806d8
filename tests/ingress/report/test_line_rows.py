"""Rows of lines, and the states of lines and nodes."""

import attrs
import pytest

from ingress.measure.blame import Blame
from ingress.measure.states import line_state, node_state
from ingress.report.rows import CarriesRow
from tests.ingress.measure.test_directions import tell
from tests.ingress.report.running import LINES, Running


def test_lines_are_told_with_their_own_piece_and_what_pings_cost() -> None:
    told = Running().report(5.0)
    lines = {row.line: row for row in told.lines}
    assert list(lines) == ["ix1", "ix2", "j1u", "j2u"]  # no path of this ingress walks `back`
    assert (lines["ix1"].dial_time, lines["ix1"].dial_error, lines["ix1"].dial_age) == (0.031, None, 7.0)
    assert lines["ix1"].provider == "seller"
    assert lines["j1u"].round_trip == pytest.approx(0.1)
    assert (lines["j1u"].streams, lines["j1u"].bytes_down, lines["j2u"].streams) == (1, 1000, 0)
    assert lines["ix1"].probe_bytes_per_day == pytest.approx(2 * lines["j1u"].probe_bytes_per_day, rel=1e-6)
    assert {row.state for row in told.lines} == {"up"}
    assert told.totals.probe_bytes_per_day == sum(row.probe_bytes_per_day for row in told.lines)
    assert (told.totals.streams, told.totals.lost, told.blame) == (1, {"exit-lost": 1}, [])


def test_a_backup_is_told_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LINES, "j2u", attrs.evolve(LINES["j2u"], backup=True))
    assert [row.line for row in Running().report(5.0).lines if row.backup] == ["j2u"]


def test_a_line_that_tcp_knows_to_lose_is_poor_and_shows_in_which_direction() -> None:
    running = Running()
    tell(running.network_monitor.directions, {("j1u", "us1"): 0.01, ("j1u", "jp1"): 0.0, ("ix1", "sh"): 0.001})
    told = running.report(5.0)
    lines = {row.line: row for row in told.lines}
    assert {name: row.state for name, row in lines.items()} == {"ix1": "up", "ix2": "up", "j1u": "poor", "j2u": "up"}
    there, back = lines["j1u"].directions
    assert (there.start, there.end, there.loss, there.policed, there.told) == ("jp1", "us1", 0.0, None, True)
    assert (back.start, back.end, back.loss, back.segments) == ("us1", "jp1", pytest.approx(0.01), 20_000)
    assert back.rate == pytest.approx(20_000 * 1400 / 100)
    assert 0.005 < back.loss_least < back.loss < back.loss_most < 0.015
    assert [row.told for row in lines["ix1"].directions] == [False] and lines["j2u"].directions == []
    (sentence,) = told.blame
    assert sentence.startswith("line j1u loses 1.00% of what us1 sends to jp1 (")


def test_what_a_line_carries_is_told_by_direction() -> None:
    lines = {row.line: row.carries for row in Running().report(5.0).lines}
    assert lines["ix1"] == [
        CarriesRow("jp1", "sh", least=pytest.approx(2.5e6, rel=1e-4), most=3e6, now=1e6, age=5.0, seen_in="stream")
    ]
    assert lines["j1u"] == [CarriesRow("jp1", "us1", least=0.0, most=1e6, now=0.0, age=None, seen_in=None)]
    assert lines["ix2"] == []


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


def test_a_line_is_up_or_as_it_was_blamed_or_unknown() -> None:
    running = Running()
    for name in ("ix1", "ix1/j1u", "ix2/j2u"):
        running.network_monitor.monitors[name].lost("reset", 5.0)
    blames = [Blame("one of two", lines=("j1u", "j2u"), is_sure=False), Blame("for certain", lines=("ix1",))]
    states = {
        line: line_state(line, running.network_monitor, blames, {}) for line in ("ix1", "ix2", "j1u", "j2u", "back")
    }
    assert states == {"ix1": "broken", "ix2": "up", "j1u": "suspect", "j2u": "suspect", "back": "unknown"}


def test_a_node_is_as_well_as_the_best_that_leads_to_it() -> None:
    running = Running()
    monitors = running.network_monitor.monitors
    assert [node_state(node, running.network_monitor) for node in ("us1", "jp1", "nowhere")] == ["up", "up", "unused"]
    monitors["ix1/j1u"].lost("reset", 5.0)
    assert node_state("us1", running.network_monitor) == "up"
    monitors["ix2/j2u"].lost("reset", 5.0)
    assert node_state("us1", running.network_monitor) == "down"
