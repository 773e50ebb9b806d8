"""What gauges say about each other: composed costs, silent beginnings, own load, room on lines."""

import pytest

from ingress.measure.figures import PathFigures, Source
from ingress.measure.health import Refusal, State
from ingress.measure.monitor import Due
from ingress.measure.network_monitor import Survey, room
from ingress.measure.schedule import FAR, RIDING
from ingress.measure.traffic import Tally
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import find_paths, find_prefixes

HERE = Address("x", 1)
NODES = {name: Node(name, HERE, (HERE,), exit=name.startswith("us")) for name in ("jp1", "jp2", "us1")}
LINES = {
    "ix1": Line("ix1", "sh", "jp1", HERE),
    "ix2": Line("ix2", "sh", "jp2", HERE),
    "j1u": Line("j1u", "jp1", "us1", HERE, rate=1000.0),
    "j2u": Line("j2u", "jp2", "us1", HERE),
}
FOUND = find_paths(Network(("sh",), NODES, LINES), "sh")
PREFIXES = find_prefixes(FOUND)


def measured(**trips: float) -> Survey:
    """A survey in which every walk answered ten pings; *trips* are those of the walks, `__` for the slash."""
    survey = Survey(FOUND.used, PREFIXES, 0.0)
    for name, gauge in survey.gauges.items():
        gauge.connected(0.0)
        answer(survey, name, trips.get(name.replace("/", "__"), 0.1), 0.0, 10)
    return survey


def answer(survey: Survey, name: str, trip: float, start: float, count: int = 1) -> None:
    gauge = survey.gauges[name]
    for step in range(count):
        number = gauge.ping(start + step / 2, 0.0)
        gauge.answered(number, start + step / 2 + trip)


def figures(survey: Survey, now: float, **tallies: Tally) -> dict[str, PathFigures]:
    named = {name.replace("__", "/"): tally for name, tally in tallies.items()}
    return {one.name: one for one in survey.figures(named, now)}


def test_a_path_that_is_often_asked_counts_as_measured() -> None:
    found = figures(measured(ix1__j1u=0.13), 5.0)["ix1/j1u"]
    assert (found.state, found.round_trip, found.source) == (State.UP, pytest.approx(0.13), Source.MEASURED)


def test_a_path_that_is_seldom_asked_is_composed_of_what_its_lines_cost_now() -> None:
    nodes = {**NODES, "us2": Node("us2", HERE, (HERE,), exit=True)}
    network = Network(("sh",), nodes, {**LINES, "uu": Line("uu", "us1", "us2", HERE)})
    found = find_paths(network, "sh")
    survey = Survey(found.used, find_prefixes(found), 0.0)
    for name, gauge in survey.gauges.items():
        gauge.connected(0.0)
        answer(survey, name, {1: 0.03, 2: 0.13, 3: 0.132}[len(gauge.path.hops)], 0.0, 10)
    survey.gauges["ix1/j1u/uu"].every(FAR, 5.0)
    assert figures(survey, 5.0)["ix1/j1u/uu"].source is Source.MEASURED
    for name, trip in {"ix1": 0.08, "ix1/j1u": 0.18, "ix2": 0.03, "ix2/j2u": 0.13, "ix2/j2u/uu": 0.132}.items():
        answer(survey, name, trip, 9.0, 5)
    composed = figures(survey, 12.0)["ix1/j1u/uu"]
    assert (composed.round_trip, composed.source) == (pytest.approx(0.182), Source.ASSUMED)


def test_a_path_of_which_nothing_is_known_is_down_and_guessed() -> None:
    survey = Survey(FOUND.used, PREFIXES, 0.0)
    assert figures(survey, 0.0)["ix1/j1u"].source is Source.ASSUMED
    assert figures(survey, 0.0)["ix1/j1u"].state is State.DOWN


def test_a_silent_beginning_makes_a_path_silent_that_answered_nothing_since() -> None:
    survey = measured()
    survey.gauges["ix1"].ping(5.0, 0.0)
    survey.gauges["ix1"].tick(7.0)
    found = figures(survey, 7.0)
    assert (found["ix1/j1u"].state, found["ix1/j1u"].reason) == (State.STALLED, "its beginning ix1 is silent")
    assert found["ix1/j1u"].suspects == {"ix1", "j1u"}
    assert found["ix2/j2u"].state is State.UP
    answer(survey, "ix1/j1u", 0.1, 6.0)
    assert figures(survey, 7.0)["ix1/j1u"].state is State.UP


def test_a_stalled_path_suspects_what_lies_behind_the_beginning_that_answers() -> None:
    survey = measured()
    survey.gauges["ix1/j1u"].ping(5.0, 0.0)
    answer(survey, "ix1", 0.03, 5.5)
    survey.gauges["ix1/j1u"].tick(7.0)
    found = figures(survey, 7.0)["ix1/j1u"]
    assert (found.state, found.suspects, found.silent_since) == (State.STALLED, {"j1u"}, 5.0)
    assert [blame.lines for blame in survey.blame(frozenset({"us1"}))] == [("j1u",)]


def test_bulk_excuses_every_walk_over_its_lines() -> None:
    survey, tally = measured(), Tally(0.0)
    tally.streams = tally.bulk = 1
    found = figures(survey, 5.0, ix1__j1u=tally)
    assert (found["ix1/j1u"].streams, found["ix1/j1u"].thin) == (1, 0)
    assert {name for name, gauge in survey.gauges.items() if gauge.meter.is_loaded(5.0)} == {"ix1", "ix1/j1u"}


def test_room_is_what_the_rates_leave() -> None:
    path = next(path for path in FOUND.used if path.name == "ix1/j1u")
    assert room(path, {}) == (1000.0, False)
    assert room(path, {"j1u": 850.0}) == (150.0, True)
    assert room(path, {"j1u": 2000.0}) == (0.0, True)
    assert room(next(path for path in FOUND.used if path.name == "ix2/j2u"), {"ix2": 9.0}) == (None, False)


def test_refused_set_ups_show_their_cause_and_accuse_no_line() -> None:
    survey = measured()
    survey.gauges["ix1/j1u"].lost("reset", 5.0)
    survey.gauges["ix1/j1u"].refused(Refusal.STALE_CONFIG, "us1 has another file", 6.0)
    found = figures(survey, 7.0)["ix1/j1u"]
    assert (found.state, found.word, found.reason) == (State.DOWN, "stale config", "us1 has another file")
    assert survey.blame(frozenset({"us1"})) == ()


def test_a_new_plan_keeps_the_history_of_what_did_not_change() -> None:
    survey = measured()
    kept = survey.gauges["ix2/j2u"]
    lines = {**LINES, "j1u": Line("j1u", "jp1", "us1", Address("elsewhere", 2))}
    found = find_paths(Network(("sh",), NODES, lines), "sh")
    new, gone = survey.replan(found.used, find_prefixes(found), 9.0)
    assert (new, gone) == (["ix1/j1u"], ["ix1/j1u"])
    assert survey.gauges["ix2/j2u"] is kept
    assert survey.gauges["ix1/j1u"].health.state is State.DOWN


def test_the_schedule_asks_where_streams_ride_most_often() -> None:
    survey, tally = measured(), Tally(0.0)
    tally.streams, tally.spoke_at = 1, 4.0
    survey.schedule(FOUND.used, {"ix1/j1u": tally}, 5.0)
    assert {name: gauge.interval for name, gauge in survey.gauges.items()} == {
        "ix1/j1u": 0.25,
        "ix2/j2u": 0.5,
        "ix1": 0.5,
        "ix2": 0.5,
    }


def test_idle_streams_cost_nothing_and_who_speaks_is_watched_at_once() -> None:
    survey, tally = measured(), Tally(0.0)
    tally.streams = 20_000
    order = [path for path in FOUND.used if path.name != "ix1/j1u"]
    idle = survey.gauges["ix1/j1u"]
    survey.schedule(order, {"ix1/j1u": tally}, 60.0)
    idle.interval = FAR
    idle.ping(60.0, 0.0)
    survey.schedule(FOUND.used, {"ix2/j2u": tally}, 61.0)
    before = {name: gauge.interval for name, gauge in survey.gauges.items()}
    survey.schedule(FOUND.used, {}, 61.0)
    assert before == {name: gauge.interval for name, gauge in survey.gauges.items()}
    tally.spoke_at = 61.9
    survey.schedule(FOUND.used, {"ix1/j1u": tally}, 62.0)
    assert idle.interval == RIDING
    assert Due.PING in idle.tick(62.0)


def test_a_tally_measures_speed_and_remembers_the_worst() -> None:
    tally = Tally(0.0)
    for second in range(1, 12):
        tally.bytes_down += 1000
        tally.round(float(second))
    tally.round(11.0)
    assert tally.speed == pytest.approx(1000, rel=0.01)
    tally.paused(0.3)
    tally.paused(0.1)
    tally.ended("exit-lost")
    assert (tally.longest_pause, tally.lost) == (0.3, {"exit-lost": 1})
